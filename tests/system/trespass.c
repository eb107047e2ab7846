/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trespass - what somebody would try who has taken a child of saringd over. Preloaded (LD_PRELOAD) by test_sandbox.py.
 *
 * TRESPASS_IN names the program; TRESPASS what is tried there, in order, parted by commas: socket, exec, fork, map, read:PATH,
 * write:PATH, signal:PID. That happens once, when the program has long begun its work: saring-compile at its first rename(2), or as
 * a probe when it says what it found (fputc), saring-fetch at its first connect(2). Of each, "WHAT ERRNO" goes to TRESPASS_TO, a
 * FIFO that was opened before the program began, 0 where it could be done. All by syscall(): what the C library makes of it is not
 * the question. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <sys/socket.h> has the address as a union of pointers, which no definition of one's own agrees with. */
enum { AF_INET = 2, AF_PACKET = 17, SOCK_STREAM = 1, SOCK_RAW = 3 };
int connect(int fd, const void *to, unsigned len);

static bool done;
static int told_to = -1;

__attribute__((constructor)) static void set_up(void)
{
	const char *to = getenv("TRESPASS_TO");
	if (to != NULL)
		told_to = open(to, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

static long try_one(const char *what)
{
	const char *operand = strchr(what, ':');
	operand = operand != NULL ? operand + 1 : "";
	if (strncmp(what, "socket", 6) == 0)
		return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (strncmp(what, "packet", 6) == 0)
		return syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0);
	if (strncmp(what, "exec", 4) == 0) {
		char *argv[] = {NULL};
		return syscall(SYS_execve, "/bin/true", argv, argv);
	}
	if (strncmp(what, "fork", 4) == 0)
		return syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
	if (strncmp(what, "map", 3) == 0)
		return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (strncmp(what, "read:", 5) == 0)
		return syscall(SYS_openat, AT_FDCWD, operand, O_RDONLY, 0);
	if (strncmp(what, "write:", 6) == 0)
		return syscall(SYS_openat, AT_FDCWD, operand, O_WRONLY | O_CREAT, 0600);
	if (strncmp(what, "signal:", 7) == 0)
		return syscall(SYS_kill, atoi(operand), 0);
	errno = EINVAL;
	return -1;
}

static void trespass(void)
{
	const char *in = getenv("TRESPASS_IN"), *what = getenv("TRESPASS");
	if (done || in == NULL || what == NULL || strcmp(in, program_invocation_short_name) != 0)
		return;
	done = true;
	char words[1024], *rest = words;
	(void)snprintf(words, sizeof(words), "%s", what);
	for (char *word; (word = strsep(&rest, ",")) != NULL;) {
		long rc = try_one(word);
		char line[512];
		int len = snprintf(line, sizeof(line), "%.*s %d\n", (int)strcspn(word, ":"), word, rc < 0 ? errno : 0);
		(void)!write(told_to, line, (size_t)len);
		if (rc > STDERR_FILENO && rc < 1024)
			close((int)rc);
	}
	errno = 0;
}

/* ---- where it happens ---- */

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *);
	*(void **)&real = next("rename");
	trespass();
	return real(from, to);
}

int fputc(int c, FILE *out)
{
	int (*real)(int, FILE *);
	*(void **)&real = next("fputc");
	trespass();
	return real(c, out);
}

int connect(int fd, const void *to, unsigned len)
{
	int (*real)(int, const void *, unsigned);
	*(void **)&real = next("connect");
	trespass();
	return real(fd, to, len);
}
