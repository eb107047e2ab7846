/* SPDX-License-Identifier: BSD-2-Clause
 *
 * svcb_text.h - the parameters of SVCB and HTTPS records between text and wire form (RFC 9460 §2.1 and appendix A, §7, §14.3.2; RFC
 * 9461 §5; RFC 9540 §4). The part of rdata_text.h that knows them; whether they go together is svcb.h's to say. Cold path, any
 * thread. */
#ifndef SARING_WIRE_SVCB_TEXT_H
#define SARING_WIRE_SVCB_TEXT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "wire/reader.h"

/* All of text, "alpn=h2,h3 port=443", or nothing but blanks: added to ret in wire form, keys ascending, each once. A key is a word
 * or keyNNN, and the value of the latter is octets whatever the key is. False: ret is as it was, and err says what is wrong,
 * without a place. */
MUST_CHECK bool svcb_text_read(struct str text, struct buf *ret, struct err *err);
/* The parameters that are left in r, as text that reads again, added to ret with a blank before each. is_alias: of AliasMode, where
 * nobody has looked into them: each as keyNNN and its octets. */
void svcb_text_write(struct rd *r, bool is_alias, struct buf *ret);

#endif
