/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import_fixture.h"
#include "import/segment_build.h"

static void fill(struct report *r)
{
	struct import im;
	const struct segment_settings how = {.format = FORMAT_ADBLOCK};
	import_begin(&im, &how, FORMAT_ADBLOCK);
	import_changed(&im, CHANGE_CASE, 3, STR_LIT("A.example"));
	for (uint32_t i = 0; i < 5; i++)
		import_left(&im, LEFT_IP, 10 + i, STR_LIT("1.2.3.4 \"\x01\\ \xc3\xbc \xff"));
	import_left_word(&im, LEFT_BROWSER, STR_LIT("popup"), 7, STR_LIT("||a^$popup"));
	import_left_word(&im, LEFT_BROWSER, STR_LIT("popup"), 8, STR_LIT("||b^$popup"));
	import_left_word(&im, LEFT_MODIFIER, STR_LIT("popup"), 9, STR_LIT("||c^$popup"));
	import_comment(&im);
	struct segment *s = import_end(&im);
	*r = *segment_report(s);
	r->taken[MATCH_SUBTREE] = UINT64_C(1) << 40;
	r->taken_allow = 2;
	r->bytes = 77;
	r->lines = 9;
	r->detected = true;
	segment_destroy(s);
}

static void same(const struct report *a, const struct report *b)
{
	struct buf x = {0}, y = {0};
	report_write(a, &x);
	report_write(b, &y);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.ptr, y.ptr, x.len);
	buf_finish(&x);
	buf_finish(&y);
}

static void there_and_back(void **state)
{
	(void)state;
	struct report *r = calloc(1, sizeof(*r)), *back = calloc(1, sizeof(*back));
	struct buf b = {0};
	assert_true(r != NULL && back != NULL);
	fill(r);
	report_write(r, &b);
	assert_true(report_read(buf_str(&b), back));
	same(r, back);
	assert_int_equal(report_taken(back), UINT64_C(1) << 40);
	assert_int_equal(report_left(back), 8);
	assert_int_equal(back->left[LEFT_IP].count, 5);
	assert_int_equal(back->left[LEFT_IP].samples[2].line, 12);
	assert_string_equal(back->left[LEFT_IP].samples[0].text, "1.2.3.4 \\\"\\001\\\\ \xc3\xbc \\255");
	assert_int_equal(back->word_count, 2);
	assert_int_equal(back->words[0].count, 2);
	buf_finish(&b);
	free(r);
	free(back);
}

static void cut_is_refused(void **state)
{
	(void)state;
	struct report *r = calloc(1, sizeof(*r)), *back = calloc(1, sizeof(*back));
	struct buf b = {0};
	assert_true(r != NULL && back != NULL);
	fill(r);
	report_write(r, &b);
	for (size_t len = 0; len < b.len; len++) {
		char *cut = malloc(len + 1);
		assert_non_null(cut);
		memcpy(cut, b.ptr, len);
		assert_false(report_read((struct str){cut, len}, back));
		free(cut);
	}
	/* any octet may be wrong: it is refused, or read, and never more */
	for (size_t i = 0; i < b.len; i++) {
		b.ptr[i] = (char)(b.ptr[i] ^ 0xff);
		if (report_read(buf_str(&b), back))
			json_decref(report_to_json(back));
		b.ptr[i] = (char)(b.ptr[i] ^ 0xff);
	}
	buf_add(&b, "", 1);
	assert_false(report_read(buf_str(&b), back));
	buf_finish(&b);
	free(r);
	free(back);
}

static void as_json(void **state)
{
	(void)state;
	struct report *r = calloc(1, sizeof(*r));
	assert_non_null(r);
	fill(r);
	json_t *j = report_to_json(r);
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);
	assert_string_equal(
	    text,
	    "{\"format\":\"adblock\",\"detected\":true,\"bytes\":77,\"lines\":9,\"comments\":1,\"taken\":{\"total\":1099511627776,"
	    "\"exact\":0,\"subtree\":1099511627776,\"subdomains\":0,\"regex\":0,\"pattern\":0,\"address\":0,\"client\":0,\"allow\":"
	    "2},"
	    "\"changed\":[{\"kind\":\"case\",\"count\":1,\"samples\":[{\"line\":3,\"text\":\"A.example\"}]}],"
	    "\"left_out\":[{\"reason\":\"ip\",\"count\":5,\"samples\":[{\"line\":10,\"text\":\"1.2.3.4 \\\\\\\"\\\\001\\\\\\\\ "
	    "\\u00FC \\\\255\"},"
	    "{\"line\":11,\"text\":\"1.2.3.4 \\\\\\\"\\\\001\\\\\\\\ \\u00FC \\\\255\"},{\"line\":12,\"text\":\"1.2.3.4 "
	    "\\\\\\\"\\\\001\\\\\\\\ \\u00FC \\\\255\"}],\"words\":{}},"
	    "{\"reason\":\"browser-only\",\"count\":2,\"samples\":[{\"line\":7,\"text\":\"||a^$popup\"},{\"line\":8,\"text\":\"||b^"
	    "$popup\"}],"
	    "\"words\":{\"popup\":2}},{\"reason\":\"unknown-modifier\",\"count\":1,\"samples\":[{\"line\":9,\"text\":\"||c^$"
	    "popup\"}],"
	    "\"words\":{\"popup\":1}}]}");
	free(text);
	json_decref(j);
	free(r);
}

/* Whoever writes a list can't make the report grow. */
static void words_are_bounded(void **state)
{
	(void)state;
	struct import im;
	const struct segment_settings how = {.format = FORMAT_ADBLOCK};
	char word[64];
	uint64_t sum = 0;
	import_begin(&im, &how, FORMAT_ADBLOCK);
	for (uint32_t i = 0; i < 1000; i++) {
		(void)snprintf(word, sizeof(word), "a-word-that-is-longer-than-there-is-room-for-%u", i);
		import_left_word(&im, LEFT_MODIFIER, str_from(i % 2 == 0 ? word : word + 43), i, STR_LIT("x"));
	}
	struct segment *s = import_end(&im);
	const struct report *r = segment_report(s);
	assert_int_equal(r->word_count, REPORT_WORDS);
	assert_string_equal(r->words[REPORT_WORDS - 1].word, "...");
	for (size_t i = 0; i < r->word_count; i++)
		sum += r->words[i].count;
	assert_int_equal(sum, 1000);
	assert_int_equal(r->left[LEFT_MODIFIER].count, 1000);
	segment_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(cut_is_refused),
	    cmocka_unit_test(as_json),
	    cmocka_unit_test(words_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
