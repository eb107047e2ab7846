/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fetch.h - lists with a url: kept fresh. When each is due, who is fetched now, whether what came is taken, and that the policy is
 * compiled anew when it was. saring.yaml(5), "Fetched lists", is the manual.
 *
 * A copy lies in <state>/fetched/<name>, and is served whatever happens here; record.h keeps what is known of it. A fetch is
 * one run of saring-fetch (run.h), a look at what came by saring-compile (probe.h), a judgement (guard.h), a
 * rename, and a rebuild. A copy that the rebuild cannot use goes back again.
 *
 * The settings looked at are those of the generation in force: a list that went away, or has another url, is no longer fetched. All
 * is done from one tick a second and from the ends of processes. Main thread. */
#ifndef SARING_FETCH_H
#define SARING_FETCH_H

#include "audit/who.h"
#include "base/base.h"
#include "base/err.h"
#include "base/str.h"
#include "rebuild/queue.h"
#include "settings/settings.h"

#include <jansson.h>

#define FETCH_AT_ONCE 4

struct event_base;
struct audit_said;

/* How a fetch ended, for the audit log. Borrowed until the callback returns. */
struct fetch_event {
	const char *list, *state; /* state: as fetch_status says it */
	const char *error;	  /* NULL: none */
	bool asked;		  /* by somebody; else it was due */
	struct audit_who who;	  /* who asked */
	const json_t *change;	  /* what he said of it; NULL: nothing */
	int64_t begun_ns;	  /* CLOCK_MONOTONIC: when it was asked for, or begun */
	uint64_t entries_before, entries, bytes;
	const struct rebuild_report *report; /* of the run that put it in force; NULL: there was none */
};

struct fetch_config {
	struct event_base *base;
	/* The settings in force, valid until the event loop is next returned to, and a number that changes when they may have. */
	const struct settings *(*settings)(void *arg, uint64_t *ret_serial);
	/* Whether the list of that number in those settings was read from its copy; false: the copy could not be used. NULL: it
	 * was. */
	bool (*is_read)(void *arg, size_t list);
	void *settings_arg;	    /* of both */
	const char *program;	    /* saring-fetch; "" when there is none */
	const char *compiler;	    /* saring-compile */
	const char *state;	    /* where it is remembered what was signed; may be NULL when no list has a key */
	const char *control_socket; /* fetch.socket is looked for beside it */
	void (*rebuild)(void *arg, enum rebuild_kind kind, rebuild_done *done, void *done_arg);
	void *rebuild_arg;
	/* Called for what somebody asked for, for what changed, and for the first failure of a row. May be NULL. */
	void (*record)(void *arg, const struct fetch_event *event);
	void *record_arg;
};

struct fetch;
/* Begins at once. The strings in config are borrowed for its whole life. */
MUST_CHECK struct fetch *fetch_create(const struct fetch_config *config);
/* Ends what is under way; the rebuild must have told all who wait by then. Takes NULL. */
void fetch_destroy(struct fetch *f);
/* What is done each second; for tests. */
void fetch_tick(struct fetch *f);

/* Fetch the lists of these names now (names NULL: all with a url). force: take what comes even if it has changed much. ret_names:
 * those it is about, a new reference. said (may be NULL): who asks, for the record. Nothing is begun when one of the names is not
 * that of a list with a url. */
MUST_CHECK bool fetch_ask(struct fetch *f, json_t *names, bool force, const struct audit_said *said, json_t **ret_names,
			  struct err *err);
/* [{"name", "url", "state", "bytes", "total", "entries", "error", "fetched_at", "next_at"}, ...]: a new reference. state is idle |
 * waiting | running | done | failed | unchanged | refused; the last four say how the last fetch since the start ended. */
MUST_CHECK json_t *fetch_status(struct fetch *f);
/* What is known of the fetches of one list. Times are wall clock, 0: never. */
struct fetch_figures {
	const char *list; /* borrowed until the event loop is next returned to */
	int64_t fetched_at_s, checked_at_s;
	int64_t failed_at_s; /* of the last, if it failed or was refused */
	unsigned failures;   /* in a row */
	bool is_current;     /* the copy is what the server had when it was last asked */
};
/* Of list number i of those with a url, from 0. False: there are no more. */
MUST_CHECK bool fetch_figures(struct fetch *f, size_t i, struct fetch_figures *ret);
/* Put "fetched_at", "next_fetch_at", "fetch_error" and "fetch_refused_since" into those objects of an array that have the "name" of
 * a list with a url. */
void fetch_annotate(struct fetch *f, json_t *lists);

#endif
