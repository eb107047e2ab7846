/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rig.h - what the cache's tests share: names, answers that can be recognised, and the calls in one line. */
#ifndef SARING_TESTS_CACHE_RIG_H
#define SARING_TESTS_CACHE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"
#include "cache/cache.h"

extern const struct cache_config usual; /* 1 MiB, 100 s stale, prefetch */

#define SAMPLE_TTL_AT 10
#define SAMPLE_TARGET_AT 20

/* An answer whose bytes tell its seed; from 32 bytes on with a TTL and a target. */
struct sample {
	struct response response;
	uint16_t ttl_pos[1], targets[1];
	uint8_t body[UINT16_MAX];
};
void sample_make(struct sample *s, unsigned seed, uint32_t ttl_s, size_t body_len);
/* Are these the bytes of the sample with this seed and length? The TTL is left out. */
bool sample_is(const struct response *r, unsigned seed, size_t body_len);

/* A cache with one reader, outside between the calls. */
struct rig {
	struct cache *cache;
	struct cache_reader *reader;
};
void rig_init(struct rig *rig, const struct cache_config *config);
void rig_finish(struct rig *rig);

struct name name_of(const char *text);
/* A name for each number. */
struct name name_number(unsigned number);
struct cache_key key_of(const struct cache *cache, const struct name *n);
/* By name: seed 0. Each is a batch of its own. */
void put(struct rig *rig, const char *text, int64_t now_ms, uint32_t ttl_s, size_t body_len);
enum cache_find get(struct rig *rig, const char *text, int64_t now_ms, struct response *ret);
/* By number, which is the seed too. */
void put_number(struct rig *rig, unsigned number, size_t body_len);
enum cache_find get_number(struct rig *rig, unsigned number, struct response *ret);
struct cache_stats stats_of(struct rig *rig);

#endif
