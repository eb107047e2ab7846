/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/fetch.h"

#include "audit/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "fetch/guard.h"
#include "fetch/item.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_S 1

/* ---- when ---- */

void fetch_pump(struct fetch *f)
{
	size_t running = 0;
	for (size_t n = 0; n < f->count; n++)
		running += f->items[n]->run || f->items[n]->probe;
	for (size_t n = 0; n < f->count && running < FETCH_AT_ONCE; n++) {
		if (f->items[n]->state != FETCH_WAITING)
			continue;
		fetch_item_run(f->items[n]);
		running += f->items[n]->run != NULL;
	}
}

static bool is_busy(const struct fetch_item *i)
{
	return i->state == FETCH_WAITING || i->state == FETCH_RUNNING;
}

/* Is the copy what it should be? One that the compiler could not use, since something damaged it or saring.yaml says another
 * format, is as good as none: it is fetched whole, now. Only once: from then on nothing is known of a copy. */
static void item_look(struct fetch_item *i, int64_t now_s)
{
	const struct fetch_config *c = &i->fetch->config;
	struct fetch_record *r = &i->record;
	i->looked = true;
	if (i->off || !r->url[0] || !c->is_read || c->is_read(c->settings_arg, i->number))
		return;
	log_warning("fetch.copy-unusable list=%s", i->name);
	r->url[0] = r->etag[0] = r->last_modified[0] = '\0';
	r->entries = 0;
	i->next_s = now_s;
}

void fetch_tick(struct fetch *f)
{
	int64_t now_s = clock_wall_s();
	fetch_sync(f);
	for (size_t n = 0; n < f->count; n++) {
		struct fetch_item *i = f->items[n];
		if (!is_busy(i) && !i->looked)
			item_look(i, now_s);
		if (!is_busy(i) && !i->off && i->refresh_s > 0 && fetch_is_due(i->next_s, now_s, i->refresh_s))
			i->state = FETCH_WAITING;
	}
	fetch_pump(f);
}

static void fetch_on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	fetch_tick(arg);
}

static bool check_names(const struct fetch *f, json_t *names, struct err *err)
{
	uint64_t serial;
	const struct settings *s = f->config.settings(f->config.settings_arg, &serial);
	char text[1024];
	size_t n;
	json_t *name;
	json_array_foreach(names, n, name)
	{
		struct str wanted = {json_string_value(name), json_string_length(name)};
		if (!wanted.ptr)
			return err_set(err, ERR_USAGE, "the argument 'lists' takes names");
		if (fetch_find(f, wanted))
			continue;
		for (size_t l = 0; l < s->list_count; l++)
			if (str_eq_c(wanted, s->lists[l].name))
				return err_set(err, ERR_INPUT, "the list '%s' has no url: it is read from its file",
					       s->lists[l].name);
		return err_set(err, ERR_NOT_FOUND, "saringd has no list '%s'", str_escape(wanted, true, text, sizeof(text)));
	}
	return true;
}

/* Who asked last is who it is for. */
static void item_ask(struct fetch_item *i, const struct audit_said *said)
{
	json_decref(i->change);
	i->change = said ? json_incref((json_t *)(uintptr_t)said->change) : NULL;
	i->asked = said != NULL;
	i->who = said ? *said->who : (struct audit_who){.by = "control"};
	i->begun_ns = said ? said->arrived_ns : clock_mono_ns();
}

bool fetch_ask(struct fetch *f, json_t *names, bool force, const struct audit_said *said, json_t **ret_names, struct err *err)
{
	size_t n;
	json_t *name;
	fetch_sync(f);
	if (!check_names(f, names, err))
		return false;
	json_t *all = names ? json_incref(names) : json_array();
	for (n = 0; !names && n < f->count; n++)
		if (!f->items[n]->off)
			must(json_array_append_new(all, json_string(f->items[n]->name)) == 0);
	json_array_foreach(all, n, name)
	{
		struct fetch_item *i = fetch_find(f, str_from(json_string_value(name)));
		i->force |= force;
		item_ask(i, said);
		if (!is_busy(i))
			i->state = FETCH_WAITING;
	}
	fetch_pump(f);
	*ret_names = all;
	return true;
}

/* ---- life ---- */

struct fetch *fetch_create(const struct fetch_config *config)
{
	static const struct timeval tick = {.tv_sec = TICK_S};
	struct fetch *f = base_alloc(sizeof(*f));
	f->config = *config;
	const char *slash = strrchr(config->control_socket, '/');
	must(slash);
	int n = snprintf(f->socket_path, sizeof(f->socket_path), "%.*s/fetch.socket", (int)(slash - config->control_socket),
			 config->control_socket);
	must(n > 0 && (size_t)n < sizeof(f->socket_path)); /* a socket's path has at most 107 bytes */
	f->on_tick = event_new(config->base, -1, EV_PERSIST, fetch_on_tick, f);
	must(f->on_tick && event_add(f->on_tick, &tick) == 0);
	fetch_tick(f);
	return f;
}

void fetch_destroy(struct fetch *f)
{
	if (!f)
		return;
	event_free(f->on_tick);
	for (size_t n = 0; n < f->count; n++)
		fetch_item_free(f->items[n]);
	free(f->items);
	free(f);
}
