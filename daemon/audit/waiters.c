/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/waiters.h"

#include <event2/event.h>
#include <stdlib.h>

struct audit_waiter {
	struct audit_waiters *all;
	struct audit_waiter *next;
	uint64_t after_seq;
	struct event *on_time;
	audit_woken *done;
	void *arg;
};

void audit_waiters_init(struct audit_waiters *ws, struct event_base *base)
{
	*ws = (struct audit_waiters){.base = base};
}

static void unlink_waiter(struct audit_waiters *ws, const struct audit_waiter *w)
{
	for (struct audit_waiter **at = &ws->first; *at; at = &(*at)->next) {
		if (*at != w)
			continue;
		*at = w->next;
		return;
	}
}

/* It is in the list no more. */
static void waiter_end(struct audit_waiter *w)
{
	audit_woken *done = w->done;
	void *arg = w->arg;
	w->all->count--;
	event_free(w->on_time);
	free(w);
	done(arg);
}

static void audit_waiters_on_time(evutil_socket_t fd, short what, void *arg)
{
	struct audit_waiter *w = arg;
	(void)fd, (void)what;
	unlink_waiter(w->all, w);
	waiter_end(w);
}

/* By the event loop, not from here: who is woken may ask again. */
void audit_waiters_wake(struct audit_waiters *ws, uint64_t seq)
{
	for (struct audit_waiter *w = ws->first; w; w = w->next)
		if (seq > w->after_seq)
			event_active(w->on_time, EV_TIMEOUT, 1);
}

bool audit_waiters_add(struct audit_waiters *ws, uint64_t after_seq, uint64_t seq, int64_t wait_s, audit_woken *done, void *arg)
{
	struct timeval tv = {.tv_sec = (time_t)MIN(MAX(wait_s, (int64_t)0), (int64_t)AUDIT_WAIT_S_MAX)};
	if (ws->count >= AUDIT_WAITERS_MAX)
		return false;
	struct audit_waiter *w = base_alloc(sizeof(*w));
	*w = (struct audit_waiter){.all = ws, .next = ws->first, .after_seq = after_seq, .done = done, .arg = arg};
	w->on_time = evtimer_new(ws->base, audit_waiters_on_time, w);
	must(w->on_time && event_add(w->on_time, &tv) == 0);
	ws->first = w;
	ws->count++;
	audit_waiters_wake(ws, seq); /* it may be there already */
	return true;
}

void audit_waiters_end(struct audit_waiters *ws)
{
	while (ws->first) {
		struct audit_waiter *first = ws->first;
		ws->first = first->next;
		waiter_end(first);
	}
}
