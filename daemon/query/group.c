/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include <stdlib.h>

/* Of the worker's own endpoints: they are what the process was started with, whatever listen: says now. */
static void find_listeners(struct service *s, const struct settings *settings)
{
	for (size_t i = 0; i < s->listen_count; i++)
		s->listen_groups[i] = settings_group_of_listener(settings, &s->listen[i]);
}

static void take_world(struct service *s, const struct settings *settings)
{
	if (settings->group_count > s->group_room) {
		s->groups = base_realloc(s->groups, settings->group_count * sizeof(s->groups[0]));
		s->group_room = settings->group_count;
	}
	find_listeners(s, settings);
	for (size_t i = 0; i < settings->group_count; i++)
		schedule_now(settings, i, s->now_s, &s->groups[i]);
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
	for (size_t i = 0; i < settings->group_count; i++)
		if (UNLIKELY(s->now_s >= s->groups[i].until_s || s->now_s < s->groups[i].from_s))
			schedule_now(settings, i, s->now_s, &s->groups[i]);
}

void query_find_group(const struct service *s, struct query *q)
{
	uint16_t group = clients_find(s->world->settings->clients, &q->peer);

	if (group == CLIENTS_NONE)
		group = q->listener < s->listen_count ? s->listen_groups[q->listener] : 0;
	q->group = group;
}
