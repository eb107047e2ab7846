/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/proto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Through bytes and back: what a peer would see. */
static json_t *carried(json_t *message)
{
	struct buf b = {0};
	struct err err = {0};
	ctl_frame_put(&b, message);
	assert_true(b.len > CTL_FRAME_HEAD);
	assert_int_equal(ctl_frame_len((const uint8_t *)b.ptr), b.len - CTL_FRAME_HEAD);
	json_t *back = ctl_frame_parse(b.ptr + CTL_FRAME_HEAD, b.len - CTL_FRAME_HEAD, &err);
	assert_non_null(back);
	buf_finish(&b);
	json_decref(message);
	return back;
}

static void test_frame_head(void **state)
{
	(void)state;
	const uint8_t head[] = {0x01, 0x02, 0x03, 0xff};
	assert_int_equal(ctl_frame_len(head), 0x010203ff);
	const uint8_t most[] = {0xff, 0xff, 0xff, 0xff};
	assert_true(ctl_frame_len(most) == UINT32_MAX);

	struct buf b = {0};
	buf_add_c(&b, "before");
	json_t *o = json_pack("{s:s}", "a", "b");
	ctl_frame_put(&b, o);
	assert_memory_equal(b.ptr, "before\0\0\0\x09{\"a\":\"b\"}", 6 + 4 + 9);
	json_decref(o);
	buf_finish(&b);
}

static void test_frame_fractions(void **state)
{
	(void)state;
	static const char expected[] = "{\"a\":41.533,\"b\":0.1,\"c\":1234567.891}";
	struct buf b = {0};
	json_t *o = json_pack("{s:f, s:f, s:f}", "a", 41.533, "b", 0.1, "c", 1234567.891);
	assert_non_null(o);
	ctl_frame_put(&b, o);
	assert_int_equal(b.len, CTL_FRAME_HEAD + strlen(expected));
	assert_memory_equal(b.ptr + CTL_FRAME_HEAD, expected, strlen(expected));
	json_decref(o);
	buf_finish(&b);
}

static void test_frame_parse_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
	    {"", 0},
	    {"{", 1},
	    {"[]", 2},
	    {"\"x\"", 3},
	    {"null", 4},
	    {"{} {}", 5},
	    {"{\"a\":1,\"a\":2}", 13},	      /* duplicate keys */
	    {"{\"a\":\"\\u0000\"}", 14},      /* a NUL that would cut C text */
	    {"{\"a\":\"\xff\"}", 9},	      /* not UTF-8 */
	    {"{\"a\":\"b\"}\0", 10},	      /* a byte after the end */
	    {"{\"a\":\"\xed\xa0\x80\"}", 11}, /* a surrogate */
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};
		json_t *m = ctl_frame_parse(bad[i].text, bad[i].len, &err);
		if (m)
			fail_msg("taken: %s", bad[i].text);
		assert_int_equal(err.code, ERR_INPUT);
		assert_true(strlen(err.text) > 10);
	}
	/* Depth is bounded by the reader, not by our stack. */
	char deep[20000];
	(void)snprintf(deep, sizeof(deep), "{\"a\":");
	memset(deep + strlen(deep), '[', sizeof(deep) - strlen("{\"a\":"));
	struct err err = {0};
	assert_null(ctl_frame_parse(deep, sizeof(deep), &err));
}

static void test_text(void **state)
{
	(void)state;
	json_t *t = ctl_text(STR_LIT("Surabaya – \"x\"\n"));
	assert_string_equal(json_string_value(t), "Surabaya – \"x\"\n");
	json_decref(t);
	t = ctl_text((struct str){NULL, 0});
	assert_true(json_is_null(t));
	t = ctl_text(STR_LIT(""));
	assert_string_equal(json_string_value(t), "");
	json_decref(t);
	t = ctl_text(STR_LIT("a\xff"
			     "b"));
	assert_string_equal(json_string_value(t), "a\\255b");
	json_decref(t);
	t = ctl_text(STR_LIT("a\0b"));
	assert_string_equal(json_string_value(t), "a\\000b");
	json_decref(t);
	t = ctl_text(STR_LIT("\xff\xff\xff\xff\xff\xff\xff\xff")); /* the longest form of all */
	assert_int_equal(json_string_length(t), 32);
	json_decref(t);
	t = ctl_time(1500000000);
	assert_string_equal(json_string_value(t), "2017-07-14T02:40:00Z");
	json_decref(t);
	assert_true(json_is_null(ctl_time(0)));
	assert_true(json_is_null(ctl_time(-1)));
}

/* What is printed, or sent to somebody who prints it, steers no terminal, and reads back as it was. */
static void test_json_is_inert(void **state)
{
	(void)state;
	static const char raw[] =
	    "\x1b[31m\r\n\t\"\\\x7f \xc2\x9b \xe2\x80\xae \xef\xbb\xbf \xf3\xa0\x80\x81 \xc3\xa9 \xe2\x82\xac</script>";
	json_t *o = json_object();
	assert_int_equal(json_object_set_new(o, raw, json_string(raw)), 0);
	char *text = ctl_json(o, JSON_INDENT(2));
	assert_true(str_is_utf8(str_from(text)));
	struct str rest = str_from(text);
	for (size_t n; rest.len > 0; rest = (struct str){rest.ptr + n, rest.len - n}) {
		uint32_t c = 0;
		n = str_utf8_first(rest, &c);
		assert_true(c == '\n' || !str_is_hidden(c));
	}
	assert_non_null(strstr(text, "\\u007f \\u009b \\u202e \\ufeff \\udb40\\udc01 \xc3\xa9"));
	json_t *back = json_loads(text, 0, NULL);
	assert_true(json_equal(o, back));
	free(text);
	json_decref(back);
	back = carried(o);
	assert_string_equal(json_string_value(json_object_get(back, raw)), raw);
	json_decref(back);
	json_t *plain = json_string("plain");
	text = ctl_json(plain, 0);
	assert_string_equal(text, "\"plain\"");
	free(text);
	json_decref(plain);
}

static void test_request(void **state)
{
	(void)state;
	json_t *args = json_pack("{s:s}", "name", "t.me");
	json_t *m = carried(ctl_request("explain", args));
	assert_int_equal(args->refcount, 1); /* still ours alone */
	json_decref(args);
	const char *verb = NULL;
	json_t *got = NULL;
	struct err err = {0};
	assert_true(ctl_request_parse(m, &verb, &got, &err));
	assert_string_equal(verb, "explain");
	assert_string_equal(json_string_value(json_object_get(got, "name")), "t.me");
	json_decref(m);

	m = carried(ctl_request("status", NULL));
	assert_true(ctl_request_parse(m, &verb, &got, &err));
	assert_null(got);
	json_decref(m);
}

static void test_request_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "{}",
	    "{\"verb\":\"status\"}",
	    "{\"version\":\"1\",\"verb\":\"status\"}",
	    "{\"version\":2,\"verb\":\"status\"}",
	    "{\"version\":1}",
	    "{\"version\":1,\"verb\":7}",
	    "{\"version\":1,\"verb\":null}",
	    "{\"version\":1,\"verb\":\"status\",\"args\":[]}",
	    "{\"version\":1,\"verb\":\"status\",\"args\":\"x\"}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *verb = "untouched";
		json_t *args = NULL;
		struct err err = {0};
		json_t *m = ctl_frame_parse(bad[i], strlen(bad[i]), &err);
		assert_non_null(m);
		if (ctl_request_parse(m, &verb, &args, &err))
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(verb, "untouched");
		assert_int_equal(err.code, ERR_INPUT);
		json_decref(m);
	}
}

static void test_reply_ok(void **state)
{
	(void)state;
	json_t *m = carried(ctl_reply_ok(json_pack("[i,i]", 1, 2)));
	json_t *result = NULL;
	struct err_list errors = {0};
	struct err err = {0};
	assert_true(ctl_reply_parse(m, &result, &errors, &err));
	assert_int_equal(json_array_size(result), 2);
	assert_int_equal(errors.count, 0);
	json_decref(m);
	/* null is a result, too */
	m = carried(ctl_reply_ok(json_null()));
	assert_true(ctl_reply_parse(m, &result, NULL, &err));
	assert_true(json_is_null(result));
	json_decref(m);
}

static void test_reply_err(void **state)
{
	(void)state;
	for (int code = ERR_USAGE; code <= ERR_INTERNAL; code++) {
		struct err said = {0}, heard = {0};
		(void)err_set_at(&said, (enum err_code)code, "lists/a.yaml", 14, 3, "the text \"%s\"", "with quotes");
		json_t *m = carried(ctl_reply_err(&said, NULL));
		json_t *result = NULL;
		assert_false(ctl_reply_parse(m, &result, NULL, &heard));
		assert_null(result);
		assert_int_equal(heard.code, code);
		assert_string_equal(heard.text, said.text);
		assert_string_equal(heard.file, "lists/a.yaml");
		assert_int_equal(heard.line, 14);
		assert_int_equal(heard.column, 3);
		json_decref(m);
	}
}

static void test_reply_err_list(void **state)
{
	(void)state;
	struct err err = {0}, heard = {0};
	struct err_list errors = {0}, got = {0};
	(void)err_set(&err, ERR_INPUT, "there are many errors");
	for (uint32_t i = 0; i < ERR_LIST_MAX + 7; i++)
		err_list_add_at(&errors, i % 2 ? "b.yaml" : "", i, i + 1, "error %u", i);
	json_t *m = carried(ctl_reply_err(&err, &errors));
	json_t *result = NULL;
	assert_false(ctl_reply_parse(m, &result, &got, &heard));
	assert_string_equal(heard.file, "");
	assert_int_equal(got.count, ERR_LIST_MAX);
	assert_int_equal(got.swallowed, 7);
	assert_string_equal(got.items[0].file, "");
	assert_string_equal(got.items[3].file, "b.yaml");
	assert_int_equal(got.items[3].line, 3);
	assert_int_equal(got.items[3].column, 4);
	assert_string_equal(got.items[3].text, "error 3");
	json_decref(m);
	err_list_finish(&errors);
	err_list_finish(&got);
}

static void test_reply_malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {
	    "{}",
	    "{\"ok\":1}",
	    "{\"ok\":true}",
	    "{\"ok\":\"true\",\"result\":1}",
	    "{\"ok\":false}",
	    "{\"ok\":false,\"error\":[]}",
	    "{\"ok\":false,\"error\":{\"code\":5,\"text\":[]},\"errors\":7}",
	    "{\"ok\":false,\"error\":{\"code\":\"odd\"},\"errors\":[1,{},{\"line\":-1,\"column\":99999999999}],\"swallowed\":-4}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};
		struct err_list errors = {0};
		json_t *result = NULL;
		json_t *m = ctl_frame_parse(bad[i], strlen(bad[i]), &err);
		assert_non_null(m);
		assert_false(ctl_reply_parse(m, &result, &errors, &err));
		assert_null(result);
		assert_int_equal(err.code, ERR_INTERNAL);
		assert_true(err.text[0] != '\0');
		assert_int_equal(errors.swallowed, 0);
		for (size_t e = 0; e < errors.count; e++)
			assert_int_equal(errors.items[e].line, 0);
		err_list_finish(&errors);
		json_decref(m);
	}
}

static void test_code_words(void **state)
{
	(void)state;
	assert_string_equal(ctl_code_word(ERR_DENIED), "denied");
	assert_string_equal(ctl_code_word(ERR_INPUT), "input");
	assert_string_equal(ctl_code_word((enum err_code)9999), "internal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_frame_head),		cmocka_unit_test(test_frame_fractions),
	    cmocka_unit_test(test_frame_parse_refuses), cmocka_unit_test(test_text),
	    cmocka_unit_test(test_json_is_inert),	cmocka_unit_test(test_request),
	    cmocka_unit_test(test_request_refuses),	cmocka_unit_test(test_reply_ok),
	    cmocka_unit_test(test_reply_err),		cmocka_unit_test(test_reply_err_list),
	    cmocka_unit_test(test_reply_malformed),	cmocka_unit_test(test_code_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
