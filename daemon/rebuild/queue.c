/* SPDX-License-Identifier: BSD-2-Clause */
#include "rebuild/queue.h"

#include <stdlib.h>

struct rebuild_waiter {
	enum rebuild_kind kind;
	rebuild_done *done;
	void *arg;
	struct rebuild_waiter *next;
};

static void waiters_init(struct rebuild_waiters *w)
{
	w->first = NULL;
	w->last = &w->first;
}

static void waiters_append(struct rebuild_waiters *w, struct rebuild_waiter *waiter)
{
	waiter->next = NULL;
	*w->last = waiter;
	w->last = &waiter->next;
}

static struct rebuild_waiter *waiters_take(struct rebuild_waiters *w)
{
	struct rebuild_waiter *first = w->first;
	waiters_init(w);
	return first;
}

static void want(struct rebuild_queue *q, enum rebuild_kind kind)
{
	q->wanted_kind = q->wanted && q->wanted_kind == REBUILD_ALL ? REBUILD_ALL : kind;
	q->wanted = true;
}

void rebuild_queue_init(struct rebuild_queue *q)
{
	*q = (struct rebuild_queue){.busy = false};
	waiters_init(&q->running);
	waiters_init(&q->pending);
}

void rebuild_queue_add(struct rebuild_queue *q, enum rebuild_kind kind, rebuild_done *done, void *arg)
{
	want(q, kind);
	if (!done)
		return;
	struct rebuild_waiter *waiter = base_alloc(sizeof(*waiter));
	waiter->kind = kind;
	waiter->done = done;
	waiter->arg = arg;
	waiters_append(&q->pending, waiter);
}

bool rebuild_queue_begin(struct rebuild_queue *q, enum rebuild_kind *ret_kind)
{
	if (q->busy || !q->wanted)
		return false;
	must(!q->running.first);
	q->busy = true;
	q->wanted = false;
	q->kind = q->wanted_kind;
	for (struct rebuild_waiter *w = waiters_take(&q->pending), *next; w; w = next) {
		next = w->next;
		waiters_append(&q->running, w);
	}
	*ret_kind = q->kind;
	return true;
}

void rebuild_queue_end(struct rebuild_queue *q, const struct rebuild_report *report)
{
	must(q->busy);
	struct rebuild_waiter *served = waiters_take(&q->running);
	bool spare_lists = !report->ok && q->kind == REBUILD_ALL;
	/* Not busy any more before the first callback: it may add, and then sees the truth. */
	q->busy = false;
	for (struct rebuild_waiter *w = served, *next; w; w = next) {
		next = w->next;
		if (spare_lists && w->kind == REBUILD_LISTS) {
			want(q, REBUILD_LISTS);
			waiters_append(&q->pending, w);
			continue;
		}
		w->done(w->arg, report);
		free(w);
	}
}

void rebuild_queue_finish(struct rebuild_queue *q, const struct rebuild_report *report)
{
	struct rebuild_waiter *all[] = {waiters_take(&q->running), waiters_take(&q->pending)};
	q->busy = q->wanted = false;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (struct rebuild_waiter *w = all[i], *next; w; w = next) {
			next = w->next;
			w->done(w->arg, report);
			free(w);
		}
	}
}
