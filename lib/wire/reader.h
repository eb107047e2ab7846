/* SPDX-License-Identifier: BSD-2-Clause
 *
 * reader.h - bounded reads of a packet or an image: the only way bytes from outside are touched.
 * A read past the end gives zero and sets `bad`, which sticks: test once per record, not per field. Any thread. */
#ifndef SARING_WIRE_READER_H
#define SARING_WIRE_READER_H

#include "base/base.h"
#include "base/be.h"

#include <string.h>

struct rd {
	const uint8_t *base; /* of the whole message: compression pointers count from here */
	size_t len;
	size_t pos;
	bool bad;
};

static inline struct rd rd_init(const void *bytes, size_t len)
{
	return (struct rd){.base = bytes, .len = len, .pos = 0, .bad = false};
}

static inline bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

static inline size_t rd_left(const struct rd *r)
{
	return r->bad ? 0 : r->len - r->pos;
}

/* len bytes, borrowed from the input; NULL when they are not there. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t len)
{
	if (r->bad || r->len - r->pos < len) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *p = r->base + r->pos;
	r->pos += len;
	return p;
}

static inline void rd_skip(struct rd *r, size_t len)
{
	(void)rd_bytes(r, len);
}

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 1);
	return p == NULL ? 0 : p[0];
}

static inline uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 2);
	return p == NULL ? 0 : be_get_u16(p);
}

static inline uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 4);
	return p == NULL ? 0 : be_get_u32(p);
}

/* The next len bytes as a reader of their own that ends with them (same base, so that pointers resolve); r goes past them. */
static inline struct rd rd_sub(struct rd *r, size_t len)
{
	struct rd sub = *r;
	if (rd_bytes(r, len) == NULL) {
		sub.bad = true;
		return sub;
	}
	sub.len = r->pos;
	return sub;
}

#endif
