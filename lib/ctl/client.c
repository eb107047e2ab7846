/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/client.h"

#include "base/buf.h"
#include "base/clock.h"
#include "ctl/proto.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

struct call {
	int fd;
	const char *path;
	int64_t deadline_ms;
};

static bool too_late(const struct call *c, struct err *err)
{
	return err_set(err, ERR_UNREACHABLE, "the daemon at %s did not answer in time", c->path);
}

static int64_t left_ms(const struct call *c)
{
	return c->deadline_ms - clock_mono_ms();
}

static bool wait_for(const struct call *c, short events, struct err *err)
{
	for (;;) {
		int64_t ms = left_ms(c);
		if (ms <= 0)
			return too_late(c, err);
		struct pollfd p = {.fd = c->fd, .events = events};
		int n = poll(&p, 1, (int)MIN(ms, INT32_MAX));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return err_set_errno(err, ERR_IO, "waiting for %s", c->path);
	}
}

static bool call_connect(struct call *c, struct err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = strlen(c->path);
	if (len == 0 || len >= sizeof(to.sun_path))
		return err_set(err, ERR_UNREACHABLE, "'%s' is no path a Unix socket can have (1 to %zu bytes)", c->path,
			       sizeof(to.sun_path) - 1);
	memcpy(to.sun_path, c->path, len + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return err_set_errno(err, ERR_IO, "opening a Unix socket");
	/* A connect waits for room in the daemon's queue; SO_SNDTIMEO bounds that (a non-blocking one would give EAGAIN and no
	 * event). */
	int64_t ms = MAX(left_ms(c), 1);
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
	if (setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return err_set_errno(err, ERR_IO, "setting a time limit");
	int rc;
	do {
		rc = connect(c->fd, (const struct sockaddr *)&to, sizeof(to));
	} while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return true;
	if (errno == EACCES || errno == EPERM)
		return err_set(err, ERR_DENIED, "no permission to connect to %s", c->path);
	if (errno == EAGAIN)
		return too_late(c, err);
	return err_set_errno(err, ERR_UNREACHABLE, "the daemon can't be reached at %s", c->path);
}

/* A daemon that refuses a request may close before it has read it all: what it had to say is still to be read then. */
static bool call_send(const struct call *c, const struct buf *out, struct err *err)
{
	size_t done = 0;
	while (done < out->len) {
		ssize_t n = send(c->fd, out->ptr + done, out->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			done += (size_t)n;
		} else if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			return true;
		} else if (n < 0 && errno == EAGAIN) {
			if (!wait_for(c, POLLOUT, err))
				return false;
		} else if (n < 0 && errno != EINTR) {
			return err_set_errno(err, ERR_IO, "writing to %s", c->path);
		}
	}
	return true;
}

static bool call_read(const struct call *c, char *to, size_t len, struct err *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = recv(c->fd, to + done, len - done, MSG_DONTWAIT);
		if (n > 0) {
			done += (size_t)n;
		} else if (n == 0 || errno == ECONNRESET) {
			return err_set(err, ERR_UNREACHABLE, "the daemon at %s closed the connection without an answer", c->path);
		} else if (errno == EAGAIN) {
			if (!wait_for(c, POLLIN, err))
				return false;
		} else if (errno != EINTR) {
			return err_set_errno(err, ERR_IO, "reading from %s", c->path);
		}
	}
	return true;
}

/* Grown as bytes arrive, not by what the head claims. */
static bool call_receive(const struct call *c, struct buf *in, struct err *err)
{
	char head[CTL_FRAME_HEAD];
	if (!call_read(c, head, sizeof(head), err))
		return false;
	uint32_t len = ctl_frame_len((const uint8_t *)head);
	if (len > CTL_REPLY_MAX)
		return err_set(err, ERR_LIMIT, "the reply of the daemon at %s is too large (%u bytes)", c->path, len);
	while (in->len < len) {
		size_t step = MIN((size_t)len - in->len, (size_t)64 * 1024);
		if (!call_read(c, buf_grow(in, step), step, err))
			return false;
	}
	return true;
}

/* Connects and asks. False: c->fd may be open all the same. */
static bool call_begin(struct call *c, const char *verb, json_t *args, struct err *err)
{
	struct buf out = {0};
	json_t *request = ctl_request(verb, args);
	bool ok = false;

	ctl_frame_put(&out, request);
	json_decref(request);
	if (out.len > CTL_FRAME_HEAD + (size_t)CTL_REQUEST_MAX)
		(void)err_set(err, ERR_LIMIT, "the request is too large (%zu bytes; at most %u)", out.len - CTL_FRAME_HEAD,
			      CTL_REQUEST_MAX);
	else
		ok = call_connect(c, err) && call_send(c, &out, err);
	buf_finish(&out);
	return ok;
}

/* One reply. The result is the caller's. */
static bool call_result(const struct call *c, json_t **ret_result, struct err_list *errors, struct err *err)
{
	struct buf in = {0};
	json_t *reply = NULL, *result = NULL;
	bool ok = false;

	if (call_receive(c, &in, err))
		reply = ctl_frame_parse(in.ptr, in.len, err);
	if (reply)
		ok = ctl_reply_parse(reply, &result, errors, err);
	if (ok)
		*ret_result = json_incref(result);
	json_decref(reply);
	buf_finish(&in);
	return ok;
}

bool ctl_call(const char *socket_path, const char *verb, json_t *args, int64_t timeout_ms, json_t **ret_result,
	      struct err_list *errors, struct err *err)
{
	struct call c = {.fd = -1, .path = socket_path, .deadline_ms = clock_mono_ms() + timeout_ms};
	bool ok = call_begin(&c, verb, args, err) && call_result(&c, ret_result, errors, err);

	if (c.fd >= 0)
		close(c.fd);
	return ok;
}

static void await_next(const struct call *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

bool ctl_follow(const char *socket_path, const char *verb, json_t *args, int64_t timeout_ms, ctl_result *on_result, void *arg,
		struct err_list *errors, struct err *err)
{
	struct call c = {.fd = -1, .path = socket_path, .deadline_ms = clock_mono_ms() + timeout_ms};
	bool ok = call_begin(&c, verb, args, err), more = ok;

	while (more) {
		json_t *result;
		ok = call_result(&c, &result, errors, err);
		if (!ok)
			break;
		more = on_result(arg, result);
		json_decref(result);
		if (more)
			await_next(&c);
		c.deadline_ms = clock_mono_ms() + timeout_ms;
	}
	if (c.fd >= 0)
		close(c.fd);
	return ok;
}
