/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/choice.h"

enum transport choice_way(const struct pool_ask *ask, size_t index)
{
	const struct ask_server *s = &ask->servers[index];
	if (s->want_tcp)
		return TRANSPORT_TCP;
	bool udp_fails = s->udp_refused || s->sends_by[TRANSPORT_UDP] >= ASK_SENDS_PER_WAY_MAX;
	return (ask->prefer_tcp || udp_fails) && !s->no_tcp ? TRANSPORT_TCP : TRANSPORT_UDP;
}

static bool may_send(const struct pool_ask *ask, size_t index)
{
	const struct ask_server *s = &ask->servers[index];
	return ask->attempt_count < ask->sends_max && !s->given_up && s->sends_by[choice_way(ask, index)] < ASK_SENDS_PER_WAY_MAX;
}

int choice_next(const struct pool_ask *ask)
{
	if (ask->hint >= 0 && may_send(ask, (size_t)ask->hint))
		return ask->hint;
	int best = -1;
	for (size_t i = 0; i < ask->order_count; i++) {
		int index = ask->order[i];
		if (may_send(ask, (size_t)index) && (best < 0 || ask->servers[index].sends < ask->servers[best].sends))
			best = index;
	}
	return best;
}

void choice_hint(struct pool_ask *ask, uint8_t index)
{
	ask->hint = may_send(ask, index) ? index : -1;
}
