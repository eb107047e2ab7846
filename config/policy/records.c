/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/records.h"

#include "wire/reader.h"
#include "wire/rrtype.h"

#include <string.h>

#define RCODE_LEN 2
#define RCODE_MAX 15 /* what fits a header */

static int compare_rdata(struct str a, struct str b)
{
	size_t len = MIN(a.len, b.len);
	int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

int records_order(const struct record *a, const struct record *b)
{
	return a->type != b->type ? (a->type > b->type) - (a->type < b->type) : compare_rdata(a->rdata, b->rdata);
}

bool records_is_name(struct str rdata)
{
	struct name name;
	return rdata.len <= NAME_LEN_MAX && name_from_wire((const uint8_t *)rdata.ptr, rdata.len, &name);
}

bool records_verify(struct str bytes)
{
	if (bytes.len < RCODE_LEN || bytes.len > RECORDS_LEN_MAX)
		return false;
	uint16_t rcode = records_rcode(bytes);
	if (rcode > RCODE_MAX || (rcode != RCODE_NOERROR && bytes.len > RCODE_LEN))
		return false;
	size_t at = 0, count = 0;
	bool has_cname = false;
	struct record record, last = {0};
	for (; records_next(bytes, &at, &record); count++) {
		if (count > 0 && records_order(&last, &record) >= 0)
			return false;
		if (record.type == RRTYPE_CNAME) {
			has_cname = true;
			if (!records_is_name(record.rdata))
				return false;
		}
		last = record;
	}
	return (count == 0 ? bytes.len == RCODE_LEN : at == bytes.len) && (!has_cname || count == 1);
}

uint16_t records_rcode(struct str bytes)
{
	struct rd r = rd_init(bytes.ptr, bytes.len);
	return rd_u16(&r);
}

bool records_next(struct str bytes, size_t *at, struct record *ret)
{
	struct rd r = rd_init(bytes.ptr, bytes.len);
	rd_skip(&r, MAX(*at, (size_t)RCODE_LEN));
	ret->type = rd_u16(&r);
	ret->ttl_s = rd_u32(&r);
	ret->rdata.len = rd_u16(&r);
	ret->rdata.ptr = (const char *)rd_bytes(&r, ret->rdata.len);
	if (!rd_ok(&r))
		return false;
	*at = r.pos;
	return true;
}
