/* SPDX-License-Identifier: BSD-2-Clause
 *
 * writer.h - bounded writes. A write that does not fit sets `full`, which sticks, and writes nothing: mark before a record, cut
 * back when full, so that a record is whole or absent. Any thread. */
#ifndef SARING_WIRE_WRITER_H
#define SARING_WIRE_WRITER_H

#include "base/base.h"
#include "base/be.h"

#include <string.h>

struct wr {
	uint8_t *base;
	size_t cap;
	size_t pos;
	bool full;
};

static inline struct wr wr_init(void *bytes, size_t cap)
{
	return (struct wr){.base = bytes, .cap = cap, .pos = 0, .full = false};
}

/* Room for len bytes, to be filled by the caller; NULL when full. */
static inline uint8_t *wr_room(struct wr *w, size_t len)
{
	if (w->full || w->cap - w->pos < len) {
		w->full = true;
		return NULL;
	}
	uint8_t *p = w->base + w->pos;
	w->pos += len;
	return p;
}

static inline void wr_bytes(struct wr *w, const void *bytes, size_t len)
{
	uint8_t *p = wr_room(w, len);
	if (p != NULL && len > 0)
		memcpy(p, bytes, len);
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);
	if (p != NULL)
		be_put_u16(p, v);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_room(w, 4);
	if (p != NULL)
		be_put_u32(p, v);
}

/* Overwrite two bytes written before: a count, a length. */
static inline void wr_patch_u16(struct wr *w, size_t pos, uint16_t v)
{
	if (w->pos < 2 || pos > w->pos - 2)
		return;
	be_put_u16(w->base + pos, v);
}

static inline size_t wr_mark(const struct wr *w)
{
	return w->pos;
}

static inline void wr_cut(struct wr *w, size_t mark)
{
	w->pos = mark;
	w->full = false;
}

#endif
