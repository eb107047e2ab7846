/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

#define STREAM_IN_START 4096
#define STREAM_IN_MAX (STREAM_FRAME_HEAD + MSG_LEN_MAX)
#define STREAM_OUT_MAX (STREAM_WAITING_MAX * (STREAM_FRAME_HEAD + MESSAGE_QUERY_MAX))
#define STREAM_STRAYS_MAX 100 /* frames in a row that answer nothing: a server that babbles is hung up on */
#define STREAM_READ_BUDGET 16 /* reads before others have their turn */

/* ---- writing ---- */

/* False when the connection is gone. */
static bool flush(struct stream *s)
{
	while (s->out_begin < s->out_end) {
		ssize_t sent = send(s->fd, s->out + s->out_begin, s->out_end - s->out_begin, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return true;
		if (sent < 0)
			return false;
		s->out_begin += (size_t)sent;
	}
	s->out_begin = s->out_end = 0;
	(void)event_del(&s->writable);
	return true;
}

/* A connection to a port of our own host where nobody listens may, by the port the kernel takes for our end, be one to itself: it
 * would also keep the server from listening there again. */
static bool is_to_itself(const struct stream *s)
{
	struct addr own = {.len = sizeof(own.in6)};
	return getsockname(s->fd, &own.sa, &own.len) == 0 && addr_eq(&own, &s->server->addr);
}

void stream_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	(void)what;
	pool_clock(s->pool);
	if (s->state == STREAM_CONNECTING) {
		int error = 0;
		socklen_t len = sizeof(error);
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0 || is_to_itself(s)) {
			stream_fail(s, ATTEMPT_REFUSED);
			return;
		}
		s->state = STREAM_OPEN;
		stream_arm(s);
	}
	if (!flush(s))
		stream_fail(s, ATTEMPT_LOST);
}

static bool out_room(struct stream *s, size_t len)
{
	if (s->out_begin > 0) {
		memmove(s->out, s->out + s->out_begin, s->out_end - s->out_begin);
		s->out_end -= s->out_begin;
		s->out_begin = 0;
	}
	if (s->out_cap - s->out_end >= len)
		return true;
	size_t cap = MIN(MAX(s->out_cap * 2, (size_t)2048), (size_t)STREAM_OUT_MAX);
	if (cap - s->out_end < len)
		return false;
	uint8_t *out = realloc(s->out, cap);
	if (out == NULL)
		return false;
	s->out = out;
	s->out_cap = cap;
	return true;
}

/* ---- reading ---- */

static struct attempt *attempt_of_id(struct stream *s, uint16_t id)
{
	struct attempt *a;
	LIST_FOREACH(a, &s->by_id[id % STREAM_BUCKETS], by_id)
	{
		if (a->id == id)
			return a;
	}
	return NULL;
}

void stream_unlink(struct stream *s, struct attempt *a)
{
	LIST_REMOVE(a, by_id);
	a->stream = NULL;
	s->waiting--;
	if (s->waiting == 0 && s->state == STREAM_OPEN)
		stream_arm(s); /* idle from now */
}

bool stream_put(struct stream *s, struct attempt *a)
{
	uint8_t query[MESSAGE_QUERY_MAX];
	if (s->waiting >= STREAM_WAITING_MAX || !out_room(s, STREAM_FRAME_HEAD + sizeof(query)))
		return false;
	do {
		a->id = (uint16_t)rand_u32();
	} while (attempt_of_id(s, a->id) != NULL); /* at most one ID in 64 is taken */
	size_t len = attempt_query(a, query);
	struct wr w = wr_init(s->out + s->out_end, s->out_cap - s->out_end);
	wr_u16(&w, (uint16_t)len);
	wr_bytes(&w, query, len);
	s->out_end += w.pos;
	if (event_add(&s->writable, NULL) != 0)
		return false;
	s->written++;
	a->stream = s;
	LIST_INSERT_HEAD(&s->by_id[a->id % STREAM_BUCKETS], a, by_id);
	if (s->waiting++ == 0 && s->state == STREAM_OPEN)
		stream_arm(s);
	return true;
}

/* One whole frame. False when the server must be hung up on. The pool may be gone after. */
static bool take(struct stream *s, uint8_t *bytes, size_t len)
{
	if (len < MSG_HEADER_LEN)
		return false;
	struct rd r = rd_init(bytes, len);
	struct attempt *a = attempt_of_id(s, rd_u16(&r));
	enum message_match match = a == NULL ? MESSAGE_MISMATCH : message_match(bytes, len, a->id, &a->question);
	if (match == MESSAGE_MISMATCH) {
		counters_add(s->pool->counters, COUNTER_UPSTREAM_MISMATCHED);
		return ++s->strays < STREAM_STRAYS_MAX;
	}
	s->strays = 0;
	s->answered++;
	stream_unlink(s, a);
	attempt_closed(a);
	pool_ask_on_reply(a, bytes, len, match);
	return true;
}

/* Every whole frame of what was read. False when the stream must not be touched any more. */
static bool take_all(struct stream *s)
{
	struct pool *pool = s->pool;
	size_t begin = 0;
	for (;;) {
		struct rd r = rd_init(s->in + begin, s->in_len - begin);
		size_t len = rd_u16(&r);
		if (!rd_ok(&r) || rd_left(&r) < len)
			break;
		begin += STREAM_FRAME_HEAD + len;
		s->heard_ns = pool->now_ns;
		struct pool_watch watch;
		pool_watch_begin(pool, &watch);
		bool good = take(s, s->in + begin - len, len);
		if (!pool_watch_end(pool, &watch))
			return false;
		if (!good) {
			stream_fail(s, ATTEMPT_LOST);
			return false;
		}
	}
	if (begin == 0)
		return true;
	memmove(s->in, s->in + begin, s->in_len - begin);
	s->in_len -= begin;
	stream_arm(s);
	return true;
}

/* Room for the whole of the frame that has begun. */
static bool in_room(struct stream *s)
{
	size_t want = STREAM_IN_START;
	struct rd r = rd_init(s->in, s->in_len);
	size_t frame = rd_u16(&r);
	if (rd_ok(&r))
		want = MAX(want, STREAM_FRAME_HEAD + frame);
	if (s->in_cap >= want)
		return true;
	uint8_t *in = realloc(s->in, want);
	if (in == NULL)
		return false;
	s->in = in;
	s->in_cap = want;
	return true;
}

void stream_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	(void)what;
	pool_clock(s->pool);
	for (int i = 0; i < STREAM_READ_BUDGET; i++) {
		if (!in_room(s)) {
			stream_fail(s, ATTEMPT_LOST);
			return;
		}
		ssize_t got = recv(fd, s->in + s->in_len, s->in_cap - s->in_len, 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			/* before the handshake was seen to be over, an error is its refusal */
			stream_fail(s, s->state == STREAM_CONNECTING ? ATTEMPT_REFUSED : ATTEMPT_LOST);
			return;
		}
		s->in_len += (size_t)got;
		if (!take_all(s))
			return;
		if (s->waiting == 0 && s->held_count > 0) {
			stream_renew(s);
			return;
		}
	}
}
