/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The keeper of fetched lists, with its own clock, and with shell scripts in the places of saring-fetch and saring-compile: they
 * answer with what lies in `reply-<last word of the url>` and `report`, and note what they were asked. */
#include "fetch/fetch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rand.h"
#include "ctl/download.h"
#include "settings/load.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_S 1800000000
#define DAY_S 86400
#define TURNS_MAX 3000 /* of the loop, 10 ms each at most, before a test gives up */

static struct world {
	char dir[64], program[96], compiler[96], socket[96];
	struct event_base *base;
	struct settings *settings;
	uint64_t serial;
	struct fetch *fetch;
	int64_t now_s;
	unsigned rebuilds;
	bool hold; /* rebuilds are not answered */
	rebuild_done *held;
	void *held_arg;
	const char *fault; /* file the compiler complains of */
	bool fail;
} w;

static const char *path_of(const char *name)
{
	static char path[4][160];
	static unsigned turn;
	char *p = path[turn++ % 4];
	(void)snprintf(p, 160, "%s/%s", w.dir, name);
	return p;
}

static void put_bytes(const char *name, const void *bytes, size_t len)
{
	struct err err = {0};
	if (!file_replace(path_of(name), bytes, len, 0755, &err))
		fail_msg("%s", err.text);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

/* The file's text; "" when there is none. Owned by the caller. */
static char *get(const char *name)
{
	struct buf text = {0};
	struct err err = {0};
	buf_add_c(&text, "");
	if (!file_read(path_of(name), 1 << 20, &text, &err))
		buf_add_c(&text, "");
	return text.ptr ? text.ptr : base_strdup("");
}

static void check_file(const char *name, const char *expected)
{
	char *text = get(name);
	assert_string_equal(text, expected);
	free(text);
}

static bool has(const char *name, const char *part)
{
	char *text = get(name);
	bool found = strstr(text, part) != NULL;
	free(text);
	return found;
}

static size_t lines_of(const char *name)
{
	char *text = get(name);
	size_t lines = 0;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	free(text);
	return lines;
}

/* ---- the world around ---- */

static void answer(rebuild_done *done, void *arg)
{
	struct err err = {0};
	struct err_list errors = {0};
	struct rebuild_report report = {.ok = !w.fail, .err = &err, .errors = &errors};
	(void)err_set(&err, ERR_INPUT, "there is 1 error");
	if (w.fault)
		err_list_add_at(&errors, w.fault, 3, 1, "it is broken");
	if (done)
		done(arg, &report);
	err_list_finish(&errors);
}

static void rebuild(void *arg, enum rebuild_kind kind, rebuild_done *done, void *done_arg)
{
	(void)arg;
	assert_int_equal(kind, REBUILD_LISTS);
	w.rebuilds++;
	if (!w.hold) {
		answer(done, done_arg);
		return;
	}
	assert_null(w.held);
	w.held = done;
	w.held_arg = done_arg;
}

static const struct settings *settings(void *arg, uint64_t *ret_serial)
{
	(void)arg;
	*ret_serial = w.serial;
	return w.settings;
}

static void configure(const char *lists)
{
	struct buf text = {0};
	struct err_list errors = {0};
	buf_printf(&text, "state: %s\nlists:\n%s\n", w.dir, lists);
	struct settings *s = settings_parse(buf_str(&text), path_of("saring.yaml"), &errors);
	err_list_print(&errors, stderr);
	assert_non_null(s);
	settings_destroy(w.settings);
	w.settings = s;
	w.serial++;
	err_list_finish(&errors);
	buf_finish(&text);
}

static void set_clock(int64_t now_s)
{
	w.now_s = now_s;
	clock_set_for_test(now_s * 1000, now_s);
}

static void begin(void)
{
	struct fetch_config config = {.base = w.base,
				      .settings = settings,
				      .program = w.program,
				      .compiler = w.compiler,
				      .control_socket = w.socket,
				      .rebuild = rebuild};
	w.fetch = fetch_create(&config);
}

static int make(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/saring-fetch-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	(void)snprintf(w.program, sizeof(w.program), "%s/program", w.dir);
	(void)snprintf(w.compiler, sizeof(w.compiler), "%s/compiler", w.dir);
	(void)snprintf(w.socket, sizeof(w.socket), "%s/c.sock", w.dir);
	put("program", "#!/bin/sh\ncd \"${0%/*}\"\nread -r line\necho \"$line\" >>requests\nurl=${line#*http://h/}\nexec cat "
		       "\"reply-${url%%\\\"*}\"\n");
	put("compiler", "#!/bin/sh\ncd \"${0%/*}\"\necho \"$@\" >>probes\nexec cat report\n");
	put("report", "{\"format\": \"hosts\", \"taken\": {\"total\": 100}, \"left_out\": []}");
	w.base = event_base_new();
	set_clock(NOW_S);
	rand_seed_for_test(7);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	fetch_destroy(w.fetch);
	settings_destroy(w.settings);
	event_base_free(w.base);
	clock_set_for_test(-1, -1);
	rand_seed_for_test(0);
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -r %s", w.dir);
	return system(command);
}

/* ---- replies ---- */

static void add_frame(struct buf *b, enum download_kind kind, struct str payload)
{
	uint8_t head[DOWNLOAD_HEAD];
	download_head_put(head, kind, (uint32_t)payload.len);
	buf_add(b, head, sizeof(head));
	buf_add_str(b, payload);
}

static void reply_with(const char *name, const char *body, const struct download_end *end)
{
	struct buf all = {0}, payload = {0};
	if (body)
		add_frame(&all, DOWNLOAD_BODY, str_from(body));
	download_end_put(&payload, end);
	add_frame(&all, DOWNLOAD_END, buf_str(&payload));
	put_bytes(name, all.ptr, all.len);
	buf_finish(&all);
	buf_finish(&payload);
}

static void reply_ok(const char *name, const char *body, const char *etag)
{
	struct download_end end = {.status = 200, .bytes = strlen(body)};
	(void)snprintf(end.etag, sizeof(end.etag), "%s", etag);
	reply_with(name, body, &end);
}

static void reply_error(const char *name, const char *error)
{
	struct download_end end = {.status = 500};
	(void)snprintf(end.error, sizeof(end.error), "%s", error);
	reply_with(name, NULL, &end);
}

/* ---- looking ---- */

static json_t *row(const char *name)
{
	static json_t *all;
	size_t i;
	json_t *one;
	json_decref(all);
	all = fetch_status(w.fetch);
	json_array_foreach(all, i, one) if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0) return one;
	return NULL;
}

static const char *text_of(const char *name, const char *key)
{
	const char *text = json_string_value(json_object_get(row(name), key));
	return text ? text : "";
}

static size_t count_in(const char *state)
{
	json_t *all = fetch_status(w.fetch), *one;
	size_t i, count = 0;
	json_array_foreach(all, i, one) count += strcmp(json_string_value(json_object_get(one, "state")), state) == 0;
	json_decref(all);
	return count;
}

static void settle(void)
{
	const struct timeval turn = {.tv_usec = 10000};
	for (int n = 0; count_in("waiting") + count_in("running") > 0; n++) {
		assert_true(n < TURNS_MAX);
		(void)event_base_loopexit(w.base, &turn);
		(void)event_base_dispatch(w.base);
	}
}

static void ask(bool force)
{
	json_t *names = NULL;
	struct err err = {0};
	assert_true(fetch_ask(w.fetch, NULL, force, NULL, &names, &err));
	json_decref(names);
	settle();
}

static void tick(int64_t later_s)
{
	set_clock(w.now_s + later_s);
	fetch_tick(w.fetch);
	settle();
}

static void check_state(const char *name, const char *expected)
{
	if (strcmp(text_of(name, "state"), expected) != 0)
		print_error("error: %s\n", text_of(name, "error"));
	assert_string_equal(text_of(name, "state"), expected);
}

#define ONE "- {name: a, url: 'http://h/a'}"

static void begin_with_copy(void)
{
	reply_ok("reply-a", "the first", "\"1\"");
	configure(ONE);
	begin();
	settle();
	check_state("a", "done");
	check_file("fetched/a", "the first");
}

/* ---- tests ---- */

static void test_first_and_next(void **state)
{
	(void)state;
	begin_with_copy();
	assert_int_equal(w.rebuilds, 1);
	assert_true(has("requests", "\"etag\":null") && has("probes", "--probe") &&
		    has("probes", "/fetched/.a.new --format auto\n"));
	assert_string_equal(text_of("a", "fetched_at"), "2027-01-15T08:00:00Z");
	assert_int_equal(json_integer_value(json_object_get(row("a"), "entries")), 100);
	assert_int_equal(access(path_of("fetched/.a.new"), F_OK), -1);
	assert_int_equal(access(path_of("fetched/.a.old"), F_OK), -1);
	/* not due for nine tenths of a day, and due after eleven */
	tick(DAY_S * 9 / 10 - 1);
	assert_int_equal(lines_of("requests"), 1);
	reply_with("reply-a", NULL, &(struct download_end){.status = 304});
	tick(DAY_S * 2 / 10 + 2);
	check_state("a", "unchanged");
	assert_int_equal(lines_of("requests"), 2);
	assert_true(has("requests", "\"etag\":\"\\\"1\\\"\""));
	assert_true(lines_of("probes") == 1 && w.rebuilds == 1);
	assert_string_equal(text_of("a", "fetched_at"), "2027-01-15T08:00:00Z");
	/* the same bytes once more are no change either */
	reply_ok("reply-a", "the first", "\"2\"");
	ask(false);
	check_state("a", "unchanged");
	assert_true(lines_of("probes") == 1 && w.rebuilds == 1);
	reply_ok("reply-a", "the second", "\"3\"");
	ask(false);
	check_state("a", "done");
	check_file("fetched/a", "the second");
	assert_true(has("requests", "\"etag\":\"\\\"2\\\"\"") && w.rebuilds == 2);
	assert_int_equal(lines_of("requests"), 4);
}

static void test_failures(void **state)
{
	(void)state;
	begin_with_copy();
	reply_error("reply-a", "the server answered 500");
	ask(false);
	check_state("a", "failed");
	assert_string_equal(text_of("a", "error"), "the server answered 500");
	check_file("fetched/a", "the first");
	/* a minute, two, four ... give or take a tenth, up to a day */
	size_t asked = 2;
	for (int64_t wait_s = 60; wait_s < 2 * DAY_S; wait_s *= 2) {
		int64_t whole = MIN(wait_s, DAY_S);
		tick(whole * 9 / 10 - 1);
		assert_int_equal(lines_of("requests"), asked);
		tick(whole * 2 / 10 + 2);
		assert_int_equal(lines_of("requests"), ++asked);
	}
	assert_int_equal(w.rebuilds, 1);
	reply_ok("reply-a", "the second", "");
	ask(false);
	check_state("a", "done");
	assert_string_equal(text_of("a", "error"), "");
	check_file("fetched/a", "the second");
	tick(DAY_S * 9 / 10 - 1);
	assert_int_equal(lines_of("requests"), asked + 1);
}

/* Whatever saring-fetch says, the copy stays and nothing of it is left. */
static void test_a_fetcher_gone_mad(void **state)
{
	(void)state;
	begin_with_copy();
	static const struct {
		const char *bytes;
		size_t len;
		const char *error;
	} cases[] = {{"", 0, "saring-fetch ended before its time"},
		     {"b\0\0\0\5abc", 8, "saring-fetch ended before its time"},
		     {"x\0\0\0\0", 5, "saring-fetch sent what is no frame"},
		     {"b\0\1\0\1", 5, "saring-fetch sent what is no frame"},
		     {"p\0\0\0\2{]", 7, "saring-fetch said something that is no progress"},
		     {"e\0\0\0\2{}", 7, "saring-fetch ended with something that is no end"},
		     {"b\0\0\0\1ae\0\0\0\16{\"status\":200}", 25, "saring-fetch says that it sent 0 bytes, and sent 1"},
		     {"e\0\0\0\16{\"status\":304}p\0\0\0\2{}", 26, "saring-fetch went on after its end"},
		     {"e\0\0\0\16{\"status\":304}", 19, NULL}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put_bytes("reply-a", cases[i].bytes, cases[i].len);
		ask(false);
		check_state("a", cases[i].error ? "failed" : "unchanged");
		assert_string_equal(text_of("a", "error"), cases[i].error ? cases[i].error : "");
		check_file("fetched/a", "the first");
		assert_int_equal(access(path_of("fetched/.a.new"), F_OK), -1);
	}
	/* "not modified" without a copy */
	ask(true);
	check_state("a", "unchanged");
	assert_int_equal(unlink(path_of("fetched/a")), 0);
	ask(false);
	check_state("a", "failed");
	assert_string_equal(text_of("a", "error"), "the server says that a copy is good which there is not");
	put("program", "#!/nowhere\n");
	ask(false);
	check_state("a", "failed");
	assert_int_equal(w.rebuilds, 1);
}

static void test_guards(void **state)
{
	(void)state;
	begin_with_copy();
	static const struct {
		const char *report, *state, *error;
	} cases[] = {
	    {"{\"refused\": \"an HTML page\"}", "refused", "it is no list: an HTML page"},
	    {"{\"taken\": {\"total\": 49}, \"left_out\": []}", "refused",
	     "it has 49 entries and the copy in use 100, which is a change of more than 50%; 'saringctl list fetch --force' takes "
	     "it"},
	    {"{\"taken\": {\"total\": 151}, \"left_out\": []}", "refused",
	     "it has 151 entries and the copy in use 100, which is a change of more than 50%; 'saringctl list fetch --force' takes "
	     "it"},
	    {"{\"taken\": {\"total\": 100}, \"left_out\": [{\"reason\": \"syntax\", \"count\": 901}]}", "refused",
	     "of its 1001 entries 100 can be read; 'saringctl list fetch --force' takes it"},
	    {"nonsense", "failed", "saring-compile could not say what is in it"},
	    {"", "failed", "saring-compile could not say what is in it"},
	};
	reply_ok("reply-a", "the second", "\"2\"");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put("report", cases[i].report);
		ask(false);
		check_state("a", cases[i].state);
		assert_string_equal(text_of("a", "error"), cases[i].error);
		check_file("fetched/a", "the first");
	}
	assert_false(has("requests", "\\\"2\\\"")); /* what was refused is not known to us */
	put("report", cases[0].report);
	ask(true);
	check_state("a", "refused");
	put("report", cases[1].report);
	ask(true);
	check_state("a", "done");
	check_file("fetched/a", "the second");
	assert_int_equal(json_integer_value(json_object_get(row("a"), "entries")), 49);
	/* force was for that one */
	reply_ok("reply-a", "the third", "\"3\"");
	put("report", cases[2].report);
	ask(false);
	check_state("a", "refused");
	/* max-change: 0 takes any */
	configure("- {name: a, url: 'http://h/a', max-change: 0}");
	ask(false);
	check_state("a", "done");
}

static void test_another_url(void **state)
{
	(void)state;
	begin_with_copy();
	reply_error("reply-b", "no");
	configure("- {name: a, url: 'http://h/b', format: hosts, may-allow: true}");
	tick(1);
	check_state("a", "failed");
	check_file("fetched/a", "the first");
	reply_ok("reply-b", "the other", "\"b\"");
	put("report", "{\"taken\": {\"total\": 1}, \"left_out\": []}");
	tick(70);
	check_state("a", "done"); /* sizes are not compared */
	check_file("fetched/a", "the other");
	assert_false(has("requests", "\\\"1\\\"")); /* nor was the old one's ETag sent */
	assert_true(has("probes", "--format hosts --may-allow\n"));
}

static void test_a_restart(void **state)
{
	(void)state;
	begin_with_copy();
	fetch_destroy(w.fetch);
	put("fetched/.a.new", "half of it");
	set_clock(NOW_S + 3600);
	begin();
	settle();
	check_state("a", "idle");
	assert_int_equal(lines_of("requests"), 1);
	assert_int_equal(access(path_of("fetched/.a.new"), F_OK), -1);
	assert_string_equal(text_of("a", "fetched_at"), "2027-01-15T08:00:00Z");
	fetch_destroy(w.fetch);
	set_clock(NOW_S + 2 * DAY_S);
	reply_error("reply-a", "no network");
	begin();
	settle();
	check_state("a", "failed");
	check_file("fetched/a", "the first");
	assert_true(has("requests", "\\\"1\\\""));
	/* and how it failed is known at the next */
	fetch_destroy(w.fetch);
	begin();
	settle();
	check_state("a", "idle");
	assert_string_equal(text_of("a", "error"), "no network");
	assert_int_equal(lines_of("requests"), 2);
	/* a copy cut short is not asked after by its ETag */
	fetch_destroy(w.fetch);
	put("fetched/a", "the");
	reply_ok("reply-a", "the first", "\"1\"");
	put("requests", "");
	begin();
	settle();
	check_state("a", "done");
	assert_true(has("requests", "\"etag\":null"));
	check_file("fetched/a", "the first");
}

static void test_a_rebuild_that_fails(void **state)
{
	(void)state;
	begin_with_copy();
	reply_ok("reply-a", "the second", "\"2\"");
	/* something else is broken: what was fetched stays */
	w.fail = true;
	w.fault = "lists/other.yaml";
	ask(false);
	check_state("a", "failed");
	assert_string_equal(text_of("a", "error"), "fetched, and not in force yet: there is 1 error");
	check_file("fetched/a", "the second");
	/* this list is: it goes back, and all is compiled once more */
	reply_ok("reply-a", "the third", "\"3\"");
	w.fault = "http://h/a";
	w.rebuilds = 0;
	ask(false);
	check_state("a", "refused");
	assert_string_equal(text_of("a", "error"), "line 3: it is broken");
	check_file("fetched/a", "the second");
	assert_int_equal(w.rebuilds, 2);
	w.fail = false;
	w.fault = NULL;
	put("requests", "");
	ask(false);
	check_state("a", "done");
	assert_true(has("requests", "\\\"2\\\"") && !has("requests", "\\\"3\\\""));
	check_file("fetched/a", "the third");
}

/* The answer to a rebuild comes when the list is no more, or is another. */
static void test_gone_before_it_is_in_force(void **state)
{
	(void)state;
	reply_ok("reply-a", "the first", "");
	configure(ONE);
	w.hold = true;
	begin();
	const struct timeval turn = {.tv_usec = 10000};
	for (int n = 0; !w.held; n++) {
		assert_true(n < TURNS_MAX);
		(void)event_base_loopexit(w.base, &turn);
		(void)event_base_dispatch(w.base);
	}
	check_state("a", "running");
	w.hold = false;
	configure(" []");
	assert_null(row("a"));
	configure(ONE);
	tick(1);
	answer(w.held, w.held_arg);
	check_state("a", "idle");
	check_file("fetched/a", "the first");
}

static void test_some_at_once(void **state)
{
	(void)state;
	struct buf lists = {0};
	for (int i = 0; i < 9; i++)
		buf_printf(&lists, "- {name: l%d, url: 'http://h/hang'}\n", i);
	assert_int_equal(mkfifo(path_of("reply-hang"), 0600), 0); /* nobody writes to it: its readers wait */
	configure(lists.ptr);
	begin();
	assert_int_equal(count_in("running"), FETCH_AT_ONCE);
	assert_int_equal(count_in("waiting"), 9 - FETCH_AT_ONCE);
	/* those that went away make room; those that moved are stopped and begun again */
	configure("- {name: l0, url: 'http://h/hang'}\n- {name: l1, url: 'http://h/a'}\n- {name: l8, url: 'http://h/a'}");
	reply_ok("reply-a", "a", "");
	fetch_tick(w.fetch);
	assert_int_equal(count_in("running"), 3);
	const struct timeval turn = {.tv_usec = 10000};
	for (int n = 0; count_in("done") < 2; n++) {
		assert_true(n < TURNS_MAX);
		(void)event_base_loopexit(w.base, &turn);
		(void)event_base_dispatch(w.base);
	}
	check_state("l0", "running"); /* and is stopped with all the rest */
	fetch_destroy(w.fetch);
	w.fetch = NULL;
	assert_int_equal(access(path_of("fetched/.l0.new"), F_OK), -1);
	buf_finish(&lists);
}

static void test_only_when_asked(void **state)
{
	(void)state;
	reply_ok("reply-a", "the first", "");
	configure(
	    "- {name: a, url: 'http://h/a', refresh: 0s}\n- {name: o, url: 'http://h/a', mode: 'off'}\n- {name: f, file: f.txt}");
	begin();
	tick(10 * DAY_S);
	check_state("a", "idle");
	check_state("o", "idle");
	assert_int_equal(lines_of("requests"), 0);
	assert_true(json_is_null(json_object_get(row("a"), "next_at")));
	ask(false); /* all: those in mode off are not meant */
	check_state("a", "done");
	check_state("o", "idle");
	assert_int_equal(w.rebuilds, 1);
	json_t *names = json_pack("[s]", "o"), *about = NULL;
	struct err err = {0};
	assert_true(fetch_ask(w.fetch, names, false, NULL, &about, &err));
	settle();
	check_state("o", "done");
	assert_int_equal(w.rebuilds, 1);
	json_decref(names);
	json_decref(about);
	tick(10 * DAY_S);
	assert_int_equal(lines_of("requests"), 2);
	static const struct {
		const char *names, *error;
	} cases[] = {{"[\"a\", \"f\"]", "the list 'f' has no url: it is read from its file"},
		     {"[\"a\", \"x\\u001b\"]", "saringd has no list 'x\\027'"},
		     {"[7]", "the argument 'lists' takes names"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		names = json_loads(cases[i].names, 0, NULL);
		assert_false(fetch_ask(w.fetch, names, false, NULL, &about, &err));
		assert_string_equal(err.text, cases[i].error);
		json_decref(names);
	}
	check_state("a", "done"); /* nothing was begun */
	json_t *lists = json_loads("[{\"name\": \"a\"}, {\"name\": \"f\"}, {\"name\": 7}]", 0, NULL);
	fetch_annotate(w.fetch, lists);
	assert_non_null(json_string_value(json_object_get(json_array_get(lists, 0), "fetched_at")));
	assert_true(json_is_null(json_object_get(json_array_get(lists, 0), "fetch_error")));
	assert_null(json_object_get(json_array_get(lists, 1), "fetched_at"));
	json_decref(lists);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clean)
	const struct CMUnitTest tests[] = {
	    TEST(test_first_and_next),	     TEST(test_failures),
	    TEST(test_a_fetcher_gone_mad),   TEST(test_guards),
	    TEST(test_another_url),	     TEST(test_a_restart),
	    TEST(test_a_rebuild_that_fails), TEST(test_gone_before_it_is_in_force),
	    TEST(test_some_at_once),	     TEST(test_only_when_asked),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	w.fetch = NULL;
	return failed;
}
