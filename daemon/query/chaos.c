/* SPDX-License-Identifier: BSD-2-Clause
 *
 * chaos.c - class CHAOS: what clients ask to learn whom they talk to (RFC 4892). Never forwarded. */
#include "query/answer.h"
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

/* Which policy is in force: that nobody has to be believed who says so. */
static const char policy_name[] = "\6policy\6saring"; /* and the root: the literal's own NUL */

static bool is_name(const struct query *q, const char *wire, size_t len)
{
	return q->name.len == len && memcmp(q->name.wire, wire, len) == 0;
}

static const char *in_force(struct service *s)
{
	if (s->in_force_world != s->world->serial || s->in_force_s != s->now_s) {
		(void)identity_in_force(s->world->policy, s->now_s, s->in_force);
		s->in_force_world = s->world->serial;
		s->in_force_s = s->now_s;
	}
	return s->in_force;
}

static void answer_policy(struct service *s, struct query *q)
{
	struct str texts[IDENTITY_COUNT];

	for (size_t i = 0; i < IDENTITY_COUNT; i++)
		texts[i] = str_from(s->world->identity.texts[i]);
	texts[IDENTITY_IN_FORCE] = str_from(in_force(s));
	answer_chaos(s, q, texts, IDENTITY_COUNT);
	query_finish(s, q, COUNTER_LOCAL);
}

enum fate query_chaos(struct service *s, struct query *q)
{
	const bool is_text = q->type == RRTYPE_TXT || q->type == RRTYPE_ANY;
	const char *text = NULL;

	if (is_text && s->world->settings->server_policy && is_name(q, policy_name, sizeof(policy_name))) {
		answer_policy(s, q);
		return FATE_ANSWER;
	}
	for (size_t i = 0; i < ARRAY_LEN(chaos_names); i++)
		if (is_name(q, chaos_names[i].wire, chaos_names[i].len))
			text = chaos_names[i].text(s);
	if (text == NULL || !is_text) {
		answer_rcode(s, q, RCODE_REFUSED, &(struct query_extra){.has_ede = true, .ede = EDE_NOT_SUPPORTED});
		query_finish(s, q, COUNTER_REFUSED);
		return FATE_ANSWER;
	}
	const struct str one = str_from(text);
	answer_chaos(s, q, &one, 1);
	query_finish(s, q, COUNTER_LOCAL);
	return FATE_ANSWER;
}
