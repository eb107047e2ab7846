/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Servers that are saringd itself: to ask one is to ask in a circle. */
#include "settings/load.h"

#include "base/local.h"

/* Does who listens there answer at this address? own: is an address this machine's? */
static bool covers(const struct addr *listen, const struct addr *server, bool (*own)(const struct addr *a))
{
	if (addr_eq(listen, server))
		return true;
	/* An IPv6 wildcard takes no IPv4: the sockets are bound with IPV6_V6ONLY. */
	return addr_is_any(listen) && listen->sa.sa_family == server->sa.sa_family && addr_port(listen) == addr_port(server) &&
	       own(server);
}

static bool listens(const struct settings *s, const struct addr *server, bool (*own)(const struct addr *a))
{
	for (size_t i = 0; i < s->listen_count; i++) {
		if (covers(&s->listen[i].addr, server, own))
			return true;
	}
	return false;
}

bool settings_is_self(const struct settings *s, const struct addr *server)
{
	return listens(s, server, addr_is_loopback);
}

bool settings_is_here(const struct settings *s, const struct addr *server)
{
	return listens(s, server, local_has);
}

static bool check_servers(const struct settings *s, const struct endpoint *servers, size_t count, const struct addr *bound,
			  size_t bound_count, struct err_list *errors)
{
	bool ok = true;
	for (size_t i = 0; i < count; i++) {
		const struct addr *server = &servers[i].addr;
		if (settings_is_self(s, server))
			continue; /* settings_parse said so */
		bool here = settings_is_here(s, server);
		for (size_t b = 0; b < bound_count; b++)
			here = here || covers(&bound[b], server, local_has);
		if (here)
			err_list_add_at(errors, s->path, servers[i].line, servers[i].column,
					"'%s' is where saringd itself listens: it would ask itself", servers[i].text);
		ok = ok && !here;
	}
	return ok;
}

bool settings_check_here(const struct settings *s, const struct addr *bound, size_t bound_count, struct err_list *errors)
{
	bool ok = check_servers(s, s->servers, s->server_count, bound, bound_count, errors);
	for (size_t r = 0; r < s->route_count; r++) {
		if (r > 0 && s->routes[r].servers == s->routes[r - 1].servers)
			continue; /* another zone of the same route */
		ok = check_servers(s, s->routes[r].servers, s->routes[r].server_count, bound, bound_count, errors) && ok;
	}
	for (size_t g = 0; g < s->group_count; g++)
		ok = check_servers(s, s->groups[g].servers, s->groups[g].server_count, bound, bound_count, errors) && ok;
	return ok;
}
