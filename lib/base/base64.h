/* SPDX-License-Identifier: BSD-2-Clause
 *
 * base64.h - text of base64 (RFC 4648 §4) to bytes of a known number. Pure; any thread. */
#ifndef SARING_BASE_BASE64_H
#define SARING_BASE_BASE64_H

#include "base/base.h"
#include "base/str.h"

/* Exactly size bytes, no other text for them than the one (padding there, unused bits zero, no line ends): so that equal bytes are
 * equal texts. ret is untouched when it is not. */
MUST_CHECK bool base64_decode(struct str text, uint8_t *ret, size_t size);

#endif
