/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/lists.h"

#include "audit/line.h"
#include "ctl/change.h"
#include "generation.h"
#include "settings/identity.h"

#include <string.h>

static const char *const kinds[] = {"added", "removed", "lifted", "restored", "changed"};

static json_t *hex_json(const uint8_t bytes[16])
{
	static const char digits[] = "0123456789abcdef";
	char text[33];
	for (size_t i = 0; i < 32; i++)
		text[i] = digits[bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xf];
	text[32] = '\0';
	return json_string(text);
}

/* ---- a snapshot ---- */

static json_t *list_json(const struct settings_list *said, const struct policy_list *found)
{
	json_t *list =
	    json_pack("{s:o, s:o, s:s}", "content", found ? hex_json(found->content) : json_null(), "entries",
		      found ? json_integer((json_int_t)found->entry_count) : json_null(), "mode", mode_words[said->mode]);
	must(list);
	return list;
}

static json_t *lists_json(const struct generation *g, const struct policy_info *info)
{
	json_t *lists = json_object();
	size_t at = 0; /* lists in mode off are not in the image */
	for (size_t i = 0; i < g->settings->list_count; i++) {
		const struct settings_list *said = &g->settings->lists[i];
		struct policy_list found = {.entry_count = 0};
		bool there = said->mode != MODE_OFF && at < info->list_count;
		if (there)
			policy_list(g->policy, (uint16_t)at++, 0, &found);
		there = there && str_eq_c(found.name, said->name);
		must(json_object_set_new(lists, said->name, list_json(said, there ? &found : NULL)) == 0);
	}
	return lists;
}

json_t *audit_lists_snapshot(const struct generation *g, struct str config)
{
	struct policy_info info;
	struct audit_hash hash;
	policy_info(g->policy, 0, &info);
	audit_hash_bytes(config, &hash);
	json_t *snapshot =
	    json_pack("{s:i, s:I, s:o, s:s, s:o}", "readers", SOURCE_READERS_VERSION, "generation", (json_int_t)info.generation,
		      "policy", hex_json(info.content_hash), "config", hash.hex, "lists", lists_json(g, &info));
	must(snapshot);
	return snapshot;
}

/* ---- the difference ---- */

json_t *audit_lists_pair(const json_t *before, const json_t *after, const char *key)
{
	json_t *old = json_object_get(before, key), *new = json_object_get(after, key);
	json_t *pair = json_pack("{s:O?, s:O?}", "before", old, "after", new);
	must(pair);
	return pair;
}

static const json_t *said_of(const json_t *changes, const char *list, const json_t *after)
{
	size_t i;
	const json_t *one;
	json_array_foreach(changes, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "list"));
		if (name && strcmp(name, list) == 0 && json_equal(json_object_get(one, "after"), json_object_get(after, "content")))
			return one;
	}
	return NULL;
}

static json_t *names_json(const json_t *names)
{
	json_t *ret = json_array();
	for (size_t i = 0; i < MIN(json_array_size(names), (size_t)AUDIT_LISTS_NAMES_MAX); i++) {
		json_t *name = json_array_get(names, i);
		if (json_is_string(name) && json_string_length(name) <= CTL_CHANGE_NAME_MAX)
			must(json_array_append(ret, name) == 0);
	}
	return ret;
}

/* Its words are a stranger's, as it reads strangers' lists: only what has the form is taken. */
static void put_said(json_t *entry, const json_t *said)
{
	json_t *names = said ? json_object() : json_null();
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		const json_t *count = json_object_get(said, kinds[k]);
		bool good = json_is_integer(count) && json_integer_value(count) >= 0;
		must(json_object_set_new(entry, kinds[k], good ? json_integer(json_integer_value(count)) : json_null()) == 0);
		if (said)
			must(json_object_set_new(names, kinds[k],
						 names_json(json_object_get(json_object_get(said, "names"), kinds[k]))) == 0);
	}
	must(json_object_set_new(entry, "names", names) == 0);
}

/* A list that had nothing before, or has nothing now, needs nobody to say what came or went. */
static void put_all(json_t *entry, const json_t *before, const json_t *after)
{
	json_int_t old = json_integer_value(before), new = json_integer_value(after);
	if ((old == 0) == (new == 0))
		return;
	must(json_object_set_new(entry, "added", json_integer(new)) == 0 &&
	     json_object_set_new(entry, "removed", json_integer(old)) == 0);
}

static json_t *entry_json(const char *list, const json_t *before, const json_t *after, const json_t *changes)
{
	json_t *entry =
	    json_pack("{s:s, s:o, s:o, s:o}", "list", list, "content", audit_lists_pair(before, after, "content"), "mode",
		      audit_lists_pair(before, after, "mode"), "entries", audit_lists_pair(before, after, "entries"));
	must(entry);
	const json_t *said = said_of(changes, list, after);
	put_said(entry, said);
	if (!said)
		put_all(entry, json_object_get(before, "entries"), json_object_get(after, "entries"));
	return entry;
}

static bool same_list(const json_t *before, const json_t *after, bool comparable)
{
	const json_t *old = json_object_get(before, "content"), *new = json_object_get(after, "content");
	if (!json_equal(json_object_get(before, "mode"), json_object_get(after, "mode")))
		return false;
	return !comparable || json_equal(old, new);
}

json_t *audit_lists_changed(const json_t *before, const json_t *after, const json_t *changes)
{
	json_t *ret = json_array(), *old = json_object_get(before, "lists"), *new = json_object_get(after, "lists"), *list;
	bool comparable = json_equal(json_object_get(before, "readers"), json_object_get(after, "readers"));
	const char *name;
	must(ret);
	json_object_foreach(new, name, list)
	{
		const json_t *was = json_object_get(old, name);
		if (!was || !same_list(was, list, comparable))
			must(json_array_append_new(ret, entry_json(name, was, list, changes)) == 0);
	}
	json_object_foreach(old, name, list)
	{
		if (!json_object_get(new, name))
			must(json_array_append_new(ret, entry_json(name, list, NULL, NULL)) == 0);
	}
	return ret;
}
