/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"

#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 20

/* The reader of strangers' text has no business with the service manager. ret: pointers into the environment, owned array. */
static char **environment(void)
{
	static const char *const hidden[] = {"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", "SARINGD_", "CREDENTIALS_DIRECTORY="};
	size_t count = 0, kept = 0;
	while (environ[count])
		count++;
	char **env = base_alloc((count + 1) * sizeof(*env));
	for (size_t i = 0; i < count; i++) {
		bool hide = false;
		for (size_t h = 0; h < ARRAY_LEN(hidden); h++)
			hide |= strncmp(environ[i], hidden[h], strlen(hidden[h])) == 0;
		if (!hide)
			env[kept++] = environ[i];
	}
	return env;
}

static int add_fds(const int *fds, size_t count, posix_spawn_file_actions_t *actions)
{
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (fds[i] == CHILD_FD_NULL)
			rc = posix_spawn_file_actions_addopen(actions, (int)i, "/dev/null", i == 0 ? O_RDONLY : O_WRONLY, 0);
		else
			rc = posix_spawn_file_actions_adddup2(actions, fds[i], (int)i);
	}
	return rc ? rc : posix_spawn_file_actions_addclosefrom_np(actions, MAX((int)count, STDERR_FILENO + 1));
}

static int start(const char *program, char *const *argv, const int *fds, size_t count, posix_spawn_file_actions_t *actions,
		 posix_spawnattr_t *attr, pid_t *ret)
{
	sigset_t none, defaults;
	sigemptyset(&none);
	sigfillset(&defaults);
	sigdelset(&defaults, SIGKILL);
	sigdelset(&defaults, SIGSTOP);
	int rc = add_fds(fds, count, actions);
	rc = rc ? rc : posix_spawnattr_setsigmask(attr, &none);
	rc = rc ? rc : posix_spawnattr_setsigdefault(attr, &defaults);
	rc = rc ? rc : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (rc != 0)
		return rc;
	char **env = environment();
	rc = posix_spawn(ret, program, actions, attr, argv, env);
	free(env);
	return rc;
}

bool child_start(const char *program, const char *const *argv, const int *fds, size_t count, pid_t *ret, struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char *copies[ARGS_MAX] = {NULL}; /* posix_spawn wants char *const[] */
	for (size_t i = 0; argv[i]; i++) {
		must(i + 1 < ARGS_MAX);
		copies[i] = base_strdup(argv[i]);
	}
	must(posix_spawn_file_actions_init(&actions) == 0 && posix_spawnattr_init(&attr) == 0);
	int rc = start(program, copies, fds, count, &actions, &attr, ret);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	for (size_t i = 0; i < ARGS_MAX; i++)
		free(copies[i]);
	errno = rc;
	return rc == 0 ? true : err_set_errno(err, ERR_IO, "starting %s", program);
}

void child_end(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void child_find(const char *name, char *buf, size_t size)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = '\0';
		char *slash = strrchr(self, '/');
		int n = slash ? snprintf(buf, size, "%.*s/%s", (int)(slash - self), self, name) : -1;
		if (n > 0 && (size_t)n < size && access(buf, X_OK) == 0)
			return;
	}
	int n = snprintf(buf, size, "%s/%s", SARING_LIBEXECDIR, name);
	if (n < 0 || (size_t)n >= size || access(buf, X_OK) != 0)
		buf[0] = '\0';
}
