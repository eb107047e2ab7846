/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAM_CONNECT_MS 3000
#define STREAM_STALL_MS 5000 /* questions are out and nothing came */
#define STREAM_IDLE_MS 10000
#define STREAM_LIMIT_MS 60000 /* how long it is remembered how many questions a connection bears */

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

void stream_arm(struct stream *s)
{
	int64_t wait_ms = s->waiting > 0 ? STREAM_STALL_MS : STREAM_IDLE_MS;
	if (s->waiting == 0 && s->held_count > 0)
		wait_ms = 0; /* it has borne what it bears: the next one is due, from the loop */
	if (s->state == STREAM_CONNECTING)
		wait_ms = STREAM_CONNECT_MS;
	s->timer.due = stream_on_due;
	wheel_set(&s->pool->wheel, &s->timer, pool_now_ms(s->pool), wait_ms);
}

static void hold(struct stream *s, struct attempt *a)
{
	TAILQ_INSERT_TAIL(&s->held, a, queue);
	a->held = true;
	a->stream = s;
	s->held_count++;
}

static void let_go(struct stream *s, struct attempt *a)
{
	TAILQ_REMOVE(&s->held, a, queue);
	a->held = false;
	a->stream = NULL;
	s->held_count--;
}

static enum attempt_start stream_connect(struct stream *s);
static void pump(struct stream *s);

/* The next connection, for what is held. Returns false when there can be none. */
static bool stream_next(struct stream *s)
{
	if (s->state == STREAM_CLOSED && stream_connect(s) != ATTEMPT_STARTED)
		return false;
	pump(s);
	return true;
}

void stream_fail(struct stream *s, enum attempt_failure why)
{
	struct attempt_list lost = LIST_HEAD_INITIALIZER(lost);
	struct attempt *a;
	bool goes_on = why == ATTEMPT_LOST && s->answered > 0;
	if (goes_on && s->waiting > 0) {
		s->limit = s->answered;
		s->limit_until_ms = pool_now_ms(s->pool) + STREAM_LIMIT_MS;
	}
	while (!goes_on && (a = TAILQ_FIRST(&s->held)) != NULL) {
		let_go(s, a);
		LIST_INSERT_HEAD(&lost, a, by_id);
		a->lost = true;
	}
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
	if (!pool_watch_end(pool, &watch))
		return;
	if (s->held_count > 0 && !stream_next(s))
		stream_fail(s, ATTEMPT_REFUSED); /* nothing was answered on it: this does not come again */
	else if (s->state == STREAM_CLOSED && s->waiting == 0 && s->held_count == 0 && s->limit == 0)
		stream_destroy(s); /* else it stays, closed, for what is known of the server */
}

void stream_renew(struct stream *s)
{
	stream_close(s);
	if (!stream_next(s))
		stream_fail(s, ATTEMPT_REFUSED);
}

static void stream_on_due(struct wheel_timer *timer)
{
	struct stream *s = (struct stream *)(void *)((char *)timer - offsetof(struct stream, timer));
	if (s->state == STREAM_OPEN && s->waiting == 0 && s->held_count > 0)
		stream_renew(s);
	else
		stream_fail(s, s->state == STREAM_CONNECTING ? ATTEMPT_REFUSED : ATTEMPT_STALLED);
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
	TAILQ_INIT(&s->held);
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
	s->written = s->answered = 0;
	event_assign(&s->readable, s->pool->base, fd, EV_READ | EV_PERSIST, stream_on_readable, s);
	event_assign(&s->writable, s->pool->base, fd, EV_WRITE | EV_PERSIST, stream_on_writable, s);
	if (event_add(&s->readable, NULL) != 0 || event_add(&s->writable, NULL) != 0) {
		stream_close(s);
		return ATTEMPT_NO_RESOURCES;
	}
	stream_arm(s);
	return ATTEMPT_STARTED;
}

/* May another question be written on this connection? */
static bool bears_more(struct stream *s)
{
	if (s->limit > 0 && pool_now_ms(s->pool) >= s->limit_until_ms)
		s->limit = 0;
	return s->limit == 0 || s->written < s->limit;
}

/* As many of those that are held as the connection bears. */
static void pump(struct stream *s)
{
	struct attempt *a;
	while ((a = TAILQ_FIRST(&s->held)) != NULL && bears_more(s)) {
		let_go(s, a);
		if (!stream_put(s, a)) { /* no room now: it is told when the connection ends, or runs into its time */
			hold(s, a);
			return;
		}
	}
}

enum attempt_start stream_start(struct attempt *a)
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
	if (bears_more(s) && s->held_count == 0)
		return stream_put(s, a) ? ATTEMPT_STARTED : ATTEMPT_NO_RESOURCES;
	if (s->held_count >= STREAM_WAITING_MAX)
		return ATTEMPT_NO_RESOURCES;
	hold(s, a);
	if (s->waiting == 0 && s->state == STREAM_OPEN)
		stream_arm(s);
	return ATTEMPT_STARTED;
}

void stream_cancel(struct attempt *a)
{
	if (a->lost) { /* its connection failed, and it is on the list of those to be told */
		LIST_REMOVE(a, by_id);
		a->lost = false;
	} else if (a->held) {
		let_go(a->stream, a);
	} else if (a->stream != NULL) {
		stream_unlink(a->stream, a);
	}
}

bool stream_suspect(struct attempt *a)
{
	struct stream *s = a->stream;
	if (s == NULL || a->held || s->heard_ns >= a->sent_ns)
		return false;
	stream_fail(s, s->state == STREAM_CONNECTING ? ATTEMPT_REFUSED : ATTEMPT_STALLED);
	return true;
}
