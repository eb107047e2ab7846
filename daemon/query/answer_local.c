/* SPDX-License-Identifier: BSD-2-Clause
 *
 * answer_local.c - answers out of the operator's own records (local.h): with AA, before any list is asked. Where their CNAMEs lead
 * elsewhere, the question goes on under that name, which nobody judges: it is the operator's own word. */
#include "query/build.h"
#include "query/local.h"

#define REFRESH_S 3600
#define RETRY_S 1200
#define EXPIRE_S 604800
#define SERIAL 1

static const uint8_t local_rname[] = "\6nobody\7invalid"; /* and the root: the literal's own NUL */

/* A record up to its data. owner: NULL for the name asked. */
static void put_front(struct build *b, const struct query *q, const struct name *owner, uint16_t type, uint32_t ttl_s)
{
	if (owner == NULL) {
		build_rr_head(b, q, q->name.labels, type, ttl_s);
		return;
	}
	name_write_packed(&b->w, build_packer(b, q), owner);
	wr_u16(&b->w, type);
	wr_u16(&b->w, RRCLASS_IN);
	wr_u32(&b->w, ttl_s);
}

static void put_record(struct build *b, const struct query *q, const struct name *owner, const struct locals_rr *rr)
{
	put_front(b, q, owner, rr->type, rr->ttl_s);
	wr_u16(&b->w, rr->len);
	wr_bytes(&b->w, rr->rdata, rr->len);
	b->header.ancount++;
}

static void put_links(struct build *b, const struct query *q, const struct local_links *links)
{
	struct name owner;

	for (unsigned i = 0; i < links->count; i++) {
		put_record(b, q, i == 0 ? NULL : &owner, links->cnames[i]);
		local_target(links->cnames[i], &owner);
	}
}

/* At the name itself, or where the wildcard stands that all around it is local by. */
static void put_soa(struct build *b, const struct query *q, const struct local_links *links)
{
	struct name zone;

	if (!name_suffix(&links->at, links->found.zone_labels, &zone))
		return;
	put_front(b, q, &zone, RRTYPE_SOA, LOCALS_TTL_S);
	size_t len_at = b->w.pos;
	wr_u16(&b->w, 0);
	name_write_packed(&b->w, build_packer(b, q), &zone);
	wr_bytes(&b->w, local_rname, sizeof(local_rname));
	wr_u32(&b->w, SERIAL);
	wr_u32(&b->w, REFRESH_S);
	wr_u32(&b->w, RETRY_S);
	wr_u32(&b->w, EXPIRE_S);
	wr_u32(&b->w, LOCALS_TTL_S);
	wr_patch_u16(&b->w, len_at, (uint16_t)(b->w.pos - len_at - 2));
	b->header.nscount++;
}

static void answer_local(struct service *s, const struct query *q, const struct local_links *links)
{
	uint16_t rcode = links->found.kind == LOCALS_DENIED ? RCODE_NXDOMAIN : RCODE_NOERROR;
	struct build b;
	bool any = false;

	build_begin(&b, s, q, rcode);
	b.header.flags |= MSG_AA;
	put_links(&b, q, links);
	for (size_t i = 0; i < links->found.count; i++) {
		const struct locals_rr *rr = &links->found.rrs[i];
		if (rr->type != q->type && q->type != RRTYPE_ANY)
			continue;
		put_record(&b, q, links->count == 0 ? NULL : &links->at, rr);
		any = true;
	}
	if (!any)
		put_soa(&b, q, links);
	(void)build_end(&b, s, q, rcode, &(struct query_extra){.has_ede = false});
}

bool answer_put_links(struct build *b, struct service *s, const struct query *q)
{
	struct local_links links;

	if (local_follow(s->world, &q->name, q->type, addr_is_loopback(&q->peer), &links) != LOCAL_GOES_ON ||
	    !name_eq(&links.at, &q->rewrite.to))
		return false;
	put_links(b, q, &links);
	return true;
}

static void go_on(const struct service *s, struct query *q, const struct local_links *links)
{
	q->rewrite.on = true;
	q->rewrite.kind = REWRITE_RECORD;
	q->rewrite.by_answer = false;
	q->rewrite.world = s->world->serial;
	name_copy(&q->rewrite.to, &links->at);
}

/* Apart: most names are not in there. */
static __attribute__((noinline)) enum fate local_judge(struct service *s, struct query *q)
{
	struct local_links links;

	switch (local_follow(s->world, &q->name, q->type, addr_is_loopback(&q->peer), &links)) {
	case LOCAL_NONE:
		return FATE_NEXT;
	case LOCAL_GOES_ON:
		go_on(s, q, &links);
		return FATE_NEXT;
	case LOCAL_LOOPS:
		answer_rcode(s, q, RCODE_SERVFAIL, &(struct query_extra){.has_ede = false});
		query_finish(s, q, COUNTER_FAILED);
		return FATE_ANSWER;
	case LOCAL_ANSWER:
		break;
	}
	answer_local(s, q, &links);
	query_finish(s, q, COUNTER_LOCAL);
	return FATE_ANSWER;
}

enum fate local_stage(struct service *s, struct query *q)
{
	if (UNLIKELY(q->rewrite.on) && q->rewrite.kind == REWRITE_RECORD)
		q->rewrite.on = false; /* a parked question comes here again: the records may be others now */
	return LIKELY(!local_is_possible(s->world, &q->name)) ? FATE_NEXT : local_judge(s, q);
}
