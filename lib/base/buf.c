/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buf.h"

#include "base/be.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for more bytes and the NUL. */
static void reserve(struct buf *b, size_t more)
{
	must(more < SIZE_MAX / 2 - 1 && b->len < SIZE_MAX / 2 - more - 1);
	size_t need = b->len + more + 1;
	if (need <= b->cap)
		return;
	size_t cap = b->cap < 64 ? 64 : b->cap;
	while (cap < need)
		cap += cap / 2;
	b->ptr = base_realloc(b->ptr, cap);
	b->cap = cap;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	reserve(b, len);
	if (len > 0)
		memcpy(b->ptr + b->len, bytes, len);
	b->len += len;
	b->ptr[b->len] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.ptr, s.len);
}

void buf_add_c(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
	va_list again;
	reserve(b, 64);
	va_copy(again, args);
	int n = vsnprintf(b->ptr + b->len, b->cap - b->len, fmt, args);
	must(n >= 0);
	size_t len = (size_t)n;
	if (len >= b->cap - b->len) {
		reserve(b, len);
		(void)vsnprintf(b->ptr + b->len, b->cap - b->len, fmt, again);
	}
	va_end(again);
	b->len += len;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	buf_vprintf(b, fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): va_start is above
	va_end(args);
}

void *buf_grow(struct buf *b, size_t len)
{
	reserve(b, len);
	void *p = b->ptr + b->len;
	memset(p, 0, len + 1);
	b->len += len;
	return p;
}

void buf_add_u16(struct buf *b, size_t v)
{
	be_put_u16(buf_grow(b, 2), (uint16_t)v);
}

void buf_add_u32(struct buf *b, size_t v)
{
	be_put_u32(buf_grow(b, 4), (uint32_t)v);
}

void buf_add_u64(struct buf *b, uint64_t v)
{
	be_put_u64(buf_grow(b, 8), v);
}

struct str buf_str(const struct buf *b)
{
	return (struct str){b->ptr, b->len};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->ptr != NULL)
		b->ptr[0] = '\0';
}

void buf_finish(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){0};
}
