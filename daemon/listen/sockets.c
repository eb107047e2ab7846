/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/sockets.h"

#include "base/log.h"
#include "listen/handed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT_TRIES 32 /* for a port free for UDP and TCP alike */
#define DNS_PORT 53

/* What is being made: the set, and what it is made of. */
struct plan {
	const struct listener *handed;
	size_t handed_count;
	unsigned workers;
	struct sockets *to;
	size_t room; /* of to->all */
};

/* ---- what is to be listened at ---- */

static bool is_passed_port(const struct plan *p, uint16_t port)
{
	bool passed = false, same = false;

	for (size_t i = 0; i < p->handed_count; i++) {
		passed |= p->handed[i].origin == LISTENER_PASSED;
		same |= p->handed[i].origin == LISTENER_PASSED && addr_port(&p->handed[i].addr) == port;
	}
	return same || (passed && port == DNS_PORT);
}

static bool is_passed(const struct plan *p, const struct addr *addr)
{
	for (size_t i = 0; i < p->handed_count; i++)
		if (p->handed[i].origin == LISTENER_PASSED && addr_eq(&p->handed[i].addr, addr))
			return true;
	return false;
}

static bool is_there(const struct sockets *s, const struct addr *addr)
{
	for (size_t i = 0; i < s->addr_count; i++)
		if (addr_eq(&s->addrs[i], addr))
			return true;
	return false;
}

static bool is_named(const struct endpoint *endpoints, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (addr_eq(&endpoints[i].addr, addr))
			return true;
	return false;
}

/* The port that port 0 of this host had an earlier time; 0: none. */
static uint16_t port_before(const struct plan *p, const struct endpoint *endpoints, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < p->handed_count; i++) {
		const struct listener *l = &p->handed[i];
		if (l->origin == LISTENER_KEPT && addr_same_host(&l->addr, addr) && !is_named(endpoints, count, &l->addr) &&
		    !is_there(p->to, &l->addr))
			return addr_port(&l->addr);
	}
	return 0;
}

static void add_addr(struct sockets *s, const struct addr *addr, const struct addr *asked)
{
	s->asked[s->addr_count] = *asked;
	s->addrs[s->addr_count++] = *addr;
}

static void choose(const struct plan *p, const struct endpoint *endpoints, size_t count)
{
	for (size_t e = 0; e < count; e++) {
		struct addr addr = endpoints[e].addr;
		if (addr_port(&addr) == 0)
			addr_set_port(&addr, port_before(p, endpoints, count, &addr));
		if (!is_passed(p, &addr) && is_passed_port(p, addr_port(&addr)))
			log_info(
			    "listen.ignored endpoint=\"%s\" text=\"the service manager passes sockets for that port, or for port "
			    "53: they decide\"",
			    endpoints[e].text);
		else if (addr_port(&addr) == 0 || !is_there(p->to, &addr))
			add_addr(p->to, &addr, &endpoints[e].addr);
	}
	for (size_t i = 0; i < p->handed_count; i++)
		if (p->handed[i].origin == LISTENER_PASSED && !is_there(p->to, &p->handed[i].addr))
			add_addr(p->to, &p->handed[i].addr, &p->handed[i].addr);
}

/* ---- the sockets of one address ---- */

static void add(struct plan *p, const struct listener *l)
{
	struct sockets *s = p->to;

	if (s->count == p->room) {
		p->room = MAX(p->room * 2, (size_t)16);
		s->all = base_realloc(s->all, p->room * sizeof(*s->all));
	}
	s->all[s->count++] = *l;
}

static size_t take_over(struct plan *p, const struct addr *addr, bool stream)
{
	size_t count = 0;

	for (size_t i = 0; i < p->handed_count; i++) {
		if (p->handed[i].stream == stream && addr_eq(&p->handed[i].addr, addr)) {
			add(p, &p->handed[i]);
			count++;
		}
	}
	return count;
}

/* More sockets until each worker has one. beside: there are such already, and it is no harm when the kernel wants no more: they may
 * be another user's, or without SO_REUSEPORT, or the right to their port may be gone. addr gets the port the kernel gave. */
static bool open_more(struct plan *p, struct addr *addr, bool stream, size_t have, bool beside)
{
	for (; have < p->workers; have++) {
		struct listener l = {
		    .fd = -1, .stream = stream, .wildcard = addr_is_any(addr), .origin = LISTENER_OPENED, .addr = *addr};
		if (!listener_open(&l))
			return beside;
		add(p, &l);
		*addr = l.addr;
	}
	return true;
}

/* UDP and TCP of an address of which nothing is there. */
static bool open_fresh(struct plan *p, struct addr *addr, bool *ret_stream)
{
	struct addr real = *addr;

	*ret_stream = false;
	if (!open_more(p, &real, false, 0, false))
		return false;
	*ret_stream = true;
	/* the kernel's choice for UDP may be somebody's for TCP */
	if (addr_port(addr) == 0 && !listener_is_free(&real, true))
		return false;
	if (!open_more(p, &real, true, 0, false))
		return false;
	*addr = real;
	return true;
}

static void close_from(struct sockets *s, size_t from)
{
	int saved = errno;

	for (size_t i = from; i < s->count; i++)
		if (s->all[i].origin == LISTENER_OPENED)
			close(s->all[i].fd);
	s->count = from;
	errno = saved;
}

/* Of an address that was handed over, and perhaps only by one of the two. */
static bool open_beside(struct plan *p, struct addr *addr, struct err *err)
{
	for (int stream = 0; stream <= 1; stream++) {
		size_t have = take_over(p, addr, stream == 1);
		if (open_more(p, addr, stream == 1, have, have > 0))
			continue;
		if (!is_passed(p, addr))
			return listener_say_why(addr, stream == 1, err);
		char text[ADDR_TEXT_MAX];
		log_warning("listen.half endpoint=\"dns://%s\" missing=%s error=\"%s\" text=\"the .socket unit wants a line for "
			    "it, too\"",
			    addr_to_text(addr, text), stream ? "tcp" : "udp", strerror(errno));
	}
	return true;
}

static bool is_handed(const struct plan *p, const struct addr *addr)
{
	for (size_t i = 0; i < p->handed_count; i++)
		if (addr_eq(&p->handed[i].addr, addr))
			return true;
	return false;
}

static bool open_at(struct plan *p, struct addr *addr, struct err *err)
{
	if (is_handed(p, addr))
		return open_beside(p, addr, err);
	unsigned tries = addr_port(addr) == 0 ? PORT_TRIES : 1;
	size_t from = p->to->count;
	bool stream = false;
	while (tries-- > 0) {
		if (open_fresh(p, addr, &stream))
			return true;
		close_from(p->to, from);
	}
	return listener_say_why(addr, stream, err);
}

/* Those handed over are in nobody's way but a socket's that has no SO_REUSEPORT, as the one that looks. */
static bool may_ask(const struct plan *p, const struct addr *addr)
{
	bool may = addr_port(addr) != 0;

	for (size_t i = 0; i < p->handed_count; i++)
		may &= addr_port(&p->handed[i].addr) != addr_port(addr);
	return may;
}

/* Asked of all addresses before the first is opened: our own wildcard is in nobody's way. */
static bool all_free(const struct plan *p, struct err *err)
{
	for (size_t a = 0; a < p->to->addr_count; a++) {
		const struct addr *addr = &p->to->addrs[a];
		for (int stream = 0; stream <= 1 && may_ask(p, addr); stream++)
			if (!listener_is_free(addr, stream == 1))
				return listener_say_why(addr, stream == 1, err);
	}
	return true;
}

/* Which address each is of, once all have their ports: groups may be of who asks there. */
static void number(struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct listener *l = &s->all[i];
		size_t a = 0;
		while (a < s->addr_count && !addr_eq(&s->addrs[a], &l->addr))
			a++;
		l->asked = a < s->addr_count ? s->asked[a] : l->addr;
		l->number = (uint8_t)MIN(a, (size_t)LISTENER_NUMBER_MAX);
	}
}

/* ---- who reads what ---- */

/* The sockets of one address and kind are all[from] to all[end]. Counts, where ret is NULL. */
static size_t share_out(const struct sockets *s, size_t from, size_t end, unsigned workers, unsigned w, struct listener *ret)
{
	size_t count = 0, n = end - from;

	for (size_t i = w < n ? w : w % n; i < n; i += workers, count++) {
		if (ret != NULL) {
			ret[count] = s->all[from + i];
			ret[count].again = w >= n;
		}
	}
	return count;
}

static size_t share(const struct sockets *s, unsigned workers, unsigned w, struct listener *ret)
{
	size_t count = 0, end;

	for (size_t from = 0; from < s->count; from = end) {
		for (end = from + 1;
		     end < s->count && s->all[end].stream == s->all[from].stream && addr_eq(&s->all[end].addr, &s->all[from].addr);)
			end++;
		count += share_out(s, from, end, workers, w, ret != NULL ? ret + count : NULL);
	}
	return count;
}

static void share_all(struct sockets *s, unsigned workers)
{
	size_t total = 0;

	s->share_at = base_alloc((workers + 1) * sizeof(*s->share_at));
	for (unsigned w = 0; w < workers; w++) {
		s->share_at[w] = total;
		total += share(s, workers, w, NULL);
	}
	s->share_at[workers] = total;
	s->shares = base_alloc(MAX(total, (size_t)1) * sizeof(*s->shares));
	for (unsigned w = 0; w < workers; w++)
		(void)share(s, workers, w, s->shares + s->share_at[w]);
}

const struct listener *sockets_share(const struct sockets *s, unsigned worker, size_t *ret_count)
{
	*ret_count = s->share_at[worker + 1] - s->share_at[worker];
	return s->shares + s->share_at[worker];
}

/* ---- the whole ---- */

static void give_back(const struct plan *p)
{
	for (size_t i = 0; i < p->handed_count; i++) {
		const struct listener *l = &p->handed[i];
		char text[ADDR_TEXT_MAX];
		if (is_there(p->to, &l->addr))
			continue;
		log_info(
		    "listen.dropped endpoint=\"dns://%s\" transport=%s text=\"kept from an earlier time, and not in `listen` any "
		    "more\"",
		    addr_to_text(&l->addr, text), l->stream ? "tcp" : "udp");
		handed_drop(l);
		close(l->fd);
	}
}

static void say_dual(const struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++) {
		char text[ADDR_TEXT_MAX];
		if (s->all[i].dual)
			log_info("listen.dual endpoint=\"dns://%s\" transport=%s text=\"it takes IPv4 too (BindIPv6Only=)\"",
				 addr_to_text(&s->all[i].addr, text), s->all[i].stream ? "tcp" : "udp");
	}
}

bool sockets_open(const struct endpoint *endpoints, size_t endpoint_count, unsigned workers, const struct listener *handed,
		  size_t handed_count, struct sockets *ret, struct err *err)
{
	struct plan p = {.handed = handed, .handed_count = handed_count, .workers = workers, .to = ret};

	*ret = (struct sockets){.addrs = base_alloc((endpoint_count + handed_count + 1) * sizeof(*ret->addrs)),
				.asked = base_alloc((endpoint_count + handed_count + 1) * sizeof(*ret->asked))};
	choose(&p, endpoints, endpoint_count);
	give_back(&p); /* first: it may be in the way */
	bool ok = all_free(&p, err);
	for (size_t a = 0; a < ret->addr_count && ok; a++)
		ok = open_at(&p, &ret->addrs[a], err);
	if (!ok) {
		close_from(ret, 0);
		sockets_close(ret);
		return false;
	}
	say_dual(ret);
	number(ret);
	share_all(ret, workers);
	return true;
}

void sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		close(s->all[i].fd);
	free(s->all);
	free(s->shares);
	free(s->share_at);
	free(s->addrs);
	free(s->asked);
	*s = (struct sockets){.all = NULL};
}
