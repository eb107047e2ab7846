/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include <string.h>

/* The body lies in a message after a question of the usual length; pointers in it reach back to the name asked. Its targets are
 * read from a message laid out so. The question's name is folded already, and what is read is folded here. */
static size_t lay_out(struct service *s, const struct query *q, const struct response *r)
{
	struct wr w = wr_init(s->out, sizeof(s->out));

	(void)wr_room(&w, MSG_HEADER_LEN);
	name_write(&w, &q->name);
	(void)wr_room(&w, 4);
	size_t body_at = w.pos;
	wr_bytes(&w, r->body, r->body_len);
	s->out_len = w.full ? 0 : w.pos;
	return body_at;
}

bool inspect_response(struct service *s, const struct query *q, const struct response *r, struct verdict *ret)
{
	/* An allow entry for the name asked holds for its whole chain, but for what outranks it (saring-lists(5)). */
	bool allowed = q->verdict.kind == VERDICT_ALLOWED;
	struct verdict shadow = {.shadowed = false};

	if (r->target_count == 0 || (allowed && q->verdict.mandatory))
		return false;
	size_t body_at = lay_out(s, q, r);
	for (size_t i = 0; i < r->target_count; i++) {
		struct rd rd = rd_init(s->out, s->out_len);
		struct name target;
		rd_skip(&rd, body_at + r->targets[i].pos);
		if (!name_read(&rd, &target)) {
			(void)unlikely_bug(true); /* what distill wrote can be read */
			return false;
		}
		name_fold(&target);
		bool decided = policy_match(s->world->policy, s->scratch, &target, s->now_s, ret);
		if (ret->shadowed)
			shadow = *ret;
		if (!decided || ret->kind != VERDICT_BLOCKED)
			continue;
		if (!allowed || ret->mandatory)
			return true;
	}
	if (shadow.shadowed && !allowed && !q->verdict.shadowed)
		query_count_shadow(s, &shadow);
	return false;
}
