/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_export.c - a list written in another format and read again means the same: for every format, what the format can say comes
 * back as it was, and what it can't is left out and counted, never widened. */
#include "compile/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "compile/compile.h"
#include "policy/cond.h"
#include "compile/export_entry.h"
#include "import/import_owner.h"
#include "list/list.h"

#define NOW_S 1767225600 /* 2026-01-01T00:00:00Z */
#define MEANINGS_MAX 4096
#define RANDOM_ROUNDS 40

/* What a list means, as sorted lines of text. */
struct meaning {
	char *items[MEANINGS_MAX];
	size_t count;
};

static void meaning_add(struct meaning *m, const char *text)
{
	assert_true(m->count < MEANINGS_MAX);
	m->items[m->count++] = base_strdup(text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void meaning_finish(struct meaning *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->items[i]);
	m->count = 0;
}

static void put_hex(struct buf *b, const char *label, struct str bytes)
{
	if (bytes.len > 0)
		buf_printf(b, " %s ", label);
	for (size_t i = 0; i < bytes.len; i++)
		buf_printf(b, "%02x", (unsigned char)bytes.ptr[i]);
}

/* An entry for a subtree means the same as one for the name and one for what is below it; a pattern the same as the expression that
 * says it. */
static void describe(const struct segment *segment, const struct segment_entry *s, const struct settings_list *settings,
		     struct meaning *ret)
{
	struct segment_class class;
	struct name name;
	char text[NAME_TEXT_MAX];
	struct buf b = {0}, regex = {0};
	segment_class(segment, s->class, &class);
	enum match match = compile_entry_match(segment, &class, settings);
	enum action action = class.has_action ? class.action : compile_list_action(segment, settings);
	buf_printf(&b, "%s%s", action_words[action], class.important ? " important" : "");
	if (class.has_answer && action == ACTION_BLOCK)
		buf_printf(&b, " %s", answer_words[class.answer]);
	put_hex(&b, "if", class.cond);
	put_hex(&b, "records", class.records);
	if (s->wire != NULL) {
		assert_true(name_from_wire(s->wire, s->wire_len, &name));
		struct buf other = {0};
		bool subtree = match == MATCH_SUBTREE;
		buf_printf(&other, "%s subdomains %s", b.ptr, name_to_text(&name, text));
		if (match != MATCH_EXACT)
			meaning_add(ret, other.ptr);
		buf_finish(&other);
		if (subtree || match == MATCH_EXACT) {
			buf_printf(&b, " exact %s", text);
			meaning_add(ret, b.ptr);
		}
	} else if (match == MATCH_PATTERN || match == MATCH_REGEX) {
		char *pattern = str_dup(s->text);
		const struct export_entry e = {.text = pattern, .subtree = class.subtree};
		const char *shown = pattern;
		if (match == MATCH_PATTERN) {
			export_pattern_regex(&e, &regex);
			shown = regex.ptr;
		}
		buf_printf(&b, " regex %s", strncmp(shown, "(?i)", 4) == 0 ? shown + 4 : shown);
		meaning_add(ret, b.ptr);
		free(pattern);
	} else {
		buf_printf(&b, " %s %s", match_words[match], prefix_to_text(&s->prefix, text));
		meaning_add(ret, b.ptr);
	}
	buf_finish(&regex);
	buf_finish(&b);
}

/* Sorted, each once. */
static void meaning_of(const struct segment *segment, const struct settings_list *settings, struct meaning *ret)
{
	struct segment_cursor cursor = {0};
	struct segment_entry s;
	size_t kept = 0;
	while (segment_next(segment, &cursor, &s))
		describe(segment, &s, settings, ret);
	qsort(ret->items, ret->count, sizeof(ret->items[0]), by_text);
	for (size_t i = 0; i < ret->count; i++) {
		if (kept > 0 && strcmp(ret->items[kept - 1], ret->items[i]) == 0)
			free(ret->items[i]);
		else
			ret->items[kept++] = ret->items[i];
	}
	ret->count = kept;
}

static struct segment *read_list(struct str text, enum format format, const struct settings_list *settings)
{
	const struct segment_settings how = {
	    .format = format, .action = settings->has_action ? settings->action : ACTION_BLOCK, .may_allow = settings->may_allow};
	struct err_list errors = {0};
	struct segment *segment = segment_import(text, &how, "list", "list", &errors);
	if (segment == NULL)
		fail_msg("%s\n%.*s", errors.count > 0 ? errors.items[0].text : "?", (int)text.len, text.ptr);
	err_list_finish(&errors);
	return segment;
}

/* Write it, read it again. Returns what export left out. */
static uint64_t round_trip(const struct segment *segment, const struct settings_list *settings, enum format format,
			   struct meaning *ret_after, struct export_result *ret)
{
	char *text = NULL;
	size_t len = 0;
	struct err err = {.code = ERR_NONE};
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	assert_true(export_list(segment, settings, NULL, format, NOW_S, out, ret, &err));
	(void)fclose(out);
	struct segment *again = read_list((struct str){text, len}, format, settings);
	if (report_left(segment_report(again)) > 0 && format != FORMAT_RPZ) /* there, the SOA and NS */
		fail_msg("the %s reader left out what export wrote:\n%s", format_words[format], text);
	meaning_of(again, settings, ret_after);
	segment_destroy(again);
	free(text);
	return export_left(ret);
}

static void expect_same(const struct meaning *before, const struct meaning *after, enum format format)
{
	for (size_t i = 0; i < MAX(before->count, after->count); i++) {
		const char *a = i < before->count ? before->items[i] : "(nothing)";
		const char *b = i < after->count ? after->items[i] : "(nothing)";
		if (strcmp(a, b) != 0)
			fail_msg("%s: '%s' came back as '%s'", format_words[format], a, b);
	}
}

/* All that came back was there before. */
static void expect_subset(const struct meaning *before, const struct meaning *after, enum format format)
{
	for (size_t i = 0; i < after->count; i++) {
		const char *key = after->items[i];
		if (bsearch(&key, before->items, before->count, sizeof(before->items[0]), by_text) == NULL)
			fail_msg("%s: '%s' was not in the list", format_words[format], key);
	}
}

/* A list of everything a format can say goes through it whole. */
static void test_whole(void **state)
{
	static const struct {
		enum format from;
		const char *text;
		enum format to[FORMAT_COUNT];
	} cases[] = {
	    {FORMAT_HOSTS,
	     "0.0.0.0 a.example\n127.0.0.1 b.example c_d.example\n",
	     {FORMAT_HOSTS, FORMAT_YAML, FORMAT_DOMAINS, FORMAT_WILDCARD, FORMAT_ADBLOCK, FORMAT_UNBOUND, FORMAT_RPZ}},
	    {FORMAT_DOMAINS,
	     "a.example\n.b.example\n*.c.example\n",
	     {FORMAT_DOMAINS, FORMAT_YAML, FORMAT_WILDCARD, FORMAT_ADBLOCK, FORMAT_RPZ}},
	    {FORMAT_WILDCARD, "a.example\n*.b.example\nlog-*.c.example\n", {FORMAT_WILDCARD, FORMAT_YAML, FORMAT_ADBLOCK}},
	    {FORMAT_ADBLOCK,
	     "||a.example^\n|b.example^\n||*.c.example^\n||ads*.d.example^\n/^track[0-9]+\\./\n||e.example^$important\n"
	     "||f.example^$dnstype=A|AAAA\n||g.example^$dnstype=~TXT\n||h.example^$client=192.0.2.1|~192.0.2.0/24\n"
	     "||i.example^$client=2001:db8::/"
	     "32\n||j.example^$denyallow=x.j.example|y.j.example\n||k.example^$dnsrewrite=192.0.2.7\n"
	     "||l.example^$dnsrewrite=NXDOMAIN\n||m.example^$dnsrewrite=REFUSED\n||n.example^$dnsrewrite=safe.example\n",
	     {FORMAT_ADBLOCK}},
	    {FORMAT_DNSMASQ,
	     "address=/a.example/#\naddress=/b.example/192.0.2.1\nserver=/c.example/\nbogus-nxdomain=192.0.2.9\n"
	     "address=/*ads.example/#\naddress=/vg.no.*/192.0.2.1\n",
	     {FORMAT_DNSMASQ}},
	    {FORMAT_DNSMASQ,
	     "address=/a.example/#\nlocal=/b.example/\n",
	     {FORMAT_YAML, FORMAT_DOMAINS, FORMAT_WILDCARD, FORMAT_ADBLOCK, FORMAT_DNSMASQ, FORMAT_UNBOUND, FORMAT_RPZ}},
	    {FORMAT_UNBOUND,
	     "local-zone: \"a.example.\" always_nxdomain\nlocal-zone: \"b.example\" always_refuse\nlocal-zone: \"c.example\" "
	     "always_deny\n"
	     "local-zone: \"d.example\" always_nodata\nlocal-data: \"e.example. A 192.0.2.1\"\n"
	     "local-zone: \"vg.no.*\" always_nxdomain\nlocal-zone: \"*.ads.*\" refuse\nlocal-data: \"log*.example A 0.0.0.0\"\n"
	     "local-data: 'log*.example.com TXT \"x y\"'\n",
	     {FORMAT_UNBOUND}},
	    {FORMAT_RPZ,
	     "$TTL 60\n@ SOA localhost. root.localhost. 1 2 3 4 5\na.example CNAME .\n*.b.example CNAME *.\nc.example CNAME "
	     "rpz-drop.\n"
	     "d.example CNAME rpz-tcp-only.\ne.example A 192.0.2.1\ne.example TXT \"two words\"\ne.example MX 10 mail.example.\n"
	     "f.example CNAME *.garden.example.\n32.1.2.0.192.rpz-ip CNAME .\n24.0.2.0.192.rpz-client-ip CNAME rpz-drop.\n"
	     "48.zz.1.db8.2001.rpz-ip CNAME *.\nvg.no.* CNAME .\n*.ads.* CNAME rpz-drop.\nlog*.example 60 A 192.0.2.1\n",
	     {FORMAT_RPZ}},
	};
	const struct settings_list settings = {.name = "list"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct segment *segment = read_list(str_from(cases[i].text), cases[i].from, &settings);
		struct meaning before = {.count = 0};
		meaning_of(segment, &settings, &before);
		assert_true(before.count > 0);
		for (size_t k = 0; k < FORMAT_COUNT && cases[i].to[k] != FORMAT_AUTO; k++) {
			struct meaning after = {.count = 0};
			struct export_result result;
			if (round_trip(segment, &settings, cases[i].to[k], &after, &result) != 0)
				fail_msg("%s: %s left something out", format_words[cases[i].from], format_words[cases[i].to[k]]);
			expect_same(&before, &after, cases[i].to[k]);
			meaning_finish(&after);
		}
		meaning_finish(&before);
		segment_destroy(segment);
	}
}

/* An allow list, and a block list with allow rules of its own. */
static void test_allow(void **state)
{
	static const char adblock[] = "||a.example^\n@@||b.a.example^\n@@|c.example^$important\n";
	const struct settings_list mixed = {.name = "list", .may_allow = true};
	const struct settings_list allow = {.name = "list", .has_action = true, .action = ACTION_ALLOW};
	(void)state;
	struct segment *segment = read_list(STR_LIT(adblock), FORMAT_ADBLOCK, &mixed);
	for (enum format format = FORMAT_YAML; format < FORMAT_COUNT; format++) {
		struct meaning before = {.count = 0}, after = {.count = 0};
		struct export_result result;
		meaning_of(segment, &mixed, &before);
		uint64_t left = round_trip(segment, &mixed, format, &after, &result);
		expect_subset(&before, &after, format);
		if (format == FORMAT_ADBLOCK)
			assert_int_equal(left, 0);
		if (format == FORMAT_HOSTS)
			assert_int_equal(left, 3);
		if (format == FORMAT_YAML)
			assert_int_equal(result.left[EXPORT_ALLOW].count, 2);
		meaning_finish(&before);
		meaning_finish(&after);
	}
	segment_destroy(segment);
	segment = read_list(STR_LIT("a.example\n*.b.example\n"), FORMAT_DOMAINS, &allow);
	for (enum format format = FORMAT_YAML; format < FORMAT_COUNT; format++) {
		struct meaning before = {.count = 0}, after = {.count = 0};
		struct export_result result;
		meaning_of(segment, &allow, &before);
		if (round_trip(segment, &allow, format, &after, &result) == 0)
			expect_same(&before, &after, format);
		else
			expect_subset(&before, &after, format);
		meaning_finish(&before);
		meaning_finish(&after);
	}
	segment_destroy(segment);
}

/* A pattern goes where the reader takes the same words for the same pattern, and nowhere else. */
static void test_patterns(void **state)
{
	static const struct {
		const char *rule;
		bool dnsmasq, unbound, rpz;
	} cases[] = {
	    {"||vg.no.*^", true, true, false}, /* names under it as well */
	    {"|vg.no.*^", false, true, true},  /* alone */
	    {"|*ads.example^", false, true, true},
	    {"||*.ads*.example^", true, true, false},
	    {"|*.ads*.example^", false, true, true},
	    {"|ads*.rpz-ip^", false, true, false}, /* a trigger of another kind */
	    {"||ads.rpz-ip^", true, true, false},
	    {"|ads.rpz-x^", false, true, false},
	    {"@@||vg.no.*^", false, true, false},
	    {"@@|vg.no.*^", false, false, true},
	    {"||vg.no.*^$important", false, false, false},
	    {"|vg.no.*^$dnstype=A", false, false, false},
	    {"||vg.no.*^$dnsrewrite=192.0.2.1", true, false, false},
	    {"|vg.no.*^$dnsrewrite=192.0.2.1", false, true, true},
	    {"|vg.no.*^$dnsrewrite=NOERROR", false, false, true},
	    {"/^vg\\.no/", false, false, false},
	};
	const struct settings_list settings = {.name = "list", .may_allow = true};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const bool goes[FORMAT_COUNT] = {
		    [FORMAT_DNSMASQ] = cases[i].dnsmasq, [FORMAT_UNBOUND] = cases[i].unbound, [FORMAT_RPZ] = cases[i].rpz};
		struct segment *segment = read_list(str_from(cases[i].rule), FORMAT_ADBLOCK, &settings);
		assert_int_equal(segment_entry_count(segment), 1);
		for (enum format format = FORMAT_DNSMASQ; format <= FORMAT_RPZ; format++) {
			struct meaning before = {.count = 0}, after = {.count = 0};
			struct export_result result;
			meaning_of(segment, &settings, &before);
			bool went = round_trip(segment, &settings, format, &after, &result) == 0;
			if (went != goes[format])
				fail_msg("%s in %s: %s", cases[i].rule, format_words[format], went ? "went" : "was left out");
			if (went)
				expect_same(&before, &after, format);
			else
				assert_int_equal(after.count, 0);
			meaning_finish(&before);
			meaning_finish(&after);
		}
		segment_destroy(segment);
	}
	assert_false(owner_is_pattern(STR_LIT("*.ads.example")));
	assert_false(owner_is_pattern(STR_LIT("ads.example")));
	assert_false(owner_is_pattern(STR_LIT("ads*.")));
	assert_true(owner_is_pattern(STR_LIT("*.ads.*")));
}

/* More expressions than the reader of YAML takes: those that are too many are left out, and what is written can be read. */
static void test_yaml_limit(void **state)
{
	const struct settings_list settings = {.name = "list"};
	(void)state;
	for (unsigned more = 0; more < 3; more++) {
		struct buf text = {0};
		struct meaning before = {.count = 0}, after = {.count = 0};
		struct export_result result;
		for (unsigned i = 0; i < LIST_REGEX_MAX + more; i++)
			buf_printf(&text, i % 2 == 0 ? "||ads%u*.example^\n" : "/^log%u\\./\n", i);
		buf_add_c(&text, "||name.example^\n/^refused\\./$important\n");
		struct segment *segment = read_list(buf_str(&text), FORMAT_ADBLOCK, &settings);
		meaning_of(segment, &settings, &before);
		assert_int_equal(round_trip(segment, &settings, FORMAT_YAML, &after, &result), more + 1);
		assert_int_equal(result.left[EXPORT_PATTERN].count, more);
		assert_int_equal(result.left[EXPORT_IMPORTANT].count, 1);
		assert_int_equal(result.written, LIST_REGEX_MAX + 1);
		expect_subset(&before, &after, FORMAT_YAML);
		meaning_finish(&before);
		meaning_finish(&after);
		segment_destroy(segment);
		buf_finish(&text);
	}
}

/* Lifted and expired ones are history: YAML keeps them, the others leave them out. */
static void test_ended(void **state)
{
	static const char yaml[] =
	    "authority: Somebody\nentries:\n  - a.example\n  - domain: b.example\n    lifted: 2020-01-01\n"
	    "  - domain: c.example\n    expires: 2020-01-01\n    reason: \"was: 'so'\"\n    contact: [mailto:x@y.example]\n";
	const struct settings_list settings = {.name = "list"};
	struct segment *segment = read_list(STR_LIT(yaml), FORMAT_YAML, &settings);
	(void)state;
	for (enum format format = FORMAT_YAML; format < FORMAT_COUNT; format++) {
		struct meaning after = {.count = 0};
		struct export_result result;
		(void)round_trip(segment, &settings, format, &after, &result);
		assert_int_equal(result.left[EXPORT_ENDED].count, format == FORMAT_YAML ? 0 : 2);
		meaning_finish(&after);
	}
	segment_destroy(segment);
}

/* ---- random lists ---- */

static uint32_t draw_state;
static uint32_t draw(uint32_t below)
{
	draw_state = draw_state * 1664525u + 1013904223u;
	return (draw_state >> 8) % below;
}

static void random_name(struct buf *b)
{
	static const char *const labels[] = {"a", "ads", "x-1", "_dmarc", "xn--bcher-kva", "long-label-with-many-octets", "9"};
	for (unsigned n = 1 + draw(3); n > 0; n--)
		buf_printf(b, "%s%u.", labels[draw(ARRAY_LEN(labels))], draw(20));
	buf_add_c(b, draw(2) == 0 ? "example" : "co.example");
}

static void random_rule(struct buf *b)
{
	static const char *const options[] = {"",
					      "",
					      "",
					      "$important",
					      "$dnstype=A",
					      "$dnstype=~AAAA",
					      "$denyallow=ok.example",
					      "$client=127.0.0.1",
					      "$dnsrewrite=192.0.2.1",
					      "$dnsrewrite=NOERROR;AAAA;2001:db8::1",
					      "$dnsrewrite=NOERROR"};
	static const char *const starts[] = {"||", "|", "||*.", "||ad*."};
	buf_add_c(b, draw(6) == 0 ? "@@" : "");
	buf_add_c(b, starts[draw(ARRAY_LEN(starts))]);
	random_name(b);
	buf_printf(b, "^%s\n", options[draw(ARRAY_LEN(options))]);
}

static void test_random(void **state)
{
	const struct settings_list settings = {.name = "list", .may_allow = true};
	(void)state;
	for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
		struct buf text = {0};
		struct meaning before = {.count = 0};
		draw_state = round + 1;
		for (unsigned n = 1 + draw(60); n > 0; n--)
			random_rule(&text);
		struct segment *segment = read_list(buf_str(&text), FORMAT_ADBLOCK, &settings);
		meaning_of(segment, &settings, &before);
		for (enum format format = FORMAT_YAML; format < FORMAT_COUNT; format++) {
			struct meaning after = {.count = 0};
			struct export_result result;
			if (round_trip(segment, &settings, format, &after, &result) == 0)
				expect_same(&before, &after, format);
			else
				expect_subset(&before, &after, format);
			assert_int_equal(result.written + export_left(&result), segment_entry_count(segment));
			meaning_finish(&after);
		}
		meaning_finish(&before);
		segment_destroy(segment);
		buf_finish(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),      cmocka_unit_test(test_allow), cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_yaml_limit), cmocka_unit_test(test_ended), cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
