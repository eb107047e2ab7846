/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An upstream's reply, from its first look to what would be kept and sent. The first octet says how it was asked (bit 0: DO, bit 1:
 * with little room), the rest is the message; the question taken for asked is the message's own. Whatever comes, what is kept must
 * read as the message it will be part of. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "mutate_message.h"
#include "upstream/distill.h"
#include "upstream/message.h"

#define SMALL_ROOM 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t body[MSG_LEN_MAX], plain_body[MSG_LEN_MAX], whole[MSG_LEN_MAX];
static struct response_room room = {.body = body}, plain_room = {.body = plain_body};

/* Header, question and body as a client would get them. */
static size_t assemble(const struct name *qname, uint16_t qtype, const struct response *r)
{
	struct wr w = wr_init(whole, sizeof(whole));
	const struct msg_header h = {
	    .flags = (uint16_t)(MSG_QR | r->flags), .qdcount = 1, .ancount = r->ancount, .nscount = r->nscount};
	msg_write_header(&w, &h);
	name_write(&w, qname);
	wr_u16(&w, qtype);
	wr_u16(&w, RRCLASS_IN);
	wr_bytes(&w, r->body, r->body_len);
	must(!w.full);
	return w.pos;
}

static void check(const struct name *qname, uint16_t qtype, const struct response *r, enum distill how)
{
	size_t len = assemble(qname, qtype, r), front = len - r->body_len;
	must(r->arcount == 0 && r->age_s == 0 && r->ttl_s <= 604800);
	must((r->flags & ~(MSG_AD | MSG_RCODE | RESPONSE_CUT)) == 0);
	must((r->flags & RESPONSE_CUT) == 0 ||
	     (r->flags == RESPONSE_CUT && r->target_count > 0 && r->nscount == 0 && !r->negative));
	struct rd in = rd_init(whole, len);
	in.pos = front;
	size_t cnames = 0;
	for (size_t i = 0; i < (size_t)r->ancount + r->nscount; i++) {
		struct msg_rr rr;
		must(msg_read_rr(&in, &rr));
		must(rr.ttl_s <= 604800 && rr.ttl_s >= r->ttl_s);
		if (i < r->ttl_count)
			must(rr.ttl_pos == front + r->ttl_pos[i]);
		else
			must(how == DISTILL_UNCACHED);
		if (i < r->ancount && rr.type == RRTYPE_CNAME) {
			must(cnames < r->target_count && (size_t)r->targets[cnames] + front == rr.rdata_pos);
			struct rd target = rd_init(whole, len);
			target.pos = rr.rdata_pos;
			struct name name;
			must(name_read(&target, &name));
			cnames++;
		}
	}
	must(rd_ok(&in) && in.pos == len && cnames == r->target_count);
}

/* The short way and the long one say the same. */
static void check_same(const struct response *a, const struct response *b)
{
	must(a->flags == b->flags && a->ancount == b->ancount && a->nscount == b->nscount && a->arcount == b->arcount);
	must(a->ttl_count == b->ttl_count && a->target_count == b->target_count && a->ttl_s == b->ttl_s && a->age_s == b->age_s);
	must(a->negative == b->negative && a->uncached == b->uncached && a->body_len == b->body_len);
	must(memcmp(a->ttl_pos, b->ttl_pos, a->ttl_count * sizeof(a->ttl_pos[0])) == 0);
	must(memcmp(a->body, b->body, a->body_len) == 0);
}

/* Some names are the server's, others not. */
static bool holds(const void *arg, const struct name *name)
{
	(void)arg;
	return (name->len & 1) == 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return mutate_message(data, size, max, seed, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > MSG_LEN_MAX)
		return 0;
	const uint8_t *bytes = data + 1;
	size_t len = size - 1;
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	struct msg_question q;
	msg_read_header(&r, &h);
	if (!rd_ok(&r) || !msg_read_question(&r, &q)) {
		q.name = (struct name){.len = 1};
		q.type = RRTYPE_A;
	}
	struct message_question asked;
	name_fold(&q.name);
	message_question_make(&q.name, q.type, true, &asked);
	(void)message_match(bytes, len, h.id, &asked);
	(void)message_dislikes_edns(bytes, len);

	struct response out, plain;
	room.body_cap = plain_room.body_cap = (data[0] & 2) != 0 ? SMALL_ROOM : sizeof(body);
	enum distill how = distill_any(bytes, len, &q.name, q.type, (data[0] & 1) != 0, &room, &out);
	if (distill_plain(bytes, len, &q.name, q.type, &plain_room, &plain)) {
		must(how == DISTILL_OK);
		check_same(&plain, &out);
	}
	const struct distill_bounds bounds = {.holds = holds};
	if ((data[0] & 4) != 0)
		how = distill_within(bytes, len, &q.name, q.type, (data[0] & 1) != 0, &bounds, &room, &out);
	switch (how) {
	case DISTILL_OK:
	case DISTILL_UNCACHED:
		check(&q.name, q.type, &out, how);
		break;
	case DISTILL_FAILED:
	case DISTILL_BAD:
	case DISTILL_GARBLED:
		break;
	}
	return 0;
}
