/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/inspect.h"

#include <string.h>

#define SVC_IPV4HINT 4 /* RFC 9460 §14.3.2 */
#define SVC_IPV6HINT 6

/* One response being judged. */
struct inspection {
	struct service *s;
	struct query *q;
	const struct laid_out *m;
	bool allowed;	/* an allow entry speaks for the name asked */
	bool addresses; /* there is something to be said about those */
	bool guarded;	/* the name is public: no private address may be its (upstream.rebind-protection) */
	bool refused;	/* one was */
	struct verdict *found;
	struct verdict shadow;
	const struct name *name; /* being judged */
	const struct addr *address;
};

/* Which entry it was is told by the name, or the address, that it is of. */
static void keep_judged(const struct inspection *in, struct judged *ret)
{
	ret->address.len = 0;
	if (in->address != NULL)
		ret->address = *in->address;
	else
		name_copy(&ret->name, in->name);
}

/* An allow entry for the name asked holds for all of its answer, but for what outranks it (saring-lists(5)). */
static bool blocks(struct inspection *in, bool decided)
{
	bool does = decided && in->found->kind == VERDICT_BLOCKED && (!in->allowed || in->found->mandatory);

	if (in->found->shadowed) {
		in->shadow = *in->found;
		keep_judged(in, &in->s->shadowed_by);
	}
	if (does)
		keep_judged(in, &in->s->blocked_by);
	return does;
}

static bool name_blocks(struct inspection *in, struct name *name)
{
	struct service *s = in->s;

	name_fold(name);
	struct policy_question question = {
	    .name = name, .type = in->q->type, .client = &in->q->peer, .lists = query_lists_of_target(s, in->q, name)};
	in->name = name;
	in->address = NULL;
	bool does = blocks(in, policy_match(s->world->policy, s->scratch, &question, s->now_s, in->found));
	in->name = NULL;
	return does;
}

static bool target_blocks(struct inspection *in, size_t pos)
{
	struct rd rd = rd_init(in->m->bytes, in->m->len);
	struct name target;

	rd_skip(&rd, in->m->body_at + pos);
	if (!name_read(&rd, &target)) {
		(void)unlikely_bug(true); /* what distill wrote can be read */
		return false;
	}
	return name_blocks(in, &target);
}

/* len: 4 or 16. */
static bool address_blocks(struct inspection *in, const uint8_t *bytes, size_t len)
{
	struct service *s = in->s;
	struct policy_question question = {
	    .name = &in->q->name, .type = in->q->type, .client = &in->q->peer, .lists = query_lists(s, in->q)};
	struct addr address;

	memset(&address, 0, sizeof(address));
	if (len == 4) {
		address.len = sizeof(address.in);
		address.in.sin_family = AF_INET;
		memcpy(&address.in.sin_addr, bytes, len);
	} else {
		address.len = sizeof(address.in6);
		address.in6.sin6_family = AF_INET6;
		memcpy(&address.in6.sin6_addr, bytes, len);
		addr_unmap(&address);
	}
	if (in->guarded && addr_is_private(&address)) {
		in->refused = true;
		return true;
	}
	in->address = &address;
	bool does = blocks(in, policy_match_answer(s->world->policy, &address, &question, s->now_s, in->found));
	in->address = NULL;
	return does;
}

/* Of an HTTPS or SVCB record (RFC 9460 §2.2: priority, target, then key, length, value): the name it sends clients to, as a CNAME
 * does, and the address hints. The target `.` is the owner itself. */
static bool service_blocks(struct inspection *in, struct rd rdata)
{
	struct name target;

	rd_skip(&rdata, 2);
	struct rd at = rdata;
	if (!name_skip(&rdata))
		return false;
	if (name_read(&at, &target) && target.labels > 0 && name_blocks(in, &target))
		return true;
	while (in->addresses && rd_left(&rdata) >= 4) {
		uint16_t key = rd_u16(&rdata);
		struct rd value = rd_sub(&rdata, rd_u16(&rdata));
		size_t len = key == SVC_IPV4HINT ? 4 : 16;
		if (key != SVC_IPV4HINT && key != SVC_IPV6HINT)
			continue;
		while (rd_left(&value) >= len)
			if (address_blocks(in, rd_bytes(&value, len), len))
				return true;
	}
	return false;
}

static bool record_blocks(struct inspection *in, const struct rd *message, const struct msg_rr *rr)
{
	struct rd rdata = *message;

	rdata.pos = rr->rdata_pos;
	rdata = rd_sub(&rdata, rr->rdata_len);
	if (!rd_ok(&rdata))
		return false;
	switch (rr->type) {
	case RRTYPE_A:
		return in->addresses && rr->rdata_len == 4 && address_blocks(in, rd_bytes(&rdata, 4), 4);
	case RRTYPE_AAAA:
		return in->addresses && rr->rdata_len == 16 && address_blocks(in, rd_bytes(&rdata, 16), 16);
	case RRTYPE_HTTPS:
	case RRTYPE_SVCB:
		return service_blocks(in, rdata);
	default:
		return false;
	}
}

static bool some_record_blocks(struct inspection *in, const struct response *r)
{
	struct rd message = rd_init(in->m->bytes, in->m->len);
	struct msg_rr rr;

	rd_skip(&message, in->m->body_at);
	for (unsigned i = 0; i < r->ancount; i++) {
		if (!msg_read_rr(&message, &rr)) {
			(void)unlikely_bug(true);
			return false;
		}
		if (record_blocks(in, &message, &rr))
			return true;
	}
	return false;
}

static bool wants_addresses(const struct service *s, const struct response *r)
{
	return r->ancount > 0 && (s->world->settings->rebind_protection || policy_has_answer_addresses(s->world->policy));
}

/* Records that are looked into: for their addresses, or for the name they send clients to. */
static bool wants_records(const struct service *s, const struct query *q, const struct response *r)
{
	return wants_addresses(s, r) ||
	       (r->ancount > 0 && (q->type == RRTYPE_HTTPS || q->type == RRTYPE_SVCB || q->type == RRTYPE_ANY));
}

bool inspect_needed(const struct service *s, const struct query *q, const struct response *r)
{
	if (q->verdict.kind == VERDICT_ALLOWED && q->verdict.mandatory)
		return false;
	return r->target_count > 0 || wants_records(s, q, r);
}

/* For whoever is told of the query's end. */
static void note_shadow(struct query *q, const struct verdict *v)
{
	q->shadow_by_answer = true;
	q->verdict.shadowed = true;
	q->verdict.shadow_list = v->shadow_list;
	q->verdict.shadow_rule = v->shadow_rule;
	q->verdict.shadow_labels = v->shadow_labels;
	q->verdict.shadow_bulk = v->shadow_bulk;
}

enum inspected inspect_response(struct service *s, struct query *q, const struct response *r, const struct laid_out *m,
				struct verdict *ret)
{
	struct inspection in = {.s = s, .q = q, .m = m, .found = ret, .allowed = q->verdict.kind == VERDICT_ALLOWED};

	for (size_t i = 0; i < r->target_count; i++)
		if (target_blocks(&in, r->targets[i]))
			return INSPECT_BLOCKED;
	in.guarded = s->world->settings->rebind_protection && !in.allowed && names_is_public(s->world, &q->name, q->type);
	in.addresses = wants_addresses(s, r);
	if (wants_records(s, q, r) && some_record_blocks(&in, r))
		return in.refused ? INSPECT_PRIVATE : INSPECT_BLOCKED;
	/* links of a chain that goes on are judged again as a part of the whole */
	if (in.shadow.shadowed && !in.allowed && !q->verdict.shadowed && q->trail == NULL) {
		query_count_shadow(s, q, &in.shadow, &s->shadowed_by);
		note_shadow(q, &in.shadow);
	}
	return INSPECT_PASSES;
}
