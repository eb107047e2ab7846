/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/store.h"

#include <sys/mman.h>

#define PAGE 4096u
#define LINE_PAIR (2 * sizeof(struct bucket))
/* A slot for so many bytes: the smallest answers take 72 to 80 with their name, usual ones 130. With 80 the table is three quarters
 * full and one entry in a hundred finds no slot; with a slot for 88 bytes it was one in five. */
#define BYTES_PER_SLOT 72u
#define SLOTS_PER_GHOST 2u
#define SMALL_PART 10u	 /* of the rings */
#define ENTRY_PART 4u	 /* of a ring one entry may take */
#define GAP_USUAL 16384u /* the answers of some batches */
#define FLUSH_PAIRS 32u	 /* looked through under one lock: 512 entries */

static uint64_t round_up(uint64_t n, uint64_t step)
{
	return (n + step - 1) / step * step;
}

static uint64_t round_down(uint64_t n, uint64_t step)
{
	return n / step * step;
}

/* The small ring is written fast: its gap is a larger part of it. */
static uint64_t gap_of(uint64_t size, uint64_t part)
{
	return MAX(size / part, MIN(size / 8, GAP_USUAL));
}

struct store *store_create(uint64_t len)
{
	len = round_down(MIN(len, STORE_LEN_MAX), PAGE);
	if (len < STORE_LEN_MIN)
		return NULL;
	uint8_t *base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	struct store *s = (struct store *)(void *)base;
	uint64_t at = round_up(sizeof(*s), LINE_PAIR);
	s->len = len;
	s->table.base = base;
	s->table.buckets = (struct bucket *)(void *)(base + at);
	s->table.pairs = (uint32_t)MAX(len / BYTES_PER_SLOT / (2 * BUCKET_SLOTS), 1);
	at += s->table.pairs * LINE_PAIR;
	s->ghosts.hashes = (uint32_t *)(void *)(base + at);
	s->ghosts.lines = (uint32_t)(len / BYTES_PER_SLOT / SLOTS_PER_GHOST / GHOST_LINE);
	at += (uint64_t)s->ghosts.lines * GHOST_LINE * sizeof(uint32_t);
	uint64_t small = round_down((len - at) / SMALL_PART, ENTRY_ALIGN), main = round_down(len - at - small, ENTRY_ALIGN);
	ring_init(&s->small, base + at, small, gap_of(small, 8));
	ring_init(&s->main, base + at + small, main, gap_of(main, 32));
	return s;
}

void store_destroy(struct store *s)
{
	if (s != NULL)
		must(munmap(s, s->len) == 0);
}

bool store_fits(const struct store *s, size_t size)
{
	return size <= s->main.size / ENTRY_PART;
}

static void unlink_slot(struct store *s, _Atomic uint64_t *slot)
{
	table_unlink(&s->table, slot);
	s->entries--;
}

static void move_to_main(struct store *s, _Atomic uint64_t *slot, struct entry *e)
{
	struct entry *to = ring_take(&s->main, entry_size(e));
	entry_copy(to, e);
	table_relink(&s->table, slot, to);
}

static bool is_to_stay(const struct store_work *w, struct entry *e)
{
	return w->moves > 0 && entry_is_marked(e) && !entry_is_dead(e, w->serve_stale_s, w->now_ms);
}

/* False when readers still look at bytes that are wanted now. No entry that is asked for is lost over that. */
static bool main_make_room(struct store *s, struct store_work *w, size_t size)
{
	while (ring_is_short(&s->main, size)) {
		struct entry *e = ring_oldest(&s->main);
		if (e == NULL)
			break;
		_Atomic uint64_t *slot = table_slot_of(&s->table, e);
		if (slot != NULL && is_to_stay(w, e) && ring_could_take(&s->main, entry_size(e))) {
			if (!ring_has_safe_room(&s->main, entry_size(e), w->readers))
				return false;
			move_to_main(s, slot, e);
			w->moves--;
		} else if (slot != NULL) {
			unlink_slot(s, slot);
			w->evicted++;
		}
		ring_drop_oldest(&s->main);
	}
	return ring_has_safe_room(&s->main, size, w->readers);
}

static bool small_make_room(struct store *s, struct store_work *w, size_t size)
{
	while (ring_is_short(&s->small, size)) {
		struct entry *e = ring_oldest(&s->small);
		if (e == NULL)
			break;
		_Atomic uint64_t *slot = table_slot_of(&s->table, e);
		if (slot != NULL && is_to_stay(w, e)) {
			w->moves--;
			if (!main_make_room(s, w, entry_size(e)))
				return false;
			move_to_main(s, slot, e);
		} else if (slot != NULL) {
			ghost_add(&s->ghosts, e->hash);
			unlink_slot(s, slot);
			w->evicted++;
		}
		ring_drop_oldest(&s->small);
	}
	return ring_has_safe_room(&s->small, size, w->readers);
}

/* Room for an entry in the ring it belongs to; NULL: not now. What the small ring is too small for goes to the main one. */
static struct entry *make_room(struct store *s, struct store_work *w, size_t size, bool to_main)
{
	if (to_main || size > s->small.size / ENTRY_PART)
		return main_make_room(s, w, size) ? ring_take(&s->main, size) : NULL;
	return small_make_room(s, w, size) ? ring_take(&s->small, size) : NULL;
}

/* Until the main ring was full once everybody is welcome there: nothing is evicted while there is room. */
static bool main_is_new(const struct store *s, size_t size)
{
	return s->main.tail == 0 && !ring_is_short(&s->main, size);
}

static void link_new(struct store *s, struct store_work *w, const struct entry *e)
{
	if (!table_link(&s->table, e)) {
		unlink_slot(s, table_victim(&s->table, e->hash, s->main.bytes));
		w->evicted++;
		must(table_link(&s->table, e));
	}
	s->entries++;
}

void store_fetch(const struct store *s, uint64_t hash)
{
	__builtin_prefetch(table_first(&s->table, hash));
	ghost_fetch(&s->ghosts, hash);
}

/* The next put will evict this one: its bucket and its ghost's line are two waits less then. Measured: a churning put 1.5 x as
 * fast. */
static void fetch_oldest(struct store *s)
{
	struct entry *e = s->small.head > s->small.size ? ring_oldest(&s->small) : NULL;
	if (e != NULL)
		store_fetch(s, e->hash);
}

bool store_put(struct store *s, struct store_work *w, const struct cache_key *key, const struct response *r,
	       struct ttl_bounds bounds)
{
	struct entry *old = NULL;
	bool hot = table_probe(&s->table, key, &old) != NULL && entry_is_marked(old);
	size_t size = entry_size_for(key, r);
	bool to_main = (old != NULL && ring_has(&s->main, old)) || ghost_take(&s->ghosts, key->hash) || main_is_new(s, size);
	struct entry *e = make_room(s, w, size, to_main);
	if (e == NULL)
		return false;
	entry_fill(e, key, r, bounds, w->now_ms);
	if (hot) /* its proof: it will move on to the main ring */
		atomic_store_explicit(&e->heat, HEAT_MARK, memory_order_relaxed);
	_Atomic uint64_t *slot = table_probe(&s->table, key, &old); /* making room may have moved or evicted it */
	if (slot != NULL)
		table_relink(&s->table, slot, e);
	else
		link_new(s, w, e);
	fetch_oldest(s);
	return true;
}

void store_forget(struct store *s, const struct cache_key *key)
{
	struct entry *old;
	_Atomic uint64_t *slot = table_probe(&s->table, key, &old);
	if (slot != NULL)
		unlink_slot(s, slot);
}

static void take_over_ring(struct store *s, struct store_work *w, const struct store *from, const struct ring *ring)
{
	struct entry *e;
	for (uint64_t pos = ring->tail; (e = ring_next(ring, &pos)) != NULL;) {
		if (table_slot_of(&from->table, e) == NULL)
			continue;
		size_t size = entry_size(e);
		w->moves = STORE_MOVES_MAX;
		struct entry *to = store_fits(s, size) ? make_room(s, w, size, ring == &from->main) : NULL;
		if (to == NULL) {
			w->evicted++;
			continue;
		}
		entry_copy(to, e);
		if (entry_is_marked(e))
			atomic_fetch_or_explicit(&to->heat, HEAT_MARK, memory_order_relaxed);
		link_new(s, w, to);
	}
}

void store_take_over(struct store *s, struct store_work *w, const struct store *from)
{
	take_over_ring(s, w, from, &from->main);
	take_over_ring(s, w, from, &from->small);
}

size_t store_flush_some(struct store *s, const struct name *name, bool subtree, uint32_t *pair)
{
	size_t count = 0;
	struct bucket *b = s->table.buckets + (size_t)*pair * 2;
	*pair = MIN(*pair + FLUSH_PAIRS, s->table.pairs);
	for (; b < s->table.buckets + (size_t)*pair * 2; b++) {
		for (size_t i = 0; i < BUCKET_SLOTS; i++) {
			uint64_t slot = atomic_load_explicit(&b->slots[i], memory_order_relaxed);
			if ((slot & UINT32_MAX) == 0 || !entry_is_below(table_entry(&s->table, slot), name, subtree))
				continue;
			unlink_slot(s, &b->slots[i]);
			count++;
		}
	}
	return count;
}

uint64_t store_bytes(const struct store *s)
{
	uint64_t rings = s->small.size + s->main.size;
	return s->len - rings + ring_touched(&s->small) + ring_touched(&s->main);
}
