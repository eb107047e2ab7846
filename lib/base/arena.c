/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under AddressSanitizer what was not handed out may not be touched, and between any two pieces lies some of it: else what runs
 * over the end of its piece is only ever seen by what it broke. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_GUARDED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(ARENA_GUARDED)
#include <sanitizer/asan_interface.h>
#define ARENA_GUARD ARENA_ALIGN
#else
#define ARENA_GUARD 0
#define ASAN_POISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size) ((void)(p), (void)(size))
#endif

#define ARENA_ALIGN 16
#define ARENA_CHUNK_MIN ((size_t)4096)
#define ARENA_CHUNK_MAX ((size_t)1024 * 1024)

/*  head -> chunk -> older chunk -> NULL; only the head is filled:
 *  | next | cap | used | pad | bytes[0 .. used) handed out | bytes[used .. cap) still zero | */
struct arena_chunk {
	struct arena_chunk *next;
	size_t cap, used;
	_Alignas(ARENA_ALIGN) unsigned char bytes[];
};

static struct arena_chunk *chunk_add(struct arena *a, size_t size)
{
	/* each chunk twice the last, so that a big document takes few */
	size_t cap = a->head == NULL ? ARENA_CHUNK_MIN : MIN(a->head->cap * 2, ARENA_CHUNK_MAX);
	cap = MAX(cap, size);
	struct arena_chunk *chunk = base_alloc(sizeof(*chunk) + cap);
	chunk->cap = cap;
	ASAN_POISON_MEMORY_REGION(chunk->bytes, cap);
	if (a->head != NULL && size > ARENA_CHUNK_MAX / 4 && a->head->cap - a->head->used > ARENA_CHUNK_MIN) {
		/* one big thing: the head still has room for small ones, so it stays the head */
		chunk->next = a->head->next;
		a->head->next = chunk;
	} else {
		chunk->next = a->head;
		a->head = chunk;
	}
	return chunk;
}

void *arena_alloc(struct arena *a, size_t size)
{
	must(size < SIZE_MAX / 2);
	const size_t asked = MAX(size, (size_t)1);
	size = ((asked + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1)) + ARENA_GUARD;
	struct arena_chunk *chunk = a->head;
	if (chunk == NULL || chunk->cap - chunk->used < size)
		chunk = chunk_add(a, size);
	void *p = chunk->bytes + chunk->used;
	ASAN_UNPOISON_MEMORY_REGION(p, asked);
	chunk->used += size;
	a->used += size;
	return p;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return text == NULL ? NULL : arena_strndup(a, text, strlen(text));
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	if (text == NULL)
		return NULL;
	char *p = arena_alloc(a, len + 1);
	memcpy(p, text, len);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char first[256]; /* most texts fit, and are formatted once */
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(first, sizeof(first), fmt, args);
	va_end(args);
	must(n >= 0);
	size_t size = (size_t)n + 1;
	char *p = arena_alloc(a, size);
	if (size <= sizeof(first)) {
		memcpy(p, first, size);
		return p;
	}
	va_start(args, fmt);
	(void)vsnprintf(p, size, fmt, args);
	va_end(args);
	return p;
}

void arena_finish(struct arena *a)
{
	for (struct arena_chunk *chunk = a->head, *next; chunk != NULL; chunk = next) {
		next = chunk->next;
		ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, chunk->cap);
		free(chunk);
	}
	*a = (struct arena){0};
}
