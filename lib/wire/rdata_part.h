/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rdata_part.h - what records' data is made of, between text and wire form (RFC 1035 §5.1): addresses, names, numbers and
 * character-strings. What rdata_text.c and svcb_text.c share; not for others. Cold path, any thread.
 *
 * Readers add to ret, and return false where text is no such part: err then says what is wrong, without a place, and ret is as it
 * was. Writers add to ret as text what reads again, and take what they write from the front of r; what is no such part adds
 * nothing. */
#ifndef SARING_WIRE_RDATA_PART_H
#define SARING_WIRE_RDATA_PART_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "wire/reader.h"

#define RDATA_PART_STRING_MAX 255u /* octets of a character-string (RFC 1035 §3.3) */
#define RDATA_PART_SHOWN_MAX 96	   /* of a part in a message */

static inline bool rdata_part_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool rdata_part_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* family: AF_INET or AF_INET6. */
MUST_CHECK bool rdata_part_read_address(int family, struct str text, struct buf *ret, struct err *err);
MUST_CHECK bool rdata_part_read_name(struct str text, struct buf *ret, struct err *err);
/* Of two octets; what: its name in err. */
MUST_CHECK bool rdata_part_read_number(struct str word, const char *what, struct buf *ret, struct err *err);
/* A character-string, between quotes or up to a blank, with \DDD and \X: its octets, however many, without a length. *rest is moved
 * behind it; at a fault it is not, and octets before the fault are in ret. */
MUST_CHECK bool rdata_part_read_string(struct str *rest, struct buf *ret, struct err *err);

void rdata_part_write_name(struct rd *r, struct buf *ret);
/* len: 4 or 16. */
void rdata_part_write_address(struct rd *r, size_t len, struct buf *ret);
/* Between quotes. */
void rdata_part_write_string(const uint8_t *octets, size_t len, struct buf *ret);

#endif
