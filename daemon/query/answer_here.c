/* SPDX-License-Identifier: BSD-2-Clause
 *
 * answer_here.c - answers out of zones that are saring's own: names answered here (names.c), and denials it makes itself. */
#include "query/build.h"

#include <string.h>

#define HERE_TTL_S 10800 /* RFC 6303 §3, of all there is */
#define HERE_REFRESH_S 3600
#define HERE_RETRY_S 1200
#define HERE_EXPIRE_S 604800
#define HERE_SERIAL 1

static const uint8_t here_rname[] = "\6nobody\7invalid"; /* and the root: the literal's own NUL */

/* The name of the zone, for RDATA. */
static void put_zone(struct build *b, const struct query *q, unsigned zone_labels)
{
	wr_u16(&b->w, (uint16_t)(NAME_POINTER | (MSG_HEADER_LEN + name_suffix_at(&q->name, zone_labels))));
}

static void put_soa(struct build *b, const struct query *q, unsigned zone_labels, uint32_t ttl_s)
{
	build_rr_head(b, q, zone_labels, RRTYPE_SOA, ttl_s);
	wr_u16(&b->w, (uint16_t)(2 + sizeof(here_rname) + 20));
	put_zone(b, q, zone_labels);
	wr_bytes(&b->w, here_rname, sizeof(here_rname));
	wr_u32(&b->w, HERE_SERIAL);
	wr_u32(&b->w, HERE_REFRESH_S);
	wr_u32(&b->w, HERE_RETRY_S);
	wr_u32(&b->w, HERE_EXPIRE_S);
	wr_u32(&b->w, ttl_s);
}

static void put_data(struct build *b, const struct query *q, const struct here *h)
{
	switch (h->type) {
	case RRTYPE_SOA:
		put_soa(b, q, h->zone_labels, HERE_TTL_S);
		b->header.ancount++;
		return;
	case RRTYPE_NS:
		build_rr_head(b, q, h->zone_labels, RRTYPE_NS, HERE_TTL_S);
		wr_u16(&b->w, 2);
		put_zone(b, q, h->zone_labels);
		b->header.ancount++;
		return;
	default:
		build_rr(b, q, h->type, HERE_TTL_S, h->rdata, h->rdata_len);
		return;
	}
}

void answer_here(struct service *s, const struct query *q, const struct here *h)
{
	struct build b;

	build_begin(&b, s, q, h->rcode);
	b.header.flags |= MSG_AA;
	if (h->type != 0) {
		put_data(&b, q, h);
	} else {
		put_soa(&b, q, h->zone_labels, HERE_TTL_S);
		b.header.nscount++;
	}
	(void)build_end(&b, s, q, h->rcode, &(struct query_extra){.has_ede = false});
}

void answer_nothing(struct service *s, const struct query *q, uint32_t ttl_s, const struct query_extra *extra)
{
	struct build b;

	build_begin(&b, s, q, RCODE_NOERROR);
	if (q->name.labels > 0) {
		put_soa(&b, q, q->name.labels, ttl_s);
		b.header.nscount++;
	}
	(void)build_end(&b, s, q, RCODE_NOERROR, extra);
}
