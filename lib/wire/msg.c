/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/msg.h"

/* One check for all of it: every packet comes here. */
void msg_read_header(struct rd *r, struct msg_header *ret)
{
	const uint8_t *p = rd_bytes(r, MSG_HEADER_LEN);
	if (p == NULL) {
		*ret = (struct msg_header){0};
		return;
	}
	ret->id = be_get_u16(p);
	ret->flags = be_get_u16(p + 2);
	ret->qdcount = be_get_u16(p + 4);
	ret->ancount = be_get_u16(p + 6);
	ret->nscount = be_get_u16(p + 8);
	ret->arcount = be_get_u16(p + 10);
}

void msg_write_header(struct wr *w, const struct msg_header *h)
{
	uint8_t *p = wr_room(w, MSG_HEADER_LEN);
	if (p == NULL)
		return;
	be_put_u16(p, h->id);
	be_put_u16(p + 2, h->flags);
	be_put_u16(p + 4, h->qdcount);
	be_put_u16(p + 6, h->ancount);
	be_put_u16(p + 8, h->nscount);
	be_put_u16(p + 10, h->arcount);
}

bool msg_read_question(struct rd *r, struct msg_question *ret)
{
	if (!name_read(r, &ret->name))
		return false;
	ret->type = rd_u16(r);
	ret->class = rd_u16(r);
	return rd_ok(r);
}

/* What follows the owner. */
static bool read_rr_body(struct rd *r, struct msg_rr *ret)
{
	ret->type = rd_u16(r);
	ret->class = rd_u16(r);
	ret->ttl_pos = r->pos;
	ret->ttl_s = rd_u32(r);
	ret->rdata_len = rd_u16(r);
	ret->rdata_pos = r->pos;
	rd_skip(r, ret->rdata_len);
	return rd_ok(r);
}

bool msg_read_rr(struct rd *r, struct msg_rr *ret)
{
	return name_read(r, &ret->owner) && read_rr_body(r, ret);
}

/* What was met beside the question of a client's query. */
struct extras {
	unsigned opts;
	bool sound; /* nothing met so far makes it a FORMERR */
};

/* One record after the question. False when no more can be read. section: 0 answer, 1 authority, 2 additional */
static bool screen_record(struct rd *r, struct msg_query *q, unsigned section, bool last, struct extras *extras)
{
	struct msg_rr rr;
	bool root = rd_left(r) > 0 && r->base[r->pos] == 0; /* spelled out: a pointer to some zero is no root for an OPT */
	if (!msg_read_rr(r, &rr))
		return false;
	if (rr.type == RRTYPE_OPT) {
		if (section != 2 || !root || extras->opts++ > 0 ||
		    !edns_parse(rr.class, rr.ttl_s, r->base + rr.rdata_pos, rr.rdata_len, &q->edns))
			extras->sound = false;
	} else if (rr.type == RRTYPE_TSIG) {
		/* RFC 8945 §5.1: one, and the last record of all */
		if (section != 2 || !last)
			extras->sound = false;
		q->has_tsig = true;
	} else if (section == 2 && rr.type == RRTYPE_SIG && rr.rdata_len >= 2 && r->base[rr.rdata_pos] == 0 &&
		   r->base[rr.rdata_pos + 1] == 0) {
		q->has_tsig = true; /* SIG(0), RFC 2931 §3: covers type 0 */
	}
	return true;
}

/* Everything past the questions: an OPT is looked for even when the query is known to be bad, since the answer must have one then
 * too (RFC 6891 §7). */
static __attribute__((noinline)) bool screen_some(struct rd *r, struct msg_query *q, struct extras *extras)
{
	const uint16_t counts[] = {q->header.ancount, q->header.nscount, q->header.arcount};
	unsigned seen = 0;
	for (unsigned section = 0; section < ARRAY_LEN(counts); section++)
		for (unsigned left = counts[section]; left > 0; left--)
			if (++seen > MSG_QUERY_RECORDS_MAX || !screen_record(r, q, section, section == 2 && left == 1, extras))
				return false;
	return rd_left(r) == 0;
}

static inline bool screen_records(struct rd *r, struct msg_query *q, struct extras *extras)
{
	if ((q->header.ancount | q->header.nscount | q->header.arcount) == 0)
		return rd_left(r) == 0;
	return screen_some(r, q, extras);
}

static bool screen_questions(struct rd *r, struct msg_query *q, struct name *ret_name)
{
	if (q->header.qdcount == 1) {
		if (!name_read_plain(r, ret_name))
			return false;
		q->type = rd_u16(r);
		q->class = rd_u16(r);
		q->has_question = rd_ok(r);
		q->question_end = (uint16_t)r->pos;
		name_fold(ret_name);
		return q->has_question;
	}
	/* to get at the OPT behind them */
	for (unsigned left = q->header.qdcount; left > 0; left--) {
		if (!name_skip(r))
			return false;
		rd_skip(r, 4);
	}
	return rd_ok(r);
}

static void query_clear(struct msg_query *q)
{
	q->header = (struct msg_header){0};
	q->has_question = q->has_tsig = false;
	q->type = q->class = 0;
	q->question_end = MSG_HEADER_LEN;
	q->edns = (struct edns){0};
}

/* Of another opcode: whatever it may mean, nearly all have the form of a query, and an OPT is owed where one was sent (RFC 6891
 * §6.1.1). Nothing else of it is made use of. */
static enum msg_verdict screen_other_opcode(struct rd *r, struct msg_query *q, struct name *name)
{
	struct extras extras = {.sound = true};
	bool sound = screen_questions(r, q, name) && screen_records(r, q, &extras) && extras.sound;
	struct msg_header header = q->header;
	struct edns edns = sound ? q->edns : (struct edns){0};

	query_clear(q);
	q->header = header;
	q->edns = edns;
	return MSG_NOTIMP;
}

enum msg_verdict msg_parse_query(const uint8_t *bytes, size_t len, struct msg_query *ret, struct name *ret_name)
{
	struct rd r = rd_init(bytes, len);
	query_clear(ret);
	msg_read_header(&r, &ret->header);
	if (!rd_ok(&r) || (ret->header.flags & MSG_QR))
		return MSG_IGNORE;
	if ((ret->header.flags & MSG_OPCODE) >> MSG_OPCODE_SHIFT != OPCODE_QUERY)
		return screen_other_opcode(&r, ret, ret_name);
	bool questionless = ret->header.qdcount == 0;
	struct extras extras = {.sound = ret->header.qdcount <= 1 && ret->header.ancount == 0};
	if (len > MSG_LEN_MAX || !screen_questions(&r, ret, ret_name) || !screen_records(&r, ret, &extras) || !extras.sound)
		return MSG_FORMERR;
	/* an IXFR names the zone version it has by one SOA in authority (RFC 1995 §3) */
	if (ret->header.nscount > (ret->type == RRTYPE_IXFR ? 1 : 0))
		return MSG_FORMERR;
	if (ret->edns.present && ret->edns.version > 0)
		return MSG_BADVERS;
	if (questionless)
		return ret->edns.cookie != NULL ? MSG_COOKIE : MSG_FORMERR;
	return MSG_QUERY;
}
