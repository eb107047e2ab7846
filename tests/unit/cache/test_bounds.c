/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the cache takes, what it lets go first, and what becomes of it when its size changes. */
#include "rig.h"

#include <sys/mman.h>
#include <unistd.h>

#include "cache/store.h"

static size_t resident(const struct store *s)
{
	static unsigned char pages[4096];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), count = s->len / page, found = 0;
	assert_true(count <= sizeof(pages));
	assert_int_equal(mincore((void *)(uintptr_t)s, s->len, pages), 0);
	for (size_t i = 0; i < count; i++)
		found += pages[i] & 1;
	return found * page;
}

static void the_bound_is_hard(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {32 * 1024, 64 * 1024, 256 * 1024, 4 * 1024 * 1024};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct cache_config config = usual;
		config.size_bytes = sizes[i];
		struct rig rig;
		struct cache_stats s;
		rig_init(&rig, &config);
		assert_true(stats_of(&rig).bytes < sizes[i] / 4); /* tables only */
		for (unsigned j = 0; j < 30000; j++) {
			put_number(&rig, j, j * 37 % (j % 100 == 0 ? 60000 : 700));
			s = stats_of(&rig);
			assert_true(s.bytes <= sizes[i]);
		}
		assert_true(s.evictions > 0 && s.entries > 0 && s.refused == 0);
		assert_true(s.bytes > sizes[i] - sizes[i] / 4); /* and it is made use of */
		assert_int_equal(s.limit_bytes, sizes[i]);
		assert_int_equal(s.insertions, s.evictions + s.entries);
		assert_int_equal(cache_flush(rig.cache, NULL, true), s.entries);
		s = stats_of(&rig);
		assert_int_equal(s.entries, 0);
		assert_true(s.bytes < sizes[i] / 4);
		rig_finish(&rig);
	}
}

static void no_more_is_resident_than_it_says(void **state)
{
	(void)state;
	static struct sample sample;
	struct epoch epoch;
	epoch_init(&epoch);
	struct store *s = store_create(4 * 1024 * 1024 + 123);
	assert_non_null(s);
	assert_int_equal(s->len, 4 * 1024 * 1024);
	for (unsigned i = 0; i < 100000; i++) {
		struct name n = name_number(i);
		struct cache_key key = {.name = &n, .hash = i * 0x9e3779b97f4a7c15u};
		struct store_work w = {.readers = &epoch, .moves = STORE_MOVES_MAX};
		sample_make(&sample, i, 1000, 100);
		assert_true(store_put(s, &w, &key, &sample.response, (struct ttl_bounds){0, 1000}));
		if (i % 1000 == 0)
			assert_true(resident(s) <= store_bytes(s) + 4 * 4096); /* four things end within a page */
	}
	assert_true(store_bytes(s) <= s->len);
	store_destroy(s);
	epoch_finish(&epoch);
}

/* What passes through once, ten times as much as there is room for, leaves the hot names where they are: whether they are asked for
 * meanwhile or not. */
static void scans_pass_by(void **state)
{
	(void)state;
	enum { HOT = 2000, SCAN = 80000 };
	struct response r;
	for (int asked_meanwhile = 0; asked_meanwhile < 2; asked_meanwhile++) {
		struct rig rig;
		unsigned found = 0;
		rig_init(&rig, &usual);
		for (unsigned i = 0; i < SCAN; i++) /* it is full of them when the hot ones come */
			put_number(&rig, HOT + SCAN + i, 64);
		for (unsigned i = 0; i < 3 * HOT; i++) /* more of them than the small ring holds */
			if (get_number(&rig, i % HOT, &r) == CACHE_MISS)
				put_number(&rig, i % HOT, 64);
		for (unsigned i = 0; i < SCAN; i++) {
			put_number(&rig, HOT + i, 64);
			if (asked_meanwhile && i % 10 == 0 && get_number(&rig, i / 10 % HOT, &r) == CACHE_MISS)
				put_number(&rig, i / 10 % HOT, 64);
		}
		struct cache_stats s = stats_of(&rig);
		assert_true(s.evictions > (uint64_t)9 * s.entries);
		for (unsigned i = 0; i < HOT; i++)
			found += get_number(&rig, i, &r) == CACHE_FRESH;
		assert_true(found * 10 > HOT * 9);
		rig_finish(&rig);
	}
}

/* Who asked for a name has proven it: the answer that replaces its old one needs no proof. */
static void new_answers_inherit(void **state)
{
	(void)state;
	struct rig rig;
	struct response r;
	unsigned junk = 1000;
	rig_init(&rig, &usual);
	for (; junk < 80000; junk++)
		put_number(&rig, junk, 64);
	put_number(&rig, 1, 64);
	put_number(&rig, 2, 64);
	put_number(&rig, 3, 64);
	assert_int_equal(get_number(&rig, 1, &r), CACHE_FRESH);
	assert_int_equal(get_number(&rig, 2, &r), CACHE_FRESH);
	put_number(&rig, 2, 70); /* asked for, and still in the small ring */
	for (; junk < 83000; junk++)
		put_number(&rig, junk, 64);
	put_number(&rig, 1, 70); /* in the main ring by now */
	for (; junk < 86000; junk++)
		put_number(&rig, junk, 64);
	assert_int_equal(get_number(&rig, 1, &r), CACHE_FRESH);
	assert_true(sample_is(&r, 1, 70));
	assert_int_equal(get_number(&rig, 2, &r), CACHE_FRESH);
	assert_true(sample_is(&r, 2, 70));
	assert_int_equal(get_number(&rig, 3, &r), CACHE_MISS); /* nobody asked for it */
	rig_finish(&rig);
}

static void the_dead_are_not_kept_for_their_marks(void **state)
{
	(void)state;
	static struct sample sample;
	struct epoch epoch;
	struct entry *e;
	epoch_init(&epoch);
	struct store *s = store_create(64 * 1024);
	for (unsigned i = 0; i < 4000; i++) { /* all marked; they end before they come to the small ring's end */
		struct name n = name_number(i);
		struct cache_key key = {.name = &n, .hash = i * 0x9e3779b97f4a7c15u};
		struct store_work w = {.readers = &epoch, .now_ms = i * 1000, .moves = STORE_MOVES_MAX};
		sample_make(&sample, i, 3, 64);
		assert_true(store_put(s, &w, &key, &sample.response, (struct ttl_bounds){0, 1000}));
		e = store_find(s, &key);
		assert_non_null(e);
		atomic_fetch_or(&e->heat, HEAT_MARK);
	}
	assert_int_equal(s->main.tail, 0); /* nobody went there once it was full */
	assert_true(s->small.tail > 10 * s->small.size);
	store_destroy(s);
	epoch_finish(&epoch);
}

static unsigned count_found(struct rig *rig, unsigned from, unsigned to)
{
	struct response r;
	unsigned found = 0;
	for (unsigned i = from; i < to; i++) {
		if (get_number(rig, i, &r) != CACHE_FRESH)
			continue;
		assert_true(sample_is(&r, i, 100));
		found++;
	}
	return found;
}

static void sizes_change_while_it_serves(void **state)
{
	(void)state;
	struct cache_config config = usual;
	config.size_bytes = 2 * 1024 * 1024;
	struct rig rig;
	struct response r;
	rig_init(&rig, &config);
	for (unsigned i = 0; i < 1000; i++)
		put_number(&rig, i, 100);
	config.max_ttl_s = 500;
	cache_configure(rig.cache, &config);
	assert_int_equal(count_found(&rig, 0, 1000), 1000); /* the same size: nothing happens */
	config.size_bytes = 3 * 1024 * 1024;
	cache_configure(rig.cache, &config);
	assert_int_equal(count_found(&rig, 0, 1000), 1000); /* growing loses nothing */
	for (unsigned i = 1000; i < 40000; i++)
		put_number(&rig, i, 100);
	struct cache_stats before = stats_of(&rig);
	assert_int_equal(count_found(&rig, 0, 40000), before.entries);
	config.size_bytes = 2 * 1024 * 1024; /* shrinking evicts */
	cache_configure(rig.cache, &config);
	struct cache_stats s = stats_of(&rig);
	assert_true(s.bytes <= config.size_bytes && s.entries > before.entries / 2 && s.entries < before.entries);
	assert_int_equal(s.evictions - before.evictions, before.entries - s.entries);
	assert_int_equal(count_found(&rig, 0, 40000), s.entries);
	config.size_bytes = 64 * 1024; /* another number of shards */
	cache_configure(rig.cache, &config);
	assert_int_equal(stats_of(&rig).entries, 0);
	assert_true(stats_of(&rig).bytes <= 64 * 1024);
	assert_int_equal(stats_of(&rig).limit_bytes, 64 * 1024);
	put_number(&rig, 1, 100);
	assert_int_equal(get_number(&rig, 1, &r), CACHE_FRESH);
	config.size_bytes = 0;
	cache_configure(rig.cache, &config);
	s = stats_of(&rig);
	assert_int_equal(s.bytes, 0);
	assert_int_equal(s.entries, 0);
	put_number(&rig, 1, 100);
	assert_int_equal(get_number(&rig, 1, &r), CACHE_MISS);
	assert_int_equal(cache_flush(rig.cache, NULL, true), 0);
	struct name n = name_number(1);
	assert_int_equal(cache_flush(rig.cache, &n, true), 0);
	config.size_bytes = 16 * 1024 * 1024;
	cache_configure(rig.cache, &config);
	put_number(&rig, 1, 100);
	assert_int_equal(get_number(&rig, 1, &r), CACHE_FRESH);
	config.size_bytes = 1; /* less than anything needs: as good as off, and never above */
	cache_configure(rig.cache, &config);
	put_number(&rig, 1, 100);
	assert_int_equal(stats_of(&rig).entries, 0);
	assert_int_equal(stats_of(&rig).bytes, 0);
	rig_finish(&rig);
}

/* A reader that stays inside: what it borrowed is what it was, whatever others do; puts are refused rather. */
static void what_is_borrowed_stays(void **state)
{
	(void)state;
	struct cache_config config = usual;
	config.size_bytes = 256 * 1024;
	struct rig rig;
	struct response r[20];
	rig_init(&rig, &config);
	struct rig other = {.cache = rig.cache, .reader = cache_reader_create(rig.cache)};
	for (int what = 0; what < 4; what++) {
		for (unsigned i = 0; i < ARRAY_LEN(r); i++)
			put_number(&rig, i, 100 + i);
		cache_enter(rig.reader);
		for (unsigned i = 0; i < ARRAY_LEN(r); i++) {
			struct name n = name_number(i);
			struct cache_key key = key_of(rig.cache, &n);
			assert_int_equal(cache_get(rig.reader, &key, 0, &r[i]), CACHE_FRESH);
		}
		uint64_t refused = stats_of(&rig).refused, had = stats_of(&rig).entries;
		for (int i = 0; i < 3 && what == 1; i++) { /* the second finds the first's memory still read */
			assert_int_equal(cache_flush(rig.cache, NULL, false), i == 0 ? had : 1);
			assert_int_equal(stats_of(&rig).entries, 0);
			assert_true(stats_of(&rig).bytes < 2 * config.size_bytes);
			put_number(&other, 5000, 64);
		}
		if (what == 2) {
			config.size_bytes = 512 * 1024;
			cache_configure(rig.cache, &config);
			assert_true(stats_of(&rig).bytes > 0);
		}
		for (unsigned i = 0; i < 20000; i++) { /* what 3: by itself */
			put_number(what == 3 ? &rig : &other, i % 3 == 0 ? i % 20 : i, 64);
			for (unsigned j = 0; j < ARRAY_LEN(r) && i % 64 == 0; j++)
				assert_true(sample_is(&r[j], j, 100 + j));
		}
		for (unsigned j = 0; j < ARRAY_LEN(r); j++)
			assert_true(sample_is(&r[j], j, 100 + j));
		assert_true(stats_of(&rig).refused > refused + 1000);
		cache_leave(rig.reader);
		refused = stats_of(&rig).refused; /* and from then on nobody is refused, nor is the old memory still there */
		for (unsigned i = 0; i < 20000; i++)
			put_number(&rig, i, 64);
		assert_int_equal(stats_of(&rig).refused, refused);
		assert_true(stats_of(&rig).bytes <= config.size_bytes);
	}
	cache_reader_destroy(other.reader);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_bound_is_hard),
	    cmocka_unit_test(no_more_is_resident_than_it_says),
	    cmocka_unit_test(scans_pass_by),
	    cmocka_unit_test(new_answers_inherit),
	    cmocka_unit_test(the_dead_are_not_kept_for_their_marks),
	    cmocka_unit_test(sizes_change_while_it_serves),
	    cmocka_unit_test(what_is_borrowed_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
