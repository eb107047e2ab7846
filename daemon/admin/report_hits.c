/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/report.h"
#include "admin/report_part.h"

#include "base/hex.h"
#include "base/le.h"
#include "ctl/proto.h"
#include "observer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(json_t *object, const char *key, json_t *value)
{
	must(value && json_object_set_new(object, key, value) == 0);
}

static void put_count(json_t *object, const char *key, uint64_t count)
{
	put(object, key, json_integer((json_int_t)MIN(count, (uint64_t)INT64_MAX)));
}

/* 0 is never. */
static void put_time(json_t *object, const char *key, int64_t time_s)
{
	char text[32];
	if (time_s == 0) {
		put(object, key, json_null());
		return;
	}
	str_from_time(time_s, text, sizeof(text));
	put(object, key, json_string(text));
}

static void put_hex(json_t *object, const char *key, const uint8_t *bytes, size_t len)
{
	char *text = base_alloc(2 * len + 1);
	put(object, key, json_string(hex_from_bytes(bytes, len, text)));
	free(text);
}

/* ---- hits ---- */

static bool is_name(const struct hit *h)
{
	switch ((enum match)h->match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		return true;
	case MATCH_REGEX:
	case MATCH_PATTERN:
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		break;
	}
	return false;
}

static void put_entry(json_t *object, const struct hit *h)
{
	char text[HITS_TEXT_MAX];
	struct name name;
	const struct str key = hit_key(h), written = hit_written(h);
	if (written.ptr)
		put(object, "entry", ctl_text(written));
	else if (h->match == MATCH_REGEX || h->match == MATCH_PATTERN)
		put(object, "entry", ctl_text(key));
	else
		put(object, "entry", ctl_text(str_from(hit_text(h, text))));
	put(object, "match", json_string(match_words[h->match]));
	/* However it is written: one that says it in other words is the same entry, unless it has conditions of its own. */
	if (is_name(h) && h->conditions == 0 && name_from_wire((const uint8_t *)key.ptr, key.len, &name))
		put(object, "name", ctl_text(str_from(name_to_text(&name, text))));
}

static json_t *one_hit(const struct hits *hits, const struct hit *h)
{
	json_t *object = json_object();
	put(object, "list", ctl_text(hits_list_name(hits, h->list)));
	put_entry(object, h);
	put_count(object, "hits", h->hits);
	put_count(object, "would_block", h->would_block);
	put_time(object, "last_hit", h->last_s);
	put_time(object, "blocked_until", hits_until(hits, h));
	return object;
}

static int by_hits(const void *a, const void *b)
{
	const struct hit *x = *(const struct hit *const *)a, *y = *(const struct hit *const *)b;
	const uint64_t xs = x->hits + x->would_block, ys = y->hits + y->would_block;
	if (xs != ys)
		return xs > ys ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

json_t *report_hits(struct observer *observer, struct str list)
{
	struct observer_info about;
	struct hits_info info;
	observer_drain(observer);
	const struct hits *hits = observer_hits(observer);
	observer_info(observer, &about);
	hits_info(hits, &info);
	const struct hit **sorted = base_alloc((info.count + 1) * sizeof(*sorted)), *h;
	size_t count = 0, cursor = 0;
	while ((h = hits_next(hits, &cursor)) != NULL)
		if (!list.ptr || str_eq(list, hits_list_name(hits, h->list)))
			sorted[count++] = h;
	qsort(sorted, count, sizeof(*sorted), by_hits);
	json_t *entries = json_array(), *object = json_object();
	for (size_t i = 0; i < count; i++)
		must(json_array_append_new(entries, one_hit(hits, sorted[i])) == 0);
	free(sorted);
	put_time(object, "since", info.since_s);
	put_count(object, "sampled", about.every);
	put_count(object, "lost", about.lost);
	put_time(object, "inexact", info.inexact_s);
	put_count(object, "evicted", info.evicted);
	put(object, "entries", entries);
	return object;
}

/* The verdict that explain told of, of the name asked or of what its answer led to, as the observer is to look it up. */
struct spoken {
	struct verdict verdict;
	struct name name;
	uint8_t wide[ADDR_WIDE_LEN];
	bool has_wide;
};

static void set_address(struct spoken *s, const struct addr *address)
{
	addr_to_wide(address, s->wide);
	s->has_wide = true;
}

/* False: what the answer led to cannot be read. */
static bool judge_again(const struct explain_source *source, const struct explain_question *q, const json_t *explained,
			struct spoken *ret)
{
	const struct policy *policy = source->generation->policy;
	const char *by = json_string_value(json_object_get(explained, "by"));
	const char *target = json_string_value(json_object_get(explained, "by_target"));
	struct policy_question question = {
	    .name = &ret->name, .type = q->type, .client = q->has_client ? &q->client : NULL, .lists = explain_lists(q)};
	struct addr address;
	ret->name = q->name;
	if (by && target && strcmp(by, "address") == 0) {
		if (!addr_from_text(str_from(target), 0, &address))
			return false;
		set_address(ret, &address);
		(void)policy_match_answer(policy, &address, &question, q->at_s, &ret->verdict);
		return true;
	}
	if (target && !name_from_text(str_from(target), &ret->name, NULL))
		return false;
	struct list_mask room;
	if (target)
		question.lists = explain_lists_of_target(source->generation, q, &ret->name, &room);
	if (q->has_client)
		set_address(ret, &q->client);
	(void)policy_match(policy, source->scratch, &question, q->at_s, &ret->verdict);
	return true;
}

void report_hits_annotate(struct observer *observer, const struct explain_source *source, const struct explain_question *q,
			  json_t *explained)
{
	json_t *rule = json_object_get(explained, "rule");
	struct spoken s = {.has_wide = false};
	const struct hit *h = NULL;
	if (!json_is_object(rule))
		return;
	if (judge_again(source, q, explained, &s) && s.verdict.kind != VERDICT_NONE) {
		const struct policy_spoke spoke = {.rule = s.verdict.rule,
						   .labels = s.verdict.labels,
						   .bulk = s.verdict.bulk,
						   .name = &s.name,
						   .wide = s.has_wide ? s.wide : NULL};
		observer_drain(observer);
		h = observer_find(observer, source->generation->serial, &spoke);
	}
	put_count(rule, "hits", h != NULL ? h->hits : 0);
	put_time(rule, "last_hit", h != NULL ? h->last_s : 0);
}

/* ---- traffic ---- */

static json_t *one_name(const struct top_name *n)
{
	char text[NAME_TEXT_MAX];
	struct name name;
	json_t *object = json_object();
	must(name_from_wire(n->wire, n->len, &name));
	put(object, "name", ctl_text(str_from(name_to_text(&name, text))));
	put_count(object, "queries", n->count);
	put_count(object, "error", n->error);
	put_count(object, "clients", distinct_estimate(&n->clients));
	return object;
}

static json_t *sketch(const struct traffic_digest *d)
{
	const size_t count = (size_t)COUNTMIN_DEPTH * d->sketch.width;
	uint8_t seed[16], *bytes = base_alloc(count * 4);
	json_t *object = json_object();
	le_put_u64(seed, d->seed.k0);
	le_put_u64(seed + 8, d->seed.k1);
	for (size_t i = 0; i < count; i++)
		le_put_u32(bytes + 4 * i, d->sketch.counts[i]);
	put_hex(object, "seed", seed, sizeof(seed));
	put_count(object, "width", d->sketch.width);
	put_count(object, "labels", SKETCH_LABELS_MAX);
	put_hex(object, "counts", bytes, count * 4);
	free(bytes);
	return object;
}

json_t *report_traffic(struct observer *observer, size_t top, int64_t now_s)
{
	struct observer_info about;
	struct traffic_digest d;
	observer_drain(observer);
	observer_info(observer, &about);
	traffic_digest(observer_traffic(observer), now_s, &d);
	json_t *names = json_array(), *object = json_object();
	for (size_t i = 0; i < MIN(top, d.name_count); i++)
		must(json_array_append_new(names, one_name(&d.names[i])) == 0);
	put(object, "on", json_boolean(about.traffic));
	put_time(object, "since", d.since_s);
	put_time(object, "until", now_s);
	put_count(object, "sampled", about.every);
	put_count(object, "lost", about.lost);
	put_count(object, "queries", d.queries);
	put_count(object, "clients", d.clients);
	put(object, "names", names);
	put(object, "sketch", sketch(&d));
	traffic_digest_finish(&d);
	return object;
}

static int by_wire(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->wire, y->wire, x->len);
}

json_t *report_traffic_clients(struct observer *observer, struct name *names, size_t count, int64_t now_s)
{
	struct distinct clients = {.count = 0};
	struct traffic_digest d;
	struct name name;
	json_t *object = json_object();
	observer_drain(observer);
	traffic_digest(observer_traffic(observer), now_s, &d);
	qsort(names, count, sizeof(names[0]), by_wire);
	for (size_t i = 0; i < d.name_count; i++) {
		must(name_from_wire(d.names[i].wire, d.names[i].len, &name));
		if (bsearch(&name, names, count, sizeof(names[0]), by_wire) != NULL)
			distinct_merge(&clients, &d.names[i].clients);
	}
	put_count(object, "clients", distinct_estimate(&clients));
	traffic_digest_finish(&d);
	return object;
}
