/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/tcp_conn.h"

#include <stdlib.h>
#include <unistd.h>

struct conn *conn_create(struct tcp *t, int fd, const struct addr *peer)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->tcp = t;
	c->fd = fd;
	c->peer = *peer;
	c->seat = TCP_SEAT_NONE;
	c->born_ms = c->active_ms = t->now_ms;
	return c;
}

void conn_start(struct conn *c, uint32_t seat)
{
	struct tcp *t = c->tcp;

	c->seat = seat;
	must(event_assign(&c->readable, t->base, c->fd, EV_READ | EV_PERSIST, conn_on_readable, c) == 0);
	must(event_assign(&c->writable, t->base, c->fd, EV_WRITE | EV_PERSIST, conn_on_writable, c) == 0);
	TAILQ_INSERT_TAIL(&t->conns, c, link);
	conn_settle(c);
}

static void conn_free(struct conn *c)
{
	tcp_bytes_finish(c->tcp, &c->in);
	tcp_bytes_finish(c->tcp, &c->out);
	free(c);
}

void conn_close(struct conn *c)
{
	struct tcp *t = c->tcp;

	if (!c->dead) {
		c->dead = true;
		(void)event_del(&c->readable);
		(void)event_del(&c->writable);
		TAILQ_REMOVE(&t->conns, c, link);
		if (c->dirty)
			TAILQ_REMOVE(&t->dirty, c, dirty_link);
		if (c->again)
			TAILQ_REMOVE(&t->again, c, again_link);
		if (tcp_leave(t->seats, c->seat))
			counters_add(t->service->counters, COUNTER_TCP_EVICTED);
		close(c->fd);
	}
	if (c->pending == 0 && !c->corked)
		conn_free(c);
}

/* Who waits for what, for the choice of who leaves. */
static void conn_stamp(struct conn *c, size_t unsent)
{
	enum tcp_rank rank = TCP_RANK_IDLE;
	int64_t since_ms = c->active_ms;

	if (c->pending > 0 || c->again) {
		rank = TCP_RANK_BUSY;
		since_ms = 0;
	} else if (unsent > 0) {
		rank = TCP_RANK_SENDING;
		since_ms = c->took_ms;
	} else if (tcp_bytes_count(&c->in) > 0) {
		rank = TCP_RANK_HALF;
		since_ms = c->half_ms;
	}
	tcp_stamp(c->tcp->seats, c->seat, rank, since_ms);
}

static void listen_for(struct event *event, bool want, bool *is)
{
	if (want && !*is)
		(void)event_add(event, NULL);
	else if (!want && *is)
		(void)event_del(event);
	*is = want;
}

bool conn_is_awaited(const struct conn *c, int64_t now_ms)
{
	if (c->eof)
		return false;
	if (tcp_bytes_count(&c->in) > 0)
		return now_ms - c->half_ms < TCP_FAREWELL_MS;
	return !c->asked && now_ms - c->born_ms < TCP_FAREWELL_MS;
}

void conn_settle(struct conn *c)
{
	static const struct timeval next_round = {0, 0};
	struct tcp *t = c->tcp;
	size_t unsent = tcp_bytes_count(&c->out);
	bool holds = conn_holds_message(c);

	bool ended = t->stopping && !conn_is_awaited(c, t->now_ms);

	if (unsent == 0 && c->pending == 0) {
		bool over = (ended && !holds) || (c->eof && !holds) || (c->aged && tcp_bytes_count(&c->in) == 0);
		if (over) {
			if (c->aged && !c->eof && !t->stopping)
				counters_add(t->service->counters, COUNTER_TCP_AGED);
			conn_close(c);
			return;
		}
	}
	bool full = c->pending >= TCP_PENDING_MAX || unsent > TCP_OUT_MAX || (unsent > 0 && t->held > TCP_HELD_SOFT_MAX);
	bool reading = !full && !c->eof && !ended;
	if (reading && !c->reading)
		c->half_ms = t->now_ms; /* a message that was begun before had no chance to be ended */
	listen_for(&c->readable, reading, &c->reading);
	listen_for(&c->writable, unsent > 0, &c->writing);
	if (holds && !full && !c->again) {
		c->again = true;
		TAILQ_INSERT_TAIL(&t->again, c, again_link);
		(void)event_add(t->serve_again, &next_round);
	}
	conn_stamp(c, unsent);
}

/* Why a connection is closed now, or COUNTER_COUNT. */
static enum counter conn_overdue(const struct conn *c, int64_t now_ms)
{
	bool sending = tcp_bytes_count(&c->out) > 0, half = tcp_bytes_count(&c->in) > 0;

	if (sending && (now_ms - c->took_ms >= TCP_STALL_MS || now_ms - c->out_ms >= TCP_DRAIN_MS))
		return COUNTER_TCP_STALLED;
	if (half && c->reading && now_ms - c->half_ms >= TCP_MESSAGE_MS)
		return COUNTER_TCP_SLOW;
	if (!sending && !half && c->pending == 0 && now_ms - c->active_ms >= tcp_idle_ms(c->tcp))
		return COUNTER_TCP_IDLE;
	return COUNTER_COUNT;
}

void conn_judge(struct conn *c, int64_t now_ms)
{
	enum counter why = conn_overdue(c, now_ms);

	if (why != COUNTER_COUNT) {
		counters_add(c->tcp->service->counters, why);
		conn_close(c);
		return;
	}
	if (now_ms - c->born_ms < TCP_LIFE_MS)
		return;
	c->aged = true;
	if (now_ms - c->born_ms >= 2 * TCP_LIFE_MS && !c->eof) {
		c->eof = true; /* it never had nothing under way: so it gets there */
		counters_add(c->tcp->service->counters, COUNTER_TCP_AGED);
	}
	conn_settle(c);
}
