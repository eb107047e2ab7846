/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sync.c - the lists that are fetched, as the settings in force have them. */
#include "fetch/item.h"

#include "base/clock.h"
#include "base/rand.h"
#include "fetch/guard.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define COPY_PATH_MAX (PATH_MAX - 16) /* room for what is put before and behind the name */

static void item_stop(struct fetch_item *i)
{
	fetch_run_cancel(i->run);
	fetch_probe_cancel(i->probe);
	if (i->state == FETCH_RUNNING || i->state == FETCH_WAITING)
		fetch_item_end(i, FETCH_IDLE);
	i->run = NULL;
	i->probe = NULL;
}

void fetch_item_free(struct fetch_item *i)
{
	item_stop(i);
	json_decref(i->change);
	free(i->name);
	free(i->url);
	free(i->file);
	free(i->key);
	free(i->signature);
	free(i->signature_url);
	free(i);
}

/* A list without a copy of its own is due at once; the others as their last fetch says. */
static void item_schedule(struct fetch_item *i)
{
	const struct fetch_record *r = &i->record;
	if (strcmp(r->url, i->url) != 0 || r->checked_at_s == 0)
		i->next_s = clock_wall_s();
	else if (r->failures > 0)
		i->next_s = r->checked_at_s + fetch_retry_s(r->failures, i->refresh_s, rand_u32());
	else
		i->next_s = r->checked_at_s + fetch_refresh_s(i->refresh_s, rand_u32());
}

static void replace(char **text, const char *new)
{
	free(*text);
	*text = new ? base_strdup(new) : NULL;
}

static void item_update(struct fetch_item *i, const struct settings_list *l)
{
	bool moved = !i->url || strcmp(i->url, l->url) != 0 || strcmp(i->file, l->file) != 0;
	bool paced = i->refresh_s != l->refresh_s;
	i->seen = true;
	i->format = l->format;
	i->may_allow = l->may_allow;
	i->off = l->mode == MODE_OFF;
	i->refresh_s = l->refresh_s;
	i->max_change_percent = l->max_change_percent;
	if (!i->run && !i->probe) { /* what is under way goes on as it began */
		replace(&i->key, l->key_text);
		replace(&i->signature, l->signature);
		replace(&i->signature_url, l->signature_url);
	}
	if (moved) {
		if (i->url)
			item_stop(i);
		free(i->url);
		free(i->file);
		i->url = base_strdup(l->url);
		i->file = base_strdup(l->file);
		fetch_record_clean(i->file, i->signature); /* what a saringd left that was killed */
		fetch_record_load(i->file, &i->record);
		if (strcmp(i->record.url, i->url) != 0) {
			i->record.failures = 0;
			i->record.error[0] = '\0';
		}
	}
	if (moved || paced)
		item_schedule(i);
}

static bool can_be_fetched(const struct settings_list *l)
{
	return l->url && strlen(l->file) < COPY_PATH_MAX && strlen(l->url) < sizeof(((struct fetch_record *)NULL)->url);
}

void fetch_sync(struct fetch *f)
{
	uint64_t serial = 0;
	const struct settings *s = f->config.settings(f->config.settings_arg, &serial);
	if (serial == f->serial)
		return;
	struct fetch_item **items = base_alloc((s->list_count + 1) * sizeof(*items));
	size_t count = 0;
	f->serial = serial;
	for (size_t n = 0; n < s->list_count; n++) {
		if (!can_be_fetched(&s->lists[n]))
			continue;
		struct fetch_item *i = fetch_find(f, str_from(s->lists[n].name));
		if (!i) {
			i = base_alloc(sizeof(*i));
			i->fetch = f;
			i->serial = ++f->serials;
			i->name = base_strdup(s->lists[n].name);
		}
		item_update(i, &s->lists[n]);
		i->number = n;
		i->looked = false;
		items[count++] = i;
	}
	for (size_t n = 0; n < f->count; n++)
		if (!f->items[n]->seen)
			fetch_item_free(f->items[n]);
	free(f->items);
	f->items = items;
	f->count = count;
	for (size_t n = 0; n < count; n++)
		items[n]->seen = false;
}

struct fetch_item *fetch_find(const struct fetch *f, struct str name)
{
	for (size_t n = 0; n < f->count; n++)
		if (str_eq_c(name, f->items[n]->name))
			return f->items[n];
	return NULL;
}
