/* SPDX-License-Identifier: BSD-2-Clause
 *
 * work.h - what saring-compile does: settings, then each list's segment, then the image of each tier, then the files. */
#ifndef SARING_COMPILE_WORK_H
#define SARING_COMPILE_WORK_H

#include "base/err.h"
#include "import/segment_diff.h"
#include "import/source.h"
#include "settings/settings.h"

#define FD_NONE (-1)

struct options {
	const char *config, *output, *previous; /* previous: the live image in force, or NULL */
	uint32_t generation;
	bool has_generation, check;
	bool rehearse; /* nothing is remembered of what was signed: what is compiled is not to be in force */
	int config_fd, summary_fd;
	const char *probe; /* a file that may be a list; NULL: none */
	enum format format;
	bool has_format, may_allow;
	/* of a probe: the key that is to have signed it, the signature's file, the state directory and the list's name there */
	const char *key, *signature, *state, *list;
};

enum bulk { BULK_NONE, BULK_KEPT, BULK_COMPILED };

/* A list that is not what it was in the image before. */
struct work_change {
	char *list; /* owned */
	uint8_t before[16], after[16];
	struct segment_diff diff;
};

/* What was done, for the summary. */
struct work {
	struct err_list errors; /* err_list_finish */
	size_t lists, entries, bytes;
	size_t segments_kept, segments_made;
	enum bulk bulk;
	struct work_change *changes; /* owned; of lists whose segment of before was still there */
	size_t change_count, entries_compared;
	unsigned landlock; /* ABI that it was fenced in by; 0: none */
	bool seccomp;
};
void work_finish(struct work *work);

/* Compile and write, or with options->check find what would be in the way. False, and ret->errors say why. work_finish it in both
 * cases. */
MUST_CHECK bool work_run(const struct options *options, struct work *ret);

/* Print what stands in options->probe as JSON on stdout: the reader's report, or {"refused": "why"}; with "signed":
 * false where it is the signature that is not good. Returns the exit status. */
MUST_CHECK int probe_run(const struct options *options);

/* {"ok": true, ...} or {"ok": false, "errors": [...]} to options->summary_fd. */
MUST_CHECK bool summary_write(const struct options *options, const struct work *work, bool ok, int64_t took_ns);

#endif
