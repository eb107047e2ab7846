/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"

static rlim_t limit_of(__rlimit_resource_t resource)
{
	struct rlimit now;
	return getrlimit(resource, &now) == 0 && now.rlim_cur == now.rlim_max ? now.rlim_cur : RLIM_INFINITY;
}

/* The limits hold for the rest of a process's life: each case has one of its own. Its exit status says which check failed. */
static int in_child(int (*what)(void))
{
	int status = -1;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(what());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int confined(void)
{
	int signal_of_death = 0, ends[2];
	confine(&(struct confine){.cpu_s = 100, .memory_bytes = (uint64_t)1 << 32, .open_files = 32});
	if (prctl(PR_GET_PDEATHSIG, &signal_of_death, 0, 0, 0) != 0 || signal_of_death != SIGKILL)
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	if (limit_of(RLIMIT_CPU) != 100 || limit_of(RLIMIT_NOFILE) != 32)
		return 3;
	/* a pipe without a reader is an error, not the end */
	if (pipe(ends) != 0 || close(ends[0]) != 0 || write(ends[1], "x", 1) != -1)
		return 4;
	return 0;
}

/* Limits are only lowered. */
static int lower_already(void)
{
	struct rlimit few = {16, 16};
	if (setrlimit(RLIMIT_NOFILE, &few) != 0)
		return 1;
	confine(&(struct confine){.cpu_s = 100, .memory_bytes = (uint64_t)1 << 32, .open_files = 32});
	return limit_of(RLIMIT_NOFILE) == 16 ? 0 : 2;
}

static int files_unsaid(void)
{
	struct rlimit before, after;
	if (getrlimit(RLIMIT_NOFILE, &before) != 0)
		return 1;
	confine(&(struct confine){.cpu_s = 100, .memory_bytes = (uint64_t)1 << 32});
	if (getrlimit(RLIMIT_NOFILE, &after) != 0)
		return 2;
	return after.rlim_cur == before.rlim_cur && after.rlim_max == before.rlim_max ? 0 : 3;
}

static void confines(void **state)
{
	(void)state;
	assert_int_equal(in_child(confined), 0);
}

static void never_raises(void **state)
{
	(void)state;
	assert_int_equal(in_child(lower_already), 0);
}

static void leaves_what_is_unsaid(void **state)
{
	(void)state;
	assert_int_equal(in_child(files_unsaid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(confines),
	    cmocka_unit_test(never_raises),
	    cmocka_unit_test(leaves_what_is_unsaid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
