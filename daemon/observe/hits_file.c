/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hits_file.c - the table of hits as bytes. Numbers are big-endian:
 *
 *      "SARHITS2"  sum:u64 (of all that follows)
 *      complete:u8  since:i64  evicted:u64  inexact:i64
 *      lists:u16, each len:u8 and its name
 *      entries:u32, each list:u16 match:u8 has_written:u8 conditions:u64 hits:u64 would_block:u64 last:i64 until:i64 ttl:u32
 *                        key_len:u16 written_len:u16, then both
 *
 * The sum finds damage, not malice: the file lies in the daemon's own folder. What it says is held to the table's bounds all the
 * same. */
#include "observe/hits.h"

#include "base/be.h"
#include "base/siphash.h"
#include "wire/name.h"
#include "wire/reader.h"

#include <string.h>

#define MAGIC "SARHITS2"
#define MAGIC_LEN 8
#define HEAD_LEN (MAGIC_LEN + 8)

uint64_t hits_sum(const void *bytes, size_t len)
{
	static const struct siphash_key key = {0x73617269, 0x6e67};

	return siphash13(&key, bytes, len);
}

/* ---- written ---- */

static void put_u8(struct buf *b, unsigned v)
{
	uint8_t byte = (uint8_t)v;
	buf_add(b, &byte, 1);
}

static void put_hit(struct buf *b, const struct hit *hit)
{
	buf_add_u16(b, hit->list);
	put_u8(b, hit->match);
	put_u8(b, hit->has_written);
	buf_add_u64(b, hit->conditions);
	buf_add_u64(b, hit->hits);
	buf_add_u64(b, hit->would_block);
	buf_add_u64(b, (uint64_t)hit->last_s);
	buf_add_u64(b, (uint64_t)hit->until_s);
	buf_add_u32(b, hit->ttl_s);
	buf_add_u16(b, hit->key_len);
	buf_add_u16(b, hit->written_len);
	buf_add(b, hit->bytes, (size_t)hit->key_len + hit->written_len);
}

void hits_write(const struct hits *h, bool complete, struct buf *ret)
{
	const size_t start = ret->len;
	struct hits_info info;
	size_t cursor = 0;
	uint16_t lists = 0;
	const struct hit *hit;

	hits_info(h, &info);
	buf_add(ret, MAGIC, MAGIC_LEN);
	buf_add_u64(ret, 0);
	put_u8(ret, complete);
	buf_add_u64(ret, (uint64_t)info.since_s);
	buf_add_u64(ret, info.evicted);
	buf_add_u64(ret, (uint64_t)info.inexact_s);
	while (hits_list_name(h, lists).len > 0)
		lists++;
	buf_add_u16(ret, lists);
	for (uint16_t i = 0; i < lists; i++) {
		struct str name = hits_list_name(h, i);
		put_u8(ret, (unsigned)name.len);
		buf_add_str(ret, name);
	}
	buf_add_u32(ret, info.count);
	while ((hit = hits_next(h, &cursor)) != NULL)
		put_hit(ret, hit);
	be_put_u64((uint8_t *)ret->ptr + start + MAGIC_LEN, hits_sum(ret->ptr + start + HEAD_LEN, ret->len - start - HEAD_LEN));
}

/* ---- read ---- */

static uint64_t get_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);
	return high << 32 | rd_u32(r);
}

static int64_t get_i64(struct rd *r)
{
	return (int64_t)get_u64(r);
}

static bool key_good(enum match match, struct str key)
{
	struct name name;

	switch (match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		return name_from_wire((const uint8_t *)key.ptr, key.len, &name);
	case MATCH_REGEX:
	case MATCH_PATTERN:
		return key.len > 0;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		return key.len == 17 && (uint8_t)key.ptr[16] <= 128;
	}
	return false;
}

/* One entry into the table. lists: the names of the file's numbers. */
static bool take_hit(struct hits *h, struct rd *r, const struct str *lists, size_t list_count)
{
	const size_t list = rd_u16(r);
	const unsigned match = rd_u8(r), has_written = rd_u8(r);
	struct hits_key key = {.match = (enum match)match, .conditions = get_u64(r)};
	struct hit told = {.hits = get_u64(r)};
	told.would_block = get_u64(r);
	told.last_s = get_i64(r);
	told.until_s = get_i64(r);
	told.ttl_s = rd_u32(r);
	const size_t key_len = rd_u16(r), written_len = rd_u16(r);
	key.key = (struct str){(const char *)rd_bytes(r, key_len), key_len};
	struct str written = {(const char *)rd_bytes(r, written_len), written_len};
	if (!rd_ok(r) || list >= list_count || match > MATCH_CLIENT || has_written > 1 || (!has_written && written_len > 0) ||
	    told.last_s < 0 || told.until_s < 0 || !key_good(key.match, key.key))
		return false;
	key.list = hits_list(h, lists[list]); /* not before: one that nothing is counted of any more is forgotten */
	if (hits_find(h, &key) != NULL)
		return false;
	struct hit *hit = hits_add(h, &key, has_written ? written : (struct str){NULL, 0});
	if (hit == NULL)
		return false;
	hit->hits = told.hits;
	hit->would_block = told.would_block;
	hit->last_s = told.last_s;
	hit->until_s = told.until_s;
	hit->ttl_s = told.ttl_s;
	return true;
}

static bool take_lists(struct rd *r, struct str lists[HITS_LISTS_MAX], size_t *ret_count)
{
	*ret_count = rd_u16(r);
	if (*ret_count > HITS_LISTS_MAX)
		return false;
	for (size_t i = 0; i < *ret_count; i++) {
		size_t len = rd_u8(r);
		struct str name = {(const char *)rd_bytes(r, len), len};
		if (!rd_ok(r) || len == 0 || memchr(name.ptr, 0, len) != NULL)
			return false;
		lists[i] = name;
	}
	return rd_ok(r);
}

static bool take_all(struct hits *h, struct rd *r, bool *ret_complete)
{
	struct str lists[HITS_LISTS_MAX];
	size_t list_count;

	const unsigned complete = rd_u8(r);
	const int64_t since_s = get_i64(r);
	const uint64_t evicted = get_u64(r);
	hits_begin(h, since_s, evicted, get_i64(r));
	if (complete > 1 || !take_lists(r, lists, &list_count))
		return false;
	uint32_t count = rd_u32(r);
	if (count > HITS_MAX)
		return false;
	for (; count > 0; count--) {
		if (!take_hit(h, r, lists, list_count))
			return false;
	}
	if (!rd_ok(r) || rd_left(r) != 0)
		return false;
	*ret_complete = complete == 1;
	return true;
}

struct hits *hits_read(struct str bytes, bool *ret_complete, struct err *err)
{
	struct rd r = rd_init(bytes.ptr, bytes.len);

	if (bytes.len < HEAD_LEN || memcmp(bytes.ptr, MAGIC, MAGIC_LEN) != 0) {
		err_set(err, ERR_INPUT, "it is no table of hits, or one of another version");
		return NULL;
	}
	rd_skip(&r, MAGIC_LEN);
	if (get_u64(&r) != hits_sum(bytes.ptr + HEAD_LEN, bytes.len - HEAD_LEN)) {
		err_set(err, ERR_INPUT, "it is damaged: its checksum is another one");
		return NULL;
	}
	struct hits *h = hits_create(0);
	if (take_all(h, &r, ret_complete))
		return h;
	hits_destroy(h);
	err_set(err, ERR_INPUT, "it is damaged: what it says cannot be");
	return NULL;
}
