/* SPDX-License-Identifier: BSD-2-Clause
 *
 * export.h - a list written in another format: what a segment holds, said in the words of hosts files, RPZ zones and so on, so that
 * reading it again (import.h) gives the same entries. What a format has no words for is left out, counted by reason and sampled;
 * nothing is widened or narrowed to fit. An entry that is lifted, in its list or beside it, or has expired goes into YAML only.
 * Tools only. */
#ifndef SARING_COMPILE_EXPORT_H
#define SARING_COMPILE_EXPORT_H

#include "base/err.h"
#include "import/segment.h"
#include "list/lifts.h"
#include "settings/settings.h"

#include <stdio.h>

enum export_reason {
	EXPORT_MATCH,	  /* "match": the format can't say exact, or the subtree, or one address */
	EXPORT_PATTERN,	  /* "pattern": a pattern or a regular expression; in YAML, those beyond LIST_REGEX_MAX */
	EXPORT_ALLOW,	  /* "allow": an allow rule of a block list */
	EXPORT_CONDITION, /* "condition": only for some types, clients or names */
	EXPORT_ANSWER,	  /* "answer": an answer of its own, or records */
	EXPORT_IMPORTANT, /* "important" */
	EXPORT_ENDED,	  /* "not-in-force": lifted or expired */
	EXPORT_REASON_COUNT,
};
extern const char *const export_words[];

struct export_result {
	uint64_t written; /* entries */
	struct report_count left[EXPORT_REASON_COUNT];
};
uint64_t export_left(const struct export_result *r);
/* One more was left out. The first REPORT_SAMPLES of a reason are kept, escaped. */
void export_leave(struct export_result *r, enum export_reason why, uint32_t line, const char *text);

/* settings: of the list, for what its entries don't say themselves. lifts: made beside lists; NULL: none. now_s: what counts as
 * expired. format is not FORMAT_AUTO. False when out cannot be written. */
MUST_CHECK bool export_list(const struct segment *segment, const struct settings_list *settings, const struct lifts *lifts,
			    enum format format, int64_t now_s, FILE *out, struct export_result *ret, struct err *err);

#endif
