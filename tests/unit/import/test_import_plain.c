/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hosts, domains, wildcard: what each kind of line becomes, and what comes of lines that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "import_fixture.h"

static void golden_hosts(void **state)
{
	(void)state;
	import_fixture_golden("hosts", import_hosts, FORMAT_HOSTS);
}

static void golden_domains(void **state)
{
	(void)state;
	import_fixture_golden("domains", import_domains, FORMAT_DOMAINS);
}

static void golden_wildcard(void **state)
{
	(void)state;
	import_fixture_golden("wildcard", import_wildcard, FORMAT_WILDCARD);
}

static void several_names_on_a_line(void **state)
{
	(void)state;
	import_fixture_entries(import_hosts, FORMAT_HOSTS, "0.0.0.0 a.example b.example\n\n::1 c.example", NULL,
			       "1: block unsaid a.example\n1: block unsaid b.example\n3: block unsaid c.example\n");
}

static void kinds_of_wildcards(void **state)
{
	(void)state;
	import_fixture_entries(import_wildcard, FORMAT_WILDCARD,
			       "*.a.example\n.b.example\n=c.example\nd*.example\n||e.example^\nf.example\n", NULL,
			       "1: block subdomains a.example\n2: block subtree b.example\n3: block exact c.example\n"
			       "4: block pattern d*.example\n5: block subtree e.example\n6: block unsaid f.example\n");
}

/* In a list of allow entries an entry has the list's own action: that is not said with it. */
static void an_allow_list(void **state)
{
	(void)state;
	const struct segment_settings allow = {.format = FORMAT_DOMAINS, .action = ACTION_ALLOW};
	struct segment *s = import_fixture_segment(import_domains, FORMAT_DOMAINS, STR_LIT("a.example\n*.b.example\n"), &allow);
	struct segment_class class;
	assert_int_equal(segment_report(s)->taken_allow, 2);
	for (uint32_t i = 0; i < segment_class_count(s); i++) {
		segment_class(s, i, &class);
		assert_false(class.has_action);
	}
	segment_destroy(s);
}

/* A line that is longer than any name in every way that costs. */
static void long_lines(void **state)
{
	(void)state;
	struct buf text = {0};
	for (size_t i = 0; i < IMPORT_LINE_MAX + 1; i++)
		buf_add(&text, "a", 1);
	buf_add_c(&text, "\n0.0.0.0 ");
	for (size_t i = 0; i < IMPORT_LINE_MAX - 8; i++)
		buf_add(&text, i % 2 == 0 ? "b" : ".", 1);
	buf_add_c(&text, "\n0.0.0.0 fine.example");
	struct segment *s = import_fixture_segment(import_hosts, FORMAT_HOSTS, buf_str(&text), NULL);
	const struct report *r = segment_report(s);
	assert_int_equal(r->left[LEFT_TOO_LONG].count, 1);
	assert_int_equal(r->left[LEFT_TOO_LONG].samples[0].line, 1);
	assert_true(strlen(r->left[LEFT_TOO_LONG].samples[0].text) < REPORT_SAMPLE_LEN);
	assert_int_equal(r->left[LEFT_BAD_NAME].count, 1);
	assert_int_equal(r->lines, 3);
	assert_int_equal(segment_entry_count(s), 1);
	segment_destroy(s);
	buf_finish(&text);
}

/* What is too long by one, at the end of memory that nobody may read behind. */
static void names_at_the_limits(void **state)
{
	(void)state;
	for (size_t len = 250; len <= 260; len++) {
		char *text = malloc(len);
		assert_non_null(text);
		for (size_t i = 0; i < len; i++)
			text[i] = i % 64 == 63 ? '.' : 'x';
		bool dot = text[len - 1] == '.';
		size_t name_len = dot ? len - 1 : len;
		struct segment *s = import_fixture_segment(import_domains, FORMAT_DOMAINS, (struct str){text, len}, NULL);
		assert_int_equal(segment_entry_count(s), name_len <= 253);
		assert_int_equal(segment_report(s)->left[LEFT_BAD_NAME].count, name_len > 253);
		segment_destroy(s);
		free(text);
	}
}

static void too_many_patterns(void **state)
{
	(void)state;
	struct buf text = {0};
	for (unsigned i = 0; i < IMPORT_PATTERN_MAX + 5; i++)
		buf_printf(&text, "ads*.n%u.example\n", i);
	struct segment *s = import_fixture_segment(import_wildcard, FORMAT_WILDCARD, buf_str(&text), NULL);
	assert_int_equal(segment_entry_count(s), IMPORT_PATTERN_MAX);
	assert_int_equal(segment_report(s)->left[LEFT_PATTERN].count, 5);
	assert_int_equal(segment_report(s)->left[LEFT_PATTERN].samples[0].line, IMPORT_PATTERN_MAX + 1);
	segment_destroy(s);
	buf_finish(&text);
}

static void addresses(void **state)
{
	(void)state;
	static const char *const good[] = {"0.0.0.0",	      "1.2.3.4",	 "::",	       "::1",	     "fe80::1%lo0",
					   "[::1]",	      "[::1]:53",	 "1.2.3.4:53", "10.0.0.0/8", "2001:db8::/32",
					   "255.255.255.255", "::ffff:192.0.2.1"};
	static const char *const bad[] = {"",	"a", "1.2.3", "1.2.3.4.5",   "256.1.1.1", "1.2.3.4/x", "1.2.3.4/", "[",
					  "[]", ":", "/8",    "example.com", "%lo0",	  "1.2.3.4:",  "::g"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (!import_is_address(str_from(good[i])))
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (import_is_address(str_from(bad[i])))
			fail_msg("%s", bad[i]);
	}
}

/* --- the real lists, where they are --- */

struct real {
	const char *file;
	enum format format; /* FORMAT_AUTO: no list */
	uint64_t taken;
};

static char *read_gz(const char *dir, const char *file, size_t *ret_len)
{
	struct buf command = {0}, text = {0};
	struct err err;
	buf_printf(&command, "zcat '%s/%s.gz'", dir, file);
	FILE *pipe = popen(command.ptr, "r");
	assert_non_null(pipe);
	if (!file_read_fd(fileno(pipe), file, (size_t)64 * 1024 * 1024, &text, &err))
		fail_msg("%s", err.text);
	assert_int_equal(pclose(pipe), 0);
	buf_finish(&command);
	*ret_len = text.len;
	return text.ptr;
}

static void real_lists(void **state)
{
	(void)state;
	static const struct real lists[] = {
	    {"hosts-blp-basic.txt", FORMAT_HOSTS, 76036},
	    {"hosts-2o7-crlf.txt", FORMAT_HOSTS, 2030},
	    {"hosts-coinblocker.txt", FORMAT_HOSTS, 14402},
	    {"hosts-kad-2021.txt", FORMAT_HOSTS, 23654},
	    {"hosts-nordic.txt", FORMAT_HOSTS, 655},
	    {"hosts-vn-threat-idn.txt", FORMAT_HOSTS, 4447},
	    {"hosts-antimalware-bracketv6.txt", FORMAT_HOSTS, 11737},
	    {"domains-blp-phishing.txt", FORMAT_DOMAINS, 190215},
	    {"domains-gambling-au.txt", FORMAT_DOMAINS, 32603},
	    {"domains-stevenblack-2022.txt", FORMAT_DOMAINS, 140626},
	    {"wildcard-hagezi-light-2022.txt", FORMAT_WILDCARD, 122680},
	    {"wildcard-dnscrypt-wsb.txt", FORMAT_WILDCARD, 356},
	    {"ip-blp-malware.txt", FORMAT_AUTO, 0},
	    {"deny-nordic-tcpwrappers.deny", FORMAT_AUTO, 0},
	    {"regex-kad.txt", FORMAT_AUTO, 0},
	};
	const char *dir = getenv("SARING_LISTS");
	if (dir == NULL) {
		print_message("SARING_LISTS is not set: the real lists are not read\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct segment_settings how = {.format = FORMAT_AUTO};
		struct err_list errors = {0};
		size_t len = 0;
		char *text = read_gz(dir, lists[i].file, &len);
		struct segment *s = segment_import((struct str){text, len}, &how, lists[i].file, lists[i].file, &errors);
		if ((s == NULL) != (lists[i].format == FORMAT_AUTO))
			fail_msg("%s", lists[i].file);
		assert_int_equal(errors.count, s == NULL);
		if (s != NULL && (segment_format(s) != lists[i].format || segment_entry_count(s) != lists[i].taken))
			fail_msg("%s: %s, %zu entries", lists[i].file, format_words[segment_format(s)], segment_entry_count(s));
		segment_destroy(s);
		err_list_finish(&errors);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_hosts),	  cmocka_unit_test(golden_domains),
	    cmocka_unit_test(golden_wildcard),	  cmocka_unit_test(several_names_on_a_line),
	    cmocka_unit_test(kinds_of_wildcards), cmocka_unit_test(an_allow_list),
	    cmocka_unit_test(long_lines),	  cmocka_unit_test(names_at_the_limits),
	    cmocka_unit_test(too_many_patterns),  cmocka_unit_test(addresses),
	    cmocka_unit_test(real_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
