/* SPDX-License-Identifier: BSD-2-Clause
 *
 * item.h - one list that is fetched, and one fetch of it: over the network (run.h), a look at what came (probe.h,
 * guard.h), and a rebuild that puts it in force, or takes the copy back when it can't be used. When that is to be, and who
 * waits for whom, is fetch.c's; sync.c has the lists from the settings, report.c tells of them. For no one else. Main
 * thread. */
#ifndef SARING_FETCH_ITEM_H
#define SARING_FETCH_ITEM_H

#include "fetch/fetch.h"
#include "fetch/probe.h"
#include "fetch/record.h"
#include "fetch/run.h"

enum fetch_state {
	FETCH_IDLE,
	FETCH_WAITING, /* for one of FETCH_AT_ONCE */
	FETCH_RUNNING, /* until the new copy is in force */
	FETCH_DONE,
	FETCH_FAILED,
	FETCH_UNCHANGED,
	FETCH_REFUSED,
};
extern const char *const fetch_state_words[];

struct fetch_item { // NOLINT(clang-analyzer-optin.performance.Padding): in the order of what they are about
	struct fetch *fetch;
	uint64_t serial; /* of this item: no other ever has it */
	bool seen;	 /* in the settings being gone through */
	size_t number;	 /* in the settings in force */
	bool looked;	 /* at whether they have it from its copy */
	/* of the settings */
	char *name, *url, *file;	       /* owned */
	char *key, *signature, *signature_url; /* owned; NULL unless it has a key: signature is where that of the copy lies */
	enum format format;
	bool may_allow, off;
	int64_t refresh_s; /* 0: only when asked */
	unsigned max_change_percent;

	struct fetch_record record;
	int64_t next_s; /* wall clock; when refresh_s is not 0 */
	enum fetch_state state;
	bool force;
	bool asked; /* by somebody: */
	struct audit_who who;
	json_t *change; /* owned; NULL: nothing was said */
	int64_t begun_ns;
	/* while running */
	struct fetch_run *run; /* its first part: of its signature, where it has a key, and then of itself */
	uint8_t new_signature[FETCH_HASH_SIZE];
	bool same_signature;	   /* as the copy's; true without a key */
	struct fetch_probe *probe; /* its second */
	struct fetch_run_result result;
	bool rebuilding;	    /* its third */
	struct fetch_record before; /* the record that goes with the old copy */
	struct download_progress progress;
};

struct fetch {
	struct fetch_config config;
	char socket_path[128];
	struct event *on_tick;
	uint64_t serial;	   /* of the settings taken in; 0: none */
	uint64_t serials;	   /* of items, given so far */
	struct fetch_item **items; /* owned; in the order of saring.yaml */
	size_t count;
};

/* Take in the settings in force, if they are new. */
void fetch_sync(struct fetch *f);
/* Begin anew as many of those that wait as may run at once: after each that has ended. */
void fetch_pump(struct fetch *f);
/* Begin; the rest comes from the event loop. It may have failed already when this returns. */
void fetch_item_run(struct fetch_item *i);
/* Nothing is under way any more; what is beside the copy goes. */
void fetch_item_end(struct fetch_item *i, enum fetch_state state);
/* Stops what is under way. */
void fetch_item_free(struct fetch_item *i);
struct fetch_item *fetch_find(const struct fetch *f, struct str name);

#endif
