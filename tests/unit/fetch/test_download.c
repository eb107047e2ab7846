/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/download.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_request_round_trip(void **state)
{
	(void)state;
	struct download_request r, back;
	struct buf line = {0};
	struct err err = {0};
	download_request_init(&r);
	strcpy(r.url, "https://h.example/l?a=\"b\"");
	strcpy(r.etag, "W/\"x\"");
	strcpy(r.last_modified, "Mon, 01 Jan 2026 00:00:00 GMT");
	r.low_s = 7;
	download_request_put(&line, &r);
	assert_true(line.len < DOWNLOAD_REQUEST_MAX && line.ptr[line.len - 1] == '\n');
	assert_ptr_equal(memchr(line.ptr, '\n', line.len), line.ptr + line.len - 1);
	assert_true(download_request_parse(str_trim(buf_str(&line)), &back, &err));
	assert_string_equal(back.url, r.url);
	assert_string_equal(back.etag, r.etag);
	assert_string_equal(back.last_modified, r.last_modified);
	assert_true(back.low_s == 7 && back.max_bytes == DOWNLOAD_BYTES_MAX && back.connect_s == 10);
	buf_finish(&line);
}

static void test_bad_requests(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "",
	    "{",
	    "[]",
	    "{}",
	    "{\"version\": 1}",
	    "{\"version\": 2, \"url\": \"http://h/\"}",
	    "{\"version\": 1, \"url\": \"\"}",
	    "{\"version\": 1, \"url\": 1}",
	    "{\"version\": 1, \"url\": \"http://h/\", \"url\": \"http://i/\"}",
	    "{\"version\": 1, \"url\": \"http://h/\\r\\nX: y\"}",
	    "{\"version\": 1, \"url\": \"http://h/\", \"etag\": \"a\\nb\"}",
	    "{\"version\": 1, \"url\": \"http://h/\", \"etag\": [1]}",
	    "{\"version\": 1, \"url\": \"http://h/\", \"user_agent\": \"\\u00e9\"}",
	    "{\"version\": 1, \"url\": \"http://h/\", \"max_bytes\": -1}",
	    "{\"version\": 1, \"url\": \"http://h/\", \"max_bytes\": 268435457}",
	    "{\"version\": 1, \"url\": \"http://h/\", \"total_s\": 0}",
	    "{\"version\": 1, \"url\": \"http://h/\", \"total_s\": \"9\"}",
	};
	struct download_request r;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};
		if (download_request_parse(str_from(bad[i]), &r, &err))
			fail_msg("taken: %s", bad[i]);
		assert_true(err.text[0] != '\0');
	}
	char long_url[2200] = "{\"version\": 1, \"url\": \"http://h/";
	size_t len = strlen(long_url);
	memset(long_url + len, 'a', 2100);
	strcpy(long_url + len + 2060, "\"}");
	struct err err = {0};
	assert_false(download_request_parse(str_from(long_url), &r, &err));
	assert_true(download_request_parse(STR_LIT("{\"version\": 1, \"url\": \"http://h/\", \"etag\": null}"), &r, &err));
	assert_string_equal(r.etag, "");
}

static void test_heads(void **state)
{
	(void)state;
	uint8_t head[DOWNLOAD_HEAD];
	enum download_kind kind;
	uint32_t len;
	static const struct {
		char kind;
		uint32_t len;
		bool good;
	} cases[] = {{'b', 0, true},
		     {'b', DOWNLOAD_BODY_MAX, true},
		     {'b', DOWNLOAD_BODY_MAX + 1, false},
		     {'p', DOWNLOAD_NOTE_MAX, true},
		     {'p', DOWNLOAD_NOTE_MAX + 1, false},
		     {'e', 1, true},
		     {'e', UINT32_MAX, false},
		     {'x', 1, false},
		     {0, 0, false}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		download_head_put(head, (enum download_kind)cases[i].kind, cases[i].len);
		assert_int_equal(download_head_parse(head, &kind, &len), cases[i].good);
		if (cases[i].good)
			assert_true((char)kind == cases[i].kind && len == cases[i].len);
	}
}

static void test_notes(void **state)
{
	(void)state;
	struct buf text = {0};
	struct download_progress p = {5, 0}, p2;
	download_progress_put(&text, &p);
	assert_string_equal(text.ptr, "{\"bytes\":5,\"total\":null}");
	assert_true(download_progress_parse(buf_str(&text), &p2) && p2.bytes == 5 && p2.total == 0);
	assert_false(download_progress_parse(STR_LIT("{\"bytes\": -5}"), &p2));
	assert_false(download_progress_parse(STR_LIT("7"), &p2));
	buf_reset(&text);

	struct download_end e = {.status = 200, .etag = "\"a\"", .bytes = 9}, e2;
	download_end_put(&text, &e);
	assert_true(download_end_parse(buf_str(&text), &e2));
	assert_true(e2.status == 200 && e2.bytes == 9 && !e2.error[0] && !e2.last_modified[0]);
	assert_string_equal(e2.etag, "\"a\"");
	buf_reset(&text);
	e = (struct download_end){.status = 500, .error = "no \xff"};
	download_end_put(&text, &e);
	assert_true(download_end_parse(buf_str(&text), &e2) && e2.status == 500 && e2.error[0]);
	buf_finish(&text);

	static const char *const bad[] = {"",
					  "{}",
					  "{\"status\": 500}",
					  "{\"status\": 1200}",
					  "{\"status\": 200, \"error\": \"\"}",
					  "{\"status\": 200, \"error\": 1}",
					  "{\"status\": 200, \"etag\": \"a\\u0000\"}",
					  "{\"status\": 200, \"etag\": \"a\\r\\nb\"}",
					  "{\"status\": 200, \"bytes\": -1}"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (download_end_parse(str_from(bad[i]), &e2))
			fail_msg("taken: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request_round_trip),
	    cmocka_unit_test(test_bad_requests),
	    cmocka_unit_test(test_heads),
	    cmocka_unit_test(test_notes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
