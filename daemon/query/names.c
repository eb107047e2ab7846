/* SPDX-License-Identifier: BSD-2-Clause
 *
 * names.c - names that are answered here: special.h has the table, this is what its rows come to. */
#include "query/names.h"

#include <string.h>

#include "query/local.h"
#include "upstream/pool.h"
#include "wire/rrtype.h"

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

/* The row that answers for name; NULL: none does. */
static const struct special *row_of(const struct generation *world, const struct name *name, uint16_t type)
{
	const struct settings *settings = world->settings;

	if (!special_may_be(&settings->special, name))
		return NULL;
	int row = special_find(&settings->special, name, settings->special_on);
	if (row < 0 || (specials[row].when == SPECIAL_OUTSIDE && upstreams_are_own(world->upstreams)))
		return NULL;
	return is_routed(world, name, type) ? NULL : &specials[row];
}

bool names_is_public(const struct generation *world, const struct name *name, uint16_t type)
{
	return name->labels > 1 && special_find(&world->settings->special, name, NULL) < 0 && !is_routed(world, name, type);
}

/* A question about a name of the zone that is answered here. */
struct asked {
	const struct name *name;
	uint16_t type;
	unsigned zone_labels;
};

static bool asks_for(const struct asked *q, uint16_t type)
{
	return q->type == type || q->type == RRTYPE_ANY;
}

static bool is_top(const struct asked *q)
{
	return q->name->labels == q->zone_labels;
}

static void put(struct here *h, uint16_t type, const void *rdata, uint16_t len)
{
	h->type = type;
	h->rdata = rdata;
	h->rdata_len = len;
}

/* At the top of an empty zone (RFC 6303 §3). */
static void at_top(const struct asked *q, struct here *h)
{
	if (asks_for(q, RRTYPE_SOA))
		h->type = RRTYPE_SOA;
	else if (q->type == RRTYPE_NS)
		h->type = RRTYPE_NS;
}

static void localhost_data(const struct asked *q, struct here *h)
{
	if (asks_for(q, RRTYPE_A))
		put(h, RRTYPE_A, loopback_v4, sizeof(loopback_v4));
	else if (q->type == RRTYPE_AAAA)
		put(h, RRTYPE_AAAA, loopback_v6, sizeof(loopback_v6));
}

/* PTR localhost at the loopback address; what lies on the way to it exists. */
static void loopback_data(const struct asked *q, struct here *h)
{
	static const uint8_t v4[] = "\1"
				    "1\1"
				    "0\1"
				    "0\3"
				    "127\7in-addr\4arpa";
	struct name address;

	bool is_v4 = name_from_wire(v4, sizeof(v4), &address) && name_is_below_or_eq(&address, q->name);
	bool is_v6 = q->zone_labels > 4 && is_top(q); /* the zone is the address */
	bool whole = is_v6 || (is_v4 && q->name->len == address.len);
	if (!is_v4 && !is_v6)
		h->rcode = RCODE_NXDOMAIN;
	else if (whole && asks_for(q, RRTYPE_PTR))
		put(h, RRTYPE_PTR, localhost, sizeof(localhost));
	else if (is_top(q))
		at_top(q, h);
}

/* _dns.resolver.arpa is asked for designated resolvers (RFC 9462 §4): none is, and it must not be said that there is no such name.
 */
static bool is_discovery(const struct asked *q)
{
	return q->name->labels == q->zone_labels + 1 && q->name->wire[0] == 4 && memcmp(q->name->wire + 1, "_dns", 4) == 0;
}

static void empty_data(const struct asked *q, struct here *h)
{
	if (is_top(q))
		at_top(q, h);
	else
		h->rcode = RCODE_NXDOMAIN;
}

static struct here data_of(const struct asked *q, const struct special *row)
{
	struct here h = {.row = row, .rcode = RCODE_NOERROR, .zone_labels = q->zone_labels};

	switch (row->kind) {
	case SPECIAL_LOCALHOST:
		localhost_data(q, &h);
		break;
	case SPECIAL_DENIED:
		h.rcode = RCODE_NXDOMAIN;
		break;
	case SPECIAL_LOOPBACK:
		loopback_data(q, &h);
		break;
	case SPECIAL_RESOLVER:
		if (!is_discovery(q))
			empty_data(q, &h);
		break;
	case SPECIAL_EMPTY:
		empty_data(q, &h);
		break;
	}
	return h;
}

/* The parent of home.arpa says by a missing DS that it is unsigned: a validating client must hear that (RFC 8375 §4). */
static bool is_parents(const struct asked *q, bool dnssec_ok, const struct special *row)
{
	return q->type == RRTYPE_DS && dnssec_ok && is_top(q) && strcmp(row->name, "home.arpa") == 0;
}

static bool is_dotless(const struct generation *world, const struct name *name, uint16_t type)
{
	return name->labels == 1 && (type == RRTYPE_A || type == RRTYPE_AAAA) && world->settings->dotless == DOTLESS_NODATA &&
	       !is_routed(world, name, type);
}

bool names_answer(const struct generation *world, const struct name *name, uint16_t type, bool dnssec_ok, struct here *ret)
{
	const struct special *row = row_of(world, name, type);

	if (row == NULL) {
		if (!is_dotless(world, name, type))
			return false;
		/* Not NXDOMAIN: of `com`, that would deny all there is below (RFC 8020). */
		*ret = (struct here){.rcode = RCODE_NOERROR, .zone_labels = 1};
		return true;
	}
	struct asked asked = {.name = name, .type = type, .zone_labels = labels_of(row->name)};
	if (is_parents(&asked, dnssec_ok, row))
		return false;
	*ret = data_of(&asked, row);
	if (ret->rcode == RCODE_NXDOMAIN && local_is_above(world, name))
		ret->rcode = RCODE_NOERROR;
	return true;
}
