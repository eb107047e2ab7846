/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/pool_ask.h"

#include <stdlib.h>

#include "upstream/attempt.h"
#include "upstream/choice.h"

void pool_ask_free(struct pool_ask *ask)
{
	struct pool *pool = ask->pool;
	for (size_t i = 0; i < ask->attempt_count; i++) {
		attempt_close(ask->attempts[i]);
		if (ask->attempts[i] != &ask->first)
			free(ask->attempts[i]);
	}
	wheel_clear(&ask->timer);
	if (ask->ended)
		TAILQ_REMOVE(&pool->ended, ask, ended_link);
	LIST_REMOVE(ask, link);
	pool->ask_count--;
	pool->last_resort_count -= ask->last_resort ? 1 : 0;
	pool->probe_count -= ask->probe ? 1 : 0;
	LIST_INSERT_HEAD(&pool->free_asks, ask, link);
}

static void pool_ask_on_due(struct wheel_timer *timer);

static void arm(struct pool_ask *ask, enum ask_timer kind, int64_t wait_ms)
{
	ask->timer_kind = kind;
	ask->timer.due = pool_ask_on_due;
	wheel_set(&ask->pool->wheel, &ask->timer, pool_now_ms(ask->pool), wait_ms);
}

void pool_ask_finish(struct pool_ask *ask, enum pool_outcome outcome)
{
	if (ask->starting) {
		wheel_clear(&ask->timer);
		ask->outcome = outcome;
		ask->ended = true;
		TAILQ_INSERT_TAIL(&ask->pool->ended, ask, ended_link);
		pool_schedule_flush(ask->pool);
		return;
	}
	pool_callback *done = ask->done;
	void *arg = ask->arg;
	const struct response *answer = outcome == POOL_ANSWER ? &ask->pool->answer : NULL;
	pool_ask_free(ask);
	done(arg, outcome, answer); /* nothing may be touched after it */
}

static enum pool_outcome ask_outcome(const struct pool_ask *ask)
{
	if (ask->heard_useless)
		return POOL_BAD;
	if (ask->heard_network)
		return POOL_NETWORK;
	return ask->starved ? POOL_NO_RESOURCES : POOL_TIMEOUT;
}

/* ---- the schedule ---- */

static void arm_for(struct pool_ask *ask, const struct attempt *a)
{
	int64_t left_ms = ask->deadline_ms - pool_now_ms(ask->pool);
	int next = choice_next(ask);
	if (next < 0) {
		arm(ask, ASK_TIMER_DEADLINE, left_ms);
		return;
	}
	int64_t half_ms = MAX(left_ms / 2, 1), wait_ms = server_wait_ms(a->server, ask->servers[a->server_index].sends);
	/* nobody else to turn to: a server that is looking further itself gets no second question for that */
	if (next == a->server_index)
		wait_ms = MAX(wait_ms, (int64_t)HEALTH_WAIT_ALONE_MS);
	/* a stream resends what is lost by itself: it gets more time */
	wait_ms = a->transport == TRANSPORT_TCP ? half_ms : MIN(half_ms, wait_ms);
	if (wait_ms >= left_ms)
		arm(ask, ASK_TIMER_DEADLINE, left_ms);
	else
		arm(ask, ASK_TIMER_NEXT, wait_ms);
}

/* Nothing more can be sent: wait for what is still out, or end. */
static void ask_rest(struct pool_ask *ask)
{
	for (size_t i = 0; i < ask->attempt_count; i++) {
		const struct attempt *a = ask->attempts[i];
		if (a->open && !a->errored) {
			arm(ask, ASK_TIMER_DEADLINE, ask->deadline_ms - pool_now_ms(ask->pool));
			return;
		}
	}
	pool_ask_finish(ask, ask_outcome(ask));
}

/* Would the next send to it be its first in a way that was not tried yet, now that the other is refused? */
static bool has_another_way(const struct pool_ask *ask, size_t index)
{
	const struct ask_server *s = &ask->servers[index];
	return s->udp_refused && s->sends_by[choice_way(ask, index)] == 0;
}

/* After a refusal: true when the next to be asked has been asked as often, so that all have been: then pause before going round. */
static bool paused(struct pool_ask *ask, const struct attempt *refused)
{
	int next = choice_next(ask);
	if (next < 0 || next == ask->hint || ask->servers[next].sends < ask->servers[refused->server_index].sends ||
	    has_another_way(ask, (size_t)next))
		return false;
	ask->current = NULL;
	int64_t left_ms = ask->deadline_ms - pool_now_ms(ask->pool);
	int64_t wait_ms = MIN(server_wait_ms(refused->server, ask->servers[refused->server_index].sends), MAX(left_ms / 2, 1));
	arm(ask, ASK_TIMER_NEXT, wait_ms);
	return true;
}

/* What starting `a` came to. True when there is nothing more to do now; the ask may be gone then. */
static bool settled(struct pool_ask *ask, struct attempt *a, enum attempt_start how)
{
	switch (how) {
	case ATTEMPT_STARTED:
		arm_for(ask, a);
		return true;
	case ATTEMPT_NO_RESOURCES:
		ask->starved = true;
		ask_rest(ask); /* trying at once again would spin */
		return true;
	case ATTEMPT_NETWORK:
		attempt_failed(a, SERVER_NETWORK);
		if (a->transport == TRANSPORT_TCP)
			attempt_tcp_failed(a);
		return paused(ask, a);
	}
	return true;
}

/* A server this pool has so much out to already: the question it has not answered for longest makes room, else whoever asks for
 * names that nobody answers would keep all others out. It is passed over when not even that one has had its time. */
static bool lane_is_full(struct pool_ask *ask, size_t index, const struct lane *lane)
{
	struct attempt *oldest = TAILQ_FIRST(&lane->out);
	if (lane->open < LANE_OPEN_MAX)
		return false;
	counters_add(ask->pool->counters, COUNTER_UPSTREAM_SERVER_FULL);
	if ((ask->pool->now_ns - oldest->sent_ns) / 1000000 >= server_wait_ms(lane->server, 1)) {
		attempt_timed_out(oldest);
		attempt_close(oldest);
		return false;
	}
	ask->servers[index].given_up = true;
	ask->starved = true;
	return true;
}

/* Send to the next server that takes it. Ends: each round counts a send, or gives a server up. */
static void ask_step(struct pool_ask *ask)
{
	for (;;) {
		int index = choice_next(ask);
		if (index < 0) {
			ask_rest(ask);
			return;
		}
		struct lane *lane = lane_of(&ask->pool->lanes, ask->route->servers[index]);
		if (lane == NULL) {
			(void)settled(ask, NULL, ATTEMPT_NO_RESOURCES);
			return;
		}
		if (lane_is_full(ask, (size_t)index, lane))
			continue;
		enum attempt_start how = attempt_start(ask, (size_t)index, lane);
		if (settled(ask, ask->current, how))
			return;
	}
}

static void pool_ask_on_due(struct wheel_timer *timer)
{
	struct pool_ask *ask = (struct pool_ask *)(void *)((char *)timer - offsetof(struct pool_ask, timer));
	switch (ask->timer_kind) {
	case ASK_TIMER_DEADLINE:
		for (size_t i = 0; i < ask->attempt_count; i++)
			attempt_timed_out(ask->attempts[i]);
		pool_ask_finish(ask, ask_outcome(ask));
		return;
	case ASK_TIMER_NEXT:
		break;
	}
	struct attempt *a = ask->current;
	if (a != NULL) {
		attempt_timed_out(a);
		if (a->open && a->transport == TRANSPORT_TCP && stream_suspect(a))
			return; /* it was told, and went on from there */
	}
	ask_step(ask);
}

void pool_ask_start(struct pool_ask *ask)
{
	const struct pool *pool = ask->pool;
	ask->starting = true;
	if (ask->order_count == 0) {
		pool_ask_finish(ask, POOL_NETWORK); /* nobody to ask */
	} else if (ask->last_resort && pool->last_resort_count > POOL_LAST_RESORT_MAX) {
		const struct server *s = ask->route->servers[ask->order[0]];
		bool network = s->last_failure == SERVER_NETWORK;
		pool_ask_finish(ask, network ? POOL_NETWORK : POOL_TIMEOUT);
	} else {
		ask_step(ask);
	}
	ask->starting = false;
}

/* ---- what comes back ---- */

/* The server has spoken: its other attempts have nothing better to say. */
static void close_attempts_of(struct pool_ask *ask, uint8_t index)
{
	for (size_t i = 0; i < ask->attempt_count; i++)
		if (ask->attempts[i]->server_index == index)
			attempt_close(ask->attempts[i]);
}

/* After a reply or a failure that did not end the ask: on, unless another attempt is being waited for and nothing is urgent. */
static void go_on(struct pool_ask *ask)
{
	const struct attempt *now = ask->current;
	if (ask->hint < 0 && now != NULL && now->open && !now->errored && !now->timed_out)
		return; /* its timer runs */
	ask_step(ask);
}

/* Somebody tries to be this server: no longer by UDP. */
static void on_guessed(struct attempt *a)
{
	struct ask_server *s = &a->ask->servers[a->server_index];
	attempt_close(a);
	s->want_tcp = true;
	s->given_up = s->given_up || s->no_tcp;
	choice_hint(a->ask, a->server_index);
	go_on(a->ask);
}

/* A datagram with ID and question right that is no message ends nothing, be it broken or somebody's who wants an end: the wait goes
 * on. By TCP it would be the server's own word. */
static void on_garbled(struct attempt *a)
{
	a->doubt_seen = true;
	a->ask->heard_useless = true;
	counters_add(a->ask->pool->counters, COUNTER_UPSTREAM_BAD);
	if (++a->mismatches == ASK_MISMATCHES_MAX)
		on_guessed(a);
}

void pool_ask_on_reply(struct attempt *a, uint8_t *bytes, size_t len, enum message_match match)
{
	struct pool_ask *ask = a->ask;
	struct ask_server *s = &ask->servers[a->server_index];
	switch (reply_judge(a, bytes, len, match)) {
	case REPLY_GOOD:
		pool_ask_finish(ask, POOL_ANSWER);
		return;
	case REPLY_TRUNCATED:
		s->want_tcp = true;
		s->given_up = s->no_tcp;
		choice_hint(ask, a->server_index);
		break;
	case REPLY_NO_EDNS:
		ask->no_edns = true;
		ask->heard_useless = true;
		choice_hint(ask, a->server_index);
		break;
	case REPLY_BAD_COOKIE: /* once more with the cookie that came; one that likes none of its own is to say so by TCP */
		s->want_tcp = s->want_tcp || s->bad_cookie;
		s->bad_cookie = true;
		s->given_up = s->want_tcp && s->no_tcp;
		ask->heard_useless = true;
		choice_hint(ask, a->server_index);
		break;
	case REPLY_USELESS:
		s->given_up = true;
		ask->heard_useless = true;
		counters_add(ask->pool->counters, COUNTER_UPSTREAM_BAD);
		break;
	case REPLY_GARBLED:
		on_garbled(a);
		return;
	}
	close_attempts_of(ask, a->server_index);
	go_on(ask);
}

/* Another may have sent that: the attempt stays open for the true answer, while TCP is asked, once. */
static void on_doubted(struct attempt *a)
{
	struct ask_server *s = &a->ask->servers[a->server_index];
	if (s->want_tcp || s->no_tcp)
		return;
	s->want_tcp = s->doubted = true;
	choice_hint(a->ask, a->server_index);
	go_on(a->ask);
}

void pool_ask_on_unsent(struct attempt *a, enum attempt_start how)
{
	struct pool_ask *ask = a->ask;
	attempt_close(a);
	if (how == ATTEMPT_NO_RESOURCES) {
		counters_add(ask->pool->counters, COUNTER_UPSTREAM_NO_SOCKET);
		if (stream_is_open(ask->pool, a->server)) /* no descriptor for a datagram, but a connection is there */
			how = attempt_go_by_tcp(a);
	}
	if (ask->current == a) {
		if (!settled(ask, a, how))
			ask_step(ask);
		return;
	}
	/* meanwhile another is being waited for */
	if (how == ATTEMPT_NETWORK)
		attempt_failed(a, SERVER_NETWORK);
	go_on(ask);
}

/* The server may live by TCP alone: a probe of it tries that too. */
static void udp_refused(struct attempt *a)
{
	a->ask->servers[a->server_index].udp_refused = true;
	if (a->ask->probe)
		a->ask->sends_max = 2;
}

void pool_ask_on_failure(struct attempt *a, enum attempt_failure why)
{
	struct pool_ask *ask = a->ask;
	if (why == ATTEMPT_GUESSED) {
		on_guessed(a);
		return;
	}
	if (why == ATTEMPT_DOUBTED) {
		on_doubted(a);
		return;
	}
	if (a->transport == TRANSPORT_TCP)
		attempt_closed(a);
	a->errored = true;
	if (!a->timed_out)
		attempt_failed(a, why == ATTEMPT_STALLED ? SERVER_TIMEOUT : SERVER_NETWORK);
	if (why == ATTEMPT_LOST && !ask->servers[a->server_index].lost) {
		/* the server may have tired of the connection just as this was written to it: once more */
		ask->servers[a->server_index].lost = true;
		choice_hint(ask, a->server_index);
	}
	if (why == ATTEMPT_REFUSED && a->transport == TRANSPORT_TCP)
		attempt_tcp_failed(a);
	if (why == ATTEMPT_REFUSED && a->transport == TRANSPORT_UDP)
		udp_refused(a);
	if (why == ATTEMPT_REFUSED && ask->current == a && paused(ask, a))
		return;
	go_on(ask);
}
