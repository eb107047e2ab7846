/* SPDX-License-Identifier: BSD-2-Clause */
#include "generation.h"

#include "settings/load.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A policy, settings or upstreams that one or more generations share; counted on the main thread alone. */
struct part {
	unsigned refs;
	void *ptr;
	void (*destroy)(void *ptr);
};

struct node {
	struct generation g;
	struct node *next;					      /* newer */
	struct part *policy, *settings, *upstreams, *locals, *pauses; /* locals and pauses may be NULL */
	void (*done)(void *arg);
	void *arg;
};

/* What a worker says, each on a cache line of its own. */
struct ack {
	_Alignas(64) _Atomic uint64_t seen; /* serves by this serial */
	_Atomic uint64_t released;	    /* has nothing under way with a lower one */
};

struct generations {
	_Atomic(struct node *) current;
	struct node *oldest, *newest;
	struct pauses *first_pauses; /* owned; for the first world */
	unsigned workers;
	struct ack *acks;
	void (*nudge)(void *arg, unsigned worker);
	void (*settled)(void *arg);
	void *arg;
	void (*before_close)(void *arg);
	void *before_close_arg;
	struct part *locals; /* of the next publication; NULL: none */
	/* names of lists ever seen -> stable numbers, so that counts survive a reload that reorders them */
	char *list_names[SETTINGS_LISTS_MAX];
	size_t list_count;
};

static void destroy_policy(void *ptr)
{
	policy_close(ptr);
}

static void destroy_settings(void *ptr)
{
	settings_destroy(ptr);
}

static void destroy_upstreams(void *ptr)
{
	upstreams_destroy(ptr);
}

static void destroy_pauses(void *ptr)
{
	pauses_destroy(ptr);
}

static void destroy_locals(void *ptr)
{
	locals_destroy(ptr);
}

static struct part *part_create(void *ptr, void (*destroy)(void *ptr))
{
	struct part *p = base_alloc(sizeof(*p));

	*p = (struct part){.refs = 1, .ptr = ptr, .destroy = destroy};
	return p;
}

static void part_unref(struct part **p)
{
	if (*p != NULL && --(*p)->refs == 0) {
		(*p)->destroy((*p)->ptr);
		free(*p);
	}
	*p = NULL;
}

/* The new part, or the one of the present generation. */
static struct part *part_next(void *ptr, void (*destroy)(void *ptr), struct part *present)
{
	if (ptr != NULL)
		return part_create(ptr, destroy);
	if (present != NULL)
		present->refs++;
	return present;
}

struct generations *generations_create(unsigned workers, void (*nudge)(void *arg, unsigned worker), void (*settled)(void *arg),
				       void *arg)
{
	struct generations *gs = base_alloc(sizeof(*gs));

	gs->workers = workers;
	gs->nudge = nudge;
	gs->settled = settled;
	gs->arg = arg;
	must(posix_memalign((void **)&gs->acks, 64, workers * sizeof(struct ack)) == 0);
	memset(gs->acks, 0, workers * sizeof(struct ack));
	return gs;
}

static void node_destroy(struct node *n)
{
	part_unref(&n->policy);
	part_unref(&n->settings);
	part_unref(&n->upstreams);
	part_unref(&n->pauses);
	part_unref(&n->locals);
	free(n);
}

void generations_destroy(struct generations *gs)
{
	if (gs == NULL)
		return;
	for (struct node *n = gs->oldest, *next; n != NULL; n = next) {
		next = n->next;
		node_destroy(n);
	}
	for (size_t i = 0; i < gs->list_count; i++)
		free(gs->list_names[i]);
	pauses_destroy(gs->first_pauses);
	part_unref(&gs->locals);
	free(gs->acks);
	free(gs);
}

int generation_list_number(const struct generations *gs, struct str list_name)
{
	for (size_t i = 0; i < gs->list_count; i++) {
		if (str_eq_c(list_name, gs->list_names[i]))
			return (int)i;
	}
	return -1;
}

static uint16_t list_number_take(struct generations *gs, struct str name)
{
	int number = generation_list_number(gs, name);

	if (number >= 0)
		return (uint16_t)number;
	if (gs->list_count == SETTINGS_LISTS_MAX)
		return SETTINGS_LISTS_MAX; /* so many names came and went that this one is not counted */
	gs->list_names[gs->list_count] = str_dup(name);
	return (uint16_t)gs->list_count++;
}

static void number_lists(struct generations *gs, struct generation *g)
{
	struct policy_info info;

	for (size_t i = 0; i < SETTINGS_LISTS_MAX; i++)
		g->list_numbers[i] = SETTINGS_LISTS_MAX;
	if (g->policy == NULL)
		return;
	policy_info(g->policy, 0, &info);
	for (size_t i = 0; i < info.list_count && i < SETTINGS_LISTS_MAX; i++) {
		struct policy_list list;
		policy_list(g->policy, (uint16_t)i, 0, &list);
		g->list_numbers[i] = list_number_take(gs, list.name);
	}
}

void generation_give_locals(struct generations *gs, struct locals *locals)
{
	part_unref(&gs->locals);
	if (locals != NULL)
		gs->locals = part_create(locals, destroy_locals);
}

static void publish(struct generations *gs, struct policy *policy, struct settings *settings, struct upstreams *upstreams,
		    struct pauses *pauses, void (*done)(void *arg), void *arg)
{
	struct node *n = base_alloc(sizeof(*n));
	struct node *present = gs->newest;

	n->policy = part_next(policy, destroy_policy, present == NULL ? NULL : present->policy);
	n->settings = part_next(settings, destroy_settings, present == NULL ? NULL : present->settings);
	n->upstreams = part_next(upstreams, destroy_upstreams, present == NULL ? NULL : present->upstreams);
	n->pauses = part_next(pauses, destroy_pauses, present == NULL ? NULL : present->pauses);
	must(n->policy != NULL && n->settings != NULL && n->upstreams != NULL); /* the first publication is whole */
	n->g.serial = present == NULL ? 1 : present->g.serial + 1;
	n->g.policy = n->policy->ptr;
	n->g.settings = n->settings->ptr;
	n->g.upstreams = n->upstreams->ptr;
	n->g.pauses = n->pauses == NULL ? NULL : n->pauses->ptr;
	n->g.masked = n->g.settings->group_count > 0 || (n->g.pauses != NULL && n->g.pauses->count > 0);
	n->locals = part_next(NULL, NULL, gs->locals);
	n->g.locals = n->locals == NULL ? NULL : n->locals->ptr;
	n->g.locals_sieve = locals_sieve(n->g.locals);
	n->done = done;
	n->arg = arg;
	number_lists(gs, &n->g);
	identity_make(n->g.policy, &n->g.identity);
	if (present == NULL)
		gs->oldest = n;
	else
		present->next = n;
	gs->newest = n;
	atomic_store_explicit(&gs->current, n, memory_order_release);
	for (unsigned i = 0; i < gs->workers; i++)
		gs->nudge(gs->arg, i);
}

void generation_publish(struct generations *gs, struct policy *policy, struct settings *settings, struct upstreams *upstreams,
			void (*done)(void *arg), void *arg)
{
	struct pauses *pauses = gs->first_pauses;

	gs->first_pauses = NULL;
	publish(gs, policy, settings, upstreams, pauses, done, arg);
}

void generation_pause(struct generations *gs, struct pauses *pauses, void (*done)(void *arg), void *arg)
{
	if (gs->newest != NULL) {
		publish(gs, NULL, NULL, NULL, pauses, done, arg);
		return;
	}
	pauses_destroy(gs->first_pauses);
	gs->first_pauses = pauses;
}

const struct generation *generation_current(const struct generations *gs)
{
	return gs->newest == NULL ? NULL : &gs->newest->g;
}

const struct policy *generation_policy(const struct generations *gs, uint64_t serial)
{
	for (const struct node *n = gs->oldest; n != NULL; n = n->next) {
		if (n->g.serial == serial)
			return n->policy == NULL ? NULL : n->policy->ptr;
	}
	return NULL;
}

const struct settings *generation_settings(const struct generations *gs, uint64_t serial)
{
	for (const struct node *n = gs->oldest; n != NULL; n = n->next) {
		if (n->g.serial == serial)
			return n->policy == NULL || n->settings == NULL ? NULL : n->settings->ptr;
	}
	return NULL;
}

void generations_before_close(struct generations *gs, void (*fn)(void *arg), void *arg)
{
	gs->before_close = fn;
	gs->before_close_arg = arg;
}

static uint64_t least(const struct generations *gs, bool released)
{
	uint64_t min = UINT64_MAX;

	for (unsigned i = 0; i < gs->workers; i++) {
		uint64_t v = atomic_load_explicit(released ? &gs->acks[i].released : &gs->acks[i].seen, memory_order_acquire);
		min = MIN(min, v);
	}
	return min;
}

/* One callback whose generation everybody serves by, taken off so that it is called once; it may publish anew. */
static bool call_one_done(struct generations *gs, uint64_t seen)
{
	for (struct node *n = gs->oldest; n != NULL && n->g.serial <= seen; n = n->next) {
		void (*done)(void *arg) = n->done;
		n->done = NULL;
		if (done != NULL) {
			done(n->arg);
			return true;
		}
	}
	return false;
}

void generations_collect(struct generations *gs)
{
	uint64_t seen = least(gs, false);
	uint64_t released = least(gs, true);

	/* A policy goes when everybody serves by a newer generation; the rest when nobody has an ask under way with it. */
	for (struct node *n = gs->oldest; n != NULL && n->next != NULL && n->next->g.serial <= seen; n = n->next) {
		if (n->policy != NULL && gs->before_close != NULL)
			gs->before_close(gs->before_close_arg);
		part_unref(&n->policy);
	}
	while (call_one_done(gs, seen))
		continue;
	while (gs->oldest != NULL && gs->oldest->next != NULL && gs->oldest->next->g.serial <= MIN(seen, released)) {
		struct node *n = gs->oldest;
		gs->oldest = n->next;
		node_destroy(n);
	}
}

const struct generation *generation_adopt(struct generations *gs, unsigned worker)
{
	struct node *n = atomic_load_explicit(&gs->current, memory_order_acquire);

	if (n == NULL)
		return NULL;
	if (atomic_load_explicit(&gs->acks[worker].seen, memory_order_relaxed) != n->g.serial) {
		atomic_store_explicit(&gs->acks[worker].seen, n->g.serial, memory_order_release);
		gs->settled(gs->arg);
	}
	return &n->g;
}

void generation_release(struct generations *gs, unsigned worker, uint64_t serial)
{
	if (atomic_load_explicit(&gs->acks[worker].released, memory_order_relaxed) == serial)
		return;
	atomic_store_explicit(&gs->acks[worker].released, serial, memory_order_release);
	gs->settled(gs->arg);
}
