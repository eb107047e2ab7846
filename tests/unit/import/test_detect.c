/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What auto takes a text for, and what no format takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import/segment.h"

static const struct {
	const char *text;
	enum format format;
	const char *why; /* of FORMAT_AUTO */
} cases[] = {
    {"", FORMAT_DOMAINS, NULL},
    {"# nothing but this\n\n! and this\n", FORMAT_DOMAINS, NULL},
    {"a.example\n", FORMAT_DOMAINS, NULL},
    {"\xef\xbb\xbf# x\na.example # inline\r\nb.example\r\n", FORMAT_DOMAINS, NULL},
    {"a.example\n*.b.example\n", FORMAT_WILDCARD, NULL},
    {"*.b.example", FORMAT_WILDCARD, NULL},
    {"=b.example\na.example\n*.c.example", FORMAT_WILDCARD, NULL},
    {"127.0.0.1 localhost\n0.0.0.0 a.example\n", FORMAT_HOSTS, NULL},
    {"::1 a.example b.example\n", FORMAT_HOSTS, NULL},
    {"fe80::1%lo0 localhost\n", FORMAT_HOSTS, NULL},
    {"! comment\n## comment\n0.0.0.0 a.example\n", FORMAT_HOSTS, NULL},
    {"[Adblock Plus 2.0]\n! x\n||a.example^\n", FORMAT_ADBLOCK, NULL},
    {"||a.example^$third-party\n@@||b.example^\n", FORMAT_ADBLOCK, NULL},
    {"example.com##.ad\nexample.net#@#.ad\n", FORMAT_ADBLOCK, NULL},
    {"|a.example^\n/ads[0-9]+/\n", FORMAT_ADBLOCK, NULL},
    {"address=/a.example/#\nserver=/b.example/\n", FORMAT_DNSMASQ, NULL},
    {"server=/a.example/114.114.114.114\n", FORMAT_DNSMASQ, NULL},
    {"bogus-nxdomain=192.0.2.1\n", FORMAT_DNSMASQ, NULL},
    {"server:\n  local-zone: \"a.example\" always_nxdomain\n", FORMAT_UNBOUND, NULL},
    {"local-data: 'a.example A 0.0.0.0'\n", FORMAT_UNBOUND, NULL},
    {"$TTL 60\n@ SOA a. b. 1 2 3 4 5\na.example CNAME .\n", FORMAT_RPZ, NULL},
    {"a.example 60 IN CNAME rpz-passthru.\n*.a.example CNAME .\n", FORMAT_RPZ, NULL},
    {"a.example CNAME . ; why\n", FORMAT_RPZ, NULL},
    {"title: x\nentries:\n  - a.example\n  - domain: b.example\n    match: exact\n", FORMAT_YAML, NULL},
    {"entries: []\n", FORMAT_YAML, NULL},
    {"---\nentries:\n- a.example\n", FORMAT_YAML, NULL},
    {"entries:\n  - t..me\n  - 'x y'\n", FORMAT_YAML, NULL},
    {"1.2.3.4\n10.0.0.0/8\n::1\n", FORMAT_AUTO, "a list of IP addresses"},
    {"1.2.3.4\n10.0.0.0/8\na.example\n", FORMAT_AUTO, "a list of IP addresses"},
    {"(^|\\.)ads[0-9]*\\.example$\n^x\\.example$\n", FORMAT_AUTO, "a list of regular expressions"},
    {"ALL: a.example\nALL: b.example\nALL: .c.example\n", FORMAT_AUTO, "a hosts.deny file"},
    {"<!DOCTYPE html>\n<html><body>404</body></html>\n", FORMAT_AUTO, "an HTML page"},
    {"\n\n  <HTML>\n<head>", FORMAT_AUTO, "an HTML page"},
    {"<?xml version=\"1.0\"?>\n<Error/>\n", FORMAT_AUTO, "an HTML page"},
    {"\x1f\x8b\x08\x08rest", FORMAT_AUTO, "compressed data (gzip)"},
    {"\xfd"
     "7zXZrest",
     FORMAT_AUTO, "compressed data (xz)"},
    {"\x28\xb5\x2f\xfdrest", FORMAT_AUTO, "compressed data (zstd)"},
    {"\x01\x02\x03\x04\x05\x06\x07\x08", FORMAT_AUTO, "binary data"},
    {"Please log in to see this page.\nThere is nothing here.\n", FORMAT_AUTO, "text of some other kind"},
    {"{\"error\": \"rate limit\"}\n", FORMAT_AUTO, "text of some other kind"},
};

static void detected(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *why = NULL;
		enum format format = import_detect(str_from(cases[i].text), &why);
		if (format != cases[i].format)
			fail_msg("case %zu: %s (%s)", i, format_words[format], why == NULL ? "" : why);
		if (format == FORMAT_AUTO)
			assert_string_equal(why, cases[i].why);
	}
}

/* What no list is, is refused whatever saring.yaml calls it; what is said names the file and its first line. */
static void refused_with_a_format_too(void **state)
{
	(void)state;
	static const char *const texts[] = {"<!doctype html>\n<p>0.0.0.0 a.example\n", "\x1f\x8b\x08",
					    "ALL: a.example\nALL: b.example\n"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		for (enum format f = FORMAT_AUTO; f < FORMAT_COUNT; f++) {
			const struct segment_settings how = {.format = f};
			struct err_list errors = {0};
			if (f == FORMAT_YAML)
				continue; /* has its own words for it */
			assert_null(segment_import(str_from(texts[i]), &how, "/l.txt", "l.txt", &errors));
			assert_int_equal(errors.count, 1);
			assert_string_equal(errors.items[0].file, "l.txt");
			assert_int_equal(errors.items[0].line, 1);
			assert_non_null(strstr(errors.items[0].text, "it looks like "));
			err_list_finish(&errors);
		}
	}
}

static void refuse(const char *bytes, size_t len, enum format format)
{
	const struct segment_settings how = {.format = format};
	struct err_list errors = {0};
	assert_null(segment_import((struct str){bytes, len}, &how, "/l", "l", &errors));
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.items[0].text, "it looks like binary data"));
	err_list_finish(&errors);
}

static void binary_is_refused(void **state)
{
	(void)state;
	char text[8192] = "a.example\n";
	static const char utf16[] = "a\0.\0e\0x\0\n\0b\0.\0e\0x\0\n";
	static const char nothing_else[] = "# the lists of today\n\n0.0.0.0 b.exa\0mple\n";
	for (size_t i = 10; i < sizeof(text); i++)
		text[i] = i % 64 < 3 ? '\x01' : i % 64 == 63 ? '\n' : 'x';
	for (enum format f = FORMAT_AUTO; f < FORMAT_COUNT; f++) {
		if (f == FORMAT_YAML)
			continue; /* has its own words for it */
		refuse(text, sizeof(text), f);
		refuse(utf16, sizeof(utf16) - 1, f);
	}
	refuse(nothing_else, sizeof(nothing_else) - 1, FORMAT_HOSTS);
}

/* Here and there a byte that is no text costs the line it stands in, whatever is said of the format. */
static void a_nul_costs_its_line(void **state)
{
	(void)state;
	static const char text[] = "0.0.0.0 a.example\n0.0.0.0 b.exa\0mple\n0.0.0.0 c.exa\x01mple\n\0\0\0\n0.0.0.0 d.example\n";
	static const enum format formats[] = {FORMAT_AUTO, FORMAT_HOSTS};
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		const struct segment_settings how = {.format = formats[i]};
		struct err_list errors = {0};
		struct segment *s = segment_import((struct str){text, sizeof(text) - 1}, &how, "/l", "l", &errors);
		assert_int_equal(errors.count, 0);
		assert_non_null(s);
		assert_int_equal(segment_format(s), FORMAT_HOSTS);
		assert_int_equal(segment_entry_count(s), 2);
		assert_int_equal(report_left(segment_report(s)), 3);
		assert_int_equal(segment_report(s)->left[LEFT_NOT_TEXT].count, 3);
		segment_destroy(s);
	}
}

/* A text of another format than was said: nothing at all of it can be read. */
static void hopeless(void **state)
{
	(void)state;
	struct err_list errors = {0};
	const struct segment_settings how = {.format = FORMAT_DOMAINS};
	char text[1024] = "";
	for (unsigned i = 0; i < 11; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "<li>%u\n", i);
	assert_null(segment_import(str_from(text), &how, "/l", "l", &errors));
	assert_int_equal(errors.count, 1);
	err_list_finish(&errors);
	/* one name in it, and it is a list, of which much is left out */
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "a.example\n");
	struct segment *s = segment_import(str_from(text), &how, "/l", "l", &errors);
	assert_non_null(s);
	assert_int_equal(segment_entry_count(s), 1);
	segment_destroy(s);
	/* few lines prove nothing */
	s = segment_import(str_from("<li>1\n<li>2\n"), &how, "/l", "l", &errors);
	assert_non_null(s);
	assert_int_equal(segment_entry_count(s), 0);
	segment_destroy(s);
	assert_int_equal(errors.count, 0);
}

static void detected_is_told(void **state)
{
	(void)state;
	struct err_list errors = {0};
	struct segment_settings how = {.format = FORMAT_AUTO};
	struct segment *s = segment_import(STR_LIT("0.0.0.0 a.example\n"), &how, "/l", "l", &errors);
	assert_true(segment_report(s)->detected);
	assert_int_equal(segment_report(s)->format, FORMAT_HOSTS);
	segment_destroy(s);
	how.format = FORMAT_HOSTS;
	s = segment_import(STR_LIT("0.0.0.0 a.example\n"), &how, "/l", "l", &errors);
	assert_false(segment_report(s)->detected);
	segment_destroy(s);
	assert_int_equal(errors.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(detected),		 cmocka_unit_test(refused_with_a_format_too),
	    cmocka_unit_test(binary_is_refused), cmocka_unit_test(a_nul_costs_its_line),
	    cmocka_unit_test(hopeless),		 cmocka_unit_test(detected_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
