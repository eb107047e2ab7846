/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/attempt.h"

#include "upstream/choice.h"

#include <stdlib.h>
#include <string.h>

/* Put an attempt into its server's connection. */
static enum attempt_start send_by_tcp(struct attempt *a)
{
	struct pool_ask *ask = a->ask;
	a->transport = TRANSPORT_TCP;
	enum attempt_start how = stream_start(a);
	if (how != ATTEMPT_NO_RESOURCES)
		server_sent(a->server);
	else
		counters_add(ask->pool->counters, COUNTER_UPSTREAM_NO_SOCKET);
	counters_add(ask->pool->counters, COUNTER_UPSTREAM_TCP);
	return how;
}

static void attempt_opened(struct attempt *a)
{
	a->open = true;
	a->lane->open++;
	TAILQ_INSERT_TAIL(&a->lane->out, a, out);
}

/* The usual ask has one attempt, and brings the room for it. */
static struct attempt *attempt_new(struct pool_ask *ask)
{
	struct attempt *a = ask->attempt_count == 0 ? &ask->first : malloc(sizeof(*a));
	if (a == NULL)
		return NULL;
	memset(a, 0, offsetof(struct attempt, question));
	a->ask = ask;
	ask->attempts[ask->attempt_count++] = a;
	return a;
}

enum attempt_start attempt_start(struct pool_ask *ask, size_t index, struct lane *lane)
{
	struct pool *pool = ask->pool;
	struct attempt *a = attempt_new(ask);
	ask->hint = -1;
	if (a == NULL)
		return ATTEMPT_NO_RESOURCES;
	a->server = lane->server;
	a->lane = lane;
	a->server_index = (uint8_t)index;
	a->transport = choice_way(ask, index);
	a->edns = !ask->no_edns;
	a->sent_ns = pool->now_ns;
	message_question_make(&ask->name, ask->type, server_keeps_case(a->server, pool_now_ms(pool)), &a->question);
	ask->servers[index].sends++;
	ask->servers[index].sends_by[a->transport]++;
	ask->current = a;
	enum attempt_start how = ATTEMPT_STARTED;
	if (a->transport == TRANSPORT_TCP)
		how = send_by_tcp(a);
	else
		udp_start(a); /* how it went is told by pool_ask_on_unsent */
	if (how == ATTEMPT_STARTED)
		attempt_opened(a);
	return how;
}

enum attempt_start attempt_go_by_tcp(struct attempt *a)
{
	struct ask_server *s = &a->ask->servers[a->server_index];
	s->sends_by[TRANSPORT_UDP]--;
	s->sends_by[TRANSPORT_TCP]++;
	enum attempt_start how = send_by_tcp(a);
	if (how == ATTEMPT_STARTED)
		attempt_opened(a);
	return how;
}

void attempt_failed(struct attempt *a, enum server_failure why)
{
	struct ask_server *s = &a->ask->servers[a->server_index];
	bool first = !s->failed;
	s->failed = true;
	server_failed(a->server, why, first, a->sent_ns / 1000000, pool_now_ms(a->ask->pool));
	if (s->doubted && a->transport == TRANSPORT_TCP) { /* else it would be of no use any more, were TCP shut to us */
		server_cookie_missing(a->server, pool_now_ms(a->ask->pool));
		s->want_tcp = s->doubted = false;
	}
	if (why == SERVER_NETWORK)
		a->ask->heard_network = true;
	else
		counters_add(a->ask->pool->counters, COUNTER_UPSTREAM_TIMEOUT);
}

void attempt_tcp_failed(struct attempt *a)
{
	struct ask_server *s = &a->ask->servers[a->server_index];
	s->no_tcp = true;
	if (s->want_tcp)
		s->given_up = true;
	else if (!s->udp_refused)
		choice_hint(a->ask, a->server_index);
}

void attempt_timed_out(struct attempt *a)
{
	if (!a->open || a->timed_out || a->errored)
		return;
	a->timed_out = true;
	attempt_failed(a, SERVER_TIMEOUT);
	if (a->transport == TRANSPORT_UDP && (a->case_seen || a->doubt_seen)) {
		struct ask_server *s = &a->ask->servers[a->server_index];
		s->want_tcp = true;
		s->case_proof = a->case_seen;
		choice_hint(a->ask, a->server_index);
	}
}

void attempt_close(struct attempt *a)
{
	if (!a->open)
		return;
	attempt_closed(a);
	switch (a->transport) {
	case TRANSPORT_UDP:
		udp_cancel(a);
		break;
	case TRANSPORT_TCP:
		stream_cancel(a);
		break;
	}
}
