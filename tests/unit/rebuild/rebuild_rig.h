/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rebuild_rig.h - for tests: a rebuild over a real directory, with the real saring-compile (SARING_COMPILE) or a script in its
 * place, and workers that are played. May be begun, ended and begun again, as a daemon is restarted. */
#ifndef TESTS_ADMIN_REBUILD_RIG_H
#define TESTS_ADMIN_REBUILD_RIG_H

#include "rebuild/rebuild.h"
#include "admin/world.h"

#define RIG_CONFIG                                 \
	"state: .\n"                               \
	"upstream: {servers: [dns://192.0.2.1]}\n" \
	"lists: [{name: one, file: one.yaml}]\n"

struct rig_told {
	int count;
	bool ok;
	uint32_t generation;
	uint64_t entries, in_force;
	const char *bulk;
	size_t errors, restart;
	struct err err, first;
	char restart_first[32];
};

struct rig {
	struct world_dir dir;
	struct event_base *base;
	struct generations *generations;
	struct cache *cache;
	struct settings *boot;
	struct rebuild *rebuild;
	struct rebuild_config config;
	bool lazy; /* the workers don't adopt by themselves */
	int first_published;
	struct rig_told first;
};

/* cmocka's. A directory with RIG_CONFIG and a list "one" that blocks a.example. */
int rig_setup(void **state);
int rig_teardown(void **state);

void rig_begin(struct rig *r);					  /* the first run is under way */
void rig_serve(struct rig *r);					  /* and over: the first world is served */
void rig_end(struct rig *r);					  /* as the daemon's end */
void rig_on_told(void *arg, const struct rebuild_report *report); /* a rebuild_done; arg is a struct rig_told */
void rig_await(struct rig *r, struct rig_told *told);		  /* until it was told; the workers adopt, unless lazy */
void rig_script(struct rig *r, const char *text);		  /* stands for saring-compile from the next rig_begin on */
bool rig_blocks(struct rig *r, const char *name);

#endif
