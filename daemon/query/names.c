/* SPDX-License-Identifier: BSD-2-Clause
 *
 * names.c - names that are answered here: special.h has the table, this is what its rows come to. */
#include "query/query.h"

#include <string.h>

static const uint8_t loopback_v4[] = {127, 0, 0, 1};
static const uint8_t loopback_v6[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
static const uint8_t localhost[] = "\11localhost"; /* and the root: the literal's own NUL */

static unsigned labels_of(const char *text)
{
	unsigned labels = 1;

	for (const char *dot = strchr(text, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		labels++;
	return labels;
}

/* A route for the root takes what others leave, and is no word about a special name. */
static bool is_routed(const struct generation *world, const struct name *name, uint16_t type)
{
	return upstreams_zone_labels(world->upstreams, name, type) > 0;
}

int names_special(const struct generation *world, const struct name *name, uint16_t type)
{
	const struct settings *settings = world->settings;

	if (!special_may_be(&settings->special, name))
		return -1;
	int row = special_find(&settings->special, name, settings->special_on);
	if (row >= 0 && specials[row].when == SPECIAL_OUTSIDE && upstreams_are_own(world->upstreams))
		return -1;
	return row >= 0 && is_routed(world, name, type) ? -1 : row;
}

bool names_is_public(const struct generation *world, const struct name *name, uint16_t type)
{
	return name->labels > 1 && special_find(&world->settings->special, name, NULL) < 0 && !is_routed(world, name, type);
}

static bool asks_for(const struct query *q, uint16_t type)
{
	return q->type == type || q->type == RRTYPE_ANY;
}

/* At the top of an empty zone (RFC 6303 §3). */
static void at_top(const struct query *q, struct here *h)
{
	h->type = asks_for(q, RRTYPE_SOA) ? RRTYPE_SOA : q->type == RRTYPE_NS ? RRTYPE_NS : 0;
}

static void localhost_data(const struct query *q, struct here *h)
{
	if (asks_for(q, RRTYPE_A))
		*h = (struct here){.zone_labels = h->zone_labels, .type = RRTYPE_A, .rdata = loopback_v4, .rdata_len = 4};
	else if (q->type == RRTYPE_AAAA)
		*h = (struct here){.zone_labels = h->zone_labels, .type = RRTYPE_AAAA, .rdata = loopback_v6, .rdata_len = 16};
}

/* PTR localhost at the loopback address; what lies on the way to it exists. */
static void loopback_data(const struct query *q, struct here *h)
{
	static const uint8_t v4[] = "\1"
				    "1\1"
				    "0\1"
				    "0\3"
				    "127\7in-addr\4arpa";
	struct name address;

	bool is_v4 = name_from_wire(v4, sizeof(v4), &address) && name_is_below_or_eq(&address, &q->name);
	bool is_v6 = h->zone_labels > 4 && q->name.labels == h->zone_labels; /* the zone is the address */
	bool whole = is_v6 || (is_v4 && q->name.len == address.len);
	if (!is_v4 && !is_v6)
		h->rcode = RCODE_NXDOMAIN;
	else if (whole && asks_for(q, RRTYPE_PTR))
		*h = (struct here){
		    .zone_labels = h->zone_labels, .type = RRTYPE_PTR, .rdata = localhost, .rdata_len = sizeof(localhost)};
	else if (q->name.labels == h->zone_labels)
		at_top(q, h);
}

/* _dns.resolver.arpa is asked for designated resolvers (RFC 9462 §4): none is, and it must not be said that there is no such name.
 */
static bool is_discovery(const struct query *q, const struct here *h)
{
	return q->name.labels == h->zone_labels + 1 && q->name.wire[0] == 4 && memcmp(q->name.wire + 1, "_dns", 4) == 0;
}

static struct here data_of(const struct query *q, const struct special *row)
{
	struct here h = {.rcode = RCODE_NOERROR, .zone_labels = labels_of(row->name)};
	bool top = q->name.labels == h.zone_labels;

	switch (row->kind) {
	case SPECIAL_LOCALHOST:
		localhost_data(q, &h);
		return h;
	case SPECIAL_DENIED:
		h.rcode = RCODE_NXDOMAIN;
		return h;
	case SPECIAL_LOOPBACK:
		loopback_data(q, &h);
		return h;
	case SPECIAL_RESOLVER:
		if (is_discovery(q, &h))
			return h;
		break;
	case SPECIAL_EMPTY:
		break;
	}
	if (top)
		at_top(q, &h);
	else
		h.rcode = RCODE_NXDOMAIN;
	return h;
}

/* The parent of home.arpa says by a missing DS that it is unsigned: a validating client must hear that (RFC 8375 §4). */
static bool is_parents(const struct query *q, const struct special *row)
{
	return q->type == RRTYPE_DS && q->dnssec_ok && strcmp(row->name, "home.arpa") == 0 &&
	       q->name.labels == labels_of(row->name);
}

static bool is_dotless(const struct service *s, const struct query *q)
{
	return q->name.labels == 1 && (q->type == RRTYPE_A || q->type == RRTYPE_AAAA) &&
	       s->world->settings->dotless == DOTLESS_NODATA && !is_routed(s->world, &q->name, q->type);
}

enum fate names_stage(struct service *s, struct query *q)
{
	if (q->rewrite.on)
		return FATE_NEXT; /* an entry has sent it elsewhere */
	int row = names_special(s->world, &q->name, q->type);
	if (row < 0 ? !is_dotless(s, q) : is_parents(q, &specials[row]))
		return FATE_NEXT;
	if (row < 0) {
		/* Not NXDOMAIN: of `com`, that would deny all there is below (RFC 8020). */
		answer_here(s, q, &(struct here){.rcode = RCODE_NOERROR, .zone_labels = 1});
	} else {
		struct here h = data_of(q, &specials[row]);
		answer_here(s, q, &h);
	}
	query_finish(s, q, COUNTER_LOCAL);
	return FATE_ANSWER;
}
