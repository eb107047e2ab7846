/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What dnstap is told of a query that came and of the answer that goes (observe/frames.h), with what policy did. Only while dnstap
 * is on: nothing here is spared. */
#include "query/query.h"

#include "base/clock.h"
#include "policy/ident.h"
#include "query/block.h"

#include <string.h>

/* What had a say, as text and bytes; slices are borrowed until the batch ends. */
struct policy_part {
	bool has;
	uint8_t action, match;
	struct str list, entry, value;
	uint8_t wide[ADDR_WIDE_LEN];
	char text[NAME_TEXT_MAX];
	struct policy_ident ident;
};

static uint8_t action_of(const struct service *s, const struct query *q, const struct verdict *v, bool owns)
{
	struct policy_answer a;

	if (v->kind != VERDICT_BLOCKED)
		return FRAME_PASS;
	query_block_answer(s, q, v, owns, &a);
	switch (a.answer) {
	case ANSWER_NXDOMAIN:
		return FRAME_NXDOMAIN;
	case ANSWER_NODATA:
		return FRAME_NODATA;
	case ANSWER_DROP:
		return FRAME_DROP;
	case ANSWER_TRUNCATE:
		return FRAME_TRUNCATE;
	case ANSWER_NULL:
	case ANSWER_ADDRESS:
	case ANSWER_LOCAL:
		return FRAME_LOCAL_DATA;
	case ANSWER_REFUSED: /* dnstap has no word for it */
		break;
	}
	return 0;
}

/* As explain shows it. */
static struct str entry_text(const struct service *s, const struct policy_spoke *spoke, struct policy_part *p)
{
	const struct str written = policy_ident_written(s->world->policy, spoke, &p->ident), key = p->ident.key;
	struct prefix prefix;
	struct name own;

	if (written.ptr != NULL)
		return written;
	switch (p->ident.match) {
	case MATCH_REGEX:
	case MATCH_PATTERN:
		return key;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		prefix = prefix_from_wide(p->ident.address, p->ident.address[ADDR_WIDE_LEN]);
		return str_from(prefix_to_text(&prefix, p->text));
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		break;
	}
	if (!name_from_wire((const uint8_t *)key.ptr, key.len, &own))
		return (struct str){NULL, 0};
	return str_from(name_to_text(&own, p->text));
}

static uint8_t match_of(enum match match)
{
	switch (match) {
	case MATCH_CLIENT:
		return FRAME_BY_CLIENT;
	case MATCH_ADDRESS:
		return FRAME_BY_ADDRESS;
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
	case MATCH_REGEX:
	case MATCH_PATTERN:
		break;
	}
	return FRAME_BY_QNAME;
}

static void put_entry(const struct service *s, const struct name *name, const struct policy_spoke *spoke, struct policy_part *p)
{
	const size_t skip = addr_wide_is_v4(p->wide) ? ADDR_WIDE_LEN - 4 : 0;
	struct policy_list list;

	policy_list(s->world->policy, p->ident.list, s->now_s, &list);
	p->list = list.name;
	p->entry = entry_text(s, spoke, p);
	p->match = match_of(p->ident.match);
	p->value = p->match == FRAME_BY_QNAME ? (struct str){(const char *)name->wire, name->len}
					      : (struct str){(const char *)p->wide + skip, ADDR_WIDE_LEN - skip};
}

static void find_policy(const struct service *s, const struct query *q, enum counter as, struct policy_part *p)
{
	const struct verdict *v = as == COUNTER_BLOCKED ? s->blocker.verdict : &q->verdict;
	const bool owns = as != COUNTER_BLOCKED || s->blocker.owns;
	const struct name *name = owns || s->blocked_by.address.len != 0 ? &q->name : &s->blocked_by.name;

	if (s->world == NULL || v == NULL || v->kind == VERDICT_NONE)
		return;
	if (as != COUNTER_BLOCKED && (v->kind != VERDICT_ALLOWED || q->judged_world != s->world->serial))
		return;
	addr_to_wide(owns || s->blocked_by.address.len == 0 ? &q->peer : &s->blocked_by.address, p->wide);
	const struct policy_spoke spoke = {.rule = v->rule, .labels = v->labels, .bulk = v->bulk, .name = name, .wide = p->wide};
	p->has = policy_identify(s->world->policy, &spoke, &p->ident);
	if (!p->has)
		return;
	put_entry(s, name, &spoke, p);
	p->action = action_of(s, q, v, owns);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

static void put_frame(struct service *s, const struct query *q, enum frame_type type, struct str message,
		      const struct policy_part *p)
{
	const size_t octets = message.len + (p->has ? p->list.len + p->entry.len + p->value.len : 0);
	const enum privacy privacy = s->world == NULL ? PRIVACY_NONE : s->world->settings->log_privacy;
	struct frame *f = octets > UINT16_MAX * 2 || privacy == PRIVACY_NONE ? NULL : frames_begin(s->frames, octets);

	if (f == NULL)
		return;
	f->type = (uint8_t)type;
	f->via = (uint8_t)q->via->told_as;
	f->came_us = s->wall_us + (q->came_us - s->now_us);
	f->left_us = s->wall_us + (clock_mono_ns() / 1000 - s->now_us);
	addr_to_wide(&q->peer, f->client);
	f->client_port = addr_port(&q->peer);
	f->message_len = (uint16_t)message.len;
	f->privacy = (uint8_t)privacy;
	uint8_t *at = put((uint8_t *)(f + 1), message.ptr, message.len);
	if (p->has) {
		f->has_policy = true;
		f->action = p->action;
		f->match = p->match;
		f->list_len = (uint16_t)p->list.len;
		f->entry_len = (uint16_t)p->entry.len;
		f->value_len = (uint16_t)p->value.len;
		at = put(at, p->list.ptr, p->list.len);
		at = put(at, p->entry.ptr, p->entry.len);
		(void)put(at, p->value.ptr, p->value.len);
	}
	frames_end(s->frames);
}

static struct str whole(const struct service *s, const uint8_t *bytes, size_t len)
{
	if (!atomic_load_explicit(&s->frames->whole, memory_order_relaxed))
		return (struct str){NULL, 0};
	return (struct str){(const char *)bytes, MIN(len, (size_t)UINT16_MAX)};
}

void query_frame_question(struct service *s, const struct query *q)
{
	static const struct policy_part none = {.has = false};

	if (frames_wants(s->frames, DNSTAP_CLIENT_QUERY))
		put_frame(s, q, FRAME_QUESTION, whole(s, q->packet, q->packet_len), &none);
}

void query_frame_answer(struct service *s, const struct query *q, enum counter as)
{
	struct policy_part p = {.has = false};

	if (!frames_wants(s->frames, DNSTAP_CLIENT_RESPONSE))
		return;
	find_policy(s, q, as, &p);
	/* What no entry may be longer than: one is cut, as it would be in the query log. */
	p.entry.len = MIN(p.entry.len, (size_t)UINT8_MAX);
	put_frame(s, q, FRAME_ANSWER, whole(s, s->out, s->out_len), &p);
}
