/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A batch is as its questions one by one: random packets, sound and broken, of names that are blocked, sent elsewhere, cached,
 * expired, failed or unknown, the same ones many times over, go through one service alone and through another in batches. Whatever
 * each is answered, and every counter, is the same; so it is when lists change while some wait. The transport has little room and
 * empties it in the middle of a batch, and what it holds until then stays as it was. */
#include "query/query.h"

#include "rig.h"

#include "base/clock.h"
#include "query/ask.h"
#include "query/deliver.h"
#include "query/mailbox.h"
#include "settings/load.h"
#include "script.h"
#include "upstream/health.h"
#include "wire/edns.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 120
#define ROOMS 5
#define IDS 4096u
#define NOW_MS 1000000
#define NOW_S 1800000000

static uint64_t random_state;

static unsigned below(unsigned bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 20) % bound;
}

/* ---- a transport with rooms of its own ---- */

struct heard {
	uint8_t bytes[MSG_UDP_EDNS_MAX];
	size_t len;
	unsigned sent, dropped;
};

struct side {
	struct rig *rig;
	struct event_base *base;
	uint8_t rooms[ROOMS][MSG_UDP_EDNS_MAX];
	struct {
		uint8_t bytes[MSG_UDP_EDNS_MAX];
		size_t len;
	} copies[ROOMS];
	unsigned out_count;
	struct heard answers[IDS];
};

static void side_flush(struct side *side)
{
	for (unsigned i = 0; i < side->out_count; i++)
		assert_memory_equal(side->rooms[i], side->copies[i].bytes, side->copies[i].len);
	side->out_count = 0;
}

static uint8_t *side_room(const struct query *q, size_t *ret_cap)
{
	struct side *side = q->via_data;
	if (side->out_count == ROOMS)
		side_flush(side);
	*ret_cap = sizeof(side->rooms[0]);
	return side->rooms[side->out_count];
}

static unsigned number_of(const struct query *q)
{
	unsigned port = addr_port(&q->peer);
	assert_true(port >= 1000 && port - 1000 < IDS);
	return port - 1000;
}

/* Every name and record can be read, and they are all there is; a SOA is the one of a blocked name, or of one answered here. */
static void is_sound(const uint8_t *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	struct msg_question question;
	struct msg_rr rr;
	struct name mname, rname, want_mname = rig_name("saring.invalid"), want_rname = rig_name("nobody.invalid");
	msg_read_header(&r, &h);
	assert_true(h.qdcount <= 1 && (h.qdcount == 0 || msg_read_question(&r, &question)));
	for (unsigned left = (unsigned)h.ancount + h.nscount + h.arcount; left > 0; left--) {
		assert_true(msg_read_rr(&r, &rr));
		if (rr.type != RRTYPE_SOA)
			continue;
		struct rd rdata = rd_init(bytes, len);
		rd_skip(&rdata, rr.rdata_pos);
		assert_true(name_read(&rdata, &mname) && name_read(&rdata, &rname) && rd_left(&rdata) >= 20);
		/* a name answered here has its zone's own */
		assert_true(name_eq(&mname, &want_mname) || name_eq(&mname, &rr.owner));
		assert_true(name_eq(&rname, &want_rname));
		assert_int_equal(rdata.pos + 20, rr.rdata_pos + rr.rdata_len);
		assert_true(name_is_below_or_eq(&question.name, &rr.owner));
	}
	assert_true(rd_ok(&r) && rd_left(&r) == 0);
}

static void side_send(struct query *q, const uint8_t *bytes, size_t len)
{
	struct side *side = q->via_data;
	struct heard *a = &side->answers[number_of(q)];
	assert_true(side->out_count < ROOMS && bytes == side->rooms[side->out_count]);
	assert_true(len >= MSG_HEADER_LEN && len <= q->limit);
	is_sound(bytes, len);
	assert_int_equal(a->sent + a->dropped, 0); /* one end only */
	memcpy(a->bytes, bytes, len);
	a->len = len;
	a->sent++;
	memcpy(side->copies[side->out_count].bytes, bytes, len);
	side->copies[side->out_count++].len = len;
}

static void side_dropped(struct query *q)
{
	struct side *side = q->via_data;
	struct heard *a = &side->answers[number_of(q)];
	assert_int_equal(a->sent + a->dropped, 0);
	a->dropped++;
}

static const struct via via_side = {.name = "udp", .room = side_room, .send = side_send, .dropped = side_dropped};

/* For many more than are told apart. */
static void side_send_any(struct query *q, const uint8_t *bytes, size_t len)
{
	struct side *side = q->via_data;
	side->answers[number_of(q)].sent = side->answers[number_of(q)].dropped = 0;
	side_send(q, bytes, len);
}

static const struct via via_side_many = {.name = "udp", .room = side_room, .send = side_send_any};

/* ---- two equal worlds ---- */

static const char *const names[] = {"nx.test",	   "nodata.test",    "null.test",     "refused.test",	  "drop.test",
				    "local.test",  "cname.test",     "wild.test",     "self.test",	  "tc.test",
				    "cached.test", "stale.test",     "chain.test",    "address.test",	  "large.test",
				    "miss.test",   "failed.test",    "miss2.test",    "target.test",	  ".",
				    "invalid",	   "cloaked.test",   "redirect.test", "a.saring.invalid", "host.test",
				    "leads.test",  "below.host.test"};
static const uint16_t types[] = {RRTYPE_A,   RRTYPE_A,	   RRTYPE_A, RRTYPE_A, RRTYPE_AAAA, RRTYPE_CNAME,
				 RRTYPE_ANY, RRTYPE_HTTPS, 0,	     250,      41};

static struct script_rule *rule(struct rig *rig, const char *name, enum answer answer)
{
	return script_name(script_policy(rig), name, answer);
}

static void script_fill(struct rig *rig)
{
	(void)rule(rig, "nx.test", ANSWER_NXDOMAIN);
	(void)rule(rig, "nodata.test", ANSWER_NODATA);
	(void)rule(rig, "null.test", ANSWER_NULL);
	(void)rule(rig, "refused.test", ANSWER_REFUSED);
	(void)rule(rig, "drop.test", ANSWER_DROP);
	(void)rule(rig, "tc.test", ANSWER_TRUNCATE);
	(void)rule(rig, ".", ANSWER_NXDOMAIN);
	(void)rule(rig, "invalid", ANSWER_NXDOMAIN);
	(void)rule(rig, "a.saring.invalid", ANSWER_NODATA);
	script_record(rule(rig, "local.test", ANSWER_LOCAL), RRTYPE_A, 300, "192.0.2.1");
	script_record(rule(rig, "cname.test", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "target.test");
	script_record(rule(rig, "wild.test", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "*.miss.test");
	script_record(rule(rig, "self.test", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "self.test");
	script_record(rule(rig, "evil.test", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "miss2.test");
	(void)script_address(script_policy(rig), "192.0.2.66", ANSWER_NXDOMAIN);
}

/* The operator's own records, from the next publication on. */
static void give_locals(struct rig *rig)
{
	static const char *const sources[] = {"saring.yaml"};
	struct settings *s =
	    rig_settings("records: [host.test A 192.0.2.7, leads.test CNAME miss.test, x.below.host.test A 192.0.2.8]\n");
	generation_give_locals(rig->gs, locals_build(s->records, s->record_count, NULL, 0, sources, 1));
	settings_destroy(s);
}

static void keep(struct rig *rig, const char *name, uint32_t age_s, const char *target, const char *address, unsigned count)
{
	static struct rig_reply r;
	rig_reply_begin(&r, name, RRTYPE_A, RCODE_NOERROR);
	if (target != NULL)
		rig_reply_add(&r, name, RRTYPE_CNAME, 200, target);
	for (unsigned i = 0; i < count; i++) {
		uint8_t bytes[4] = {198, 51, 100, (uint8_t)i};
		rig_reply_add_bytes(&r, target != NULL ? target : name, RRTYPE_A, 300, bytes, 4);
	}
	if (address != NULL)
		rig_reply_add(&r, target != NULL ? target : name, RRTYPE_A, 300, address);
	rig_reply_end(&r);
	rig->cached_since_ms = (int64_t)age_s * 1000;
	rig_cache(rig, &r);
}

static struct side *side_create(void)
{
	void *state;
	struct side *side = calloc(1, sizeof(*side));
	assert_non_null(side);
	assert_int_equal(script_set_up(&state), 0);
	side->rig = state;
	side->base = event_base_new();
	assert_non_null(side->base);
	struct service *s = side->rig->service;
	s->failures = failures_create();
	assert_true(service_begin_batch(s));
	s->pool = pool_create(side->base, side->rig->counters, s->world->upstreams);
	service_end_batch(s);
	give_locals(side->rig);
	generation_publish(side->rig->gs, script_create(), NULL, NULL, NULL, NULL);
	script_fill(side->rig);
	keep(side->rig, "cached.test", 17, NULL, "192.0.2.2", 0);
	keep(side->rig, "stale.test", 500, NULL, "192.0.2.3", 0);
	keep(side->rig, "chain.test", 3, "nx.test", "192.0.2.4", 0);	   /* leads through a blocked name */
	keep(side->rig, "address.test", 3, NULL, "192.0.2.66", 0);	   /* holds a blocked address */
	keep(side->rig, "large.test", 3, NULL, NULL, 90);		   /* too large for most */
	keep(side->rig, "cloaked.test", 3, "evil.test", "192.0.2.5", 100); /* both; goes on elsewhere */
	keep(side->rig, "redirect.test", 3, "evil.test", "192.0.2.5", 0);
	keep(side->rig, "target.test", 3, NULL, "192.0.2.6", 0);
	struct name failed = rig_name("failed.test");
	struct cache_key key = rig_key(side->rig, &failed, RRTYPE_A);
	failures_note(s->failures, &key, EDE_NETWORK_ERROR, false, NOW_MS);
	return side;
}

static void side_destroy(struct side *side)
{
	struct service *s = side->rig->service;
	void *state = side->rig;
	pool_destroy(s->pool);
	asks_forget(s);
	slots_drop_all(s);
	assert_int_equal(s->slots_used, 0);
	assert_null(s->stale_first);
	side_flush(side);
	failures_destroy(s->failures);
	(void)script_tear_down(&state);
	event_base_free(side->base);
	free(side);
}

/* ---- packets ---- */

struct packet {
	uint8_t bytes[600];
	size_t len;
};

static struct name with_odd_case(const char *text)
{
	struct name n = rig_name(text);
	for (size_t i = 0; i < n.len; i++)
		if (n.wire[i] >= 'a' && n.wire[i] <= 'z' && below(3) == 0)
			n.wire[i] = (uint8_t)(n.wire[i] - 'a' + 'A');
	return n;
}

static void packet_make(struct packet *p)
{
	static const unsigned sizes[] = {0, 512, 600, 1232, 65535};
	struct wr w = wr_init(p->bytes, sizeof(p->bytes));
	struct name n = with_odd_case(names[below(ARRAY_LEN(names))]);
	bool edns = below(3) != 0;
	unsigned flags = (below(8) != 0 ? MSG_RD : 0) | (below(6) == 0 ? MSG_CD : 0) | (below(40) == 0 ? MSG_QR : 0) |
			 (below(40) == 0 ? 0x2000u : 0);
	msg_write_header(&w, &(struct msg_header){.id = (uint16_t)below(65536),
						  .flags = (uint16_t)flags,
						  .qdcount = (uint16_t)(below(40) != 0),
						  .arcount = edns});
	name_write(&w, &n);
	wr_u16(&w, types[below(ARRAY_LEN(types))]);
	wr_u16(&w, below(30) == 0 ? 3 : RRCLASS_IN);
	if (edns) {
		size_t mark =
		    edns_write_begin(&w, (uint16_t)sizes[below(ARRAY_LEN(sizes))], below(30) == 0 ? 16 : 0, below(4) == 0);
		if (below(4) == 0)
			edns_write_option(&w, EDNS_COOKIE, "12345678", COOKIE_CLIENT_LEN);
		edns_write_end(&w, mark);
	}
	p->len = w.pos;
	if (below(12) == 0)
		p->len = below((unsigned)p->len + 1);
	for (unsigned flips = below(10) == 0 ? below(4) : 0; flips > 0 && p->len > 0; flips--)
		p->bytes[below((unsigned)p->len)] ^= (uint8_t)(1u << below(8));
}

static void begin(struct side *side, struct query *q, const struct packet *p, unsigned number)
{
	memset(q, 0xa5, sizeof(*q)); /* whatever was there before */
	q->via = &via_side;
	q->via_data = side;
	q->local.len = 0;
	assert_true(addr_from_text(str_from(number % 97 == 0 ? "192.0.2.1" : "127.0.0.1"), (uint16_t)(1000 + number), &q->peer));
	query_begin(q, p->bytes, p->len);
}

static void run_single(struct side *side, struct packet *packets, unsigned count, unsigned first)
{
	struct query q;
	for (unsigned i = 0; i < count; i++) {
		struct packet p = packets[i];
		assert_true(service_begin_batch(side->rig->service));
		begin(side, &q, &p, first + i);
		query_run(side->rig->service, &q);
		service_end_batch(side->rig->service);
		memset(&p, 0x5a, sizeof(p)); /* nothing borrowed is kept */
		memset(&q, 0x5a, sizeof(q));
	}
}

static void run_batch(struct side *side, struct packet *packets, unsigned count, unsigned first)
{
	static struct query queries[QUERY_BATCH_MAX];
	static struct policy_prepared prepared[QUERY_BATCH_MAX];
	static struct packet own[QUERY_BATCH_MAX];
	memcpy(own, packets, count * sizeof(*packets));
	memset(prepared, 0xa5, sizeof(prepared));
	assert_true(service_begin_batch(side->rig->service));
	for (unsigned i = 0; i < count; i++)
		begin(side, &queries[i], &own[i], first + i);
	query_run_batch(side->rig->service, queries, prepared, count);
	side_flush(side);
	service_end_batch(side->rig->service);
	memset(own, 0x5a, sizeof(own));
	memset(queries, 0x5a, sizeof(queries));
	memset(prepared, 0x5a, sizeof(prepared));
}

/* ---- what upstreams say ---- */

static void post(struct side *side, const struct cache_key *key, enum pool_outcome outcome, const struct response *r)
{
	struct inflight_waiter *waiters;
	size_t count = inflight_take(side->rig->inflight, key, &waiters);
	struct outcome *o = outcome_create(outcome, r);
	assert_non_null(o);
	for (size_t i = 0; i < count; i++)
		assert_true(mailbox_post(side->rig->service->mailbox, &waiters[i], o));
	outcome_unref(o);
	free(waiters);
}

/* Every ask for a name that is known ends: by an answer or a failure. */
static void answer_all(struct side *side, unsigned salt)
{
	static struct rig_reply r;
	for (size_t n = 0; n < ARRAY_LEN(names) + 1; n++) {
		for (unsigned k = 0; k < 4; k++) {
			const char *text = n < ARRAY_LEN(names) ? names[n] : "wild.test.miss.test";
			struct name name = rig_name(text);
			struct cache_key key = rig_key(side->rig, &name, RRTYPE_A);
			key.dnssec_ok = (k & 1) != 0;
			key.checking_disabled = (k & 2) != 0;
			cache_hash(side->rig->cache, &key);
			enum pool_outcome outcome =
			    (enum pool_outcome[]){POOL_ANSWER, POOL_ANSWER, POOL_TIMEOUT, POOL_NETWORK}[(n + salt) % 4];
			rig_reply_begin(&r, text, RRTYPE_A, RCODE_NOERROR);
			if (n % 3 == 0)
				rig_reply_add(&r, text, RRTYPE_CNAME, 60, "evil.test");
			rig_reply_add(&r, n % 3 == 0 ? "evil.test" : text, RRTYPE_A, 60, "192.0.2.9");
			rig_reply_end(&r);
			post(side, &key, outcome, outcome == POOL_ANSWER ? &r.response : NULL);
			memset(&r, 0x5a, sizeof(r));
		}
	}
	assert_true(service_begin_batch(side->rig->service));
	service_drain(side->rig->service);
	service_end_batch(side->rig->service);
	side_flush(side);
}

static void same_ends(const struct side *a, const struct side *b)
{
	for (unsigned i = 0; i < IDS; i++) {
		const struct heard *x = &a->answers[i], *y = &b->answers[i];
		if (x->sent != y->sent || x->dropped != y->dropped || x->len != y->len)
			fail_msg("query %u: sent %u %u, dropped %u %u, bytes %zu %zu", i, x->sent, y->sent, x->dropped, y->dropped,
				 x->len, y->len);
		assert_memory_equal(x->bytes, y->bytes, x->len);
	}
	for (unsigned c = 0; c < COUNTER_COUNT; c++)
		if (rig_count(a->rig, (enum counter)c) != rig_count(b->rig, (enum counter)c))
			fail_msg("counter %u: %llu %llu", c, (unsigned long long)rig_count(a->rig, (enum counter)c),
				 (unsigned long long)rig_count(b->rig, (enum counter)c));
	assert_int_equal(a->rig->service->slots_used, b->rig->service->slots_used);
}

static void new_world(struct side *side, unsigned salt)
{
	struct policy *policy = script_create();
	generation_publish(side->rig->gs, policy, NULL, NULL, NULL, NULL);
	if (salt % 3 == 0)
		return; /* nothing is in a list any more */
	script_record(rule(side->rig, "cname.test", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "miss.test");
	script_record(rule(side->rig, "miss.test", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "miss2.test");
	script_record(rule(side->rig, "evil.test", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "stale.test");
	(void)rule(side->rig, "miss2.test", salt % 3 == 1 ? ANSWER_DROP : ANSWER_NODATA);
}

static void batches_are_as_one_by_one(void **state)
{
	(void)state;
	static const enum counter met[] = {COUNTER_BLOCKED,   COUNTER_CACHED,	 COUNTER_FORWARDED,   COUNTER_STALE,
					   COUNTER_LOCAL,     COUNTER_REFUSED,	 COUNTER_DROPPED,     COUNTER_FAILED,
					   COUNTER_TRUNCATED, COUNTER_COALESCED, COUNTER_FAILURE_HITS};
	uint64_t counts[ARRAY_LEN(met)] = {0};
	for (unsigned round = 1; round <= ROUNDS; round++) {
		static struct packet packets[QUERY_BATCH_MAX];
		unsigned first = 0;
		random_state = round * 0x9e3779b97f4a7c15u;
		clock_set_for_test(NOW_MS, NOW_S);
		struct side *single = side_create(), *batched = side_create();
		for (unsigned b = 0; b < 6; b++) {
			unsigned count = 1 + below(QUERY_BATCH_MAX);
			for (unsigned i = 0; i < count; i++)
				packet_make(&packets[i]);
			run_single(single, packets, count, first);
			run_batch(batched, packets, count, first);
			first += count;
			side_flush(single);
			same_ends(single, batched);
			if (b % 2 == 0)
				continue;
			clock_set_for_test(NOW_MS + (int64_t)b * 100, NOW_S + (b > 2));
			if (below(2) == 0) {
				unsigned salt = below(100);
				new_world(single, salt);
				new_world(batched, salt);
			}
			answer_all(single, round + b);
			answer_all(batched, round + b);
			same_ends(single, batched);
		}
		for (size_t i = 0; i < ARRAY_LEN(met); i++)
			counts[i] += rig_count(single->rig, met[i]);
		side_destroy(single);
		side_destroy(batched);
	}
	clock_set_for_test(-1, -1);
	for (size_t i = 0; i < ARRAY_LEN(met); i++) /* the rounds met what they are for */
		if (counts[i] < 50)
			fail_msg("counter %u was but %llu", met[i], (unsigned long long)counts[i]);
}

/* ---- nobody has room ---- */

/* Each from a client of its own. */
static void ask_many(struct side *side, const char *name, unsigned count)
{
	static uint32_t client;
	struct packet p;
	struct query q;
	struct wr w = wr_init(p.bytes, sizeof(p.bytes));
	struct name n = rig_name(name);
	msg_write_header(&w, &(struct msg_header){.id = 1, .flags = MSG_RD, .qdcount = 1});
	name_write(&w, &n);
	wr_u16(&w, RRTYPE_A);
	wr_u16(&w, RRCLASS_IN);
	p.len = w.pos;
	assert_true(service_begin_batch(side->rig->service));
	for (unsigned i = 0; i < count; i++) {
		begin(side, &q, &p, 1 + i % 96);
		q.peer.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (client++ % 65536 << 8));
		q.via = &via_side_many;
		query_run(side->rig->service, &q);
		side_flush(side);
	}
	service_end_batch(side->rig->service);
}

#define SLOTS_LEFT 64u /* clients are told apart but by and large: the last slots of all are anybody's guess */
#define EACH ((QUERY_SLOTS_MAX - SLOTS_LEFT) / ARRAY_LEN(waited_for))

/* Hardly a slot is left: one client who comes then can't have them all, and who waits and is sent elsewhere finds the room it
 * leaves.
 */
static void slots_are_full(void **state)
{
	(void)state;
	static const char *const waited_for[] = {"miss.test", "miss2.test", "a.miss.test", "b.miss.test"};
	clock_set_for_test(NOW_MS, NOW_S);
	struct side *side = side_create();
	struct service *s = side->rig->service;
	for (size_t i = 0; i < ARRAY_LEN(waited_for); i++)
		ask_many(side, waited_for[i], EACH);
	assert_int_equal(s->slots_used, QUERY_SLOTS_MAX - SLOTS_LEFT);
	assert_int_equal(rig_count(side->rig, COUNTER_FAILED), 0);
	ask_many(side, "c.miss.test", 10 * SLOTS_LEFT);
	uint64_t failed = rig_count(side->rig, COUNTER_FAILED), used = s->slots_used;
	assert_true(failed > 0 && used <= QUERY_SLOTS_MAX && used > QUERY_SLOTS_MAX - SLOTS_LEFT);
	assert_int_equal(failed, rig_count(side->rig, COUNTER_SLOTS_FULL) + rig_count(side->rig, COUNTER_CLIENT_FULL));
	assert_int_equal(failed + used, QUERY_SLOTS_MAX + 9 * SLOTS_LEFT);
	/* an entry since: everybody who waits for it seeks another name */
	generation_publish(side->rig->gs, script_create(), NULL, NULL, NULL, NULL);
	script_record(rule(side->rig, "miss.test", ANSWER_LOCAL), RRTYPE_CNAME, RECORDS_TTL_UNSAID, "d.miss.test");
	struct name name = rig_name("miss.test");
	struct cache_key key = rig_key(side->rig, &name, RRTYPE_A);
	post(side, &key, POOL_TIMEOUT, NULL);
	assert_true(service_begin_batch(s));
	service_drain(s);
	service_end_batch(s);
	assert_int_equal(s->slots_used, used);
	assert_int_equal(rig_count(side->rig, COUNTER_FAILED), failed);
	static struct rig_reply r;
	rig_reply_begin(&r, "d.miss.test", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "d.miss.test", RRTYPE_A, 60, "192.0.2.9");
	rig_reply_end(&r);
	name = rig_name("d.miss.test");
	key = rig_key(side->rig, &name, RRTYPE_A);
	post(side, &key, POOL_ANSWER, &r.response);
	assert_true(service_begin_batch(s));
	service_drain(s);
	service_end_batch(s);
	assert_int_equal(rig_count(side->rig, COUNTER_BLOCKED), EACH);
	assert_int_equal(s->slots_used, used - EACH);
	side_destroy(side);
	clock_set_for_test(-1, -1);
}

/* ---- nobody answers ---- */

/* An expired answer is waited with for servers that may answer; while all are known to be down it is given at once, and asked for
 * beside that, once. */
static void stale_at_once_while_servers_are_down(void **state)
{
	(void)state;
	clock_set_for_test(NOW_MS, NOW_S);
	struct side *side = side_create();
	struct service *s = side->rig->service;
	struct upstreams *u = generation_current(side->rig->gs)->upstreams;
	struct name name = rig_name("stale.test");
	struct cache_key key = rig_key(side->rig, &name, RRTYPE_A);
	ask_many(side, "stale.test", 1);
	assert_int_equal(s->slots_used, 1);
	assert_int_equal(rig_count(side->rig, COUNTER_STALE), 0);
	post(side, &key, POOL_NO_RESOURCES, NULL);
	assert_true(service_begin_batch(s));
	service_drain(s);
	service_end_batch(s);
	assert_int_equal(rig_count(side->rig, COUNTER_STALE), 1);
	for (int64_t i = 0; i < 100 && upstreams_any_up(u, &name, RRTYPE_A, 0); i++)
		server_failed(u->routes[0].servers[0], SERVER_TIMEOUT, true, NOW_MS - HEALTH_GRACE_MS, NOW_MS);
	assert_false(upstreams_any_up(u, &name, RRTYPE_A, 0));
	ask_many(side, "stale.test", 3);
	assert_int_equal(s->slots_used, 0);
	assert_int_equal(rig_count(side->rig, COUNTER_STALE), 4);
	assert_int_equal(rig_count(side->rig, COUNTER_PREFETCHED), 1);
	assert_int_equal(inflight_join(side->rig->inflight, &key, NULL), INFLIGHT_WAITS);
	/* who has nothing to fall back on waits */
	ask_many(side, "miss.test", 1);
	assert_int_equal(s->slots_used, 1);
	side_destroy(side);
	clock_set_for_test(-1, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(batches_are_as_one_by_one),
	    cmocka_unit_test(slots_are_full),
	    cmocka_unit_test(stale_at_once_while_servers_are_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
