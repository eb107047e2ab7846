/* SPDX-License-Identifier: BSD-2-Clause */
#include "signed.h"

#include "base/log.h"
#include "ctl/proto.h"
#include "settings/signed.h"

#include <string.h>

static void put(json_t *object, const char *key, json_t *value)
{
	must(value && json_object_set_new(object, key, value) == 0);
}

static const struct settings_list *find(const struct settings *s, struct str name)
{
	for (size_t i = 0; i < s->list_count; i++)
		if (s->lists[i].key && str_eq_c(name, s->lists[i].name))
			return &s->lists[i];
	return NULL;
}

/* What a key has accepted; NULL: nothing yet. */
static const struct signed_key *load(const struct settings *s, const struct settings_list *l, struct signed_record *record)
{
	(void)signed_record_load(s->state, l->name, record);
	return signed_record_key(record, l->key_text);
}

static json_t *say(const struct settings *s, const struct settings_list *l, const json_t *list)
{
	struct signed_record record;
	char id[MINISIGN_ID_TEXT_MAX];
	const struct signed_key *key = load(s, l, &record);
	json_t *object = json_object();
	put(object, "key_id", json_string(minisign_id_text(l->key->id, id)));
	put(object, "serial", key ? json_integer((json_int_t)key->serial) : json_null());
	put(object, "accepted_at", ctl_time(key ? key->accepted_at_s : 0));
	/* of a list with a url what came may be refused while the copy that is there is good */
	json_t *since = json_object_get(list, "fetch_refused_since"), *why = json_object_get(list, "fetch_error");
	bool fetched = record.refused_since_s == 0 && json_is_string(since);
	put(object, "refused_since", fetched ? json_incref(since) : ctl_time(record.refused_since_s));
	if (record.refused_since_s != 0)
		put(object, "refused", ctl_text(str_from(record.why)));
	else
		put(object, "refused", fetched && why ? json_incref(why) : json_null());
	return object;
}

void signed_annotate(const struct settings *settings, json_t *lists)
{
	size_t n;
	json_t *object;
	json_array_foreach(lists, n, object)
	{
		const json_t *name = json_object_get(object, "name");
		const struct settings_list *l =
		    json_is_string(name) ? find(settings, (struct str){json_string_value(name), json_string_length(name)}) : NULL;
		if (l)
			put(object, "signed", say(settings, l, object));
	}
}

void signed_annotate_rule(const struct settings *settings, json_t *rule)
{
	struct signed_record record;
	char id[MINISIGN_ID_TEXT_MAX];
	const json_t *name = json_object_get(rule, "list");
	if (!json_is_string(name))
		return;
	const struct settings_list *l = find(settings, (struct str){json_string_value(name), json_string_length(name)});
	const struct signed_key *key = l ? load(settings, l, &record) : NULL;
	if (key)
		put(rule, "signed",
		    json_pack("{s:s, s:I}", "key_id", minisign_id_text(l->key->id, id), "serial", (json_int_t)key->serial));
}

bool signed_is_refused(const struct settings *settings, const struct settings_list *list)
{
	struct signed_record record;
	return list->key && signed_record_load(settings->state, list->name, &record) && record.refused_since_s != 0;
}

size_t signed_refused_count(const struct settings *settings)
{
	size_t count = 0;
	for (size_t i = 0; i < settings->list_count; i++)
		count += settings->lists[i].mode != MODE_OFF && signed_is_refused(settings, &settings->lists[i]);
	return count;
}

void signed_log(const struct settings *settings)
{
	for (size_t i = 0; i < settings->list_count; i++) {
		const struct settings_list *l = &settings->lists[i];
		struct signed_record record;
		char since[32], safe[1024];
		if (l->mode == MODE_OFF || !signed_is_refused(settings, l) ||
		    !signed_record_load(settings->state, l->name, &record))
			continue;
		str_from_time(record.refused_since_s, since, sizeof(since));
		log_warning("list.refused list=%s since=%s reason=\"%s\"", l->name, since,
			    str_escape(str_from(record.why), true, safe, sizeof(safe)));
	}
}
