/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lift.h - a lift from its beginning to its proof: which entries of which lists, written there or beside (list/lifts.h), in force,
 * the cache's subtrees forgotten, and then the daemon's own listeners asked for every name. The two verbs are cmd_lift.c's, the
 * words lift_report.c's. One thread. */
#ifndef SARING_SARINGCTL_LIFT_H
#define SARING_SARINGCTL_LIFT_H

#include "saringctl/closure.h"
#include "saringctl/context.h"
#include "saringctl/dns_client.h"
#include "list/edit.h"

#define LIFT_CHECKS_MAX 1000 /* names asked for; of more the first */
#define LIFT_FLUSH_MAX 1000  /* entries whose part of the cache is forgotten: each is a walk through it; of more, nothing */
#define LIFT_CHECK_MS 30000  /* all of them, at each listener */
#define LIFT_LISTENERS_MAX 64

/* What is done in one list. */
struct lift_list {
	const struct settings_list *list;
	size_t number; /* in saring.yaml */
	bool editable; /* written into its file; else beside it */
	bool whole;
	const char **names; /* owned, and each of them */
	size_t count, cap;
	struct edit_result *results; /* owned; once it was written. whole: one, without a name */
	char remark[sizeof(((struct err *)NULL)->text)];
	char error[sizeof(((struct err *)NULL)->text)]; /* why it could not be written; "" when it was */
	bool told; /* the daemon was: what is written further is another's part, until they are put together */
};

/* What came back for a name. */
struct lift_check {
	struct name name;
	struct dns_result results[LIFT_LISTENERS_MAX]; /* of each listener */
	bool asked, passed;			       /* passed: nothing blocks it */
	bool resolves; /* and it is answered: not where its own servers, or all upstreams, are dead */
	json_t *rule;  /* owned; the entry that still blocks it, as explain says it; NULL: none does */
	json_t *steps; /* owned; with rule: how its answer comes about, as explain says it */
	char *target;  /* owned; what in its answer the rule is for; NULL: the rule is for the name itself */
	char *blocked; /* owned; what explain could not say */
};

struct lift_listener {
	const char *text; /* as status says it; borrowed from the status */
	struct addr addr;
};

struct lifting {
	struct context *ctx;
	const char *list; /* list lift: its name; NULL: unblock */
	char *login;	  /* owned */
	int64_t now_s;
	struct name *wanted; /* owned; the names on the command line */
	size_t wanted_count;
	struct name *listed; /* owned; a whole list's: the names that it blocks, lifted already or not */
	size_t listed_count, listed_cap;
	/* unblock, owned, for each wanted name: */
	bool *unknown; /* no list has an entry of it, and none is lifted for its sake */
	bool *idle;    /* the lists have entries of it, of which none blocks it now, nor is lifted */
	struct blockers blockers;
	struct plan plan;
	struct lift_list *lists; /* owned */
	size_t list_count, list_cap;
	/* what the daemon made of it */
	bool asked, in_force, unread;
	int64_t generation, effect_s;
	struct err err, failed; /* of the daemon; of writing, or of what was to follow */
	struct err_list errors;
	int64_t flushed;   /* -1: nothing was to be */
	size_t told_count; /* of the plan's entries, the first ones, of which the cache has forgotten what it should */
	/* the proof */
	json_t *status; /* owned */
	struct lift_listener listeners[LIFT_LISTENERS_MAX];
	size_t listener_count;
	struct lift_check *checks; /* owned */
	size_t check_count, check_more;
	int64_t forgotten_s; /* when the last client must have forgotten the block */
	bool forgotten_told; /* by what was handed out; else by what may have been */
};

void lift_finish(struct lifting *l);
/* That list's part, made when it is not there yet. Valid until the next call. */
struct lift_list *lift_list_of(struct lifting *l, size_t number);
void lift_list_add(struct lift_list *list, const char *name);

/* unblock: what the lists have of the wanted names of which the plan lifts nothing. Where one is lifted already, that is said of
 * the list as of any edit. lift_known.c */
void lift_look_up(struct lifting *l);

/* Write what is planned. False: err says why, and in which lists it was done is in their results. */
MUST_CHECK bool lift_write(struct lifting *l, struct err *err);
/* The daemon takes it up; the cache forgets. Returns the status to exit with. */
enum exit_status lift_tell(struct lifting *l);
/* Ask the listeners, and for each name that fails explain. Returns the status to exit with when the daemon could not be asked.
 * lift_check.c */
enum exit_status lift_prove(struct lifting *l);
void lift_prove_finish(struct lifting *l);
bool lift_proved(const struct lifting *l); /* no name failed, as far as it could be asked for */

/* After the proof of a lift with closure: what keeps names blocked by what their answers lead to, which nobody knows before they
 * have one, is lifted as well, and all is proved again. A failure is in err, else as lift_tell's. lift_follow.c */
enum exit_status lift_follow(struct lifting *l, struct err *err);

/* All of it, for people or as JSON. lift_report.c */
void lift_show(const struct lifting *l);
void lift_show_plan(const struct lifting *l); /* --dry-run */
size_t lift_count(const struct lifting *l, enum edit_outcome outcome);

#endif
