/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/pool_ask.h"

#include <errno.h>

void udp_init(struct udp_io *io)
{
	for (size_t i = 0; i < PORT_QUERIES_MAX; i++) {
		io->out_iov[i] = (struct iovec){.iov_base = io->out_bytes[i]};
		io->out[i].msg_hdr = (struct msghdr){.msg_iov = &io->out_iov[i], .msg_iovlen = 1};
		io->in_iov[i] = (struct iovec){.iov_base = io->in_bytes[i], .iov_len = UDP_IN_MAX};
		io->in[i].msg_hdr = (struct msghdr){.msg_iov = &io->in_iov[i], .msg_iovlen = 1};
	}
}

/* ---- sending ---- */

static void queue_in(struct attempt *a, struct attempt_queue *queue)
{
	TAILQ_INSERT_TAIL(queue, a, queue);
	a->waits_in = queue;
}

static void queue_out(struct attempt *a)
{
	TAILQ_REMOVE(a->waits_in, a, queue);
	a->waits_in = NULL;
}

void udp_start(struct attempt *a)
{
	struct pool *pool = a->ask->pool;
	struct lane *lane = a->lane;
	queue_in(a, &lane->queue);
	if (lane->waits)
		return;
	lane->waits = true;
	STAILQ_INSERT_TAIL(&pool->dirty, lane, dirty);
	pool_schedule_flush(pool);
}

void udp_cancel(struct attempt *a)
{
	struct port *port = a->port;
	if (a->waits_in != NULL) {
		queue_out(a);
	} else if (port != NULL) {
		port_drop(a);
		if (port->open == 0 && !port->busy)
			port_close(port);
	}
}

/* It is told when nothing is being sent any more: the call may do whatever it likes. */
static void put_off(struct pool *pool, struct attempt *a, enum attempt_start how)
{
	a->how = how;
	queue_in(a, &pool->unsent);
}

/* Hand count messages to the kernel. A full send buffer loses them, as the network may: the schedule sends again. */
static void send_all(struct port *port, unsigned count)
{
	struct udp_io *io = &port->pool->io;
	unsigned done = 0, refused = count; /* refused: the one that met an error of those before it */
	while (done < count) {
		int sent = sendmmsg(port->fd, io->out + done, count - done, MSG_NOSIGNAL);
		if (sent > 0) {
			done += (unsigned)sent;
			continue;
		}
		if (errno == EAGAIN || errno == ENOBUFS)
			return;
		if (errno == EINTR)
			continue;
		if (errno == ECONNREFUSED && refused != done) { /* told by ICMP of an earlier one; this one has not gone yet */
			refused = done;
			continue;
		}
		struct attempt *a = io->sent[done++];
		port_drop(a);
		put_off(port->pool, a, ATTEMPT_NETWORK);
	}
}

/* Up to PORT_QUERIES_MAX questions of the lane, from one port. */
static void send_from(struct port *port, struct lane *lane)
{
	struct pool *pool = port->pool;
	struct udp_io *io = &pool->io;
	struct attempt *a;
	unsigned count = 0;
	while (port->used < PORT_QUERIES_MAX && (a = TAILQ_FIRST(&lane->queue)) != NULL) {
		queue_out(a);
		port_put(port, a);
		a->sent_ns = pool->now_ns;
		server_sent(a->server);
		io->out_iov[count].iov_len = attempt_query(a, io->out_bytes[count]);
		io->sent[count++] = a;
	}
	send_all(port, count);
	if (port->open == 0)
		port_close(port);
}

/* One port's worth of the lane's queue. */
static void lane_flush(struct pool *pool, struct lane *lane)
{
	struct port *port;
	struct attempt *a;
	enum attempt_start how = port_open(pool, lane, &port);
	if (how == ATTEMPT_STARTED) {
		send_from(port, lane);
		return;
	}
	if (how == ATTEMPT_NETWORK)
		cookies_forget(&lane->cookies);
	for (unsigned i = 0; i < PORT_QUERIES_MAX && (a = TAILQ_FIRST(&lane->queue)) != NULL; i++) {
		queue_out(a);
		if (how == ATTEMPT_NETWORK)
			server_sent(a->server);
		put_off(pool, a, how);
	}
}

bool udp_flush(struct pool *pool)
{
	struct lane *lane;
	struct attempt *a;
	struct pool_watch watch;
	pool_watch_begin(pool, &watch);
	while (!watch.gone && (lane = STAILQ_FIRST(&pool->dirty)) != NULL) {
		if (TAILQ_EMPTY(&lane->queue)) {
			STAILQ_REMOVE_HEAD(&pool->dirty, dirty);
			lane->waits = false;
			continue;
		}
		lane_flush(pool, lane);
		/* ends: each ask has but so many sends */
		while (!watch.gone && (a = TAILQ_FIRST(&pool->unsent)) != NULL) {
			queue_out(a);
			pool_ask_on_unsent(a, a->how);
		}
	}
	return pool_watch_end(pool, &watch);
}

/* ---- receiving ---- */

/* All that is open on the port is told. Returns false when the pool is gone. */
static bool tell_all(struct port *port, enum attempt_failure why)
{
	struct pool *pool = port->pool;
	struct pool_watch watch;
	pool_watch_begin(pool, &watch);
	for (unsigned i = 0; !watch.gone && i < port->used; i++) {
		struct attempt *a = port->attempts[i];
		if (a == NULL || (why == ATTEMPT_REFUSED && a->errored)) /* a second error says nothing new */
			continue;
		pool_ask_on_failure(a, why);
	}
	return pool_watch_end(pool, &watch);
}

/* What does not match. Returns false when the pool is gone. */
static bool take_mismatch(struct port *port, struct attempt *a, enum port_find found)
{
	counters_add(port->pool->counters, COUNTER_UPSTREAM_MISMATCHED);
	switch (found) {
	case PORT_FOUND:
		if (++a->mismatches == ASK_MISMATCHES_MAX) {
			struct pool *pool = port->pool;
			struct pool_watch watch;
			pool_watch_begin(pool, &watch);
			pool_ask_on_failure(a, ATTEMPT_GUESSED);
			return pool_watch_end(pool, &watch);
		}
		break;
	case PORT_LATE: /* a doubled datagram, or one the retry was quicker than: nobody guesses */
		break;
	case PORT_STRANGER:
		if (++port->mismatches == ASK_MISMATCHES_MAX)
			return tell_all(port, ATTEMPT_GUESSED);
		break;
	}
	return true;
}

/* One datagram. Returns false when the pool is gone. */
static bool take(struct port *port, uint8_t *bytes, size_t len)
{
	struct pool *pool = port->pool;
	struct rd r = rd_init(bytes, len);
	struct attempt *a = NULL;
	enum port_find found = port_find(port, rd_u16(&r), &a);
	if (!rd_ok(&r))
		return take_mismatch(port, NULL, PORT_STRANGER);
	enum message_match match = MESSAGE_MISMATCH;
	if (found == PORT_FOUND)
		match = message_match(bytes, len, a->id, &a->question);
	if (match == MESSAGE_MATCH && len > MSG_UDP_EDNS_MAX) { /* more than we said we take */
		a->doubt_seen = true;
		match = MESSAGE_MISMATCH;
	}
	if (match != MESSAGE_MATCH) {
		if (match == MESSAGE_CASE)
			a->case_seen = true;
		return take_mismatch(port, a, found);
	}
	enum cookies_say cookie = cookies_judge(a, bytes, len, match);
	if (cookie != COOKIES_RIGHT)
		counters_add(pool->counters, COUNTER_UPSTREAM_COOKIE);
	if (cookie == COOKIES_WRONG) {
		a->doubt_seen = true;
		return take_mismatch(port, a, found);
	}
	struct pool_watch watch;
	pool_watch_begin(pool, &watch);
	if (cookie == COOKIES_MISSING)
		pool_ask_on_failure(a, ATTEMPT_DOUBTED);
	else
		pool_ask_on_reply(a, bytes, len, match);
	return pool_watch_end(pool, &watch);
}

/* What has come, as far as anybody still waits for it. Returns false when the pool is gone. */
static bool receive(struct port *port)
{
	struct udp_io *io = &port->pool->io;
	unsigned budget = PORT_QUERIES_MAX; /* then others have their turn */
	while (port->open > 0 && budget > 0) {
		unsigned want = MIN(port->open, budget);
		int got = recvmmsg(port->fd, io->in, want, MSG_DONTWAIT, NULL);
		if (got < 0)
			return errno == EAGAIN || errno == EINTR || tell_all(port, ATTEMPT_REFUSED);
		for (int i = 0; i < got && port->open > 0; i++)
			if (!take(port, io->in_bytes[i], io->in[i].msg_len))
				return false;
		if ((unsigned)got < want)
			return true;
		budget -= want;
	}
	return true;
}

void udp_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct port *port = arg;
	(void)fd, (void)what;
	pool_clock(port->pool);
	port->busy = true;
	if (!receive(port))
		return;
	port->busy = false;
	if (port->open == 0)
		port_close(port);
}
