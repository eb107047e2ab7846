/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/closure.h"

#include <stdlib.h>
#include <string.h>

/* A round through the lists. */
struct round {
	const struct plan_wish *wish;
	struct plan *plan;
	struct lookout lookout;
	struct intern seen; /* list number and name of what is lifted or left */
	struct buf key;
	bool lifts; /* what is found is lifted; else left */
};

static void round_begin(struct round *r, const struct plan_wish *wish, struct plan *plan)
{
	*r = (struct round){.wish = wish, .plan = plan};
	lookout_init(&r->lookout);
	intern_init(&r->seen);
	for (size_t i = 0; i < wish->count; i++)
		lookout_name(&r->lookout, &wish->names[i]);
}

static void round_end(struct round *r)
{
	lookout_finish(&r->lookout);
	intern_finish(&r->seen);
	buf_finish(&r->key);
}

static bool is_new(struct round *r, const struct blocker *b)
{
	const uint32_t list = (uint32_t)b->list;
	bool ret = false;
	buf_reset(&r->key);
	buf_add(&r->key, &list, sizeof(list));
	buf_add(&r->key, b->name.wire, b->name.len);
	(void)intern_add(&r->seen, r->key.ptr, r->key.len, &ret);
	return ret;
}

static void keep(struct blocker **items, size_t *count, size_t *cap, const struct blocker *one)
{
	if (*count == *cap) {
		*cap = *cap * 2 + 16;
		*items = base_realloc(*items, *cap * sizeof(**items));
	}
	(*items)[*count] = *one;
	(*items)[(*count)++].wide = blocker_is_wide(&one->name);
}

static void leave(struct plan *plan, const struct blocker *one)
{
	if (plan->left_count < CLOSURE_LEFT_MAX)
		keep(&plan->left, &plan->left_count, &plan->left_cap, one);
	else
		plan->left_more++;
}

/* Another entry of a list and name that is known: what is lifted is the name, with all its entries there. */
static void add_to(struct blocker *items, size_t count, const struct blocker *one)
{
	for (size_t i = 0; one->below && i < count; i++)
		items[i].below |= items[i].list == one->list && name_eq(&items[i].name, &one->name);
}

static bool on_own(void *arg, const struct blocker *one)
{
	struct round *r = arg;
	struct plan *plan = r->plan;
	if (one->relation != RELATION_SAME || (r->wish->list != SIZE_MAX && r->wish->list != one->list))
		return true;
	if (is_new(r, one))
		keep(&plan->lift, &plan->lift_count, &plan->lift_cap, one);
	else
		add_to(plan->lift, plan->lift_count, one);
	return true;
}

/* A name that the user typed is meant, however wide; what is only found is not lifted when it is wide. */
static bool on_further(void *arg, const struct blocker *one)
{
	struct round *r = arg;
	struct plan *plan = r->plan;
	if (!is_new(r, one)) {
		add_to(plan->lift, plan->lift_count, one);
		return true;
	}
	if (!r->lifts || (!r->wish->force && one->relation != RELATION_SAME && blocker_is_wide(&one->name))) {
		leave(plan, one);
		return true;
	}
	if (plan->lift_count - plan->own_count >= CLOSURE_MAX && !r->wish->force) {
		plan->too_many = true;
		return false;
	}
	keep(&plan->lift, &plan->lift_count, &plan->lift_cap, one);
	return true;
}

/* The siblings of what was asked for belong to the service, too: what blocks those is looked for. What was only found above or
 * below is none: what else lies there, or stands in its list, is another's. */
static bool look_for_siblings(struct round *r, size_t from)
{
	bool any = false;
	for (size_t i = from; i < r->plan->lift_count; i++) {
		if (!r->plan->lift[i].sibling)
			continue;
		lookout_name(&r->lookout, &r->plan->lift[i].name);
		any = true;
	}
	return any;
}

void plan_make(const struct blockers *b, const struct plan_wish *wish, struct plan *ret)
{
	struct round r;
	*ret = (struct plan){.lift = NULL};
	round_begin(&r, wish, ret);
	blockers_walk(b, &r.lookout, on_own, &r);
	ret->own_count = ret->lift_count;
	r.lifts = true;
	for (size_t i = 0; wish->closure && i < ret->own_count; i++)
		lookout_siblings(&r.lookout, b, &ret->lift[i]);
	if (wish->closure)
		blockers_walk(b, &r.lookout, on_further, &r);
	if (wish->closure && !ret->too_many && look_for_siblings(&r, ret->own_count))
		blockers_walk(b, &r.lookout, on_further, &r);
	round_end(&r);
}

void plan_look_round(const struct blockers *b, const struct plan_wish *wish, struct plan *plan)
{
	struct round r;
	if (wish->closure)
		return; /* all that was found is lifted, or left already */
	round_begin(&r, wish, plan);
	for (size_t i = 0; i < plan->lift_count; i++)
		(void)is_new(&r, &plan->lift[i]);
	for (size_t i = 0; i < MIN(plan->lift_count, (size_t)CLOSURE_MAX); i++) {
		lookout_name(&r.lookout, &plan->lift[i].name);
		lookout_siblings(&r.lookout, b, &plan->lift[i]);
	}
	blockers_walk(b, &r.lookout, on_further, &r);
	round_end(&r);
}

static bool on_target(void *arg, const struct blocker *found)
{
	struct round *r = arg;
	struct plan *plan = r->plan;
	struct blocker one = *found;
	if (one.relation != RELATION_SAME && one.relation != RELATION_PARENT)
		return true;
	if (one.relation == RELATION_SAME && one.match == MATCH_SUBDOMAINS)
		return true; /* the name itself is free */
	if (!is_new(r, &one)) {
		add_to(plan->lift, plan->lift_count, &one);
		return true;
	}
	one.relation = RELATION_TARGET;
	if (!r->wish->force && blocker_is_wide(&one.name)) {
		leave(plan, &one);
		return true;
	}
	if (plan->lift_count - plan->own_count >= CLOSURE_MAX && !r->wish->force) {
		plan->too_many = true;
		return false;
	}
	keep(&plan->lift, &plan->lift_count, &plan->lift_cap, &one);
	return true;
}

void plan_add_targets(const struct blockers *b, const struct plan_wish *wish, struct plan *plan)
{
	struct round r;
	round_begin(&r, wish, plan);
	for (size_t i = 0; i < plan->lift_count; i++)
		(void)is_new(&r, &plan->lift[i]);
	for (size_t i = 0; i < plan->left_count; i++)
		(void)is_new(&r, &plan->left[i]);
	blockers_walk(b, &r.lookout, on_target, &r);
	round_end(&r);
}

void plan_finish(struct plan *plan)
{
	free(plan->lift);
	free(plan->left);
	*plan = (struct plan){.lift = NULL};
}
