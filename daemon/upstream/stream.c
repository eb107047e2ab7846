/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/pool_ask.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rand.h"

/* TCP to one server (RFC 7766): one connection for all that is asked of it, questions sent without waiting for answers, answers
 * taken in any order, told apart by ID and question. It is opened when needed and closed when idle. All reading and writing is done
 * from the loop: stream_start and stream_cancel never close a connection, so they may be called while an answer from it is being
 * looked at. */

#define STREAM_FRAME_HEAD 2
#define STREAM_IN_START 4096
#define STREAM_IN_MAX (STREAM_FRAME_HEAD + MSG_LEN_MAX)
#define STREAM_WAITING_MAX 1024 /* questions out on one connection */
#define STREAM_OUT_MAX (STREAM_WAITING_MAX * (STREAM_FRAME_HEAD + MESSAGE_QUERY_MAX))
#define STREAM_STRAYS_MAX 100 /* frames in a row that answer nothing: a server that babbles is hung up on */
#define STREAM_READ_BUDGET 16 /* reads before others have their turn */
#define STREAM_CONNECT_MS 3000
#define STREAM_STALL_MS 5000 /* questions are out and nothing came */
#define STREAM_IDLE_MS 10000
#define STREAM_BUCKETS 64

LIST_HEAD(attempt_list, attempt);
enum stream_state { STREAM_CLOSED, STREAM_CONNECTING, STREAM_OPEN };

struct stream {
	struct pool *pool;
	struct server *server; /* a reference */
	LIST_ENTRY(stream) link;
	enum stream_state state;
	int fd;
	struct event readable, writable;
	struct wheel_timer timer;
	uint8_t *in; /* owned: the frame being received */
	size_t in_len, in_cap;
	uint8_t *out; /* owned: frames not yet written, from out_begin on */
	size_t out_begin, out_end, out_cap;
	struct attempt_list by_id[STREAM_BUCKETS];
	size_t waiting;
	unsigned strays;
	int64_t heard_ns; /* when bytes last came */
};

static struct stream *stream_find(const struct pool *pool, const struct server *server)
{
	struct stream *s;
	LIST_FOREACH(s, &pool->streams, link)
	{
		if (s->server == server)
			return s;
	}
	return NULL;
}

bool stream_is_open(const struct pool *pool, const struct server *server)
{
	const struct stream *s = stream_find(pool, server);
	return s != NULL && s->state == STREAM_OPEN;
}

static void stream_close(struct stream *s)
{
	if (s->state == STREAM_CLOSED)
		return;
	(void)event_del(&s->readable);
	(void)event_del(&s->writable);
	wheel_clear(&s->timer);
	(void)close(s->fd);
	s->fd = -1;
	s->state = STREAM_CLOSED;
	free(s->in);
	free(s->out);
	s->in = s->out = NULL;
	s->in_len = s->in_cap = s->out_begin = s->out_end = s->out_cap = 0;
	s->strays = 0;
}

static void stream_destroy(struct stream *s)
{
	stream_close(s);
	LIST_REMOVE(s, link);
	server_unref(s->server);
	free(s);
}

void stream_destroy_all(struct pool *pool)
{
	struct stream *s;
	while ((s = LIST_FIRST(&pool->streams)) != NULL)
		stream_destroy(s); // NOLINT(clang-analyzer-unix.Malloc): LIST_REMOVE moves the head on
}

static void stream_on_due(struct wheel_timer *timer);

/* Anew only when something was heard or the kind of wait changes: questions that keep coming must not hide a dead connection. */
static void arm(struct stream *s)
{
	int64_t wait_ms = s->waiting > 0 ? STREAM_STALL_MS : STREAM_IDLE_MS;
	if (s->state == STREAM_CONNECTING)
		wait_ms = STREAM_CONNECT_MS;
	s->timer.due = stream_on_due;
	wheel_set(&s->pool->wheel, &s->timer, pool_now_ms(s->pool), wait_ms);
}

/* The connection is gone: every question out on it is told, and may be asked again on the next one. The stream and the pool may be
 * gone after. */
static void stream_fail(struct stream *s, enum attempt_failure why)
{
	struct attempt_list lost = LIST_HEAD_INITIALIZER(lost);
	struct attempt *a;
	for (size_t i = 0; i < STREAM_BUCKETS; i++) {
		while ((a = LIST_FIRST(&s->by_id[i])) != NULL) {
			LIST_REMOVE(a, by_id);
			LIST_INSERT_HEAD(&lost, a, by_id);
			a->lost = true;
			a->stream = NULL;
		}
	}
	s->waiting = 0;
	stream_close(s);
	struct pool *pool = s->pool;
	struct pool_watch watch;
	pool_watch_begin(pool, &watch);
	/* an ask that ends meanwhile takes its attempts off this list (stream_cancel) */
	while (!watch.gone && (a = LIST_FIRST(&lost)) != NULL) {
		LIST_REMOVE(a, by_id);
		a->lost = false;
		pool_ask_on_failure(a, why);
	}
	if (pool_watch_end(pool, &watch) && s->state == STREAM_CLOSED && s->waiting == 0)
		stream_destroy(s);
}

static void stream_on_due(struct wheel_timer *timer)
{
	struct stream *s = (struct stream *)(void *)((char *)timer - offsetof(struct stream, timer));
	stream_fail(s, s->state == STREAM_CONNECTING ? ATTEMPT_REFUSED : ATTEMPT_STALLED);
}

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

static void stream_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	(void)what;
	pool_clock(s->pool);
	if (s->state == STREAM_CONNECTING) {
		int error = 0;
		socklen_t len = sizeof(error);
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
			stream_fail(s, ATTEMPT_REFUSED);
			return;
		}
		s->state = STREAM_OPEN;
		arm(s);
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

static void unlink_attempt(struct stream *s, struct attempt *a)
{
	LIST_REMOVE(a, by_id);
	a->stream = NULL;
	s->waiting--;
	if (s->waiting == 0 && s->state == STREAM_OPEN)
		arm(s); /* idle from now */
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
	unlink_attempt(s, a);
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
	memmove(s->in, s->in + begin, s->in_len - begin);
	s->in_len -= begin;
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

static void stream_on_readable(evutil_socket_t fd, short what, void *arg)
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
		s->heard_ns = s->pool->now_ns;
		arm(s);
		if (!take_all(s))
			return;
	}
}

/* ---- opening ---- */

static struct stream *stream_new(struct pool *pool, struct server *server)
{
	struct stream *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->pool = pool;
	s->server = server_ref(server);
	s->fd = -1;
	for (size_t i = 0; i < STREAM_BUCKETS; i++)
		LIST_INIT(&s->by_id[i]);
	LIST_INSERT_HEAD(&pool->streams, s, link);
	return s;
}

static enum attempt_start stream_connect(struct stream *s)
{
	const struct addr *to = &s->server->addr;
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno == EAFNOSUPPORT ? ATTEMPT_NETWORK : ATTEMPT_NO_RESOURCES;
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, &to->sa, to->len) != 0 && errno != EINPROGRESS) {
		bool shortage = errno == EADDRNOTAVAIL || errno == EAGAIN;
		(void)close(fd);
		return shortage ? ATTEMPT_NO_RESOURCES : ATTEMPT_NETWORK;
	}
	s->fd = fd;
	s->state = STREAM_CONNECTING;
	s->heard_ns = 0;
	event_assign(&s->readable, s->pool->base, fd, EV_READ | EV_PERSIST, stream_on_readable, s);
	event_assign(&s->writable, s->pool->base, fd, EV_WRITE | EV_PERSIST, stream_on_writable, s);
	if (event_add(&s->readable, NULL) != 0 || event_add(&s->writable, NULL) != 0) {
		stream_close(s);
		return ATTEMPT_NO_RESOURCES;
	}
	arm(s);
	return ATTEMPT_STARTED;
}

/* Put the question into the connection's buffer, under an ID no other question on it has. */
static bool stream_put(struct stream *s, struct attempt *a, uint8_t *query, size_t len)
{
	if (s->waiting >= STREAM_WAITING_MAX || !out_room(s, STREAM_FRAME_HEAD + len))
		return false;
	while (attempt_of_id(s, a->id) != NULL)
		a->id = (uint16_t)rand_u32(); /* at most one ID in 64 is taken */
	struct wr head = wr_init(query, len);
	wr_u16(&head, a->id);
	struct wr w = wr_init(s->out + s->out_end, s->out_cap - s->out_end);
	wr_u16(&w, (uint16_t)len);
	wr_bytes(&w, query, len);
	s->out_end += w.pos;
	return event_add(&s->writable, NULL) == 0;
}

enum attempt_start stream_start(struct attempt *a, uint8_t *query, size_t len)
{
	struct pool *pool = a->ask->pool;
	struct stream *s = stream_find(pool, a->server);
	if (s == NULL)
		s = stream_new(pool, a->server);
	if (s == NULL)
		return ATTEMPT_NO_RESOURCES;
	if (s->state == STREAM_CLOSED) {
		enum attempt_start how = stream_connect(s);
		if (how != ATTEMPT_STARTED)
			return how;
	}
	if (!stream_put(s, a, query, len))
		return ATTEMPT_NO_RESOURCES;
	a->stream = s;
	LIST_INSERT_HEAD(&s->by_id[a->id % STREAM_BUCKETS], a, by_id);
	if (s->waiting++ == 0 && s->state == STREAM_OPEN)
		arm(s);
	return ATTEMPT_STARTED;
}

void stream_cancel(struct attempt *a)
{
	if (a->lost) { /* its connection failed, and it is on the list of those to be told */
		LIST_REMOVE(a, by_id);
		a->lost = false;
	} else if (a->stream != NULL) {
		unlink_attempt(a->stream, a);
	}
}

bool stream_suspect(struct attempt *a)
{
	struct stream *s = a->stream;
	if (s == NULL || s->heard_ns >= a->sent_ns)
		return false;
	stream_fail(s, s->state == STREAM_CONNECTING ? ATTEMPT_REFUSED : ATTEMPT_STALLED);
	return true;
}
