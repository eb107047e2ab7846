/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The parts of a shard's store: table, ghosts, ring, epochs, and what they do together at their edges. */
#include "rig.h"

#include <stdlib.h>

#include "cache/store.h"

static const struct ttl_bounds any_ttl = {0, 86400};

static bool store_put_number(struct store *s, struct epoch *epoch, unsigned number, uint64_t hash, size_t body_len)
{
	static struct sample sample;
	struct name n = name_number(number);
	struct cache_key key = {.name = &n, .hash = hash};
	struct store_work w = {.readers = epoch, .moves = STORE_MOVES_MAX};
	sample_make(&sample, number, 1000, body_len);
	return store_put(s, &w, &key, &sample.response, any_ttl);
}

static struct entry *store_find_number(struct store *s, unsigned number, uint64_t hash)
{
	struct name n = name_number(number);
	struct cache_key key = {.name = &n, .hash = hash};
	struct entry *e = store_find(s, &key);
	assert_true(e == NULL || e->hash == hash);
	return e;
}

/* All with one hash: the same pair, the same tag. Sixteen fit; more push each other out, but the marked stay. */
static void strangers_with_one_hash(void **state)
{
	(void)state;
	const uint64_t hash = 0xfeedfacecafebeef;
	struct epoch epoch;
	epoch_init(&epoch);
	struct store *s = store_create(256 * 1024);
	for (unsigned i = 0; i < 16; i++)
		assert_true(store_put_number(s, &epoch, i, hash, 64));
	for (unsigned i = 0; i < 16; i++)
		assert_non_null(store_find_number(s, i, hash));
	assert_int_equal(s->entries, 16);
	for (unsigned i = 0; i < 8; i++)
		atomic_fetch_or(&store_find_number(s, i * 2, hash)->heat, HEAT_MARK);
	for (unsigned i = 16; i < 100; i++) {
		assert_true(store_put_number(s, &epoch, i, hash, 64));
		assert_non_null(store_find_number(s, i, hash));
		assert_int_equal(s->entries, 16);
	}
	for (unsigned i = 0; i < 8; i++)
		assert_non_null(store_find_number(s, i * 2, hash));
	/* all of them marked: somebody goes all the same */
	for (unsigned i = 0; i < 100; i++)
		if (store_find_number(s, i, hash) != NULL)
			atomic_fetch_or(&store_find_number(s, i, hash)->heat, HEAT_MARK);
	assert_true(store_put_number(s, &epoch, 1000, hash, 64));
	assert_non_null(store_find_number(s, 1000, hash));
	/* replaced and forgotten one by one, in either bucket */
	for (unsigned i = 0; i <= 1000; i++) {
		struct name n = name_number(i);
		struct cache_key key = {.name = &n, .hash = hash};
		if (store_find(s, &key) == NULL)
			continue;
		assert_true(store_put_number(s, &epoch, i, hash, 200));
		assert_int_equal(store_find(s, &key)->body_len, 200);
		uint64_t had = s->entries;
		store_forget(s, &key);
		assert_null(store_find(s, &key));
		assert_int_equal(s->entries, had - 1);
		store_forget(s, &key);
		assert_int_equal(s->entries, had - 1);
	}
	assert_int_equal(s->entries, 0);
	const struct bucket *b = table_first(&s->table, hash);
	for (size_t i = 0; i < BUCKET_SLOTS; i++) { /* guests are counted down to none */
		assert_int_equal(atomic_load(&b->slots[i]), 0);
		assert_int_equal(atomic_load(&table_other(&s->table, b)->slots[i]), 0);
	}
	store_destroy(s);
	epoch_finish(&epoch);
}

/* Both buckets of a pair have guests in the other. */
static void neighbours_lodge_each_other(void **state)
{
	(void)state;
	const uint64_t a = 0x0000001200000007, b = a | (uint64_t)1 << 32; /* same pair */
	struct epoch epoch;
	epoch_init(&epoch);
	struct store *s = store_create(256 * 1024);
	assert_ptr_equal(table_first(&s->table, a), table_other(&s->table, table_first(&s->table, b)));
	for (unsigned i = 0; i < 10; i++)
		assert_true(store_put_number(s, &epoch, i, a, 64));
	for (unsigned i = 10; i < 16; i++)
		assert_true(store_put_number(s, &epoch, i, b, 64));
	struct name first = name_number(0);
	store_forget(s, &(struct cache_key){.name = &first, .hash = a});
	assert_true(store_put_number(s, &epoch, 16, b, 64)); /* goes to a's bucket, which has two guests here */
	for (unsigned i = 1; i <= 16; i++) {
		assert_non_null(store_find_number(s, i, i < 10 ? a : b));
		assert_null(store_find_number(s, i, i < 10 ? b : a));
	}
	uint32_t pair = 0;
	size_t gone = 0;
	struct name root = {.len = 1};
	while (pair < s->table.pairs)
		gone += store_flush_some(s, &root, true, &pair);
	assert_int_equal(gone, 16);
	assert_int_equal(s->entries, 0);
	assert_int_equal(atomic_load(&table_first(&s->table, a)->slots[0]), 0);
	assert_int_equal(atomic_load(&table_first(&s->table, b)->slots[0]), 0);
	store_destroy(s);
	epoch_finish(&epoch);
}

static void ghosts_are_known_once(void **state)
{
	(void)state;
	uint32_t hashes[2 * GHOST_LINE] = {0};
	struct ghosts g = {.hashes = hashes, .lines = 2};
	assert_false(ghost_take(&g, 5));
	for (uint64_t i = 1; i <= GHOST_LINE + 3; i++) /* one line, the oldest are forgotten */
		ghost_add(&g, i << 40);
	for (uint64_t i = 1; i <= GHOST_LINE + 3; i++)
		assert_int_equal(ghost_take(&g, i << 40), i > 3);
	for (uint64_t i = 1; i <= GHOST_LINE + 3; i++)
		assert_false(ghost_take(&g, i << 40));
	ghost_add(&g, 0); /* a hash whose mark would be empty */
	assert_true(ghost_take(&g, 0));
	assert_false(ghost_take(&g, 0));
	g.lines = 0;
	ghost_add(&g, 1);
	assert_false(ghost_take(&g, 1));
}

/* Every length there is, round and round: what is linked is whole and lies within its ring. */
static void entries_of_every_size(void **state)
{
	(void)state;
	struct epoch epoch;
	epoch_init(&epoch);
	struct store *s = store_create(4 * 1024 * 1024);
	unsigned number = 0;
	for (size_t len = 0; len <= UINT16_MAX; len += len < 300 ? 1 : 97) {
		uint64_t hash = (uint64_t)++number * 0x9e3779b97f4a7c15u;
		assert_true(store_put_number(s, &epoch, number, hash, len));
		struct entry *e = store_find_number(s, number, hash);
		assert_non_null(e);
		assert_int_equal((uintptr_t)e % ENTRY_ALIGN, 0);
		const struct ring *ring = ring_has(&s->small, e) ? &s->small : &s->main;
		assert_true((const uint8_t *)e >= ring->bytes && (const uint8_t *)e + entry_size(e) <= ring->bytes + ring->size);
		if (number % 3 == 0)
			atomic_fetch_or(&e->heat, HEAT_MARK); /* it moves to the main ring */
	}
	assert_true(s->main.head > 2 * s->main.size && s->small.head > 2 * s->small.size);
	unsigned alive = 0;
	for (unsigned i = 1; i <= number; i++) {
		struct entry *e = store_find_number(s, i, (uint64_t)i * 0x9e3779b97f4a7c15u);
		if (e == NULL)
			continue;
		alive++;
		struct response r = {.flags = e->flags,
				     .ancount = e->ancount,
				     .nscount = e->nscount,
				     .ttl_count = e->ttl_count,
				     .target_count = e->target_count,
				     .body_len = e->body_len,
				     .ttl_pos = e->places,
				     .targets = e->places + e->ttl_count,
				     .body = entry_body(e)};
		assert_true(sample_is(&r, i, e->body_len));
	}
	assert_int_equal(alive, s->entries);
	assert_true(alive > 50);
	store_destroy(s);
	epoch_finish(&epoch);
}

static void fill_ring(struct ring *r, struct epoch *epoch, unsigned count)
{
	struct name n = name_number(1);
	struct cache_key key = {.name = &n};
	struct response response = {.ttl_s = 1};
	for (unsigned i = 0; i < count; i++) {
		response.body_len = (i * 5 % 40);
		response.body = (const uint8_t *)"0123456789012345678901234567890123456789";
		size_t size = entry_size_for(&key, &response);
		while (ring_is_short(r, size))
			ring_drop_oldest(r);
		assert_true(ring_has_safe_room(r, size, epoch));
		struct entry *e = ring_take(r, size);
		assert_true((uint8_t *)e >= r->bytes && (uint8_t *)e + size <= r->bytes + r->size);
		entry_fill(e, &key, &response, any_ttl, i);
	}
}

/* At every size of the ring, so that what is left at the end is too small for a filler too, and none at all. */
static void rings_wrap(void **state)
{
	(void)state;
	for (uint64_t size = 800; size < 1000; size += ENTRY_ALIGN) {
		struct epoch epoch;
		struct ring r;
		uint8_t *bytes = aligned_alloc(8, size);
		assert_non_null(bytes);
		epoch_init(&epoch);
		ring_init(&r, bytes, size, size / 8);
		assert_null(ring_oldest(&r));
		fill_ring(&r, &epoch, 500);
		unsigned seen = 0;
		int64_t last = -1;
		struct entry *e;
		for (uint64_t pos = r.tail; (e = ring_next(&r, &pos)) != NULL; seen++) {
			assert_true(last == -1 || e->stored_ms == last + 1);
			last = e->stored_ms;
		}
		assert_int_equal(last, 499);
		assert_true(seen >= 4 && seen < size / 56);
		for (; (e = ring_oldest(&r)) != NULL; seen--)
			ring_drop_oldest(&r);
		assert_int_equal(seen, 0);
		assert_int_equal(r.tail, r.head);
		free(bytes);
		epoch_finish(&epoch);
	}
}

static void epochs_hold_back_who_came_early(void **state)
{
	(void)state;
	struct epoch epoch;
	epoch_init(&epoch);
	struct epoch_reader *a = epoch_join(&epoch), *b = epoch_join(&epoch);
	assert_true(a != b);
	assert_int_equal(epoch_lowest(&epoch), UINT64_MAX);
	uint64_t before = epoch_retire(&epoch);
	epoch_enter(&epoch, a);
	assert_true(epoch_is_inside(a) && !epoch_is_inside(b));
	assert_true(before < epoch_lowest(&epoch)); /* a came after that was gone */
	uint64_t tag = epoch_retire(&epoch);
	assert_false(tag < epoch_lowest(&epoch));
	epoch_enter(&epoch, b);
	assert_false(tag < epoch_lowest(&epoch));
	assert_false(epoch_wait(&epoch, tag)); /* and does not wait for ever */
	epoch_leave(a);
	assert_true(tag < epoch_lowest(&epoch)); /* b came later */
	assert_true(epoch_wait(&epoch, tag));
	uint64_t later = epoch_retire(&epoch);
	assert_false(later < epoch_lowest(&epoch));
	epoch_part(b); /* leaves too */
	assert_true(later < epoch_lowest(&epoch));
	assert_ptr_equal(epoch_join(&epoch), b); /* places are taken again */
	epoch_finish(&epoch);
}

/* A ring that is full of answers everybody asks for: an insertion moves only so many, and nothing gets stuck. */
static void all_marked_is_no_standstill(void **state)
{
	(void)state;
	struct epoch epoch;
	epoch_init(&epoch);
	struct store *s = store_create(128 * 1024);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t hash = (uint64_t)i * 0x9e3779b97f4a7c15u;
		assert_true(store_put_number(s, &epoch, i, hash, i % 50 == 0 ? 12000 : 30));
		for (unsigned j = i < 1500 ? 0 : i - 1500; j <= i && i % 8 == 0; j++) {
			struct entry *e = store_find_number(s, j, (uint64_t)j * 0x9e3779b97f4a7c15u);
			if (e != NULL)
				atomic_fetch_or(&e->heat, HEAT_MARK);
		}
	}
	assert_true(s->main.head > 10 * s->main.size);
	store_destroy(s);
	epoch_finish(&epoch);
}

static void too_little_is_nothing(void **state)
{
	(void)state;
	assert_null(store_create(0));
	assert_null(store_create(STORE_LEN_MIN - 1));
	struct store *s = store_create(STORE_LEN_MIN);
	struct epoch epoch;
	epoch_init(&epoch);
	assert_non_null(s);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(store_put_number(s, &epoch, i, (uint64_t)i * 0x9e3779b97f4a7c15u, 100));
		assert_non_null(store_find_number(s, i, (uint64_t)i * 0x9e3779b97f4a7c15u));
	}
	assert_false(store_fits(s, STORE_LEN_MIN / 2));
	store_destroy(s);
	store_destroy(NULL);
	epoch_finish(&epoch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strangers_with_one_hash),
	    cmocka_unit_test(neighbours_lodge_each_other),
	    cmocka_unit_test(ghosts_are_known_once),
	    cmocka_unit_test(entries_of_every_size),
	    cmocka_unit_test(rings_wrap),
	    cmocka_unit_test(epochs_hold_back_who_came_early),
	    cmocka_unit_test(all_marked_is_no_standstill),
	    cmocka_unit_test(too_little_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
