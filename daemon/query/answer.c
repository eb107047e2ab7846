/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/answer.h"

#include "policy/records.h"
#include "query/block.h"
#include "query/build.h"
#include "query/local.h"
#include "wire/edns.h"

#include <string.h>

/* The synthesised SOA of a blocked answer (RFC 2308 §5: without one nobody may keep it). Its TTL and MINIMUM are both the block's.
 */
static const uint8_t soa_names[] = "\6saring\7invalid\0\6nobody"; /* then a pointer to `invalid` */
#define SOA_NAMES_LEN (sizeof(soa_names) - 1)
#define SOA_INVALID_AT 7
#define SOA_RDATA_LEN (SOA_NAMES_LEN + 2 + 20)
#define SOA_REFRESH_S 1800
#define SOA_RETRY_S 900
#define SOA_EXPIRE_S 604800

void answer_rcode(struct service *s, const struct query *q, uint16_t rcode, const struct query_extra *extra)
{
	struct build b;

	build_begin(&b, s, q, rcode);
	(void)build_end(&b, s, q, rcode, extra);
}

/* The SOA stands at the name asked or above it, never beside: at the entry's own name for NODATA, at its parent for NXDOMAIN (the
 * name itself is denied). Where the entry is not the asked name's own – a CNAME's target, an expression – the asked name counts. */
static void put_denial(struct build *b, const struct query *q, const struct policy_answer *a, bool denies_name)
{
	unsigned labels = a->owner_labels > 0 ? MIN(a->owner_labels, (unsigned)q->name.labels) : q->name.labels;

	if (denies_name && labels > 1)
		labels--;
	build_rr_head(b, q, labels, RRTYPE_SOA, a->ttl_s);
	b->header.nscount++;
	size_t names_at = b->w.pos + 2;
	uint8_t *p = wr_room(&b->w, 2 + SOA_RDATA_LEN);
	if (p == NULL)
		return;
	be_put_u16(p, SOA_RDATA_LEN);
	memcpy(p + 2, soa_names, SOA_NAMES_LEN);
	p += 2 + SOA_NAMES_LEN;
	be_put_u16(p, (uint16_t)(NAME_POINTER | (names_at + SOA_INVALID_AT)));
	be_put_u32(p + 2, a->serial);
	be_put_u32(p + 6, SOA_REFRESH_S);
	be_put_u32(p + 10, SOA_RETRY_S);
	be_put_u32(p + 14, SOA_EXPIRE_S);
	be_put_u32(p + 18, a->ttl_s);
}

static void put_addresses(struct build *b, const struct query *q, const struct policy_answer *a)
{
	static const uint8_t unspecified[16] = {0};
	const uint8_t *bytes = NULL;
	size_t count = 0;
	uint16_t len = q->type == RRTYPE_A ? 4 : 16;

	if (a->answer == ANSWER_NULL) {
		bytes = unspecified;
		count = q->type == RRTYPE_A || q->type == RRTYPE_AAAA;
	} else if (q->type == RRTYPE_A) {
		bytes = a->ipv4;
		count = a->ipv4_count;
	} else if (q->type == RRTYPE_AAAA) {
		bytes = a->ipv6;
		count = a->ipv6_count;
	}
	for (size_t i = 0; i < count; i++)
		build_rr(b, q, q->type, a->ttl_s, bytes + i * len, len);
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

static void put_cname(struct build *b, const struct query *q, const struct name *to, uint32_t ttl_s)
{
	build_rr_head(b, q, q->name.labels, RRTYPE_CNAME, ttl_s);
	size_t len_at = b->w.pos;
	wr_u16(&b->w, 0);
	name_write_packed(&b->w, build_packer(b, q), to);
	wr_patch_u16(&b->w, len_at, (uint16_t)(b->w.pos - len_at - 2));
	b->header.ancount++;
}

/* An entry's own records, as far as they answer the question. Returns the rcode that belongs to them. */
static uint16_t put_local(struct build *b, const struct query *q, const struct policy_answer *a)
{
	struct record record;
	struct name to;
	uint32_t ttl_s;

	switch (block_cname(a, q, &to, &ttl_s)) {
	case BLOCK_CNAME_FOUND:
		put_cname(b, q, &to, ttl_s);
		return RCODE_NOERROR;
	case BLOCK_CNAME_TOO_LONG:
		return RCODE_YXDOMAIN; /* as with a DNAME, RFC 6672 §2.2 */
	case BLOCK_CNAME_NONE:
		break;
	}
	for (size_t at = 0; records_next(a->records, &at, &record);) {
		if (record.type == q->type || q->type == RRTYPE_ANY)
			build_rr(b, q, record.type, block_record_ttl(a, &record), record.rdata.ptr, (uint16_t)record.rdata.len);
	}
	return records_rcode(a->records);
}

static struct query_extra extra_of(const struct policy_answer *a, const struct policy_structured *structured)
{
	return (struct query_extra){.has_ede = true, .ede = ede_of(a->code), .text = a->extra_text, .structured = structured};
}

/* The rcode, and the records that come before the denial. */
static uint16_t put_answer(struct build *b, const struct query *q, const struct policy_answer *a)
{
	switch (a->answer) {
	case ANSWER_NXDOMAIN:
		return RCODE_NXDOMAIN;
	case ANSWER_REFUSED:
		return RCODE_REFUSED;
	case ANSWER_NULL:
	case ANSWER_ADDRESS:
		put_addresses(b, q, a);
		break;
	case ANSWER_LOCAL:
		return put_local(b, q, a);
	case ANSWER_NODATA:
	case ANSWER_DROP: /* not the caller's: query_block sends nothing, or TC */
	case ANSWER_TRUNCATE:
		break;
	}
	return RCODE_NOERROR;
}

void answer_blocked(struct service *s, const struct query *q, const struct policy_answer *a,
		    const struct policy_structured *structured)
{
	struct query_extra extra = extra_of(a, structured);
	struct build b;

	build_begin(&b, s, q, RCODE_NOERROR);
	uint16_t rcode = put_answer(&b, q, a);
	b.header.flags |= rcode & MSG_RCODE;
	if (b.header.ancount == 0 && (rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN))
		put_denial(&b, q, a, rcode == RCODE_NXDOMAIN);
	(void)build_end(&b, s, q, rcode, &extra);
}

void answer_truncated(struct service *s, const struct query *q)
{
	struct build b;

	build_begin(&b, s, q, RCODE_NOERROR);
	b.header.flags |= MSG_TC;
	(void)build_end(&b, s, q, RCODE_NOERROR, &(struct query_extra){.has_ede = false});
}

void answer_chaos(struct service *s, const struct query *q, const struct str *texts, size_t count)
{
	struct build b;

	build_begin(&b, s, q, RCODE_NOERROR);
	b.header.flags |= MSG_AA;
	wr_u16(&b.w, NAME_POINTER | MSG_HEADER_LEN);
	wr_u16(&b.w, RRTYPE_TXT);
	wr_u16(&b.w, RRCLASS_CH);
	wr_u32(&b.w, 0);
	size_t len_at = b.w.pos;
	wr_u16(&b.w, 0);
	for (size_t i = 0; i < count; i++) {
		uint8_t len = (uint8_t)MIN(texts[i].len, (size_t)UINT8_MAX); /* a character-string (RFC 1035 §3.3) */
		wr_u8(&b.w, len);
		wr_bytes(&b.w, texts[i].ptr, len);
	}
	wr_patch_u16(&b.w, len_at, (uint16_t)(b.w.pos - len_at - 2));
	b.header.ancount = 1;
	(void)build_end(&b, s, q, RCODE_NOERROR, &(struct query_extra){.has_ede = false});
}

void answer_any(struct service *s, const struct query *q)
{
	static const uint8_t hinfo[] = "\7RFC8482"; /* and an empty OS: the literal's own NUL */
	struct build b;

	build_begin(&b, s, q, RCODE_NOERROR);
	build_rr(&b, q, RRTYPE_HINFO, MIN((uint32_t)QUERY_ANY_TTL_S, query_left_s(s, q)), hinfo, sizeof(hinfo));
	(void)build_end(&b, s, q, RCODE_NOERROR, &(struct query_extra){.has_ede = false});
}

struct ttl_rule answer_ttl_rule(const struct service *s, const struct response *r, enum answer_age age, uint32_t left_s)
{
	const struct settings *settings = s->world->settings;
	bool negative = r->negative || r->ancount == 0 || (r->flags & MSG_RCODE) == RCODE_NXDOMAIN;
	uint32_t cap = (uint32_t)MIN(negative ? settings->max_negative_ttl_s : settings->max_ttl_s, (int64_t)UINT32_MAX);
	uint32_t least = r->ttl_s == 0 ? 0 : (uint32_t)MAX((int64_t)r->ttl_s, r->age_s == 0 ? settings->min_ttl_s : 0);

	return (struct ttl_rule){
	    .cap_s = cap, .age_s = r->age_s, .least_s = MIN(least, cap), .left_s = left_s, .stale = age == ANSWER_AGE_STALE};
}

uint32_t answer_ttl(const struct ttl_rule *rule, uint32_t given_s)
{
	uint32_t ttl_s = MIN(given_s, rule->cap_s);

	if (rule->stale)
		return MIN((uint32_t)QUERY_STALE_TTL_S, rule->left_s);
	ttl_s = MAX(ttl_s > rule->age_s ? ttl_s - rule->age_s : 0, rule->least_s);
	return MIN(ttl_s, rule->left_s);
}

static void patch_ttls(struct service *s, const struct query *q, size_t body_at, const struct response *r, enum answer_age age)
{
	struct ttl_rule rule = answer_ttl_rule(s, r, age, query_left_s(s, q));

	for (size_t i = 0; i < r->ttl_count; i++) {
		size_t at = body_at + r->ttl_pos[i];
		struct rd rd = {.base = s->out, .len = s->out_len, .pos = at, .bad = at > s->out_len};
		uint32_t given = rd_u32(&rd);
		if (!rd_ok(&rd))
			return;
		struct wr w = {.base = s->out, .cap = s->out_len, .pos = at};
		wr_u32(&w, answer_ttl(&rule, given));
	}
}

size_t answer_response(struct service *s, const struct query *q, const struct response *r, enum answer_age age)
{
	struct build b;
	uint16_t rcode = r->flags & MSG_RCODE;
	if (UNLIKELY(rcode == RCODE_NXDOMAIN) && local_is_possible(s->world, &q->name) && local_is_above(s->world, &q->name))
		rcode = RCODE_NOERROR;
	struct query_extra extra = {.has_ede = age == ANSWER_AGE_STALE,
				    .ede = rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE};

	build_begin(&b, s, q, rcode);
	size_t body_at = b.w.pos;
	wr_bytes(&b.w, r->body, r->body_len);
	b.header.ancount = r->ancount;
	b.header.nscount = r->nscount;
	/* distill keeps nothing of the additional section: OPT is all there is */
	if (build_end(&b, s, q, rcode, &extra))
		return 0;
	patch_ttls(s, q, body_at, r, age);
	return body_at;
}

struct laid_out answer_lay_out(struct service *s, const struct name *name, const struct response *r)
{
	struct wr w = wr_init(s->laid_out, sizeof(s->laid_out));

	(void)wr_room(&w, MSG_HEADER_LEN);
	name_write(&w, name);
	(void)wr_room(&w, 4);
	struct laid_out m = {.bytes = s->laid_out, .body_at = w.pos};
	wr_bytes(&w, r->body, r->body_len);
	m.len = w.full ? 0 : w.pos;
	return m;
}

/* The records of r, which answers for another name than the one asked: read whole, and packed anew for this message. left_s: the
 * most that a TTL may be. */
static bool put_relaid(struct build *b, struct service *s, const struct query *q, const struct response *r, enum answer_age age,
		       uint32_t left_s)
{
	struct ttl_rule rule = answer_ttl_rule(s, r, age, left_s);
	struct laid_out m = answer_lay_out(s, &q->rewrite.to, r);
	struct rd rd = rd_init(m.bytes, m.len);

	rd_skip(&rd, m.body_at);
	for (unsigned i = 0; i < (unsigned)r->ancount + r->nscount; i++) {
		struct msg_rr rr;
		size_t ttl_pos;
		if (!msg_read_rr(&rd, &rr) ||
		    !msg_copy_rr(&b->w, build_packer(b, q), &rd, &rr, answer_ttl(&rule, rr.ttl_s), &ttl_pos))
			return false;
	}
	b->header.ancount = (uint16_t)(b->header.ancount + r->ancount);
	b->header.nscount = r->nscount;
	return true;
}

/* No list's doing: there is no error to be told. */
static void answer_led(struct service *s, const struct query *q, const struct response *r, enum answer_age age)
{
	const struct query_extra none = {.has_ede = false};
	const uint32_t left_s = query_led_left_s(s, q);
	uint16_t rcode = r->flags & MSG_RCODE;
	struct build b;
	bool good = true;

	build_begin(&b, s, q, rcode);
	if (q->rewrite.kind == REWRITE_RECORD)
		good = answer_put_links(&b, s, q);
	else
		put_cname(&b, q, &q->rewrite.to, MIN(s->world->settings->block_ttl_s, left_s));
	if (good && put_relaid(&b, s, q, r, age, left_s)) {
		(void)build_end(&b, s, q, rcode, &none);
		return;
	}
	(void)unlikely_bug(true); /* it was judged in this batch, and what distill wrote can be read */
	answer_rcode(s, q, RCODE_SERVFAIL, &none);
}

void answer_rewritten(struct service *s, const struct query *q, const struct response *r, enum answer_age age)
{
	uint16_t rcode = r->flags & MSG_RCODE;
	struct policy_answer a;
	struct policy_structured structured;
	struct build b;
	struct name to;
	uint32_t ttl_s;

	if (q->rewrite.kind != REWRITE_ENTRY) {
		answer_led(s, q, r, age);
		return;
	}
	query_block_answer(s, q, &q->rewrite.verdict, !q->rewrite.by_answer, &a);
	bool wanted = query_structured(s, q);
	if (wanted)
		policy_structured(s->world->policy, &q->rewrite.verdict, &structured);
	struct query_extra extra = extra_of(&a, wanted ? &structured : NULL);
	build_begin(&b, s, q, rcode);
	if (a.answer == ANSWER_LOCAL && block_cname(&a, q, &to, &ttl_s) == BLOCK_CNAME_FOUND) {
		put_cname(&b, q, &to, ttl_s);
		if (put_relaid(&b, s, q, r, age, a.left_s)) {
			(void)build_end(&b, s, q, rcode, &extra);
			return;
		}
	}
	(void)unlikely_bug(true); /* it was judged in this batch, and what distill wrote can be read */
	answer_rcode(s, q, RCODE_SERVFAIL, &extra);
}
