/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sieve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NO_SIEVE 77
#define NO_SUCH_CALL 100000 /* of the kernel's, for a long time to come */

/* The wait status of a child that has put itself under a sieve and then done `what`. */
static int in_child(enum sieve which, int (*what)(void))
{
	int status = -1;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(sieve_apply(which) ? what() : NO_SIEVE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SIEVE)
		skip();
	return status;
}

static void passes(enum sieve which, int (*what)(void))
{
	int status = in_child(which, what);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void ends(enum sieve which, int (*what)(void))
{
	int status = in_child(which, what);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* ---- what is done ---- */

static int run_a_program(void)
{
	char *argv[] = {(char *)(uintptr_t) "true", NULL};
	return execv("/bin/true", argv);
}

static int fork_away(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int look_into_others(void)
{
	return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static int signal_others(void)
{
	return kill(getppid(), 0);
}

static int open_no_socket(void)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET};
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (socket(families[i], SOCK_DGRAM, 0) >= 0 || errno != EPERM)
			return 1;
	return 0;
}

static int map_no_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 || errno != EPERM)
		return 1;
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EPERM)
		return 2;
	return mprotect(page, 4096, PROT_READ) == 0 ? 0 : 3;
}

/* As on a kernel that does not have it: C libraries that are newer than the list go on without. */
static int unknown_is_absent(void)
{
	return syscall(NO_SUCH_CALL) == -1 && errno == ENOSYS ? 0 : 1;
}

static int limits_are_ones_own(void)
{
	struct rlimit now;
	if (getrlimit(RLIMIT_CPU, &now) != 0 || setrlimit(RLIMIT_CPU, &now) != 0)
		return 1;
	return prlimit(getppid(), RLIMIT_CPU, NULL, &now) < 0 && errno == EPERM ? 0 : 2;
}

static int write_a_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	return fd < 0 || (write(fd, "x", 1) == 1 && fsync(fd) == 0 && ftruncate(fd, 0) == 0) ? 0 : 1;
}

static int change_no_file(void)
{
	return mkdir("/tmp/saring-sieve", 0700) < 0 && errno == ENOSYS && rename("/nowhere", "/tmp/x") < 0 && errno == ENOSYS &&
		       unlink("/nowhere") < 0 && errno == ENOSYS && ftruncate(2, 0) < 0 && errno == ENOSYS
		   ? 0
		   : 1;
}

static int speak_to_servers(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int tcp = socket(AF_INET, SOCK_STREAM, 0), netlink = socket(AF_NETLINK, SOCK_RAW, 0), pair[2];
	if (tcp < 0 || netlink < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 1;
	if (connect(tcp, (struct sockaddr *)&to, sizeof(to)) == 0 || errno != ECONNREFUSED)
		return 2;
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == ENOSYS ? 0 : 3;
}

static void *nothing(void *arg)
{
	return arg;
}

static int make_a_thread(void)
{
	pthread_t thread;
	int given = 0;
	void *back = NULL;
	if (pthread_create(&thread, NULL, nothing, &given) != 0 || pthread_join(thread, &back) != 0)
		return 1;
	return back == &given ? 0 : 2;
}

/* ---- cases ---- */

static void test_deadly(void **state)
{
	(void)state;
	for (int which = SIEVE_READER; which <= SIEVE_FETCHER; which++) {
		ends((enum sieve)which, run_a_program);
		ends((enum sieve)which, look_into_others);
		ends((enum sieve)which, signal_others);
	}
}

static int is_refused(void)
{
	return fork_away() == -1 ? 0 : 1;
}

static void test_reader(void **state)
{
	(void)state;
	passes(SIEVE_READER, open_no_socket);
	passes(SIEVE_READER, map_no_code);
	passes(SIEVE_READER, write_a_file);
	passes(SIEVE_READER, is_refused);
}

static void test_fetcher(void **state)
{
	(void)state;
	passes(SIEVE_FETCHER, speak_to_servers);
	passes(SIEVE_FETCHER, make_a_thread);
	passes(SIEVE_FETCHER, change_no_file);
	passes(SIEVE_FETCHER, is_refused);
}

static void test_both(void **state)
{
	(void)state;
	for (int which = SIEVE_READER; which <= SIEVE_FETCHER; which++) {
		passes((enum sieve)which, unknown_is_absent);
		passes((enum sieve)which, limits_are_ones_own);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_deadly), cmocka_unit_test(test_reader),
					   cmocka_unit_test(test_fetcher), cmocka_unit_test(test_both)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
