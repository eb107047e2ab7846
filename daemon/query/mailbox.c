/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct mailbox {
	pthread_mutex_t lock;
	struct letter *first, **last;
};

struct outcome *outcome_create(enum pool_outcome outcome, const struct response *response)
{
	static const struct response none = {.body = NULL};
	const struct response *r = response == NULL ? &none : response;
	size_t places_size = ((size_t)r->ttl_count + r->target_count) * sizeof(uint16_t);
	struct outcome *o = malloc(sizeof(*o) + places_size + r->body_len);

	if (o == NULL)
		return NULL;
	atomic_init(&o->refs, 1);
	o->outcome = outcome;
	o->response = *r;
	uint8_t *body = (uint8_t *)o->places + places_size;
	response_copy(r, o->places, body);
	o->response.ttl_pos = o->places;
	o->response.targets = o->places + r->ttl_count;
	o->response.body = body;
	return o;
}

void outcome_ref(struct outcome *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
}

void outcome_unref(struct outcome *o)
{
	if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) == 1)
		free(o);
}

struct mailbox *mailbox_create(void)
{
	struct mailbox *m = base_alloc(sizeof(*m));

	must(pthread_mutex_init(&m->lock, NULL) == 0);
	m->last = &m->first;
	return m;
}

void mailbox_destroy(struct mailbox *m)
{
	if (m == NULL)
		return;
	for (struct letter *l = mailbox_take(m), *next; l != NULL; l = next) {
		next = l->next;
		letter_destroy(l);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

bool mailbox_post(struct mailbox *m, const struct inflight_waiter *waiter, struct outcome *outcome)
{
	struct letter *l = malloc(sizeof(*l));

	if (l == NULL)
		return false;
	outcome_ref(outcome);
	*l = (struct letter){.waiter = *waiter, .outcome = outcome};
	pthread_mutex_lock(&m->lock);
	*m->last = l;
	m->last = &l->next;
	pthread_mutex_unlock(&m->lock);
	return true;
}

struct letter *mailbox_take(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	struct letter *all = m->first;
	m->first = NULL;
	m->last = &m->first;
	pthread_mutex_unlock(&m->lock);
	return all;
}

void letter_destroy(struct letter *l)
{
	outcome_unref(l->outcome);
	free(l);
}
