/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/port.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rand.h"
#include "upstream/pool_ask.h"

#define UDP_PORT_MIN 1024u
#define UDP_PORT_COUNT (65536u - UDP_PORT_MIN)
#define UDP_BIND_TRIES 8 /* taken ports are met at random; after this many the kernel chooses */

void ports_init(struct ports *ports)
{
	TAILQ_INIT(&ports->open);
	TAILQ_INIT(&ports->free);
	ports->open_count = 0;
}

void ports_finish(struct ports *ports)
{
	struct port *port;
	while ((port = TAILQ_FIRST(&ports->open)) != NULL)
		port_close(port);
	while ((port = TAILQ_FIRST(&ports->free)) != NULL) {
		TAILQ_REMOVE(&ports->free, port, link);
		free(port); // NOLINT(clang-analyzer-unix.Malloc): TAILQ_REMOVE moves the head on
	}
}

/* One that a server listens at, or will again: it may be on this machine, and could not while we have it. */
static bool is_servers(const struct upstreams *u, unsigned port)
{
	for (size_t i = 0; i < u->route_count; i++)
		for (size_t j = 0; j < u->routes[i].server_count; j++)
			if (addr_port(&u->routes[i].servers[j]->addr) == port)
				return true;
	return false;
}

/* A port of our own choice from the whole range, less the servers': the kernel's ephemeral range is half as large (RFC 5452 §9.2).
 */
static bool bind_random(int fd, sa_family_t family, const struct upstreams *u)
{
	struct addr any = {.len = family == AF_INET6 ? sizeof(any.in6) : sizeof(any.in)};
	any.sa.sa_family = family;
	for (int i = 0; i < UDP_BIND_TRIES; i++) {
		uint16_t port = (uint16_t)(UDP_PORT_MIN + rand_below(UDP_PORT_COUNT));
		if (is_servers(u, port))
			continue;
		addr_set_port(&any, port);
		if (bind(fd, &any.sa, any.len) == 0)
			return true;
		if (errno != EADDRINUSE && errno != EACCES)
			return false;
	}
	addr_set_port(&any, 0);
	return bind(fd, &any.sa, any.len) == 0;
}

/* ICMP "fragmentation needed" can be forged: path MTUs learned from it are not to be believed (IP_PMTUDISC_OMIT). */
static void omit_pmtu(int fd, sa_family_t family)
{
	if (family == AF_INET6) {
		int omit = IPV6_PMTUDISC_OMIT;
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit, sizeof(omit));
	} else {
		int omit = IP_PMTUDISC_OMIT;
		(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &omit, sizeof(omit));
	}
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static enum attempt_start socket_open(const struct upstreams *u, const struct addr *to, int *ret_fd)
{
	int fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return is_shortage(errno) ? ATTEMPT_NO_RESOURCES : ATTEMPT_NETWORK;
	omit_pmtu(fd, to->sa.sa_family);
	if (!bind_random(fd, to->sa.sa_family, u) || connect(fd, &to->sa, to->len) != 0) {
		bool shortage = is_shortage(errno) || errno == EAGAIN || errno == EADDRINUSE;
		(void)close(fd);
		return shortage ? ATTEMPT_NO_RESOURCES : ATTEMPT_NETWORK;
	}
	*ret_fd = fd;
	return ATTEMPT_STARTED;
}

static struct port *port_new(struct ports *ports)
{
	struct port *port = TAILQ_FIRST(&ports->free);
	if (port == NULL)
		return malloc(sizeof(*port));
	TAILQ_REMOVE(&ports->free, port, link);
	return port;
}

static enum attempt_start port_fresh(struct pool *pool, struct lane *lane, struct port **ret)
{
	struct ports *ports = &pool->ports;
	int fd;
	if (ports->open_count >= PORTS_MAX || lane->port_count >= PORTS_LANE_MAX)
		return ATTEMPT_NO_RESOURCES;
	enum attempt_start how = socket_open(pool->u, &lane->server->addr, &fd);
	if (how != ATTEMPT_STARTED)
		return how;
	struct port *port = port_new(ports);
	if (port == NULL) {
		(void)close(fd);
		return ATTEMPT_NO_RESOURCES;
	}
	port->pool = pool;
	port->lane = lane;
	port->fd = fd;
	port->opened_ns = pool->now_ns;
	port->used = port->open = port->mismatches = 0;
	port->busy = false;
	if (event_assign(&port->readable, pool->base, fd, EV_READ | EV_PERSIST, udp_on_readable, port) != 0 ||
	    event_add(&port->readable, NULL) != 0) {
		(void)close(fd);
		TAILQ_INSERT_HEAD(&ports->free, port, link);
		return ATTEMPT_NO_RESOURCES;
	}
	TAILQ_INSERT_HEAD(&ports->open, port, link);
	ports->open_count++;
	TAILQ_INSERT_HEAD(&lane->ports, port, of_lane);
	lane->port_count++;
	*ret = port;
	return ATTEMPT_STARTED;
}

/* The youngest port, if questions of this turn may join it. Open ones are waited on. */
static struct port *port_young(const struct pool *pool, const struct lane *lane)
{
	struct port *port = TAILQ_FIRST(&lane->ports);
	if (port == NULL || port->used == PORT_QUERIES_MAX || lane->open < PORT_SHARE_FROM)
		return NULL;
	return pool->now_ns - port->opened_ns <= (int64_t)PORT_SHARE_MS * 1000000 ? port : NULL;
}

enum attempt_start port_open(struct pool *pool, struct lane *lane, struct port **ret)
{
	*ret = port_young(pool, lane);
	if (*ret != NULL)
		return ATTEMPT_STARTED;
	enum attempt_start how = port_fresh(pool, lane, ret);
	if (how != ATTEMPT_NO_RESOURCES)
		return how;
	struct port *port;
	unsigned looked = 0;
	TAILQ_FOREACH(port, &lane->ports, of_lane)
	{
		if (looked++ == PORT_JOIN_LOOK)
			break;
		if (port->used == PORT_QUERIES_MAX)
			continue;
		*ret = port;
		return ATTEMPT_STARTED;
	}
	return ATTEMPT_NO_RESOURCES;
}

void port_close(struct port *port)
{
	struct ports *ports = &port->pool->ports;
	(void)event_del(&port->readable);
	(void)close(port->fd);
	port->fd = -1;
	TAILQ_REMOVE(&ports->open, port, link);
	ports->open_count--;
	TAILQ_REMOVE(&port->lane->ports, port, of_lane);
	port->lane->port_count--;
	TAILQ_INSERT_HEAD(&ports->free, port, link);
}

static bool id_taken(const struct port *port, uint16_t id)
{
	for (unsigned i = 0; i < port->used; i++)
		if (port->ids[i] == id)
			return true;
	return false;
}

void port_put(struct port *port, struct attempt *a)
{
	must(port->used < PORT_QUERIES_MAX);
	do {
		a->id = (uint16_t)rand_u32();
	} while (id_taken(port, a->id));
	a->port = port;
	a->port_slot = (uint8_t)port->used;
	port->ids[port->used] = a->id;
	port->attempts[port->used] = a;
	port->used++;
	port->open++;
}

void port_drop(struct attempt *a)
{
	struct port *port = a->port;
	must(port->attempts[a->port_slot] == a);
	port->attempts[a->port_slot] = NULL;
	port->open--;
	a->port = NULL;
}

enum port_find port_find(const struct port *port, uint16_t id, struct attempt **ret)
{
	for (unsigned i = 0; i < port->used; i++) {
		if (port->ids[i] != id)
			continue;
		*ret = port->attempts[i];
		return *ret != NULL ? PORT_FOUND : PORT_LATE;
	}
	return PORT_STRANGER;
}
