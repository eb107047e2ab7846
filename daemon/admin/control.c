/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/control.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/proto.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_MAX 16	    /* in one turn of the loop */
#define ACCEPT_PAUSE_MS 500 /* when descriptors have run out */

enum conn_state {
	CONN_READING,	/* a request comes in */
	CONN_WORKING,	/* a command has it */
	CONN_WRITING,	/* a reply goes out */
	CONN_STREAMING, /* replies go out as there are any */
};

struct conn {
	struct control *control;
	struct conn *prev, *next;
	int fd;
	enum conn_state state;
	struct command_peer peer;
	bool last;	  /* closed after this reply */
	int64_t since_ms; /* in this state */
	struct event *readable, *writable, *deadline;
	struct buf in, out;
	size_t sent;
	struct command_stream stream; /* next NULL: none */
};

struct control {
	struct event_base *base;
	int fd;
	gid_t group;
	struct commands *commands;
	struct event *acceptable, *resume;
	struct conn *first;
	size_t count;
};

/* ---- who ---- */

enum command_right control_right(uid_t daemon_uid, gid_t control_group, uid_t uid, gid_t gid, const gid_t *groups,
				 size_t group_count)
{
	if (uid == 0 || uid == daemon_uid)
		return RIGHT_CHANGE;
	if (gid == control_group)
		return RIGHT_READ;
	for (size_t i = 0; i < group_count; i++)
		if (groups[i] == control_group)
			return RIGHT_READ;
	return RIGHT_NONE;
}

/* A peer whose groups cannot be read has none. */
static gid_t *peer_groups(int fd, size_t *ret_count)
{
	socklen_t len = 64 * sizeof(gid_t);
	gid_t *groups = base_alloc(len);
	*ret_count = 0;
	int rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	if (rc < 0 && errno == ERANGE && len <= CONTROL_GROUPS_MAX * sizeof(gid_t)) {
		groups = base_realloc(groups, len);
		rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	}
	if (rc == 0)
		*ret_count = len / sizeof(gid_t);
	return groups;
}

static struct command_peer peer_of(int fd, gid_t control_group)
{
	struct command_peer peer = {.right = RIGHT_NONE, .who = {.by = "control"}};
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return peer;
	size_t count;
	gid_t *groups = peer_groups(fd, &count);
	peer.right = control_right(geteuid(), control_group, cred.uid, cred.gid, groups, count);
	free(groups);
	if (peer.right == RIGHT_CHANGE)
		audit_who_of_peer(cred.uid, cred.pid, &peer.who);
	return peer;
}

/* ---- a connection ---- */

static void conn_close(struct conn *c)
{
	if (c->stream.next)
		c->stream.closed(c->stream.arg);
	if (c->prev)
		c->prev->next = c->next;
	else
		c->control->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->control->count--;
	event_free(c->readable);
	event_free(c->writable);
	event_free(c->deadline);
	close(c->fd);
	buf_finish(&c->in);
	buf_finish(&c->out);
	free(c);
}

static void conn_enter(struct conn *c, enum conn_state state, int64_t limit_ms)
{
	c->state = state;
	c->since_ms = clock_mono_ms();
	(void)event_del(c->deadline);
	if (limit_ms > 0) {
		struct timeval tv = {.tv_sec = (time_t)(limit_ms / 1000), .tv_usec = (suseconds_t)(limit_ms % 1000 * 1000)};
		(void)event_add(c->deadline, &tv);
	}
}

static void conn_await_request(struct conn *c)
{
	buf_finish(&c->in);
	buf_finish(&c->out);
	c->sent = 0;
	conn_enter(c, CONN_READING, CTL_IDLE_MS);
	(void)event_add(c->readable, NULL);
}

/* Returns false when the connection is of no more use. */
static bool conn_flush(struct conn *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.ptr + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->sent += (size_t)n;
	}
	return true;
}

/* Is all of it out? Else it goes on when there is room for more, or c is freed. */
static bool conn_is_out(struct conn *c)
{
	if (!conn_flush(c)) {
		conn_close(c);
		return false;
	}
	if (c->sent < c->out.len) {
		(void)event_add(c->writable, NULL);
		return false;
	}
	return true;
}

/* May free c. */
static void conn_write(struct conn *c)
{
	if (!conn_is_out(c))
		return;
	if (c->last)
		conn_close(c);
	else
		conn_await_request(c);
}

/* Takes reply. May free c. */
static void conn_reply(struct conn *c, json_t *reply)
{
	ctl_frame_put(&c->out, reply);
	json_decref(reply);
	if (c->out.len > CTL_FRAME_HEAD + (size_t)CTL_REPLY_MAX) {
		struct err err = {0};
		(void)err_set(&err, ERR_LIMIT, "the reply would be larger than %u bytes", CTL_REPLY_MAX);
		json_t *instead = ctl_reply_err(&err, NULL);
		buf_finish(&c->out);
		ctl_frame_put(&c->out, instead);
		json_decref(instead);
	}
	conn_enter(c, CONN_WRITING, CONTROL_WRITE_MS);
	conn_write(c);
}

static void conn_on_done(void *arg, json_t *reply)
{
	conn_reply(arg, reply);
}

static void conn_refuse(struct conn *c, const struct err *err)
{
	c->last = true;
	(void)event_del(c->readable);
	conn_reply(c, ctl_reply_err(err, NULL));
}

/* ---- a stream of replies ---- */

/* One frame after the other, each when the one before is out: what a slow reader has no time for waits with its source. May free c.
 */
static void conn_pump(struct conn *c)
{
	while (c->state == CONN_STREAMING) {
		if (!conn_is_out(c))
			return;
		json_t *reply = c->stream.next(c->stream.arg);
		if (!reply)
			return;
		buf_reset(&c->out);
		c->sent = 0;
		ctl_frame_put(&c->out, reply);
		json_decref(reply);
		c->since_ms = clock_mono_ms();
	}
}

/* From within commands_run. What is still to be read is that the peer is gone. */
static void conn_begin_stream(void *conn, const struct command_stream *stream)
{
	struct conn *c = conn;
	c->stream = *stream;
	buf_finish(&c->in);
	conn_enter(c, CONN_STREAMING, 0);
	(void)event_add(c->readable, NULL);
	conn_pump(c);
}

static void conn_wake(void *conn)
{
	struct conn *c = conn;
	if (c->state == CONN_STREAMING && c->sent == c->out.len)
		conn_pump(c);
}

static const struct command_streams conn_streams = {.begin = conn_begin_stream, .wake = conn_wake};

/* A whole frame has come. May free c. */
static void conn_run(struct conn *c)
{
	struct err err = {0};
	json_t *request = ctl_frame_parse(c->in.ptr + CTL_FRAME_HEAD, c->in.len - CTL_FRAME_HEAD, &err);
	if (!request) {
		conn_refuse(c, &err);
		return;
	}
	(void)event_del(c->readable);
	conn_enter(c, CONN_WORKING, 0);
	commands_run(c->control->commands, request, &c->peer, conn_on_done, c);
	json_decref(request);
}

/* How many bytes of the present frame are still to come; 0: it is whole. False: it is one that is refused. */
static bool conn_missing(const struct conn *c, size_t *ret)
{
	if (c->in.len < CTL_FRAME_HEAD) {
		*ret = CTL_FRAME_HEAD - c->in.len;
		return true;
	}
	uint32_t len = ctl_frame_len((const uint8_t *)c->in.ptr);
	if (len == 0 || len > CTL_REQUEST_MAX)
		return false;
	*ret = CTL_FRAME_HEAD + (size_t)len - c->in.len;
	return true;
}

/* Whoever is sent a stream has nothing more to say. */
static void conn_on_hung_up(struct conn *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_DONTWAIT);
	if (n >= 0 || (errno != EINTR && errno != EAGAIN))
		conn_close(c);
}

static void conn_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	(void)what;
	if (c->state == CONN_STREAMING) {
		conn_on_hung_up(c);
		return;
	}
	for (;;) {
		size_t missing;
		if (!conn_missing(c, &missing)) {
			struct err err = {0};
			(void)err_set(&err, ERR_LIMIT, "a request has 1 to %u bytes", CTL_REQUEST_MAX);
			conn_refuse(c, &err);
			return;
		}
		if (missing == 0) {
			conn_run(c);
			return;
		}
		char bytes[4096];
		ssize_t n = recv(fd, bytes, MIN(missing, sizeof(bytes)), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			conn_close(c);
			return;
		}
		buf_add(&c->in, bytes, (size_t)n);
	}
}

static void conn_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	(void)fd, (void)what;
	if (c->state == CONN_STREAMING)
		conn_pump(c);
	else
		conn_write(c);
}

static void conn_on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	conn_close(arg);
}

static void conn_create(struct control *control, int fd)
{
	struct conn *c = base_alloc(sizeof(*c));
	*c = (struct conn){.control = control, .fd = fd, .peer = peer_of(fd, control->group)};
	c->peer.streams = &conn_streams;
	c->readable = event_new(control->base, fd, EV_READ | EV_PERSIST, conn_on_readable, c);
	c->writable = event_new(control->base, fd, EV_WRITE, conn_on_writable, c);
	c->deadline = evtimer_new(control->base, conn_on_deadline, c);
	must(c->readable && c->writable && c->deadline);
	c->next = control->first;
	if (c->next)
		c->next->prev = c;
	control->first = c;
	control->count++;
	conn_await_request(c);
}

/* ---- accepting ---- */

/* Nothing could be sent for so long: nobody reads. Others than streams go by their deadline. */
static bool conn_is_stuck(const struct conn *c)
{
	return c->sent < c->out.len && clock_mono_ms() - c->since_ms >= CONTROL_WRITE_MS;
}

/* Make room: the connection longest idle goes, or else the slowest reader; one that a command works for never. */
static bool evict_one(struct control *control)
{
	struct conn *victim = NULL;
	for (struct conn *c = control->first; c; c = c->next) {
		if (c->state == CONN_WORKING || (c->state == CONN_STREAMING && !conn_is_stuck(c)))
			continue;
		if (!victim || c->state < victim->state || (c->state == victim->state && c->since_ms <= victim->since_ms))
			victim = c;
	}
	if (!victim)
		return false;
	conn_close(victim);
	return true;
}

static void control_on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct control *control = arg;
	static struct log_limit limit = {.interval_ms = 60000};
	(void)what;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer >= 0 && (control->count < CONTROL_CONNECTIONS_MAX || evict_one(control))) {
			conn_create(control, peer);
		} else if (peer >= 0) {
			close(peer);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			static const struct timeval pause = {.tv_usec = (suseconds_t)ACCEPT_PAUSE_MS * 1000};
			log_limited(&limit, LOG_LEVEL_WARNING, "control.accept-failed error=\"%s\"", strerror(errno));
			(void)event_del(control->acceptable); /* still readable: would spin */
			(void)event_add(control->resume, &pause);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void control_on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct control *control = arg;
	(void)fd, (void)what;
	(void)event_add(control->acceptable, NULL);
}

struct control *control_create(struct event_base *base, const struct control_socket *s, gid_t group, struct commands *commands)
{
	struct control *c = base_alloc(sizeof(*c));
	*c = (struct control){.base = base, .fd = s->fd, .group = group, .commands = commands};
	c->acceptable = event_new(base, s->fd, EV_READ | EV_PERSIST, control_on_acceptable, c);
	c->resume = evtimer_new(base, control_on_resume, c);
	must(c->acceptable && c->resume && event_add(c->acceptable, NULL) == 0);
	return c;
}

void control_destroy(struct control *c)
{
	if (!c)
		return;
	for (struct conn *conn = c->first, *next; conn; conn = next) {
		next = conn->next;
		conn_close(conn);
	}
	event_free(c->acceptable);
	event_free(c->resume);
	free(c);
}

size_t control_connections(const struct control *c)
{
	return c->count;
}
