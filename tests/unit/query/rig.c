/* SPDX-License-Identifier: BSD-2-Clause */
#include "rig.h"

#include "query/deliver.h"
#include "query/mailbox.h"
#include "settings/load.h"
#include "upstream/distill.h"
#include "wire/edns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig *present; /* for the transport's functions */

static void keep(struct query *q, const uint8_t *bytes, size_t len)
{
	(void)q;
	memcpy(present->sent, bytes, len);
	present->sent_len = len;
	present->sent_count++;
}

static void note_drop(struct query *q)
{
	(void)q;
	present->dropped_count++;
}

const struct via rig_udp = {.name = "udp", .stream = false, .send = keep, .dropped = note_drop};
const struct via rig_tcp = {.name = "tcp", .stream = true, .send = keep, .dropped = note_drop};

static void no_nudge(void *arg, unsigned worker)
{
	(void)arg;
	(void)worker;
}

static void no_settle(void *arg)
{
	(void)arg;
}

static void no_timer(void *arg, int64_t in_ms)
{
	(void)arg;
	(void)in_ms;
}

struct settings *rig_settings(const char *text)
{
	struct err_list errors = {0};
	struct settings *settings = settings_parse(str_from(text), "/nowhere/saring.yaml", &errors);

	if (settings == NULL)
		err_list_print(&errors, stderr);
	assert_non_null(settings);
	return settings;
}

struct rig *rig_create(struct settings *settings, struct policy *policy)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(posix_memalign((void **)&rig->counters, 64, sizeof(*rig->counters)), 0);
	memset(rig->counters, 0, sizeof(*rig->counters));
	rig->gs = generations_create(1, no_nudge, no_settle, NULL);
	struct upstreams *upstreams = upstreams_create(settings, settings->servers, settings->server_count, NULL);
	generation_publish(rig->gs, policy, settings, upstreams, NULL, NULL);
	rig->cache = cache_create(
	    &(struct cache_config){.size_bytes = 1 << 20, .max_ttl_s = 86400, .max_negative_ttl_s = 3600, .serve_stale_s = 86400});
	rig->inflight = inflight_create();
	rig->service = service_create(0, rig->gs, rig->cache, rig->inflight, rig->counters);
	rig->service->stale_timer = no_timer;
	present = rig;
	return rig;
}

void rig_destroy(struct rig *rig)
{
	service_destroy(rig->service);
	inflight_destroy(rig->inflight);
	cache_destroy(rig->cache);
	generations_destroy(rig->gs);
	free(rig->counters);
	free(rig);
}

void rig_run(struct rig *rig, const struct via *via, const char *from, const uint8_t *bytes, size_t len)
{
	struct policy_prepared prepared;
	struct query q;

	q.via = via;
	q.via_data = NULL;
	q.local.len = 0;
	assert_true(addr_from_text(str_from(from), 4000, &q.peer));
	rig->sent_len = 0;
	assert_true(service_begin_batch(rig->service));
	query_begin(&q, bytes, len);
	if (rig->prepare)
		query_run_batch(rig->service, &q, &prepared, 1);
	else
		query_run(rig->service, &q);
	service_end_batch(rig->service);
}

struct name rig_name(const char *text)
{
	struct name name;
	struct err err;

	assert_true(name_from_text(str_from(text), &name, &err));
	return name;
}

/* Not folded: labels as they are written, without escapes. */
static struct name name_as_written(const char *text)
{
	struct name name = {.len = 0};

	while (*text != '\0') {
		size_t len = strcspn(text, ".");
		name.wire[name.len++] = (uint8_t)len;
		memcpy(name.wire + name.len, text, len);
		name.len = (uint8_t)(name.len + len);
		name.labels++;
		text += len + (text[len] == '.');
	}
	name.wire[name.len++] = 0;
	return name;
}

void rig_ask_from(struct rig *rig, const struct via *via, const char *from, const char *name, uint16_t type, bool edns)
{
	uint8_t bytes[512];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct name n = name_as_written(name);

	msg_write_header(&w, &(struct msg_header){.id = 0x1234, .flags = MSG_RD, .qdcount = 1, .arcount = edns});
	name_write(&w, &n);
	wr_u16(&w, type);
	wr_u16(&w, RRCLASS_IN);
	if (edns)
		edns_write_end(&w, edns_write_begin(&w, 1232, 0, false));
	rig_run(rig, via, from, bytes, w.pos);
}

void rig_ask(struct rig *rig, const struct via *via, const char *name, uint16_t type, bool edns)
{
	rig_ask_from(rig, via, "127.0.0.1", name, type, edns);
}

uint64_t rig_count(const struct rig *rig, enum counter which)
{
	return atomic_load(&rig->counters->values[which]);
}

/* ---- what was sent ---- */

unsigned rig_u16(const struct rig *rig, size_t at)
{
	return (unsigned)rig->sent[at] << 8 | rig->sent[at + 1];
}

unsigned rig_flags(const struct rig *rig)
{
	return rig_u16(rig, 2);
}

static struct rd sent_records(const struct rig *rig, unsigned *ret_count)
{
	struct rd r = rd_init(rig->sent, rig->sent_len);
	struct msg_header h;
	struct msg_question question;

	msg_read_header(&r, &h);
	if (h.qdcount > 0)
		assert_true(msg_read_question(&r, &question));
	*ret_count = (unsigned)h.ancount + h.nscount + h.arcount;
	return r;
}

int rig_ede(const struct rig *rig)
{
	unsigned count;
	struct rd r = sent_records(rig, &count);
	struct msg_rr rr;

	for (unsigned i = 0; i < count; i++) {
		assert_true(msg_read_rr(&r, &rr));
		if (rr.type == RRTYPE_OPT && rr.rdata_len >= 6)
			return (int)rig_u16(rig, rr.rdata_pos + 4);
	}
	return -1;
}

static void rdata_text(const struct rig *rig, const struct msg_rr *rr, char ret[NAME_TEXT_MAX])
{
	struct rd r = rd_init(rig->sent, rig->sent_len);
	struct name name;

	r.pos = rr->rdata_pos;
	if (rr->type == RRTYPE_A || rr->type == RRTYPE_AAAA) {
		assert_int_equal(rr->rdata_len, rr->type == RRTYPE_A ? 4 : 16);
		inet_ntop(rr->type == RRTYPE_A ? AF_INET : AF_INET6, rig->sent + rr->rdata_pos, ret, NAME_TEXT_MAX);
	} else if (rr->type == RRTYPE_CNAME || rr->type == RRTYPE_NS || rr->type == RRTYPE_SOA) {
		assert_true(name_read(&r, &name));
		(void)name_to_text(&name, ret);
	} else {
		ret[0] = '\0';
		for (size_t i = 0; i < rr->rdata_len && i < 200; i++)
			snprintf(ret + 2 * i, 3, "%02x", rig->sent[rr->rdata_pos + i]);
	}
}

const char *rig_record(const struct rig *rig, unsigned n)
{
	static char text[2 * NAME_TEXT_MAX + 64];
	char owner[NAME_TEXT_MAX], rdata[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	unsigned count;
	struct rd r = sent_records(rig, &count);
	struct msg_rr rr;

	if (n >= count)
		return "";
	for (unsigned i = 0; i <= n; i++)
		assert_true(msg_read_rr(&r, &rr));
	if (rr.type == RRTYPE_OPT)
		return "OPT";
	rdata_text(rig, &rr, rdata);
	snprintf(text, sizeof(text), "%s %u %s %s", name_to_text(&rr.owner, owner), rr.ttl_s, rrtype_to_text(rr.type, type), rdata);
	return text;
}

/* ---- upstreams ---- */

void rig_reply_begin(struct rig_reply *r, const char *name, uint16_t type, uint16_t rcode)
{
	memset(r, 0, sizeof(*r));
	r->name = rig_name(name);
	r->type = type;
	r->header = (struct msg_header){.id = 1, .flags = (uint16_t)(MSG_QR | MSG_RD | MSG_RA | rcode), .qdcount = 1};
	r->w = wr_init(r->bytes, sizeof(r->bytes));
	name_packer_init(&r->packer);
	(void)wr_room(&r->w, MSG_HEADER_LEN);
	name_write(&r->w, &r->name);
	name_packer_note(&r->packer, &r->w, MSG_HEADER_LEN);
	wr_u16(&r->w, type);
	wr_u16(&r->w, RRCLASS_IN);
}

static size_t reply_head(struct rig_reply *r, const char *owner, uint16_t type, uint32_t ttl_s)
{
	struct name name = rig_name(owner);

	name_write_packed(&r->w, &r->packer, &name);
	wr_u16(&r->w, type);
	wr_u16(&r->w, RRCLASS_IN);
	wr_u32(&r->w, ttl_s);
	wr_u16(&r->w, 0);
	return r->w.pos;
}

void rig_reply_add_bytes(struct rig_reply *r, const char *owner, uint16_t type, uint32_t ttl_s, const void *rdata, uint16_t len)
{
	size_t at = reply_head(r, owner, type, ttl_s);

	wr_bytes(&r->w, rdata, len);
	wr_patch_u16(&r->w, at - 2, len);
	r->header.ancount++;
}

void rig_reply_add(struct rig_reply *r, const char *owner, uint16_t type, uint32_t ttl_s, const char *rdata)
{
	uint8_t address[16];

	if (type == RRTYPE_A || type == RRTYPE_AAAA) {
		assert_int_equal(inet_pton(type == RRTYPE_A ? AF_INET : AF_INET6, rdata, address), 1);
		rig_reply_add_bytes(r, owner, type, ttl_s, address, type == RRTYPE_A ? 4 : 16);
		return;
	}
	struct name name = rig_name(type == RRTYPE_SOA ? "ns.example" : rdata);
	size_t at = reply_head(r, owner, type, ttl_s);
	name_write_packed(&r->w, &r->packer, &name);
	if (type == RRTYPE_SOA) {
		name_write_packed(&r->w, &r->packer, &name);
		for (int i = 0; i < 5; i++)
			wr_u32(&r->w, ttl_s);
		r->header.nscount++;
	} else {
		r->header.ancount++;
	}
	wr_patch_u16(&r->w, at - 2, (uint16_t)(r->w.pos - at));
}

static bool is_below(const void *arg, const struct name *name)
{
	return name_is_below_or_eq(name, arg);
}

void rig_reply_end_within(struct rig_reply *r, const char *zone)
{
	struct name n = rig_name(zone);
	const struct distill_bounds bounds = {.holds = is_below, .arg = &n};
	struct wr head = wr_init(r->bytes, MSG_HEADER_LEN);

	msg_write_header(&head, &r->header);
	assert_false(r->w.full);
	r->room.body = r->body;
	r->room.body_cap = sizeof(r->body);
	assert_int_equal(distill_within(r->bytes, r->w.pos, &r->name, r->type, false, &bounds, &r->room, &r->response), DISTILL_OK);
}

void rig_reply_end(struct rig_reply *r)
{
	rig_reply_end_within(r, ".");
}

struct cache_key rig_key(const struct rig *rig, const struct name *name, uint16_t type)
{
	struct cache_key key = {.name = name, .type = type, .class = RRCLASS_IN};

	cache_hash(rig->cache, &key);
	return key;
}

void rig_cache(struct rig *rig, const struct rig_reply *r)
{
	struct cache_key key = rig_key(rig, &r->name, r->type);

	assert_true(service_begin_batch(rig->service));
	cache_put(rig->service->reader, &key, rig->service->now_ms - rig->cached_since_ms, &r->response);
	service_end_batch(rig->service);
}

void rig_asking(struct rig *rig, const char *name, uint16_t type)
{
	struct name n = rig_name(name);
	struct cache_key key = rig_key(rig, &n, type);

	assert_int_equal(inflight_join(rig->inflight, &key, NULL), INFLIGHT_OWNER);
}

size_t rig_answered(struct rig *rig, const char *name, uint16_t type, enum pool_outcome outcome, const struct rig_reply *r)
{
	struct name n = rig_name(name);
	struct cache_key key = rig_key(rig, &n, type);
	struct inflight_waiter *waiters;
	size_t count = inflight_take(rig->inflight, &key, &waiters);
	struct outcome *o = outcome_create(outcome, r == NULL ? NULL : &r->response);

	assert_non_null(o);
	for (size_t i = 0; i < count; i++)
		assert_true(mailbox_post(rig->service->mailbox, &waiters[i], o));
	outcome_unref(o);
	free(waiters);
	rig->sent_len = 0;
	assert_true(service_begin_batch(rig->service));
	service_drain(rig->service);
	service_end_batch(rig->service);
	return count;
}
