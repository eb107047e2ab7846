/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a stranger sends: msg_parse_query. Where it says that a packet is a query, ldns must agree on what is asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "mutate_message.h"
#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static void same_question(const ldns_pkt *pkt, const uint8_t *bytes, const struct msg_query *q)
{
	CHECK(ldns_rr_list_rr_count(ldns_pkt_question(pkt)) == 1);
	const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
	const ldns_rdf *owner = ldns_rr_owner(rr);
	CHECK(ldns_rdf_size(owner) == q->question_end - MSG_HEADER_LEN - 4u);
	CHECK(memcmp(ldns_rdf_data(owner), bytes + MSG_HEADER_LEN, ldns_rdf_size(owner)) == 0);
	CHECK((unsigned)ldns_rr_get_type(rr) == q->type);
	CHECK((unsigned)ldns_rr_get_class(rr) == q->class);
}

/* Header and question alone: ldns refuses a whole packet also for the RDATA of records that a query has no business with and that
 * we do not look into (a TSIG's insides, an odd A in additional). */
static void check_question(const uint8_t *bytes, const struct msg_query *q)
{
	uint8_t *copy = malloc(q->question_end);
	ldns_pkt *pkt = NULL;
	CHECK(copy != NULL);
	memcpy(copy, bytes, q->question_end);
	memset(copy + 6, 0, 6); /* ANCOUNT, NSCOUNT, ARCOUNT */
	CHECK(ldns_wire2pkt(&pkt, copy, q->question_end) == LDNS_STATUS_OK);
	same_question(pkt, bytes, q);
	ldns_pkt_free(pkt);
	free(copy);
}

/* The whole packet, when it has nothing but a question and perhaps an OPT. Quirks of ldns that do not matter here: it takes
 * trailing octets, several OPTs and an OPT that is not at the root, all of which we have refused by now; and it reports an OPT of
 * size 0 without anything else as no EDNS at all, which its accessors show as size 0 and no DO, as ours do. */
static void check_packet(const uint8_t *bytes, size_t len, const struct msg_query *q)
{
	ldns_pkt *pkt = NULL;
	CHECK(ldns_wire2pkt(&pkt, bytes, len) == LDNS_STATUS_OK);
	same_question(pkt, bytes, q);
	CHECK(ldns_pkt_id(pkt) == q->header.id);
	CHECK(ldns_pkt_rd(pkt) == ((q->header.flags & MSG_RD) != 0));
	CHECK(ldns_pkt_cd(pkt) == ((q->header.flags & MSG_CD) != 0));
	CHECK(ldns_pkt_edns_udp_size(pkt) == q->edns.udp_size);
	CHECK(ldns_pkt_edns_do(pkt) == q->edns.dnssec_ok);
	CHECK(ldns_pkt_edns_version(pkt) == q->edns.version);
	CHECK(ldns_pkt_edns_extended_rcode(pkt) == q->edns.ext_rcode);
	const ldns_rdf *options = ldns_pkt_edns_data(pkt);
	CHECK((options == NULL ? 0 : ldns_rdf_size(options)) == q->edns.options_len);
	CHECK(q->edns.options_len == 0 || memcmp(ldns_rdf_data(options), q->edns.options, q->edns.options_len) == 0);
	ldns_pkt_free(pkt);
}

static bool inside(const uint8_t *p, size_t size, const uint8_t *bytes, size_t len)
{
	return p >= bytes && p + size <= bytes + len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return mutate_message(data, size, max, seed, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct msg_query q;
	struct name folded;
	enum msg_verdict verdict = msg_parse_query(bytes, len, &q, &folded);

	CHECK((verdict == MSG_IGNORE) == (len < MSG_HEADER_LEN || (bytes[2] & 0x80) != 0));
	if (q.has_question) {
		struct name name;
		CHECK(q.question_end > MSG_HEADER_LEN && q.question_end <= len);
		CHECK(name_from_wire(bytes + MSG_HEADER_LEN, q.question_end - MSG_HEADER_LEN - 4u, &name));
		CHECK(name.labels == folded.labels);
		name_fold(&name);
		CHECK(name_eq(&name, &folded));
		check_question(bytes, &q);
	}
	if (q.edns.present) {
		CHECK(inside(q.edns.options, q.edns.options_len, bytes, len));
		CHECK(q.edns.cookie == NULL || inside(q.edns.cookie, q.edns.cookie_len, bytes, len));
		CHECK(edns_udp_limit(&q.edns) >= MSG_UDP_PLAIN_MAX && edns_udp_limit(&q.edns) <= MSG_UDP_EDNS_MAX);
	}
	if (verdict != MSG_QUERY && verdict != MSG_BADVERS)
		return 0;
	CHECK(q.has_question && q.header.qdcount == 1 && q.header.ancount == 0);
	CHECK(verdict == MSG_QUERY || (q.edns.present && q.edns.version > 0));
	if (q.header.nscount == 0 && q.header.arcount == (q.edns.present ? 1 : 0))
		check_packet(bytes, len, &q);
	return 0;
}
