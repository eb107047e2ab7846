/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hot_count - counts what each thread of a program takes from the heap and which locks it takes; preloaded (LD_PRELOAD) by
 * test_hot_path.py.
 *
 * SARING_HOT_COUNT names a file: its place and the process's ID ("PATH.PID") hold the counts, a row for each thread, mapped shared.
 * So they are read while the program runs, and reading costs it nothing: no signal, no system call, no thread of ours. Without the
 * variable it only passes on.
 *
 * The heap is reached by glibc's own second names for it (__libc_malloc and so on): dlsym() would itself ask for memory before the
 * answer is known. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS_MAX 256u
#define PATH_BYTES 4096u

/* test_hot_path.py reads the same */
enum count { COUNT_TID, COUNT_ALLOC, COUNT_FREE, COUNT_LOCK, COUNT_WAIT, COUNT_END = 8 };

struct row {
	_Atomic uint64_t counts[COUNT_END];
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);
/* not in the headers of every glibc */
void *memalign(size_t alignment, size_t size);

static struct row *rows; /* NULL: nobody reads */
static _Atomic unsigned row_count;
/* initial-exec: the first touch of another model's variable may ask for memory */
static _Thread_local struct row *own __attribute__((tls_model("initial-exec")));

/* libc's functions behind ours, looked up when the first is needed: constructors of other libraries may run before ours. */
static struct {
	int (*mutex_lock)(pthread_mutex_t *);
	int (*mutex_trylock)(pthread_mutex_t *);
	int (*rdlock)(pthread_rwlock_t *);
	int (*wrlock)(pthread_rwlock_t *);
	int (*spin_lock)(pthread_spinlock_t *);
	int (*cond_wait)(pthread_cond_t *, pthread_mutex_t *);
} real;
static _Atomic bool real_known;

static void count(enum count what)
{
	if (rows == NULL)
		return;
	if (own == NULL) {
		unsigned at = atomic_fetch_add(&row_count, 1);
		if (at >= THREADS_MAX)
			return;
		own = &rows[at];
		atomic_store(&own->counts[COUNT_TID], (uint64_t)syscall(SYS_gettid));
	}
	atomic_fetch_add_explicit(&own->counts[what], 1, memory_order_relaxed);
}

/* dlsym's void * is a function: POSIX says so, ISO C has no cast for it. */
static void find(const char *name, void *ret_function)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	memcpy(ret_function, &found, sizeof(found));
}

static void know_real(void)
{
	if (atomic_load_explicit(&real_known, memory_order_acquire))
		return;
	find("pthread_mutex_lock", &real.mutex_lock);
	find("pthread_mutex_trylock", &real.mutex_trylock);
	find("pthread_rwlock_rdlock", &real.rdlock);
	find("pthread_rwlock_wrlock", &real.wrlock);
	find("pthread_spin_lock", &real.spin_lock);
	find("pthread_cond_wait", &real.cond_wait);
	atomic_store_explicit(&real_known, true, memory_order_release);
}

__attribute__((constructor)) static void set_up(void)
{
	const char *path = getenv("SARING_HOT_COUNT");
	char full[PATH_BYTES];

	know_real();
	if (path == NULL || snprintf(full, sizeof(full), "%s.%ld", path, (long)getpid()) >= (int)sizeof(full))
		return;
	int fd = open(full, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(THREADS_MAX * sizeof(struct row))) != 0)
		abort();
	void *mapped = mmap(NULL, THREADS_MAX * sizeof(struct row), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		abort();
	rows = mapped;
}

/* ---- the heap ---- */

void *malloc(size_t size)
{
	count(COUNT_ALLOC);
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count(COUNT_ALLOC);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	count(COUNT_ALLOC);
	return __libc_realloc(p, size);
}

void *memalign(size_t alignment, size_t size)
{
	count(COUNT_ALLOC);
	return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	count(COUNT_ALLOC);
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	count(COUNT_ALLOC);
	void *p = __libc_memalign(alignment, size);
	if (p == NULL)
		return ENOMEM;
	*ret = p;
	return 0;
}

void free(void *p)
{
	count(COUNT_FREE);
	__libc_free(p);
}

/* ---- locks ---- */

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	count(COUNT_LOCK);
	know_real();
	return real.mutex_lock(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	count(COUNT_LOCK);
	know_real();
	return real.mutex_trylock(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	count(COUNT_LOCK);
	know_real();
	return real.rdlock(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	count(COUNT_LOCK);
	know_real();
	return real.wrlock(lock);
}

int pthread_spin_lock(pthread_spinlock_t *lock)
{
	count(COUNT_LOCK);
	know_real();
	return real.spin_lock(lock);
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	count(COUNT_WAIT);
	know_real();
	return real.cond_wait(cond, mutex);
}
