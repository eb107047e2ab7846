/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.h - what the daemon knows as JSON documents: their keys are a promise to users (saringctl(1), --json). Pure: everything
 * comes in as arguments, nothing is kept. Main thread. All returned values are new references. */
#ifndef SARING_ADMIN_REPORT_H
#define SARING_ADMIN_REPORT_H

#include "base/addr.h"
#include "base/base.h"
#include "cache/cache.h"
#include "cache/failures.h"
#include "generation.h"
#include "observe/counters.h"
#include "policy/match.h"
#include "rebuild/queue.h"
#include "settings/schedule.h"
#include "upstream/pool.h"
#include "wire/name.h"

#include <jansson.h>

#define REPORT_LIFTED_MAX 1000 /* names told of those that are lifted in a list that still holds them */

struct report_source {
	const struct generation *generation;
	const struct generations *generations; /* for the numbers of lists */
	struct cache *cache;
	const struct failures *failures; /* may be NULL */
	const struct counters *const *counters;
	size_t worker_count;
	const char *const *listen;
	size_t listen_count;
	int64_t uptime_ms;
	double compile_seconds;
	const char *bulk; /* how the bulk tier came to be */
	int64_t now_s;
};

MUST_CHECK json_t *report_status(const struct report_source *source);
MUST_CHECK json_t *report_lists(const struct report_source *source);
/* The list of that name in the image, which keeps the order of saring.yaml but leaves lists in mode off out: looking on from the
 * last place, *at, which is 0 at first, finds each in one step. *at is the place after it then. */
MUST_CHECK bool report_find_list(const struct generation *g, size_t image_lists, struct str name, int64_t now_s, size_t *at,
				 struct policy_list *ret);
MUST_CHECK json_t *report_cache(const struct report_source *source);
MUST_CHECK json_t *report_upstreams(const struct upstreams *upstreams);
MUST_CHECK json_t *report_rebuild(const struct rebuild_report *report);

/* What a question is explained by. */
struct explain_source {
	const struct generation *generation;
	struct policy_scratch *scratch;
	struct cache *cache;
	struct failures *failures; /* may be NULL */
};
struct explain_question {
	struct name name; /* folded */
	uint16_t type;
	bool has_client;
	struct addr client;
	int64_t at_s; /* wall clock: the moment asked about */
	/* explain_find_group's */
	uint16_t group;
	struct group_now now;
	const struct pause *paused; /* what leaves only mandatory lists for this question; NULL: nothing. The world's */
};
/* Whose lists act and what is paused, in that world at that moment: to be called when all else of the question is set. */
void explain_find_group(const struct generation *generation, struct explain_question *question);
/* What would be answered, every entry that matches, with its provenance, how the answer comes about, and its bytes. */
MUST_CHECK json_t *report_explain(const struct explain_source *source, const struct explain_question *question);

struct outlets;
MUST_CHECK json_t *report_query_log(struct outlets *outlets);
MUST_CHECK json_t *report_dnstap(struct outlets *outlets);

struct observer;
/* The entries that have acted, of the list of that name or (ptr NULL) of all, the most often hit first; and since when, and with
 * what reservations, they were counted. */
MUST_CHECK json_t *report_hits(struct observer *observer, struct str list);
/* Puts "hits" and "last_hit" into the rule of what report_explain says to that question. */
void report_hits_annotate(struct observer *observer, const struct explain_source *source, const struct explain_question *question,
			  json_t *explained);
/* What the last day looked like: at most `top` of its names, and the sketch of all others. */
MUST_CHECK json_t *report_traffic(struct observer *observer, size_t top, int64_t now_s);
/* How many clients asked any of these names (which are put into another order), as far as they are among those of report_traffic.
 * Numbers are all that is told of clients: not even a pseudonym, by which what one of them asked could be put together. */
MUST_CHECK json_t *report_traffic_clients(struct observer *observer, struct name *names, size_t count, int64_t now_s);

#endif
