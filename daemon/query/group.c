/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include <stdlib.h>

/* Of the worker's own endpoints: they are what the process was started with, whatever listen: says now. */
static void find_listeners(struct service *s, const struct settings *settings)
{
	for (size_t i = 0; i < s->listen_count; i++)
		s->listen_groups[i] = settings_group_of_listener(settings, &s->listen[i]);
}

/* Without groups there is one row all the same, for everybody: pauses are in it. */
static size_t row_count(const struct settings *settings)
{
	return MAX(settings->group_count, (size_t)1);
}

static void take_world(struct service *s, const struct settings *settings)
{
	const size_t count = row_count(settings);

	if (count > s->group_room) {
		s->groups = base_realloc(s->groups, count * sizeof(s->groups[0]));
		s->group_room = count;
	}
	find_listeners(s, settings);
	s->mandatory = pauses_mandatory(settings);
	for (size_t i = 0; i < count; i++)
		pauses_lists_now(s->world->pauses, settings, i, s->now_s, &s->groups[i]);
	s->groups_world = s->world->serial;
}

void groups_refresh(struct service *s)
{
	const struct settings *settings = s->world->settings;

	if (UNLIKELY(s->groups_world != s->world->serial)) {
		take_world(s, settings);
		return;
	}
	/* A clock that was set back is before from_s. */
	for (size_t i = 0; i < row_count(settings); i++)
		if (UNLIKELY(s->now_s >= s->groups[i].until_s || s->now_s < s->groups[i].from_s))
			pauses_lists_now(s->world->pauses, settings, i, s->now_s, &s->groups[i]);
}

/* A pause of the client, or of the name. */
static const struct pause *find_relief(const struct service *s, const struct query *q, const struct name *name)
{
	const struct pauses *pauses = s->world->pauses;

	if (pauses == NULL || !(pauses->has_clients || pauses->has_names))
		return NULL;
	return pauses_relieve(pauses, name, q->peer.len > 0 ? &q->peer : NULL, s->now_s);
}

void query_find_group(const struct service *s, struct query *q)
{
	const struct settings *settings = s->world->settings;
	uint16_t group = CLIENTS_NONE;

	if (settings->group_count > 0 && q->peer.len > 0)
		group = clients_find(settings->clients, &q->peer);
	if (group == CLIENTS_NONE)
		group = settings->group_count > 0 && q->listener < s->listen_count ? s->listen_groups[q->listener] : 0;
	q->group = group;
	const struct pause *relief = find_relief(s, q, q->has_question ? &q->name : NULL);
	q->relieved = relief != NULL;
	q->until_s = relief != NULL ? relief->until_s : SCHEDULE_NEVER;
}

const struct list_mask *query_lists_of_target(const struct service *s, struct query *q, const struct name *target)
{
	const struct pause *relief = q->relieved || LIKELY(!s->world->masked) ? NULL : find_relief(s, q, target);

	if (relief == NULL)
		return query_lists(s, q);
	q->until_s = MIN(q->until_s, relief->until_s);
	return &s->mandatory;
}
