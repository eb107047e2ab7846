/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run.h - a compile under way: what work.c makes and ends, and lists.c fills with the lists. Not for others. One thread. */
#ifndef SARING_COMPILE_RUN_H
#define SARING_COMPILE_RUN_H

#include <string.h>

#include "base/buf.h"
#include "compile/compile.h"
#include "import/source.h"
#include "saring-compile/files.h"
#include "saring-compile/work.h"

/* Arrays have an item for each of settings' lists. */
struct run {
	const struct options *o;
	struct work *work;
	struct settings *settings;
	uint8_t settings_hash[16];
	struct source *sources;
	struct buf *refusals;		   /* of each list with a key: why what is there is not taken */
	struct source_identity *looked_at; /* of each list's file, before the images were asked what they know of it */
	struct compile_known *known_live, *known_bulk;
	struct buf segments;	  /* the directory's path; empty: nothing is kept */
	struct files_header bulk; /* of the bulk image in force or to come; zeroes: none */
	struct buf new_bulk;	  /* path of a bulk image that this run wrote; empty: none */
	struct lifts *lifts;	  /* owned; NULL: none, or errors say why */
};

/* Of a hash or key: zeroes stand for none. */
static inline bool run_is_none(const uint8_t hash[16])
{
	static const uint8_t zeroes[16];
	return memcmp(hash, zeroes, sizeof(zeroes)) == 0;
}

#endif
