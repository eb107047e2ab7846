/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/progress.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRESS_AFTER_MS 1000 /* quick work shows nothing */
#define PROGRESS_FRAME_MS 125
#define PROGRESS_BAR 24 /* characters between the brackets */

struct step {
	uint64_t done, total;
};

static void draw(const char *what, const struct step *step, int64_t gone_ms, unsigned frame)
{
	char line[160];
	int len;
	if (step->total > 0) {
		char bar[PROGRESS_BAR + 1];
		uint64_t full = MIN(step->done, step->total) * PROGRESS_BAR / step->total;
		for (uint64_t i = 0; i < PROGRESS_BAR; i++)
			bar[i] = i < full ? '#' : '.';
		bar[PROGRESS_BAR] = '\0';
		len = snprintf(line, sizeof(line), "\r\033[K%s [%s] %llu/%llu", what, bar, (unsigned long long)step->done,
			       (unsigned long long)step->total);
	} else {
		len = snprintf(line, sizeof(line), "\r\033[K%s %c %lld s", what, "|/-\\"[frame % 4], (long long)(gone_ms / 1000));
	}
	if (len > 0 && write(STDERR_FILENO, line, MIN((size_t)len, sizeof(line) - 1)) < 0)
		_exit(0);
}

/* The child: ends when the parent closes its end, or is no more. */
NORETURN static void draw_until_closed(int fd, const char *what)
{
	struct step step = {0, 0};
	int64_t begun_ms = clock_mono_ms();
	bool drawn = false;
	for (unsigned frame = 0;; frame++) {
		int64_t gone_ms = clock_mono_ms() - begun_ms;
		int wait_ms = gone_ms < PROGRESS_AFTER_MS ? (int)(PROGRESS_AFTER_MS - gone_ms) : PROGRESS_FRAME_MS;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, wait_ms);
		if (ready > 0) {
			ssize_t got = recv(fd, &step, sizeof(step), 0);
			if (got <= 0)
				break;
		}
		if (clock_mono_ms() - begun_ms >= PROGRESS_AFTER_MS) {
			draw(what, &step, clock_mono_ms() - begun_ms, frame);
			drawn = true;
		}
	}
	if (drawn && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		_exit(0);
	_exit(0);
}

void progress_start(struct progress *p, const struct output *o, const char *what)
{
	*p = (struct progress){.fd = -1, .pid = -1};
	if (!o->progress)
		return;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return;
	}
	if (pid == 0) {
		close(pair[0]);
		draw_until_closed(pair[1], what);
	}
	close(pair[1]);
	*p = (struct progress){.fd = pair[0], .pid = pid};
}

void progress_step(struct progress *p, uint64_t done, uint64_t total)
{
	const struct step step = {done, total};
	if (p->fd >= 0) /* a step that is lost costs nothing: the next one says all */
		(void)!send(p->fd, &step, sizeof(step), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void progress_stop(struct progress *p)
{
	if (p->fd < 0)
		return;
	close(p->fd);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*p = (struct progress){.fd = -1, .pid = -1};
}
