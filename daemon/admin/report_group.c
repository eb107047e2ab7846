/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_group.c - what is told of groups of clients: whose group a client is of, what acts for it, and why a list does not. */
#include "admin/report_part.h"
#include "ctl/proto.h"
#include "pausing.h"

#include <stdio.h>
#include <string.h>

#define PAUSED_TEXT "paused"

void explain_find_group(const struct generation *g, struct explain_question *q)
{
	const struct settings *s = g->settings;
	const uint16_t group = q->has_client && s->group_count > 0 ? clients_find(s->clients, &q->client) : CLIENTS_NONE;

	q->group = group == CLIENTS_NONE ? 0 : group; /* where it would ask is not known */
	q->paused = NULL;
	pauses_lists_now(g->pauses, s, q->group, q->at_s, &q->now);
	if (g->pauses == NULL)
		return;
	const struct pause *relief = pauses_relieve(g->pauses, &q->name, q->has_client ? &q->client : NULL, q->at_s);
	if (relief != NULL) {
		q->now.lists = pauses_mandatory(s);
		q->now.all = false;
		q->now.until_s = MIN(q->now.until_s, relief->until_s);
	}
	q->paused = relief != NULL ? relief : pauses_whole(g->pauses, s, q->group, q->at_s);
}

const struct list_mask *explain_lists(const struct explain_question *q)
{
	return q->now.all ? NULL : &q->now.lists;
}

const struct list_mask *explain_lists_of_target(const struct generation *g, const struct explain_question *q,
						const struct name *target, struct list_mask *room)
{
	const struct addr *client = q->has_client ? &q->client : NULL;

	if (g->pauses == NULL || pauses_relieve(g->pauses, target, client, q->at_s) == NULL)
		return explain_lists(q);
	*room = pauses_mandatory(g->settings);
	return room;
}

uint32_t report_safe_search(const struct generation *g, const struct explain_question *q)
{
	const struct settings *s = g->settings;
	return s->group_count > 0 ? s->groups[q->group].safe_search : s->safe_search;
}

static size_t place_of_list(const struct settings *s, struct str name)
{
	size_t at = 0;
	while (at < s->list_count && !str_eq_c(name, s->lists[at].name))
		at++;
	return at;
}

void report_group_reasons(const struct generation *g, const struct explain_question *q, struct policy_hit *hits, size_t count)
{
	const struct settings *s = g->settings;
	struct group_now unpaused;
	pauses_lists_now(NULL, s, q->group, q->at_s, &unpaused);
	for (size_t i = 0; i < count; i++) {
		if (hits[i].why_not != WHY_GROUP)
			continue;
		const size_t place = place_of_list(s, hits[i].entry.list);
		const char *why = NULL;
		if (list_mask_has(&unpaused.lists, place))
			why = PAUSED_TEXT;
		else if (s->group_count > 0 && list_mask_has(&s->groups[q->group].lists, place))
			why = "outside of the group's schedule";
		if (why != NULL)
			(void)snprintf(hits[i].why_not_text, sizeof(hits[i].why_not_text), "%s", why);
	}
}

void report_put_paused(json_t *object, const struct generation *g, const struct explain_question *q, const struct policy_hit *hits,
		       size_t count)
{
	const struct settings *s = g->settings;
	const struct pause *pause = q->paused;
	for (size_t i = 0; g->pauses != NULL && pause == NULL && i < count; i++) {
		const size_t place = place_of_list(s, hits[i].entry.list);
		if (strcmp(hits[i].why_not_text, PAUSED_TEXT) == 0 && place < s->list_count)
			pause = pauses_of_list(g->pauses, s->lists[place].name, q->at_s);
	}
	report_put(object, "paused", pause != NULL ? pausing_one_json(pause) : json_null());
}

/* acts: without those that act for nobody, as they are not read. */
static json_t *names_in_mask(const struct settings *s, const struct list_mask *mask, bool acts)
{
	json_t *array = json_array();
	for (size_t i = 0; i < s->list_count; i++)
		if (list_mask_has(mask, i) && (!acts || s->lists[i].mode != MODE_OFF))
			report_add(array, ctl_text(str_from(s->lists[i].name)));
	return array;
}

/* The prefix of the group that speaks for the client: the longest. */
static const char *client_text(const struct settings_group *group, const struct addr *client)
{
	const struct settings_client *best = NULL;
	for (size_t i = 0; i < group->client_count; i++) {
		const struct settings_client *c = &group->clients[i];
		if (!c->is_listener && prefix_holds(&c->prefix, client) && (best == NULL || c->prefix.bits > best->prefix.bits))
			best = c;
	}
	return best == NULL ? NULL : best->text;
}

static void put_next_change(json_t *object, const char *key, const struct settings *s, size_t group, int64_t now_s)
{
	const int64_t next_s = schedule_next_change(s, group, now_s);
	if (next_s == SCHEDULE_NEVER)
		report_put(object, key, json_null());
	else
		report_put_time(object, key, next_s);
}

void report_put_group(json_t *object, const struct generation *g, const struct explain_question *q)
{
	const struct settings *s = g->settings;
	if (s->group_count == 0) {
		report_put(object, "group", json_null());
		return;
	}
	const struct settings_group *group = &s->groups[q->group];
	report_put_word(object, "group", group->name);
	report_put_word(object, "group_by", q->has_client ? client_text(group, &q->client) : NULL);
	report_put(object, "group_lists", names_in_mask(s, &group->lists, false));
	report_put(object, "group_active", names_in_mask(s, &q->now.lists, true));
	put_next_change(object, "group_next_change", s, q->group, q->at_s);
}

static json_t *one_group(const struct generation *g, size_t at, int64_t now_s)
{
	const struct settings *s = g->settings;
	const struct settings_group *group = &s->groups[at];
	json_t *object = json_object(), *clients = json_array();
	struct group_now now;
	pauses_lists_now(g->pauses, s, at, now_s, &now);
	for (size_t i = 0; i < group->client_count; i++)
		report_add(clients, ctl_text(str_from(group->clients[i].text)));
	report_put_word(object, "name", group->name);
	report_put(object, "clients", clients);
	report_put(object, "lists", names_in_mask(s, &group->lists, false));
	report_put(object, "active", names_in_mask(s, &now.lists, true));
	put_next_change(object, "next_change", s, at, now_s);
	return object;
}

json_t *report_groups(const struct generation *g, int64_t now_s)
{
	json_t *array = json_array();
	/* the default one last, as it is of who is left */
	for (size_t i = 1; i < g->settings->group_count; i++)
		report_add(array, one_group(g, i, now_s));
	if (g->settings->group_count > 0)
		report_add(array, one_group(g, 0, now_s));
	return array;
}
