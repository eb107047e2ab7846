/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/handed.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define NAME_MAX_BYTES 128
#define FDS_A_MESSAGE 200 /* SCM_RIGHTS takes 253 */

/* ---- what comes ---- */

static bool is_twice(const struct listener *all, size_t count, int fd)
{
	struct stat here, there;
	bool twice = false;

	for (size_t i = 0; i < count && !twice && fstat(fd, &here) == 0; i++)
		twice = fstat(all[i].fd, &there) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
	return twice;
}

/* Ours to close, unless it is one of the standard three. */
static void refuse(int fd, const char *name, const char *why)
{
	char safe[NAME_MAX_BYTES];

	log_warning("listen.handed.refused fd=%d name=\"%s\" text=\"%s\"", fd,
		    str_escape(str_from(name != NULL ? name : ""), true, safe, sizeof(safe)), why);
	close(fd);
}

struct listener *handed_take(size_t *ret_count)
{
	char **names = NULL;
	int given = sd_listen_fds_with_names(true, &names);
	size_t count = 0;

	if (given < 0)
		log_warning("listen.handed error=\"%s\" text=\"what LISTEN_FDS says cannot be used\"", strerror(-given));
	struct listener *all = base_alloc((size_t)MAX(given, 1) * sizeof(*all));
	for (int i = 0; i < given; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		bool kept = names != NULL && strncmp(names[i], HANDED_KEPT, strlen(HANDED_KEPT)) == 0;
		if (is_twice(all, count, fd)) { /* kept by the store, and by its .socket unit too */
			close(fd);
			continue;
		}
		const char *why = listener_adopt(fd, kept ? LISTENER_KEPT : LISTENER_PASSED, &all[count]);
		if (why == NULL)
			count++;
		else
			refuse(fd, names != NULL ? names[i] : NULL, why);
	}
	for (int i = 0; names != NULL && i < given; i++)
		free(names[i]);
	free(names);
	*ret_count = count;
	return all;
}

/* ---- what is kept ---- */

/* "saringd-udp-127.0.0.1_53": a name holds no colon, as LISTEN_FDNAMES parts names by it. */
static const char *name_of(const struct listener *l, char buf[NAME_MAX_BYTES])
{
	char text[ADDR_TEXT_MAX];

	(void)snprintf(buf, NAME_MAX_BYTES, HANDED_KEPT "%s-%s", l->stream ? "tcp" : "udp", addr_to_text(&l->addr, text));
	for (char *p = buf; *p != '\0'; p++)
		if (*p == ':')
			*p = '_';
	return buf;
}

/* All those of `first`'s name that we opened, from it on. */
static int keep_alike(const struct listener *first, const struct listener *end)
{
	int fds[FDS_A_MESSAGE], told = 0;
	unsigned count = 0;
	char name[NAME_MAX_BYTES], text[NAME_MAX_BYTES + 64];

	/* FDPOLL=0: an error on a socket is no reason to let go of it */
	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name_of(first, name));
	for (const struct listener *l = first; l <= end; l++) {
		if (l == end || count == FDS_A_MESSAGE) {
			if (count > 0)
				told = sd_pid_notify_with_fds(0, 0, text, fds, count);
			count = 0;
		}
		if (l < end && l->origin == LISTENER_OPENED && l->stream == first->stream && addr_eq(&l->addr, &first->addr))
			fds[count++] = l->fd;
	}
	return told;
}

bool handed_keep(const struct listener *listeners, size_t count)
{
	bool reckon = count > 0;
	int told = 0;

	for (size_t i = 0; i < count; i++) {
		const struct listener *l = &listeners[i];
		bool first = l->origin == LISTENER_OPENED;
		for (size_t j = 0; j < i && first; j++)
			first = listeners[j].origin != LISTENER_OPENED || listeners[j].stream != l->stream ||
				!addr_eq(&listeners[j].addr, &l->addr);
		if (first)
			told = keep_alike(l, listeners + count);
		if (l->origin == LISTENER_OPENED)
			reckon &= told > 0;
	}
	return reckon;
}

void handed_drop(const struct listener *l)
{
	char name[NAME_MAX_BYTES];

	(void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name_of(l, name));
}

/* ---- once more ---- */

/* From 3 on, in order, for the next program. What lies there now is moved out of the way, first: it may be one of them. */
static bool lay_out(const struct listener *listeners, size_t count)
{
	int *high = base_alloc(MAX(count, (size_t)1) * sizeof(*high));
	bool ok = true;

	for (size_t i = 0; i < count && ok; i++) {
		high[i] = fcntl(listeners[i].fd, F_DUPFD_CLOEXEC, SD_LISTEN_FDS_START + (int)count);
		ok = high[i] >= 0;
	}
	for (size_t i = 0; i < count && ok; i++)
		ok = dup2(high[i], SD_LISTEN_FDS_START + (int)i) >= 0;
	free(high);
	return ok;
}

static void set_number(const char *variable, long value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%ld", value);
	must(setenv(variable, text, 1) == 0);
}

void handed_exec(char *const *argv, const struct listener *listeners, size_t count, const char *mark)
{
	struct buf names = {0};
	char self[PATH_MAX], name[NAME_MAX_BYTES];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len <= 0)
		return;
	self[len] = '\0';
	for (size_t i = 0; i < count; i++)
		buf_printf(&names, "%s%s", i > 0 ? ":" : "",
			   listeners[i].origin == LISTENER_PASSED ? "passed" : name_of(&listeners[i], name));
	set_number("LISTEN_PID", getpid());
	set_number("LISTEN_FDS", (long)count);
	must(setenv("LISTEN_FDNAMES", names.ptr != NULL ? names.ptr : "", 1) == 0 && setenv(mark, "1", 1) == 0);
	buf_finish(&names);
	/* Beyond lay_out there is no way back: what lay at 3 and after is gone. */
	if (access(self, X_OK) == 0 && lay_out(listeners, count)) {
		(void)execv(self, argv);
		(void)fprintf(stderr, "saringd: starting %s again: %s\n", self, strerror(errno));
		_exit(1);
	}
	(void)unsetenv("LISTEN_FDS");
}
