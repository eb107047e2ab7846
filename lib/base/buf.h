/* SPDX-License-Identifier: BSD-2-Clause
 *
 * buf.h - bytes that grow; for cold paths. Any thread; one owner. Out of memory stops the process (base_realloc). */
#ifndef SARING_BASE_BUF_H
#define SARING_BASE_BUF_H

#include "base/base.h"
#include "base/str.h"

#include <stdarg.h>

struct buf {
	char *ptr; /* owned; terminated by a NUL that len does not count, once anything was added */
	size_t len;
	size_t cap;
};

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_str(struct buf *b, struct str s);
void buf_add_c(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
void *buf_grow(struct buf *b, size_t len); /* len zeroed bytes at the end; valid until the next growth */
/* Big-endian; of v the lowest so many bits. */
void buf_add_u16(struct buf *b, size_t v);
void buf_add_u32(struct buf *b, size_t v);
void buf_add_u64(struct buf *b, uint64_t v);
struct str buf_str(const struct buf *b);
void buf_reset(struct buf *b);	/* keeps the memory */
void buf_finish(struct buf *b); /* frees; usable again */

#endif
