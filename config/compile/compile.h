/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile.h - the write half of the policy: settings and segments -> image bytes. saring-compile and tests only (house law 1).
 * Deterministic: the same input gives the same bytes (but for generation and time, which are arguments and stand in the header). */
#ifndef SARING_COMPILE_COMPILE_H
#define SARING_COMPILE_COMPILE_H

#include "base/buf.h"
#include "base/err.h"
#include "import/source.h"
#include "policy/image.h"
#include "settings/settings.h"

/* Which tier a list belongs to: live for the YAML lists people edit, unless they are big; bulk for the rest. */
#define COMPILE_LIVE_BYTES_MAX (1024 * 1024)
enum image_tier compile_tier(const struct settings_list *settings, const struct source *source);

struct lifts; /* list/lifts.h */

struct compile_input {
	const struct settings *settings;
	const struct source
	    *sources; /* one for each of settings->lists; segment NULL for one in mode off, or not to be looked at */
	enum image_tier tier;
	uint8_t settings_hash[16]; /* live: of saring.yaml's bytes */
	uint8_t bulk_hash[16];	   /* live: the bulk image's body hash, zeroes for none */
	uint32_t generation;	   /* 0 for bulk */
	int64_t now_s; /* for the header; 0: the file's own time is when it was compiled, and equal input gives equal files */
	const struct lifts *lifts; /* live: NULL for none */
	bool faults_only;	   /* no image is wanted, but what would keep one from being made: ret gets nothing */
};
/* Appends the image of that tier's lists to ret. False and errors (a regular expression that pcre2 refuses, with its place)
 * otherwise. A tier without lists is a valid, small image. */
MUST_CHECK bool policy_compile(const struct compile_input *input, struct buf *ret, struct err_list *errors);

/* Would compiling the bulk tier give what this image holds? Compares each list of the tier: name, order, identity or content key,
 * and what settings say of it; and block's addresses and ttl. Reads the header and LISTS of the image at path only. known (may be
 * NULL) is then filled for every list of settings: the segment keys it records for unchanged identities (has_known[i]). */
struct compile_known {
	bool known;
	uint8_t key[16];
	bool had; /* a list of these settings stood in it, made of this: */
	uint8_t before[16];
};
MUST_CHECK bool compile_is_current(const char *path, const struct settings *settings, enum image_tier tier,
				   struct compile_known *known);

/* An entry's match: its own word, else saring.yaml's for the list, else what the format means. */
enum match compile_entry_match(const struct segment *segment, const struct segment_class *class,
			       const struct settings_list *settings);
/* An entry's rank among all. */
enum rank compile_entry_rank(const struct segment *segment, const struct segment_class *class,
			     const struct settings_list *settings);
/* A list's action: saring.yaml's word, else the file's, else block. */
enum action compile_list_action(const struct segment *segment, const struct settings_list *settings);

/* What `check` warns of. */
enum warning_kind {
	WARNING_DUPLICATE,
	WARNING_COVERED,
	WARNING_EXPIRED,
	WARNING_PAST_REVIEW,
	WARNING_OVER_BROAD,
	WARNING_PROTECTED,     /* it would block what block.protect keeps, or a list's own host */
	WARNING_CONTRADICTION, /* allowed and blocked by the same name */
	WARNING_LEFT_OUT,      /* the reader of an imported list left lines out: one for each list and reason */
	WARNING_UNREACHABLE,   /* of saring.yaml: no client that may ask is in a group; a CNAME leads in a circle */
};
extern const char *const warning_words[]; /* "duplicate", "covered", "expired", "past-review", "over-broad", "protected",
					     "contradiction", "left-out", "unreachable" */
struct policy_warning {
	enum warning_kind kind;
	const char *file; /* shown name; borrowed from the settings */
	uint32_t line, column;
	char text[512];
};
/* Of lists in mode off, and of entries that are lifted, nothing. A fault of a whole file (it has expired) is said once, at its
 * line 1. Of imported lists duplicates, covered entries and contradictions are kept as the first POLICY_WARNINGS_EACH of each list
 * and kind, with the count of all in the last one's text. ret: an array owned by the caller (free), NULL for none. Sorted by list,
 * then line; those of saring.yaml come last. At most POLICY_WARNINGS_MAX. */
#define POLICY_WARNINGS_MAX 20000
#define POLICY_WARNINGS_EACH 20
size_t policy_check(const struct settings *settings, const struct source *sources, int64_t now_s, struct policy_warning **ret);

#endif
