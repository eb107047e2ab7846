/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signed_list.h - is a signed list to be taken? Judged over the very bytes that are parsed afterwards, by the process that parses
 * them: nothing lies between the look and the use. And its last good text, which is taken in place of one that is refused.
 * settings/signed.h says what is remembered, and where. Tools only. */
#ifndef SARING_IMPORT_SIGNED_LIST_H
#define SARING_IMPORT_SIGNED_LIST_H

#include "base/buf.h"
#include "import/signature.h"
#include "settings/signed.h"

struct signed_question {
	const struct minisign_key *key;
	const char *key_text;
	const char *signature, *shown;	    /* its file, and what messages call it */
	const struct signed_record *record; /* what was accepted before */
};
struct signed_verdict {
	uint64_t serial;
	uint8_t hash[SIGNED_HASH_SIZE];
	struct buf signature; /* the file's bytes; owned by the caller (buf_finish) */
};

/* A good signature by that key, and no older than what was accepted before: the same serial is good for the same text alone. err
 * has the place; without one the signature could not be read at all. */
MUST_CHECK bool signed_judge(const struct signed_question *question, struct str text, struct signed_verdict *ret, struct err *err);

/* Make the directory, where it is missing yet. */
MUST_CHECK bool signed_make_room(const char *state, struct err *err);
/* Keep the text and its signature as the last good. Nothing refers to them until the record is saved; what is there already is left
 * as it is. */
MUST_CHECK bool signed_keep(const char *state, const char *list, struct str text, const struct signed_verdict *verdict,
			    struct err *err);
/* The text that the record names as last good, when it is still what the key signed. Appended to ret. */
MUST_CHECK bool signed_last_good(const struct settings *settings, const struct settings_list *list,
				 const struct signed_record *record, size_t limit, struct buf *ret);
/* Remove the texts that no list's record names. Records stay: a list that comes back is still not to be put back in time. */
void signed_sweep(const struct settings *settings);

#endif
