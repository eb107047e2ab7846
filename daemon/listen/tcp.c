/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/tcp.h"

#include "base/clock.h"
#include "base/log.h"
#include "listen/tcp_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- time ---- */

void tcp_sweep(struct tcp *t, int64_t now_ms)
{
	struct conn *next;

	t->now_ms = now_ms;
	for (struct conn *c = TAILQ_FIRST(&t->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		conn_judge(c, now_ms);
	}
}

static void sweep_later(struct tcp *t)
{
	static const struct timeval period = {0, TCP_SWEEP_MS * 1000};

	if (!TAILQ_EMPTY(&t->conns) && !event_pending(t->sweep, EV_TIMEOUT, NULL))
		(void)event_add(t->sweep, &period);
}

static void tcp_on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *t = arg;

	(void)fd;
	(void)what;
	tcp_sweep(t, clock_mono_ms());
	sweep_later(t);
}

/* ---- those who come ---- */

/* One of ours that has to leave; NULL when another worker's does, or nobody. */
static void close_leaver(struct conn *leaver)
{
	if (leaver != NULL)
		conn_close(leaver);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)fd;
	(void)what;
	if (!a->tcp->stopping)
		(void)event_add(a->readable, NULL);
}

/* Without a file descriptor to spare accept(2) fails before it looks whether anybody waits. */
static bool somebody_waits(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* File descriptors or memory ran out: the socket stays readable, so look away for a while instead of spinning, and have somebody
 * leave. */
static void accept_failed(struct acceptor *a, int error)
{
	static struct log_limit limit = {.interval_ms = 60000};
	static const struct timeval pause = {0, TCP_ACCEPT_PAUSE_MS * 1000};
	struct tcp *t = a->tcp;
	void *leaver;

	log_limited(&limit, LOG_LEVEL_WARNING, "tcp.accept.failed error=\"%s\"", strerror(error));
	counters_add(t->service->counters, COUNTER_TCP_ACCEPT_FAILED);
	(void)tcp_make_room(t->seats, t->service->worker, t->now_ms, &leaver);
	close_leaver(leaver);
	(void)event_del(a->readable);
	(void)event_add(a->resume, &pause);
}

/* What accept(2) says of one connection that has come to nothing; the next may be fine. */
static bool is_of_one_connection(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPERM: /* a packet filter's word */
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

static void take_in(const struct acceptor *a, int fd, const struct addr *peer)
{
	struct tcp *t = a->tcp;
	struct counters *counters = t->service->counters;
	struct conn *c = conn_create(t, fd, peer);
	void *leaver = NULL;

	if (c == NULL) {
		counters_add(counters, COUNTER_TCP_NO_ROOM);
		close(fd);
		return;
	}
	c->listener = a->listener;
	uint32_t seat = tcp_enter(t->seats, t->service->worker, peer, fd, c, t->now_ms, &leaver);
	if (seat == TCP_SEAT_NONE) {
		counters_add(counters, COUNTER_TCP_REFUSED);
		free(c);
		close(fd);
		return;
	}
	counters_add(counters, COUNTER_TCP_ACCEPTED);
	conn_start(c, seat);
	close_leaver(leaver);
	sweep_later(t);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)what;
	a->tcp->now_ms = clock_mono_ms();
	for (unsigned i = 0; i < TCP_ACCEPT_BUDGET; i++) {
		struct addr peer;
		memset(&peer, 0, sizeof(peer));
		peer.len = sizeof(peer.in6);
		int client = accept4(fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			take_in(a, client, &peer);
		} else if (!is_of_one_connection(errno)) {
			int error = errno;
			if (error != EAGAIN && somebody_waits(fd))
				accept_failed(a, error);
			return;
		}
	}
}

/* ---- life ---- */

struct tcp *tcp_create(struct event_base *base, struct service *service, struct tcp_seats *seats)
{
	struct tcp *t = base_alloc(sizeof(*t));

	t->base = base;
	t->service = service;
	t->seats = seats;
	t->now_ms = clock_mono_ms();
	TAILQ_INIT(&t->conns);
	TAILQ_INIT(&t->dirty);
	TAILQ_INIT(&t->again);
	t->sweep = event_new(base, -1, 0, tcp_on_sweep, t);
	t->flush = event_new(base, -1, 0, tcp_on_flush, t);
	t->serve_again = event_new(base, -1, 0, tcp_on_serve_again, t);
	must(t->sweep != NULL && t->flush != NULL && t->serve_again != NULL);
	return t;
}

void tcp_listen(struct tcp *t, const struct listener *listener)
{
	struct acceptor *a = base_alloc(sizeof(*a));

	a->tcp = t;
	a->fd = listener->fd;
	a->listener = listener->number;
	a->readable = event_new(t->base, a->fd, EV_READ | EV_PERSIST, on_acceptable, a);
	a->resume = event_new(t->base, -1, 0, on_resume, a);
	must(a->readable != NULL && a->resume != NULL && event_add(a->readable, NULL) == 0);
	a->next = t->acceptors;
	t->acceptors = a;
}

void tcp_stop(struct tcp *t)
{
	struct conn *next;

	/* what was asked before is answered: each has one more turn */
	for (struct conn *c = TAILQ_FIRST(&t->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->reading)
			conn_on_readable(c->fd, EV_READ, c);
	}
	t->stopping = true;
	for (struct acceptor *a = t->acceptors; a != NULL; a = a->next) {
		(void)event_del(a->readable);
		(void)event_del(a->resume);
	}
	for (struct conn *c = TAILQ_FIRST(&t->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		conn_settle(c);
	}
}

bool tcp_is_quiet(const struct tcp *t)
{
	int64_t now_ms = clock_mono_ms();
	const struct conn *c;

	TAILQ_FOREACH(c, &t->conns, link)
	{
		if (c->pending > 0 || tcp_bytes_count(&c->out) > 0 || c->again || conn_is_awaited(c, now_ms))
			return false;
	}
	return true;
}

void tcp_destroy(struct tcp *t)
{
	struct conn *c;

	if (t == NULL)
		return;
	while ((c = TAILQ_FIRST(&t->conns)) != NULL) {
		c->pending = 0; /* the questions' slots go with the service */
		conn_close(c);
	}
	while (t->acceptors != NULL) {
		struct acceptor *a = t->acceptors;
		t->acceptors = a->next;
		event_free(a->readable);
		event_free(a->resume);
		free(a);
	}
	tcp_spares_finish(t);
	event_free(t->sweep);
	event_free(t->flush);
	event_free(t->serve_again);
	free(t);
}
