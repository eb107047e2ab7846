/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include "base/err.h"
#include "base/log.h"
#include "jobs.h"
#include "startup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int check_run(const char *config_path, bool debug)
{
	struct err err = {0};
	char compiler[PATH_MAX];
	int status = -1;
	log_open("saringd", debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (!job_find_compiler(compiler, sizeof(compiler), &err)) {
		startup_complain(&err, NULL);
		return 1;
	}
	pid_t pid = fork();
	if (pid == 0) {
		execl(compiler, "saring-compile", "-c", config_path, "--check", (char *)NULL);
		fprintf(stderr, "saringd: starting %s: %s\n", compiler, strerror(errno));
		_exit(1);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("%s: no errors\n", config_path);
		return 0;
	}
	if (pid < 0 || !WIFEXITED(status))
		fprintf(stderr, "saringd: %s did not end as it should\n", compiler);
	return 1;
}
