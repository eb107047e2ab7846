/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edns.h - the OPT record (RFC 6891) and extended DNS errors (RFC 8914). Any thread; nothing allocates. */
#ifndef SARING_WIRE_EDNS_H
#define SARING_WIRE_EDNS_H

#include "base/base.h"
#include "base/str.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define EDNS_OPTIONS_MAX 32   /* options looked at in one OPT */
#define EDNS_EDE_TEXT_MAX 200 /* bytes of EXTRA-TEXT, cut at a UTF-8 boundary */
#define EDNS_DO 0x8000u
#define EDNS_SDE_ECHOED 0 /* the draft's text asks no server to send option 26 back, though an example of it does */

struct edns {
	bool present;
	uint8_t ext_rcode;
	uint8_t version;
	bool dnssec_ok;
	uint16_t udp_size;	/* as sent; clamp with edns_udp_limit */
	const uint8_t *options; /* borrowed */
	uint16_t options_len;
	/* options met, the first of each kind */
	bool has_nsid, has_ecs, has_keepalive, has_padding, has_sde;
	bool bad_keepalive;    /* with a timeout, which a client never sends: over a stream that is a FORMERR (RFC 7828 §3.2.1) */
	const uint8_t *cookie; /* borrowed; NULL when absent */
	uint8_t cookie_len;
};

/* Fill ret from an OPT's class, TTL and RDATA. False when an option overruns or has a length its RFC forbids; ret is filled all the
 * same, since a FORMERR answers with an OPT too. Options of a version above 0 are not looked at. */
MUST_CHECK bool edns_parse(uint16_t class, uint32_t ttl, const uint8_t *rdata, uint16_t rdata_len, struct edns *ret);

/* The next option of r (a reader over the options alone). False at the end or on overrun (then r->bad). */
bool edns_next(struct rd *r, uint16_t *ret_code, const uint8_t **ret_data, uint16_t *ret_len);

/* Bytes a UDP answer may have: 512 without OPT, else the client's size within 512..MSG_UDP_EDNS_MAX. */
size_t edns_udp_limit(const struct edns *e);

/* An OPT record: 11 bytes and its options between begin and end. rcode is the whole 12 bits; its low four belong into the header.
 * The mark is the record's start: wr_cut(w, mark) takes the record back. */
size_t edns_write_begin(struct wr *w, uint16_t udp_size, uint16_t rcode, bool dnssec_ok); /* returns a mark for _end */
void edns_write_ede(struct wr *w, uint16_t info_code, struct str extra_text);
/* The same with a text that means nothing when it is cut. */
void edns_write_ede_whole(struct wr *w, uint16_t info_code, struct str extra_text);
void edns_write_option(struct wr *w, uint16_t code, const void *data, size_t len);
/* The last option of a message that goes over an encrypted transport: octets of zero up to a multiple of block (RFC 8467), or to
 * w's end; none where no room is left for one, since padding is never worth an answer (RFC 7830 §4). Only on such a transport, and
 * only where the other side sent EDNS. */
void edns_write_padding(struct wr *w, size_t block);
#define EDNS_PAD_QUERY 128 /* RFC 8467 §4.1 */
#define EDNS_PAD_RESPONSE 468
void edns_write_keepalive(struct wr *w, uint16_t timeout_100ms); /* RFC 7828; never over UDP */
void edns_write_end(struct wr *w, size_t mark);

#endif
