/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/message.h"

#include <string.h>

#include "base/rand.h"

void message_question_make(const struct name *name, uint16_t type, bool mix_case, struct message_question *ret)
{
	uint8_t coins[(NAME_LEN_MAX + 7) / 8] = {0};
	if (mix_case)
		rand_bytes(coins, sizeof(coins));
	struct wr w = wr_init(ret->wire, sizeof(ret->wire));
	name_write(&w, name);
	/* length octets are below 64 ('@'): they are no letters, and need not be told apart */
	for (size_t i = 0; i < w.pos; i++) {
		uint8_t c = ret->wire[i];
		if (c >= 'a' && c <= 'z' && ((unsigned)coins[i / 8] >> (i % 8) & 1u) != 0)
			ret->wire[i] = (uint8_t)(c - 0x20);
	}
	wr_u16(&w, type);
	wr_u16(&w, RRCLASS_IN);
	must(!w.full);
	ret->len = (uint16_t)w.pos;
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

void message_unmix(uint8_t *bytes, size_t len, const struct message_question *q)
{
	if (len < MSG_HEADER_LEN + (size_t)q->len)
		return;
	struct wr w = wr_init(bytes + MSG_HEADER_LEN, q->len);
	uint8_t *name = wr_room(&w, q->len - 4u);
	for (size_t i = 0; name != NULL && i < q->len - 4u; i++)
		name[i] = fold_octet(q->wire[i]);
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
		struct msg_rr rr;
		if (!msg_read_rr(&r, &rr))
			break;
		if (rr.type == RRTYPE_OPT)
			return rr.ttl_s >> 24 << 4 | rcode;
	}
	return rcode;
}

bool message_dislikes_edns(const uint8_t *bytes, size_t len)
{
	unsigned rcode = message_rcode(bytes, len);
	return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP || rcode == RCODE_BADVERS;
}
