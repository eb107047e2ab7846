/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/lists.h"

#include "audit/line.h"
#include "base/hex.h"
#include "ctl/change.h"
#include "ctl/proto.h"
#include "generation.h"
#include "settings/identity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"added", "removed", "lifted", "restored", "dropped", "changed"};
enum { KIND_ADDED, KIND_REMOVED, KIND_LIFTED, KIND_RESTORED, KIND_DROPPED, KIND_CHANGED };
static_assert(sizeof(kinds) / sizeof(kinds[0]) == KIND_CHANGED + 1, "each kind has its word");

static json_t *hex_json(const uint8_t bytes[16])
{
	char text[33];
	return json_string(hex_from_bytes(bytes, 16, text));
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

static void put_lift(json_t *list, const struct policy_lift *lift, bool by_name)
{
	json_t *lifts = json_object_get(list, "lifts");
	if (!lifts) {
		lifts = json_pack("{s:i, s:o}", "count", 0, "names", by_name ? json_object() : json_null());
		must(lifts && json_object_set_new(list, "lifts", lifts) == 0);
	}
	json_t *count = json_object_get(lifts, "count");
	must(json_integer_set(count, json_integer_value(count) + 1) == 0);
	if (!by_name)
		return;
	char *name = str_dup(lift->name);
	must(json_object_set_new(json_object_get(lifts, "names"), name, ctl_text(lift->lifted)) == 0);
	free(name);
}

/* The lifts that hold, to their lists. policy_list counts, so it is asked once for each list and not for each lift. */
static void put_lifts(const struct policy *policy, size_t list_count, json_t *lists)
{
	const size_t count = policy_lift_count(policy);
	if (count == 0)
		return;
	json_t **places = base_alloc((list_count + 1) * sizeof(json_t *)); /* borrowed, in the order of the policy */
	for (size_t i = 0; i < list_count; i++) {
		struct policy_list list;
		policy_list(policy, (uint16_t)i, 0, &list);
		char *name = str_dup(list.name);
		places[i] = json_object_get(lists, name);
		free(name);
	}
	for (size_t i = 0; i < count; i++) {
		struct policy_lift lift;
		if (policy_lift(policy, i, &lift) && lift.list < list_count && places[lift.list])
			put_lift(places[lift.list], &lift, count <= AUDIT_LISTS_LIFTS_MAX);
	}
	free(places);
}

json_t *audit_lists_snapshot(const struct generation *g, struct str config)
{
	struct policy_info info;
	struct audit_hash hash;
	policy_info(g->policy, 0, &info);
	audit_hash_bytes(config, &hash);
	json_t *snapshot = json_pack("{s:i, s:I, s:o, s:s, s:o, s:o}", "readers", SOURCE_READERS_VERSION, "generation",
				     (json_int_t)info.generation, "policy", hex_json(info.content_hash), "config", hash.hex,
				     "lifts", hex_json(info.lifts_hash), "lists", lists_json(g, &info));
	must(snapshot);
	put_lifts(g->policy, info.list_count, json_object_get(snapshot, "lists"));
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

/* ---- lifts beside a list ---- */

/* Both are enforced or watched: the lifts of one that is off are in no policy. */
static bool lifts_comparable(const json_t *before, const json_t *after)
{
	const char *old = json_string_value(json_object_get(before, "mode")),
		   *new = json_string_value(json_object_get(after, "mode"));
	return old && new &&strcmp(old, mode_words[MODE_OFF]) != 0 && strcmp(new, mode_words[MODE_OFF]) != 0;
}

static bool same_lifts(const json_t *before, const json_t *after)
{
	const json_t *old = json_object_get(before, "lifts"), *new = json_object_get(after, "lifts");
	return !lifts_comparable(before, after) || (!old && !new) || json_equal(old, new);
}

/* One more, and its name while there is room. */
static void count_one(json_t *entry, size_t kind, const char *name)
{
	json_int_t count = json_integer_value(json_object_get(entry, kinds[kind]));
	json_t *all = json_object_get(entry, "names"), *names = json_object_get(all, kinds[kind]);
	must(json_object_set_new(entry, kinds[kind], json_integer(count + 1)) == 0);
	if (!names) {
		names = json_array();
		must(names && json_object_set_new(all, kinds[kind], names) == 0);
	}
	if (json_array_size(names) < AUDIT_LISTS_NAMES_MAX)
		must(json_array_append_new(names, json_string(name)) == 0);
}

/* False: it is not in the policy. */
static bool find_list(const struct policy *policy, const char *list, uint16_t *ret)
{
	struct policy_info info;
	policy_info(policy, 0, &info);
	for (size_t i = 0; i < info.list_count; i++) {
		struct policy_list found;
		policy_list(policy, (uint16_t)i, 0, &found);
		if (!str_eq_c(found.name, list))
			continue;
		*ret = (uint16_t)i;
		return true;
	}
	return false;
}

static json_int_t lift_count(const json_t *list)
{
	return json_integer_value(json_object_get(json_object_get(list, "lifts"), "count"));
}

static bool names_known(const json_t *list)
{
	return lift_count(list) == 0 || json_is_object(json_object_get(json_object_get(list, "lifts"), "names"));
}

static void put_lift_names(json_t *entry, const json_t *before, const json_t *after, const struct policy *policy)
{
	json_t *old = json_object_get(json_object_get(before, "lifts"), "names"),
	       *new = json_object_get(json_object_get(after, "lifts"), "names"), *lifted;
	const char *name;
	uint16_t list = 0;
	const bool there = find_list(policy, json_string_value(json_object_get(entry, "list")), &list);
	json_object_foreach(new, name, lifted)
	{
		const json_t *was = json_object_get(old, name);
		if (!was)
			count_one(entry, KIND_LIFTED, name);
		else if (!json_equal(was, lifted))
			count_one(entry, KIND_CHANGED, name);
	}
	json_object_foreach(old, name, lifted)
	{
		struct name wire;
		if (json_object_get(new, name))
			continue;
		/* whoever takes a lift back leaves the name in its list */
		bool restored = there && name_from_text(str_from(name), &wire, NULL) && policy_list_has(policy, list, &wire);
		count_one(entry, restored ? KIND_RESTORED : KIND_DROPPED, name);
	}
}

/* Adds what became of the lifts to what is said of the list itself. */
static void put_lift_changes(json_t *entry, const json_t *before, const json_t *after, const struct policy *policy)
{
	const json_int_t old = lift_count(before), new = lift_count(after);
	if (same_lifts(before, after))
		return;
	must(json_object_set_new(entry, "lifts", json_pack("{s:I, s:I}", "before", old, "after", new)) == 0);
	if (names_known(before) && names_known(after)) {
		if (!json_is_object(json_object_get(entry, "names")))
			must(json_object_set_new(entry, "names", json_object()) == 0);
		put_lift_names(entry, before, after, policy);
	} else if (new > old) { /* at least so many */
		json_int_t lifted = json_integer_value(json_object_get(entry, kinds[KIND_LIFTED]));
		must(json_object_set_new(entry, kinds[KIND_LIFTED], json_integer(lifted + new - old)) == 0);
	}
}

bool audit_lists_only_lifts(const json_t *change)
{
	const json_t *content = json_object_get(change, "content"), *mode = json_object_get(change, "mode");
	return json_object_get(change, "lifts") &&
	       json_equal(json_object_get(content, "before"), json_object_get(content, "after")) &&
	       json_equal(json_object_get(mode, "before"), json_object_get(mode, "after"));
}

bool audit_lists_have_lifts(const json_t *changed)
{
	size_t i;
	const json_t *one;
	json_array_foreach(changed, i, one)
	{
		if (json_object_get(one, "lifts"))
			return true;
	}
	return false;
}

/* ---- one list ---- */

/* Its text is the same: nothing came or went. */
static void put_none(json_t *entry)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		must(json_object_set_new(entry, kinds[k], json_integer(0)) == 0);
	must(json_object_set_new(entry, "names", json_object()) == 0);
}

static json_t *entry_json(const char *list, const json_t *before, const json_t *after, const json_t *changes,
			  const struct policy *policy)
{
	json_t *entry =
	    json_pack("{s:s, s:o, s:o, s:o}", "list", list, "content", audit_lists_pair(before, after, "content"), "mode",
		      audit_lists_pair(before, after, "mode"), "entries", audit_lists_pair(before, after, "entries"));
	must(entry);
	const json_t *said = said_of(changes, list, after), *content = json_object_get(after, "content");
	if (json_is_string(content) && json_equal(json_object_get(before, "content"), content))
		put_none(entry);
	else
		put_said(entry, said);
	if (!said)
		put_all(entry, json_object_get(before, "entries"), json_object_get(after, "entries"));
	put_lift_changes(entry, before, after, policy);
	return entry;
}

static bool same_list(const json_t *before, const json_t *after, bool comparable)
{
	const json_t *old = json_object_get(before, "content"), *new = json_object_get(after, "content");
	if (!json_equal(json_object_get(before, "mode"), json_object_get(after, "mode")) || !same_lifts(before, after))
		return false;
	return !comparable || json_equal(old, new);
}

json_t *audit_lists_changed(const json_t *before, const json_t *after, const json_t *changes, const struct policy *policy)
{
	json_t *ret = json_array(), *old = json_object_get(before, "lists"), *new = json_object_get(after, "lists"), *list;
	bool comparable = json_equal(json_object_get(before, "readers"), json_object_get(after, "readers"));
	const char *name;
	must(ret);
	json_object_foreach(new, name, list)
	{
		const json_t *was = json_object_get(old, name);
		if (!was || !same_list(was, list, comparable))
			must(json_array_append_new(ret, entry_json(name, was, list, changes, policy)) == 0);
	}
	json_object_foreach(old, name, list)
	{
		if (!json_object_get(new, name))
			must(json_array_append_new(ret, entry_json(name, list, NULL, NULL, NULL)) == 0);
	}
	return ret;
}

/* ---- two as one ---- */

static void join_pair(json_t *ret, const json_t *first, const json_t *second, const char *key)
{
	json_t *a = json_object_get(first, key), *b = json_object_get(second, key);
	if (a && b)
		must(json_object_set_new(ret, key,
					 json_pack("{s:O?, s:O?}", "before", json_object_get(a, "before"), "after",
						   json_object_get(b, "after"))) == 0);
	else if (a || b)
		must(json_object_set(ret, key, a ? a : b) == 0);
}

static json_t *join_names(const json_t *first, const json_t *second, const char *kind)
{
	json_t *ret = names_json(json_object_get(first, kind)), *more = names_json(json_object_get(second, kind));
	for (size_t i = 0; i < json_array_size(more) && json_array_size(ret) < AUDIT_LISTS_NAMES_MAX; i++)
		must(json_array_append(ret, json_array_get(more, i)) == 0);
	json_decref(more);
	return ret;
}

json_t *audit_lists_join(const json_t *first, const json_t *second)
{
	static const char *const pairs[] = {"content", "mode", "entries", "lifts"};
	json_t *ret = json_pack("{s:O}", "list", json_object_get(second, "list"));
	const json_t *old = json_object_get(first, "names"), *new = json_object_get(second, "names");
	const bool named = json_is_object(old) || json_is_object(new);
	json_t *names = named ? json_object() : json_null();
	must(ret && names);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		join_pair(ret, first, second, pairs[i]);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		const json_t *a = json_object_get(first, kinds[k]), *b = json_object_get(second, kinds[k]);
		json_t *sum = json_is_integer(a) && json_is_integer(b) ? json_integer(json_integer_value(a) + json_integer_value(b))
								       : json_null();
		must(json_object_set_new(ret, kinds[k], sum) == 0);
		if (named)
			must(json_object_set_new(names, kinds[k], join_names(old, new, kinds[k])) == 0);
	}
	must(json_object_set_new(ret, "names", names) == 0);
	return ret;
}
