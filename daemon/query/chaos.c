/* SPDX-License-Identifier: BSD-2-Clause
 *
 * chaos.c - class CHAOS: what clients ask to learn whom they talk to (RFC 4892). Never forwarded. */
#include "query/query.h"

#include <string.h>

static const char *version_of(const struct service *s)
{
	return s->world->settings->server_version;
}

static const char *identity_of(const struct service *s)
{
	return s->world->settings->server_identity;
}

/* Names in wire form, and what they stand for; NULL: refused. */
static const struct chaos_name {
	const char *wire;
	size_t len; /* the root's octet included: the literal's own NUL */
	const char *(*text)(const struct service *s);
} chaos_names[] = {
#define CHAOS(literal, text)                   \
	{                                      \
		literal, sizeof(literal), text \
	}
    CHAOS("\7version\4bind", version_of),
    CHAOS("\7version\6server", version_of),
    CHAOS("\2id\6server", identity_of),
    CHAOS("\10hostname\4bind", identity_of),
#undef CHAOS
};

enum fate query_chaos(struct service *s, struct query *q)
{
	const char *text = NULL;

	for (size_t i = 0; i < ARRAY_LEN(chaos_names); i++)
		if (q->name.len == chaos_names[i].len && memcmp(q->name.wire, chaos_names[i].wire, q->name.len) == 0)
			text = chaos_names[i].text(s);
	if (text == NULL || (q->type != RRTYPE_TXT && q->type != RRTYPE_ANY)) {
		answer_rcode(s, q, RCODE_REFUSED, &(struct query_extra){.has_ede = true, .ede = EDE_NOT_SUPPORTED});
		query_finish(s, q, COUNTER_REFUSED);
		return FATE_ANSWER;
	}
	answer_chaos(s, q, str_from(text));
	query_finish(s, q, COUNTER_LOCAL);
	return FATE_ANSWER;
}
