/* SPDX-License-Identifier: BSD-2-Clause
 *
 * faults - lets a program meet what a test cannot bring about from outside: death in the middle of a write, a disk that fails at
 * the n-th call, a wall clock that jumps. Preloaded (LD_PRELOAD) by the tests that use harness/faults.py.
 *
 * SARING_FAULTS names a file, mapped shared, that says what is to happen; so it can be changed while the program runs, and says how
 * many calls there were. Its layout is struct orders below; harness/faults.py writes the same. Without the variable all is passed
 * on.
 *
 * Counted are the calls by which files change, of the program that `program` names (all its processes together). Calls on what is
 * no regular file are not. To be killed in a write means after half of it; in any other call, before it.
 *
 * Most calls are made by syscall(): a sanitizer's runtime may ask before anything can be looked up. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum action { ACTION_NONE, ACTION_KILL, ACTION_FAIL_ONCE, ACTION_FAIL_ON };

struct orders {
	_Atomic int64_t wall_offset_s;
	_Atomic uint64_t count; /* of calls since the test set it to 0 */
	_Atomic uint64_t at;	/* the call of this number, from 1 */
	_Atomic uint32_t action;
	_Atomic int32_t error; /* errno of ACTION_FAIL_* */
	char program[32];
};

static struct orders *orders; /* NULL: nothing is ordered */

__attribute__((constructor)) static void set_up(void)
{
	const char *path = getenv("SARING_FAULTS");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	void *mapped = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped != MAP_FAILED)
		orders = mapped;
}

/* One more call. True when it is to fail, with errno set; at its end when it is to be killed, but for those who ask to do it. */
static bool struck(bool *ret_kill)
{
	if (orders == NULL || atomic_load(&orders->action) == ACTION_NONE ||
	    strncmp(orders->program, program_invocation_short_name, sizeof(orders->program)) != 0)
		return false;
	uint64_t number = atomic_fetch_add(&orders->count, 1) + 1, at = atomic_load(&orders->at);
	enum action action = (enum action)atomic_load(&orders->action);
	if (number < at || (number > at && action != ACTION_FAIL_ON) || at == 0)
		return false;
	if (action == ACTION_KILL) {
		if (ret_kill == NULL)
			(void)syscall(SYS_kill, getpid(), SIGKILL);
		else
			*ret_kill = true;
		return false;
	}
	errno = atomic_load(&orders->error);
	return true;
}

static bool is_file(int fd)
{
	struct stat st;
	return orders != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	bool killed = false;
	if (is_file(fd) && struck(&killed))
		return -1;
	if (!killed)
		return syscall(SYS_write, fd, bytes, len);
	(void)syscall(SYS_write, fd, bytes, len / 2);
	(void)syscall(SYS_kill, getpid(), SIGKILL);
	return -1;
}

/* SQLite's. As write, but for where. */
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
	bool killed = false;
	if (is_file(fd) && struck(&killed))
		return -1;
	if (!killed)
		return syscall(SYS_pwrite64, fd, bytes, len, at);
	(void)syscall(SYS_pwrite64, fd, bytes, len / 2, at);
	(void)syscall(SYS_kill, getpid(), SIGKILL);
	return -1;
}

int ftruncate64(int fd, off_t len)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int rename(const char *from, const char *to)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int link(const char *from, const char *to)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int fsync(int fd)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fchmod(int fd, mode_t mode)
{
	return struck(NULL) ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

/* _FILE_OFFSET_BITS makes it mkostemp64, as it does in the programs. */
int mkostemp(char *template, int flags)
{
	int (*real)(char *, int);
	void *found = dlsym(RTLD_NEXT, "mkostemp64");

	if (found == NULL)
		abort();
	memcpy(&real, &found, sizeof(real));
	return struck(NULL) ? -1 : real(template, flags);
}

/* ---- the wall clock ---- */

static int64_t offset_s(void)
{
	return orders == NULL ? 0 : atomic_load(&orders->wall_offset_s);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, ret);
	if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret->tv_sec += (time_t)offset_s();
	return rc;
}

time_t time(time_t *ret)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (ret != NULL)
		*ret = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec t;
	(void)zone;
	int rc = clock_gettime(CLOCK_REALTIME, &t);
	*ret = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
	return rc;
}
