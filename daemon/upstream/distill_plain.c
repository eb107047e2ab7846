/* SPDX-License-Identifier: BSD-2-Clause
 *
 * distill_plain.c - the answer that most are: a few addresses of the very name asked, each owned by a pointer to the question, and
 * perhaps an OPT. It is told by its bytes alone, and what is made of it is what the long way would make (fuzz_distill compares). */
#include "upstream/distill.h"
#include "upstream/distill_scan.h"

#define PLAIN_RECORDS_MAX 16
#define QUESTION_POINTER (NAME_POINTER | MSG_HEADER_LEN)
#define RR_FIXED 12   /* pointer, type, class, TTL, length */
#define RR_TTL_AT 6   /* in a record */
#define FRONT_AFTER 4 /* type and class of the question */

/* The question as it was asked, letter for letter in lower case. */
static bool read_question(struct rd *r, const struct name *qname, uint16_t qtype)
{
	const uint8_t *name = rd_bytes(r, qname->len);
	return name != NULL && memcmp(name, qname->wire, qname->len) == 0 && rd_u16(r) == qtype && rd_u16(r) == RRCLASS_IN;
}

/* Records of qtype that the question's name owns. ret_ttl_s: the lowest TTL. */
static bool read_answers(struct rd *r, unsigned count, uint16_t qtype, uint16_t rdata_len, uint32_t *ret_ttl_s)
{
	uint32_t low_s = SCAN_TTL_MAX_S;
	for (unsigned i = 0; i < count; i++) {
		uint16_t owner = rd_u16(r), type = rd_u16(r), class = rd_u16(r);
		uint32_t ttl_s = rd_u32(r);
		if (owner != QUESTION_POINTER || type != qtype || class != RRCLASS_IN || rd_u16(r) != rdata_len)
			return false;
		rd_skip(r, rdata_len);
		low_s = MIN(low_s, ttl_s);
	}
	*ret_ttl_s = low_s;
	return rd_ok(r);
}

/* Nothing, or an OPT that adds nothing to the rcode. */
static bool read_additional(struct rd *r, uint16_t count)
{
	if (count == 0)
		return true;
	if (count > 1 || rd_u8(r) != 0 || rd_u16(r) != RRTYPE_OPT)
		return false;
	rd_skip(r, 2); /* the server's UDP size */
	uint16_t ext_rcode_version = rd_u16(r);
	rd_skip(r, 2); /* flags */
	rd_skip(r, rd_u16(r));
	return rd_ok(r) && ext_rcode_version == 0;
}

bool distill_plain(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype, struct response_room *room,
		   struct response *ret)
{
	uint16_t rdata_len = qtype == RRTYPE_A ? 4 : qtype == RRTYPE_AAAA ? 16 : 0;
	struct rd r = rd_init(bytes, MIN(len, (size_t)MSG_LEN_MAX));
	struct msg_header h;
	uint32_t ttl_s;
	msg_read_header(&r, &h);
	if (rdata_len == 0 || qname->labels == 0 || (h.flags & (MSG_QR | MSG_TC | MSG_RCODE)) != MSG_QR || h.qdcount != 1 ||
	    h.ancount == 0 || h.ancount > PLAIN_RECORDS_MAX || h.nscount != 0 || !read_question(&r, qname, qtype))
		return false;
	size_t from = r.pos, front = (size_t)MSG_HEADER_LEN + qname->len + FRONT_AFTER;
	if (!read_answers(&r, h.ancount, qtype, rdata_len, &ttl_s) || !read_additional(&r, h.arcount) || rd_left(&r) > 0)
		return false;
	size_t each = RR_FIXED + (size_t)rdata_len, body_len = each * h.ancount;
	if (MIN(room->body_cap, (size_t)MSG_LEN_MAX) < front + body_len)
		return false;
	struct wr w = wr_init(room->body + front, body_len);
	struct rd records = rd_init(bytes, from + body_len);
	records.pos = from;
	for (unsigned i = 0; i < h.ancount; i++) { /* RFC 2181 §5.2: one TTL for all */
		wr_bytes(&w, rd_bytes(&records, RR_TTL_AT), RR_TTL_AT);
		room->ttl_pos[i] = (uint16_t)w.pos;
		wr_u32(&w, ttl_s);
		rd_skip(&records, sizeof(ttl_s));
		size_t rest = each - RR_TTL_AT - sizeof(ttl_s);
		wr_bytes(&w, rd_bytes(&records, rest), rest);
	}
	*ret = (struct response){.flags = h.flags & MSG_AD,
				 .ancount = h.ancount,
				 .ttl_count = h.ancount,
				 .ttl_s = ttl_s,
				 .body_len = (uint32_t)body_len,
				 .ttl_pos = room->ttl_pos,
				 .targets = room->targets,
				 .body = room->body + front};
	return true;
}
