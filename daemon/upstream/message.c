/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/message.h"

#include <string.h>

#include "base/rand.h"

#define EACH_OCTET UINT64_C(0x0101010101010101)
#define EACH_HIGH (EACH_OCTET << 7)
#define EACH_OTHER_BIT UINT64_C(0x8040201008040201) /* bit 0 in the first octet of little ends, bit 1 in the second ... */
#define CASE_BIT_BELOW_HIGH 2			    /* 0x20 is 0x80 so many places to the right */

/* The high bit of each octet of x that is a letter in lower case; of octets from 0x80 on none is. */
static uint64_t letters_of(uint64_t x)
{
	uint64_t low = x & ~EACH_HIGH;
	uint64_t from_a = low + EACH_OCTET * (0x80 - 'a'), past_z = low + EACH_OCTET * (0x80 - 'z' - 1);
	return from_a & ~past_z & ~x & EACH_HIGH;
}

/* The high bit of each octet that is not 0. */
static uint64_t carry_up(uint64_t x)
{
	return (((x & ~EACH_HIGH) + ~EACH_HIGH) | x) & EACH_HIGH;
}

/* Eight octets at a time: each letter's case by a bit of coins. Length octets are below 64 ('@'): they are no letters, and need not
 * be told apart. */
static void mix(uint8_t *wire, size_t len)
{
	uint8_t coins[(NAME_LEN_MAX + 7) / 8];
	rand_bytes(coins, (len + 7) / 8);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t x;
		memcpy(&x, wire + i, sizeof(x));
		uint64_t heads = carry_up(coins[i / 8] * EACH_OCTET & EACH_OTHER_BIT);
		x -= (letters_of(x) & heads) >> CASE_BIT_BELOW_HIGH;
		memcpy(wire + i, &x, sizeof(x));
	}
}

void message_question_make(const struct name *name, uint16_t type, bool mix_case, struct message_question *ret)
{
	memcpy(ret->wire, name->wire, name->len);
	memset(ret->wire + name->len, 0, MESSAGE_SLACK);
	if (mix_case)
		mix(ret->wire, name->len);
	struct wr w = wr_init(ret->wire + name->len, 4);
	wr_u16(&w, type);
	wr_u16(&w, RRCLASS_IN);
	ret->len = (uint16_t)(name->len + w.pos);
}

size_t message_query(uint16_t id, const struct message_question *q, struct message_flags flags, uint8_t ret[MESSAGE_QUERY_MAX])
{
	struct wr w = wr_init(ret, MESSAGE_QUERY_MAX);
	const struct msg_header header = {
	    .id = id,
	    .flags = (uint16_t)(MSG_RD | MSG_AD | (flags.checking_disabled ? MSG_CD : 0u)),
	    .qdcount = 1,
	    .arcount = flags.edns ? 1 : 0,
	};
	msg_write_header(&w, &header);
	wr_bytes(&w, q->wire, q->len);
	if (flags.edns) {
		size_t mark = edns_write_begin(&w, MSG_UDP_EDNS_MAX, RCODE_NOERROR, flags.dnssec_ok);
		if (flags.cookie_len > 0)
			edns_write_option(&w, EDNS_COOKIE, flags.cookie, flags.cookie_len);
		edns_write_end(&w, mark);
	}
	must(!w.full);
	return w.pos;
}

static uint8_t fold_octet(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 0x20) : c;
}

enum message_match message_match(const uint8_t *bytes, size_t len, uint16_t id, const struct message_question *q)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	msg_read_header(&r, &h);
	if (!rd_ok(&r) || h.id != id || (h.flags & MSG_QR) == 0 || (h.flags & MSG_OPCODE) >> MSG_OPCODE_SHIFT != OPCODE_QUERY)
		return MESSAGE_MISMATCH;
	if (h.qdcount == 0)
		return (h.flags & MSG_RCODE) != RCODE_NOERROR && h.ancount == 0 ? MESSAGE_BARE : MESSAGE_MISMATCH;
	const uint8_t *question = rd_bytes(&r, q->len);
	if (h.qdcount != 1 || question == NULL)
		return MESSAGE_MISMATCH;
	if (memcmp(question, q->wire, q->len) == 0)
		return MESSAGE_MATCH;
	size_t name_len = q->len - 4u; /* type and class have no case */
	for (size_t i = 0; i < q->len; i++) {
		bool same = i < name_len ? fold_octet(question[i]) == fold_octet(q->wire[i]) : question[i] == q->wire[i];
		if (!same)
			return MESSAGE_MISMATCH;
	}
	return MESSAGE_CASE;
}

void message_unmix(uint8_t *bytes, size_t len, const struct name *name)
{
	struct wr w = wr_init(bytes, len);
	(void)wr_room(&w, MSG_HEADER_LEN);
	name_write(&w, name);
}

/* An OPT's options. */
static void read_options(struct rd *r, struct message_opt *ret)
{
	uint16_t code, len;
	const uint8_t *data;
	for (unsigned seen = 0; seen < EDNS_OPTIONS_MAX && edns_next(r, &code, &data, &len); seen++) {
		if (code != EDNS_COOKIE || ret->cookie != NULL)
			continue;
		ret->cookie = data;
		ret->cookie_len = len;
	}
}

/* An owner; nearly all are a pointer or the root. */
static bool skip_owner(struct rd *r)
{
	if (rd_left(r) >= 2 && r->base[r->pos] >= NAME_POINTER >> 8) {
		rd_skip(r, 2);
		return true;
	}
	return name_skip(r);
}

void message_read_opt(const uint8_t *bytes, size_t len, size_t question_len, struct message_opt *ret)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	*ret = (struct message_opt){.cookie = NULL};
	msg_read_header(&r, &h);
	rd_skip(&r, question_len);
	size_t before = (size_t)h.ancount + h.nscount, count = before + h.arcount;
	for (size_t i = 0; i < count && skip_owner(&r); i++) {
		uint16_t type = rd_u16(&r);
		rd_skip(&r, 6); /* class and TTL */
		struct rd rdata = rd_sub(&r, rd_u16(&r));
		if (type == RRTYPE_OPT && i >= before) {
			read_options(&rdata, ret);
			return;
		}
	}
}

uint16_t message_flags(const uint8_t *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	msg_read_header(&r, &h);
	return h.flags;
}

unsigned message_rcode(const uint8_t *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	msg_read_header(&r, &h);
	unsigned rcode = h.flags & MSG_RCODE;
	struct msg_question q;
	if (!rd_ok(&r) || h.qdcount != 1 || h.ancount != 0 || h.nscount != 0 || !msg_read_question(&r, &q))
		return rcode;
	for (uint16_t i = 0; i < h.arcount; i++) {
		if (!name_skip(&r)) /* not read: thousands of owners may each be a chain of pointers */
			break;
		uint16_t type = rd_u16(&r);
		rd_skip(&r, 2);
		uint32_t ttl_s = rd_u32(&r);
		rd_skip(&r, rd_u16(&r));
		if (!rd_ok(&r))
			break;
		if (type == RRTYPE_OPT)
			return ttl_s >> 24 << 4 | rcode;
	}
	return rcode;
}

bool message_dislikes_edns(const uint8_t *bytes, size_t len)
{
	unsigned rcode = message_rcode(bytes, len);
	return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP || rcode == RCODE_BADVERS;
}
