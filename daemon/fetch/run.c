/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/run.h"

#include "base/file.h"
#include "child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define COPY_MODE 0640
#define READS_MAX 16 /* in one turn of the loop: a fast server does not stop us */

struct fetch_run {
	int fd, file; /* -1: none */
	pid_t pid;    /* 0: it runs elsewhere */
	struct event *on_readable, *on_deadline;
	uint64_t max_bytes, bytes;
	struct download_progress progress;
	bool ended; /* it said its last word, and is to go by itself: not killed while it does */
	struct download_end end;
	XXH3_state_t *hash;
	uint8_t in[DOWNLOAD_HEAD + DOWNLOAD_BODY_MAX];
	size_t in_len;
	fetch_run_done *done;
	void *arg;
};

static void run_free(struct fetch_run *r)
{
	if (r->on_readable)
		event_free(r->on_readable);
	if (r->on_deadline)
		event_free(r->on_deadline);
	child_end(r->pid);
	if (r->fd >= 0)
		close(r->fd);
	if (r->file >= 0)
		close(r->file);
	XXH3_freeState(r->hash);
	free(r);
}

void fetch_run_cancel(struct fetch_run *r)
{
	if (r)
		run_free(r);
}

void fetch_run_progress(const struct fetch_run *r, struct download_progress *ret)
{
	*ret = r->progress;
}

/* The run is gone after this. */
static void run_end(struct fetch_run *r, const struct download_end *end)
{
	struct fetch_run_result result = {.end = *end, .bytes = r->bytes};
	XXH128_canonical_t hash;
	XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(r->hash));
	memcpy(result.hash, hash.digest, sizeof(result.hash));
	/* What is not on the disk yet goes there while the copy is being looked at. */
	(void)sync_file_range(r->file, 0, 0, SYNC_FILE_RANGE_WRITE);
	fetch_run_done *done = r->done;
	void *arg = r->arg;
	run_free(r);
	done(arg, &result);
}

static void run_fail(struct fetch_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void run_fail(struct fetch_run *r, const char *fmt, ...)
{
	struct download_end end = {0};
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(end.error, sizeof(end.error), fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): va_start is above
	va_end(args);
	run_end(r, &end);
}

/* ---- frames ---- */

/* False when the run has ended with it. */
static bool take_body(struct fetch_run *r, struct str bytes)
{
	if (bytes.len > r->max_bytes - r->bytes) {
		run_fail(r, "it has more than %" PRIu64 " bytes", r->max_bytes);
		return false;
	}
	XXH3_128bits_update(r->hash, bytes.ptr, bytes.len);
	r->bytes += bytes.len;
	if (file_write_all(r->file, bytes.ptr, bytes.len))
		return true;
	run_fail(r, "writing the copy: %s", strerror(errno));
	return false;
}

static bool await_leave(struct fetch_run *r, const struct download_end *end)
{
	static const struct timeval leave = {.tv_sec = FETCH_LEAVE_S};
	r->end = *end;
	r->ended = true;
	(void)event_add(r->on_deadline, &leave);
	return true;
}

static bool take_end(struct fetch_run *r, struct str payload)
{
	struct download_end end;
	if (!download_end_parse(payload, &end))
		run_fail(r, "saring-fetch ended with something that is no end");
	else if (!end.error[0] && end.status == 200 && end.bytes != r->bytes)
		run_fail(r, "saring-fetch says that it sent %" PRIu64 " bytes, and sent %" PRIu64, end.bytes, r->bytes);
	else
		return await_leave(r, &end);
	return false;
}

static bool take_frame(struct fetch_run *r, enum download_kind kind, struct str payload)
{
	if (r->ended) {
		run_fail(r, "saring-fetch went on after its end");
		return false;
	}
	switch (kind) {
	case DOWNLOAD_PROGRESS:
		if (download_progress_parse(payload, &r->progress))
			return true;
		run_fail(r, "saring-fetch said something that is no progress");
		return false;
	case DOWNLOAD_BODY:
		return take_body(r, payload);
	case DOWNLOAD_END:
		return take_end(r, payload);
	}
	return false;
}

/* All whole frames that are there. False when the run has ended. */
static bool take_frames(struct fetch_run *r)
{
	size_t at = 0;
	while (r->in_len - at >= DOWNLOAD_HEAD) {
		enum download_kind kind;
		uint32_t len;
		if (!download_head_parse(r->in + at, &kind, &len)) {
			run_fail(r, "saring-fetch sent what is no frame");
			return false;
		}
		if (r->in_len - at - DOWNLOAD_HEAD < len)
			break;
		struct str payload = {(const char *)r->in + at + DOWNLOAD_HEAD, len};
		at += DOWNLOAD_HEAD + len;
		if (!take_frame(r, kind, payload))
			return false;
	}
	memmove(r->in, r->in + at, r->in_len - at);
	r->in_len -= at;
	return true;
}

/* It is gone, or should be. */
static void run_leave(struct fetch_run *r, const char *fault)
{
	struct download_end end = r->end;
	if (r->ended)
		run_end(r, &end);
	else
		run_fail(r, "%s", fault);
}

static void fetch_run_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fetch_run *r = arg;
	(void)what;
	for (int reads = 0; reads < READS_MAX; reads++) {
		ssize_t n = read(fd, r->in + r->in_len, sizeof(r->in) - r->in_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			run_leave(r, "saring-fetch ended before its time");
			return;
		}
		r->in_len += (size_t)n;
		if (!take_frames(r))
			return;
	}
}

static void fetch_run_on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	run_leave(arg, "saring-fetch took too long");
}

/* ---- the beginning ---- */

static bool connect_to(struct fetch_run *r, const char *path, struct err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(to.sun_path))
		return err_set(err, ERR_LIMIT, "the path %s is too long for a socket", path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0 || connect(r->fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return err_set_errno(err, ERR_UNREACHABLE, "asking saring-fetch at %s", path);
	return true;
}

static bool start_child(struct fetch_run *r, const char *program, struct err *err)
{
	static const char *const argv[] = {"saring-fetch", NULL};
	int pair[2];
	if (!program[0])
		return err_set(err, ERR_NOT_FOUND, "saring-fetch is neither beside saringd nor where it is installed");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, ERR_IO, "making a socket for saring-fetch");
	r->fd = pair[0];
	const int fds[] = {pair[1], pair[1]};
	bool ok = child_start(program, argv, fds, ARRAY_LEN(fds), &r->pid, err);
	close(pair[1]);
	if (ok && fcntl(r->fd, F_SETFL, O_NONBLOCK) < 0)
		ok = err_set_errno(err, ERR_IO, "setting up a socket for saring-fetch");
	return ok;
}

/* A request is smaller than any socket's buffer: it goes at once. */
static bool send_request(const struct fetch_run *r, const struct download_request *request, struct err *err)
{
	struct buf line = {0};
	download_request_put(&line, request);
	ssize_t n = send(r->fd, line.ptr, line.len, MSG_NOSIGNAL);
	bool ok = n == (ssize_t)line.len || err_set_errno(err, ERR_IO, "asking saring-fetch");
	buf_finish(&line);
	return ok;
}

static bool open_file(struct fetch_run *r, const char *file, struct err *err)
{
	(void)unlink(file);
	r->file = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, COPY_MODE);
	return r->file >= 0 || err_set_errno(err, ERR_IO, "making %s", file);
}

static bool watch(struct fetch_run *r, const struct fetch_run_config *config)
{
	struct timeval deadline = {.tv_sec = (time_t)config->request.total_s + FETCH_GRACE_S};
	r->on_readable = event_new(config->base, r->fd, EV_READ | EV_PERSIST, fetch_run_on_readable, r);
	r->on_deadline = evtimer_new(config->base, fetch_run_on_deadline, r);
	return r->on_readable && r->on_deadline && event_add(r->on_readable, NULL) == 0 &&
	       event_add(r->on_deadline, &deadline) == 0;
}

struct fetch_run *fetch_run_start(const struct fetch_run_config *config, struct err *err)
{
	struct fetch_run *r = base_alloc(sizeof(*r));
	*r = (struct fetch_run){.fd = -1,
				.file = -1,
				.max_bytes = config->request.max_bytes,
				.hash = XXH3_createState(),
				.done = config->done,
				.arg = config->arg};
	must(r->hash);
	XXH3_128bits_reset(r->hash);
	struct stat st;
	bool elsewhere = lstat(config->socket_path, &st) == 0;
	bool ok = open_file(r, config->file, err) &&
		  (elsewhere ? connect_to(r, config->socket_path, err) : start_child(r, config->program, err)) &&
		  send_request(r, &config->request, err);
	if (ok && !watch(r, config))
		ok = err_set(err, ERR_MEMORY, "watching saring-fetch");
	if (ok)
		return r;
	run_free(r);
	return NULL;
}
