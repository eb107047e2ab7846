/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rdata_text.h - records' data as people write it (RFC 1035 §5.1, RFC 9460 §2.1), of the few types that local records have: A,
 * AAAA, CNAME, PTR, TXT, MX, SRV, SVCB and HTTPS. For what an operator writes into saring.yaml; zones and lists of strangers are
 * read by saring-compile (import/import_rdata.h), which knows all types. Names are absolute, with or without a final dot, and
 * folded. Bounded by the text, which is at most RDATA_TEXT_LEN_MAX. Cold path, any thread. */
#ifndef SARING_WIRE_RDATA_TEXT_H
#define SARING_WIRE_RDATA_TEXT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define RDATA_TEXT_LEN_MAX 8192 /* octets of text */
#define RDATA_TEXT_TYPES "A, AAAA, CNAME, TXT, PTR, MX, SRV, HTTPS, SVCB"

/* Is it one of the types above? */
bool rdata_text_known(uint16_t type);
/* Text to wire form, names in it uncompressed; ret is emptied first. err says what is wrong, without a place. */
MUST_CHECK bool rdata_text_read(uint16_t type, struct str text, struct buf *ret, struct err *err);
/* One character-string for a TXT out of the whole text, blanks and all; what is longer than 255 octets becomes several. */
MUST_CHECK bool rdata_text_read_whole(struct str text, struct buf *ret, struct err *err);
/* Wire form, which rdata_text_read made, to text that it reads again; added to ret. */
void rdata_text_write(uint16_t type, struct str rdata, struct buf *ret);

/* The next word, up to a blank; "" at the end. Moves *rest behind it. */
struct str rdata_text_word(struct str *rest);
/* "300", "1h30m": a TTL as zone files have it. False when it is none, or above 2^31-1 (RFC 2181 §8). */
MUST_CHECK bool rdata_text_ttl(struct str text, uint32_t *ret_s);

/* The words before RDATA: "300 IN A", "IN 1h A", "A". Cuts them off *rest. False when there is no type. has_ttl, other_class: was
 * one said; is the class another than IN? */
struct rdata_text_head {
	uint16_t type;
	bool has_ttl, other_class;
	uint32_t ttl_s;
};
MUST_CHECK bool rdata_text_head(struct str *rest, struct rdata_text_head *ret);

#endif
