/* SPDX-License-Identifier: BSD-2-Clause */
#include "rebuild_rig.h"

#include "base/clock.h"
#include "settings/load.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 2

static void adopt_all(struct rig *f)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		const struct generation *g = generation_adopt(f->generations, i);
		if (g)
			generation_release(f->generations, i, g->serial);
	}
	generations_collect(f->generations);
}

static void nudge(void *arg, unsigned worker)
{
	(void)arg, (void)worker;
}

static void settled(void *arg)
{
	(void)arg;
}

static void on_first_published(void *arg)
{
	struct rig *f = arg;
	f->first_published++;
}

void rig_on_told(void *arg, const struct rebuild_report *report)
{
	struct rig_told *t = arg;
	t->count++;
	t->ok = report->ok;
	t->generation = report->generation;
	t->entries = report->entries;
	t->in_force = report->in_force;
	t->bulk = report->bulk;
	t->restart = report->restart_count;
	if (report->restart_count)
		snprintf(t->restart_first, sizeof(t->restart_first), "%s", report->restart_needed[0]);
	if (report->err)
		t->err = *report->err;
	t->errors = report->errors ? report->errors->count : 0;
	if (t->errors)
		t->first = report->errors->items[0];
}

/* Until `t` was told; the end of a child is what turns the loop. */
void rig_await(struct rig *f, struct rig_told *t)
{
	while (t->count == 0) {
		struct timeval tv = {.tv_usec = 2000};
		event_base_loopexit(f->base, &tv);
		event_base_dispatch(f->base);
		if (!f->lazy)
			adopt_all(f);
	}
}

void rig_begin(struct rig *f)
{
	struct err err = {0};
	struct err_list errors = {0};
	struct buf bytes = {0};
	f->boot = world_settings(&f->dir);
	f->config.boot = f->boot;
	f->rebuild = rebuild_create(&f->config, &err);
	if (!f->rebuild)
		fail_msg("%s", err.text);
	FILE *file = fopen(f->dir.config, "r");
	assert_non_null(file);
	char text[4096];
	buf_add(&bytes, text, fread(text, 1, sizeof(text), file));
	fclose(file);
	struct settings *s = settings_parse(buf_str(&bytes), f->dir.config, &errors);
	assert_non_null(s);
	rebuild_first(f->rebuild, &bytes, s, rig_on_told, &f->first);
}

/* The first world is served. */
void rig_serve(struct rig *f)
{
	rig_begin(f);
	rig_await(f, &f->first);
	if (!f->first.ok)
		fail_msg("%s", f->first.err.text);
}

static void make_world(struct rig *f)
{
	struct cache_config cache = {.size_bytes = 1 << 20};
	f->generations = generations_create(WORKERS, nudge, settled, f);
	f->cache = cache_create(&cache);
	f->config.generations = f->generations;
	f->config.cache = f->cache;
}

void rig_end(struct rig *f)
{
	rebuild_destroy(f->rebuild);
	generations_destroy(f->generations);
	cache_destroy(f->cache);
	settings_destroy(f->boot);
	f->rebuild = NULL;
	f->boot = NULL;
	f->first = (struct rig_told){0};
	make_world(f);
}

int rig_setup(void **state)
{
	struct rig *f = base_alloc(sizeof(*f));
	world_dir_make(&f->dir);
	world_write(&f->dir, "saring.yaml", RIG_CONFIG);
	world_write(&f->dir, "one.yaml", "action: block\nentries:\n  - a.example\n");
	f->base = event_base_new();
	make_world(f);
	f->config = (struct rebuild_config){.base = f->base,
					    .config_path = f->dir.config,
					    .compiler = getenv("SARING_COMPILE"),
					    .resolv_conf = "/nonexistent",
					    .generations = f->generations,
					    .cache = f->cache,
					    .keep_log_level = true,
					    .first_published = on_first_published,
					    .arg = f};
	assert_non_null(f->config.compiler);
	*state = f;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *f = *state;
	rebuild_destroy(f->rebuild);
	generations_destroy(f->generations);
	cache_destroy(f->cache);
	settings_destroy(f->boot);
	event_base_free(f->base);
	world_dir_remove(&f->dir);
	free(f);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

bool rig_blocks(struct rig *f, const char *text)
{
	struct name name;
	struct err err = {0};
	struct verdict verdict;
	struct policy_scratch *scratch = policy_scratch_create();
	assert_true(name_from_text(str_from(text), &name, &err));
	const struct policy_question question = {.name = &name, .type = 1};
	policy_match(generation_current(f->generations)->policy, scratch, &question, clock_wall_s(), &verdict);
	policy_scratch_destroy(scratch);
	return verdict.kind == VERDICT_BLOCKED;
}

void rig_script(struct rig *f, const char *text)
{
	static char path[160];
	snprintf(path, sizeof(path), "%s/compile.sh", f->dir.path);
	world_write(&f->dir, "compile.sh", text);
	assert_return_code(chmod(path, 0700), errno);
	f->config.compiler = path;
}
