/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/trail.h"

#include <stdlib.h>

#define RR_FIXED_AFTER_TTL 6 /* TTL and RDLENGTH */

const struct name *trail_at(const struct trail *t)
{
	return &t->at;
}

/* ---- life ---- */

static struct trail *trail_take(struct service *s)
{
	struct trail *t = s->spare_trails;

	if (s->trail_count >= TRAILS_MAX)
		return NULL;
	if (t != NULL) {
		s->spare_trails = t->next_free;
		s->spare_trail_count--;
	} else if ((t = malloc(sizeof(*t))) == NULL) {
		return NULL;
	}
	s->trail_count++;
	t->steps = 0;
	t->stale = t->asked = false;
	t->begun_ms = s->now_ms;
	t->links = (struct response){.body_len = 0};
	return t;
}

void trail_drop(struct service *s, struct query *q)
{
	struct trail *t = q->trail;

	if (t == NULL)
		return;
	q->trail = NULL;
	s->trail_count--;
	if (s->spare_trail_count >= TRAIL_SPARE_MAX) {
		free(t);
		return;
	}
	t->next_free = s->spare_trails;
	s->spare_trails = t;
	s->spare_trail_count++;
}

void trails_finish(struct service *s)
{
	while (s->spare_trails != NULL) {
		struct trail *t = s->spare_trails;
		s->spare_trails = t->next_free;
		free(t);
	}
}

/* ---- putting parts together ---- */

/* The message that is being made of them in the service's room, for the name that begins the chain. */
struct join {
	struct wr w;
	struct name_packer packer;
	size_t body_at;
	struct response_room *room;
	struct response *ret;
};

static void join_begin(struct join *j, struct service *s, const struct query *q, struct response *ret)
{
	j->room = &s->joined_room;
	j->ret = ret;
	j->w = wr_init(s->joined, MSG_LEN_MAX);
	(void)wr_room(&j->w, MSG_HEADER_LEN);
	name_packer_init(&j->packer);
	name_write(&j->w, query_base(q));
	name_packer_note(&j->packer, &j->w, MSG_HEADER_LEN);
	(void)wr_room(&j->w, 4);
	j->body_at = j->w.pos;
	*ret = (struct response){.ttl_pos = j->room->ttl_pos, .targets = j->room->targets, .body = s->joined + j->body_at};
}

/* One record. Targets are noted when it is of the answer. */
static bool join_put(struct join *j, const struct rd *in, const struct msg_rr *rr, uint32_t ttl_s, bool is_answer)
{
	struct response *ret = j->ret;
	size_t ttl_pos = 0;

	if (!msg_copy_rr(&j->w, &j->packer, in, rr, ttl_s, &ttl_pos) || j->w.full)
		return false;
	if (ret->ttl_count < CACHE_TTL_MAX_COUNT)
		j->room->ttl_pos[ret->ttl_count++] = (uint16_t)(ttl_pos - j->body_at);
	if (is_answer && rr->type == RRTYPE_CNAME) {
		if (ret->target_count == CACHE_TARGETS_MAX)
			return false;
		j->room->targets[ret->target_count++] = (uint16_t)(ttl_pos + RR_FIXED_AFTER_TTL - j->body_at);
	}
	return true;
}

/* The records of r, the answer for `name`, with their TTLs as sent less waited_s. */
static bool join_part(struct join *j, struct service *s, const struct name *name, const struct response *r, enum answer_age age,
		      uint32_t waited_s)
{
	struct ttl_rule rule = answer_ttl_rule(s, r, age, UINT32_MAX); /* what is sent of it has its own */
	struct laid_out m = answer_lay_out(s, name, r);
	struct rd rd = rd_init(m.bytes, m.len);

	rd_skip(&rd, m.body_at);
	for (unsigned i = 0; i < (unsigned)r->ancount + r->nscount; i++) {
		struct msg_rr rr;
		if (!msg_read_rr(&rd, &rr))
			return false;
		uint32_t ttl_s = answer_ttl(&rule, rr.ttl_s);
		if (!join_put(j, &rd, &rr, ttl_s > waited_s ? ttl_s - waited_s : 0, i < r->ancount))
			return false;
	}
	j->ret->ancount = (uint16_t)(j->ret->ancount + r->ancount);
	j->ret->nscount = r->nscount; /* the last part's: links have none */
	return true;
}

/* All that is on the trail, and r behind it. */
static bool join_all(struct service *s, const struct query *q, const struct response *r, enum answer_age age, struct response *ret)
{
	const struct trail *t = q->trail;
	struct join j;

	join_begin(&j, s, q, ret);
	if (t->links.ancount > 0 &&
	    !join_part(&j, s, query_base(q), &t->links, ANSWER_AGE_FRESH, (uint32_t)(MAX(s->now_ms - t->since_ms, 0) / 1000)))
		return false;
	if (!join_part(&j, s, t->links.ancount > 0 ? &t->at : query_base(q), r, age, 0))
		return false;
	ret->body_len = (uint32_t)(j.w.pos - j.body_at);
	ret->flags = r->flags;
	ret->negative = r->negative;
	return true;
}

/* ---- where it leads ---- */

static bool read_target(const struct laid_out *m, const struct response *r, size_t i, struct name *ret)
{
	struct rd rd = rd_init(m->bytes, m->len);

	rd_skip(&rd, m->body_at + r->targets[i]);
	if (unlikely_bug(!name_read(&rd, ret)))
		return false;
	name_fold(ret);
	return true;
}

/* The last target. False when the chain was there already. */
static bool find_next(struct service *s, const struct query *q, const struct response *r, struct name *ret)
{
	struct laid_out m = answer_lay_out(s, query_base(q), r);
	struct name other;

	if (r->target_count == 0 || !read_target(&m, r, r->target_count - 1u, ret) || name_eq(ret, query_base(q)))
		return false;
	for (size_t i = 0; i + 1 < r->target_count; i++)
		if (!read_target(&m, r, i, &other) || name_eq(ret, &other))
			return false;
	return true;
}

/* Take what is joined onto the trail. */
static bool trail_keep(struct service *s, struct trail *t, const struct response *r)
{
	if (r->body_len > TRAIL_BODY_MAX || r->ttl_count > TRAIL_TTLS_MAX)
		return false;
	response_copy(r, t->places, t->body);
	t->links = *r;
	t->links.flags = 0;
	t->links.ttl_pos = t->places;
	t->links.targets = t->places + r->ttl_count;
	t->links.body = t->body;
	t->since_ms = s->now_ms;
	return true;
}

/* Behind the last link nobody is asked: the name is one of those that are answered here (RFC 6761 and others), and nobody else's.
 */
static bool ends_here(const struct service *s, const struct query *q, const struct name *next, uint16_t *ret_rcode)
{
	struct here here;

	if (!names_answer(s->world, next, q->type, q->dnssec_ok, &here))
		return false;
	*ret_rcode = here.rcode;
	return true;
}

static enum trail_end trail_go(struct service *s, struct query *q, struct response *ret)
{
	struct trail *t = q->trail;
	struct name next;

	/* nobody waits for so long, and each question may take as much again */
	if (t->steps == TRAIL_STEPS_MAX || s->now_ms - t->begun_ms > s->world->settings->timeout_ms || !find_next(s, q, ret, &next))
		return TRAIL_LOST;
	if (ends_here(s, q, &next, &ret->flags)) {
		ret->negative = true;
		return TRAIL_WHOLE;
	}
	if (!trail_keep(s, t, ret))
		return TRAIL_LOST;
	t->at = next;
	t->steps++;
	return TRAIL_GOES_ON;
}

enum trail_end trail_add(struct service *s, struct query *q, const struct response *r, enum answer_age age, enum counter as,
			 struct response *ret, enum answer_age *ret_age, enum counter *ret_as)
{
	enum trail_end end = TRAIL_LOST;

	if (q->trail == NULL && (q->trail = trail_take(s)) == NULL)
		return TRAIL_NO_ROOM;
	struct trail *t = q->trail;
	t->stale = t->stale || age == ANSWER_AGE_STALE;
	t->asked = t->asked || as == COUNTER_FORWARDED;
	*ret_age = t->stale ? ANSWER_AGE_STALE : ANSWER_AGE_FRESH;
	*ret_as = t->stale ? COUNTER_STALE : t->asked ? COUNTER_FORWARDED : as;
	if (join_all(s, q, r, age, ret))
		end = (r->flags & RESPONSE_CUT) != 0 ? trail_go(s, q, ret) : TRAIL_WHOLE;
	if (end != TRAIL_GOES_ON)
		trail_drop(s, q);
	return end;
}
