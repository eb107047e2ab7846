/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trail.h - a chain of CNAMEs that leads from the zone of one route (upstream.routes) into another's, or out of all. Each server is
 * believed for its own names only: its answer is cut where the chain leaves them (upstream/distill.h), is cached so, and the rest
 * is asked of those who know it, within the client's query. The links so far, and where they lead, are the query's trail; the cache
 * holds each part by itself, so that all who come by it share it.
 *
 * Trails are the service's: taken from its free ones, so that what is cached in parts is answered without allocating. The owning
 * worker's thread only. */
#ifndef SARING_QUERY_TRAIL_H
#define SARING_QUERY_TRAIL_H

#include "query/answer.h"
#include "query/query.h"

#define TRAIL_STEPS_MAX 8   /* questions of one chain after the first; a query asks no more than these */
#define TRAIL_TTLS_MAX 64   /* records of the links */
#define TRAIL_BODY_MAX 4096 /* their octets: links longer than that are no names one needs */
#define TRAILS_MAX 2048	    /* queries of one worker that have one; others fail */
#define TRAIL_SPARE_MAX 64  /* free ones that are kept */

struct trail {
	struct name at; /* what is asked next; folded */
	unsigned steps;
	bool stale, asked;     /* of what is on it, something had expired; something was fetched for this query */
	int64_t begun_ms;      /* with the first link */
	int64_t since_ms;      /* the TTLs are as sent then */
	struct response links; /* for the query's name, or its entry's (query_base); TTLs are as sent */
	uint16_t places[TRAIL_TTLS_MAX + CACHE_TARGETS_MAX];
	uint8_t body[TRAIL_BODY_MAX];
	struct trail *next_free;
};

enum trail_end {
	TRAIL_WHOLE,   /* ret is the whole answer; the query has no trail any more */
	TRAIL_GOES_ON, /* q->trail->at is asked next; ret is the links so far */
	TRAIL_NO_ROOM, /* too many queries have one; this has none */
	TRAIL_LOST,    /* it loops, is too long, or takes longer than upstream.timeout; the query has no trail any more */
};
/* Put r, the answer for query_sought, behind what is on q's trail (NULL: nothing yet). as: what r is counted under by itself;
 * ret_age and ret_as: what the whole comes to. ret borrows from the service, until the next call. */
MUST_CHECK enum trail_end trail_add(struct service *s, struct query *q, const struct response *r, enum answer_age age,
				    enum counter as, struct response *ret, enum answer_age *ret_age, enum counter *ret_as);
/* The query ends, or seeks another name: takes a query without one, too. */
void trail_drop(struct service *s, struct query *q);
void trails_finish(struct service *s); /* frees the spare ones */

#endif
