/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/offline.h"

#include "base/buf.h"
#include "base/file.h"
#include "ctl/proto.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER_NAME "saring-explain"

/* "" when it is nowhere. */
static void find_helper(char *buf, size_t size)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = '\0';
		char *slash = strrchr(self, '/');
		int n = slash != NULL ? snprintf(buf, size, "%.*s/" HELPER_NAME, (int)(slash - self), self) : -1;
		if (n > 0 && (size_t)n < size && access(buf, X_OK) == 0)
			return;
	}
	int n = snprintf(buf, size, "%s/" HELPER_NAME, SARING_LIBEXECDIR);
	if (n < 0 || (size_t)n >= size || access(buf, X_OK) != 0)
		buf[0] = '\0';
}

/* The request as a file in memory, which nobody has to feed. -1 and err otherwise. */
static int request_fd(const char *verb, json_t *args, struct err *err)
{
	json_t *request = ctl_request(verb, args);
	char *text = ctl_json(request, JSON_COMPACT);
	int fd = memfd_create("request", MFD_CLOEXEC);
	if (fd < 0 || !file_write_all(fd, text, strlen(text)) || lseek(fd, 0, SEEK_SET) < 0) {
		(void)err_set_errno(err, ERR_IO, "handing the question to %s", HELPER_NAME);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	free(text);
	json_decref(request);
	return fd;
}

/* fds: what becomes its stdin and stdout. */
static bool start(const char *program, const char *config, const int fds[2], pid_t *ret, struct err *err)
{
	posix_spawn_file_actions_t actions;
	char *copy = base_strdup(config), name[] = HELPER_NAME, option[] = "-c";
	char *argv[] = {name, option, copy, NULL};
	must(posix_spawn_file_actions_init(&actions) == 0);
	int rc = posix_spawn_file_actions_adddup2(&actions, fds[0], STDIN_FILENO);
	rc = rc != 0 ? rc : posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	rc = rc != 0 ? rc : posix_spawn(ret, program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	free(copy);
	errno = rc;
	return rc == 0 ? true : err_set_errno(err, ERR_IO, "starting %s", program);
}

/* Waits for its end. False, and err, when it did not end well. */
static bool reap(pid_t pid, struct err *err)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return WIFSIGNALED(status) ? err_set(err, ERR_INTERNAL, "%s was ended by signal %d", HELPER_NAME, WTERMSIG(status))
				   : err_set(err, ERR_INTERNAL, "%s ended with status %d", HELPER_NAME, WEXITSTATUS(status));
}

static bool run(const char *program, const char *config, int request, struct buf *ret_reply, struct err *err)
{
	int ends[2];
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, ERR_IO, "opening a pipe to %s", HELPER_NAME);
	bool ok = start(program, config, (const int[]){request, ends[1]}, &pid, err);
	close(ends[1]);
	if (ok) {
		struct err ended;
		ok = file_read_fd(ends[0], HELPER_NAME, CTL_REPLY_MAX, ret_reply, err);
		if (!ok)
			(void)kill(pid, SIGTERM);
		if (!reap(pid, &ended) && ok) {
			*err = ended;
			ok = false;
		}
	}
	close(ends[0]);
	return ok;
}

bool offline_call(const char *config, const char *verb, json_t *args, json_t **ret_result, struct err_list *errors, struct err *err)
{
	char program[PATH_MAX];
	struct buf text = {0};
	json_t *reply = NULL, *result;
	find_helper(program, sizeof(program));
	if (program[0] == '\0')
		return err_set(err, ERR_NOT_FOUND, "%s is neither beside this program nor in %s", HELPER_NAME, SARING_LIBEXECDIR);
	int request = request_fd(verb, args, err);
	if (request < 0)
		return false;
	bool ok = run(program, config, request, &text, err) && (reply = ctl_frame_parse(text.ptr, text.len, err)) != NULL &&
		  ctl_reply_parse(reply, &result, errors, err);
	if (ok)
		*ret_result = json_incref(result);
	close(request);
	json_decref(reply);
	buf_finish(&text);
	return ok;
}
