/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The runner of saring-compile, with shell scripts in its place that do what a child may do, well and badly. */
#include "jobs.h"

#include "base/buf.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct event_base *base;
	char dir[64], program[96];
	int calls;
	bool ok;
	struct job_result result; /* copied; errors not */
	size_t error_count;
	struct err first;
};

static int setup(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));
	f->base = event_base_new();
	strcpy(f->dir, "/tmp/saring-jobs-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->program, sizeof(f->program), "%s/compile", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char image[96];
	event_base_free(f->base);
	snprintf(image, sizeof(image), "%s/image", f->dir);
	unlink(image);
	unlink(f->program);
	rmdir(f->dir);
	free(f);
	/* No child is left behind, whatever happened to it. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return 0;
}

static void script(struct fixture *f, const char *text)
{
	int fd = open(f->program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "#!/bin/sh\n%s\n", text) > 0);
	close(fd);
}

static void on_done(void *arg, const struct job_result *result)
{
	struct fixture *f = arg;
	f->calls++;
	f->ok = result->ok;
	f->result = *result;
	f->error_count = result->errors.count;
	if (result->errors.count)
		f->first = result->errors.items[0];
}

static struct job *start(struct fixture *f, const char *config, int64_t deadline_ms)
{
	char image[96];
	struct err err = {0};
	snprintf(image, sizeof(image), "%s/image", f->dir);
	struct job_compile what = {.program = f->program,
				   .config_path = "/etc/x.yaml",
				   .image_path = image,
				   .generation = 41,
				   .config = str_from(config),
				   .deadline_ms = deadline_ms};
	struct job *job = job_start(f->base, &what, on_done, f, &err);
	if (!job)
		fail_msg("%s", err.text);
	return job;
}

static void run(struct fixture *f, const char *text)
{
	script(f, text);
	(void)start(f, "listen: []\n", 60000);
	event_base_dispatch(f->base); /* ends when nothing is waited for any more */
	assert_int_equal(f->calls, 1);
}

#define GOOD                                                                                                                    \
	"'{\"ok\":true,\"generation\":41,\"lists\":2,\"entries\":11,\"compile_seconds\":0.25,\"bytes\":4096,\"bulk\":\"kept\"," \
	"\"segments\":{\"kept\":5,\"made\":6}}'"

static void test_good(void **state)
{
	struct fixture *f = *state;
	run(f, "printf %s " GOOD " >&4");
	assert_true(f->ok);
	assert_int_equal(f->result.lists, 2);
	assert_int_equal(f->result.entries, 11);
	assert_int_equal(f->result.bytes, 4096);
	assert_string_equal(f->result.bulk, "kept");
	assert_int_equal(f->result.segments_kept, 5);
	assert_int_equal(f->result.segments_made, 6);
	assert_true(f->result.compile_seconds > 0.24 && f->result.compile_seconds < 0.26);
}

static void test_what_it_is_given(void **state)
{
	struct fixture *f = *state;
	/* Its arguments, the very bytes, /dev/null on 0 and 1, and no other descriptor (the shell's own is 255 or 10). */
	run(f, "[ \"$*\" = \"-c /etc/x.yaml -o ${0%/*}/image -g 41 --config-fd 3 --summary-fd 4\" ] || { echo args: \"$*\" >&2; "
	       "exit 9; }\n"
	       "[ \"$(cat <&3)\" = 'listen: []' ] || { echo bytes >&2; exit 9; }\n"
	       "[ \"$(readlink /proc/$$/fd/0) $(readlink /proc/$$/fd/1)\" = '/dev/null /dev/null' ] || { echo std >&2; exit 9; }\n"
	       "for fd in 5 6 7 8 9 11 12 13 14 15 16 17 18 19 20; do\n"
	       "  [ ! -e /proc/$$/fd/$fd ] || { echo open: $fd >&2; exit 9; }\n"
	       "done\n"
	       "[ -z \"$NOTIFY_SOCKET$WATCHDOG_USEC\" ] || { echo env >&2; exit 9; }\n"
	       "[ \"$KEPT\" = yes ] || { echo env >&2; exit 9; }\n"
	       "printf %s " GOOD " >&4");
	assert_true(f->ok);
}

static void test_image_before(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	script(
	    f,
	    "[ \"$9 ${10} ${11} ${12} $#\" = '--summary-fd 4 --previous /var/old.img 12' ] || { echo args: \"$*\" >&2; exit 9; }\n"
	    "printf %s " GOOD " >&4");
	struct job_compile what = {.program = f->program,
				   .config_path = "/etc/x.yaml",
				   .image_path = "/nonexistent/image",
				   .generation = 41,
				   .previous = "/var/old.img",
				   .config = STR_LIT("x")};
	assert_non_null(job_start(f->base, &what, on_done, f, &err));
	event_base_dispatch(f->base);
	assert_true(f->ok);
}

/* Signals that are blocked or ignored here are not so there. */
static void test_signals_are_default(void **state)
{
	struct fixture *f = *state;
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	run(f, "grep -q '^SigBlk:.*[^0]' /proc/self/status && grep '^SigBlk' /proc/self/status | grep -q '[1-9a-f]$' && exit 9\n"
	       "kill -TERM $$\nexit 9");
	signal(SIGPIPE, old);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_false(f->ok);
	assert_non_null(strstr(f->result.err.text, "signal 15"));
}

static void test_errors(void **state)
{
	struct fixture *f = *state;
	run(f, "printf %s '{\"ok\":false,\"errors\":[{\"file\":\"lists/a.yaml\",\"line\":3,\"column\":5,\"text\":\"no such key\"},"
	       "{\"file\":null,\"text\":\"other\"}]}' >&4; exit 1");
	assert_false(f->ok);
	assert_int_equal(f->error_count, 2);
	assert_string_equal(f->first.file, "lists/a.yaml");
	assert_int_equal(f->first.line, 3);
	assert_int_equal(f->first.column, 5);
	assert_string_equal(f->first.text, "no such key");
	assert_int_equal(f->result.err.code, ERR_INPUT);
	assert_non_null(strstr(f->result.err.text, "2 errors"));
}

/* What it says and how it ends must agree. */
static void test_disagreement(void **state)
{
	struct fixture *f = *state;
	run(f, "printf %s " GOOD " >&4; exit 1");
	assert_false(f->ok);
	assert_int_equal(f->result.err.code, ERR_INTERNAL);
}

static void test_killed_after_summary(void **state)
{
	struct fixture *f = *state;
	run(f, "printf %s " GOOD " >&4; kill -SEGV $$");
	assert_false(f->ok);
	assert_non_null(strstr(f->result.err.text, "signal 11"));
}

static void test_silence(void **state)
{
	struct fixture *f = *state;
	run(f, "exit 0");
	assert_false(f->ok);
	assert_int_equal(f->result.err.code, ERR_INTERNAL);
}

/* It may talk as much as it likes: it never waits for us, and we keep a bounded part. */
static void test_flood(void **state)
{
	struct fixture *f = *state;
	run(f, "head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; printf %s " GOOD " >&4");
	assert_true(f->ok);
}

static void test_summary_flood(void **state)
{
	struct fixture *f = *state;
	run(f, "head -c 3000000 /dev/zero | tr '\\0' ' ' >&4; printf %s " GOOD " >&4");
	assert_false(f->ok);
	assert_int_equal(f->result.err.code, ERR_LIMIT);
}

static void test_deadline(void **state)
{
	struct fixture *f = *state;
	script(f, "exec sleep 1000");
	(void)start(f, "", 50);
	event_base_dispatch(f->base);
	assert_int_equal(f->calls, 1);
	assert_false(f->ok);
	assert_int_equal(f->result.err.code, ERR_LIMIT);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	script(f, "exec sleep 1000");
	struct job *job = start(f, "", 60000);
	job_cancel(job);
	job_cancel(NULL);
	event_base_dispatch(f->base); /* nothing is left in it */
	assert_int_equal(f->calls, 0);
}

static void test_no_program(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	struct job_compile what = {.program = "/nonexistent/saring-compile", .config_path = "x", .image_path = "y"};
	assert_null(job_start(f->base, &what, on_done, f, &err));
	assert_non_null(strstr(err.text, "/nonexistent/saring-compile"));
	event_base_dispatch(f->base);
	assert_int_equal(f->calls, 0);
}

static void test_large_config(void **state)
{
	struct fixture *f = *state;
	struct buf b = {0};
	for (int i = 0; i < 100000; i++)
		buf_add_c(&b, "# padding\n");
	script(f, "[ $(wc -c <&3) -eq 1000000 ] || exit 9; printf %s " GOOD " >&4");
	(void)start(f, b.ptr, 60000);
	event_base_dispatch(f->base);
	assert_true(f->ok);
	buf_finish(&b);
}

static void test_summary_parse(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "",
	    "x",
	    "[]",
	    "{}",
	    "{\"ok\":1}",
	    "{\"ok\":false}",
	    "{\"ok\":false,\"errors\":[]}",
	    "{\"ok\":false,\"errors\":{}}",
	    "{\"ok\":true}x",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct job_result r = {0};
		if (job_summary_parse(str_from(bad[i]), &r))
			fail_msg("taken: %s", bad[i]);
		job_result_finish(&r);
	}
	/* What is of no use in it is as if it had not been said. */
	static const char *const odd[] = {"", ",\"bulk\":null,\"segments\":[]", ",\"bulk\":\"eaten\",\"segments\":{\"kept\":-1}"};
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct job_result r = {0};
		char text[128];
		snprintf(text, sizeof(text), "{\"ok\":true%s}", odd[i]);
		assert_true(job_summary_parse(str_from(text), &r));
		assert_string_equal(r.bulk, "none");
		assert_true(r.segments_kept == 0 && r.segments_made == 0);
	}
	struct job_result r = {0};
	assert_true(
	    job_summary_parse(str_from("{\"ok\":false,\"errors\":[{\"line\":-1,\"column\":99999999999},7],\"more\":12}"), &r));
	assert_int_equal(r.errors.count, 2);
	assert_int_equal(r.errors.items[0].line, 0);
	assert_int_equal(r.errors.swallowed, 12);
	job_result_finish(&r);
}

int main(void)
{
	setenv("NOTIFY_SOCKET", "/nonexistent", 1);
	setenv("WATCHDOG_USEC", "1", 1);
	setenv("KEPT", "yes", 1);
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(test_good),
	    T(test_what_it_is_given),
	    T(test_image_before),
	    T(test_signals_are_default),
	    T(test_errors),
	    T(test_silence),
	    T(test_disagreement),
	    T(test_killed_after_summary),
	    T(test_flood),
	    T(test_deadline),
	    T(test_summary_flood),
	    T(test_cancel),
	    T(test_no_program),
	    T(test_large_config),
	    cmocka_unit_test(test_summary_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
