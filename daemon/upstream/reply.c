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
	const struct route *route = upstreams_route(ask->u, name, ask->type);
	return route == ask->route || (route->is_default && ask->route->is_default);
}

/* Of a reply by TCP (udp.c has looked at those by UDP already). */
static bool cookie_is_right(struct attempt *a, const uint8_t *bytes, size_t len, enum message_match match)
{
	if (a->transport != TRANSPORT_TCP)
		return true;
	switch (cookies_judge(a, bytes, len, match)) {
	case COOKIES_RIGHT:
		return true;
	case COOKIES_WRONG:
		counters_add(a->ask->pool->counters, COUNTER_UPSTREAM_COOKIE);
		return false;
	case COOKIES_MISSING:
		server_cookie_missing(a->server, pool_now_ms(a->ask->pool));
		return true;
	}
	return false;
}

static enum distill distill_reply(struct attempt *a, uint8_t *bytes, size_t len, enum message_match match)
{
	struct pool_ask *ask = a->ask;
	if (match != MESSAGE_BARE)
		message_unmix(bytes, len, &ask->name);
	const struct distill_bounds bounds = {.holds = holds, .arg = ask};
	return distill_within(bytes, len, &ask->name, ask->type, ask->dnssec_ok, ask->u->zone_count > 1 ? &bounds : NULL,
			      &ask->pool->room, &ask->pool->answer);
}

enum reply_fate reply_judge(struct attempt *a, uint8_t *bytes, size_t len, enum message_match match)
{
	judge_case(a, match);
	/* a latency is worth measuring where a datagram came back; a stream's includes its handshake and its losses */
	int64_t rtt_us = a->transport == TRANSPORT_UDP ? (a->ask->pool->now_ns - a->sent_ns) / 1000 : 0;
	server_answered(a->server, a->transport == TRANSPORT_UDP ? (uint32_t)MIN(MAX(rtt_us, 1), (int64_t)UINT32_MAX) : 0);
	if (!cookie_is_right(a, bytes, len, match)) {
		server_useless(a->server);
		return REPLY_USELESS;
	}
	/* first, as nearly all are: none that is truncated or dislikes our OPT is taken for an answer */
	enum distill what = distill_reply(a, bytes, len, match);
	if (what == DISTILL_OK || what == DISTILL_UNCACHED) {
		server_useful(a->server);
		a->ask->pool->answer.upstream = a->server->number;
		return REPLY_GOOD;
	}
	if ((message_flags(bytes, len) & MSG_TC) != 0)
		return a->transport == TRANSPORT_UDP ? REPLY_TRUNCATED : REPLY_USELESS;
	if (a->edns && !a->ask->no_edns && message_dislikes_edns(bytes, len))
		return REPLY_NO_EDNS;
	if (a->cookie_sent && a->transport == TRANSPORT_UDP && message_rcode(bytes, len) == RCODE_BADCOOKIE)
		return REPLY_BAD_COOKIE;
	server_useless(a->server);
	return what == DISTILL_GARBLED && a->transport == TRANSPORT_UDP ? REPLY_GARBLED : REPLY_USELESS;
}
