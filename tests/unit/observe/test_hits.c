/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/hits.h"

#include "base/be.h"
#include "wire/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

/* The entry for that name of the list, hit or not. */
static struct hit *entry(struct hits *h, const char *list, const char *text, enum match match, uint64_t conditions)
{
	struct name name = name_of(text);
	struct hits_key key = {.list = hits_list(h, str_from(list)),
			       .match = match,
			       .conditions = conditions,
			       .key = {(const char *)name.wire, name.len}};
	struct hit *hit = hits_find(h, &key);
	return hit != NULL ? hit : hits_add(h, &key, (struct str){NULL, 0});
}

static size_t count_of(const struct hits *h)
{
	struct hits_info info;
	hits_info(h, &info);
	return info.count;
}

static void entries_are_what_they_are(void **state)
{
	struct hits *h = hits_create(1000);
	char text[HITS_TEXT_MAX];
	(void)state;
	hit_block(entry(h, "a", "t.me", MATCH_SUBTREE, 0), 1, 2000, 10);
	hit_block(entry(h, "a", "t.me", MATCH_EXACT, 0), 2, 2000, 10);
	hit_block(entry(h, "b", "t.me", MATCH_SUBTREE, 0), 3, 2000, 10);
	hit_block(entry(h, "a", "t.me", MATCH_SUBTREE, 77), 4, 2000, 10);
	assert_int_equal(count_of(h), 4);
	assert_int_equal(entry(h, "a", "t.me", MATCH_SUBTREE, 0)->hits, 1);
	assert_int_equal(entry(h, "a", "t.me", MATCH_EXACT, 0)->hits, 2);
	assert_int_equal(entry(h, "b", "t.me", MATCH_SUBTREE, 0)->hits, 3);
	assert_int_equal(entry(h, "a", "t.me", MATCH_SUBTREE, 77)->hits, 4);
	assert_string_equal(hit_text(entry(h, "a", "t.me", MATCH_SUBTREE, 0), text), "t.me");
	hits_destroy(h);
}

static void figures(void **state)
{
	struct hits *h = hits_create(1000);
	struct hit *hit = entry(h, "a", "t.me", MATCH_SUBTREE, 0);
	(void)state;
	assert_int_equal(hits_until(h, hit), 0);
	hit_shadow(hit, 5, 1500);
	assert_int_equal(hits_until(h, hit), 0);
	hit_block(hit, 2, 2000, 60);
	hit_block(hit, 2, 1990, 10); /* told later, but of before */
	assert_int_equal(hit->hits, 4);
	assert_int_equal(hit->would_block, 5);
	assert_int_equal(hit->last_s, 2000);
	assert_int_equal(hits_until(h, hit), 2061); /* it may have been sent at the end of that second */
	hit_allow(hit, 1, 2100);
	assert_int_equal(hit->hits, 5);
	assert_int_equal(hits_until(h, hit), 2061);
	/* something was left out then: it may have been this one */
	hits_inexact(h, 2500);
	hits_inexact(h, 2400);
	assert_int_equal(hits_until(h, hit), 2561); /* with the longest TTL that it ever had */
	hits_destroy(h);
}

static void a_full_table_lets_the_oldest_go(void **state)
{
	struct hits *h = hits_create(1000);
	struct hits_info info;
	unsigned young = 0;
	(void)state;
	for (unsigned i = 0; i < HITS_MAX + 20000; i++) {
		char text[32];
		snprintf(text, sizeof(text), "n%u.example", i);
		hit_block(entry(h, "a", text, MATCH_EXACT, 0), 1, 1000 + i, 10);
	}
	hits_info(h, &info);
	assert_int_equal(info.count, HITS_MAX);
	assert_int_equal(info.evicted, 20000);
	size_t cursor = 0, seen = 0;
	const struct hit *hit;
	while ((hit = hits_next(h, &cursor)) != NULL) {
		seen++;
		young += hit->last_s >= 1000 + HITS_MAX;
	}
	assert_int_equal(seen, HITS_MAX);
	assert_true(young > 19900); /* those just hit stay */
	hits_destroy(h);
}

static void many_lists(void **state)
{
	struct hits *h = hits_create(1000);
	char text[32];
	(void)state;
	for (unsigned i = 0; i < HITS_LISTS_MAX; i++) {
		snprintf(text, sizeof(text), "list-%u", i);
		assert_int_equal(hits_list(h, str_from(text)), i);
	}
	assert_int_equal(hits_list(h, STR_LIT("list-7")), 7);
	assert_int_equal(hits_list(h, STR_LIT("one-more")), HITS_NO_LIST);
	assert_null(entry(h, "one-more", "t.me", MATCH_EXACT, 0));
	hits_destroy(h);
}

/* Over the file only those names of lists go that something is counted of: else each list that was ever there takes a place. */
static void bug6_17_names_without_entries_are_forgotten(void **state)
{
	struct hits *h = hits_create(1000), *again;
	struct buf bytes = {0};
	struct err err = {0};
	bool complete = false;
	char text[32];
	(void)state;
	for (unsigned i = 0; i < HITS_LISTS_MAX; i++) {
		snprintf(text, sizeof(text), "list-%u", i);
		assert_int_equal(hits_list(h, str_from(text)), i);
	}
	hit_block(entry(h, "list-900", "t.me", MATCH_SUBTREE, 0), 3, 2000, 10);
	hits_write(h, true, &bytes);
	again = hits_read(buf_str(&bytes), &complete, &err);
	assert_non_null(again);
	assert_int_equal(entry(again, "list-900", "t.me", MATCH_SUBTREE, 0)->hits, 3);
	assert_int_equal(hits_list(again, STR_LIT("one-more")), 1);
	hits_destroy(again);
	hits_destroy(h);
	buf_finish(&bytes);
}

static struct hits *filled(void)
{
	struct hits *h = hits_create(1234567);
	struct hits_key regex = {.list = hits_list(h, STR_LIT("a")), .match = MATCH_REGEX, .key = STR_LIT("^ads?\\.")};
	uint8_t address[17] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 0, 120};
	struct hits_key net = {
	    .list = hits_list(h, STR_LIT("b")), .match = MATCH_ADDRESS, .key = {(const char *)address, sizeof(address)}};
	hit_block(entry(h, "a", "t.me", MATCH_SUBTREE, 0), 11, 2000000, 60);
	hit_shadow(entry(h, "b", "x.example", MATCH_EXACT, 99), 12, 2000001);
	hit_block(hits_add(h, &regex, (struct str){NULL, 0}), 13, 2000002, 10);
	hit_block(hits_add(h, &net, STR_LIT("24.0.2.0.192.rpz-ip")), 14, 2000003, 10);
	hits_inexact(h, 1999999);
	return h;
}

static void over_a_file(void **state)
{
	struct hits *h = filled(), *again;
	struct buf bytes = {0};
	struct err err = {0};
	struct hits_info before, after;
	bool complete = false;
	char text[HITS_TEXT_MAX];
	size_t cursor = 0;
	const struct hit *hit;
	(void)state;
	hits_write(h, true, &bytes);
	again = hits_read(buf_str(&bytes), &complete, &err);
	assert_non_null(again);
	assert_true(complete);
	hits_info(h, &before);
	hits_info(again, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(entry(again, "a", "t.me", MATCH_SUBTREE, 0)->hits, 11);
	assert_int_equal(entry(again, "a", "t.me", MATCH_SUBTREE, 0)->until_s, 2000061);
	assert_int_equal(entry(again, "b", "x.example", MATCH_EXACT, 99)->would_block, 12);
	while ((hit = hits_next(again, &cursor)) != NULL) {
		if (hit->match == MATCH_ADDRESS)
			assert_string_equal(hit_text(hit, text), "24.0.2.0.192.rpz-ip");
		if (hit->match == MATCH_REGEX)
			assert_true(str_eq_c(hit_key(hit), "^ads?\\."));
	}
	assert_int_equal(count_of(again), 4);
	hits_destroy(again);
	bytes.len = 0;
	hits_write(h, false, &bytes);
	again = hits_read(buf_str(&bytes), &complete, &err);
	assert_non_null(again);
	assert_false(complete);
	hits_destroy(again);
	hits_destroy(h);
	buf_finish(&bytes);
}

/* Every cut and every octet changed is seen. */
static void damage_is_seen(void **state)
{
	struct hits *h = filled();
	struct buf bytes = {0};
	struct err err = {0};
	bool complete = false;
	(void)state;
	hits_write(h, true, &bytes);
	for (size_t len = 0; len < bytes.len; len++) {
		assert_null(hits_read((struct str){bytes.ptr, len}, &complete, &err));
		assert_true(err.text[0] != '\0');
	}
	for (size_t i = 0; i < bytes.len; i++) {
		bytes.ptr[i] ^= 0x10;
		assert_null(hits_read(buf_str(&bytes), &complete, &err));
		bytes.ptr[i] ^= 0x10;
	}
	hits_destroy(h);
	buf_finish(&bytes);
}

/* With a good sum, too: what a table cannot be is refused, and nothing is read past the end. */
static void nonsense_is_refused(void **state)
{
	struct hits *h = filled();
	struct buf bytes = {0};
	struct err err = {0};
	unsigned refused = 0;
	bool complete = false;
	(void)state;
	hits_write(h, true, &bytes);
	for (size_t i = 16; i < bytes.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << bit));
			be_put_u64((uint8_t *)bytes.ptr + 8, hits_sum(bytes.ptr + 16, bytes.len - 16));
			struct hits *read = hits_read(buf_str(&bytes), &complete, &err);
			refused += read == NULL;
			hits_destroy(read);
			bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << bit));
		}
	}
	assert_true(refused > 100);
	hits_destroy(h);
	buf_finish(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(entries_are_what_they_are),
	    cmocka_unit_test(figures),
	    cmocka_unit_test(a_full_table_lets_the_oldest_go),
	    cmocka_unit_test(many_lists),
	    cmocka_unit_test(bug6_17_names_without_entries_are_forgotten),
	    cmocka_unit_test(over_a_file),
	    cmocka_unit_test(damage_is_seen),
	    cmocka_unit_test(nonsense_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
