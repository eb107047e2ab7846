/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/tcp.h"

#include "base/log.h"
#include "wire/msg.h"

#include <errno.h>
#include <event2/buffer.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_ACCEPT_BUDGET 64u
#define TCP_ACCEPT_PAUSE_MS 200 /* when file descriptors ran out */
#define TCP_IN_FIRST 1024u
#define TCP_IN_MAX (MSG_LEN_MAX + 2u)

/* What the connection's one timer stands for. */
enum conn_state { CONN_IDLE, CONN_RECEIVING, CONN_WORKING, CONN_SENDING };

struct conn {
	struct tcp *tcp;
	struct conn *prev, *next; /* most recently used first */
	struct event *readable, *writable, *timer;
	struct event *more; /* serves what lies in `in` already, when others have had their turn */
	struct evbuffer *out;
	uint8_t *in; /* owned */
	size_t in_len, in_cap;
	int fd;
	struct addr peer;
	enum conn_state state;
	unsigned pending; /* questions under way: each holds the connection */
	bool corked;	  /* answers are collected, written once */
	bool paused;	  /* reads nothing until answers went out */
	bool eof;	  /* the client will send no more */
	bool dead;	  /* closed; freed with the last pending question */
};

struct acceptor {
	struct acceptor *next;
	struct tcp *tcp;
	struct event *readable, *resume;
	int fd;
};

struct tcp {
	struct event_base *base;
	struct service *service;
	struct acceptor *acceptors;
	struct conn *first, *last;
	size_t count;
	bool stopping;
};

static void conn_unlink(struct conn *c)
{
	struct tcp *t = c->tcp;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		t->first = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	else
		t->last = c->prev;
}

static void conn_link_first(struct conn *c)
{
	struct tcp *t = c->tcp;

	c->prev = NULL;
	c->next = t->first;
	if (t->first != NULL)
		t->first->prev = c;
	else
		t->last = c;
	t->first = c;
}

static void conn_free(struct conn *c)
{
	free(c->in);
	evbuffer_free(c->out);
	free(c);
}

/* May free c. */
static void conn_close(struct conn *c)
{
	if (!c->dead) {
		c->dead = true;
		event_free(c->readable);
		event_free(c->writable);
		event_free(c->timer);
		event_free(c->more);
		close(c->fd);
		conn_unlink(c);
		c->tcp->count--;
	}
	if (c->pending == 0 && !c->corked)
		conn_free(c);
}

/* The timer is set anew when the state changes, or on progress in it: a byte now and then keeps nobody alive. */
static void conn_set_state(struct conn *c, enum conn_state state, bool progress)
{
	static const struct timeval limits[] = {[CONN_IDLE] = {TCP_IDLE_S, 0},
						[CONN_RECEIVING] = {TCP_MESSAGE_S, 0},
						[CONN_WORKING] = {0, 0},
						[CONN_SENDING] = {TCP_STALL_S, 0}};

	if (c->state == state && !progress)
		return;
	c->state = state;
	if (state == CONN_WORKING)
		(void)event_del(c->timer); /* the upstream's own time limit holds */
	else
		(void)event_add(c->timer, &limits[state]);
}

/* A whole message lies unserved: the connection was full when its turn came. No event of the socket's will tell of it. */
static bool conn_holds_message(const struct conn *c)
{
	return c->in_len >= 2 && c->in_len - 2 >= ((size_t)c->in[0] << 8 | c->in[1]);
}

/* After anything that changes what the connection waits for. May free c. */
static void conn_settle(struct conn *c, bool progress)
{
	static const struct timeval next_round = {0, 0};
	size_t unsent = evbuffer_get_length(c->out);
	bool holds = conn_holds_message(c);

	if (unsent == 0 && c->pending == 0 && (c->tcp->stopping || (c->eof && !holds))) {
		conn_close(c);
		return;
	}
	bool full = c->pending >= TCP_PENDING_MAX || unsent > TCP_OUT_MAX;
	if (full && !c->paused)
		(void)event_del(c->readable);
	else if (!full && c->paused && !c->eof && !c->tcp->stopping)
		(void)event_add(c->readable, NULL);
	c->paused = full;
	if (holds && !full && !c->tcp->stopping)
		(void)event_add(c->more, &next_round);
	if (unsent > 0)
		conn_set_state(c, CONN_SENDING, progress);
	else if (c->in_len > 0 && !c->paused && !c->eof)
		conn_set_state(c, CONN_RECEIVING, progress);
	else if (c->pending > 0)
		conn_set_state(c, CONN_WORKING, progress);
	else
		conn_set_state(c, CONN_IDLE, progress);
}

/* May free c, unless it is corked. */
static void conn_write(struct conn *c)
{
	bool progress = false;

	while (evbuffer_get_length(c->out) > 0) {
		int n = evbuffer_write(c->out, c->fd);
		if (n > 0) {
			progress = true;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			(void)event_add(c->writable, NULL);
			break;
		} else {
			conn_close(c);
			return;
		}
	}
	conn_settle(c, progress);
}

static void conn_on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_write(arg);
}

static void conn_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	counters_add(c->tcp->service->counters, COUNTER_TCP_TIMEOUT);
	conn_close(c);
}

static void tcp_send(struct query *q, const uint8_t *bytes, size_t len)
{
	struct conn *c = q->via_data;
	uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};

	c->pending--;
	if (c->dead) {
		conn_close(c);
		return;
	}
	if (evbuffer_add(c->out, head, sizeof(head)) != 0 || evbuffer_add(c->out, bytes, len) != 0) {
		conn_close(c); /* half a frame must not go out */
		return;
	}
	if (!c->corked)
		conn_write(c);
}

static void tcp_dropped(struct query *q)
{
	struct conn *c = q->via_data;

	c->pending--;
	if (c->dead)
		conn_close(c);
	else if (!c->corked)
		conn_settle(c, true);
}

static const struct via via_tcp = {.name = "tcp", .stream = true, .send = tcp_send, .dropped = tcp_dropped};

/* Serve the whole messages in c->in. Returns how many bytes they took, or -1 when the client breaks the framing. */
static ssize_t conn_serve(struct conn *c)
{
	size_t at = 0;

	while (!c->dead && c->pending < TCP_PENDING_MAX && evbuffer_get_length(c->out) <= TCP_OUT_MAX && c->in_len - at >= 2) {
		size_t len = (size_t)c->in[at] << 8 | c->in[at + 1];
		if (len < MSG_HEADER_LEN)
			return -1;
		if (c->in_len - at - 2 < len)
			break;
		struct query q;
		q.via = &via_tcp;
		q.via_data = c;
		q.peer = c->peer;
		q.local.len = 0;
		c->pending++;
		query_begin(&q, c->in + at + 2, len);
		query_run(c->tcp->service, &q);
		at += 2 + len;
	}
	return (ssize_t)at;
}

/* Room for the message that has begun, no more than it needs. */
static bool conn_make_room(struct conn *c)
{
	size_t want = c->in_len < 2 ? TCP_IN_FIRST : MAX(2 + ((size_t)c->in[0] << 8 | c->in[1]), (size_t)TCP_IN_FIRST);

	if (c->in_len < c->in_cap)
		return true;
	want = MIN(MAX(want, c->in_cap + TCP_IN_FIRST), (size_t)TCP_IN_MAX);
	if (want <= c->in_cap)
		return false;
	uint8_t *more = realloc(c->in, want);
	if (more == NULL)
		return false;
	c->in = more;
	c->in_cap = want;
	return true;
}

/* Take what has come. False when the connection is broken. */
static bool conn_receive(struct conn *c)
{
	if (!conn_make_room(c))
		return true;
	ssize_t n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
	if (n > 0)
		c->in_len += (size_t)n;
	else if (n == 0)
		c->eof = true;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* Serve what lies in c->in. May free c. */
static void conn_work(struct conn *c)
{
	if (!service_begin_batch(c->tcp->service))
		return;
	c->corked = true;
	ssize_t served = conn_serve(c);
	if (served > 0) {
		memmove(c->in, c->in + served, c->in_len - (size_t)served);
		c->in_len -= (size_t)served;
		if (!c->dead) {
			conn_unlink(c);
			conn_link_first(c);
		}
	}
	c->corked = false;
	service_end_batch(c->tcp->service);
	if (c->dead || served < 0) {
		conn_close(c);
		return;
	}
	if (c->eof)
		(void)event_del(c->readable);
	if (served > 0)
		conn_set_state(c, CONN_IDLE, true); /* a whole message came: what is begun next has its full time */
	conn_write(c);
}

static void conn_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (conn_receive(c))
		conn_work(c);
	else
		conn_close(c);
}

static void conn_on_more(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!c->paused)
		conn_work(c);
}

/* The longest idle connection (of one address when given) makes room. */
static bool close_idle(struct tcp *t, const struct addr *of)
{
	for (struct conn *c = t->last; c != NULL; c = c->prev) {
		// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is linked is not dead, and conn_close unlinks before it frees
		if (c->pending == 0 && evbuffer_get_length(c->out) == 0 && (of == NULL || addr_same_host(&c->peer, of))) {
			conn_close(c);
			return true;
		}
	}
	return false;
}

static bool may_enter(struct tcp *t, const struct addr *peer)
{
	size_t same = 0;

	for (const struct conn *c = t->first; c != NULL; c = c->next)
		same += addr_same_host(&c->peer, peer);
	if (same >= TCP_CONNECTIONS_ADDRESS_MAX && !close_idle(t, peer))
		return false;
	return t->count < TCP_CONNECTIONS_MAX || close_idle(t, NULL);
}

static void conn_create(struct tcp *t, int fd, const struct addr *peer)
{
	struct conn *c = calloc(1, sizeof(*c));
	int one = 1;

	if (c == NULL) {
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->tcp = t;
	c->fd = fd;
	c->peer = *peer;
	c->out = evbuffer_new();
	c->readable = event_new(t->base, fd, EV_READ | EV_PERSIST, conn_on_readable, c);
	c->writable = event_new(t->base, fd, EV_WRITE, conn_on_writable, c);
	c->timer = event_new(t->base, -1, 0, conn_on_timer, c);
	c->more = event_new(t->base, -1, 0, conn_on_more, c);
	must(c->out != NULL && c->readable != NULL && c->writable != NULL && c->timer != NULL && c->more != NULL);
	conn_link_first(c);
	t->count++;
	(void)event_add(c->readable, NULL);
	conn_set_state(c, CONN_IDLE, true);
	counters_add(t->service->counters, COUNTER_TCP_ACCEPTED);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)fd;
	(void)what;
	if (!a->tcp->stopping)
		(void)event_add(a->readable, NULL);
}

/* File descriptors ran out: the socket stays readable, so look away for a while instead of spinning; close what nobody uses. */
static void accept_failed(struct acceptor *a)
{
	static struct log_limit limit = {.interval_ms = 60000};
	static const struct timeval pause = {0, TCP_ACCEPT_PAUSE_MS * 1000};

	log_limited(&limit, LOG_LEVEL_WARNING, "tcp.accept.failed error=\"%s\"", strerror(errno));
	counters_add(a->tcp->service->counters, COUNTER_TCP_REFUSED);
	(void)close_idle(a->tcp, NULL);
	(void)event_del(a->readable);
	(void)event_add(a->resume, &pause);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)what;
	for (unsigned i = 0; i < TCP_ACCEPT_BUDGET; i++) {
		struct addr peer;
		memset(&peer, 0, sizeof(peer));
		peer.len = sizeof(peer.in6);
		int client = accept4(fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			if (errno != EAGAIN)
				accept_failed(a);
			return;
		}
		if (may_enter(a->tcp, &peer)) {
			conn_create(a->tcp, client, &peer);
		} else {
			counters_add(a->tcp->service->counters, COUNTER_TCP_REFUSED);
			close(client);
		}
	}
}

struct tcp *tcp_create(struct event_base *base, struct service *service)
{
	struct tcp *t = base_alloc(sizeof(*t));

	t->base = base;
	t->service = service;
	return t;
}

void tcp_listen(struct tcp *t, const struct listener *listener)
{
	struct acceptor *a = base_alloc(sizeof(*a));

	a->tcp = t;
	a->fd = listener->fd;
	a->readable = event_new(t->base, a->fd, EV_READ | EV_PERSIST, on_acceptable, a);
	a->resume = event_new(t->base, -1, 0, on_resume, a);
	must(a->readable != NULL && a->resume != NULL && event_add(a->readable, NULL) == 0);
	a->next = t->acceptors;
	t->acceptors = a;
}

void tcp_stop(struct tcp *t)
{
	struct conn *next;

	t->stopping = true;
	for (struct acceptor *a = t->acceptors; a != NULL; a = a->next) {
		(void)event_del(a->readable);
		(void)event_del(a->resume);
	}
	for (struct conn *c = t->first; c != NULL; c = next) {
		next = c->next;
		(void)event_del(c->readable);
		(void)event_del(c->more);
		conn_settle(c, false);
	}
}

bool tcp_is_quiet(const struct tcp *t)
{
	for (const struct conn *c = t->first; c != NULL; c = c->next) {
		if (c->pending > 0 || evbuffer_get_length(c->out) > 0)
			return false;
	}
	return true;
}

void tcp_destroy(struct tcp *t)
{
	if (t == NULL)
		return;
	while (t->first != NULL) {
		struct conn *c = t->first;
		// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as in close_idle
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
	free(t);
}
