/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/entry.h"

#include "base/be.h"
#include "wire/msg.h"

#define QUESTION_TAIL 4 /* type and class behind the question's name */

uint64_t key_hash(const struct siphash_key *sip, const struct cache_key *key, uint8_t asked)
{
	uint8_t bytes[NAME_LEN_MAX + NAME_SLACK];
	size_t len = key->name->len;
	for (size_t i = 0; i < len; i += sizeof(uint64_t)) /* by words, into the slack: no call */
		memcpy(bytes + i, key->name->wire + i, sizeof(uint64_t));
	be_put_u16(bytes + len, key->class);
	bytes[len + 2] = asked;
	return siphash13(sip, bytes, len + 3) ^ cache_type_bits(key->type) ^ cache_servers_bits(key->servers);
}

static size_t size_of(size_t place_count, size_t name_len, size_t body_len)
{
	size_t size = sizeof(struct entry) + place_count * sizeof(uint16_t) + name_len + MAX(body_len, sizeof(uint64_t));
	return (size + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
}

size_t entry_size(const struct entry *e)
{
	return size_of((size_t)e->ttl_count + e->target_count, e->name_len, e->body_len);
}

size_t entry_size_for(const struct cache_key *key, const struct response *r)
{
	return size_of((size_t)r->ttl_count + r->target_count, key->name->len, r->body_len);
}

uint32_t ttl_clamp(struct ttl_bounds bounds, uint32_t ttl_s)
{
	return MAX(MIN(ttl_s, bounds.high_s), bounds.low_s);
}

/* The records are clamped like the answer, so that what clients are told counts down to when the entry ends. */
static void clamp_records(uint8_t *body, const struct response *r, struct ttl_bounds bounds)
{
	for (size_t i = 0; i < r->ttl_count; i++) {
		uint8_t *p = body + r->ttl_pos[i];
		be_put_u32(p, ttl_clamp(bounds, be_get_u32(p)));
	}
}

void response_copy(const struct response *r, uint16_t *ret_places, uint8_t *ret_body)
{
	/* what is empty may lie nowhere */
	if (r->ttl_count > 0)
		memcpy(ret_places, r->ttl_pos, r->ttl_count * sizeof(ret_places[0]));
	if (r->target_count > 0)
		memcpy(ret_places + r->ttl_count, r->targets, r->target_count * sizeof(ret_places[0]));
	if (r->body_len > 0)
		memcpy(ret_body, r->body, r->body_len);
}

void entry_fill(struct entry *e, const struct cache_key *key, const struct response *r, struct ttl_bounds bounds, int64_t now_ms)
{
	*e = (struct entry){
	    .hash = key->hash,
	    .stored_ms = now_ms,
	    .ttl_s = ttl_clamp(bounds, r->ttl_s),
	    .body_len = (uint16_t)r->body_len,
	    .type = key->type,
	    .class = key->class,
	    .flags = r->flags,
	    .ancount = r->ancount,
	    .nscount = r->nscount,
	    .arcount = r->arcount,
	    .ttl_count = r->ttl_count,
	    .target_count = (uint8_t)r->target_count,
	    .name_len = key->name->len,
	    .asked = entry_asked(key),
	};
	uint8_t *name = (uint8_t *)(e->places + r->ttl_count + r->target_count);
	memcpy(name, key->name->wire, key->name->len);
	response_copy(r, e->places, name + key->name->len);
	clamp_records(name + key->name->len, r, bounds);
}

void entry_copy(struct entry *to, struct entry *from)
{
	const size_t before = offsetof(struct entry, heat), behind = offsetof(struct entry, places);
	unsigned heat = atomic_load_explicit(&from->heat, memory_order_relaxed);
	memcpy(to, from, before);
	memcpy((uint8_t *)to + behind, (const uint8_t *)from + behind, entry_size(from) - behind);
	atomic_store_explicit(&to->heat, (uint8_t)(heat & ~HEAT_MARK), memory_order_relaxed);
}

bool entry_is_dead(const struct entry *e, int64_t serve_stale_s, int64_t now_ms)
{
	return now_ms - e->stored_ms >= ((int64_t)e->ttl_s + serve_stale_s) * 1000;
}

#define LEADS_ROOM 4096 /* links further into an answer are not looked at: it is taken to lead there */

/* Does one of its CNAMEs lead to name or below? What it says of that target is no more to be believed than the target's own entry.
 */
static bool leads_below(const struct entry *e, const struct name *name)
{
	uint8_t message[LEADS_ROOM];
	size_t body_at = (size_t)MSG_HEADER_LEN + e->name_len + QUESTION_TAIL;
	const uint16_t *targets = e->places + e->ttl_count;
	struct wr w = wr_init(message, sizeof(message));
	(void)wr_room(&w, MSG_HEADER_LEN);
	wr_bytes(&w, entry_name(e), e->name_len);
	(void)wr_room(&w, QUESTION_TAIL);
	bool is_all = e->body_len <= sizeof(message) - body_at;
	wr_bytes(&w, entry_body(e), is_all ? e->body_len : sizeof(message) - body_at);
	for (size_t i = 0; i < e->target_count; i++) {
		struct rd r = rd_init(message, w.pos);
		struct name target;
		rd_skip(&r, body_at + targets[i]);
		if (!is_all && body_at + targets[i] + NAME_LEN_MAX > w.pos)
			return true;
		if (!name_read(&r, &target))
			continue;
		name_fold(&target);
		if (name_is_below_or_eq(&target, name))
			return true;
	}
	return false;
}

bool entry_is_below(const struct entry *e, const struct name *name, bool subtree)
{
	if (!subtree)
		return entry_has_name(e, name);
	struct name own;
	return (name_from_wire(entry_name(e), e->name_len, &own) && name_is_below_or_eq(&own, name)) ||
	       (e->target_count > 0 && leads_below(e, name));
}
