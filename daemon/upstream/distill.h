/* SPDX-License-Identifier: BSD-2-Clause
 *
 * distill.h - an upstream's message, already matched to its question, to the answer that is kept and sent: only the records on the
 * question's own CNAME chain (order does not matter, at most DISTILL_LINKS_MAX links, loops refused), SOA (and with DO the DNSSEC
 * records) of authority, nothing of additional; TTLs of an RRset made equal (RFC 2181 §5.2); compressed afresh. Any thread. */
#ifndef SARING_UPSTREAM_DISTILL_H
#define SARING_UPSTREAM_DISTILL_H

#include <assert.h>

#include "base/base.h"
#include "cache/cache.h"
#include "wire/msg.h"

#define DISTILL_LINKS_MAX 11 /* as other resolvers follow; longer ones make work for strangers */
static_assert(DISTILL_LINKS_MAX <= CACHE_TARGETS_MAX, "an answer's targets have room");

enum distill {
	DISTILL_OK,	  /* NOERROR or NXDOMAIN with data or a proper denial */
	DISTILL_UNCACHED, /* may be sent but not kept: negative without SOA */
	DISTILL_FAILED,	  /* an rcode that says the server could not: try another */
	DISTILL_BAD,	  /* RDATA that breaks its form, lame, a looping chain: try another */
	DISTILL_GARBLED,  /* it cannot be read as a message that answers the question, from its first octet to its last */
};
/* For which names a server's word is taken: those of its route (upstream.routes), or those of none. A chain of CNAMEs ends at the
 * first name that is outside: the answer is the links up to there, with RESPONSE_CUT, whatever else the message says. Of records
 * outside only a denial's SOA and its proofs are passed on, with that denial. name is folded. */
struct distill_bounds {
	bool (*holds)(const void *arg, const struct name *name);
	const void *arg;
};
/* question: as it was asked (folded name). room's body is for a whole message (it is written there as one; ret->body begins behind
 * its front). ret is borrowed from room. With FAILED, ret->flags is the header's rcode. An UNCACHED answer may have more records
 * than ttl_pos has room for: it is to be sent as it is, now. */
enum distill distill(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype, bool dnssec_ok,
		     struct response_room *room, struct response *ret);
/* The same within bounds, which hold qname; NULL: none. */
enum distill distill_within(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype, bool dnssec_ok,
			    const struct distill_bounds *bounds, struct response_room *room, struct response *ret);

/* Its two ways: distill_plain for the answer that most are (false: it is another, ret is untouched), distill_any for all. Where
 * both say something, they say the same. */
MUST_CHECK bool distill_plain(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype,
			      struct response_room *room, struct response *ret);
enum distill distill_any(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype, bool dnssec_ok,
			 struct response_room *room, struct response *ret);

#endif
