/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/health.h"

/* The server of the same address and zone in the configuration before: what was learned of it stays. */
static struct server *server_of_old(const struct upstreams *old, const struct addr *addr, const struct name *zone, uint32_t set)
{
	for (size_t i = 0; old != NULL && i < old->route_count; i++) {
		const struct route *r = &old->routes[i];
		if (r->set != set || r->is_default != (zone == NULL) || (zone != NULL && !name_eq(&r->zone, zone)))
			continue;
		for (size_t j = 0; j < r->server_count; j++)
			if (addr_eq(&r->servers[j]->addr, addr))
				return server_ref(r->servers[j]);
	}
	return NULL;
}

static struct server *server_new(const struct endpoint *e, const struct name *zone, uint16_t *last_number)
{
	struct server *s = base_alloc(sizeof(*s));
	s->addr = e->addr;
	if (*last_number < UINT16_MAX)
		s->number = ++*last_number;
	(void)snprintf(s->text, sizeof(s->text), "%s", e->text);
	s->has_zone = zone != NULL;
	if (zone != NULL)
		s->zone = *zone;
	s->refs = 1;
	return s;
}

static void route_fill(struct route *r, const struct name *zone, const struct endpoint *servers, size_t count,
		       const struct upstreams *old, uint16_t *last_number)
{
	r->is_default = zone == NULL;
	if (zone != NULL) {
		char text[NAME_TEXT_MAX];
		r->zone = *zone;
		r->zone_text = base_strdup(name_to_text(zone, text));
	}
	r->server_count = MIN(count, (size_t)SETTINGS_SERVERS_MAX);
	r->servers = base_alloc(MAX(r->server_count, 1u) * sizeof(struct server *));
	for (size_t i = 0; i < r->server_count; i++) {
		r->servers[i] = server_of_old(old, &servers[i].addr, zone, r->set);
		if (r->servers[i] == NULL)
			r->servers[i] = server_new(&servers[i], zone, last_number);
	}
}

/* Has u a route of the same zone and the same servers? */
static bool has_route(const struct upstreams *u, const struct route *route)
{
	for (size_t i = 1; i < u->zone_count; i++) {
		const struct route *r = &u->routes[i];
		if (!name_eq(&r->zone, &route->zone))
			continue;
		bool same = r->server_count == route->server_count;
		for (size_t j = 0; same && j < r->server_count; j++)
			same = addr_eq(&r->servers[j]->addr, &route->servers[j]->addr);
		return same;
	}
	return false;
}

bool upstreams_changed(const struct upstreams *u, const struct upstreams *old, size_t *at, struct name *ret_zone)
{
	while (*at < u->zone_count + old->zone_count) {
		size_t i = (*at)++;
		const struct upstreams *mine = i < u->zone_count ? u : old, *other = mine == u ? old : u;
		const struct route *route = &mine->routes[mine == u ? i : i - u->zone_count];
		if (route->is_default || has_route(other, route))
			continue;
		*ret_zone = route->zone;
		return true;
	}
	return false;
}

uint64_t upstreams_routes(const struct upstreams *u)
{
	return u->routes_number;
}

static bool set_is(const struct route *r, const struct settings_group *g, enum strategy strategy)
{
	bool same = r->set != 0 && r->server_count == g->server_count && r->strategy == strategy;
	for (size_t i = 0; same && i < g->server_count; i++)
		same = addr_eq(&r->servers[i]->addr, &g->servers[i].addr);
	return same;
}

static uint32_t set_find(const struct upstreams *u, const struct settings_group *g, enum strategy strategy)
{
	for (size_t i = u == NULL ? 0 : u->zone_count; u != NULL && i < u->route_count; i++)
		if (set_is(&u->routes[i], g, strategy))
			return u->routes[i].set;
	return 0;
}

/* Groups with the same servers share a set; one that was there before keeps its number, and no other ever gets that: what is cached
 * under it is what these servers said. */
static void sets_fill(struct upstreams *u, const struct settings *s, const struct upstreams *old)
{
	u->last_set = old == NULL ? 0 : old->last_set;
	u->group_count = s->group_count;
	u->group_sets = base_alloc((s->group_count + 1) * sizeof(*u->group_sets));
	for (size_t i = 0; i < s->group_count; i++) {
		const struct settings_group *g = &s->groups[i];
		const enum strategy strategy = g->has_strategy ? g->strategy : s->strategy;
		if (g->server_count == 0)
			continue;
		uint32_t set = set_find(u, g, strategy);
		if (set == 0) {
			struct route *r = &u->routes[u->route_count];
			set = set_find(old, g, strategy);
			r->set = set != 0 ? set : ++u->last_set;
			r->strategy = strategy;
			r->group_text = base_strdup(g->name);
			route_fill(r, NULL, g->servers, g->server_count, old, &u->last_number);
			u->route_count++;
			set = r->set;
		}
		u->group_sets[i] = set;
	}
}

struct upstreams *upstreams_create(const struct settings *s, const struct endpoint *servers, size_t count,
				   const struct upstreams *old)
{
	struct upstreams *u = base_alloc(sizeof(*u));
	u->timeout_ms = s->timeout_ms;
	u->cookies = s->upstream_cookies;
	u->strategy = s->strategy;
	u->zone_count = u->route_count = 1 + s->route_count;
	u->routes = base_alloc((u->route_count + s->group_count) * sizeof(*u->routes));
	u->last_number = old == NULL ? 0 : old->last_number;
	route_fill(&u->routes[0], NULL, servers, count, old, &u->last_number);
	for (size_t i = 0; i < s->route_count; i++)
		route_fill(&u->routes[1 + i], &s->routes[i].zone, s->routes[i].servers, s->routes[i].server_count, old,
			   &u->last_number);
	for (size_t i = 0; i < u->zone_count; i++)
		u->routes[i].strategy = s->strategy;
	sets_fill(u, s, old);
	struct name zone;
	size_t at = 0;
	if (old != NULL)
		u->routes_number = old->routes_number + (upstreams_changed(u, old, &at, &zone) ? 1 : 0);
	return u;
}

void upstreams_destroy(struct upstreams *u)
{
	if (u == NULL)
		return;
	for (size_t i = 0; i < u->route_count; i++) {
		for (size_t j = 0; j < u->routes[i].server_count; j++)
			server_unref(u->routes[i].servers[j]);
		free(u->routes[i].servers);
		free(u->routes[i].zone_text);
		free(u->routes[i].group_text);
	}
	free(u->group_sets);
	free(u->routes);
	free(u);
}

bool upstreams_are_own(const struct upstreams *u)
{
	const struct route *route = &u->routes[0];
	bool own = route->server_count > 0;
	for (size_t i = 0; i < route->server_count; i++)
		own = own && addr_is_private(&route->servers[i]->addr);
	return own;
}

unsigned upstreams_zone_labels(const struct upstreams *u, const struct name *name, uint16_t type)
{
	const struct route *route = upstreams_route(u, name, type);
	return route->is_default ? 0 : route->zone.labels;
}

uint32_t upstreams_of_group(const struct upstreams *u, size_t group)
{
	return group < u->group_count ? u->group_sets[group] : 0;
}

bool upstreams_any_up(const struct upstreams *u, const struct name *name, uint16_t type, uint32_t set)
{
	const struct route *route = upstreams_route_for(u, name, type, set);
	for (size_t i = 0; i < route->server_count; i++)
		if (server_is_up(route->servers[i]))
			return true;
	return false;
}

bool upstreams_has_host(const struct upstreams *u, const struct addr *host)
{
	for (size_t i = 0; i < u->route_count; i++)
		for (size_t j = 0; j < u->routes[i].server_count; j++)
			if (addr_same_host(&u->routes[i].servers[j]->addr, host))
				return true;
	return false;
}

size_t upstreams_count(const struct upstreams *u)
{
	size_t count = 0;
	for (size_t i = 0; i < u->route_count; i++)
		count += u->routes[i].server_count;
	return count;
}

static const char *state_word(const struct server *s)
{
	switch ((enum server_state)atomic_load_explicit(&s->state, memory_order_relaxed)) {
	case SERVER_UP:
		return "up";
	case SERVER_DOWN:
		return "down";
	case SERVER_PROBING:
		return "probing";
	}
	return "up";
}

void upstreams_stats(const struct upstreams *u, size_t i, struct upstream_stats *ret)
{
	size_t route = 0;
	while (route < u->route_count && i >= u->routes[route].server_count)
		i -= u->routes[route++].server_count;
	must(route < u->route_count);
	const struct server *s = u->routes[route].servers[i];
	memcpy(ret->server, s->text, sizeof(ret->server));
	char *port = strrchr(ret->server, ':');
	if (port != NULL && strcmp(port, ":53") == 0) /* as people write it */
		*port = '\0';
	ret->number = s->number;
	ret->state = state_word(s);
	ret->zone = u->routes[route].zone_text;
	ret->group = u->routes[route].group_text;
	ret->set = u->routes[route].set;
	ret->strategy = u->routes[route].strategy;
	ret->rtt_ms = (double)atomic_load_explicit(&s->srtt_us, memory_order_relaxed) / 1000.0;
	ret->sent = atomic_load_explicit(&s->sent, memory_order_relaxed);
	ret->rtt = (struct latency_sum){.sum_us = 0};
	latency_read(&s->rtt, &ret->rtt);
	ret->failed = atomic_load_explicit(&s->failed, memory_order_relaxed);
}
