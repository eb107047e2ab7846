/* SPDX-License-Identifier: BSD-2-Clause
 *
 * answer_here.c - answers out of zones that are saring's own: names answered here (names.c), and denials it makes itself. */
#include "query/block.h"
#include "query/build.h"

#include <string.h>

#define HERE_REFRESH_S 3600
#define HERE_RETRY_S 1200
#define HERE_EXPIRE_S 604800
#define HERE_SERIAL 1
#define HERE_BODY_MAX 128 /* one record, its names pointers but for a short one */

static const uint8_t here_rname[] = "\6nobody\7invalid"; /* and the root: the literal's own NUL */

/* The last labels of name, which is the message's question. */
static void put_suffix(struct wr *w, const struct name *name, unsigned labels)
{
	wr_u16(w, (uint16_t)(NAME_POINTER | (MSG_HEADER_LEN + name_suffix_at(name, labels))));
}

static void put_front(struct wr *w, const struct name *name, unsigned labels, uint16_t type, uint32_t ttl_s)
{
	put_suffix(w, name, labels);
	wr_u16(w, type);
	wr_u16(w, RRCLASS_IN);
	wr_u32(w, ttl_s);
}

static void put_soa(struct wr *w, const struct name *name, unsigned zone_labels, uint32_t ttl_s)
{
	put_front(w, name, zone_labels, RRTYPE_SOA, ttl_s);
	wr_u16(w, (uint16_t)(2 + sizeof(here_rname) + 20));
	put_suffix(w, name, zone_labels);
	wr_bytes(w, here_rname, sizeof(here_rname));
	wr_u32(w, HERE_SERIAL);
	wr_u32(w, HERE_REFRESH_S);
	wr_u32(w, HERE_RETRY_S);
	wr_u32(w, HERE_EXPIRE_S);
	wr_u32(w, ttl_s);
}

/* The one record that h comes to, for the question of that name. */
static void put_here(struct wr *w, const struct name *name, const struct here *h, uint32_t ttl_s)
{
	switch (h->type) {
	case 0:
	case RRTYPE_SOA:
		put_soa(w, name, h->zone_labels, ttl_s);
		return;
	case RRTYPE_NS:
		put_front(w, name, h->zone_labels, RRTYPE_NS, ttl_s);
		wr_u16(w, 2);
		put_suffix(w, name, h->zone_labels);
		return;
	default:
		put_front(w, name, name->labels, h->type, ttl_s);
		wr_u16(w, h->rdata_len);
		wr_bytes(w, h->rdata, h->rdata_len);
		return;
	}
}

void answer_here(struct service *s, const struct query *q, const struct here *h)
{
	struct build b;

	build_begin(&b, s, q, h->rcode);
	b.header.flags |= MSG_AA;
	put_here(&b.w, &q->name, h, MIN((uint32_t)HERE_TTL_S, query_left_s(s, q)));
	b.header.ancount = h->type != 0;
	b.header.nscount = h->type == 0;
	(void)build_end(&b, s, q, h->rcode, &(struct query_extra){.has_ede = false});
}

void answer_here_rewritten(struct service *s, const struct query *q, const struct here *h)
{
	uint8_t body[HERE_BODY_MAX];
	struct wr w = wr_init(body, sizeof(body));

	put_here(&w, &q->rewrite.to, h, HERE_TTL_S);
	must(!w.full);
	answer_rewritten(s, q,
			 &(struct response){.flags = h->rcode,
					    .ancount = h->type != 0,
					    .nscount = h->type == 0,
					    .negative = h->type == 0,
					    .ttl_s = HERE_TTL_S,
					    .body = body,
					    .body_len = (uint32_t)w.pos},
			 ANSWER_AGE_FRESH);
}

void answer_nothing(struct service *s, const struct query *q, uint32_t ttl_s, const struct query_extra *extra)
{
	struct build b;

	build_begin(&b, s, q, RCODE_NOERROR);
	if (q->name.labels > 0) {
		put_soa(&b.w, &q->name, q->name.labels, ttl_s);
		b.header.nscount++;
	}
	(void)build_end(&b, s, q, RCODE_NOERROR, extra);
}

/* Where an entry has sent the question is answered here as if it had been asked itself. */
static __attribute__((noinline)) enum fate answer_known(struct service *s, struct query *q)
{
	struct here h;

	if (!names_answer(s->world, query_base(q), q->type, q->dnssec_ok, &h))
		return FATE_NEXT;
	if (q->rewrite.on) {
		enum counter rewritten = query_count_rewrite(s, q);
		answer_here_rewritten(s, q, &h);
		query_finish(s, q, rewritten);
	} else {
		answer_here(s, q, &h);
		query_finish(s, q, COUNTER_LOCAL);
	}
	return FATE_ANSWER;
}

enum fate names_stage(struct service *s, struct query *q)
{
	return LIKELY(!names_may_answer(s->world, query_base(q))) ? FATE_NEXT : answer_known(s, q);
}
