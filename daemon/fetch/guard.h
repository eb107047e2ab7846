/* SPDX-License-Identifier: BSD-2-Clause
 *
 * guard.h - the judgement of fetches: is what came to be taken, and when is the next due? Pure: numbers in, numbers out. */
#ifndef SARING_FETCH_GUARD_H
#define SARING_FETCH_GUARD_H

#include "base/base.h"
#include "base/str.h"

#define FETCH_PARSE_PERCENT_MIN 10 /* of what claims to be an entry; less is no list */
#define FETCH_RETRY_FIRST_S 60
#define FETCH_JITTER_PERCENT 10 /* to both sides, so that a thousand saringds don't ask in the same second */

/* What saring-compile found in a file. */
struct fetch_counts {
	bool refused;	/* it is no list at all */
	bool unsigned_; /* refused for its signature, whatever it is */
	char why[256];
	char format[16];
	uint64_t taken;
	uint64_t left; /* left out for whatever reason */
	uint64_t bad;  /* of them, what is no entry of any list; the others are entries that are not for a DNS server */
};
/* Read the report that saring-compile --probe prints. */
MUST_CHECK bool fetch_counts_parse(struct str json, struct fetch_counts *ret);

struct fetch_rules {
	unsigned max_change_percent; /* 0: any change is taken */
	bool compare;		     /* there is an old copy, of the same url and format */
	uint64_t old_taken;
	bool force; /* the operator has seen it, and wants it; what is no list is not taken nevertheless */
};
#define FETCH_WHY_MAX 512
/* Is it to be taken? If not, why gets a sentence. */
MUST_CHECK bool fetch_judge(const struct fetch_counts *counts, const struct fetch_rules *rules, char why[FETCH_WHY_MAX]);

/* Seconds to the next fetch: after a good one; and after `failures` bad ones in a row (from 1): a minute, then twice as long each
 * time, never more than refresh_s. random: any number. */
int64_t fetch_refresh_s(int64_t refresh_s, uint32_t random);
int64_t fetch_retry_s(unsigned failures, int64_t refresh_s, uint32_t random);
/* Has the time come? Also when the clock was set back so far that next_s lies further away than any fetch can. */
bool fetch_is_due(int64_t next_s, int64_t now_s, int64_t refresh_s);

#endif
