/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/record.h"

#include "base/clock.h"
#include "base/str.h"
#include "ctl/proto.h"

#include <string.h>
#include <sys/stat.h>

#define EFFECT_NS_MAX (INT64_C(3600) * 1000000000) /* what says to have begun before that is not believed */
#define NS_IN_US 1000

static void put(json_t *record, const char *key, json_t *value)
{
	must(value && json_object_set_new(record, key, value) == 0);
}

/* A member that may be absent. */
static json_t *member(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	return value ? json_incref(value) : json_null();
}

/* As the user says it: the control protocol's cache.flush is his cache flush. */
static json_t *verb_json(const char *verb)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "%s", verb);
	for (char *p = text; *p != '\0'; p++)
		*p = *p == '.' ? ' ' : *p;
	return json_string(text);
}

json_t *audit_record_begin(const char *verb, const struct audit_who *who, const json_t *change)
{
	json_t *record = json_object();
	const char *said = json_string_value(json_object_get(change, "verb"));
	json_t *names = json_object_get(change, "names");
	must(record);
	put(record, "verb", said ? json_string(said) : verb_json(verb));
	audit_who_put(who, record);
	put(record, "list", member(change, "list"));
	put(record, "names", json_is_array(names) ? json_incref(names) : json_array());
	const json_t *count = json_object_get(change, "name_count");
	put(record, "name_count",
	    json_integer(json_is_integer(count) ? json_integer_value(count) : (json_int_t)json_array_size(names)));
	put(record, "reason", member(change, "reason"));
	put(record, "reference", member(change, "reference"));
	put(record, "detail", member(change, "detail"));
	return record;
}

void audit_record_file(json_t *record, const char *path)
{
	struct stat st;
	char text[32];
	bool there = stat(path, &st) == 0;
	put(record, "file", ctl_text(str_from(path)));
	put(record, "owner", there ? audit_user_json(st.st_uid) : json_null());
	if (there)
		str_from_time(st.st_mtim.tv_sec, text, sizeof(text));
	put(record, "mtime", there ? json_string(text) : json_null());
}

void audit_record_policy(json_t *record, const json_t *before, const json_t *after)
{
	static const char *const keys[] = {"policy", "config", "lifts"};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_t *old = json_object_get(before, keys[i]), *new = json_object_get(after, keys[i]);
		if (i > 0 && json_equal(old, new))
			continue;
		put(record, keys[i], json_pack("{s:O?, s:O?}", "before", old, "after", new));
	}
	put(record, "generation", member(after, "generation"));
}

void audit_record_more(json_t *record, json_t *more)
{
	if (more)
		must(json_object_update(record, more) == 0);
	json_decref(more);
}

void audit_record_outcome(json_t *record, const char *error)
{
	put(record, "outcome", json_string(error ? "error" : "ok"));
	if (error)
		put(record, "error", ctl_text(str_from(error)));
}

void audit_record_effect(json_t *record, const json_t *change, int64_t arrived_ns)
{
	const json_t *asked = json_object_get(change, "asked_at_ns");
	int64_t now_ns = clock_mono_ns(), from_ns = json_is_integer(asked) ? json_integer_value(asked) : arrived_ns;
	if (from_ns <= 0 || from_ns > now_ns || now_ns - from_ns > EFFECT_NS_MAX)
		from_ns = arrived_ns;
	int64_t took_us = (now_ns - from_ns) / NS_IN_US;
	put(record, "effect_ms", json_real((double)took_us / 1000));
}

/* ---- what was announced ---- */

static bool has_name(const json_t *names, const json_t *name)
{
	size_t i;
	const json_t *one;
	json_array_foreach(names, i, one)
	{
		if (json_equal(one, name))
			return true;
	}
	return false;
}

bool audit_record_is_about(const json_t *announced, const json_t *changed)
{
	const json_t *list = json_object_get(announced, "list"), *names = json_object_get(announced, "names");
	if (json_is_string(list) && json_equal(list, json_object_get(changed, "list")))
		return true;
	/* it was too large to be compared by name: it is believed of who says names and no list */
	if (!json_is_string(list) && json_array_size(names) > 0 && json_is_null(json_object_get(changed, "names")))
		return true;
	const char *kind;
	json_t *some, *name;
	size_t i;
	json_object_foreach(json_object_get(changed, "names"), kind, some)
	{
		json_array_foreach(some, i, name)
		{
			if (has_name(names, name))
				return true;
		}
	}
	return false;
}

bool audit_record_wrote_config(const json_t *announced)
{
	const char *verb = json_string_value(json_object_get(announced, "verb"));
	return verb && strcmp(verb, "list mode") == 0;
}

bool audit_record_wrote_lifts(const json_t *announced)
{
	static const char *const verbs[] = {"list lift", "unblock", "list add", "list remove"};
	const char *verb = json_string_value(json_object_get(announced, "verb"));
	for (size_t i = 0; verb && i < ARRAY_LEN(verbs); i++)
		if (strcmp(verb, verbs[i]) == 0)
			return true;
	return false;
}

void audit_record_beyond(json_t *record, const json_t *announced, const json_t *lists)
{
	const json_t *names = json_object_get(announced, "names");
	json_int_t count = json_integer_value(json_object_get(announced, "name_count"));
	json_t *beyond = json_array(), *list, *some, *name;
	size_t at, i;
	const char *kind;
	must(beyond);
	/* the whole list, or more than are said by name */
	bool known = count > 0 && json_array_size(names) == (size_t)count;
	json_array_foreach(lists, at, list)
	{
		json_object_foreach(json_object_get(list, "names"), kind, some)
		{
			json_array_foreach(some, i, name)
			{
				if (known && !has_name(names, name))
					must(json_array_append(beyond, name) == 0);
			}
		}
	}
	if (json_array_size(beyond) > 0)
		put(record, "beyond", beyond);
	else
		json_decref(beyond);
}
