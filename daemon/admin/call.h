/* SPDX-License-Identifier: BSD-2-Clause
 *
 * call.h - a request under way, as the handlers of commands.c's table see it: what it says, and the reply to it. For commands.c and
 * the handlers that have a file of their own. Main thread. */
#ifndef SARING_ADMIN_CALL_H
#define SARING_ADMIN_CALL_H

#include "admin/commands.h"
#include "audit/audit.h"
#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"

struct name;
struct policy_scratch;

struct commands {
	struct commands_config config;
	struct policy_scratch *scratch;
};

/* One request under way. */
struct call {
	struct commands *commands;
	const char *verb; /* of the table */
	struct audit_who who;
	json_t *change;	    /* what was said of it; borrowed, and owned by a call that outlives its request. NULL: nothing */
	int64_t arrived_ns; /* CLOCK_MONOTONIC */
	const struct command_streams *streams; /* may be NULL */
	command_reply *reply;
	void *arg;
};
/* The reply: one of the two, once. result is taken. */
void call_fail(const struct call *call, const struct err *err, const struct err_list *errors);
void call_ok(const struct call *call, json_t *result);
struct audit_said call_said(const struct call *call);
/* A call that goes on after its handler has returned: call_free it. */
struct call *call_keep(const struct call *call);
void call_free(struct call *call);

/* Absent and null are NULL. Borrowed from args. */
bool arg_text(json_t *args, const char *key, struct str *ret, struct err *err);
/* A number from 0 to max; 0 when absent. */
bool arg_number(json_t *args, const char *key, int64_t max, int64_t *ret, struct err *err);
bool arg_name(struct str text, struct name *ret, struct err *err); /* a domain name, as text */

/* audit_verb.c's handler. {"records": [...], "seq": of the last record there is, "next": {"file", "end"} | null}: records are the
 * newest that match, oldest first. With next there may be older ones that were not looked at: a request looks at
 * CALL_AUDIT_SCAN_MAX bytes, as the main thread stands still meanwhile; ask again with "from": next. "wait" ends when there is a
 * record beyond "after", whether it matches or not; ask again with "after": seq. */
#define CALL_AUDIT_SCAN_MAX ((size_t)4 << 20)
void call_audit(struct commands *c, json_t *args, struct call *call);

/* pause_verb.c's. pause: "scope" (pauses.h), "target", "client", "seconds" (null: until it is ended); {"pause", "mandatory":
 * [list...], "kept", "error"}. resume: the same but for "seconds", or nothing for all but names let through; {"ended": [pause...],
 * "kept", "error"}. */
void call_pause(struct commands *c, json_t *args, struct call *call);
void call_resume(struct commands *c, json_t *args, struct call *call);

/* A client as it is told: an address, or a network where bits of the 128 are fewer; null for 0 bits. log_verb.c */
MUST_CHECK json_t *call_client(const uint8_t wide[ADDR_WIDE_LEN], unsigned bits);

/* log_verb.c's. {"queries": [...] oldest first, "next": number | null, "kept", "since", "sampled", "privacy"}: the newest that pass
 * "blocked", "client" and "name", of those with a number below "before"; at most "limit" (CALL_LOG_MAX). With next there may be
 * older ones: ask again with "before": next. As a stream: the same filter, "limit" of those there are, then {"queries": [...],
 * "lost": that went before they could be sent} as they come. */
#define CALL_LOG_MAX 1000
void call_log(struct commands *c, json_t *args, struct call *call);
void call_log_follow(struct commands *c, json_t *args, struct call *call);
/* top_verb.c's. {"kind", "since", "until", "total", "sampled", "error", "leaders": [...]} of "kind" names, blocked, clients or
 * lists. */
#define CALL_TOP_MAX 1000
void call_top(struct commands *c, json_t *args, struct call *call);
/* hits_verb.c's. hits: report_hits, of "list" alone if it is there. traffic: report_traffic, of at most "top" names; with "names"
 * report_traffic_clients of those. */
void call_hits(struct commands *c, json_t *args, struct call *call);
void call_traffic(struct commands *c, json_t *args, struct call *call);
/* stats_verb.c's. {"since", "until", "width", "counting_since", "total": {...}, "buckets": [...]} */
void call_stats(struct commands *c, json_t *args, struct call *call);
void call_stats_reset(struct commands *c, json_t *args, struct call *call);

#endif
