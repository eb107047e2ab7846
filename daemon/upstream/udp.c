/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/pool_ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/rand.h"

#define UDP_PORT_MIN 1024u
#define UDP_PORT_COUNT (65536u - UDP_PORT_MIN)
#define UDP_BIND_TRIES 8   /* taken ports are met at random; after this many the kernel chooses */
#define UDP_READ_BUDGET 16 /* datagrams taken from one socket before others have their turn */

/* A port of our own choice from the whole range: the kernel's ephemeral range is half as large (RFC 5452 §9.2). */
static bool bind_random(int fd, sa_family_t family)
{
	struct addr any = {.len = family == AF_INET6 ? sizeof(any.in6) : sizeof(any.in)};
	any.sa.sa_family = family;
	for (int i = 0; i < UDP_BIND_TRIES; i++) {
		addr_set_port(&any, (uint16_t)(UDP_PORT_MIN + rand_below(UDP_PORT_COUNT)));
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

static void read_error(struct attempt *a)
{
	if (errno == EAGAIN || errno == EINTR || a->errored)
		return; /* a second error says nothing new */
	pool_ask_on_failure(a, ATTEMPT_REFUSED);
}

/* One datagram. True when it was not for us and reading may go on. */
static bool take(struct attempt *a, ssize_t got)
{
	struct pool *pool = a->ask->pool;
	size_t len = (size_t)got;
	enum message_match match = MESSAGE_MISMATCH;
	if (len <= MSG_UDP_EDNS_MAX)
		match = message_match(pool->datagram, len, a->id, &a->question);
	switch (match) {
	case MESSAGE_MATCH:
		pool_ask_on_reply(a, pool->datagram, len, match);
		return false;
	case MESSAGE_CASE:
		a->case_seen = true;
		break;
	case MESSAGE_BARE:
	case MESSAGE_MISMATCH:
		break;
	}
	counters_add(pool->counters, COUNTER_UPSTREAM_MISMATCHED);
	if (++a->mismatches < ASK_MISMATCHES_MAX)
		return true;
	pool_ask_on_failure(a, ATTEMPT_GUESSED);
	return false;
}

static void udp_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;
	(void)what;
	for (int i = 0; i < UDP_READ_BUDGET; i++) {
		struct pool *pool = a->ask->pool;
		ssize_t got = recv(fd, pool->datagram, sizeof(pool->datagram), 0);
		if (got < 0) {
			read_error(a);
			return;
		}
		if (!take(a, got))
			return;
	}
}

enum attempt_start udp_start(struct attempt *a, const uint8_t *query, size_t len)
{
	const struct addr *to = &a->server->addr;
	int fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return is_shortage(errno) ? ATTEMPT_NO_RESOURCES : ATTEMPT_NETWORK;
	omit_pmtu(fd, to->sa.sa_family);
	if (!bind_random(fd, to->sa.sa_family) || connect(fd, &to->sa, to->len) != 0) {
		bool shortage = is_shortage(errno) || errno == EAGAIN || errno == EADDRINUSE;
		(void)close(fd);
		return shortage ? ATTEMPT_NO_RESOURCES : ATTEMPT_NETWORK;
	}
	/* a full send buffer loses the datagram, as the network may: the schedule sends again */
	if (send(fd, query, len, MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != ENOBUFS) {
		(void)close(fd);
		return ATTEMPT_NETWORK;
	}
	if (event_assign(&a->readable, a->ask->pool->base, fd, EV_READ | EV_PERSIST, udp_on_readable, a) != 0 ||
	    event_add(&a->readable, NULL) != 0) {
		(void)close(fd);
		return ATTEMPT_NO_RESOURCES;
	}
	a->fd = fd;
	return ATTEMPT_STARTED;
}

void udp_cancel(struct attempt *a)
{
	if (a->fd < 0)
		return;
	(void)event_del(&a->readable);
	(void)close(a->fd);
	a->fd = -1;
}
