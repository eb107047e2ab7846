/* SPDX-License-Identifier: BSD-2-Clause */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/rule.h"

/* A bit of everything that an image can hold, and small. */
static void fill(struct fixture *f)
{
	static struct addr addresses[2];
	static const char *const contacts[] = {"mailto:dns-help@example.net", "tel:+1-555"};
	assert_true(addr_from_text(STR_LIT("192.0.2.80"), 0, &addresses[0]));
	assert_true(addr_from_text(STR_LIT("2001:db8::80"), 0, &addresses[1]));
	f->settings.addresses = addresses;
	f->settings.address_count = 2;
	f->settings.organization = "Example ISP";
	size_t b = fixture_list(f, "b", ACTION_BLOCK, false, MODE_ENFORCE),
	       a = fixture_list(f, "a", ACTION_ALLOW, false, MODE_ENFORCE);
	size_t m = fixture_list(f, "m", ACTION_BLOCK, true, MODE_ENFORCE),
	       s = fixture_list(f, "s", ACTION_BLOCK, false, MODE_SHADOW);
	f->settings_lists[m].has_answer = true;
	f->settings_lists[m].answer = ANSWER_ADDRESS;
	f->lists[b].title = "A title";
	f->lists[b].provenance = (struct provenance){.authority = "an office",
						     .has_code = true,
						     .code = CODE_CENSORED,
						     .contact = contacts,
						     .contact_count = 2,
						     .added = "2017-07-14"};
	fixture_entry(f, b, "t.me", MATCH_SUBTREE);
	fixture_entry(f, b, "telegram.org", MATCH_SUBTREE);
	fixture_entry(f, b, "telegram.org", MATCH_EXACT);
	fixture_entry(f, b, "^ads?[0-9]*\\.", MATCH_REGEX);
	struct list_entry *e = fixture_entry(f, b, "web.telegram.org", MATCH_SUBDOMAINS);
	fixture_expires(f, e, NOW_S + 100);
	fixture_lifted(f, fixture_entry(f, b, "lifted.example", MATCH_SUBTREE), NOW_S - 100);
	fixture_entry(f, a, "good.web.telegram.org", MATCH_SUBTREE);
	fixture_entry(f, m, "t.me", MATCH_EXACT);
	fixture_entry(f, s, "shadow.example", MATCH_SUBTREE);
	fixture_entry(f, s, "x$", MATCH_REGEX);
}

/* Everything that can be asked of an opened policy, so that the sanitizers see what verification let through. */
static void use(const struct policy *p, struct policy_scratch *scratch)
{
	static const char *const names[] = {".",
					    "me",
					    "t.me",
					    "x.t.me",
					    "org",
					    "telegram.org",
					    "a.web.telegram.org",
					    "good.web.telegram.org",
					    "ads1.example",
					    "shadow.example",
					    "lifted.example",
					    "xx"};
	static const int64_t times[] = {INT64_MIN, -1, 0, NOW_S, NOW_S + 99, NOW_S + 100, INT64_MAX};
	struct policy_info info;
	policy_info(p, NOW_S, &info);
	for (size_t i = 0; i < info.list_count; i++) {
		struct policy_list list;
		policy_list(p, (uint16_t)i, NOW_S, &list);
		assert_true(list.in_force_count <= list.entry_count);
	}
	for (uint32_t i = 0; i < info.entry_count; i++) {
		struct policy_entry e;
		policy_entry(p, i, &e);
		assert_true(e.contact_count <= ARRAY_LEN(e.contact));
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct name name = name_of(names[i]);
		for (size_t j = 0; j < ARRAY_LEN(times); j++) {
			struct verdict v;
			struct policy_answer answer;
			struct policy_hit hits[4];
			if (policy_match(p, scratch, &name, times[j], &v))
				policy_answer(p, &v, &name, times[j], &answer);
			(void)policy_explain(p, scratch, &name, times[j], hits, ARRAY_LEN(hits));
		}
	}
}

static bool opens(const uint8_t *bytes, size_t len, struct policy_scratch *scratch)
{
	struct policy *p = NULL;
	struct err err = {.code = ERR_NONE};
	uint8_t *exact = malloc(len == 0 ? 1 : len); /* just so long: the sanitizer sees every step beyond */
	assert_non_null(exact);
	memcpy(exact, bytes, len);
	bool ok = policy_open_memory(exact, len, &p, &err);
	if (ok)
		use(p, scratch);
	else
		assert_true(p == NULL && err.code != ERR_NONE && err.text[0] != '\0');
	policy_close(p);
	free(exact);
	return ok;
}

static struct fixture f;
static uint8_t *work; /* a copy of the image to damage */

static int set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	fill(&f);
	fixture_open(&f);
	work = malloc(f.image.len);
	assert_non_null(work);
	memcpy(work, f.image.ptr, f.image.len);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(work);
	fixture_finish(&f);
	return 0;
}

static void an_undamaged_image_opens(void **state)
{
	(void)state;
	assert_true(opens(work, f.image.len, f.scratch));
	image_seal(work, f.image.len);
	assert_memory_equal(work, f.image.ptr, f.image.len);
}

static void any_changed_byte_is_refused(void **state)
{
	(void)state;
	static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x20};
	for (size_t i = 0; i < f.image.len; i++) {
		for (size_t j = 0; j < ARRAY_LEN(flips); j++) {
			work[i] ^= flips[j];
			assert_false(opens(work, f.image.len, f.scratch));
			work[i] ^= flips[j];
		}
	}
	assert_true(opens(work, f.image.len, f.scratch));
}

static void any_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < f.image.len; len++)
		assert_false(opens(work, len, f.scratch));
	/* and where the length and the checksums were made to fit */
	for (size_t len = IMAGE_HEADER_SIZE; len < f.image.len; len++) {
		memcpy(work, f.image.ptr, f.image.len);
		image_put_u64(work + IMAGE_H_TOTAL_SIZE, len);
		image_seal(work, len);
		assert_false(opens(work, len, f.scratch));
	}
	uint8_t *longer = malloc(f.image.len + 8);
	assert_non_null(longer);
	memcpy(longer, f.image.ptr, f.image.len);
	memset(longer + f.image.len, 0, 8);
	assert_false(opens(longer, f.image.len + 8, f.scratch));
	image_put_u64(longer + IMAGE_H_TOTAL_SIZE, f.image.len + 8);
	image_seal(longer, f.image.len + 8);
	assert_false(opens(longer, f.image.len + 8, f.scratch));
	free(longer);
}

/* The checksums fit again: only the structure can tell. Whatever opens is used. */
static void sealed_damage_never_gets_through(void **state)
{
	(void)state;
	static const uint8_t flips[] = {0x01, 0x02, 0x08, 0x40, 0x80, 0xff};
	size_t opened = 0, refused = 0;
	for (size_t i = 0; i < f.image.len; i++) {
		for (size_t j = 0; j < ARRAY_LEN(flips); j++) {
			work[i] ^= flips[j];
			image_seal(work, f.image.len);
			bool ok = opens(work, f.image.len, f.scratch);
			opened += ok;
			refused += !ok;
			memcpy(work, f.image.ptr, f.image.len);
		}
	}
	assert_true(opened > 100); /* a text's letter, a line's number: nothing wrong with these */
	assert_true(refused > 3 * f.image.len);
}

static void sealed_numbers_out_of_range(void **state)
{
	(void)state;
	static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
	for (size_t i = 0; i + 4 <= f.image.len; i += 2) {
		uint32_t was = image_u32(work + i);
		for (size_t j = 0; j < ARRAY_LEN(values) + 2; j++) {
			image_put_u32(work + i, j < ARRAY_LEN(values) ? values[j] : j == ARRAY_LEN(values) ? was + 1 : was - 1);
			image_seal(work, f.image.len);
			(void)opens(work, f.image.len, f.scratch);
			memcpy(work, f.image.ptr, f.image.len);
		}
	}
}

static uint8_t *section(enum image_section_id id)
{
	return work + image_u64(work + IMAGE_H_SECTIONS + 16 * (size_t)id);
}

static bool sealed_opens(void)
{
	image_seal(work, f.image.len);
	bool ok = opens(work, f.image.len, f.scratch);
	memcpy(work, f.image.ptr, f.image.len);
	return ok;
}

/* Each promise of the layout, broken by itself. */
static void every_promise_is_checked(void **state)
{
	(void)state;
	image_put_u32(section(IMAGE_STRING_ENDS), UINT32_MAX);
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_STRING_ENDS) + 4, 0); /* ends before it begins */
	assert_false(sealed_opens());
	section(IMAGE_STRINGS)[0] = 0xff; /* no UTF-8 */
	assert_false(sealed_opens());
	section(IMAGE_WIRE)[1] = 'A'; /* not folded */
	assert_false(sealed_opens());
	section(IMAGE_WIRE)[0] = 0xc0; /* a compression pointer */
	assert_false(sealed_opens());
	image_put_u64(section(IMAGE_NAMES) + IMAGE_NAME_HASH, 0);
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_NAMES) + IMAGE_NAME_WIRE, UINT32_MAX);
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_NAMES) + IMAGE_NAME_COUNT, 0);
	assert_false(sealed_opens());
	section(IMAGE_NAMES)[IMAGE_NAME_LABELS] ^= 1;
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_NAME_DIR), 1);
	assert_false(sealed_opens());
	image_put_i64(section(IMAGE_ENTRIES) + IMAGE_ENTRY_UNTIL, 5);
	assert_false(sealed_opens());
	image_put_u16(section(IMAGE_ENTRIES) + IMAGE_ENTRY_LIST, 4);
	assert_false(sealed_opens());
	section(IMAGE_ENTRIES)[IMAGE_ENTRY_MATCH] = MATCH_REGEX;
	assert_false(sealed_opens());
	section(IMAGE_ENTRIES)[IMAGE_ENTRY_RANK] ^= IMAGE_SHADOW;
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_ENTRIES) + IMAGE_ENTRY_NAME, 1);
	assert_false(sealed_opens());
	section(IMAGE_LISTS)[IMAGE_LIST_ANSWER] = 6;
	assert_false(sealed_opens());
	section(IMAGE_LISTS)[IMAGE_LIST_MODE] = MODE_OFF;
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_LISTS) + IMAGE_LIST_ENTRY_COUNT, 1);
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_LISTS) + IMAGE_LIST_UNTIL_COUNT, 0);
	assert_false(sealed_opens());
	image_put_i64(section(IMAGE_UNTILS), INT64_MAX);
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_COLD) + IMAGE_COLD_PROVENANCE, 1000);
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_COLD) + IMAGE_COLD_TEXT, IMAGE_NONE);
	assert_false(sealed_opens());
	image_put_u16(section(IMAGE_PROVENANCE) + IMAGE_PROV_CONTACT_COUNT, 17);
	assert_false(sealed_opens());
	section(IMAGE_PROVENANCE)[IMAGE_PROV_CODE] = 3;
	assert_false(sealed_opens());
	image_put_u32(section(IMAGE_CONTACTS), IMAGE_NONE);
	assert_false(sealed_opens());
	work[IMAGE_H_RANKS] ^= 1;
	assert_false(sealed_opens());
	image_put_u64(work + IMAGE_H_LABEL_COUNTS, 0);
	assert_false(sealed_opens());
	image_put_u32(work + IMAGE_H_PATTERN_COUNT, 1);
	assert_false(sealed_opens());
	image_put_u32(work + IMAGE_H_PATTERN_COUNT, UINT32_MAX);
	assert_false(sealed_opens());
	work[IMAGE_H_NAME_BITS] = 64;
	assert_false(sealed_opens());
	work[IMAGE_H_CONTENT_HASH] ^= 1; /* another key: no hash fits */
	assert_false(sealed_opens());
	image_put_u64(work + IMAGE_H_SECTIONS + 8, UINT64_MAX / 2);
	assert_false(sealed_opens());
	/* what may differ */
	image_put_u32(work + IMAGE_H_GENERATION, 99);
	assert_true(sealed_opens());
	image_put_i64(work + IMAGE_H_COMPILED_AT, -5);
	assert_true(sealed_opens());
}

/* An equal hash is not an equal name: the image is changed behind the loader's back, since nobody can make two names collide. */
static void names_are_compared_not_only_hashed(void **state)
{
	(void)state;
	struct policy *p = NULL;
	struct err err;
	struct verdict v;
	struct name name = name_of("shadow.example");
	assert_true(policy_open_memory(work, f.image.len, &p, &err));
	(void)policy_match(p, f.scratch, &name, NOW_S, &v);
	assert_true(v.shadowed);
	uint8_t *wire = section(IMAGE_WIRE);
	size_t at = 0;
	while (memcmp(wire + at, "\6shadow\7example", name.len) != 0)
		at++;
	wire[at + 1] = 'z';
	(void)policy_match(p, f.scratch, &name, NOW_S, &v);
	assert_false(v.shadowed);
	policy_close(p);
}

static void foreign_and_older_images_are_told_apart(void **state)
{
	(void)state;
	const struct {
		size_t place;
		uint8_t flip;
		const char *says;
	} cases[] = {
	    {IMAGE_H_MAGIC, 1, "not a policy image"},	  {IMAGE_H_BYTE_ORDER, 1, "byte order"}, {IMAGE_H_VERSION, 2, "format 3"},
	    {IMAGE_H_GENERATION, 1, "header is damaged"}, {IMAGE_HEADER_SIZE, 1, "checksum"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct policy *p = NULL;
		struct err err = {.code = ERR_NONE};
		work[cases[i].place] ^= cases[i].flip;
		assert_false(policy_open_memory(work, f.image.len, &p, &err));
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
		work[cases[i].place] ^= cases[i].flip;
	}
}

static void the_same_input_gives_the_same_bytes(void **state)
{
	(void)state;
	fixture_compile(&f);
	assert_memory_equal(f.image.ptr, work, f.image.len);
	/* generation and time change the header only, and not what it says of the content */
	uint8_t hash[16];
	memcpy(hash, work + IMAGE_H_CONTENT_HASH, sizeof(hash));
	f.generation = 77;
	f.now_s += 12345;
	fixture_open(&f);
	struct policy_info info;
	policy_info(f.policy, NOW_S, &info);
	assert_int_equal(info.generation, 77);
	assert_int_equal(info.compiled_at_s, NOW_S + 12345);
	assert_memory_equal(info.content_hash, hash, sizeof(hash));
	assert_memory_equal(f.image.ptr + IMAGE_HEADER_SIZE, work + IMAGE_HEADER_SIZE, f.image.len - IMAGE_HEADER_SIZE);
	/* anything else changes the content */
	f.entries[0][0].line++;
	fixture_open(&f);
	policy_info(f.policy, NOW_S, &info);
	assert_memory_not_equal(info.content_hash, hash, sizeof(hash));
	f.entries[0][0].line--;
	f.settings.block_ttl_s++;
	fixture_open(&f);
	policy_info(f.policy, NOW_S, &info);
	assert_memory_not_equal(info.content_hash, hash, sizeof(hash));
}

static void files_open_or_say_why_not(void **state)
{
	(void)state;
	char dir[] = "/tmp/saring-test-image-XXXXXX", path[64];
	struct policy *p = NULL;
	struct err err = {.code = ERR_NONE};
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/policy.image", dir);
	assert_false(policy_open(path, &p, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(policy_open(dir, &p, &err));
	assert_true(file_replace(path, "", 0, 0640, &err));
	assert_false(policy_open(path, &p, &err));
	assert_non_null(strstr(err.text, path));
	assert_true(file_replace(path, f.image.ptr, f.image.len - 1, 0640, &err));
	assert_false(policy_open(path, &p, &err));
	assert_true(file_replace(path, f.image.ptr, f.image.len, 0640, &err));
	assert_true(policy_open(path, &p, &err));
	assert_int_equal(unlink(path), 0); /* the mapping stays */
	use(p, f.scratch);
	policy_close(p);
	policy_close(NULL);
	assert_int_equal(rmdir(dir), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_undamaged_image_opens),
	    TEST(any_changed_byte_is_refused),
	    TEST(any_truncation_is_refused),
	    TEST(sealed_damage_never_gets_through),
	    TEST(sealed_numbers_out_of_range),
	    TEST(every_promise_is_checked),
	    TEST(names_are_compared_not_only_hashed),
	    TEST(foreign_and_older_images_are_told_apart),
	    TEST(the_same_input_gives_the_same_bytes),
	    TEST(files_open_or_say_why_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
