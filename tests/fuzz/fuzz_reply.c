/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An upstream's reply as ldns reads it and as saring does: whatever is kept of a message must be records of that message, the same
 * in owner, type and RDATA to ldns's eyes before and after, none of the final RRset missing, no TTL higher than it came. The first
 * octet says how it was asked (bit 0: DO), the rest is the message; the question taken for asked is the message's own.
 *
 * ldns is looser than we are (it follows pointers forward, and in RDATA that must hold none, and takes several OPTs), so only what
 * we accept is compared. It leaks when a packet has three TSIGs, and is given none of those. */
#include <stdbool.h> /* before ldns, which otherwise makes a bool of its own */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ldns/ldns.h>

#include "base/base.h"
#include "mutate_message.h"
#include "upstream/distill.h"

#define RECORDS_MAX 48 /* of a message that is compared; the work is quadratic */
#define TTL_MAX_S 604800

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t body[MSG_LEN_MAX], whole[MSG_LEN_MAX];
static struct response_room room = {.body = body, .body_cap = sizeof(body)};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return mutate_message(data, size, max, seed, 1);
}

/* ---- a message, record by record ---- */

struct record {
	struct msg_rr rr;
	size_t at;
	unsigned section; /* 0 answer, 1 authority, 2 additional */
	bool used;
};

struct message {
	const uint8_t *bytes;
	size_t len;
	struct msg_header header;
	struct msg_question question;
	struct record records[RECORDS_MAX];
	size_t count;
};

static bool message_read(const uint8_t *bytes, size_t len, struct message *ret)
{
	struct rd r = rd_init(bytes, len);
	ret->bytes = bytes;
	ret->len = len;
	ret->count = 0;
	msg_read_header(&r, &ret->header);
	const unsigned counts[] = {ret->header.ancount, ret->header.nscount, ret->header.arcount};
	if (!rd_ok(&r) || counts[0] + counts[1] + counts[2] > RECORDS_MAX || !msg_read_question(&r, &ret->question))
		return false;
	for (unsigned section = 0; section < ARRAY_LEN(counts); section++) {
		for (unsigned left = counts[section]; left > 0; left--) {
			struct record *rec = &ret->records[ret->count];
			*rec = (struct record){.at = r.pos, .section = section};
			if (!msg_read_rr(&r, &rec->rr))
				return section == 2; /* of additional not everything is read */
			ret->count++;
		}
	}
	return true;
}

/* ---- what ldns says ---- */

static ldns_rr *ldns_read(const struct message *m, const struct record *rec)
{
	ldns_rr *rr = NULL;
	size_t pos = rec->at;
	ldns_status status = ldns_wire2rr(&rr, m->bytes, m->len, &pos, LDNS_SECTION_ANSWER);
	if (status != LDNS_STATUS_OK)
		return NULL;
	if (pos == rec->rr.rdata_pos + rec->rr.rdata_len)
		return rr;
	ldns_rr_free(rr); /* RDATA that ends early or late: some types it does not hold to their length */
	return NULL;
}

/* May RDATA of this type hold names that are written otherwise than they came? Others that ldns knows to have names are passed on
 * as they are (RFC 3597 §4): there octets alone are compared. */
static bool names_inside(uint16_t type)
{
	static const uint16_t opaque[] = {RRTYPE_SVCB, RRTYPE_HTTPS, RRTYPE_IPSECKEY, RRTYPE_HIP, RRTYPE_TKEY, RRTYPE_TSIG, 23, 58,
					  107,	       260};
	for (size_t i = 0; i < ARRAY_LEN(opaque); i++)
		if (opaque[i] == type)
			return false;
	const ldns_rr_descriptor *d = ldns_rr_descript(type);
	for (size_t i = 0; i < ldns_rr_descriptor_maximum(d) && i < 16; i++)
		if (ldns_rr_descriptor_field_type(d, i) == LDNS_RDF_TYPE_DNAME)
			return true;
	return type == RRTYPE_NXT;
}

static bool same_fields(const ldns_rr *a, const ldns_rr *b)
{
	bool same = ldns_rr_rd_count(a) == ldns_rr_rd_count(b);
	for (size_t i = 0; same && i < ldns_rr_rd_count(a); i++) {
		char *x = ldns_rdf2str(ldns_rr_rdf(a, i)), *y = ldns_rdf2str(ldns_rr_rdf(b, i));
		same = (x == NULL) == (y == NULL) && (x == NULL || strcasecmp(x, y) == 0);
		free(x);
		free(y);
	}
	return same;
}

static bool same_owner(const struct record *rec, const ldns_rr *rr)
{
	return ldns_rdf_size(ldns_rr_owner(rr)) == rec->rr.owner.len &&
	       memcmp(ldns_rdf_data(ldns_rr_owner(rr)), rec->rr.owner.wire, rec->rr.owner.len) == 0;
}

static bool same_rdata(const struct message *a, const struct record *x, const struct message *b, const struct record *y)
{
	bool octets = x->rr.rdata_len == y->rr.rdata_len &&
		      memcmp(a->bytes + x->rr.rdata_pos, b->bytes + y->rr.rdata_pos, x->rr.rdata_len) == 0;
	if (!names_inside(x->rr.type))
		return octets;
	ldns_rr *before = ldns_read(a, x), *after = ldns_read(b, y);
	must(after != NULL); /* what we write with names in it, ldns reads */
	bool same = before != NULL && same_owner(x, before) && same_owner(y, after) && same_fields(before, after);
	ldns_rr_free(before);
	ldns_rr_free(after);
	return same;
}

/* ---- what must hold ---- */

static bool same_record(const struct message *a, const struct record *x, const struct message *b, const struct record *y)
{
	return x->rr.type == y->rr.type && x->rr.class == RRCLASS_IN && y->rr.class == RRCLASS_IN && x->section == y->section &&
	       name_eq_nocase(&x->rr.owner, &y->rr.owner) && same_rdata(a, x, b, y);
}

/* Every record kept is one of the message's, each used once. */
static void check_records(struct message *from, const struct message *kept)
{
	for (size_t i = 0; i < kept->count; i++) {
		const struct record *rec = &kept->records[i];
		size_t n = 0;
		while (n < from->count && (from->records[n].used || !same_record(from, &from->records[n], kept, rec)))
			n++;
		must(n < from->count);
		from->records[n].used = true;
		must(rec->rr.ttl_s <= MIN(from->records[n].rr.ttl_s, (uint32_t)TTL_MAX_S));
	}
}

static size_t count_of(const struct message *m, const struct name *owner, uint16_t type)
{
	size_t count = 0;
	for (size_t i = 0; i < m->count; i++)
		count += m->records[i].section == 0 && m->records[i].rr.class == RRCLASS_IN && m->records[i].rr.type == type &&
			 name_eq_nocase(&m->records[i].rr.owner, owner);
	return count;
}

/* The RRset at the chain's end is there whole: followed here by what was kept, one record after the other. */
static void check_final(const struct message *from, const struct message *kept, const struct name *qname, uint16_t qtype)
{
	struct name end = *qname;
	if (qtype == RRTYPE_CNAME || qtype == RRTYPE_ANY)
		return;
	for (size_t i = 0; i < kept->count; i++) {
		const struct msg_rr *rr = &kept->records[i].rr;
		if (kept->records[i].section != 0 || rr->type != RRTYPE_CNAME || !name_eq_nocase(&rr->owner, &end))
			continue;
		struct rd r = rd_init(kept->bytes, kept->len);
		r.pos = rr->rdata_pos;
		must(name_read(&r, &end));
	}
	must(count_of(from, &end, qtype) == count_of(kept, &end, qtype));
}

static size_t tsig_count(const struct message *m)
{
	size_t count = 0;
	for (size_t i = 0; i < m->count; i++)
		count += m->records[i].rr.type == RRTYPE_TSIG;
	return count;
}

/* Where ldns takes the whole message, it must see the question and the rcode that we saw. */
static void check_packet(const struct message *from, unsigned flags)
{
	ldns_pkt *pkt = NULL;
	if (tsig_count(from) > 1 || ldns_wire2pkt(&pkt, from->bytes, from->len) != LDNS_STATUS_OK)
		return;
	must(ldns_rr_list_rr_count(ldns_pkt_question(pkt)) == 1);
	const ldns_rr *q = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
	must(ldns_rdf_size(ldns_rr_owner(q)) == from->question.name.len);
	must(memcmp(ldns_rdf_data(ldns_rr_owner(q)), from->question.name.wire, from->question.name.len) == 0);
	must((unsigned)ldns_rr_get_type(q) == from->question.type && ldns_rr_get_class(q) == LDNS_RR_CLASS_IN);
	must(ldns_pkt_id(pkt) == from->header.id && ldns_pkt_qr(pkt) && !ldns_pkt_tc(pkt));
	must((unsigned)ldns_pkt_get_rcode(pkt) == (flags & MSG_RCODE));
	must(tsig_count(from) > 0 || ldns_pkt_edns_extended_rcode(pkt) == 0); /* it skips an OPT behind a TSIG */
	ldns_pkt_free(pkt);
}

/* Header, question and body as a client would get them. */
static size_t assemble(const struct name *qname, uint16_t qtype, const struct response *r)
{
	struct wr w = wr_init(whole, sizeof(whole));
	msg_write_header(&w,
			 &(struct msg_header){
			     .flags = (uint16_t)(MSG_QR | r->flags), .qdcount = 1, .ancount = r->ancount, .nscount = r->nscount});
	name_write(&w, qname);
	wr_u16(&w, qtype);
	wr_u16(&w, RRCLASS_IN);
	wr_bytes(&w, r->body, r->body_len);
	must(!w.full);
	return w.pos;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message from, kept;
	if (size < 1 || size > MSG_LEN_MAX || !message_read(data + 1, size - 1, &from))
		return 0;
	struct response out;
	struct name qname = from.question.name;
	name_fold(&qname);
	enum distill how = distill(data + 1, size - 1, &qname, from.question.type, (data[0] & 1) != 0, &room, &out);
	if (how != DISTILL_OK && how != DISTILL_UNCACHED)
		return 0;
	size_t len = assemble(&qname, from.question.type, &out);
	must(message_read(whole, len, &kept));
	check_records(&from, &kept);
	check_final(&from, &kept, &qname, from.question.type);
	check_packet(&from, out.flags);
	return 0;
}
