/* SPDX-License-Identifier: BSD-2-Clause
 *
 * audit.h - the record of who changed what: what is written into the audit log, and when. saringctl(1), "audit", says what a record
 * has; audit/log.h is the writer.
 *
 * A change goes edit, compile, in force, record, reply. Killed in between, the record is not lost: at the next start the lists are
 * not what the last record left, and that is recorded as a change that nobody announced, with the file's owner and time. So are
 * edits by hand, taken up by a reload or found at the start.
 *
 * A run of the compiler may serve many: audit_run_begin says what it changed, audit_ran is called for each who waited for it, and
 * audit_run_end finds what nobody claimed. Somebody may still be on the way to claim it (the file is written before the daemon is
 * asked): but for a reload, which is for edits by hand, it is held for AUDIT_HOLD_MS. Main thread; blocks for the disk. */
#ifndef SARING_AUDIT_AUDIT_H
#define SARING_AUDIT_AUDIT_H

#include "audit/log.h"
#include "audit/read.h"
#include "audit/waiters.h"
#include "audit/who.h"
#include "rebuild/queue.h"
#include "settings/settings.h"

#define AUDIT_HOLD_MS 2000
#define AUDIT_MEND_MS 5000 /* how often writing is tried again after it failed */

struct event_base;
struct fetch_event; /* fetch.h */
struct generations;

struct audit_config {
	struct event_base *base;
	const char *state;	 /* the state directory */
	const char *config_path; /* of saring.yaml */
	const struct generations *generations;
	bool (*is_busy)(void *arg); /* a run goes on or is wanted: who waits for it will claim what it changed */
	void *arg;
};

struct audit;
/* The strings are borrowed for its whole life. */
MUST_CHECK struct audit *audit_create(const struct audit_config *config);
void audit_destroy(struct audit *a); /* takes NULL; nobody may wait any more (audit_end_waits) */

/* Somebody's wish, as far as it is known. */
struct audit_said {
	const struct audit_who *who;
	const char *verb;     /* when the change does not say */
	const json_t *change; /* ctl/change.h; NULL: nothing was said */
	int64_t arrived_ns;   /* CLOCK_MONOTONIC: when it was asked for, where the change does not say that */
};
/* What saring.yaml says of the log: `audit:`. */
void audit_configure(struct audit *a, const struct settings *settings);

/* Around the end of a run that was published; config: the bytes of saring.yaml in force, changes: as in a rebuild's report. The
 * first run is the start of the daemon, and is recorded as that. */
void audit_run_begin(struct audit *a, struct str config, enum rebuild_kind kind, const json_t *changes);
void audit_run_end(struct audit *a);
/* The daemon ends. Takes NULL; one whose start was never recorded does not say that it stopped. */
void audit_stopped(struct audit *a, const char *why);

/* One who waited for a run: well or not. Between the two above when it was published. more (taken, may be NULL): members for the
 * record. */
void audit_ran(struct audit *a, const struct audit_said *said, const struct rebuild_report *report, json_t *more);
/* What needed no run. error NULL: it went well. more (taken, may be NULL): members for the record. */
void audit_done(struct audit *a, const struct audit_said *said, const char *error, json_t *more);

/* A fetch that ended: by the run that put it in force, or without one. */
void audit_fetched(struct audit *a, const struct fetch_event *event);

/* {"seq", "hash", "lost", "error"}: a new reference. */
MUST_CHECK json_t *audit_status(const struct audit *a);
MUST_CHECK bool audit_records(const struct audit *a, const struct audit_query *query, json_t **ret, struct audit_place *ret_next,
			      struct err *err);
uint64_t audit_seq(const struct audit *a); /* of the last record; 0: there is none */

/* As audit_waiters_add. */
MUST_CHECK bool audit_wait(struct audit *a, uint64_t after_seq, int64_t wait_s, audit_woken *done, void *arg);
void audit_end_waits(struct audit *a); /* all are called now; takes NULL */

#endif
