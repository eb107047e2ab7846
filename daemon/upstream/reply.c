/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/pool_ask.h"

#include "upstream/distill.h"

/* An answer by TCP shows whether the server keeps the letters' case. That it does not is believed only after UDP said so too. */
static void judge_case(struct attempt *a, enum message_match match)
{
	struct ask_server *s = &a->ask->servers[a->server_index];
	if (a->transport == TRANSPORT_TCP && match == MESSAGE_CASE && s->case_proof) {
		s->case_proof = false;
		server_case_proved(a->server, pool_now_ms(a->ask->pool));
	}
}

/* Do the ask's servers answer for this name, too? */
static bool holds(const void *arg, const struct name *name)
{
	const struct pool_ask *ask = arg;
	return upstreams_route(ask->u, name, ask->type) == ask->route;
}

static bool is_answer(struct attempt *a, uint8_t *bytes, size_t len, enum message_match match)
{
	struct pool_ask *ask = a->ask;
	if (match != MESSAGE_BARE)
		message_unmix(bytes, len, &ask->name);
	const struct distill_bounds bounds = {.holds = holds, .arg = ask};
	switch (distill_within(bytes, len, &ask->name, ask->type, ask->dnssec_ok, ask->u->route_count > 1 ? &bounds : NULL,
			       &ask->pool->room, &ask->pool->answer)) {
	case DISTILL_OK:
	case DISTILL_UNCACHED:
		return true;
	case DISTILL_FAILED:
	case DISTILL_BAD:
		return false;
	}
	return false;
}

enum reply_fate reply_judge(struct attempt *a, uint8_t *bytes, size_t len, enum message_match match)
{
	judge_case(a, match);
	/* a latency is worth measuring where a datagram came back; a stream's includes its handshake and its losses */
	int64_t rtt_us = a->transport == TRANSPORT_UDP ? (a->ask->pool->now_ns - a->sent_ns) / 1000 : 0;
	server_answered(a->server, a->transport == TRANSPORT_UDP ? (uint32_t)MIN(MAX(rtt_us, 1), (int64_t)UINT32_MAX) : 0);
	/* first, as nearly all are: none that is truncated or dislikes our OPT is taken for an answer */
	if (is_answer(a, bytes, len, match)) {
		server_useful(a->server);
		return REPLY_GOOD;
	}
	if ((message_flags(bytes, len) & MSG_TC) != 0)
		return a->transport == TRANSPORT_UDP ? REPLY_TRUNCATED : REPLY_USELESS;
	if (a->edns && !a->ask->no_edns && message_dislikes_edns(bytes, len))
		return REPLY_NO_EDNS;
	server_useless(a->server);
	return REPLY_USELESS;
}
