/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/probe.h"

#include "base/buf.h"
#include "child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct fetch_probe {
	int fd;
	pid_t pid;
	struct event *on_readable, *on_deadline;
	struct buf said;
	fetch_probe_done *done;
	void *arg;
};

static void probe_free(struct fetch_probe *p)
{
	if (p->on_readable)
		event_free(p->on_readable);
	if (p->on_deadline)
		event_free(p->on_deadline);
	child_end(p->pid);
	if (p->fd >= 0)
		close(p->fd);
	buf_finish(&p->said);
	free(p);
}

void fetch_probe_cancel(struct fetch_probe *p)
{
	if (p)
		probe_free(p);
}

/* The probe is gone after this. */
static void probe_end(struct fetch_probe *p, const struct fetch_counts *counts, const struct err *err)
{
	fetch_probe_done *done = p->done;
	void *arg = p->arg;
	probe_free(p);
	done(arg, counts, err);
}

/* A report that is whole is believed, however the child ended: one that was cut off is no JSON. */
static void conclude(struct fetch_probe *p)
{
	struct fetch_counts counts;
	struct err err = {0};
	if (fetch_counts_parse(buf_str(&p->said), &counts)) {
		probe_end(p, &counts, NULL);
		return;
	}
	(void)err_set(&err, ERR_INTERNAL, "saring-compile could not say what is in it");
	probe_end(p, NULL, &err);
}

static void fetch_probe_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fetch_probe *p = arg;
	char bytes[16384];
	(void)what;
	ssize_t n = read(fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0 && p->said.len + (size_t)n <= FETCH_PROBE_OUTPUT_MAX) {
		buf_add(&p->said, bytes, (size_t)n);
		return;
	}
	if (n > 0)
		buf_reset(&p->said); /* too much is no report */
	conclude(p);
}

static void fetch_probe_on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct err err = {0};
	(void)fd, (void)what;
	(void)err_set(&err, ERR_LIMIT, "saring-compile took more than %d s to look at it", FETCH_PROBE_S);
	probe_end(arg, NULL, &err);
}

static bool start(struct fetch_probe *p, struct event_base *base, const char *compiler, const char *const *argv, struct err *err)
{
	static const struct timeval deadline = {.tv_sec = FETCH_PROBE_S};
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, ERR_IO, "opening a pipe to saring-compile");
	p->fd = ends[0];
	const int fds[] = {CHILD_FD_NULL, ends[1]};
	bool ok = child_start(compiler, argv, fds, ARRAY_LEN(fds), &p->pid, err);
	close(ends[1]);
	if (!ok || fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0)
		return ok ? err_set_errno(err, ERR_IO, "setting up a pipe to saring-compile") : false;
	p->on_readable = event_new(base, p->fd, EV_READ | EV_PERSIST, fetch_probe_on_readable, p);
	p->on_deadline = evtimer_new(base, fetch_probe_on_deadline, p);
	if (p->on_readable && p->on_deadline && event_add(p->on_readable, NULL) == 0 && event_add(p->on_deadline, &deadline) == 0)
		return true;
	return err_set(err, ERR_MEMORY, "watching saring-compile");
}

struct fetch_probe *fetch_probe_start(struct event_base *base, const struct fetch_probe_what *what, fetch_probe_done *done,
				      void *arg, struct err *err)
{
	const char *argv[16] = {"saring-compile", "--probe", what->file, "--format", what->format};
	size_t count = 5;
	if (what->may_allow)
		argv[count++] = "--may-allow";
	const char *const of_key[] = {"--key",	 what->key,   "--signature", what->signature,
				      "--state", what->state, "--list",	     what->list};
	for (size_t i = 0; what->key != NULL && i < ARRAY_LEN(of_key); i++)
		argv[count++] = of_key[i];
	struct fetch_probe *p = base_alloc(sizeof(*p));
	*p = (struct fetch_probe){.fd = -1, .done = done, .arg = arg};
	if (start(p, base, what->compiler, argv, err))
		return p;
	probe_free(p);
	return NULL;
}
