/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hex.h - octets as hexadecimal digits and back: hashes in file names and records, packets and sketches in JSON. Any thread. */
#ifndef SARING_BASE_HEX_H
#define SARING_BASE_HEX_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"

/* Lower-case digits, two for each octet, and a NUL: ret has room for 2 * len + 1. Returns ret. */
char *hex_from_bytes(const uint8_t *bytes, size_t len, char *ret);
void hex_add(struct buf *b, const uint8_t *bytes, size_t len);

/* Exactly len octets. False when text is anything but 2 * len lower-case digits; ret is then undefined. */
MUST_CHECK bool hex_to_bytes(struct str text, uint8_t *ret, size_t len);

#endif
