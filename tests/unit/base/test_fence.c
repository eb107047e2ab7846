/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NO_FENCE 77 /* of a child: the kernel has none */

static char folder[64];

static const char *at(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *ret = path[next++ % ARRAY_LEN(path)];
	(void)snprintf(ret, sizeof(path[0]), "%s/%s", folder, name);
	return ret;
}

static void put(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
}

/* in/ is a folder that is opened, out/ one that is not, and in/link leads to out/there/file. */
static int set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/saring-fence-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_true(mkdir(at("in"), 0700) == 0 && mkdir(at("out"), 0700) == 0 && mkdir(at("out/there"), 0700) == 0);
	put("in/file");
	put("in/other");
	put("out/file");
	put("out/there/file");
	assert_int_equal(symlink(at("out/there/file"), at("in/link")), 0);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {"in/link", "in/file", "in/new", "in/other", "out/file", "out/there/file"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		(void)unlink(at(files[i]));
	return rmdir(at("in")) + rmdir(at("out/there")) + rmdir(at("out")) + rmdir(folder);
}

/* A fence holds for the rest of a process's life: each case has one of its own. Its exit status says which check failed. */
static void in_child(int (*what)(void))
{
	int status = -1;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(what());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_FENCE)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* 0, or errno. */
static int tried(const char *name, int flags)
{
	int fd = open(name[0] == '/' ? name : at(name), flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int reads_only(void)
{
	struct fence f;
	fence_begin(&f, FENCE_NET_ANY);
	fence_read(&f, at("in"));
	fence_read(&f, at("nowhere"));
	if (fence_close(&f) == 0)
		return NO_FENCE;
	if (tried("in/file", O_RDONLY) != 0 || tried("in", O_RDONLY | O_DIRECTORY) != 0)
		return 1;
	if (tried("in/file", O_WRONLY) != EACCES || tried("in/new", O_WRONLY | O_CREAT) != EACCES || unlink(at("in/file")) == 0)
		return 2;
	if (tried("out/file", O_RDONLY) != EACCES || tried("out", O_RDONLY | O_DIRECTORY) != EACCES ||
	    tried("/etc/passwd", O_RDONLY) != EACCES)
		return 3;
	if (tried("in/link", O_RDONLY) != EACCES) /* it is the file that counts, not the way to it */
		return 4;
	return 0;
}

static int writes(void)
{
	struct fence f;
	fence_begin(&f, FENCE_NET_ANY);
	fence_write(&f, at("in"));
	if (fence_close(&f) == 0)
		return NO_FENCE;
	if (tried("in/new", O_RDWR | O_CREAT) != 0 || rename(at("in/new"), at("in/file")) != 0 || unlink(at("in/other")) != 0)
		return 1;
	if (tried("out/file", O_WRONLY) != EACCES || tried("out/new", O_WRONLY | O_CREAT) != EACCES ||
	    rename(at("in/file"), at("out/file")) == 0 || unlink(at("out/file")) == 0)
		return 2;
	if (symlink("file", at("in/new")) == 0 || mkfifo(at("in/new"), 0600) == 0)
		return 3;
	return 0;
}

/* The folder, so that a file that is replaced meanwhile is read; and where a link leads. */
static int beside(void)
{
	struct fence f;
	fence_begin(&f, FENCE_NET_ANY);
	fence_read_beside(&f, at("in/link"));
	if (fence_close(&f) == 0)
		return NO_FENCE;
	if (tried("in/link", O_RDONLY) != 0 || tried("in/file", O_RDONLY) != 0 || tried("out/there/file", O_RDONLY) != 0)
		return 1;
	return tried("out/file", O_RDONLY) == EACCES ? 0 : 2;
}

static int beside_in_root(void)
{
	struct fence f;
	fence_begin(&f, FENCE_NET_ANY);
	fence_read_beside(&f, "/nosuch.list");
	if (fence_close(&f) == 0)
		return NO_FENCE;
	return tried("/etc/passwd", O_RDONLY) == EACCES ? 0 : 1;
}

/* Every address is shut, before anybody would be asked. */
static int no_network(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct fence f;
	fence_begin(&f, FENCE_NET_NONE);
	unsigned abi = fence_close(&f);
	if (abi < 4)
		return NO_FENCE;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == EACCES ? 0 : 1;
}

static void test_reads_only(void **state)
{
	(void)state;
	in_child(reads_only);
}

static void test_writes(void **state)
{
	(void)state;
	in_child(writes);
}

static void test_beside(void **state)
{
	(void)state;
	in_child(beside);
}

static void test_beside_in_root(void **state)
{
	(void)state;
	in_child(beside_in_root);
}

static void test_no_network(void **state)
{
	(void)state;
	in_child(no_network);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_reads_only, set_up, tear_down),
					   cmocka_unit_test_setup_teardown(test_writes, set_up, tear_down),
					   cmocka_unit_test_setup_teardown(test_beside, set_up, tear_down),
					   cmocka_unit_test(test_beside_in_root), cmocka_unit_test(test_no_network)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
