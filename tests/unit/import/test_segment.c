/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments: what was taken comes out again, from memory and from a file; a file that is damaged anywhere is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <unistd.h>

#include "base/file.h"
#include "import_fixture.h"
#include "import/segment_build.h"
#include "policy/cond.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/saring-test-segment-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	DIR *d = opendir(dir);
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return rmdir(dir);
}

static struct name name_of(const char *text)
{
	struct name name;
	struct err err;
	assert_true(name_from_text(str_from(text), &name, &err));
	return name;
}

/* One entry of every kind, in lines that go up and down. */
static void every_kind(struct import *im, struct str text)
{
	const struct name a = name_of("a.example"), root = {.len = 1, .wire = {0}};
	struct prefix v4 = {0}, v6 = {0};
	(void)text;
	assert_true(prefix_from_text(STR_LIT("192.0.2.0/24"), &v4) && prefix_from_text(STR_LIT("2001:db8::/32"), &v6));
	const uint16_t types[] = {1, 28};
	struct buf cond = {0};
	assert_true(cond_compose(&(struct cond){.types = types, .type_count = 2, .clients = &v4, .client_count = 1}, &cond));
	const struct str records = {"\0\0\0\1\xff\xff\xff\xff\0\4\xc0\0\2\1", 14};
	const struct import_rule rules[] = {
	    {.match = MATCH_EXACT, .has_match = true, .name = &a, .line = 1000000},
	    {.match = MATCH_SUBTREE, .has_match = true, .name = &a, .line = 5, .important = true, .cond = buf_str(&cond)},
	    {.match = MATCH_SUBDOMAINS, .has_match = true, .name = &root, .line = UINT32_MAX, .action = ACTION_ALLOW},
	    {.match = MATCH_REGEX, .text = STR_LIT("^ads"), .caseless = true, .line = 1, .column = 70000},
	    {.match = MATCH_PATTERN, .text = STR_LIT("ads*.x"), .subtree = true, .line = 1},
	    {.match = MATCH_ADDRESS, .prefix = v4, .line = 2, .written = STR_LIT("24.0.2.0.192.rpz-ip")},
	    {.match = MATCH_CLIENT, .prefix = v6, .line = 3, .has_answer = true, .answer = ANSWER_DROP},
	    {.match = MATCH_EXACT,
	     .has_match = true,
	     .name = &a,
	     .line = 4,
	     .has_answer = true,
	     .answer = ANSWER_LOCAL,
	     .records = records},
	    {.match = MATCH_SUBTREE, .name = &a, .line = 4, .written = STR_LIT("\xc3\xa4")}, /* not said after all */
	};
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		import_take(im, &rules[i]);
	import_take_name(im, &a, STR_LIT("A"), 6);
	import_take_name(im, &a, (struct str){NULL, 0}, 7);
	buf_finish(&cond);
}

static const char every_kind_shown[] = "1000000: block exact a.example\n"
				       "5: block subtree a.example important type 1,28 client 192.0.2.0/24\n"
				       "4294967295: allow subdomains .\n"
				       "1: block regex ^ads caseless\n"
				       "1: block pattern ads*.x subtree\n"
				       "2: block address 192.0.2.0/24 written \"24.0.2.0.192.rpz-ip\"\n"
				       "3: block client 2001:db8::/32 answer drop\n"
				       "4: block exact a.example answer local records 1/-/c0000201\n"
				       "4: block unsaid a.example written \"\xc3\xa4\"\n"
				       "6: block unsaid a.example written \"A\"\n"
				       "7: block unsaid a.example\n";

static struct segment *make_every_kind(void)
{
	struct segment *s = import_fixture_segment(every_kind, FORMAT_RPZ, STR_LIT("text"), NULL);
	memset(s->key, 0xa5, sizeof(s->key));
	return s;
}

static void all_that_was_taken(void **state)
{
	(void)state;
	import_fixture_entries(every_kind, FORMAT_RPZ, "", NULL, every_kind_shown);
	struct segment *s = make_every_kind();
	struct segment_cursor cursor = {0};
	struct segment_entry entry;
	for (unsigned i = 0; i < 4; i++)
		assert_true(segment_next(s, &cursor, &entry));
	assert_int_equal(entry.column, 70000);
	assert_null(entry.wire);
	assert_int_equal(segment_class_count(s), 9); /* the two unsaid ones are one */
	segment_destroy(s);
}

static char *segment_file(const struct segment *s)
{
	static char path[128];
	int len = snprintf(path, sizeof(path), "%s/", dir);
	for (size_t i = 0; i < 16; i++)
		len += snprintf(path + len, sizeof(path) - (size_t)len, "%02x", s->key[i]);
	(void)snprintf(path + len, sizeof(path) - (size_t)len, ".seg");
	return path;
}

static void through_a_file(void **state)
{
	(void)state;
	struct segment *s = make_every_kind();
	struct err err;
	assert_true(segment_save(s, dir, &err));
	struct segment *back = segment_load(dir, s->key);
	assert_non_null(back);
	char *was = import_fixture_show(s), *is = import_fixture_show(back);
	assert_string_equal(is, was);
	assert_memory_equal(is, every_kind_shown, sizeof(every_kind_shown) - 1);
	assert_int_equal(segment_class_count(back), segment_class_count(s));
	assert_true(segment_is_for(back, &s->settings));
	assert_false(segment_is_for(back, &(struct segment_settings){.format = FORMAT_RPZ, .may_allow = true}));
	free(was);
	free(is);
	segment_destroy(back);
	/* again, over the old one: nothing is left behind but it */
	assert_true(segment_save(s, dir, &err));
	assert_int_equal(access(segment_file(s), R_OK), 0);
	uint8_t other[16] = {1};
	assert_null(segment_load(dir, other));
	assert_null(segment_load("/nonexistent", s->key));
	assert_false(segment_save(s, "/nonexistent", &err));
	segment_destroy(s);
}

static const char yaml[] = "title: T\naction: allow\nauthority: A\ncontact: [mailto:a@example.com]\nexpires: 2030-01-01\nentries:\n"
			   "  - A.example\n  - domain: b.example\n    match: exact\n    reason: R\n    code: censored\n"
			   "  - domain: caf\xc3\xa9.example\n    lifted: 2020-01-01\n    lift-reason: L\n"
			   "    lifted-by: B\n    lift-reference: F\n    organization: O\n    language: de\n"
			   "  - regex: '^ads'\n    mode: shadow\n    sub-error: spyware\n";

static void check_yaml(const struct segment *s)
{
	struct segment_cursor cursor = {0};
	struct segment_entry e;
	struct segment_class class;
	struct provenance p;
	enum action action = ACTION_BLOCK;
	assert_string_equal(segment_title(s), "T");
	assert_true(segment_action(s, &action));
	assert_int_equal(action, ACTION_ALLOW);
	assert_int_equal(segment_format(s), FORMAT_YAML);
	assert_int_equal(segment_unsaid_match(s), MATCH_SUBTREE);
	assert_string_equal(segment_defaults(s)->authority, "A");
	assert_int_equal(segment_defaults(s)->contact_count, 1);
	assert_string_equal(segment_defaults(s)->contact[0], "mailto:a@example.com");
	assert_string_equal(segment_defaults(s)->expires, "2030-01-01");
	assert_int_equal(segment_defaults(s)->expires_s, 1893456000);
	assert_null(segment_defaults(s)->reason);

	assert_true(segment_next(s, &cursor, &e));
	assert_int_equal(e.line, 7);
	assert_int_equal(e.column, 5);
	assert_true(str_eq_c(e.written, "A.example"));
	segment_class(s, e.class, &class);
	assert_false(class.has_match || class.has_action);
	assert_int_equal(class.provenance, SEGMENT_NONE);

	assert_true(segment_next(s, &cursor, &e));
	assert_int_equal(e.line, 8);
	assert_int_equal(e.written.len, 0);
	segment_class(s, e.class, &class);
	assert_true(class.has_match);
	assert_int_equal(class.match, MATCH_EXACT);
	segment_provenance(s, class.provenance, &p);
	assert_string_equal(p.reason, "R");
	assert_true(p.has_code);
	assert_int_equal(p.code, CODE_CENSORED);
	assert_null(p.lifted);

	assert_true(segment_next(s, &cursor, &e));
	assert_true(str_eq_c(e.written, "caf\xc3\xa9.example"));
	segment_class(s, e.class, &class);
	segment_provenance(s, class.provenance, &p);
	assert_string_equal(p.lifted, "2020-01-01");
	assert_string_equal(p.lift_reason, "L");
	assert_string_equal(p.lifted_by, "B");
	assert_string_equal(p.lift_reference, "F");
	assert_string_equal(p.organization, "O");
	assert_string_equal(p.language, "de");
	assert_false(class.shadow || p.has_sub_error);
	assert_false(p.has_code);

	assert_true(segment_next(s, &cursor, &e));
	assert_true(str_eq_c(e.text, "^ads"));
	segment_class(s, e.class, &class);
	assert_int_equal(class.match, MATCH_REGEX);
	assert_true(class.shadow);
	segment_provenance(s, class.provenance, &p);
	assert_true(p.has_sub_error);
	assert_int_equal(p.sub_error, SUB_ERROR_SPYWARE);
	assert_false(segment_next(s, &cursor, &e));
	assert_false(segment_next(s, &cursor, &e));
}

static void yaml_with_provenance(void **state)
{
	(void)state;
	const struct segment_settings how = {.format = FORMAT_YAML};
	struct err_list errors = {0};
	struct err err;
	struct segment *s = segment_import(str_from(yaml), &how, "/l.yaml", "l.yaml", &errors);
	assert_non_null(s);
	check_yaml(s);
	assert_true(segment_save(s, dir, &err));
	struct segment *back = segment_load(dir, s->key);
	segment_destroy(s); /* what was loaded stands alone */
	assert_non_null(back);
	check_yaml(back);
	assert_int_equal(segment_report(back)->lines, 21);
	segment_destroy(back);
}

static void yaml_with_faults(void **state)
{
	(void)state;
	const struct segment_settings how = {.format = FORMAT_YAML};
	struct err_list errors = {0};
	assert_null(segment_import(STR_LIT("entries:\n  - a..b\n  - c.example\n  - {domain: d.example, mach: exact}\n"), &how, "/l",
				   "l", &errors));
	assert_int_equal(errors.count, 2);
	assert_string_equal(errors.items[0].file, "l");
	assert_int_equal(errors.items[0].line, 2);
	assert_int_equal(errors.items[1].line, 4);
	err_list_finish(&errors);
}

static void damaged(void **state)
{
	(void)state;
	struct segment *s = make_every_kind();
	struct buf whole = {0};
	struct err err;
	assert_true(segment_save(s, dir, &err));
	const char *path = segment_file(s);
	assert_true(file_read(path, 1 << 20, &whole, &err));
	for (size_t i = 0; i < whole.len; i++) {
		FILE *f = fopen(path, "wb");
		assert_non_null(f);
		whole.ptr[i] = (char)(whole.ptr[i] ^ 0x40);
		assert_int_equal(fwrite(whole.ptr, 1, whole.len, f), whole.len);
		whole.ptr[i] = (char)(whole.ptr[i] ^ 0x40);
		assert_int_equal(fclose(f), 0);
		struct segment *back = segment_load(dir, s->key);
		if (back != NULL)
			fail_msg("the octet at %zu may be another", i);
	}
	for (size_t len = 0; len < whole.len; len++) {
		FILE *f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(whole.ptr, 1, len, f), len);
		assert_int_equal(fclose(f), 0);
		assert_null(segment_load(dir, s->key));
	}
	buf_finish(&whole);
	segment_destroy(s);
}

static void what_a_key_depends_on(void **state)
{
	(void)state;
	const struct segment_settings ways[] = {
	    {.format = FORMAT_HOSTS},
	    {.format = FORMAT_DOMAINS},
	    {.format = FORMAT_HOSTS, .action = ACTION_ALLOW},
	    {.format = FORMAT_HOSTS, .may_allow = true},
	    {.format = FORMAT_HOSTS, .is_signed = true},
	    {.format = FORMAT_DOMAINS, .is_signed = true},
	};
	uint8_t keys[ARRAY_LEN(ways) * 2 + 1][16], again[16];
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		segment_key(STR_LIT("a.example\n"), &ways[i], keys[2 * i]);
		segment_key(STR_LIT("b.example\n"), &ways[i], keys[2 * i + 1]);
	}
	segment_key((struct str){NULL, 0}, &ways[0], keys[2 * ARRAY_LEN(ways)]);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(keys[i], keys[j], 16);
	}
	segment_key(STR_LIT("a.example\n"), &ways[0], again);
	assert_memory_equal(again, keys[0], 16);
}

/* Whoever finds a text of the same hash has made a segment of that name: a signed list's it is not. */
static void a_signed_lists_is_its_own(void **state)
{
	(void)state;
	const struct segment_settings plain = {.format = FORMAT_HOSTS}, of_key = {.format = FORMAT_HOSTS, .is_signed = true};
	const struct segment_settings *const both[] = {&plain, &of_key};
	struct err_list errors = {0};
	struct err err;
	for (size_t i = 0; i < 2; i++) {
		struct segment *made = segment_import(STR_LIT("0.0.0.0 a.example\n"), both[i], "/x", "x", &errors), *again;
		assert_non_null(made);
		segment_key(STR_LIT("0.0.0.0 a.example\n"), both[1 - i], made->key); /* as if it had the other's name */
		assert_true(segment_save(made, dir, &err));
		again = segment_load(dir, made->key);
		assert_non_null(again);
		assert_true(segment_is_for(again, both[i]));
		assert_false(segment_is_for(again, both[1 - i]));
		segment_destroy(again);
		segment_destroy(made);
	}
}

/* The same text gives the same bytes. */
static void same_file(void **state)
{
	(void)state;
	struct buf files[2] = {{0}, {0}};
	struct err err;
	for (size_t i = 0; i < 2; i++) {
		struct segment *s = make_every_kind();
		assert_true(segment_save(s, dir, &err));
		assert_true(file_read(segment_file(s), 1 << 20, &files[i], &err));
		segment_destroy(s);
	}
	assert_int_equal(files[0].len, files[1].len);
	assert_memory_equal(files[0].ptr, files[1].ptr, files[0].len);
	buf_finish(&files[0]);
	buf_finish(&files[1]);
}

static void many_classes(struct import *im, struct str text)
{
	const struct name a = name_of("a.example");
	(void)text;
	for (uint32_t i = 0; i < 3000; i++) {
		const uint8_t records[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 4, 10, 0, (uint8_t)(i % 1000 >> 8), (uint8_t)(i % 1000)};
		const struct import_rule rule = {.match = MATCH_EXACT,
						 .has_match = true,
						 .name = &a,
						 .has_answer = true,
						 .answer = ANSWER_LOCAL,
						 .records = {(const char *)records, sizeof(records)},
						 .line = i};
		import_take(im, &rule);
	}
}

static void classes_are_shared(void **state)
{
	(void)state;
	struct segment *s = import_fixture_segment(many_classes, FORMAT_RPZ, STR_LIT(""), NULL);
	struct segment_cursor cursor = {0};
	struct segment_entry e;
	struct segment_class class;
	assert_int_equal(segment_class_count(s), 1000);
	for (uint32_t i = 0; segment_next(s, &cursor, &e); i++) {
		segment_class(s, e.class, &class);
		assert_int_equal((uint8_t) class.records.ptr[12] << 8 | (uint8_t) class.records.ptr[13], i % 1000);
	}
	segment_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_that_was_taken),	 cmocka_unit_test(through_a_file), cmocka_unit_test(yaml_with_provenance),
	    cmocka_unit_test(yaml_with_faults),		 cmocka_unit_test(damaged),	   cmocka_unit_test(what_a_key_depends_on),
	    cmocka_unit_test(a_signed_lists_is_its_own), cmocka_unit_test(same_file),	   cmocka_unit_test(classes_are_shared),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
