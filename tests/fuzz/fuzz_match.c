/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Is a packet the answer to a question of ours? Any bytes, against a question they bring along: an octet of flags, the question's
 * name spelled out, its type, the ID asked under, then the packet. A match must be one to a slower eye; our own question sent back
 * with QR set matches, with another case matches but for the case, and with any other octet changed matches no more. The rcode is
 * ldns's, where ldns reads the packet. */
#include <stdbool.h> /* before ldns, which otherwise makes a bool of its own */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "base/base.h"
#include "upstream/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_match(const uint8_t *bytes, size_t len, uint16_t id, const struct name *name, uint16_t type,
			enum message_match match)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	struct msg_question q;
	msg_read_header(&r, &h);
	if (match == MESSAGE_MISMATCH)
		return;
	must(rd_ok(&r) && h.id == id && (h.flags & (MSG_QR | MSG_OPCODE)) == MSG_QR);
	if (match == MESSAGE_BARE) {
		must(h.qdcount == 0 && (h.flags & MSG_RCODE) != 0 && h.ancount == 0);
		return;
	}
	must(h.qdcount == 1 && msg_read_question(&r, &q) && q.type == type && q.class == RRCLASS_IN);
	must(name_eq_nocase(&q.name, name));
}

/* The question as it was asked, as a bare answer to it would come. */
static size_t own(uint16_t id, const struct message_question *asked, uint8_t ret[MSG_HEADER_LEN + MESSAGE_QUESTION_MAX])
{
	struct wr w = wr_init(ret, MSG_HEADER_LEN + MESSAGE_QUESTION_MAX);
	msg_write_header(&w, &(struct msg_header){.id = id, .flags = MSG_RD, .qdcount = 1});
	wr_bytes(&w, asked->wire, asked->len);
	must(!w.full);
	return w.pos;
}

static void check_own(uint16_t id, const struct name *name, const struct message_question *asked, size_t change)
{
	uint8_t bytes[MSG_HEADER_LEN + MESSAGE_QUESTION_MAX];
	size_t len = own(id, asked, bytes), at = MSG_HEADER_LEN + change % asked->len;
	must(message_match(bytes, len, id, asked) == MESSAGE_MISMATCH); /* QR is not set */
	bytes[2] |= 0x80;
	must(message_match(bytes, len, id, asked) == MESSAGE_MATCH);
	must(message_match(bytes, len - 1, id, asked) == MESSAGE_MISMATCH);
	must(message_rcode(bytes, len) == RCODE_NOERROR && !message_dislikes_edns(bytes, len));
	uint8_t was = bytes[at], small = was | 0x20;
	bool letter = at < MSG_HEADER_LEN + (size_t)name->len && small >= 'a' && small <= 'z';
	bytes[at] = was ^ 0x20;
	must(message_match(bytes, len, id, asked) == (letter ? MESSAGE_CASE : MESSAGE_MISMATCH));
	bytes[at] = was ^ 0x40;
	must(message_match(bytes, len, id, asked) == MESSAGE_MISMATCH);
	bytes[at] = was;
	must(message_match(bytes, len, (uint16_t)(id ^ 1u << change % 16), asked) == MESSAGE_MISMATCH);
	message_unmix(bytes, len, name);
	must(memcmp(bytes + MSG_HEADER_LEN, name->wire, name->len) == 0);
}

/* A cookie that was found lies within the packet, as an option of an OPT: code and length stand before it. */
static void check_opt(const uint8_t *bytes, size_t len, size_t question_len)
{
	struct message_opt opt;
	message_read_opt(bytes, len, question_len, &opt);
	if (opt.cookie == NULL)
		return;
	must(opt.cookie >= bytes + MSG_HEADER_LEN + 4 && opt.cookie + opt.cookie_len <= bytes + len);
	must(be_get_u16(opt.cookie - 4) == EDNS_COOKIE && be_get_u16(opt.cookie - 2) == opt.cookie_len);
}

/* The rcode with the OPT's high bits; ldns takes an OPT's only when it is one, and not behind a TSIG. */
static void check_rcode(const uint8_t *bytes, size_t len)
{
	unsigned rcode = message_rcode(bytes, len);
	must(message_dislikes_edns(bytes, len) == (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP || rcode == RCODE_BADVERS));
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	struct msg_question q;
	struct msg_rr rr;
	msg_read_header(&r, &h);
	must(!rd_ok(&r) || (rcode & MSG_RCODE) == (h.flags & MSG_RCODE));
	if (!rd_ok(&r) || h.qdcount != 1 || h.ancount != 0 || h.nscount != 0 || h.arcount != 1 || !msg_read_question(&r, &q) ||
	    !msg_read_rr(&r, &rr) || rr.type != RRTYPE_OPT)
		return;
	ldns_pkt *pkt = NULL;
	if (ldns_wire2pkt(&pkt, bytes, len) != LDNS_STATUS_OK)
		return;
	must(rcode >> 4 == ldns_pkt_edns_extended_rcode(pkt));
	ldns_pkt_free(pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	struct message_question asked;
	struct name name;
	uint8_t how = rd_u8(&r);
	if (!name_read_plain(&r, &name))
		return 0;
	uint16_t type = rd_u16(&r), id = rd_u16(&r);
	if (!rd_ok(&r))
		return 0;
	const uint8_t *bytes = data + r.pos;
	size_t len = rd_left(&r);
	name_fold(&name);
	message_question_make(&name, type, (how & 1) != 0, &asked);
	must(asked.len == name.len + 4u);
	check_match(bytes, len, id, &name, type, message_match(bytes, len, id, &asked));
	check_own(id, &name, &asked, how);
	check_rcode(bytes, len);
	check_opt(bytes, len, asked.len);
	check_opt(bytes, len, 0);
	return 0;
}
