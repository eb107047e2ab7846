/* SPDX-License-Identifier: BSD-2-Clause */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "base/str.h"
#include "wire/rrtype.h"

const struct cache_config usual = {.size_bytes = 1024 * 1024,
				   .min_ttl_s = 0,
				   .max_ttl_s = 86400,
				   .max_negative_ttl_s = 3600,
				   .serve_stale_s = 100,
				   .prefetch = true};

static uint8_t byte_at(unsigned seed, size_t body_len, size_t i)
{
	return (uint8_t)(i * 7 + body_len + seed * 31 + (seed >> 8));
}

void sample_make(struct sample *s, unsigned seed, uint32_t ttl_s, size_t body_len)
{
	s->response = (struct response){.flags = 0x23,
					.ancount = 1,
					.nscount = 2,
					.ttl_s = ttl_s,
					.body_len = (uint32_t)body_len,
					.ttl_pos = s->ttl_pos,
					.targets = s->targets,
					.body = s->body};
	s->ttl_pos[0] = SAMPLE_TTL_AT;
	s->targets[0] = SAMPLE_TARGET_AT;
	for (size_t i = 0; i < body_len; i++)
		s->body[i] = byte_at(seed, body_len, i);
	if (body_len < 32)
		return;
	s->response.ttl_count = s->response.target_count = 1;
	for (unsigned i = 0; i < 4; i++)
		s->body[SAMPLE_TTL_AT + i] = (uint8_t)(ttl_s >> (24 - 8 * i));
}

bool sample_is(const struct response *r, unsigned seed, size_t body_len)
{
	bool has_places = body_len >= 32;
	if (r->flags != 0x23 || r->ancount != 1 || r->nscount != 2 || r->arcount != 0 || r->body_len != body_len ||
	    r->ttl_count != has_places || r->target_count != has_places || r->negative || r->uncached)
		return false;
	if (has_places && (r->ttl_pos[0] != SAMPLE_TTL_AT || r->targets[0] != SAMPLE_TARGET_AT))
		return false;
	for (size_t i = 0; i < body_len; i++)
		if (r->body[i] != byte_at(seed, body_len, i) && !(has_places && i >= SAMPLE_TTL_AT && i < SAMPLE_TTL_AT + 4))
			return false;
	return true;
}

void rig_init(struct rig *rig, const struct cache_config *config)
{
	rand_seed_for_test(9520); /* its hashes are the same in every run: which entry must go is told by them */
	rig->cache = cache_create(config);
	rand_seed_for_test(0);
	rig->reader = cache_reader_create(rig->cache);
}

void rig_finish(struct rig *rig)
{
	cache_reader_destroy(rig->reader);
	cache_destroy(rig->cache);
}

struct name name_of(const char *text)
{
	struct name n;
	struct err err;
	assert_true(name_from_text(str_from(text), &n, &err));
	return n;
}

struct name name_number(unsigned number)
{
	/* wire form by hand: tests ask for millions */
	struct name n = {.labels = 2};
	char label[16];
	int len = snprintf(label, sizeof(label), "n%u", number);
	n.wire[0] = (uint8_t)len;
	memcpy(n.wire + 1, label, (size_t)len);
	memcpy(n.wire + 1 + len, "\7example", 9);
	n.len = (uint8_t)(1 + len + 9);
	return n;
}

struct cache_key key_of(const struct cache *cache, const struct name *n)
{
	struct cache_key key = {.name = n, .type = RRTYPE_A, .class = RRCLASS_IN};
	cache_hash(cache, &key);
	return key;
}

void put(struct rig *rig, const char *text, int64_t now_ms, uint32_t ttl_s, size_t body_len)
{
	static struct sample s;
	struct name n = name_of(text);
	struct cache_key key = key_of(rig->cache, &n);
	sample_make(&s, 0, ttl_s, body_len);
	cache_put(rig->reader, &key, now_ms, &s.response);
}

/* What comes back is looked at at once, by one thread: leaving first does no harm. */
enum cache_find get(struct rig *rig, const char *text, int64_t now_ms, struct response *ret)
{
	struct name n = name_of(text);
	struct cache_key key = key_of(rig->cache, &n);
	cache_enter(rig->reader);
	enum cache_find find = cache_get(rig->reader, &key, now_ms, ret);
	cache_leave(rig->reader);
	return find;
}

void put_number(struct rig *rig, unsigned number, size_t body_len)
{
	static struct sample s;
	struct name n = name_number(number);
	struct cache_key key = key_of(rig->cache, &n);
	sample_make(&s, number, 1000, body_len);
	cache_put(rig->reader, &key, 0, &s.response);
}

enum cache_find get_number(struct rig *rig, unsigned number, struct response *ret)
{
	struct name n = name_number(number);
	struct cache_key key = key_of(rig->cache, &n);
	cache_enter(rig->reader);
	enum cache_find find = cache_get(rig->reader, &key, 0, ret);
	cache_leave(rig->reader);
	return find;
}

struct cache_stats stats_of(struct rig *rig)
{
	struct cache_stats s;
	cache_stats(rig->cache, &s);
	return s;
}
