/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/report.h"

#include "admin/commands.h"
#include "admin/report_part.h"
#include "ctl/proto.h"
#include "policy/explain.h"
#include "query/local.h"
#include "query/names.h"
#include "wire/rdata_text.h"
#include "query/rehearse.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The row of clients.allow by which it may ask; NULL: it may not. */
static const struct prefix *client_allowed_by(const struct settings *s, const struct addr *client)
{
	for (size_t i = 0; i < s->allow_count; i++)
		if (prefix_holds(&s->allow[i], client))
			return &s->allow[i];
	return NULL;
}

/* Who is that, as far as the address tells? */
static const char *client_word(const struct addr *client)
{
	return addr_is_loopback(client) ? "loopback" : addr_is_private(client) ? "private" : "public";
}

static void put_client(json_t *object, const struct settings *s, const struct explain_question *q)
{
	char text[ADDR_TEXT_MAX];
	if (!q->has_client) {
		report_put(object, "client", json_null());
		return;
	}
	const struct prefix *by = client_allowed_by(s, &q->client);
	report_put_word(object, "client", addr_host_to_text(&q->client, text));
	report_put_word(object, "client_is", client_word(&q->client));
	report_put(object, "client_allowed", json_boolean(by != NULL));
	report_put(object, "client_allowed_by", by != NULL ? ctl_text(str_from(prefix_to_text(by, text))) : json_null());
}

/* "PTR localhost": the record that is sent. */
static void put_record(json_t *object, const struct here *h, const char *zone)
{
	char type[RRTYPE_TEXT_MAX], text[NAME_TEXT_MAX + RRTYPE_TEXT_MAX + 1], address[ADDR_TEXT_MAX];
	const char *data = zone; /* of SOA and NS */
	char host[NAME_TEXT_MAX];
	struct addr a;
	struct name name;

	memset(&a, 0, sizeof(a));
	if (h->type == RRTYPE_A) {
		a.in.sin_family = AF_INET;
		memcpy(&a.in.sin_addr, h->rdata, sizeof(a.in.sin_addr));
		data = addr_host_to_text(&a, address);
	} else if (h->type == RRTYPE_AAAA) {
		a.in6.sin6_family = AF_INET6;
		memcpy(&a.in6.sin6_addr, h->rdata, sizeof(a.in6.sin6_addr));
		data = addr_host_to_text(&a, address);
	}
	if (h->type == RRTYPE_PTR && name_from_wire(h->rdata, h->rdata_len, &name))
		data = name_to_text(&name, host);
	(void)snprintf(text, sizeof(text), "%s %s", rrtype_to_text(h->type, type), data);
	report_put_word(object, "record", text);
}

/* "A 192.168.1.10" */
static void put_local_record(json_t *object, uint16_t rrtype, const struct locals_rr *rr)
{
	char type[RRTYPE_TEXT_MAX];
	struct buf text = {0};
	buf_printf(&text, "%s ", rrtype_to_text(rrtype, type));
	rdata_text_write(rrtype, (struct str){(const char *)rr->rdata, rr->len}, &text);
	report_put_str(object, "record", buf_str(&text));
	buf_finish(&text);
}

/* The record that decides: of the name asked the CNAME, or the first of the type, or whichever it has. */
static const struct locals_rr *local_record(const struct local_links *links, uint16_t type, bool *ret_is_data)
{
	const struct locals_rr *rr = links->count > 0 ? links->cnames[0] : locals_of_type(&links->found, type);
	*ret_is_data = rr != NULL || (type == RRTYPE_ANY && links->found.count > 0);
	return rr != NULL ? rr : links->found.count > 0 ? &links->found.rrs[0] : NULL;
}

/* The operator's own records: which one, and where it stands. False when they say nothing of the name. */
static bool put_local(json_t *object, const struct generation *g, const struct explain_question *q)
{
	struct local_links links;
	char text[NAME_TEXT_MAX];
	struct name zone;
	bool is_data;
	if (local_follow(g, &q->name, q->type, q->has_client && addr_is_loopback(&q->client), &links) == LOCAL_NONE)
		return false;
	const struct locals_rr *rr = local_record(&links, q->type, &is_data);
	const struct locals_rr *data = is_data ? rr : NULL;
	json_t *here = json_object();
	if (links.count > 0 || !name_suffix(&q->name, links.found.zone_labels, &zone))
		zone = q->name;
	report_put_word(here, "zone", name_to_text(&zone, text));
	report_put_word(here, "source", rr != NULL && rr->source != 0 ? "hosts" : "records");
	report_put_word(here, "answer", data != NULL ? "data" : links.found.kind == LOCALS_DENIED ? "nxdomain" : "nodata");
	if (data != NULL)
		put_local_record(here, data->type, data);
	report_put(here, "ttl", json_integer(data != NULL ? data->ttl_s : LOCALS_TTL_S));
	report_put_word(here, "file", rr != NULL ? locals_source(g->locals, rr->source) : NULL);
	report_put(here, "line", rr != NULL ? json_integer(rr->line) : json_null());
	report_put(object, "answered_here", here);
	return true;
}

/* What becomes of a name that no entry blocks, where that is not to be asked of the default servers. */
static void put_way(json_t *object, const struct generation *g, const struct explain_question *q)
{
	unsigned route_labels = upstreams_zone_labels(g->upstreams, &q->name, q->type);
	char text[NAME_TEXT_MAX];
	struct name zone;
	struct here h;

	if (put_local(object, g, q)) {
		report_put(object, "route", json_null());
		return;
	}
	if (names_answer(g, &q->name, q->type, false, &h) && name_suffix(&q->name, h.zone_labels, &zone)) {
		json_t *here = json_object();
		report_put_word(here, "zone", name_to_text(&zone, text));
		report_put_word(here, "source", h.row != NULL ? h.row->source : "names.dotless");
		report_put_word(here, "answer", h.type != 0 ? "data" : h.rcode == RCODE_NXDOMAIN ? "nxdomain" : "nodata");
		if (h.type != 0)
			put_record(here, &h, text);
		report_put(here, "ttl", json_integer(HERE_TTL_S));
		report_put(object, "answered_here", here);
	} else {
		report_put(object, "answered_here", json_null());
	}
	if (route_labels > 0 && name_suffix(&q->name, route_labels, &zone))
		report_put_word(object, "route", name_to_text(&zone, text));
	else
		report_put(object, "route", json_null());
}

/* Lists that say nothing here: switched off, or with a url and never fetched. */
static void put_silent_lists(json_t *object, const struct generation *g, int64_t now_s)
{
	json_t *off = json_array(), *unfetched = json_array();
	struct policy_info info;
	policy_info(g->policy, now_s, &info);
	for (size_t i = 0; i < g->settings->list_count; i++)
		if (g->settings->lists[i].mode == MODE_OFF)
			report_add(off, ctl_text(str_from(g->settings->lists[i].name)));
	for (size_t i = 0; i < info.list_count; i++) {
		struct policy_list list;
		policy_list(g->policy, (uint16_t)i, now_s, &list);
		if (list.changed_at_s == 0 && list.entry_count == 0)
			report_add(unfetched, ctl_text(list.name));
	}
	report_put(object, "lists_off", off);
	report_put(object, "lists_not_fetched", unfetched);
}

/* The list in mode shadow that would have blocked it. */
static void put_shadow(json_t *object, const struct generation *g, const struct verdict *verdict, int64_t now_s)
{
	struct policy_list list;
	if (!verdict->shadowed) {
		report_put(object, "would_block", json_null());
		return;
	}
	policy_list(g->policy, verdict->shadow_list, now_s, &list);
	report_put_str(object, "would_block", list.name);
}

/* Of the name itself. */
static void put_verdict(json_t *object, const struct generation *g, const struct explain_question *q, const struct verdict *verdict)
{
	struct policy_answer answer;
	report_put_word(object, "verdict", report_verdict_word(verdict->kind));
	if (verdict->kind == VERDICT_BLOCKED) {
		const struct rehearse_question question = {
		    .world = g, .name = &q->name, .type = q->type, .group = q->group, .until_s = q->now.until_s, .now_s = q->at_s};
		rehearse_block(&question, verdict, true, &answer);
		report_put_word(object, "answer", answer_words[answer.answer]);
		report_put(object, "ttl", json_integer(answer.ttl_s));
	} else {
		report_put(object, "answer", json_null());
		report_put(object, "ttl", json_null());
	}
	report_put_word(object, "by", verdict->kind == VERDICT_NONE ? NULL : "name");
	report_put(object, "by_target", json_null());
}

static bool is_local_name(const struct generation *g, const struct explain_question *q)
{
	struct local_links links;
	return local_follow(g, &q->name, q->type, q->has_client && addr_is_loopback(&q->client), &links) != LOCAL_NONE;
}

/* The engine whose search is made safe by the answer; null: none. */
static void put_safe_search(json_t *object, const struct generation *g, const struct explain_question *q,
			    const struct verdict *verdict, bool is_local)
{
	enum safe_engine engine = SAFE_ENGINES;
	if (verdict->kind != VERDICT_BLOCKED && !is_local && safe_search_leads(q->type))
		engine = safe_search_find(report_safe_search(g, q), &q->name);
	report_put_word(object, "safe_search", engine == SAFE_ENGINES ? NULL : safe_search_words[engine]);
}

json_t *report_explain(const struct explain_source *source, const struct explain_question *q)
{
	const struct generation *g = source->generation;
	struct policy_question question = {
	    .name = &q->name, .type = q->type, .client = q->has_client ? &q->client : NULL, .lists = explain_lists(q)};
	struct verdict verdict;
	struct policy_hit *hits = base_alloc(EXPLAIN_HITS_MAX * sizeof(*hits));
	size_t total = policy_explain(g->policy, source->scratch, &question, q->at_s, hits, EXPLAIN_HITS_MAX);
	char text[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	json_t *object = json_object(), *rule = NULL;
	report_group_reasons(g, q, hits, MIN(total, (size_t)EXPLAIN_HITS_MAX));
	(void)policy_match(g->policy, source->scratch, &question, q->at_s, &verdict);
	bool is_local = is_local_name(g, q);
	if (is_local) /* no list is asked */
		verdict = (struct verdict){.kind = VERDICT_NONE};
	struct report_trace *trace = report_trace_create(source, q, &verdict);
	report_put_name(object, "name", &q->name);
	report_put_word(object, "unicode", name_to_unicode(&q->name, text));
	report_put_word(object, "type", rrtype_to_text(q->type, type));
	put_client(object, g->settings, q);
	report_put_group(object, g, q);
	report_put_paused(object, g, q, hits, MIN(total, (size_t)EXPLAIN_HITS_MAX));
	report_put_time(object, "at", q->at_s);
	if (!report_trace_put_block(trace, object, &rule))
		put_verdict(object, g, q, &verdict);
	if (verdict.kind == VERDICT_BLOCKED) {
		report_put(object, "answered_here", json_null());
		report_put(object, "route", json_null());
	} else {
		put_way(object, g, q);
	}
	if (rule != NULL)
		report_put_overruled(object, rule, "a mandatory block of what its answer leads to outranks it", hits, total);
	else if (is_local)
		report_put_overruled(object, json_null(), "a local record comes before every list", hits, total);
	else
		report_put_entries(object, hits, total);
	put_safe_search(object, g, q, &verdict, is_local);
	put_shadow(object, g, &verdict, q->at_s);
	put_silent_lists(object, g, q->at_s);
	report_trace_put(trace, object);
	report_trace_destroy(trace);
	free(hits);
	return object;
}
