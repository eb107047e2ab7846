/* SPDX-License-Identifier: BSD-2-Clause
 *
 * name_idn.h - one U-label to its A-label and back; the only part that knows libidn2. For name_text.c; cold path, any thread. */
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

/* An A-label (folded, no dots) as people write it: UTF-8 whose A-label is the very same, and that holds nothing that steers or
 * can't be seen. Returns its length, at most NAME_IDN_SHOWN_MAX; 0 for what is none, and is to be shown as it is. */
#define NAME_IDN_SHOWN_MAX 236u /* 59 characters of 4 octets */
MUST_CHECK size_t name_idn_show(struct str label, char ret[NAME_IDN_SHOWN_MAX + 1]);

#endif
