/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_part.h - small parts of the documents of report.h. For daemon/admin only. Main thread. Values are new references, put into
 * an object they are taken. */
#ifndef SARING_ADMIN_REPORT_PART_H
#define SARING_ADMIN_REPORT_PART_H

#include "admin/report.h"
#include "base/str.h"
#include "policy/explain.h"

void report_put(json_t *object, const char *key, json_t *value);
void report_put_str(json_t *object, const char *key, struct str text); /* ptr NULL gives null */
void report_put_word(json_t *object, const char *key, const char *word);
void report_put_name(json_t *object, const char *key, const struct name *name);
void report_put_time(json_t *object, const char *key, int64_t time_s);
void report_add(json_t *array, json_t *value);

const char *report_verdict_word(enum verdict_kind kind);
/* An entry with all that is known of it. */
MUST_CHECK json_t *report_rule(const struct policy_entry *e);
/* The entries that matched, `total` of them, of which the first are in hits: "rule" is the decider or null, "also" the others, each
 * with "why_not", "also_omitted" how many have no room. */
void report_put_entries(json_t *object, const struct policy_hit *hits, size_t total);
/* The same where another entry decides: rule is taken, and the decider among them is one more that does not, told why. */
void report_put_overruled(json_t *object, json_t *rule, const char *why_not, const struct policy_hit *hits, size_t total);

/* Groups of clients (report_group.c). The lists that act for who asks, as struct policy_question has them. */
const struct list_mask *explain_lists(const struct explain_question *q);
/* Those that act on a name its answer leads to (folded), which may be let through for itself; in *room, or NULL: all. */
const struct list_mask *explain_lists_of_target(const struct generation *g, const struct explain_question *q,
						const struct name *target, struct list_mask *room);
/* Entries that are passed over for the group's sake: is it its schedule, or a pause? */
void report_group_reasons(const struct generation *g, const struct explain_question *q, struct policy_hit *hits, size_t count);
/* The engines whose search is safe for who asks. */
uint32_t report_safe_search(const struct generation *g, const struct explain_question *q);
void report_put_group(json_t *object, const struct generation *g, const struct explain_question *q);
/* "paused": the pause by which something is passed over for this question, of which these are the entries. */
void report_put_paused(json_t *object, const struct generation *g, const struct explain_question *q, const struct policy_hit *hits,
		       size_t count);
/* Every group, with what acts for it at now_s. */
MUST_CHECK json_t *report_groups(const struct generation *g, int64_t now_s);

/* The question gone through, for what stands beside the verdict: what it would come to, how the answer comes about, and its bytes
 * (report_trace.c). What it is made of is borrowed until it is gone; verdict: of the name asked. Never NULL. */
struct report_trace;
struct report_trace *report_trace_create(const struct explain_source *source, const struct explain_question *q,
					 const struct verdict *verdict);
void report_trace_destroy(struct report_trace *t);
/* Is the name, which no entry of its own blocks, blocked by an entry for something that its answer leads to? Then "verdict",
 * "answer", "ttl", "by" and "by_target" are put, and *ret_rule, a new reference, is the entry. */
MUST_CHECK bool report_trace_put_block(struct report_trace *t, json_t *object, json_t **ret_rule);
void report_trace_put(struct report_trace *t, json_t *object);

#endif
