/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/hours.h"

#include "settings/settings.h"
#include "settings/zone.h"

#include <string.h>

#define DAY_S INT64_C(86400)

/* A list, or one thing where a list of one is meant. Every bad item is told. */
static bool bind_each(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      size_t size, bool (*parse)(const struct values *v, const struct yaml_node *node, void *ret), void **ret,
		      size_t *ret_count)
{
	const bool many = node->kind == YAML_SEQUENCE;
	const size_t count = many ? node->count : 1;
	bool good = true;
	if (node->kind == YAML_MAPPING)
		return values_kind(v, key, node, YAML_SEQUENCE, "a list");
	if (count > (size_t)row->max)
		return values_fault(v, node, "'%s' has %zu values; at most %jd are taken", key, count, (intmax_t)row->max);
	if (count == 0)
		return values_fault(v, node, "'%s' is empty; leave the key out for its default", key);
	char *items = arena_alloc(v->arena, count * size), *at = items;
	for (const struct yaml_node *item = many ? node->first : node; item != NULL && at < items + count * size; at += size) {
		good &= values_scalar(v, key, item, "text in each item") && parse(v, item, at);
		item = many ? item->next : NULL;
	}
	*ret = items;
	*ret_count = count;
	return good;
}

/* The same, kept in object as an array and its count. */
static bool bind_array(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		       size_t size, bool (*parse)(const struct values *v, const struct yaml_node *node, void *ret), void *object)
{
	void *items = NULL;
	size_t count = 0;
	if (!bind_each(v, row, key, node, size, parse, &items, &count))
		return false;
	values_store(object, row->at, &items, sizeof(items));
	values_store(object, row->at_more, &count, sizeof(count));
	return true;
}

/* --- days --- */

static bool parse_day(struct str text, unsigned *ret)
{
	static const char *const names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (str_eq_nocase(text, str_from(names[i])) || str_eq_nocase(text, (struct str){names[i], 3})) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* "mon", or "fri-mon": from one to the other, whichever comes first in the week. */
static bool parse_days(const struct values *v, const struct yaml_node *node, void *ret)
{
	char shown[VALUES_SHOWN_MAX];
	const char *dash = memchr(node->text.ptr, '-', node->text.len);
	const size_t len = dash == NULL ? node->text.len : (size_t)(dash - node->text.ptr);
	unsigned from = 0, to;
	uint8_t days = 0;
	bool good = parse_day((struct str){node->text.ptr, len}, &from);
	to = from;
	if (dash != NULL)
		good = good && parse_day((struct str){dash + 1, node->text.len - len - 1}, &to);
	if (!good)
		return values_fault(v, node, "'%s' is no day or row of days, such as mon or mon-fri", values_shown(node, shown));
	for (unsigned day = from;; day = (day + 1) % 7) {
		days |= (uint8_t)(1u << day);
		if (day == to)
			break;
	}
	*(uint8_t *)ret = days;
	return true;
}

static bool bind_days(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	void *items = NULL;
	size_t count = 0;
	uint8_t days = 0;
	if (!bind_each(v, row, key, node, sizeof(days), parse_days, &items, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		days |= ((const uint8_t *)items)[i];
	values_store(object, row->at, &days, sizeof(days));
	return true;
}

/* --- hours --- */

/* "7:00", "07:00" */
static bool parse_minute(struct str text, uint16_t *ret)
{
	const char *colon = memchr(text.ptr, ':', text.len);
	uint64_t hour, minute;
	if (colon == NULL || colon == text.ptr || text.len - (size_t)(colon - text.ptr) != 3 || colon - text.ptr > 2 ||
	    !str_to_u64((struct str){text.ptr, (size_t)(colon - text.ptr)}, &hour) ||
	    !str_to_u64((struct str){colon + 1, 2}, &minute) || hour > 24 || minute > 59 || (hour == 24 && minute > 0))
		return false;
	*ret = (uint16_t)(hour * 60 + minute);
	return true;
}

static bool parse_hours(const struct values *v, const struct yaml_node *node, void *ret)
{
	char shown[VALUES_SHOWN_MAX];
	struct settings_hours *hours = ret;
	const char *dash = memchr(node->text.ptr, '-', node->text.len);
	const size_t len = dash == NULL ? 0 : (size_t)(dash - node->text.ptr);
	if (dash == NULL || !parse_minute(str_trim((struct str){node->text.ptr, len}), &hours->from_min) ||
	    !parse_minute(str_trim((struct str){dash + 1, node->text.len - len - 1}), &hours->to_min) || hours->from_min == 1440)
		return values_fault(v, node, "'%s' are no hours such as 07:00-12:00, or 22:00-06:00 over midnight",
				    values_shown(node, shown));
	if (hours->from_min == hours->to_min)
		return values_fault(v, node, "'%s' ends when it begins; 00:00-24:00 is the whole day", values_shown(node, shown));
	return true;
}

/* --- dates --- */

static bool parse_date(struct str text, int32_t *ret)
{
	int64_t s;
	bool is_date = false;
	if (!str_to_time(text, &s, &is_date) || !is_date)
		return false;
	*ret = (int32_t)(s >= 0 ? s / DAY_S : (s - (DAY_S - 1)) / DAY_S);
	return true;
}

/* "2026-05-01", or "2026-12-24..2027-01-02": both in it. */
static bool parse_dates(const struct values *v, const struct yaml_node *node, void *ret)
{
	char shown[VALUES_SHOWN_MAX];
	struct settings_dates *dates = ret;
	const char *dots = strstr(node->text.ptr, "..");
	const size_t len = dots == NULL ? node->text.len : (size_t)(dots - node->text.ptr);
	bool good = parse_date(str_trim((struct str){node->text.ptr, len}), &dates->first_day);
	dates->last_day = dates->first_day;
	if (dots != NULL)
		good = good && parse_date(str_trim((struct str){dots + 2, node->text.len - len - 2}), &dates->last_day);
	if (!good)
		return values_fault(v, node, "'%s' is no date such as 2026-05-01, nor two of them such as 2026-12-24..2027-01-02",
				    values_shown(node, shown));
	if (dates->last_day < dates->first_day)
		return values_fault(v, node, "'%s' ends before it begins", values_shown(node, shown));
	return true;
}

/* --- the zone --- */

static bool bind_zone(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	struct err err = {.code = ERR_NONE};
	if (!values_scalar(v, key, node, "the name of a time zone"))
		return false;
	const struct time_zone *zone = zone_load(node->text, v->arena, &err);
	if (zone == NULL)
		return values_fault(v, node, "%s", err.text);
	const char *name = arena_strndup(v->arena, node->text.ptr, node->text.len);
	values_store(object, row->at, &name, sizeof(name));
	values_store(object, row->at_more, &zone, sizeof(zone));
	return true;
}

bool hours_bind(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node, void *object)
{
	if (row->type == SCHEMA_DAYS)
		return bind_days(v, row, key, node, object);
	if (row->type == SCHEMA_HOURS)
		return bind_array(v, row, key, node, sizeof(struct settings_hours), parse_hours, object);
	if (row->type == SCHEMA_DATES)
		return bind_array(v, row, key, node, sizeof(struct settings_dates), parse_dates, object);
	return bind_zone(v, row, key, node, object);
}
