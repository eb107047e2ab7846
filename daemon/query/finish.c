/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/trail.h"

static void query_end(struct service *s, struct query *q)
{
	if (UNLIKELY(q->trail != NULL))
		trail_drop(s, q);
	if (q->serial != 0)
		slot_free(s, q);
}

void query_finish(struct service *s, struct query *q, enum counter as)
{
	counters_add(s->counters, as);
	q->via->send(q, s->out, s->out_len);
	query_end(s, q);
}

void query_drop(struct service *s, struct query *q, enum counter as)
{
	counters_add(s->counters, as);
	if (q->via->dropped != NULL)
		q->via->dropped(q);
	query_end(s, q);
}

void query_count_shadow(struct service *s, const struct verdict *v)
{
	uint16_t number = s->world->list_numbers[v->shadow_list];

	counters_add(s->counters, COUNTER_SHADOWED);
	if (number < SETTINGS_LISTS_MAX)
		counters_bump(&s->counters->list_shadowed[number]);
}

void query_count_list(struct service *s, const struct verdict *v)
{
	uint16_t number = s->world->list_numbers[v->list];

	if (number < SETTINGS_LISTS_MAX)
		counters_bump(&s->counters->list_blocked[number]);
}
