/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/be.h"
#include "base/clock.h"
#include "listen/tcp_conn.h"
#include "wire/msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes ---- */

static uint8_t *piece_get(struct tcp *t, size_t cap)
{
	void *piece = t->spares;

	if (cap != TCP_BYTES_MIN || piece == NULL)
		return malloc(cap);
	memcpy(&t->spares, piece, sizeof(t->spares));
	t->spare_count--;
	return piece;
}

static void piece_put(struct tcp *t, uint8_t *piece, size_t cap)
{
	if (cap != TCP_BYTES_MIN || t->spare_count >= TCP_SPARES_MAX) {
		free(piece);
		return;
	}
	memcpy(piece, &t->spares, sizeof(t->spares));
	t->spares = piece;
	t->spare_count++;
}

void tcp_spares_finish(struct tcp *t)
{
	while (t->spares != NULL)
		free(piece_get(t, TCP_BYTES_MIN));
}

void tcp_bytes_finish(struct tcp *t, struct tcp_bytes *b)
{
	if (b->bytes != NULL && !b->borrowed) {
		t->held -= b->cap;
		piece_put(t, b->bytes, b->cap);
	}
	*b = (struct tcp_bytes){.bytes = NULL};
}

/* Room for len more, with memory of its own. */
static bool bytes_grow(struct tcp *t, struct tcp_bytes *b, size_t len)
{
	size_t count = tcp_bytes_count(b), want = MAX(count + len, MIN(count * 2, count + TCP_OUT_MAX));
	size_t cap = MAX(want, (size_t)TCP_BYTES_MIN);

	if (t->held + cap > TCP_HELD_MAX)
		return false;
	uint8_t *bytes = piece_get(t, cap);
	if (bytes == NULL)
		return false;
	if (count > 0)
		memcpy(bytes, b->bytes + b->at, count);
	tcp_bytes_finish(t, b);
	*b = (struct tcp_bytes){.bytes = bytes, .len = count, .cap = cap};
	t->held += cap;
	return true;
}

bool tcp_bytes_add(struct tcp *t, struct tcp_bytes *b, const void *bytes, size_t len)
{
	if (b->len + len > b->cap) {
		size_t count = tcp_bytes_count(b);
		if (count + len <= b->cap && b->at >= count) {
			memcpy(b->bytes, b->bytes + b->at, count); /* more was taken than is left: each byte moves once */
			b->at = 0;
			b->len = count;
		} else if (!bytes_grow(t, b, len)) {
			return false;
		}
	}
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	return true;
}

static void bytes_take(struct tcp *t, struct tcp_bytes *b, size_t len)
{
	b->at += len;
	if (b->at == b->len)
		tcp_bytes_finish(t, b);
}

/* ---- answers ---- */

static bool send_now(struct conn *c)
{
	struct tcp *t = c->tcp;
	size_t count = tcp_bytes_count(&c->out);
	ssize_t n;

	do
		n = send(c->fd, c->out.bytes + c->out.at, count, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return false; /* the client is gone */
	if (n > 0) {
		c->took_ms = c->active_ms = t->now_ms;
		bytes_take(t, &c->out, (size_t)n);
	}
	return true;
}

/* Send what was collected; what the client does not take now is kept. May free c. */
static void conn_flush(struct conn *c)
{
	struct tcp *t = c->tcp;
	bool ok = tcp_bytes_count(&c->out) == 0 || send_now(c);

	if (ok && c->out.borrowed) {
		ok = tcp_bytes_count(&c->out) == 0 || bytes_grow(t, &c->out, 0);
		if (!ok)
			counters_add(t->service->counters, COUNTER_TCP_NO_ROOM);
		else if (c->out.borrowed)
			tcp_bytes_finish(t, &c->out);
	}
	if (ok)
		conn_settle(c);
	else
		conn_close(c);
}

void conn_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	c->tcp->now_ms = clock_mono_ms();
	conn_flush(c);
}

void tcp_on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *t = arg;
	struct conn *c;

	(void)fd;
	(void)what;
	t->now_ms = clock_mono_ms();
	while ((c = TAILQ_FIRST(&t->dirty)) != NULL) {
		TAILQ_REMOVE(&t->dirty, c, dirty_link);
		c->dirty = false;
		conn_flush(c);
	}
}

/* Its answers go when the loop has served what else was ready: they often come by the dozen. */
static void conn_mark_dirty(struct conn *c)
{
	struct tcp *t = c->tcp;

	if (c->corked || c->dirty)
		return;
	if (TAILQ_EMPTY(&t->dirty))
		event_active(t->flush, EV_TIMEOUT, 0);
	c->dirty = true;
	TAILQ_INSERT_TAIL(&t->dirty, c, dirty_link);
}

static void tcp_send(struct query *q, const uint8_t *bytes, size_t len)
{
	struct conn *c = q->via_data;
	struct tcp *t = c->tcp;
	uint8_t head[TCP_FRAME_HEAD];

	be_put_u16(head, (uint16_t)len);
	c->pending--;
	if (c->dead) {
		conn_close(c);
		return;
	}
	if (tcp_bytes_count(&c->out) == 0)
		c->out_ms = c->took_ms = q->serial == 0 ? t->now_ms : clock_mono_ms();
	if (!tcp_bytes_add(t, &c->out, head, sizeof(head)) || !tcp_bytes_add(t, &c->out, bytes, len)) {
		counters_add(t->service->counters, COUNTER_TCP_NO_ROOM);
		conn_close(c); /* half a frame must not go out */
		return;
	}
	conn_mark_dirty(c);
}

static void tcp_dropped(struct query *q)
{
	struct conn *c = q->via_data;

	c->pending--;
	if (c->dead)
		conn_close(c);
	else
		conn_mark_dirty(c);
}

static const struct via via_tcp = {.name = "tcp", .told_as = TAP_TCP, .stream = true, .send = tcp_send, .dropped = tcp_dropped};

/* ---- questions ---- */

static size_t frame_len(const uint8_t *bytes)
{
	return TCP_FRAME_HEAD + (size_t)be_get_u16(bytes);
}

bool conn_holds_message(const struct conn *c)
{
	size_t count = tcp_bytes_count(&c->in);

	return count >= TCP_FRAME_HEAD && count >= frame_len(c->in.bytes + c->in.at);
}

static void conn_ask(struct conn *c, const uint8_t *bytes, size_t len)
{
	struct tcp *t = c->tcp;
	struct query q;

	q.via = &via_tcp;
	q.via_data = c;
	q.peer = c->peer;
	q.local.len = 0;
	q.listener = c->listener;
	c->asked = true;
	c->pending++;
	c->budget--;
	c->active_ms = t->now_ms;
	query_begin(&q, bytes, len);
	if (q.has_keepalive) /* RFC 7828 §3.3.2: what holds at this moment */
		q.keepalive_100ms = (uint16_t)(tcp_idle_ms(t) / 100);
	query_run(t->service, &q);
}

/* Serve whole messages as long as it is this connection's turn. Returns how many bytes they took, or -1 when the client breaks the
 * framing. */
static ssize_t serve_whole(struct conn *c, const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (!c->dead && c->budget > 0 && c->pending < TCP_PENDING_MAX && tcp_bytes_count(&c->out) <= TCP_OUT_MAX &&
	       len - at >= TCP_FRAME_HEAD) {
		size_t frame = frame_len(bytes + at);
		if (frame < TCP_FRAME_HEAD + MSG_HEADER_LEN)
			return -1;
		if (len - at < frame)
			break;
		conn_ask(c, bytes + at + TCP_FRAME_HEAD, frame - TCP_FRAME_HEAD);
		at += frame;
	}
	return (ssize_t)at;
}

static bool serve_held(struct conn *c)
{
	ssize_t served = serve_whole(c, c->in.bytes + c->in.at, tcp_bytes_count(&c->in));

	if (served > 0)
		bytes_take(c->tcp, &c->in, (size_t)served);
	return served >= 0;
}

/* The message that has begun gets what it lacks of what came, and no byte more. Returns how many that were, -1 without memory. */
static ssize_t top_up(struct conn *c, const uint8_t *bytes, size_t len)
{
	size_t used = 0;

	while (used < len && !conn_holds_message(c)) {
		size_t count = tcp_bytes_count(&c->in);
		size_t want = count < TCP_FRAME_HEAD ? TCP_FRAME_HEAD : frame_len(c->in.bytes + c->in.at);
		size_t some = MIN(want - count, len - used);
		if (!tcp_bytes_add(c->tcp, &c->in, bytes + used, some)) {
			counters_add(c->tcp->service->counters, COUNTER_TCP_NO_ROOM);
			return -1;
		}
		used += some;
	}
	return (ssize_t)used;
}

static bool serve_new(struct conn *c, const uint8_t *bytes, size_t len)
{
	if (tcp_bytes_count(&c->in) > 0) {
		ssize_t used = top_up(c, bytes, len);
		if (used < 0 || !serve_held(c))
			return false;
		bytes += used;
		len -= (size_t)used;
	}
	if (tcp_bytes_count(&c->in) == 0) {
		ssize_t served = serve_whole(c, bytes, len);
		if (served < 0)
			return false;
		bytes += served;
		len -= (size_t)served;
	}
	if (len == 0 || c->dead || tcp_bytes_add(c->tcp, &c->in, bytes, len))
		return true;
	counters_add(c->tcp->service->counters, COUNTER_TCP_NO_ROOM);
	return false;
}

/* One recv: more would only come at others' cost. False when the connection is broken. */
static bool receive(struct conn *c)
{
	struct tcp *t = c->tcp;
	ssize_t n = recv(c->fd, t->read, sizeof(t->read), MSG_DONTWAIT);

	if (n > 0)
		return serve_new(c, t->read, (size_t)n);
	if (n == 0)
		c->eof = true;
	return n == 0 || errno == EAGAIN || errno == EINTR;
}

/* A connection's turn: ask what it asks, answer what can be answered at once. May free c. */
static void conn_turn(struct conn *c, bool (*take)(struct conn *c))
{
	struct tcp *t = c->tcp;

	if (!service_begin_batch(t->service))
		return;
	t->now_ms = t->service->now_ms;
	bool was_half = tcp_bytes_count(&c->in) > 0;
	c->corked = true;
	c->budget = TCP_TURN_QUESTIONS;
	if (c->out.bytes == NULL)
		c->out = (struct tcp_bytes){.bytes = t->collect, .cap = sizeof(t->collect), .borrowed = true};
	bool ok = take(c);
	c->corked = false;
	service_end_batch(t->service);
	if (!was_half || c->budget < TCP_TURN_QUESTIONS)
		c->half_ms = t->now_ms; /* whatever is left over began in this turn */
	if (ok && !c->dead) {
		conn_flush(c);
		return;
	}
	if (!c->dead && tcp_bytes_count(&c->out) > 0)
		(void)send_now(c); /* what was asked before the framing broke, as far as it is taken at once */
	conn_close(c);
}

void conn_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!c->again) /* else its turn comes by the queue; not to listen for so short a time would cost two system calls */
		conn_turn(c, receive);
}

void tcp_on_serve_again(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval next_round = {0, 0};
	struct tcp *t = arg;
	struct conn *c;
	size_t turns = TCP_AGAIN_QUESTIONS / TCP_TURN_QUESTIONS;

	(void)fd;
	(void)what;
	while (turns-- > 0 && (c = TAILQ_FIRST(&t->again)) != NULL) {
		TAILQ_REMOVE(&t->again, c, again_link);
		c->again = false;
		conn_turn(c, serve_held); /* goes to the end of the queue when it holds more */
	}
	if (!TAILQ_EMPTY(&t->again))
		(void)event_add(t->serve_again, &next_round);
}
