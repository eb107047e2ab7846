/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/openmetrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct buf text;

static struct openmetrics begin(enum openmetrics_format format)
{
	buf_reset(&text);
	return (struct openmetrics){.format = format, .out = &text};
}

static void expect(const char *wanted)
{
	assert_string_equal(text.ptr, wanted);
	buf_finish(&text);
}

static void a_counter_in_both(void **state)
{
	struct openmetrics om = begin(OPENMETRICS_TEXT);
	(void)state;
	openmetrics_counter(&om, "saring_x", "So many.", UINT64_MAX);
	openmetrics_end(&om);
	expect("# HELP saring_x_total So many.\n# TYPE saring_x_total counter\nsaring_x_total 18446744073709551615\n");
	om = begin(OPENMETRICS_1_0);
	openmetrics_counter(&om, "saring_x", "So many.", 0);
	openmetrics_end(&om);
	expect("# HELP saring_x So many.\n# TYPE saring_x counter\nsaring_x_total 0\n# EOF\n");
}

static void an_info_in_both(void **state)
{
	struct openmetrics om = begin(OPENMETRICS_TEXT);
	(void)state;
	openmetrics_family(&om, OPENMETRICS_INFO, "saring_x", "It is.");
	openmetrics_count(&om, OPENMETRICS_LABELS({"version", STR_LIT("1")}, {"b", STR_LIT("")}), 1);
	expect("# HELP saring_x_info It is.\n# TYPE saring_x_info gauge\nsaring_x_info{version=\"1\",b=\"\"} 1\n");
	om = begin(OPENMETRICS_1_0);
	openmetrics_family(&om, OPENMETRICS_INFO, "saring_x", "It is.");
	openmetrics_count(&om, OPENMETRICS_LABELS({"version", STR_LIT("1")}), 1);
	expect("# HELP saring_x It is.\n# TYPE saring_x info\nsaring_x_info{version=\"1\"} 1\n");
}

static void units(void **state)
{
	struct openmetrics om = begin(OPENMETRICS_1_0);
	(void)state;
	openmetrics_gauge_real(&om, "saring_x_seconds", "Long.", 0.25);
	openmetrics_gauge(&om, "saring_x_bytes", "Much.", 7);
	openmetrics_gauge(&om, "_bytes", "No unit of nothing.", 7);
	expect(
	    "# HELP saring_x_seconds Long.\n# TYPE saring_x_seconds gauge\n# UNIT saring_x_seconds seconds\nsaring_x_seconds 0.25\n"
	    "# HELP saring_x_bytes Much.\n# TYPE saring_x_bytes gauge\n# UNIT saring_x_bytes bytes\nsaring_x_bytes 7\n"
	    "# HELP _bytes No unit of nothing.\n# TYPE _bytes gauge\n_bytes 7\n");
	om = begin(OPENMETRICS_TEXT);
	openmetrics_gauge_real(&om, "x_seconds", "Long.", 1.0 / 0.0);
	expect("# HELP x_seconds Long.\n# TYPE x_seconds gauge\nx_seconds 0\n");
}

static void labels_are_escaped(void **state)
{
	const struct {
		struct str value;
		const char *wanted;
	} rows[] = {
	    {STR_LIT("a\"b"), "a\\\"b"},
	    {STR_LIT("a\\b\\"), "a\\\\b\\\\"},
	    {STR_LIT("a\nb\n"), "a\\nb\\n"},
	    {STR_LIT("\"} 1\nsaring_forged 1\n"), "\\\"} 1\\nsaring_forged 1\\n"},
	    {STR_LIT("caf\xc3\xa9 \xe2\x82\xac"), "caf\xc3\xa9 \xe2\x82\xac"},
	    {STR_LIT("\xc3"), "?"},
	    {STR_LIT("\xff\xfe\x80z"), "???z"},
	    {STR_LIT("a\0b"), "a?b"},
	    {STR_LIT("\x1b[31m\r\t\x7f"), "?[31m???"},
	    {STR_LIT("\xe2\x80\xae"
		     "evil"),
	     "?evil"},
	    {STR_LIT(""), ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct openmetrics om = begin(OPENMETRICS_1_0);
		char wanted[256];
		om.name = "x";
		om.type = OPENMETRICS_GAUGE;
		openmetrics_count(&om, OPENMETRICS_LABELS({"l", rows[i].value}), 1);
		(void)snprintf(wanted, sizeof(wanted), "x{l=\"%s\"} 1\n", rows[i].wanted);
		expect(wanted);
	}
}

static void a_histogram_adds_up(void **state)
{
	struct openmetrics om = begin(OPENMETRICS_TEXT);
	struct latency_sum sum = {.sum_us = 1500007};
	(void)state;
	sum.counts[0] = 1;
	sum.counts[2] = 2;
	sum.counts[LATENCY_BOUNDS] = 4;
	openmetrics_family(&om, OPENMETRICS_HISTOGRAM, "x_seconds", "Long.");
	openmetrics_latency(&om, OPENMETRICS_LABELS({"v", STR_LIT("a")}), &sum);
	assert_non_null(strstr(text.ptr, "x_seconds_bucket{v=\"a\",le=\"5e-05\"} 1\nx_seconds_bucket{v=\"a\",le=\"0.0001\"} 1\n"
					 "x_seconds_bucket{v=\"a\",le=\"0.00025\"} 3\n"));
	assert_non_null(strstr(text.ptr, "x_seconds_bucket{v=\"a\",le=\"5.0\"} 3\nx_seconds_bucket{v=\"a\",le=\"+Inf\"} 7\n"
					 "x_seconds_sum{v=\"a\"} 1.500007\nx_seconds_count{v=\"a\"} 7\n"));
	buf_finish(&text);
}

static void who_gets_which(void **state)
{
	static const struct {
		const char *accept;
		enum openmetrics_format wanted;
	} rows[] = {
	    {NULL, OPENMETRICS_TEXT},
	    {"", OPENMETRICS_TEXT},
	    {"*/*", OPENMETRICS_TEXT},
	    {"application/openmetrics-text", OPENMETRICS_1_0},
	    {"APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; q=0.1", OPENMETRICS_1_0},
	    {"application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS_1_0},
	    {"application/openmetrics-text;version=0.0.1", OPENMETRICS_TEXT},
	    {"application/openmetrics-text;version=2.0.0,*/*", OPENMETRICS_TEXT},
	    {"application/openmetrics-text;q=0", OPENMETRICS_TEXT},
	    {"application/openmetrics-text;q=0.000", OPENMETRICS_TEXT},
	    {"application/openmetrics-text;q=", OPENMETRICS_TEXT},
	    {"application/openmetrics-text;q=nonsense", OPENMETRICS_TEXT},
	    {"application/openmetrics-text;q=0.4,text/plain;q=0.5", OPENMETRICS_TEXT},
	    {"text/plain;q=0.5,application/openmetrics-text;q=0.5", OPENMETRICS_1_0},
	    {"text/plain;version=0.0.4,application/openmetrics-text;q=0.999", OPENMETRICS_TEXT},
	    {"text/plain;version=1.0.0,application/openmetrics-text;q=0.1", OPENMETRICS_1_0},
	    {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
	     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	     OPENMETRICS_1_0},
	    {"application/openmetrics-textual", OPENMETRICS_TEXT},
	    {",,;;,=;q,application/openmetrics-text;;;", OPENMETRICS_1_0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str accept = rows[i].accept == NULL ? (struct str){NULL, 0} : str_from(rows[i].accept);
		if (openmetrics_choose(accept) != rows[i].wanted)
			fail_msg("%s", rows[i].accept);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_counter_in_both),  cmocka_unit_test(an_info_in_both),	 cmocka_unit_test(units),
	    cmocka_unit_test(labels_are_escaped), cmocka_unit_test(a_histogram_adds_up), cmocka_unit_test(who_gets_which),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
