/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include "wire/edns.h"

#include <string.h>

/* The synthesised SOA of a blocked answer (RFC 2308 §5: without one nobody may keep it). Its TTL and MINIMUM are both the block's.
 */
static const struct name soa_mname = {.len = 16, .labels = 2, .wire = "\6saring\7invalid"};
static const struct name soa_rname = {.len = 16, .labels = 2, .wire = "\6nobody\7invalid"};
#define SOA_REFRESH_S 1800
#define SOA_RETRY_S 900
#define SOA_EXPIRE_S 604800

/* A message being built in s->out. */
struct build {
	struct wr w;
	struct name_packer packer;
	struct msg_header header;
};

static void build_begin(struct build *b, struct service *s, const struct query *q, uint16_t rcode)
{
	b->w = wr_init(s->out, MSG_LEN_MAX);
	b->header = (struct msg_header){.id = q->id, .qdcount = q->has_question};
	unsigned flags = MSG_QR | (q->flags & (MSG_OPCODE | MSG_RD | MSG_CD)) | (rcode & MSG_RCODE);
	if ((q->flags & MSG_OPCODE) == OPCODE_QUERY)
		flags |= MSG_RA;
	b->header.flags = (uint16_t)flags;
	name_packer_init(&b->packer);
	(void)wr_room(&b->w, MSG_HEADER_LEN);
	if (q->has_question) {
		name_write(&b->w, &q->question.name);
		wr_u16(&b->w, q->question.type);
		wr_u16(&b->w, q->question.class);
		name_packer_note(&b->packer, &b->w, MSG_HEADER_LEN);
	}
}

static void build_header(struct build *b)
{
	struct wr head = wr_init(b->w.base, MSG_HEADER_LEN);
	msg_write_header(&head, &b->header);
}

static void build_opt(struct build *b, const struct query *q, uint16_t rcode, const struct query_extra *extra, bool with_text)
{
	if (!q->has_edns)
		return;
	size_t mark = edns_write_begin(&b->w, MSG_UDP_EDNS_MAX, rcode, q->dnssec_ok);
	if (extra->has_ede)
		edns_write_ede(&b->w, extra->ede, with_text ? extra->text : (struct str){NULL, 0});
	edns_write_end(&b->w, mark);
	b->header.arcount++;
}

/* Close the message: OPT last. What does not fit goes in this order: the EDE's text, then every record (TC=1, question and OPT
 * only; RFC 9715 §3.1 and the truncation rules of RFC 2181 §9). */
static bool build_end(struct build *b, struct service *s, const struct query *q, uint16_t rcode, const struct query_extra *extra)
{
	size_t mark = wr_mark(&b->w);
	bool truncated = false;

	build_opt(b, q, rcode, extra, true);
	if (b->w.full || b->w.pos > q->limit) {
		wr_cut(&b->w, mark);
		b->header.arcount = 0;
		build_opt(b, q, rcode, extra, false);
	}
	if (b->w.full || b->w.pos > q->limit) {
		build_begin(b, s, q, rcode);
		b->header.flags |= MSG_TC;
		build_opt(b, q, rcode, extra, false);
		truncated = true;
		counters_add(s->counters, COUNTER_TRUNCATED);
	}
	build_header(b);
	s->out_len = b->w.pos;
	return truncated;
}

void answer_rcode(struct service *s, const struct query *q, uint16_t rcode, const struct query_extra *extra)
{
	struct build b;

	build_begin(&b, s, q, rcode);
	(void)build_end(&b, s, q, rcode, extra);
}

static void put_rr_head(struct build *b, const struct name *owner, uint16_t type, uint32_t ttl_s)
{
	name_write_packed(&b->w, &b->packer, owner);
	wr_u16(&b->w, type);
	wr_u16(&b->w, RRCLASS_IN);
	wr_u32(&b->w, ttl_s);
}

static void put_rr(struct build *b, const struct query *q, uint16_t type, uint32_t ttl_s, const void *rdata, uint16_t len)
{
	put_rr_head(b, &q->question.name, type, ttl_s);
	wr_u16(&b->w, len);
	wr_bytes(&b->w, rdata, len);
	b->header.ancount++;
}

static void put_soa(struct build *b, const struct name *owner, uint32_t ttl_s, uint32_t serial)
{
	put_rr_head(b, owner, RRTYPE_SOA, ttl_s);
	size_t len_at = b->w.pos;
	wr_u16(&b->w, 0);
	name_write_packed(&b->w, &b->packer, &soa_mname);
	name_write_packed(&b->w, &b->packer, &soa_rname);
	wr_u32(&b->w, serial);
	wr_u32(&b->w, SOA_REFRESH_S);
	wr_u32(&b->w, SOA_RETRY_S);
	wr_u32(&b->w, SOA_EXPIRE_S);
	wr_u32(&b->w, ttl_s);
	wr_patch_u16(&b->w, len_at, (uint16_t)(b->w.pos - len_at - 2));
	b->header.nscount++;
}

/* The SOA stands at the name asked or above it, never beside: at the entry's own name for NODATA, at its parent for NXDOMAIN (the
 * name itself is denied). Where the entry is not the asked name's own – a CNAME's target, an expression – the asked name counts. */
static void put_denial(struct build *b, const struct query *q, const struct policy_answer *a, bool entry_owns)
{
	unsigned labels = entry_owns && a->owner_labels > 0 ? a->owner_labels : q->question.name.labels;
	struct name owner;

	if (a->answer == ANSWER_NXDOMAIN && labels > 1)
		labels--;
	if (!name_suffix(&q->question.name, labels, &owner))
		owner = q->question.name;
	put_soa(b, &owner, a->ttl_s, a->serial);
}

static void put_addresses(struct build *b, const struct query *q, const struct policy_answer *a)
{
	static const uint8_t unspecified[16] = {0};
	const uint8_t *bytes = NULL;
	size_t count = 0;
	uint16_t len = q->question.type == RRTYPE_A ? 4 : 16;

	if (a->answer == ANSWER_NULL) {
		bytes = unspecified;
		count = q->question.type == RRTYPE_A || q->question.type == RRTYPE_AAAA;
	} else if (q->question.type == RRTYPE_A) {
		bytes = a->ipv4;
		count = a->ipv4_count;
	} else if (q->question.type == RRTYPE_AAAA) {
		bytes = a->ipv6;
		count = a->ipv6_count;
	}
	for (size_t i = 0; i < count; i++)
		put_rr(b, q, q->question.type, a->ttl_s, bytes + i * len, len);
}

static uint16_t ede_of(enum code code)
{
	switch (code) {
	case CODE_BLOCKED:
		break;
	case CODE_CENSORED:
		return EDE_CENSORED;
	case CODE_FILTERED:
		return EDE_FILTERED;
	}
	return EDE_BLOCKED;
}

bool answer_blocked(struct service *s, const struct query *q, const struct verdict *v, bool entry_owns)
{
	struct policy_answer a;
	struct build b;
	uint16_t rcode = RCODE_NOERROR;

	policy_answer(s->world->policy, v, &q->name, s->now_s, &a);
	struct query_extra extra = {.has_ede = true, .ede = ede_of(a.code), .text = a.extra_text};
	switch (a.answer) {
	case ANSWER_DROP:
		return false;
	case ANSWER_REFUSED:
		answer_rcode(s, q, RCODE_REFUSED, &extra);
		return true;
	case ANSWER_NXDOMAIN:
		rcode = RCODE_NXDOMAIN;
		break;
	case ANSWER_NODATA:
	case ANSWER_NULL:
	case ANSWER_ADDRESS:
		break;
	}
	build_begin(&b, s, q, rcode);
	if (a.answer == ANSWER_NULL || a.answer == ANSWER_ADDRESS)
		put_addresses(&b, q, &a);
	if (b.header.ancount == 0)
		put_denial(&b, q, &a, entry_owns);
	(void)build_end(&b, s, q, rcode, &extra);
	return true;
}

void answer_any(struct service *s, const struct query *q)
{
	static const uint8_t hinfo[] = "\7RFC8482"; /* and an empty OS: the literal's own NUL */
	struct build b;

	build_begin(&b, s, q, RCODE_NOERROR);
	put_rr(&b, q, RRTYPE_HINFO, QUERY_ANY_TTL_S, hinfo, sizeof(hinfo));
	(void)build_end(&b, s, q, RCODE_NOERROR, &(struct query_extra){.has_ede = false});
}

/* TTLs as sent (RFC 2181 §5.2, RFC 8767 §4): what the upstream gave, capped by the configuration, less the age; never less than the
 * time the answer itself may still be kept (min-ttl raised it). */
static void patch_ttls(struct service *s, size_t body_at, const struct response *r, enum answer_age age)
{
	const struct settings *settings = s->world->settings;
	bool negative = r->negative || r->ancount == 0 || (r->flags & MSG_RCODE) == RCODE_NXDOMAIN;
	uint32_t cap = (uint32_t)MIN(negative ? settings->max_negative_ttl_s : settings->max_ttl_s, (int64_t)UINT32_MAX);
	uint32_t least = r->ttl_s == 0 ? 0 : (uint32_t)MAX((int64_t)r->ttl_s, r->age_s == 0 ? settings->min_ttl_s : 0);
	struct wr w = wr_init(s->out, sizeof(s->out));

	least = MIN(least, cap);
	for (size_t i = 0; i < r->ttl_count; i++) {
		size_t at = body_at + r->ttl_pos[i];
		struct rd rd = rd_init(s->out, s->out_len);
		rd_skip(&rd, at);
		uint32_t given = rd_u32(&rd);
		uint32_t ttl = MIN(given, cap);
		ttl = MAX(ttl > r->age_s ? ttl - r->age_s : 0, least);
		if (!rd_ok(&rd))
			return;
		w.pos = at;
		wr_u32(&w, age == ANSWER_AGE_STALE ? QUERY_STALE_TTL_S : ttl);
	}
}

void answer_response(struct service *s, const struct query *q, const struct response *r, enum answer_age age)
{
	struct build b;
	uint16_t rcode = r->flags & MSG_RCODE;
	struct query_extra extra = {.has_ede = age == ANSWER_AGE_STALE,
				    .ede = rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE};

	build_begin(&b, s, q, rcode);
	size_t body_at = b.w.pos;
	wr_bytes(&b.w, r->body, r->body_len);
	b.header.ancount = r->ancount;
	b.header.nscount = r->nscount;
	/* distill keeps nothing of the additional section: OPT is all there is */
	if (!build_end(&b, s, q, rcode, &extra))
		patch_ttls(s, body_at, r, age);
}
