/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What acts is told by the clock on the wall alone: hours that a day does not have are not there, and those that it has twice are
 * there twice. So there is one function that says what acts at a second; when that changes is found by asking it at the few seconds
 * at which it can: where the clock shows an edge, and where the clock itself is set. */
#include "settings/schedule.h"

#include "settings/zone.h"

#include <string.h>

#define DAY_S INT64_C(86400)
#define AHEAD_DAYS 9	      /* a week has all there is, but for dates and for what a clock that is set can do */
#define EDGES_MAX 256	      /* looked at before it is said that nothing changes for now */
#define REPORT_ROUNDS_MAX 100 /* of AHEAD_DAYS: over two years */

/* --- at a second --- */

static int64_t floor_day(int64_t s)
{
	return s >= 0 ? s / DAY_S : -((-s + DAY_S - 1) / DAY_S);
}

/* Does anything begin on that day? */
static bool has_day(const struct settings_schedule *rule, int64_t day)
{
	const unsigned weekday = (unsigned)((day % 7 + 10) % 7); /* 1970-01-01 was a Thursday; 0 is Monday */
	bool has = rule->date_count == 0;
	for (size_t i = 0; i < rule->date_count && !has; i++)
		has = day >= rule->dates[i].first_day && day <= rule->dates[i].last_day;
	return has && (rule->days >> weekday & 1) != 0;
}

static bool is_over_midnight(const struct settings_hours *h)
{
	return h->to_min < h->from_min;
}

static bool rule_acts(const struct settings_schedule *rule, int64_t now_s)
{
	const int64_t wall_s = now_s + zone_offset(rule->zone, now_s), day = floor_day(wall_s);
	const int64_t minute = (wall_s - day * DAY_S) / 60;
	const bool today = has_day(rule, day), yesterday = has_day(rule, day - 1);
	bool acts = rule->hours_count == 0 && today;
	for (size_t i = 0; i < rule->hours_count && !acts; i++) {
		const struct settings_hours *h = &rule->hours[i];
		if (is_over_midnight(h))
			acts = (today && minute >= h->from_min) || (yesterday && minute < h->to_min);
		else
			acts = today && minute >= h->from_min && minute < h->to_min;
	}
	return acts;
}

static struct list_mask lists_at(const struct settings_group *g, int64_t now_s)
{
	struct list_mask named = {{0}}, acting = {{0}}, ret;
	for (size_t i = 0; i < g->schedule_count; i++) {
		const struct settings_schedule *rule = &g->schedule[i];
		const uint64_t acts = rule_acts(rule, now_s) ? UINT64_MAX : 0;
		for (size_t w = 0; w < ARRAY_LEN(named.words); w++) {
			named.words[w] |= rule->lists.words[w];
			acting.words[w] |= rule->lists.words[w] & acts;
		}
	}
	for (size_t w = 0; w < ARRAY_LEN(ret.words); w++)
		ret.words[w] = (g->lists.words[w] & ~named.words[w]) | acting.words[w];
	return ret;
}

/* --- when it changes --- */

/* The earlier of *next and the first second behind now_s that the clock of that zone shows wall_s at. It may show it twice. */
static void note_edge(const struct time_zone *zone, int64_t wall_s, int64_t now_s, int64_t *next)
{
	const int32_t offsets[] = {zone_offset(zone, wall_s - DAY_S), zone_offset(zone, wall_s + DAY_S)};
	for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
		const int64_t at_s = wall_s - offsets[i];
		if (at_s > now_s && at_s < *next)
			*next = at_s;
	}
}

/* The first second behind now_s at which the rule could say something else, or end_s. */
static int64_t rule_edge(const struct settings_schedule *rule, int64_t now_s, int64_t end_s)
{
	const int64_t first = floor_day(now_s + zone_offset(rule->zone, now_s)) - 1;
	int64_t next = MIN(end_s, zone_next_change(rule->zone, now_s));
	/* the edges of a day are all that a later day could bring; two of them, as the clock may be set */
	for (int64_t day = first; day <= first + AHEAD_DAYS + 1 && (day - 2) * DAY_S - DAY_S < next; day++) {
		if (!has_day(rule, day))
			continue;
		if (rule->hours_count == 0) {
			note_edge(rule->zone, day * DAY_S, now_s, &next);
			note_edge(rule->zone, (day + 1) * DAY_S, now_s, &next);
		}
		for (size_t i = 0; i < rule->hours_count; i++) {
			const struct settings_hours *h = &rule->hours[i];
			const int64_t to_day = day + is_over_midnight(h);
			note_edge(rule->zone, day * DAY_S + h->from_min * 60, now_s, &next);
			note_edge(rule->zone, to_day * DAY_S + h->to_min * 60, now_s, &next);
		}
	}
	return next;
}

static int64_t group_edge(const struct settings_group *g, int64_t now_s, int64_t end_s)
{
	int64_t next = end_s;
	for (size_t i = 0; i < g->schedule_count; i++)
		next = rule_edge(&g->schedule[i], now_s, next);
	return next;
}

/* Until when the group has these lists, which it has at now_s; *ret_changes: then it has others, else nobody looked further. */
static int64_t lasts_until(const struct settings_group *g, const struct list_mask *lists, int64_t now_s, bool *ret_changes)
{
	const int64_t end_s = now_s + AHEAD_DAYS * DAY_S;
	int64_t at_s = now_s;
	*ret_changes = false;
	for (unsigned i = 0; i < EDGES_MAX && at_s < end_s; i++) {
		at_s = group_edge(g, at_s, end_s);
		const struct list_mask then = lists_at(g, at_s);
		if (!list_mask_eq(lists, &then)) {
			*ret_changes = true;
			break;
		}
	}
	return at_s;
}

void schedule_now(const struct settings *s, size_t group, int64_t now_s, struct group_now *ret)
{
	const struct settings_group *g = &s->groups[group];
	const struct list_mask all = list_mask_all(s->list_count);
	bool changes;
	*ret = (struct group_now){.lists = g->lists, .from_s = INT64_MIN, .until_s = SCHEDULE_NEVER};
	if (g->schedule_count > 0) {
		ret->lists = lists_at(g, now_s);
		ret->from_s = now_s;
		ret->until_s = lasts_until(g, &ret->lists, now_s, &changes);
	}
	ret->all = list_mask_eq(&ret->lists, &all);
}

int64_t schedule_next_change(const struct settings *s, size_t group, int64_t now_s)
{
	const struct settings_group *g = &s->groups[group];
	if (g->schedule_count == 0)
		return SCHEDULE_NEVER;
	const struct list_mask lists = lists_at(g, now_s);
	bool changes = false;
	for (unsigned i = 0; i < REPORT_ROUNDS_MAX && !changes; i++)
		now_s = lasts_until(g, &lists, now_s, &changes);
	return changes ? now_s : SCHEDULE_NEVER;
}

/* --- which group --- */

int settings_group_find(const struct settings *s, struct str name)
{
	for (size_t i = 0; i < s->group_count; i++)
		if (str_eq_c(name, s->groups[i].name))
			return (int)i;
	return -1;
}

uint16_t settings_group_of_listener(const struct settings *s, const struct addr *listen)
{
	for (size_t g = 0; listen != NULL && g < s->group_count; g++)
		for (size_t i = 0; i < s->groups[g].client_count; i++)
			if (s->groups[g].clients[i].is_listener && addr_eq(&s->groups[g].clients[i].addr, listen))
				return (uint16_t)g;
	return 0;
}
