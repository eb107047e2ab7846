/* SPDX-License-Identifier: BSD-2-Clause
 *
 * msg.h - DNS messages: header, question, records, the screening of a client's query. Any thread; nothing allocates.
 * RFC 1035 §4.1; RFC 9619 (QDCOUNT); RFC 6891 (OPT); RFC 8906 (what a server must not choke on). */
#ifndef SARING_WIRE_MSG_H
#define SARING_WIRE_MSG_H

#include "base/base.h"
#include "wire/edns.h"
#include "wire/name.h"
#include "wire/reader.h"
#include "wire/rrtype.h"
#include "wire/writer.h"

#define MSG_HEADER_LEN 12
#define MSG_LEN_MAX 65535
#define MSG_UDP_PLAIN_MAX 512
#define MSG_UDP_EDNS_MAX 1232	 /* DNS flag day 2020; both ways */
#define MSG_QUERY_RECORDS_MAX 64 /* in a client's query; OPT, TSIG and little else has business there */

#define MSG_QR 0x8000u
#define MSG_OPCODE 0x7800u
#define MSG_OPCODE_SHIFT 11
#define MSG_AA 0x0400u
#define MSG_TC 0x0200u
#define MSG_RD 0x0100u
#define MSG_RA 0x0080u
#define MSG_AD 0x0020u
#define MSG_CD 0x0010u
#define MSG_RCODE 0x000fu

struct msg_header {
	uint16_t id, flags, qdcount, ancount, nscount, arcount;
};
void msg_read_header(struct rd *r, struct msg_header *ret); /* sets r->bad when short */
void msg_write_header(struct wr *w, const struct msg_header *h);

struct msg_question {
	struct name name; /* as sent: case kept */
	uint16_t type, class;
};
MUST_CHECK bool msg_read_question(struct rd *r, struct msg_question *ret);

/* One resource record: owner read, RDATA left where it is. */
struct msg_rr {
	struct name owner;
	uint16_t type, class;
	uint32_t ttl_s;
	size_t ttl_pos;	  /* in the message */
	size_t rdata_pos; /* in the message */
	uint16_t rdata_len;
};
MUST_CHECK bool msg_read_rr(struct rd *r, struct msg_rr *ret);

/* Write a record whose RDATA lies in the message of `in`: names in the RDATA of the types that allow it (RFC 3597 §4) are
 * decompressed and, for those of RFC 1035, packed again; other RDATA is copied. ret_ttl_pos: where its TTL now lies (untouched when
 * w is full). May write less than a record, and then sets w->full or returns false: mark and cut. False means RDATA that breaks its
 * type's form. */
MUST_CHECK bool msg_copy_rr(struct wr *w, struct name_packer *p, const struct rd *in, const struct msg_rr *rr, uint32_t ttl_s,
			    size_t *ret_ttl_pos);

/* What a client's packet is. */
enum msg_verdict {
	MSG_QUERY,   /* a question to be answered */
	MSG_IGNORE,  /* shorter than a header, or QR=1: never answered */
	MSG_FORMERR, /* answer that, with the question when `has_question` */
	MSG_NOTIMP,  /* opcode is not QUERY: header only, and an OPT if one was understood */
	MSG_COOKIE,  /* no question, but a COOKIE option: the client wants a server cookie (RFC 7873 §5.4) */
	MSG_BADVERS, /* EDNS version above 0 (RFC 6891 §6.1.3) */
};

struct msg_query {
	struct msg_header header;
	bool has_question;
	bool has_tsig;	       /* TSIG or SIG(0) in the additional section */
	uint16_t type, class;  /* of the question */
	uint16_t question_end; /* offset just past the question, which begins after the header and holds no pointer */
	struct edns edns;      /* edns.present says whether OPT was there; borrowed from the packet */
};
/* Parse and screen one query. Refused as FORMERR: QDCOUNT other than 1 (but 0 with a COOKIE), a record in answer or authority (but
 * IXFR's), more than one OPT, OPT not in additional or not at the root, options that overrun, a TSIG that is not the last record,
 * more than MSG_QUERY_RECORDS_MAX records, trailing bytes, names RFC 1035 does not allow. ret is filled as far as was understood;
 * edns.present also with FORMERR and NOTIMP. ret_name: room for the name asked, folded; of meaning when has_question is set. Time
 * is linear in len. */
enum msg_verdict msg_parse_query(const uint8_t *bytes, size_t len, struct msg_query *ret, struct name *ret_name);

#endif
