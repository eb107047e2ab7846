/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.c - the fetches as JSON. */
#include "fetch/item.h"

#include "ctl/proto.h"

#include <string.h>

const char *const fetch_state_words[] = {"idle", "waiting", "running", "done", "failed", "unchanged", "refused"};

static void put(json_t *object, const char *key, json_t *value)
{
	must(value && json_object_set_new(object, key, value) == 0);
}

static json_t *count_or_null(uint64_t count, bool known)
{
	return known ? json_integer((json_int_t)MIN(count, (uint64_t)INT64_MAX)) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? ctl_text(str_from(text)) : json_null();
}

/* Nobody knows when a list is fetched that waits for somebody to ask. */
static json_t *next_at(const struct fetch_item *i)
{
	bool goes_on = i->refresh_s > 0 && !i->off && i->state != FETCH_RUNNING && i->state != FETCH_WAITING;
	return ctl_time(goes_on ? i->next_s : 0);
}

json_t *fetch_status(struct fetch *f)
{
	fetch_sync(f);
	json_t *array = json_array();
	for (size_t n = 0; n < f->count; n++) {
		struct fetch_item *i = f->items[n];
		if (i->run)
			fetch_run_progress(i->run, &i->progress);
		json_t *object = json_object();
		put(object, "name", ctl_text(str_from(i->name)));
		put(object, "url", ctl_text(str_from(i->url)));
		put(object, "state", json_string(fetch_state_words[i->state]));
		put(object, "bytes", count_or_null(i->progress.bytes, true));
		put(object, "total", count_or_null(i->progress.total, i->progress.total > 0));
		put(object, "entries", count_or_null(i->record.entries, i->record.url[0]));
		put(object, "error", text_or_null(i->record.error));
		put(object, "fetched_at", ctl_time(i->record.fetched_at_s));
		put(object, "next_at", next_at(i));
		must(json_array_append_new(array, object) == 0);
	}
	return array;
}

bool fetch_figures(struct fetch *f, size_t i, struct fetch_figures *ret)
{
	if (i == 0)
		fetch_sync(f);
	if (i >= f->count)
		return false;
	const struct fetch_record *r = &f->items[i]->record;
	const bool failed = r->error[0] != '\0';
	*ret = (struct fetch_figures){.list = f->items[i]->name,
				      .fetched_at_s = r->fetched_at_s,
				      .checked_at_s = r->checked_at_s,
				      .failed_at_s = failed ? r->checked_at_s : 0,
				      .failures = failed ? MAX(r->failures, 1u) : 0,
				      .is_current = r->url[0] != '\0' && !failed};
	return true;
}

void fetch_annotate(struct fetch *f, json_t *lists)
{
	size_t n;
	json_t *object;
	fetch_sync(f);
	json_array_foreach(lists, n, object)
	{
		const json_t *name = json_object_get(object, "name");
		const struct fetch_item *i =
		    json_is_string(name) ? fetch_find(f, (struct str){json_string_value(name), json_string_length(name)}) : NULL;
		if (!i)
			continue;
		put(object, "fetched_at", ctl_time(i->record.fetched_at_s));
		put(object, "next_fetch_at", next_at(i));
		put(object, "fetch_error", text_or_null(i->record.error));
		put(object, "fetch_refused_since", ctl_time(i->record.refused_since_s));
	}
}
