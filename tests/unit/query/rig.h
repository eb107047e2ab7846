/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rig.h - a service with a world, a cache and a transport that keeps what it is given: for tests of the pipeline. The upstreams are
 * played by the test, as another worker that asks. */
#ifndef SARING_TEST_QUERY_RIG_H
#define SARING_TEST_QUERY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/query.h"

struct rig {
	struct generations *gs;
	struct cache *cache;
	struct inflight *inflight;
	struct counters *counters;
	struct service *service;
	uint8_t sent[65536];
	size_t sent_len;
	unsigned sent_count, dropped_count;
	int64_t cached_since_ms; /* the age of what is put into the cache */
	bool prepare;		 /* queries go the way of a batch */
};

extern const struct via rig_udp, rig_tcp;

struct settings *rig_settings(const char *text);
/* Takes the policy and the settings. One rig at a time. */
struct rig *rig_create(struct settings *settings, struct policy *policy);
void rig_destroy(struct rig *rig);

void rig_run(struct rig *rig, const struct via *via, const char *from, const uint8_t *bytes, size_t len);
/* Ask by a query of ID 0x1234 with RD. The name keeps its case. */
void rig_ask(struct rig *rig, const struct via *via, const char *name, uint16_t type, bool edns);
void rig_ask_from(struct rig *rig, const struct via *via, const char *from, const char *name, uint16_t type, bool edns);
uint64_t rig_count(const struct rig *rig, enum counter which);

struct name rig_name(const char *text);

/* What was sent. */
unsigned rig_flags(const struct rig *rig);
unsigned rig_u16(const struct rig *rig, size_t at);
int rig_ede(const struct rig *rig); /* info code, or -1; OPT is last and holds nothing else */
/* The n-th record: "OWNER TTL TYPE RDATA", RDATA as an address, a name, else in hex. Static memory. "" past the end. */
const char *rig_record(const struct rig *rig, unsigned n);

/* An upstream's answer to name/type, made by the records told: distilled as the real one is. */
struct rig_reply {
	struct name name;
	uint16_t type;
	uint8_t bytes[4096];
	struct wr w;
	struct msg_header header;
	struct name_packer packer;
	uint8_t body[MSG_LEN_MAX + 1];
	struct response_room room;
	struct response response;
};
void rig_reply_begin(struct rig_reply *r, const char *name, uint16_t type, uint16_t rcode);
/* rdata: an address for A and AAAA, a name for CNAME and NS, "-" for a SOA (into authority). */
void rig_reply_add(struct rig_reply *r, const char *owner, uint16_t type, uint32_t ttl_s, const char *rdata);
void rig_reply_add_bytes(struct rig_reply *r, const char *owner, uint16_t type, uint32_t ttl_s, const void *rdata, uint16_t len);
void rig_reply_end(struct rig_reply *r);
/* Of servers that are believed for zone and below alone. */
void rig_reply_end_within(struct rig_reply *r, const char *zone);
void rig_cache(struct rig *rig, const struct rig_reply *r);
struct cache_key rig_key(const struct rig *rig, const struct name *name, uint16_t type); /* borrows name */

/* Another worker asks name/type: whoever wants it now waits. */
void rig_asking(struct rig *rig, const char *name, uint16_t type);
/* Its answer has come (NULL: the outcome is no answer). Returns how many waited. */
size_t rig_answered(struct rig *rig, const char *name, uint16_t type, enum pool_outcome outcome, const struct rig_reply *r);

#endif
