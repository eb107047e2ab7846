/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/frames.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 8u

static_assert((FRAMES_BYTES & (FRAMES_BYTES - 1)) == 0, "places are low bits");
static_assert(sizeof(struct frame) % ALIGN == 0, "frames follow each other");

struct frames *frames_create(void)
{
	struct frames *f;

	must(posix_memalign((void **)&f, 64, sizeof(*f)) == 0);
	memset(f, 0, sizeof(*f));
	must(posix_memalign((void **)&f->bytes, 64, FRAMES_BYTES) == 0);
	f->room_to = FRAMES_BYTES;
	return f;
}

void frames_destroy(struct frames *f)
{
	if (f == NULL)
		return;
	free(f->bytes);
	free(f);
}

static struct frame *at(const struct frames *f, uint64_t place)
{
	return (struct frame *)(void *)(f->bytes + (place & (FRAMES_BYTES - 1)));
}

static bool has_room(struct frames *f, size_t size)
{
	if (f->room_to - f->head < size)
		f->room_to = atomic_load_explicit(&f->drained, memory_order_acquire) + FRAMES_BYTES;
	return f->room_to - f->head >= size;
}

/* Each lies in one piece: what is left at the ring's end is skipped. */
struct frame *frames_begin(struct frames *f, size_t octets)
{
	const size_t size = (sizeof(struct frame) + octets + ALIGN - 1) / ALIGN * ALIGN;
	const size_t left = FRAMES_BYTES - (f->head & (FRAMES_BYTES - 1)), skip = left < size ? left : 0;

	if (!has_room(f, skip + size)) {
		uint64_t lost = atomic_load_explicit(&f->lost, memory_order_relaxed);
		atomic_store_explicit(&f->lost, lost + 1, memory_order_relaxed);
		return NULL;
	}
	if (skip > 0) { /* at least ALIGN bytes: what comes first in a frame fits */
		at(f, f->head)->size = (uint32_t)skip;
		at(f, f->head)->type = FRAME_SKIP;
		f->head += skip;
	}
	struct frame *frame = at(f, f->head);
	memset(frame, 0, sizeof(*frame));
	frame->size = (uint32_t)size;
	return frame;
}

void frames_end(struct frames *f)
{
	f->head += at(f, f->head)->size;
	atomic_store_explicit(&f->published, f->head, memory_order_release);
}

const struct frame *frames_first(const struct frames *f)
{
	const uint64_t published = atomic_load_explicit(&f->published, memory_order_acquire);
	uint64_t place = atomic_load_explicit(&f->drained, memory_order_relaxed);

	if (place == published)
		return NULL;
	if (at(f, place)->type == FRAME_SKIP)
		place += at(f, place)->size;
	return at(f, place);
}

void frames_next(struct frames *f, const struct frame *first)
{
	uint64_t place = atomic_load_explicit(&f->drained, memory_order_relaxed);

	if (at(f, place) != first)
		place += at(f, place)->size;
	atomic_store_explicit(&f->drained, place + first->size, memory_order_release);
}
