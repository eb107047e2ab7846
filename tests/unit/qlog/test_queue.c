/* SPDX-License-Identifier: BSD-2-Clause */
#include "qlog/queue.h"

#include "dice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

static void test_a_query_comes_out_as_it_went_in(void **state)
{
	(void)state;
	const struct name a = name_of("a.example");
	const struct qlog_query in[] = {
	    {.time_us = INT64_C(1700000000123456),
	     .took_us = 77,
	     .port = 5353,
	     .type = 28,
	     .rcode = 3,
	     .blocked = true,
	     .answered = true,
	     .client_len = 4,
	     .client = {192, 0, 2, 1},
	     .name = &a,
	     .transport = "udp",
	     .fate = "blocked",
	     .list = STR_LIT("ads"),
	     .entry = STR_LIT("||a.example^"),
	     .group = STR_LIT("kids"),
	     .upstream = STR_LIT("dns://192.0.2.53:53")},
	    {.transport = "tcp", .fate = "dropped"},
	};
	struct queue q = {.count = 0};
	struct qlog_query out;
	struct name name;
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		assert_true(queue_put(&q, &in[i]));
	assert_int_equal(q.count, 2);
	assert_true(queue_get(buf_str(&q.bytes), &at, &out, &name));
	assert_int_equal(out.time_us, in[0].time_us);
	assert_int_equal(out.took_us, 77);
	assert_int_equal(out.port, 5353);
	assert_int_equal(out.type, 28);
	assert_int_equal(out.rcode, 3);
	assert_true(out.blocked && out.answered);
	assert_int_equal(out.client_len, 4);
	assert_memory_equal(out.client, in[0].client, 4);
	assert_true(name_eq(out.name, &a));
	assert_string_equal(out.transport, "udp");
	assert_string_equal(out.fate, "blocked");
	assert_true(str_eq_c(out.list, "ads") && str_eq_c(out.entry, "||a.example^") && str_eq_c(out.group, "kids") &&
		    str_eq_c(out.upstream, "dns://192.0.2.53:53"));
	assert_true(queue_get(buf_str(&q.bytes), &at, &out, &name));
	assert_null(out.name);
	assert_false(out.blocked || out.answered);
	assert_int_equal(out.client_len, 0);
	assert_int_equal(out.list.len + out.entry.len + out.group.len + out.upstream.len, 0);
	assert_false(queue_get(buf_str(&q.bytes), &at, &out, &name));
	buf_finish(&q.bytes);
}

/* A long text is cut where a character begins. */
static void test_texts_have_a_limit(void **state)
{
	(void)state;
	char text[400];
	struct queue q = {.count = 0};
	struct qlog_query out, in = {.transport = "udp", .fate = "blocked"};
	struct name name;
	size_t at = 0;

	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	in.entry = (struct str){text, sizeof(text)};
	in.list = (struct str){text + 1, 3}; /* not well formed: taken as it is */
	assert_true(queue_put(&q, &in));
	assert_true(queue_get(buf_str(&q.bytes), &at, &out, &name));
	assert_int_equal(out.entry.len, 254);
	assert_true(str_is_utf8(out.entry));
	assert_int_equal(out.list.len, 3);
	buf_finish(&q.bytes);
}

static void test_so_much_may_wait_and_no_more(void **state)
{
	(void)state;
	const struct name longest =
	    name_of("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a");
	struct queue q = {.count = 0};
	struct qlog_query out;
	struct name name;
	size_t at = 0, put = 0, got = 0;

	random_state = 7;
	for (;; put++) {
		const struct qlog_query in = {.time_us = (int64_t)put,
					      .client_len = (uint8_t)(below(2) * 4),
					      .name = below(2) == 0 ? NULL : &longest,
					      .transport = "udp",
					      .fate = "cached"};
		if (!queue_put(&q, &in))
			break;
	}
	assert_true(put > 40000);
	assert_int_equal(q.count, put);
	assert_true(q.bytes.len <= QUEUE_BYTES_MAX);
	for (; queue_get(buf_str(&q.bytes), &at, &out, &name); got++)
		assert_int_equal(out.time_us, got);
	assert_int_equal(got, put);
	buf_finish(&q.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_query_comes_out_as_it_went_in),
	    cmocka_unit_test(test_texts_have_a_limit),
	    cmocka_unit_test(test_so_much_may_wait_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
