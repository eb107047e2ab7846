/* SPDX-License-Identifier: BSD-2-Clause
 *
 * distill_scan.h - the reading half of distill: one pass over an upstream's message that notes where each record is and who owns
 * it, and look-ups by owner and type that read no record they need not. Inside daemon/upstream only. Any thread; nothing allocates.
 *
 * A stranger's server writes these messages: 64 KiB of records with names of 127 labels must not cost more than one pass. Owners
 * are told apart by a hash under a key of this call, and those that are pointers to the same place, as nearly all are, by that
 * place. */
#ifndef SARING_UPSTREAM_DISTILL_SCAN_H
#define SARING_UPSTREAM_DISTILL_SCAN_H

#include "base/base.h"
#include "base/siphash.h"
#include "cache/cache.h"
#include "wire/msg.h"

#define SCAN_RR_MIN 11 /* a root owner, type, class, TTL, length */
#define SCAN_RECORDS_MAX ((MSG_LEN_MAX - MSG_HEADER_LEN - 5) / SCAN_RR_MIN)
#define SCAN_CNAMES_MAX (2 * CACHE_TARGETS_MAX) /* in one answer; no chain needs as many */
#define SCAN_DNAMES_MAX CACHE_TARGETS_MAX
/* Octets and pointers of owners read whole, in one message. Those that are spelled out cannot be more than the message has; it is
 * the message that makes much of few octets by pointers, and names in turn, that is refused. */
#define SCAN_OWNERS_MAX 131072u
#define SCAN_TTL_MAX_S 604800u /* RFC 8767 §4: what is larger, or has the top bit set, is taken as this */

struct mark {
	uint32_t owner_hash;
	uint16_t owner_at; /* where its owner's labels begin, pointers followed; 0: not known */
	uint16_t pos;
	uint16_t type;
};

/* A name to look records up by. */
struct owner {
	struct name name; /* case kept */
	uint32_t hash;	  /* of the folded name */
	uint16_t at;	  /* a place in the message where it is known to stand; 0: none */
};

struct scan {
	const uint8_t *bytes;
	size_t len;
	struct siphash_key key;
	struct msg_header header;
	unsigned ext_rcode;  /* of the OPT: the high bits */
	size_t mark_count;   /* IN records of answer and authority */
	size_t answer_marks; /* those of answer come first */
	size_t cname_count, dname_count;
	uint32_t owners_read; /* of SCAN_OWNERS_MAX */
	uint32_t last_hash;   /* of the owner read last, at last_at */
	uint16_t last_at;
	struct mark marks[SCAN_RECORDS_MAX];
};

/* Note every record. False when the message is malformed, truncated, goes on after its last record, or is not to qname/qtype.
 * ret_question: qname as owner. */
MUST_CHECK bool scan_message(struct scan *s, const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype,
			     struct owner *ret_question);

/* The next record of the answer, from *at on, that o owns and that is of `type` (ANY: of any). Its owner is o's name. */
bool scan_next(const struct scan *s, size_t *at, struct owner *o, uint16_t type, struct msg_rr *ret);
bool scan_has(const struct scan *s, struct owner *o, uint16_t type);

/* Any marked record, owner and all. */
bool scan_read(const struct scan *s, const struct mark *m, struct msg_rr *ret);

/* The name that is all of a CNAME's or DNAME's RDATA. */
MUST_CHECK bool scan_target(const struct scan *s, const struct msg_rr *rr, struct owner *ret);
/* The type an RRSIG covers; 0 when it is too short to say. */
uint16_t scan_covered(const struct scan *s, const struct msg_rr *rr);

#endif
