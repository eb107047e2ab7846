/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whole answers, built by our writer and compared octet for octet with samples that were built by other means; ldns must parse
 * each. */
#include "wire_test.h"

#include <ldns/ldns.h>

#include "wire/msg.h"

#define QUESTION "03616473074578616d706c6503636f6d00" /* ads.Example.com */

static uint8_t bytes[1232];
static struct wr w;
static struct name_packer packer;

static void begin(uint16_t flags, uint16_t type, uint16_t ancount, uint16_t nscount)
{
	struct name question;
	w = wr_init(bytes, sizeof(bytes));
	name_packer_init(&packer);
	msg_write_header(&w, &(struct msg_header){0x1234, flags, 1, ancount, nscount, 1});
	assert_true(name_from_wire((const uint8_t *)"\3ads\7Example\3com\0", 17, &question));
	name_write(&w, &question);
	name_packer_note(&packer, &w, MSG_HEADER_LEN);
	wr_u16(&w, type);
	wr_u16(&w, RRCLASS_IN);
}

static void put_soa(void)
{
	struct name owner = name_of("example.com"), mname = name_of("saring.invalid"), rname = name_of("nobody.invalid");
	name_write_packed(&w, &packer, &owner);
	wr_u16(&w, RRTYPE_SOA);
	wr_u16(&w, RRCLASS_IN);
	wr_u32(&w, 10);
	size_t rdlength = wr_mark(&w);
	wr_u16(&w, 0);
	name_write_packed(&w, &packer, &mname);
	name_write_packed(&w, &packer, &rname);
	wr_u32(&w, 1);
	wr_u32(&w, 1800);
	wr_u32(&w, 900);
	wr_u32(&w, 604800);
	wr_u32(&w, 10);
	wr_patch_u16(&w, rdlength, (uint16_t)(w.pos - rdlength - 2));
}

static void check(const char *hex)
{
	size_t len;
	uint8_t *want = unhex(hex, &len);
	assert_false(w.full);
	assert_int_equal(w.pos, len);
	assert_memory_equal(bytes, want, len);
	ldns_pkt *pkt = NULL;
	assert_int_equal(ldns_wire2pkt(&pkt, want, len), LDNS_STATUS_OK);
	assert_true(ldns_pkt_edns(pkt));
	ldns_pkt_free(pkt);
	free(want);
}

static void null_address(void **state)
{
	(void)state;
	begin(MSG_QR | MSG_RD | MSG_RA, RRTYPE_A, 1, 0);
	struct name owner = name_of("ads.example.com");
	name_write_packed(&w, &packer, &owner);
	wr_u16(&w, RRTYPE_A);
	wr_u16(&w, RRCLASS_IN);
	wr_u32(&w, 10);
	wr_u16(&w, 4);
	wr_u32(&w, 0);
	size_t mark = edns_write_begin(&w, MSG_UDP_EDNS_MAX, RCODE_NOERROR, false);
	edns_write_ede(&w, EDE_BLOCKED, STR_LIT("saring: list ads"));
	edns_write_end(&w, mark);
	check("1234 8180 0001 0001 0000 0001" QUESTION "00010001 c00c 0001 0001 0000000a 0004 00000000"
	      "00 0029 04d0 00000000 0016 000f 0012 000f 736172696e673a206c69737420616473");
}

static void no_data_for_https(void **state)
{
	(void)state;
	begin(MSG_QR | MSG_RD | MSG_RA, RRTYPE_HTTPS, 0, 1);
	put_soa();
	size_t mark = edns_write_begin(&w, MSG_UDP_EDNS_MAX, RCODE_NOERROR, false);
	edns_write_ede(&w, EDE_BLOCKED, STR_LIT(""));
	edns_write_end(&w, mark);
	check("1234 8180 0001 0000 0001 0001" QUESTION "00410001"
	      "c010 0006 0001 0000000a 002d 06736172696e67 07696e76616c6964 00 066e6f626f6479 c034 00000001 00000708 00000384 "
	      "00093a80 0000000a"
	      "00 0029 04d0 00000000 0006 000f 0002 000f");
}

static void nxdomain_with_a_structured_error(void **state)
{
	(void)state;
	begin(MSG_QR | MSG_RD | MSG_RA | RCODE_NXDOMAIN, RRTYPE_A, 0, 1);
	put_soa();
	size_t mark = edns_write_begin(&w, MSG_UDP_EDNS_MAX, RCODE_NXDOMAIN, false);
	edns_write_ede(&w, EDE_BLOCKED, STR_LIT("{\"s\":6,\"c\":[\"mailto:dns@example.net\"]}"));
	edns_write_end(&w, mark);
	check("1234 8183 0001 0000 0001 0001" QUESTION "00010001"
	      "c010 0006 0001 0000000a 002d 06736172696e67 07696e76616c6964 00 066e6f626f6479 c034 00000001 00000708 00000384 "
	      "00093a80 0000000a"
	      "00 0029 04d0 00000000 002c 000f 0028 000f "
	      "7b2273223a362c2263223a5b226d61696c746f3a646e73406578616d706c652e6e6574225d7d");
}

static void badvers(void **state)
{
	(void)state;
	begin(MSG_QR | MSG_RD | MSG_RA, RRTYPE_A, 0, 0);
	edns_write_end(&w, edns_write_begin(&w, MSG_UDP_EDNS_MAX, RCODE_BADVERS, false));
	check("1234 8180 0001 0000 0000 0001" QUESTION "00010001 00 0029 04d0 01000000 0000");
}

static void truncated(void **state)
{
	(void)state;
	begin(MSG_QR | MSG_TC | MSG_RD | MSG_RA, RRTYPE_A, 0, 0);
	edns_write_end(&w, edns_write_begin(&w, MSG_UDP_EDNS_MAX, RCODE_NOERROR, false));
	check("1234 8380 0001 0000 0000 0001" QUESTION "00010001 00 0029 04d0 00000000 0000");
}

static void notimp(void **state)
{
	(void)state;
	size_t len;
	uint8_t *want = unhex("1234 f804 0000 0000 0000 0000", &len);
	w = wr_init(bytes, sizeof(bytes));
	msg_write_header(&w,
			 &(struct msg_header){.id = 0x1234, .flags = (uint16_t)(MSG_QR | 15u << MSG_OPCODE_SHIFT | RCODE_NOTIMP)});
	assert_int_equal(w.pos, len);
	assert_memory_equal(bytes, want, len);
	free(want);
}

static void the_query(void **state)
{
	(void)state;
	size_t len;
	uint8_t *query = unhex("1234 0100 0001 0000 0000 0001" QUESTION "00010001 00 0029 04d0 00000000 0004 001a 0000", &len);
	struct msg_query q;
	struct name name;
	assert_int_equal(msg_parse_query(query, len, &q, &name), MSG_QUERY);
	assert_int_equal(q.header.id, 0x1234);
	assert_int_equal(q.header.flags, MSG_RD);
	assert_true(q.has_question);
	assert_memory_equal(name.wire, "\3ads\7example\3com", 17);
	assert_int_equal(q.type, RRTYPE_A);
	assert_int_equal(q.question_end, 33);
	assert_true(q.edns.present && q.edns.has_sde && !q.edns.dnssec_ok && !q.has_tsig);
	assert_int_equal(q.edns.udp_size, 1232);
	/* every truncation of it: the header alone is a FORMERR, less than that is ignored, and the question is told when it was
	 * whole */
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *part = exact_copy(query, cut);
		assert_int_equal(msg_parse_query(part, cut, &q, &name), cut < 12 ? MSG_IGNORE : MSG_FORMERR);
		assert_int_equal(q.has_question, cut >= 33);
		assert_false(q.edns.present);
		free(part);
	}
	free(query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(null_address), cmocka_unit_test(no_data_for_https), cmocka_unit_test(nxdomain_with_a_structured_error),
	    cmocka_unit_test(badvers),	    cmocka_unit_test(truncated),	 cmocka_unit_test(notimp),
	    cmocka_unit_test(the_query),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
