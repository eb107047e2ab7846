/* SPDX-License-Identifier: BSD-2-Clause
 *
 * name_idn.h - one U-label to its A-label; the only part that knows libidn2. For name_text.c; cold path, any thread. */
#ifndef SARING_WIRE_NAME_IDN_H
#define SARING_WIRE_NAME_IDN_H

#include "base/base.h"
#include "base/str.h"

#define NAME_IDN_LABEL_MAX 63	 /* octets of an A-label */
#define NAME_IDN_INPUT_MAX 1024u /* octets of UTF-8 in one label: far above what can fit */

/* label: UTF-8 without dots, with at least one octet >= 0x80. IDNA2008, non-transitional, with the mapping of UTS 46; where that
 * refuses (emoji, characters newer than the library) plain punycode (RFC 3492) of the mapped characters.
 * Returns NULL and fills ret and ret_len, or says what is wrong: "holds a blank". */
MUST_CHECK const char *name_idn_label(struct str label, char ret[NAME_IDN_LABEL_MAX + 1], size_t *ret_len);

#endif
