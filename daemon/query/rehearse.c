/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/rehearse.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "query/answer.h"
#include "query/block.h"
#include "query/local.h"
#include "query/lookup.h"
#include "query/names.h"
#include "query/query.h"
#include "query/trail.h"

#define SVC_IPV4HINT 4 /* RFC 9460 §14.3.2 */
#define SVC_IPV6HINT 6

/* One rehearsal under way: the via_data of its query, and of the copies that are made of that. */
struct act {
	struct rehearsal *ret;
	bool ended, asks;
	enum verdict_kind kind; /* of the name asked */
	bool mandatory;
	uint32_t servers, left_s; /* query_servers, query_left_s */
	struct rewrite rewrite;
};

/* ---- the pipeline's end ---- */

static void note(struct act *act, const struct query *q)
{
	act->ended = true;
	act->kind = q->verdict.kind;
	act->mandatory = q->verdict.mandatory;
	act->servers = q->key.servers;
	if (q->rewrite.on)
		act->rewrite = q->rewrite;
}

static void rehearse_send(struct query *q, const uint8_t *bytes, size_t len)
{
	struct act *act = q->via_data;

	note(act, q);
	if (unlikely_bug(len > sizeof(act->ret->answer)))
		return;
	memcpy(act->ret->answer, bytes, len);
	act->ret->answer_len = len;
}

static void rehearse_dropped(struct query *q)
{
	note(q->via_data, q);
}

void rehearse_asks(struct query *q)
{
	struct act *act = q->via_data;

	note(act, q);
	act->asks = true;
	act->ret->sought = *query_sought(q);
}

static const struct via nobody = {.name = "nobody", .send = rehearse_send, .dropped = rehearse_dropped};
static const struct via nobody_else = {.name = "nobody", .encrypted = true, .send = rehearse_send, .dropped = rehearse_dropped};

/* ---- the question ---- */

static void write_query(const struct rehearse_question *what, struct rehearsal *ret)
{
	struct wr w = wr_init(ret->query, sizeof(ret->query));
	struct msg_header header = {.qdcount = 1, .arcount = 1};

	msg_write_header(&w, &header);
	name_write(&w, what->name);
	wr_u16(&w, what->type);
	wr_u16(&w, RRCLASS_IN);
	size_t opt = edns_write_begin(&w, MSG_UDP_EDNS_MAX, 0, false);
	if (what->structured)
		edns_write_option(&w, EDNS_SDE, NULL, 0);
	edns_write_end(&w, opt);
	must(!w.full);
	ret->query_len = w.pos;
}

static void set_rd(uint8_t *message)
{
	message[2] |= MSG_RD >> 8;
}

static enum counter fate_of(const struct counters *counters, const struct act *act)
{
	if (act->asks)
		return COUNTER_FORWARDED;
	for (enum counter c = COUNTER_BLOCKED; c <= COUNTER_FAILED; c++)
		if (atomic_load_explicit(&counters->values[c], memory_order_relaxed) > 0)
			return c;
	(void)unlikely_bug(true); /* whoever ends a query counts it */
	return COUNTER_DROPPED;
}

/* ---- how the answer comes about ---- */

/* Reading one answer. */
struct reading {
	struct service *s;
	struct rehearsal *ret;
	uint16_t type; /* asked for */
	uint32_t servers, left_s;
	bool judged;
};

static struct rehearse_step *step_add(struct rehearsal *ret)
{
	if (ret->step_count == REHEARSE_STEPS_MAX) {
		ret->steps_omitted++;
		return NULL;
	}
	return &ret->steps[ret->step_count++];
}

static struct rehearse_step *step_of(struct reading *r, enum rehearse_kind kind, const struct msg_rr *rr, uint32_t ttl_s)
{
	struct rehearse_step *step = step_add(r->ret);

	if (step == NULL)
		return NULL;
	*step = (struct rehearse_step){.kind = kind, .judged = r->judged, .type = rr->type, .ttl_s = ttl_s, .owner = rr->owner};
	name_fold(&step->owner);
	return step;
}

static void read_target(struct reading *r, enum rehearse_kind kind, const struct msg_rr *rr, uint32_t ttl_s, struct rd at)
{
	struct name target;

	if (!name_read(&at, &target) || (kind == REHEARSE_TARGET && target.labels == 0))
		return; /* `.`: the owner itself (RFC 9460 §2.5) */
	struct rehearse_step *step = step_of(r, kind, rr, ttl_s);
	if (step == NULL)
		return;
	step->target = target;
	name_fold(&step->target);
}

/* len: 4 or 16. */
static void read_address(struct reading *r, const struct msg_rr *rr, uint32_t ttl_s, const uint8_t *bytes, size_t len)
{
	struct rehearse_step *step = step_of(r, REHEARSE_ADDRESS, rr, ttl_s);

	if (step == NULL)
		return;
	if (len == 4) {
		step->address.len = sizeof(step->address.in);
		step->address.in.sin_family = AF_INET;
		memcpy(&step->address.in.sin_addr, bytes, len);
	} else {
		step->address.len = sizeof(step->address.in6);
		step->address.in6.sin6_family = AF_INET6;
		memcpy(&step->address.in6.sin6_addr, bytes, len);
		addr_unmap(&step->address);
	}
}

/* HTTPS and SVCB (RFC 9460 §2.2): priority, target, then key, length, value. */
static void read_service(struct reading *r, const struct msg_rr *rr, uint32_t ttl_s, struct rd rdata)
{
	rd_skip(&rdata, 2);
	struct rd at = rdata;
	if (!name_skip(&rdata))
		return;
	read_target(r, REHEARSE_TARGET, rr, ttl_s, at);
	while (rd_left(&rdata) >= 4) {
		uint16_t key = rd_u16(&rdata);
		struct rd value = rd_sub(&rdata, rd_u16(&rdata));
		size_t len = key == SVC_IPV4HINT ? 4 : 16;
		if (key != SVC_IPV4HINT && key != SVC_IPV6HINT)
			continue;
		while (rd_left(&value) >= len)
			read_address(r, rr, ttl_s, rd_bytes(&value, len), len);
	}
}

static void read_record(struct reading *r, const struct rd *message, const struct msg_rr *rr, uint32_t ttl_s)
{
	struct rd rdata = *message, at = *message;

	at.pos = rdata.pos = rr->rdata_pos;
	rdata = rd_sub(&rdata, rr->rdata_len);
	if (!rd_ok(&rdata))
		return;
	switch (rr->type) {
	case RRTYPE_CNAME:
		read_target(r, REHEARSE_CNAME, rr, ttl_s, at);
		break;
	case RRTYPE_A:
		if (rr->rdata_len == 4)
			read_address(r, rr, ttl_s, rd_bytes(&rdata, 4), 4);
		break;
	case RRTYPE_AAAA:
		if (rr->rdata_len == 16)
			read_address(r, rr, ttl_s, rd_bytes(&rdata, 16), 16);
		break;
	case RRTYPE_HTTPS:
	case RRTYPE_SVCB:
		read_service(r, rr, ttl_s, rdata);
		break;
	default:
		break;
	}
}

static void read_response(struct reading *r, const struct name *name, const struct response *response, enum answer_age age)
{
	struct ttl_rule rule = answer_ttl_rule(r->s, response, age, r->left_s);
	struct laid_out m = answer_lay_out(r->s, name, response);
	struct rd message = rd_init(m.bytes, m.len);
	struct msg_rr rr;

	rd_skip(&message, m.body_at);
	for (unsigned i = 0; i < response->ancount; i++) {
		if (unlikely_bug(!msg_read_rr(&message, &rr))) /* distill wrote it */
			return;
		read_record(r, &message, &rr, answer_ttl(&rule, rr.ttl_s));
	}
}

/* The last link of a chain that other servers have the rest of. */
static bool next_name(const struct rehearsal *ret, size_t first, struct name *at)
{
	for (size_t i = ret->step_count; i-- > first;) {
		if (ret->steps[i].kind != REHEARSE_CNAME)
			continue;
		*at = ret->steps[i].target;
		return true;
	}
	return false;
}

/* What the cache has of name's answer, from one route's servers to the other's (trail.h). */
static void read_chain(struct reading *r, const struct name *name)
{
	struct rehearsal *ret = r->ret;
	struct name at = *name;

	for (unsigned part = 0; part <= TRAIL_STEPS_MAX; part++) {
		struct cache_key key = {
		    .name = &at, .type = r->type, .class = RRCLASS_IN, .servers = r->servers, .no_prefetch = true};
		struct response response;
		struct here here;
		size_t first = ret->step_count;
		if (part > 0 && names_answer(r->s->world, &at, r->type, false, &here))
			return;
		cache_hash(r->s->cache, &key);
		enum cache_find found = lookup(r->s, &key, &response);
		if (part == 0)
			ret->cached = found == CACHE_MISS ? REHEARSE_MISS : found == CACHE_STALE ? REHEARSE_STALE : REHEARSE_FRESH;
		if (found == CACHE_MISS) {
			ret->has_missing = true;
			ret->missing = at;
			return;
		}
		read_response(r, &at, &response, found == CACHE_STALE ? ANSWER_AGE_STALE : ANSWER_AGE_FRESH);
		if ((response.flags & RESPONSE_CUT) == 0 || !next_name(ret, first, &at))
			return;
	}
}

/* Is the answer looked for at all? Not where the name itself decides all. */
static bool is_sought(const struct rehearsal *ret, const struct act *act)
{
	switch ((unsigned)ret->fate) {
	case COUNTER_CACHED:
	case COUNTER_STALE:
	case COUNTER_FORWARDED:
	case COUNTER_FAILED:
		return true;
	case COUNTER_LOCAL:
		return act->rewrite.on;
	case COUNTER_BLOCKED:
		return act->kind != VERDICT_BLOCKED || act->rewrite.on;
	default:
		return false;
	}
}

/* From the name asked to where it was led. left_s: the most that its TTL may be. */
static void put_led(struct service *s, const struct rehearse_question *what, const struct rewrite *rewrite, uint32_t left_s,
		    struct rehearsal *ret)
{
	struct local_links links = {.count = 0};
	struct rehearse_step *step;
	struct name owner = *what->name;

	if (rewrite->kind == REWRITE_RECORD)
		(void)local_follow(s->world, what->name, what->type, what->client != NULL && addr_is_loopback(what->client),
				   &links);
	for (unsigned i = 0; i < links.count; i++) {
		if ((step = step_add(ret)) != NULL)
			*step = (struct rehearse_step){
			    .kind = REHEARSE_RECORD, .type = RRTYPE_CNAME, .ttl_s = links.cnames[i]->ttl_s, .owner = owner};
		local_target(links.cnames[i], &owner);
		if (step != NULL)
			step->target = owner;
	}
	if (links.count == 0 && (step = step_add(ret)) != NULL)
		*step = (struct rehearse_step){.kind = rewrite->kind == REWRITE_ENTRY ? REHEARSE_ENTRY : REHEARSE_RECORD,
					       .type = RRTYPE_CNAME,
					       .ttl_s = MIN(s->world->settings->block_ttl_s, left_s),
					       .owner = *what->name,
					       .target = rewrite->to};
}

static void read_steps(struct service *s, const struct rehearse_question *what, const struct act *act, struct rehearsal *ret)
{
	struct reading r = {.s = s,
			    .ret = ret,
			    .type = what->type,
			    .servers = act->servers,
			    .left_s = act->left_s,
			    .judged = !(act->kind == VERDICT_ALLOWED && act->mandatory)};
	struct here here;

	if (!is_sought(ret, act))
		return;
	if (!act->rewrite.on || act->rewrite.by_answer)
		read_chain(&r, what->name);
	if (!act->rewrite.on)
		return;
	if (act->rewrite.kind == REWRITE_RECORD)
		r.left_s = UINT32_MAX; /* no list is asked about it: query_led_left_s */
	put_led(s, what, &act->rewrite, r.left_s, ret);
	r.judged = false;
	if (!names_answer(s->world, &act->rewrite.to, what->type, false, &here))
		read_chain(&r, &act->rewrite.to);
}

/* ---- the whole ---- */

static void walk(struct service *s, const struct rehearse_question *what, struct act *act)
{
	struct query q;

	memset(&q, 0, sizeof(q));
	q.via = what->structured ? &nobody_else : &nobody;
	q.via_data = act;
	q.listener = QUERY_LISTENER_NONE;
	if (what->client != NULL) {
		q.peer = *what->client;
		addr_set_port(&q.peer, 53); /* nobody asks from port 0 */
	}
	query_begin(&q, act->ret->query, act->ret->query_len);
	query_rehearse(s, &q, what->client != NULL);
	act->left_s = query_left_s(s, &q);
	(void)unlikely_bug(!act->ended);
}

void rehearse(const struct rehearse_question *what, struct rehearsal *ret)
{
	struct counters *counters = aligned_alloc(_Alignof(struct counters), sizeof(*counters));
	struct act act = {.ret = ret};

	must(counters != NULL);
	memset(counters, 0, sizeof(*counters));
	memset(ret, 0, sizeof(*ret));
	struct service *s = service_create(0, NULL, what->cache, NULL, counters);
	s->world = what->world;
	s->failures = what->failures;
	s->now_ms = clock_mono_ms();
	s->now_s = what->now_s;
	s->rehearses = true;
	s->grouped = s->world->masked;
	if (s->grouped)
		groups_refresh(s);
	write_query(what, ret);
	cache_enter(s->reader);
	walk(s, what, &act);
	ret->fate = fate_of(counters, &act);
	read_steps(s, what, &act, ret);
	cache_leave(s->reader);
	service_destroy(s);
	free(counters);
	set_rd(ret->query);
	if (ret->answer_len >= MSG_HEADER_LEN)
		set_rd(ret->answer);
}

void rehearse_block(const struct rehearse_question *question, const struct verdict *verdict, bool owns, struct policy_answer *ret)
{
	const struct block_for whom = {.qname = question->name,
				       .qtype = question->type,
				       .group = question->group,
				       .until_s = question->until_s,
				       .now_s = question->now_s};

	block_answer(question->world, &whom, verdict, owns, ret);
}
