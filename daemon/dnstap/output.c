/* SPDX-License-Identifier: BSD-2-Clause */
#include "dnstap/output.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <fstrm.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTENT_TYPE "protobuf:dnstap.Dnstap"

struct output {
	enum output_kind kind;
	gid_t group;
	int fd; /* -1: closed */
	struct fstrm_writer *writer;
	int64_t retry_at_ms, wait_ms;
	dev_t dev;
	ino_t ino;
	int errnum; /* of what failed last */
	char path[PATH_MAX];
	char error[PATH_MAX + 128];
};

/* ---- the bytes, for libfstrm ---- */

static fstrm_res fails(struct output *o, int errnum)
{
	o->errnum = errnum;
	return fstrm_res_failure;
}

static bool wait_for(struct output *o, short events, int64_t end_ms)
{
	struct pollfd p = {.fd = o->fd, .events = events};
	int64_t left = end_ms - clock_mono_ms();

	if (left <= 0 || poll(&p, 1, (int)left) == 0) {
		o->errnum = ETIMEDOUT;
		return false;
	}
	return true;
}

static fstrm_res connect_socket(struct output *o)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (strlen(o->path) >= sizeof(to.sun_path))
		return fails(o, ENAMETOOLONG);
	memcpy(to.sun_path, o->path, strlen(o->path) + 1);
	o->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (o->fd < 0 || connect(o->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return fails(o, errno);
	return fstrm_res_success;
}

/* Whoever is at it may still want what an earlier run wrote. */
static bool move_old(struct output *o)
{
	char to[PATH_MAX + 64], now[32];
	struct stat st;

	if (stat(o->path, &st) != 0 || st.st_size == 0 || !S_ISREG(st.st_mode))
		return true;
	str_from_time(clock_wall_s(), now, sizeof(now));
	(void)snprintf(to, sizeof(to), "%s.%s", o->path, now);
	for (unsigned i = 1; access(to, F_OK) == 0; i++)
		(void)snprintf(to, sizeof(to), "%s.%s.%u", o->path, now, i);
	return rename(o->path, to) == 0;
}

static fstrm_res open_file(struct output *o)
{
	struct stat st;

	if (!move_old(o))
		return fails(o, errno);
	o->fd = open(o->path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, OUTPUT_MODE);
	if (o->fd < 0 || fstat(o->fd, &st) != 0)
		return fails(o, errno);
	if (!S_ISREG(st.st_mode))
		return fails(o, EINVAL);
	(void)!fchown(o->fd, (uid_t)-1, o->group); /* a process that may not leaves it with its own */
	o->dev = st.st_dev;
	o->ino = st.st_ino;
	return fstrm_res_success;
}

static fstrm_res on_open(void *arg)
{
	struct output *o = arg;

	return o->kind == OUTPUT_SOCKET ? connect_socket(o) : open_file(o);
}

static fstrm_res on_close(void *arg)
{
	struct output *o = arg;

	if (o->fd >= 0)
		(void)close(o->fd);
	o->fd = -1;
	return fstrm_res_success;
}

static fstrm_res on_read(void *arg, void *bytes, size_t len)
{
	struct output *o = arg;
	const int64_t end_ms = clock_mono_ms() + OUTPUT_WAIT_MS;

	for (size_t got = 0; got < len;) {
		ssize_t n = recv(o->fd, (char *)bytes + got, len - got, 0);
		if (n > 0)
			got += (size_t)n;
		else if (n == 0)
			return fails(o, ECONNRESET);
		else if (errno != EAGAIN && errno != EINTR)
			return fails(o, errno);
		else if (!wait_for(o, POLLIN, end_ms))
			return fstrm_res_failure;
	}
	return fstrm_res_success;
}

static ssize_t put(struct output *o, struct iovec *iov, int count)
{
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)count};

	return o->kind == OUTPUT_SOCKET ? sendmsg(o->fd, &m, MSG_NOSIGNAL) : writev(o->fd, iov, count);
}

static fstrm_res put_all(struct output *o, struct iovec *iov, int count)
{
	const int64_t end_ms = clock_mono_ms() + OUTPUT_WAIT_MS;

	while (count > 0) {
		ssize_t n = put(o, iov, count);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fails(o, errno);
		if (n < 0 && !wait_for(o, POLLOUT, end_ms))
			return fstrm_res_failure;
		size_t gone = n < 0 ? 0 : (size_t)n;
		for (; count > 0 && gone >= iov->iov_len; count--, iov++)
			gone -= iov->iov_len;
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + gone;
			iov->iov_len -= gone;
		}
	}
	return fstrm_res_success;
}

static fstrm_res on_write(void *arg, const struct iovec *iov, int count)
{
	struct output *o = arg;
	struct iovec mine[2 * OUTPUT_BATCH];
	struct stat st;

	if (count > (int)ARRAY_LEN(mine))
		return fails(o, E2BIG);
	memcpy(mine, iov, (size_t)count * sizeof(mine[0]));
	const bool file = o->kind == OUTPUT_FILE && fstat(o->fd, &st) == 0;
	if (put_all(o, mine, count) == fstrm_res_success)
		return fstrm_res_success;
	if (file)
		(void)!ftruncate(o->fd, st.st_size); /* a frame that is cut would make all behind it unreadable */
	return fstrm_res_failure;
}

/* ---- the stream ---- */

static void close_stream(struct output *o)
{
	if (o->writer != NULL)
		(void)fstrm_writer_destroy(&o->writer); /* says STOP, where that can be said */
	(void)on_close(o);
}

/* A file that has no room stays open, as it is whole up to where it ends: another would be one more for each try. */
static void fail(struct output *o, const char *what)
{
	(void)snprintf(o->error, sizeof(o->error), "%s '%s': %s", what, o->path, strerror(o->errnum));
	if (o->kind == OUTPUT_SOCKET || (o->errnum != ENOSPC && o->errnum != EDQUOT))
		close_stream(o);
	o->wait_ms = o->wait_ms == 0 ? OUTPUT_RETRY_MS : MIN(o->wait_ms * 2, OUTPUT_RETRY_MAX_MS);
	o->retry_at_ms = clock_mono_ms() + o->wait_ms;
}

static bool open_stream(struct output *o)
{
	struct fstrm_writer_options *options = fstrm_writer_options_init();
	struct fstrm_rdwr *rdwr = fstrm_rdwr_init(o);

	fstrm_rdwr_set_open(rdwr, on_open);
	fstrm_rdwr_set_close(rdwr, on_close);
	fstrm_rdwr_set_write(rdwr, on_write);
	if (o->kind == OUTPUT_SOCKET)
		fstrm_rdwr_set_read(rdwr, on_read);
	(void)fstrm_writer_options_add_content_type(options, CONTENT_TYPE, sizeof(CONTENT_TYPE) - 1);
	o->writer = fstrm_writer_init(options, &rdwr);
	fstrm_writer_options_destroy(&options);
	o->errnum = EPROTO; /* of the handshake, when no call failed */
	if (o->writer != NULL && fstrm_writer_open(o->writer) == fstrm_res_success) {
		o->error[0] = '\0';
		o->wait_ms = 0;
		return true;
	}
	fail(o, o->kind == OUTPUT_SOCKET ? "connecting to" : "opening");
	return false;
}

static bool is_moved(const struct output *o)
{
	struct stat st;

	return o->kind == OUTPUT_FILE && (stat(o->path, &st) != 0 || st.st_dev != o->dev || st.st_ino != o->ino);
}

static bool hung_up(const struct output *o)
{
	struct pollfd p = {.fd = o->fd, .events = 0};

	return o->kind == OUTPUT_SOCKET && poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

void output_tick(struct output *o)
{
	if (o->writer != NULL && hung_up(o)) {
		o->errnum = ECONNRESET;
		fail(o, "sending to");
		return;
	}
	if (o->writer != NULL && is_moved(o))
		close_stream(o);
	if (o->writer == NULL && clock_mono_ms() >= o->retry_at_ms)
		(void)open_stream(o);
}

bool output_send(struct output *o, const struct iovec *frames, unsigned count)
{
	if (clock_mono_ms() < o->retry_at_ms || (o->writer == NULL && !open_stream(o)))
		return false;
	o->errnum = EPROTO;
	if (fstrm_writer_writev(o->writer, frames, (int)count) == fstrm_res_success) {
		o->error[0] = '\0';
		o->wait_ms = 0;
		return true;
	}
	fail(o, o->kind == OUTPUT_SOCKET ? "sending to" : "writing");
	return false;
}

struct output *output_create(enum output_kind kind, const char *path, gid_t group)
{
	struct output *o = base_alloc(sizeof(*o));

	o->kind = kind;
	o->group = group;
	o->fd = -1;
	(void)snprintf(o->path, sizeof(o->path), "%s", path);
	return o;
}

void output_destroy(struct output *o)
{
	if (o == NULL)
		return;
	close_stream(o);
	free(o);
}

const char *output_error(const struct output *o)
{
	return o->error;
}

const char *output_path(const struct output *o)
{
	return o->path;
}

enum output_kind output_kind_of(const struct output *o)
{
	return o->kind;
}
