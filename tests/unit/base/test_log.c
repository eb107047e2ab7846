/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

/* stderr goes to memory while a test runs, so cmocka's own words stay apart. */
static int kept_fd, memory_fd;
static char text[8192];

static int catch_stderr(void **state)
{
	(void)state;
	kept_fd = dup(STDERR_FILENO);
	memory_fd = memfd_create("log", MFD_CLOEXEC);
	clock_set_for_test(1000, 1500000000);
	(void)unsetenv("JOURNAL_STREAM");
	return kept_fd < 0 || memory_fd < 0 || dup2(memory_fd, STDERR_FILENO) < 0 ? -1 : 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
	ssize_t n = pread(memory_fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(memory_fd, 0), 0);
	assert_int_equal(lseek(memory_fd, 0, SEEK_SET), 0);
	return text;
}

static int give_back_stderr(void **state)
{
	(void)state;
	dup2(kept_fd, STDERR_FILENO);
	close(kept_fd);
	close(memory_fd);
	clock_set_for_test(-1, -1);
	return 0;
}

static void lines_and_levels(void **state)
{
	(void)state;
	log_open("saringd", LOG_LEVEL_WARNING);
	errno = EPERM;
	log_error("start.failed file=\"%s\"", "x");
	log_warning("odd.thing n=%d", 3);
	log_info("not.seen");
	log_debug("not.seen");
	assert_int_equal(errno, EPERM);
	assert_string_equal(logged(), "2017-07-14T02:40:00.000Z saringd error: start.failed file=\"x\"\n"
				      "2017-07-14T02:40:00.000Z saringd warning: odd.thing n=3\n");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("seen");
	assert_string_equal(logged(), "2017-07-14T02:40:00.000Z saringd debug: seen\n");
}

static void journal_lines_carry_priorities(void **state)
{
	(void)state;
	struct stat st;
	char stream[64];
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	log_open("saringd", LOG_LEVEL_DEBUG);
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	assert_string_equal(logged(), "<3>a\n<4>b\n<6>c\n<7>d\n");
	/* another stream's name: stderr was redirected since */
	assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1), 0);
	log_open("saringd", LOG_LEVEL_DEBUG);
	log_error("a");
	assert_string_equal(logged(), "2017-07-14T02:40:00.000Z saringd error: a\n");
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void a_line_stays_one_line(void **state)
{
	(void)state;
	log_open("t", LOG_LEVEL_INFO);
	log_info("name=\"%s\"", "a\nb\r\x1b[31mc\x7f");
	assert_string_equal(logged(), "2017-07-14T02:40:00.000Z t info: name=\"a?b??[31mc?\"\n");
	log_info("%s", "\xe2\x80\xae \xc2\x9b \xff \xc3\xa9");
	assert_string_equal(logged(), "2017-07-14T02:40:00.000Z t info: ??? ?? ? \xc3\xa9\n");
	char big[5000];
	for (size_t i = 0; i + 1 < sizeof(big); i++)
		big[i] = "\xe2\x82\xac"[i % 3]; /* cut in the middle of one, wherever the head ends */
	for (size_t from = 0; from < 3; from++) {
		big[sizeof(big) - 1] = '\0';
		log_info("%s%s", &"xx"[from], big);
		assert_true(str_is_utf8(str_from(logged())));
	}
	memset(big, 'q', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_info("%s", big);
	const char *line = logged();
	assert_true(strlen(line) < 2100);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void limited_lines_are_counted(void **state)
{
	(void)state;
	struct log_limit limit = {.interval_ms = 60000};
	log_open("t", LOG_LEVEL_INFO);
	for (int i = 0; i < 10; i++)
		log_limited(&limit, LOG_LEVEL_WARNING, "flood i=%d", i);
	assert_string_equal(logged(), "2017-07-14T02:40:00.000Z t warning: flood i=0\n");
	clock_set_for_test(1000 + 59999, 1500000000);
	log_limited(&limit, LOG_LEVEL_WARNING, "flood");
	assert_string_equal(logged(), "");
	clock_set_for_test(1000 + 60000, 1500000000);
	log_limited(&limit, LOG_LEVEL_WARNING, "flood");
	assert_string_equal(logged(), "2017-07-14T02:40:00.000Z t warning: flood swallowed=10\n");
	log_limited(&limit, LOG_LEVEL_DEBUG, "below the level: neither written nor counted");
	clock_set_for_test(1000 + 120000, 1500000000);
	log_limited(&limit, LOG_LEVEL_WARNING, "flood");
	assert_string_equal(logged(), "2017-07-14T02:40:00.000Z t warning: flood\n");
}

static void bugs_are_counted(void **state)
{
	(void)state;
	uint64_t before = base_bugs();
	log_open("t", LOG_LEVEL_INFO);
	assert_false(unlikely_bug(1 > 2));
	assert_int_equal(base_bugs(), before);
	assert_true(unlikely_bug(2 > 1));
	assert_true(unlikely_bug(2 > 1));
	assert_int_equal(base_bugs(), before + 2);
	assert_non_null(strstr(logged(), "condition=\"2 > 1\""));
}

int main(void)
{
#define CAUGHT(test) cmocka_unit_test_setup_teardown(test, catch_stderr, give_back_stderr)
	const struct CMUnitTest tests[] = {
	    CAUGHT(lines_and_levels),	   CAUGHT(journal_lines_carry_priorities),
	    CAUGHT(a_line_stays_one_line), CAUGHT(limited_lines_are_counted),
	    CAUGHT(bugs_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
