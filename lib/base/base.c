/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

static _Atomic uint64_t bugs;

NORETURN void base_must_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: must be true, but is not: %s\n", file, line, cond);
	abort();
}

bool base_bug_seen(const char *cond, const char *file, int line)
{
	static struct log_limit limit = {.interval_ms = 60000};
	atomic_fetch_add_explicit(&bugs, 1, memory_order_relaxed);
	log_limited(&limit, LOG_LEVEL_ERROR, "bug.seen place=%s:%d condition=\"%s\"", file, line, cond);
	return true;
}

uint64_t base_bugs(void)
{
	return atomic_load_explicit(&bugs, memory_order_relaxed);
}

NORETURN static void out_of_memory(size_t size)
{
	fprintf(stderr, "out of memory: %zu bytes asked for\n", size);
	abort();
}

void *base_alloc(size_t size)
{
	void *p = calloc(1, size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory(size);
	return p;
}

void *base_realloc(void *old, size_t size)
{
	void *p = realloc(old, size > 0 ? size : 1);
	if (p == NULL)
		out_of_memory(size);
	return p;
}

#define BIG_PAGE ((size_t)2 * 1024 * 1024)

void *base_realloc_big(void *old, size_t size)
{
	void *p = base_realloc(old, size);
	uintptr_t start = ((uintptr_t)p + BIG_PAGE - 1) & ~(uintptr_t)(BIG_PAGE - 1);
	uintptr_t end = ((uintptr_t)p + size) & ~(uintptr_t)(BIG_PAGE - 1);
	if (start < end)
		(void)madvise((void *)start, end - start, MADV_HUGEPAGE);
	return p;
}

char *base_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *p = base_alloc(size);
	memcpy(p, text, size);
	return p;
}
