/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/health.h"

/* The server of the same address and zone in the configuration before: what was learned of it stays. */
static struct server *server_of_old(const struct upstreams *old, const struct addr *addr, const struct name *zone)
{
	for (size_t i = 0; old != NULL && i < old->route_count; i++) {
		const struct route *r = &old->routes[i];
		if (r->is_default != (zone == NULL) || (zone != NULL && !name_eq(&r->zone, zone)))
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
		r->servers[i] = server_of_old(old, &servers[i].addr, zone);
		if (r->servers[i] == NULL)
			r->servers[i] = server_new(&servers[i], zone, last_number);
	}
}

/* Has u a route of the same zone and the same servers? */
static bool has_route(const struct upstreams *u, const struct route *route)
{
	for (size_t i = 1; i < u->route_count; i++) {
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
	while (*at < u->route_count + old->route_count) {
		size_t i = (*at)++;
		const struct upstreams *mine = i < u->route_count ? u : old, *other = mine == u ? old : u;
		const struct route *route = &mine->routes[mine == u ? i : i - u->route_count];
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

struct upstreams *upstreams_create(const struct settings *s, const struct endpoint *servers, size_t count,
				   const struct upstreams *old)
{
	struct upstreams *u = base_alloc(sizeof(*u));
	u->strategy = s->strategy;
	u->timeout_ms = s->timeout_ms;
	u->cookies = s->upstream_cookies;
	u->route_count = 1 + s->route_count;
	u->routes = base_alloc(u->route_count * sizeof(*u->routes));
	u->last_number = old == NULL ? 0 : old->last_number;
	route_fill(&u->routes[0], NULL, servers, count, old, &u->last_number);
	for (size_t i = 0; i < s->route_count; i++)
		route_fill(&u->routes[1 + i], &s->routes[i].zone, s->routes[i].servers, s->routes[i].server_count, old,
			   &u->last_number);
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
	}
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

bool upstreams_any_up(const struct upstreams *u, const struct name *name, uint16_t type)
{
	const struct route *route = upstreams_route(u, name, type);
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
	ret->rtt_ms = (double)atomic_load_explicit(&s->srtt_us, memory_order_relaxed) / 1000.0;
	ret->sent = atomic_load_explicit(&s->sent, memory_order_relaxed);
	ret->rtt = (struct latency_sum){.sum_us = 0};
	latency_read(&s->rtt, &ret->rtt);
	ret->failed = atomic_load_explicit(&s->failed, memory_order_relaxed);
}
