/* SPDX-License-Identifier: BSD-2-Clause
 *
 * traffic.h - what the last day looked like: how often each name and subtree was asked, by how many clients; in bounded memory, and
 * without a log.
 *
 * The day is TRAFFIC_SEGMENTS - 1 segments of six hours that are over, and the one under way. Each has the TOP_NAMES most frequent
 * names (top.h), a count-min sketch of every suffix (base/sketch.h), the number of queries, and an estimate of the number of
 * clients. A client is a keyed hash of its address, with a key that is never written anywhere; no query and no address is kept. A
 * segment that nobody asked in takes no memory; one takes some 0.4 MiB, and all together about 2 MiB. It is not kept over a
 * restart. Main thread. */
#ifndef SARING_OBSERVE_TRAFFIC_H
#define SARING_OBSERVE_TRAFFIC_H

#include "base/addr.h"
#include "base/sketch.h"
#include "observe/top.h"

#define TRAFFIC_SEGMENT_S 21600
#define TRAFFIC_SEGMENTS 5
#define TRAFFIC_WIDTH 16384 /* of the count-min sketch */
#define TRAFFIC_CLIENT_BITS 10

struct traffic;
MUST_CHECK struct traffic *traffic_create(int64_t now_s);
void traffic_destroy(struct traffic *t); /* takes NULL */

/* A query, that stands for `weight`. */
void traffic_take(struct traffic *t, const struct name *name, const uint8_t address[ADDR_WIDE_LEN], uint32_t weight, int64_t at_s);
void traffic_forget(struct traffic *t, int64_t now_s); /* everything; counting begins anew */

/* All segments in one. */
struct traffic_digest {
	int64_t since_s;
	uint64_t queries, clients;
	struct siphash_key seed; /* of sketch_hash */
	struct countmin sketch;
	struct top_name *names; /* owned, the most frequent first; wire is borrowed until the next traffic_take */
	size_t name_count;
};
void traffic_digest(struct traffic *t, int64_t now_s, struct traffic_digest *ret);
void traffic_digest_finish(struct traffic_digest *d);

#endif
