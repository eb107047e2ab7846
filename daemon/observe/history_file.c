/* SPDX-License-Identifier: BSD-2-Clause
 *
 * history_file.c - what queries there were over time as bytes. Numbers are big-endian:
 *
 *      "SARSTAT1"  sum:u64 (of all that follows)
 *      since:i64
 *      for minutes, then for hours: buckets:u32, each number:i64, HISTORY_FATES counts:u64, shadowed:u64,
 *                                   slots:u16, each slot:u16 took:u32 (those of 0 are left out)
 *
 * The sum finds damage, not malice: the file lies in the daemon's own folder. */
#include "observe/history.h"

#include "base/be.h"
#include "observe/hits.h"
#include "wire/reader.h"

#include <string.h>

#define MAGIC "SARSTAT1"
#define MAGIC_LEN 8
#define HEAD_LEN (MAGIC_LEN + 8)

/* ---- written ---- */

static void put_bucket(struct buf *out, const struct history_bucket *b)
{
	uint16_t slots = 0;

	buf_add_u64(out, (uint64_t)b->number);
	for (size_t i = 0; i < HISTORY_FATES; i++)
		buf_add_u64(out, b->counts[i]);
	buf_add_u64(out, b->shadowed);
	for (size_t i = 0; i < HISTORY_SLOTS; i++)
		slots = (uint16_t)(slots + (b->took[i] > 0));
	buf_add_u16(out, slots);
	for (size_t i = 0; i < HISTORY_SLOTS; i++) {
		if (b->took[i] == 0)
			continue;
		buf_add_u16(out, i);
		buf_add_u32(out, b->took[i]);
	}
}

static void put_span(const struct history *h, enum history_span span, struct buf *out)
{
	const size_t count_at = out->len;
	uint32_t count = 0;

	buf_add_u32(out, 0);
	for (size_t i = 0; i < history_buckets[span]; i++) {
		const struct history_bucket *b = history_slot(h, span, i);
		if (b->number < 0)
			continue;
		put_bucket(out, b);
		count++;
	}
	be_put_u32((uint8_t *)out->ptr + count_at, count);
}

void history_write(const struct history *h, struct buf *ret)
{
	const size_t start = ret->len;

	buf_add(ret, MAGIC, MAGIC_LEN);
	buf_add_u64(ret, 0);
	buf_add_u64(ret, (uint64_t)history_since_s(h));
	put_span(h, HISTORY_MINUTES, ret);
	put_span(h, HISTORY_HOURS, ret);
	be_put_u64((uint8_t *)ret->ptr + start + MAGIC_LEN, hits_sum(ret->ptr + start + HEAD_LEN, ret->len - start - HEAD_LEN));
}

/* ---- read ---- */

static uint64_t get_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);
	return high << 32 | rd_u32(r);
}

static bool get_bucket(struct rd *r, struct history *h, enum history_span span)
{
	const int64_t number = (int64_t)get_u64(r);

	if (!rd_ok(r) || number < 0 || history_at(h, span, number) != NULL)
		return false;
	struct history_bucket *b = history_take(h, span, number);
	for (size_t i = 0; i < HISTORY_FATES; i++)
		b->counts[i] = get_u64(r);
	b->shadowed = get_u64(r);
	uint16_t slots = rd_u16(r);
	for (size_t i = 0; i < slots; i++) {
		uint16_t slot = rd_u16(r);
		uint32_t took = rd_u32(r);
		if (!rd_ok(r) || slot >= HISTORY_SLOTS)
			return false;
		b->took[slot] = took;
	}
	return rd_ok(r);
}

static bool get_span(struct rd *r, struct history *h, enum history_span span)
{
	const uint32_t count = rd_u32(r);

	if (!rd_ok(r) || count > history_buckets[span])
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!get_bucket(r, h, span))
			return false;
	return true;
}

struct history *history_read(struct str bytes, struct err *err)
{
	struct rd r = rd_init((const uint8_t *)bytes.ptr, bytes.len);

	if (bytes.len < HEAD_LEN || memcmp(bytes.ptr, MAGIC, MAGIC_LEN) != 0) {
		(void)err_set(err, ERR_INPUT, "these are no figures of saringd, or another version's");
		return NULL;
	}
	rd_skip(&r, MAGIC_LEN);
	if (get_u64(&r) != hits_sum(bytes.ptr + HEAD_LEN, bytes.len - HEAD_LEN)) {
		(void)err_set(err, ERR_INPUT, "the figures are damaged");
		return NULL;
	}
	const int64_t since_s = (int64_t)get_u64(&r);
	struct history *h = history_create(since_s);
	if (since_s >= 0 && since_s <= STR_TIME_MAX_S && get_span(&r, h, HISTORY_MINUTES) && get_span(&r, h, HISTORY_HOURS) &&
	    rd_left(&r) == 0 && rd_ok(&r))
		return h;
	(void)err_set(err, ERR_INPUT, "the figures make no sense");
	history_destroy(h);
	return NULL;
}
