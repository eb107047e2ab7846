/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/compile_buckets.h"
#include "compile/compile_pattern.h"
#include "compile/image_write.h"

static struct fixture f;

/* --- reading images back --- */

static const uint8_t *image_bytes(enum image_tier tier)
{
	return (const uint8_t *)f.images[tier].ptr;
}

static size_t section_count(enum image_tier tier, enum image_section_id id)
{
	return (size_t)le_get_u64(image_bytes(tier) + IMAGE_H_SECTIONS + 16 * (size_t)id + 8);
}

static const uint8_t *section(enum image_tier tier, enum image_section_id id, size_t index)
{
	assert_true(index < section_count(tier, id));
	return image_bytes(tier) + le_get_u64(image_bytes(tier) + IMAGE_H_SECTIONS + 16 * (size_t)id) +
	       index * image_record_sizes[id];
}

static uint32_t header_u32(enum image_tier tier, size_t at)
{
	return le_get_u32(image_bytes(tier) + at);
}

static struct str string_of(enum image_tier tier, uint32_t number)
{
	uint32_t end = le_get_u32(section(tier, IMAGE_STRING_ENDS, number));
	uint32_t begin = number == 0 ? 0 : le_get_u32(section(tier, IMAGE_STRING_ENDS, number - 1));
	return (struct str){(const char *)section(tier, IMAGE_STRINGS, 0) + begin, end - begin};
}

static uint32_t entries_of(enum image_tier tier, size_t list)
{
	return le_get_u32(section(tier, IMAGE_LISTS, list) + IMAGE_LIST_ENTRY_COUNT);
}

/* --- what is refused --- */

/* The errors, one a line; nothing may have been written. */
static const char *refused(void)
{
	static char text[4096];
	struct compile_input input = fixture_input(&f, IMAGE_LIVE);
	struct err_list errors = {NULL, 0, 0};
	size_t used = 0;
	text[0] = '\0';
	assert_false(policy_compile(&input, &f.images[IMAGE_LIVE], &errors));
	assert_true(errors.count > 0);
	assert_int_equal(f.images[IMAGE_LIVE].len, 0);
	for (size_t i = 0; i < errors.count && used < sizeof(text) - 2; i++) {
		(void)err_format(&errors.items[i], text + used, sizeof(text) - used - 2);
		used += strlen(text + used);
		text[used++] = '\n';
		text[used] = '\0';
	}
	err_list_finish(&errors);
	return text;
}

static void bad_expressions_are_all_named_with_their_place(void **state)
{
	(void)state;
	fixture_names(&f, "l", ACTION_BLOCK, false, MODE_ENFORCE, "/^(ads/ =fine.example /[z-a]/");
	fixture_names(&f, "m", ACTION_BLOCK, false, MODE_SHADOW, "/(*UTF)x/ /(?:(?:a{1,1000}){1,1000}){1,1000}/");
	const char *errors = refused();
	assert_non_null(
	    strstr(errors, "l.yaml:2:13: the regular expression is not valid at its character 6: missing closing parenthesis"));
	assert_non_null(strstr(errors, "l.yaml:4:13: "));
	assert_non_null(strstr(errors, "m.yaml:2:13: "));
	assert_non_null(strstr(errors, "m.yaml:3:13: "));
	assert_null(strstr(errors, "l.yaml:3"));
}

static void addresses_must_be_there(void **state)
{
	(void)state;
	size_t l = fixture_names(&f, "l", ACTION_BLOCK, false, MODE_ENFORCE, "=x.example");
	f.settings_lists[l].has_answer = true;
	f.settings_lists[l].answer = ANSWER_ADDRESS;
	assert_string_equal(refused(), "saring.yaml:1:5: list 'l' answers with addresses, but block.addresses names none\n");
}

static void text_that_is_not_utf8_is_refused(void **state)
{
	(void)state;
	size_t l = fixture_names(&f, "l", ACTION_BLOCK, false, MODE_ENFORCE, "=x.example");
	f.settings_lists[l].provenance.reason = "a\xff";
	assert_non_null(strstr(refused(), "not UTF-8"));
}

/* --- what is written --- */

static void an_empty_tier_is_an_image(void **state)
{
	(void)state;
	fixture_open(&f);
	assert_int_equal(header_u32(IMAGE_LIVE, IMAGE_H_NAME_COUNT), 0);
	assert_int_equal(header_u32(IMAGE_LIVE, IMAGE_H_ENTRY_COUNT), 0);
	assert_string_equal(decision(&f, "x.example"), "-");
	assert_true(f.images[IMAGE_LIVE].len < 8192);
}

static void what_is_appended_to_stays(void **state)
{
	(void)state;
	fixture_names(&f, "l", ACTION_BLOCK, false, MODE_ENFORCE, "x.example");
	fixture_compile(&f);
	struct compile_input input = fixture_input(&f, IMAGE_LIVE);
	struct err_list errors = {NULL, 0, 0};
	struct buf out = {NULL, 0, 0};
	buf_add_c(&out, "before");
	assert_true(policy_compile(&input, &out, &errors));
	assert_memory_equal(out.ptr, "before", 6);
	assert_int_equal(out.len - 6, f.images[IMAGE_LIVE].len);
	assert_memory_equal(out.ptr + 6, f.images[IMAGE_LIVE].ptr, f.images[IMAGE_LIVE].len);
	buf_finish(&out);
}

static const char hosts[] = "0.0.0.0 a.example\n0.0.0.0 b.example\n0.0.0.0 a.example\n0.0.0.0 c.b.example\n";
static const char adblock[] = "||b.example^\n@@||good.b.example^\n||d.example^$important\n||log-*.zadn.example^\n/^ads[0-9]/\n"
			      "||c.b.example^\n||c.b.example^\n";

static void two_bulk_lists(void)
{
	fixture_add(&f, &(struct fixture_list){.name = "h", .text = hosts, .format = FORMAT_HOSTS});
	fixture_add(&f, &(struct fixture_list){.name = "g", .text = adblock, .format = FORMAT_ADBLOCK, .may_allow = true});
	fixture_names(&f, "y", ACTION_ALLOW, false, MODE_ENFORCE, "=a.example !expires=2040-01-01");
}

static void the_same_input_gives_the_same_bytes(void **state)
{
	(void)state;
	two_bulk_lists();
	fixture_compile(&f);
	struct buf live = f.images[IMAGE_LIVE], bulk = f.images[IMAGE_BULK];
	f.images[IMAGE_LIVE] = f.images[IMAGE_BULK] = (struct buf){NULL, 0, 0};
	fixture_compile(&f);
	assert_int_equal(live.len, f.images[IMAGE_LIVE].len);
	assert_memory_equal(live.ptr, f.images[IMAGE_LIVE].ptr, live.len);
	assert_int_equal(bulk.len, f.images[IMAGE_BULK].len);
	assert_memory_equal(bulk.ptr, f.images[IMAGE_BULK].ptr, bulk.len);
	/* another time and generation change the header alone */
	f.generation = 7;
	f.now_s += 100;
	fixture_compile(&f);
	assert_memory_equal(live.ptr + IMAGE_H_BODY_HASH, image_bytes(IMAGE_LIVE) + IMAGE_H_BODY_HASH, 16);
	assert_int_equal(header_u32(IMAGE_LIVE, IMAGE_H_GENERATION), 7);
	assert_memory_not_equal(live.ptr, f.images[IMAGE_LIVE].ptr, IMAGE_HEADER_SIZE);
	assert_memory_equal(live.ptr + IMAGE_HEADER_SIZE, f.images[IMAGE_LIVE].ptr + IMAGE_HEADER_SIZE,
			    live.len - IMAGE_HEADER_SIZE);
	/* and another word of settings the body */
	f.settings_lists[0].provenance.reason = "advertising";
	fixture_compile(&f);
	assert_memory_not_equal(bulk.ptr + IMAGE_H_BODY_HASH, image_bytes(IMAGE_BULK) + IMAGE_H_BODY_HASH, 16);
	buf_finish(&live);
	buf_finish(&bulk);
}

static void the_order_of_lists_counts(void **state)
{
	(void)state;
	struct fixture other;
	fixture_init(&other);
	const struct fixture_list lists[] = {{.name = "one", .text = hosts, .format = FORMAT_HOSTS},
					     {.name = "two", .text = "a.example\n", .format = FORMAT_DOMAINS}};
	const struct fixture_list turned[] = {lists[1], lists[0]};
	fixture_policy(&f, lists, 2, NOW_S);
	fixture_policy(&other, turned, 2, NOW_S);
	assert_string_equal(decision(&f, "a.example"), "block one.txt:1");
	assert_string_equal(decision(&other, "a.example"), "block two.txt:1");
	fixture_finish(&other);
}

static void entries_are_counted_once(void **state)
{
	(void)state;
	two_bulk_lists();
	fixture_open(&f);
	assert_int_equal(section_count(IMAGE_BULK, IMAGE_LISTS), 2);
	assert_int_equal(entries_of(IMAGE_BULK, 0), 3);
	assert_int_equal(entries_of(IMAGE_BULK, 1), 6);
	assert_int_equal(header_u32(IMAGE_BULK, IMAGE_H_ENTRY_COUNT), 9);
	assert_int_equal(header_u32(IMAGE_LIVE, IMAGE_H_ENTRY_COUNT), 1);
	/* a, b, c.b, good.b, d, zadn, and "example", which tells of the allow entry below */
	assert_int_equal(header_u32(IMAGE_BULK, IMAGE_H_NAME_COUNT), 7);
	assert_int_equal(section_count(IMAGE_BULK, IMAGE_PATTERNS), 2);
	assert_int_equal(header_u32(IMAGE_BULK, IMAGE_H_GENERAL_COUNT), 1); /* the expression; the pattern hangs */
	assert_int_equal(section_count(IMAGE_LIVE, IMAGE_UNTILS), 1);
	assert_int_equal(le_get_u64(section(IMAGE_LIVE, IMAGE_UNTILS, 0)), 2208988800);
	assert_true(str_eq_c(string_of(IMAGE_BULK, le_get_u32(section(IMAGE_BULK, IMAGE_LISTS, 1))), "g"));
	assert_memory_equal(image_bytes(IMAGE_LIVE) + IMAGE_H_BULK_HASH, image_bytes(IMAGE_BULK) + IMAGE_H_BODY_HASH, 16);
	assert_string_equal(decision(&f, "a.example"), "allow y.yaml:2");
	assert_string_equal(decision(&f, "c.b.example"), "block h.txt:4");
	assert_string_equal(decision(&f, "x.good.b.example"), "allow g.txt:2");
	assert_string_equal(decision(&f, "log-7.zadn.example"), "block g.txt:4");
	assert_string_equal(decision(&f, "ads7.z.test"), "block g.txt:5");
	assert_string_equal(decision(&f, "example"), "-");
	assert_int_equal(answer_of(&f, "b.example", NOW_S).answer, ANSWER_NODATA);
	assert_int_equal(answer_of(&f, "d.example", NOW_S).answer, ANSWER_NXDOMAIN);
}

/* The most used set is number 0; one entry in two lists is one name with a set of two. */
static void sets_are_shared(void **state)
{
	(void)state;
	const struct fixture_list lists[] = {{.name = "one", .text = "a.example\nb.example\nc.example\n", .format = FORMAT_DOMAINS},
					     {.name = "two", .text = "a.example\nb.example\n", .format = FORMAT_DOMAINS}};
	fixture_policy(&f, lists, 2, NOW_S);
	assert_int_equal(section_count(IMAGE_BULK, IMAGE_SET_DIR), 3);
	assert_int_equal(section_count(IMAGE_BULK, IMAGE_SETS), 3);
	assert_int_equal(le_get_u32(section(IMAGE_BULK, IMAGE_SET_DIR, 1)), 2);
	assert_int_equal(section_count(IMAGE_BULK, IMAGE_RULES), 2);
	assert_int_equal(section_count(IMAGE_BULK, IMAGE_PROVENANCE), 1);
	assert_int_equal(header_u32(IMAGE_BULK, IMAGE_H_ENTRY_COUNT), 5);
	assert_int_equal(le_get_u64(image_bytes(IMAGE_BULK) + IMAGE_H_LABELS_AT), 1u << 2);
	assert_int_equal(le_get_u64(image_bytes(IMAGE_BULK) + IMAGE_H_LABELS_BELOW), 0);
	assert_int_equal(le_get_u64(image_bytes(IMAGE_BULK) + IMAGE_H_LABELS_ABOVE), 0);
}

/* Entries that agree but for their provenance both count; of equal ones the first line does. */
static void doubles_in_a_list(void **state)
{
	(void)state;
	fixture_names(&f, "l", ACTION_BLOCK, false, MODE_ENFORCE,
		      "z.example x.example !expires=2001-01-01 x.example x.example !expires=2001-01-01 x.example");
	fixture_open(&f);
	assert_int_equal(header_u32(IMAGE_LIVE, IMAGE_H_ENTRY_COUNT), 3);
	assert_string_equal(decision(&f, "x.example"), "block l.yaml:4");
	struct policy_hit hits[8];
	struct name name = name_of("x.example");
	struct policy_question q = {.name = &name, .type = 1};
	assert_int_equal(policy_explain(f.policy, f.scratch, &q, NOW_S, hits, ARRAY_LEN(hits)), 2);
	assert_int_equal(hits[1].entry.line, 3);
	assert_int_equal(hits[1].why_not, WHY_EXPIRED);
}

static void tiers(void **state)
{
	(void)state;
	size_t y = fixture_add(&f, &(struct fixture_list){.name = "y", .text = "entries: [x.example]\n"});
	size_t b = fixture_add(&f, &(struct fixture_list){.name = "b", .text = "entries: [x.example]\n", .bulk = true});
	size_t h = fixture_add(&f, &(struct fixture_list){.name = "h", .text = hosts, .format = FORMAT_HOSTS});
	assert_int_equal(compile_tier(&f.settings_lists[y], &f.sources[y]), IMAGE_LIVE);
	assert_int_equal(compile_tier(&f.settings_lists[b], &f.sources[b]), IMAGE_BULK);
	assert_int_equal(compile_tier(&f.settings_lists[h], &f.sources[h]), IMAGE_BULK);
	f.settings_lists[y].format = FORMAT_AUTO; /* the segment knows what it was */
	assert_int_equal(compile_tier(&f.settings_lists[y], &f.sources[y]), IMAGE_LIVE);
	const struct source none = {.segment = NULL};
	f.settings_lists[y].format = FORMAT_YAML;
	assert_int_equal(compile_tier(&f.settings_lists[y], &none), IMAGE_LIVE);
	assert_int_equal(compile_tier(&f.settings_lists[h], &none), IMAGE_BULK);
	fixture_open(&f);
	assert_int_equal(section_count(IMAGE_LIVE, IMAGE_LISTS), 1);
	assert_int_equal(section_count(IMAGE_BULK, IMAGE_LISTS), 2);
	assert_int_equal(le_get_u16(section(IMAGE_BULK, IMAGE_LISTS, 0) + IMAGE_LIST_ORDER), 1);
	assert_string_equal(decision(&f, "x.example"), "block y.yaml:1");
}

static void many_names_are_all_found(void **state)
{
	(void)state;
	enum { NAMES = 200000 };
	struct buf text = {NULL, 0, 0};
	for (unsigned i = 0; i < NAMES; i++)
		buf_printf(&text, "n%u.zone%u.example\n", i * 2654435761u, i % 977);
	fixture_add(&f, &(struct fixture_list){.name = "many", .text = text.ptr, .len = text.len, .format = FORMAT_DOMAINS});
	fixture_open(&f);
	assert_int_equal(header_u32(IMAGE_BULK, IMAGE_H_NAME_COUNT), NAMES);
	assert_int_equal(header_u32(IMAGE_BULK, IMAGE_H_ENTRY_COUNT), NAMES);
	const unsigned bits = image_bytes(IMAGE_BULK)[IMAGE_H_BITS];
	assert_true(NAMES >> bits <= IMAGE_PER_BUCKET && NAMES >> (bits - 1) > IMAGE_PER_BUCKET);
	for (unsigned i = 0; i < NAMES; i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "n%u.zone%u.example", i * 2654435761u, i % 977);
		struct verdict v = verdict_of(&f, name);
		assert_int_equal(v.kind, VERDICT_BLOCKED);
		(void)snprintf(name, sizeof(name), "n%u.zone%u.example", i * 2654435761u, (i + 1) % 977);
		assert_int_equal(verdict_of(&f, name).kind, VERDICT_NONE);
	}
	for (unsigned i = 0; i < NAMES; i += 1999) {
		char name[64], wanted[64];
		(void)snprintf(name, sizeof(name), "n%u.zone%u.example", i * 2654435761u, i % 977);
		(void)snprintf(wanted, sizeof(wanted), "block many.txt:%u", i + 1);
		assert_string_equal(decision(&f, name), wanted);
	}
	buf_finish(&text);
}

/* Pieces come out bucket by bucket, in the order added; an over-full bucket writes nothing, so that another seed can be tried. */
static void buckets_are_written_in_order_or_not_at_all(void **state)
{
	(void)state;
	for (unsigned most = IMAGE_BUCKET_MAX; most <= IMAGE_BUCKET_MAX + 1; most++) {
		struct buckets *b = base_alloc(sizeof(*b));
		struct image_parts parts = {.bits = 12};
		buckets_init(b, 12);
		for (unsigned i = 0; i < most; i++)
			buckets_add(b, 4095, (const uint8_t *)"last of all, and long", 21, "c", 1);
		buckets_add(b, 1, (const uint8_t *)"b", 1, "two", 3);
		buckets_add(b, 0, (const uint8_t *)"a", 1, "", 0);
		buckets_add(b, 1, (const uint8_t *)"c", 1, "three", 5);
		bool good = buckets_write(b, &parts);
		const struct buf *records = &parts.sections[IMAGE_RECORDS], *cold = &parts.sections[IMAGE_COLD];
		assert_int_equal(good, most <= IMAGE_BUCKET_MAX);
		assert_int_equal(records->len, good ? 3 + 21 * most : 0);
		assert_int_equal(cold->len, good ? 8 + most : 0);
		if (good) {
			assert_memory_equal(records->ptr, "abclast of all", 14);
			assert_memory_equal(cold->ptr, "twothreeccc", 11);
			assert_int_equal(le_get_u32((const uint8_t *)parts.sections[IMAGE_DIR].ptr + 4 * 2), 3);
			assert_int_equal(le_get_u32((const uint8_t *)parts.sections[IMAGE_DIR].ptr + 4 * 4096), records->len);
		}
		buckets_finish(b);
		image_parts_finish(&parts);
		free(b);
	}
}

/* --- patterns --- */

static void hangs_on(const char *pattern, const char *name)
{
	struct name got;
	bool at = false;
	bool hangs = pattern_hang(str_from(pattern), &got, &at);
	assert_int_equal(hangs, name != NULL);
	if (name == NULL)
		return;
	struct name wanted = name_of(name);
	assert_true(name_eq(&got, &wanted));
	assert_int_equal(at, strchr(pattern, '*') == NULL);
}

static void patterns_hang_on_their_ends(void **state)
{
	(void)state;
	hangs_on("log-*.zadn.vn", "zadn.vn");
	hangs_on("*.b.c.example", "b.c.example");
	hangs_on("ads*.top", "top");
	hangs_on("a*b.c*d.example.net", "example.net");
	hangs_on("*ads.example", "example");
	hangs_on("ads.example", "ads.example");
	hangs_on("ads.*", NULL);
	hangs_on("*ads*", NULL);
	hangs_on("*ads", NULL);
	hangs_on("*.", NULL);
	hangs_on("*.a..b", NULL);
	hangs_on("", NULL);
	hangs_on("a*\\.b.c", NULL);
}

static void needs(const char *regex, const char *wanted)
{
	uint32_t need = pattern_need_regex(str_from(regex), true);
	char got[4] = {(char)(need & 0xff), (char)(need >> 8 & 0xff), (char)(need >> 16 & 0xff), '\0'};
	if (strcmp(got, wanted) != 0)
		fail_msg("%s: '%s' is not '%s'", regex, got, wanted);
}

static void expressions_need_what_is_certain(void **state)
{
	(void)state;
	needs("^track", "tra");
	needs("abc|def", "");
	needs("(abc|def)ghi", "ghi");
	needs("(?:abc)?ghi", "ghi");
	needs("abc?", "");
	needs("abcd?", "abc");
	needs("xab*cd", "");
	needs("xab+cd", "xab");
	needs("ab+cd", "bcd");
	needs("a{2}bcd", "bcd");
	needs("abc{0,2}", "");
	needs("ab{,2}cde", "");
	needs("a\\.bc", "a.b");
	needs("\\d\\.ads-x", "ds-");
	needs("[abc]xyz", "xyz");
	needs("[]a]xyz", "xyz");
	needs("[[:alpha:]]xyz", "");
	needs("(?i)xyz", "");
	needs("(?!xyz)abc", "abc");
	needs("(*UTF)abc", "");
	needs("\\Qa.b\\Eabc", "");
	needs("\\x41bcd", "");
	needs("(a)\\12abc", "");
	needs("ab", "");
	needs("a.b.cd", "");
	needs("ABC", "abc");
	needs("xyz+?w", "xyz");
	needs("xyz$", "xyz");
	needs("(xyz", "");
	needs("xyz\\", "");
	needs("www.doubleclick", "dou");
	assert_int_equal(pattern_need_glob(STR_LIT("ad*track.*")), 't' | 'r' << 8 | 'a' << 16);
	assert_int_equal(pattern_need_glob(STR_LIT("a*bc*d")), 0);
}

#define TEST(name) FIXTURE_TEST(name, &f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(bad_expressions_are_all_named_with_their_place),
	    TEST(addresses_must_be_there),
	    TEST(text_that_is_not_utf8_is_refused),
	    TEST(an_empty_tier_is_an_image),
	    TEST(what_is_appended_to_stays),
	    TEST(the_same_input_gives_the_same_bytes),
	    TEST(the_order_of_lists_counts),
	    TEST(entries_are_counted_once),
	    TEST(sets_are_shared),
	    TEST(doubles_in_a_list),
	    TEST(tiers),
	    TEST(many_names_are_all_found),
	    TEST(buckets_are_written_in_order_or_not_at_all),
	    TEST(patterns_hang_on_their_ends),
	    TEST(expressions_need_what_is_certain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
