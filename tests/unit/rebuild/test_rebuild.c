/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From files to a published world, with the real saring-compile (SARING_COMPILE) or a script in its place. The workers are played
 * here: they adopt when told to. */
#include "rebuild_rig.h"

#include "rebuild/images.h"
#include "settings/load.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_first(void **state)
{
	struct rig *f = *state;
	rig_begin(f);
	assert_int_equal(f->first.count, 0);
	rig_await(f, &f->first);
	assert_true(f->first.ok);
	assert_int_equal(f->first.generation, 1);
	assert_int_equal(f->first.entries, 1);
	assert_int_equal(f->first.in_force, 1);
	assert_int_equal(f->first.restart, 0);
	assert_int_equal(f->first_published, 1);
	assert_true(world_exists(&f->dir, "policy-1.img"));
	assert_true(rig_blocks(f, "a.example"));
	assert_false(rig_blocks(f, "b.example"));
}

static void test_first_fails(void **state)
{
	struct rig *f = *state;
	world_write(&f->dir, "one.yaml", "action: block\nentires:\n  - a.example\n");
	world_write(&f->dir, "policy-5.img", "of an earlier run");
	rig_begin(f);
	rig_await(f, &f->first);
	assert_false(f->first.ok);
	assert_true(f->first.errors > 0);
	char listed[96]; /* beside the configuration, as that is named */
	(void)snprintf(listed, sizeof(listed), "%s/one.yaml", f->dir.path);
	assert_string_equal(f->first.first.file, listed);
	assert_int_equal(f->first.first.line, 2);
	assert_int_equal(f->first_published, 0);
	assert_null(generation_current(f->generations));
	assert_true(world_exists(&f->dir, "policy-5.img")); /* left alone */
}

/* Generations go on from what lies there, and only what was ours is removed. */
static void test_generation_goes_on(void **state)
{
	struct rig *f = *state;
	static const char *const ours[] = {"policy-3.img", "policy-41.img", ".policy-12.img.a1B2c3"};
	static const char *const others[] = {"policy-041.img", "policy-.img", "policy-x.img", "policy-4.img.bak",
					     "policy-4294967296.img"};
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		world_write(&f->dir, ours[i], "old");
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		world_write(&f->dir, others[i], "old");
	rig_begin(f);
	rig_await(f, &f->first);
	assert_true(f->first.ok);
	assert_int_equal(f->first.generation, 42);
	assert_true(world_exists(&f->dir, "policy-42.img"));
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		assert_false(world_exists(&f->dir, ours[i]));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_true(world_exists(&f->dir, others[i]));
}

static void test_rebuild_lists(void **state)
{
	struct rig *f = *state;
	struct rig_told t = {0};
	rig_serve(f);
	const struct settings *before = generation_current(f->generations)->settings;
	world_write(&f->dir, "one.yaml", "action: block\nentries:\n  - b.example\n  - c.example\n");
	/* saring.yaml as it now lies there is not what is asked for */
	world_write(&f->dir, "saring.yaml", "nonsense: [");
	rebuild_request(f->rebuild, REBUILD_LISTS, rig_on_told, &t);
	assert_true(rig_blocks(f, "a.example")); /* until it is whole */
	rig_await(f, &t);
	assert_true(t.ok);
	assert_int_equal(t.generation, 2);
	assert_int_equal(t.entries, 2);
	assert_false(rig_blocks(f, "a.example"));
	assert_true(rig_blocks(f, "b.example"));
	assert_ptr_equal(generation_current(f->generations)->settings, before);
	assert_false(world_exists(&f->dir, "policy-1.img"));
	assert_true(world_exists(&f->dir, "policy-2.img"));
}

/* In force means: at every worker. */
static void test_told_when_adopted(void **state)
{
	struct rig *f = *state;
	struct rig_told t = {0};
	rig_serve(f);
	f->lazy = true;
	uint64_t serial = generation_current(f->generations)->serial;
	rebuild_request(f->rebuild, REBUILD_LISTS, rig_on_told, &t);
	while (generation_current(f->generations)->serial == serial) {
		struct timeval tv = {.tv_usec = 2000};
		event_base_loopexit(f->base, &tv);
		event_base_dispatch(f->base);
	}
	generations_collect(f->generations);
	assert_int_equal(t.count, 0);
	(void)generation_adopt(f->generations, 0);
	generations_collect(f->generations);
	assert_int_equal(t.count, 0);
	assert_true(world_exists(&f->dir, "policy-1.img"));
	(void)generation_adopt(f->generations, 1);
	generations_collect(f->generations);
	assert_int_equal(t.count, 1);
	assert_false(world_exists(&f->dir, "policy-1.img"));
}

static void test_reload(void **state)
{
	struct rig *f = *state;
	struct rig_told t = {0};
	rig_serve(f);
	world_write(&f->dir, "two.yaml", "action: block\nentries: [two.example]\n");
	world_write(&f->dir, "saring.yaml",
		    "state: .\nlisten: [dns://127.0.0.1:5399]\nworkers: 3\nupstream: {servers: [dns://192.0.2.9]}\n"
		    "lists: [{name: one, file: one.yaml}, {name: two, file: two.yaml}]\n");
	rebuild_request(f->rebuild, REBUILD_ALL, rig_on_told, &t);
	rig_await(f, &t);
	assert_true(t.ok);
	assert_int_equal(t.restart, 2);
	assert_string_equal(t.restart_first, "listen");
	assert_true(rig_blocks(f, "two.example"));
	struct upstream_stats stats;
	const struct generation *g = generation_current(f->generations);
	assert_int_equal(upstreams_count(g->upstreams), 1);
	upstreams_stats(g->upstreams, 0, &stats);
	assert_non_null(strstr(stats.server, "192.0.2.9"));
	assert_int_equal(g->settings->list_count, 2);
	/* A rebuild of lists goes by what is in force now. */
	struct rig_told later = {0};
	rebuild_request(f->rebuild, REBUILD_LISTS, rig_on_told, &later);
	rig_await(f, &later);
	assert_true(later.ok);
	assert_true(rig_blocks(f, "two.example"));
}

static void test_failures_change_nothing(void **state)
{
	struct rig *f = *state;
	rig_serve(f);
	const struct policy *before = generation_current(f->generations)->policy;

	world_write(&f->dir, "saring.yaml", "listne: []\nworkers: many\n");
	struct rig_told t = {0};
	rebuild_request(f->rebuild, REBUILD_ALL, rig_on_told, &t);
	rig_await(f, &t);
	assert_false(t.ok);
	assert_int_equal(t.errors, 2); /* every one, not the first */
	assert_non_null(strstr(rebuild_failure(f->rebuild), "saring.yaml:1:1: "));
	assert_int_equal(t.err.code, ERR_INPUT);

	assert_return_code(unlink(f->dir.config), errno);
	t = (struct rig_told){0};
	rebuild_request(f->rebuild, REBUILD_ALL, rig_on_told, &t);
	rig_await(f, &t);
	assert_false(t.ok);
	assert_int_equal(t.err.code, ERR_NOT_FOUND);

	world_write(&f->dir, "saring.yaml", RIG_CONFIG);
	world_write(&f->dir, "one.yaml", "entries: [a..b]\n");
	t = (struct rig_told){0};
	rebuild_request(f->rebuild, REBUILD_LISTS, rig_on_told, &t);
	rig_await(f, &t);
	assert_false(t.ok);
	assert_true(t.errors >= 1);

	assert_ptr_equal(generation_current(f->generations)->policy, before);
	assert_false(world_exists(&f->dir, "policy-2.img"));
	world_write(&f->dir, "one.yaml", "action: block\nentries: [fixed.example]\n");
	t = (struct rig_told){0};
	rebuild_request(f->rebuild, REBUILD_ALL, rig_on_told, &t);
	rig_await(f, &t);
	assert_true(t.ok);
	assert_int_equal(t.generation, 2);
	assert_string_equal(rebuild_failure(f->rebuild), "");
	assert_int_equal(rebuild_runs(f->rebuild), 5);
}

/* An edit is not failed by somebody's broken saring.yaml, even when both are served by one run. */
static void test_edit_beside_broken_reload(void **state)
{
	struct rig *f = *state;
	struct rig_told running = {0}, edit = {0}, reload = {0};
	rig_serve(f);
	world_write(&f->dir, "saring.yaml", "nonsense: [");
	rebuild_request(f->rebuild, REBUILD_LISTS, rig_on_told, &running);
	world_write(&f->dir, "one.yaml", "action: block\nentries: [edited.example]\n");
	rebuild_request(f->rebuild, REBUILD_LISTS, rig_on_told, &edit);
	rebuild_request(f->rebuild, REBUILD_ALL, rig_on_told, &reload);
	rig_await(f, &edit);
	assert_true(running.ok);
	assert_true(edit.ok);
	assert_int_equal(reload.count, 1);
	assert_false(reload.ok);
	assert_true(rig_blocks(f, "edited.example"));
}

static void test_many_requests_two_runs(void **state)
{
	struct rig *f = *state;
	struct rig_told t[40] = {0};
	rig_serve(f);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		rebuild_request(f->rebuild, REBUILD_LISTS, rig_on_told, &t[i]);
	for (int i = 0; i < 100; i++)
		rebuild_request(f->rebuild, REBUILD_ALL, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		rig_await(f, &t[i]);
	assert_int_equal(t[0].generation, 2);
	for (size_t i = 1; i < ARRAY_LEN(t); i++) {
		assert_int_equal(t[i].count, 1);
		assert_int_equal(t[i].generation, 3);
	}
}

/* What the compiler left is not believed. */
static void test_bad_image(void **state)
{
	struct rig *f = *state;
	rig_script(f, "#!/bin/sh\necho 'not an image' > \"$4\"\n"
		      "printf %s '{\"ok\":true,\"lists\":1,\"entries\":1,\"compile_seconds\":0,\"bytes\":1}' >&4\n");
	rig_begin(f);
	rig_await(f, &f->first);
	assert_false(f->first.ok);
	assert_non_null(strstr(f->first.err.text, "image"));
	assert_false(world_exists(&f->dir, "policy-1.img"));
	assert_int_equal(f->first_published, 0);
}

static void test_no_image(void **state)
{
	struct rig *f = *state;
	rig_script(f, "#!/bin/sh\nprintf %s '{\"ok\":true,\"lists\":1,\"entries\":1,\"compile_seconds\":0,\"bytes\":1}' >&4\n");
	rig_begin(f);
	rig_await(f, &f->first);
	assert_false(f->first.ok);
}

static void test_destroyed_while_running(void **state)
{
	struct rig *f = *state;
	struct rig_told pending = {0};
	rig_script(f, "#!/bin/sh\nexec sleep 1000\n");
	rig_begin(f);
	rebuild_request(f->rebuild, REBUILD_ALL, rig_on_told, &pending);
	rebuild_destroy(f->rebuild);
	f->rebuild = NULL;
	assert_int_equal(f->first.count, 1);
	assert_false(f->first.ok);
	assert_int_equal(f->first.err.code, ERR_UNREACHABLE);
	assert_int_equal(pending.count, 1);
	assert_false(pending.ok);
}

static void test_compiler_missing(void **state)
{
	struct rig *f = *state;
	f->config.compiler = "/nonexistent/saring-compile";
	rig_begin(f);
	assert_int_equal(f->first.count, 1); /* before the loop ever ran */
	assert_false(f->first.ok);
}

static void test_state_missing(void **state)
{
	struct rig *f = *state;
	struct err err = {0};
	world_write(&f->dir, "saring.yaml", "state: nowhere\nlists: []\n");
	f->boot = world_settings(&f->dir);
	f->config.boot = f->boot;
	assert_null(rebuild_create(&f->config, &err));
	assert_non_null(strstr(err.text, "nowhere"));
}

static void test_image_number(void **state)
{
	(void)state;
	uint32_t n = 0;
	assert_true(images_number("policy-1.img", &n));
	assert_int_equal(n, 1);
	assert_true(images_number("policy-4294967295.img", &n));
	assert_true(n == UINT32_MAX);
	static const char *const bad[] = {"",
					  ".",
					  "policy-",
					  "policy-.img",
					  "policy-0.img",
					  "policy-01.img",
					  "policy--1.img",
					  "policy-1.imgx",
					  "xpolicy-1.img",
					  "policy-1",
					  "policy-4294967296.img",
					  "policy-99999999999999999999.img",
					  "policy-1 .img"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (images_number(bad[i], &n))
			fail_msg("taken: %s", bad[i]);
}

static struct settings *settings_of(const char *text)
{
	struct err_list errors = {0};
	struct settings *s = settings_parse(str_from(text), "/etc/saring/saring.yaml", &errors);
	if (!s) {
		err_list_print(&errors, stderr);
		fail_msg("%s", text);
	}
	return s;
}

static void test_restart_needed(void **state)
{
	(void)state;
	static const struct {
		const char *was, *is, *key; /* NULL: none needed */
	} cases[] = {
	    {"listen: [dns://127.0.0.1:53]", "listen: [127.0.0.1]", NULL},
	    {"listen: [dns://127.0.0.1:53]", "listen: [dns://127.0.0.1:54]", "listen"},
	    {"listen: [dns://127.0.0.1:53]", "listen: [dns://127.0.0.1:53, dns://127.0.0.2:53]", "listen"},
	    {"workers: 2", "workers: 3", "workers"},
	    {"workers: auto", "workers: 1", "workers"},
	    {"user: a", "user: b", "user"},
	    {"{}", "user: b", "user"},
	    {"user: b", "user: b", NULL},
	    {"control: {socket: /run/a}", "control: {socket: /run/b}", "control"},
	    {"control: {group: a}", "{}", "control"},
	    {"state: /var/a", "state: /var/b", "state"},
	    {"cache: {size: 1MiB}", "cache: {size: 2MiB}", NULL},
	    {"log: {level: info}", "log: {level: debug}", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *keys[REBUILD_RESTART_MAX];
		struct settings *was = settings_of(cases[i].was), *is = settings_of(cases[i].is);
		size_t count = rebuild_restart_needed(was, is, keys);
		assert_int_equal(count, cases[i].key ? 1 : 0);
		if (cases[i].key)
			assert_string_equal(keys[0], cases[i].key);
		settings_destroy(was);
		settings_destroy(is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	    T(test_first),
	    T(test_first_fails),
	    T(test_generation_goes_on),
	    T(test_rebuild_lists),
	    T(test_told_when_adopted),
	    T(test_reload),
	    T(test_failures_change_nothing),
	    T(test_edit_beside_broken_reload),
	    T(test_many_requests_two_runs),
	    T(test_bad_image),
	    T(test_no_image),
	    T(test_destroyed_while_running),
	    T(test_compiler_missing),
	    T(test_state_missing),
	    cmocka_unit_test(test_image_number),
	    cmocka_unit_test(test_restart_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
