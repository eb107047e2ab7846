/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The write half of records.h: tools only. */
#include "policy/records.h"

#include "wire/rrtype.h"

#include <string.h>

#define RCODE_LEN 2
#define HEAD_LEN 8 /* of a record: type, ttl, length */

static void put_u16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	put_u16(at, value >> 16);
	put_u16(at + 2, value & 0xffff);
}

/* Open a gap of len bytes at `at`. */
static uint8_t *make_gap(struct buf *bytes, size_t at, size_t len)
{
	size_t behind = bytes->len - at;
	(void)buf_grow(bytes, len);
	uint8_t *gap = (uint8_t *)bytes->ptr + at;
	memmove(gap + len, gap, behind);
	return gap;
}

bool records_add(struct buf *bytes, const struct record *record)
{
	if (record->rdata.len > RECORDS_LEN_MAX || (record->type == RRTYPE_CNAME && !records_is_name(record->rdata)))
		return false;
	if (records_rcode(buf_str(bytes)) != RCODE_NOERROR)
		return false;
	size_t at = 0, place = RCODE_LEN, begin = RCODE_LEN, len = HEAD_LEN + record->rdata.len;
	struct record other;
	for (; records_next(buf_str(bytes), &at, &other); begin = at) {
		int order = records_order(&other, record);
		if (order == 0) { /* the same once more: of two times the shorter one */
			put_u32((uint8_t *)bytes->ptr + begin + 2, MIN(other.ttl_s, record->ttl_s));
			return true;
		}
		if (other.type == RRTYPE_CNAME || record->type == RRTYPE_CNAME)
			return false;
		if (order < 0)
			place = at;
	}
	if (MAX(bytes->len, (size_t)RCODE_LEN) + len > RECORDS_LEN_MAX)
		return false;
	if (bytes->len == 0)
		(void)buf_grow(bytes, RCODE_LEN);
	uint8_t *gap = make_gap(bytes, place, len);
	put_u16(gap, record->type);
	put_u32(gap + 2, record->ttl_s);
	put_u16(gap + 6, record->rdata.len);
	if (record->rdata.len > 0)
		memcpy(gap + HEAD_LEN, record->rdata.ptr, record->rdata.len);
	return true;
}

void records_set_rcode(struct buf *bytes, uint16_t rcode)
{
	uint8_t big[RCODE_LEN];
	put_u16(big, rcode);
	buf_reset(bytes);
	buf_add(bytes, big, sizeof(big));
}
