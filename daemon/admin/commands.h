/* SPDX-License-Identifier: BSD-2-Clause
 *
 * commands.h - what the control socket can be asked: one table of verbs, each with its right, its handler and a line of help.
 * A new verb is one row and one function. It is not: the socket (admin/control), nor the work itself (rebuild, cache, policy). Main
 * thread. */
#ifndef SARING_ADMIN_COMMANDS_H
#define SARING_ADMIN_COMMANDS_H

#include "admin/report.h"
#include "audit/who.h"
#include "base/base.h"
#include "base/err.h"
#include "cache/cache.h"
#include "cache/failures.h"
#include "generation.h"
#include "observe/counters.h"
#include "rebuild/queue.h"

#include <jansson.h>

struct audit;
struct fetch;
struct happened;
struct metrics_http;
struct happened;
struct observer;
struct pausing;
struct outlets;

enum command_right {
	RIGHT_NONE,   /* a stranger */
	RIGHT_READ,   /* the control group: look */
	RIGHT_CHANGE, /* root and the daemon's own user: change things */
};

/* Replies without an end. next gives the next one, whole (ctl_reply_ok or ctl_reply_err), or NULL: nothing for now. closed is
 * called once, when nobody listens any more, and last. */
struct command_stream {
	json_t *(*next)(void *arg);
	void (*closed)(void *arg);
	void *arg;
};
/* What whoever can take such replies does; conn is the arg of command_reply. begin takes the place of the one reply, and asks for
 * the first reply of the stream; wake says that there may be a next one. May call next and closed before they return. */
struct command_streams {
	void (*begin)(void *conn, const struct command_stream *stream);
	void (*wake)(void *conn);
};

/* Who asks. */
struct command_peer {
	enum command_right right;
	struct audit_who who;		       /* for the audit log */
	const struct command_streams *streams; /* NULL: one reply is all it takes */
};

#define EXPLAIN_HITS_MAX 256 /* entries shown that match one name */

/* What the handlers work with. Borrowed for the life of the commands. */
struct commands_config {
	const struct generations *generations;
	struct cache *cache;
	struct failures *failures;		/* may be NULL */
	const struct counters *const *counters; /* one for each worker */
	size_t worker_count;
	const char *const *listen; /* endpoints as text, with their real ports */
	size_t listen_count;
	int64_t started_ms; /* monotonic */
	/* rebuild_request, rebuild_compile_seconds and rebuild_bulk, or what a test puts in their place */
	void (*rebuild)(void *arg, enum rebuild_kind kind, rebuild_done *done, void *done_arg);
	double (*compile_seconds)(void *arg);
	const char *(*bulk)(void *arg);
	void *rebuild_arg;
	struct fetch *fetch;		    /* NULL: nothing is fetched, in tests */
	struct observer *observer;	    /* NULL: nothing is counted, in tests */
	struct happened *happened;	    /* the same */
	struct outlets *outlets;	    /* NULL: queries leave nowhere, in tests */
	struct audit *audit;		    /* NULL: nothing is recorded, in tests */
	struct review *review;		    /* NULL: nothing is said of reviews, in tests */
	const struct metrics_http *metrics; /* NULL: there is no endpoint, in tests */
	struct pausing *pausing;	    /* NULL: nothing can be paused, in tests */
};

struct commands;
MUST_CHECK struct commands *commands_create(const struct commands_config *config);
void commands_destroy(struct commands *c); /* takes NULL; no rebuild may be under way for it */

/* What reports are made of, now. */
struct report_source commands_report_source(const struct commands *c);

/* Takes reply, which is whole (ctl_reply_ok or ctl_reply_err). */
typedef void command_reply(void *arg, json_t *reply);
/* Do what `request` (borrowed) asks, with the rights of who asked (borrowed until this returns). reply is called exactly once:
 * before this returns, or later from the event loop for verbs that start a compile; or not at all by a verb that begins a stream.
 */
void commands_run(struct commands *c, json_t *request, const struct command_peer *peer, command_reply *reply, void *arg);

struct command_help {
	const char *verb, *help;
	enum command_right right;
};
size_t commands_help(struct command_help *ret, size_t max); /* the table, for tests and manuals; returns how many there are */

#endif
