/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h> /* before ldns, which otherwise makes a bool of its own */

#include <ldns/ldns.h>
#include <string.h>

#include "base/rand.h"
#include "base/str.h"
#include "upstream/message.h"

static struct name name_of(const char *text)
{
	struct name n;
	struct err err;
	assert_true(name_from_text(str_from(text), &n, &err));
	return n;
}

static void a_query_is_what_ldns_reads(void **state)
{
	(void)state;
	struct name n = name_of("www.example.com");
	struct message_question q;
	uint8_t bytes[MESSAGE_QUERY_MAX];
	for (unsigned bits = 0; bits < 8; bits++) {
		const struct message_flags flags = {.edns = bits & 1, .dnssec_ok = bits & 2, .checking_disabled = bits & 4};
		message_question_make(&n, RRTYPE_AAAA, true, &q);
		size_t len = message_query(0xbeef, &q, flags, bytes);
		ldns_pkt *pkt = NULL;
		assert_int_equal(ldns_wire2pkt(&pkt, bytes, len), LDNS_STATUS_OK);
		assert_int_equal(ldns_pkt_id(pkt), 0xbeef);
		assert_true(ldns_pkt_rd(pkt));
		assert_true(ldns_pkt_ad(pkt));
		assert_false(ldns_pkt_qr(pkt));
		assert_int_equal(ldns_pkt_cd(pkt), flags.checking_disabled);
		assert_int_equal(ldns_pkt_edns(pkt), flags.edns);
		assert_int_equal(ldns_pkt_edns_udp_size(pkt), flags.edns ? 1232 : 0);
		assert_int_equal(ldns_pkt_edns_do(pkt), flags.edns && flags.dnssec_ok);
		assert_null(ldns_pkt_edns_data(pkt)); /* no option of any kind */
		assert_int_equal(ldns_pkt_qdcount(pkt), 1);
		assert_int_equal(ldns_pkt_ancount(pkt) + ldns_pkt_nscount(pkt), 0);
		assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_question(pkt), 0)), LDNS_RR_TYPE_AAAA);
		ldns_pkt_free(pkt);
	}
}

static void case_is_a_coin_toss_and_nothing_else_changes(void **state)
{
	(void)state;
	struct name n = name_of("abcdefghijklmnopqrstuvwxyz.a-1_\\255.example");
	struct message_question q, plain;
	unsigned upper = 0, lower = 0;
	message_question_make(&n, RRTYPE_A, false, &plain);
	assert_memory_equal(plain.wire, n.wire, n.len);
	for (int i = 0; i < 200; i++) {
		message_question_make(&n, RRTYPE_A, true, &q);
		assert_int_equal(q.len, plain.len);
		for (size_t j = 0; j < q.len; j++) {
			if (q.wire[j] == plain.wire[j]) {
				lower += plain.wire[j] >= 'a' && plain.wire[j] <= 'z';
				continue;
			}
			assert_in_range(plain.wire[j], 'a', 'z');
			assert_int_equal(q.wire[j], plain.wire[j] - 0x20);
			upper++;
		}
	}
	assert_in_range(upper * 100 / (upper + lower), 40, 60);
}

static size_t reply_of(const struct message_question *q, uint16_t id, uint16_t flags, uint8_t *bytes)
{
	size_t len = message_query(id, q, (struct message_flags){.edns = true}, bytes);
	struct wr w = wr_init(bytes, len);
	wr_u16(&w, id);
	wr_u16(&w, flags);
	return len;
}

static void only_the_reply_to_it_matches(void **state)
{
	(void)state;
	struct name n = name_of("www.example.com");
	struct message_question q, x;
	uint8_t bytes[MESSAGE_QUERY_MAX];
	message_question_make(&n, RRTYPE_A, false, &q);
	size_t len = reply_of(&q, 77, MSG_QR | MSG_RD | MSG_RA, bytes);
	assert_int_equal(message_match(bytes, len, 77, &q), MESSAGE_MATCH);
	assert_int_equal(message_match(bytes, len, 78, &q), MESSAGE_MISMATCH);
	for (size_t cut = 0; cut < MSG_HEADER_LEN + (size_t)q.len; cut++)
		assert_int_equal(message_match(bytes, cut, 77, &q), MESSAGE_MISMATCH);

	x = q;
	x.wire[1] = 'W';
	assert_int_equal(message_match(bytes, len, 77, &x), MESSAGE_CASE);
	x.wire[1] = 'v';
	assert_int_equal(message_match(bytes, len, 77, &x), MESSAGE_MISMATCH);
	x = q;
	x.wire[q.len - 3] = RRTYPE_AAAA;
	assert_int_equal(message_match(bytes, len, 77, &x), MESSAGE_MISMATCH);
	x.wire[q.len - 3] = RRTYPE_A;
	x.wire[q.len - 1] = RRCLASS_CH;
	assert_int_equal(message_match(bytes, len, 77, &x), MESSAGE_MISMATCH);
	/* type 'A' (65, HTTPS) and type 'a' (97) are not letters in two cases */
	x = q;
	x.wire[q.len - 3] = 'A';
	size_t other = reply_of(&x, 77, MSG_QR, bytes);
	x.wire[q.len - 3] = 'a';
	assert_int_equal(message_match(bytes, other, 77, &x), MESSAGE_MISMATCH);

	len = reply_of(&q, 77, MSG_RD, bytes); /* a query */
	assert_int_equal(message_match(bytes, len, 77, &q), MESSAGE_MISMATCH);
	len = reply_of(&q, 77, MSG_QR | 5u << MSG_OPCODE_SHIFT, bytes); /* an update */
	assert_int_equal(message_match(bytes, len, 77, &q), MESSAGE_MISMATCH);
	len = reply_of(&q, 77, MSG_QR, bytes);
	bytes[5] = 2; /* two questions */
	assert_int_equal(message_match(bytes, len, 77, &q), MESSAGE_MISMATCH);
	bytes[5] = 0; /* none, and no error either */
	assert_int_equal(message_match(bytes, len, 77, &q), MESSAGE_MISMATCH);
	bytes[3] = RCODE_FORMERR;
	assert_int_equal(message_match(bytes, MSG_HEADER_LEN, 77, &q), MESSAGE_BARE);
}

static void what_a_reply_says_of_edns(void **state)
{
	(void)state;
	struct name n = name_of("example");
	struct message_question q;
	uint8_t bytes[MESSAGE_QUERY_MAX];
	message_question_make(&n, RRTYPE_A, true, &q);
	static const struct {
		unsigned rcode;
		bool dislikes;
	} cases[] = {{RCODE_NOERROR, false},  {RCODE_FORMERR, true}, {RCODE_SERVFAIL, false},
		     {RCODE_NXDOMAIN, false}, {RCODE_NOTIMP, true},  {RCODE_REFUSED, false}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = reply_of(&q, 1, (uint16_t)(MSG_QR | cases[i].rcode), bytes);
		assert_int_equal(message_rcode(bytes, len), cases[i].rcode);
		assert_int_equal(message_dislikes_edns(bytes, len), cases[i].dislikes);
	}
	size_t len = reply_of(&q, 1, MSG_QR, bytes);
	if (len < 18 || len > sizeof(bytes)) { /* for the compiler, which can't see how long it is */
		fail_msg("a reply of %zu bytes", len);
		return;
	}
	bytes[len - 6] = 1; /* the OPT's high rcode bits: BADVERS */
	assert_int_equal(message_rcode(bytes, len), RCODE_BADVERS);
	assert_true(message_dislikes_edns(bytes, len));
	for (size_t cut = 0; cut < len; cut++)
		assert_true(message_rcode(bytes, cut) == RCODE_NOERROR); /* cut short: the header's */
}

static void unmixing_gives_the_name_back(void **state)
{
	(void)state;
	struct name n = name_of("www.example.com");
	struct message_question q;
	uint8_t bytes[MESSAGE_QUERY_MAX];
	message_question_make(&n, RRTYPE_A, true, &q);
	size_t len = reply_of(&q, 1, MSG_QR, bytes);
	message_unmix(bytes, MSG_HEADER_LEN + 3, &n); /* too short: left alone */
	assert_memory_equal(bytes + MSG_HEADER_LEN, q.wire, q.len);
	message_unmix(bytes, len, &n);
	assert_memory_equal(bytes + MSG_HEADER_LEN, n.wire, n.len);
	assert_memory_equal(bytes + MSG_HEADER_LEN + n.len, q.wire + n.len, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_query_is_what_ldns_reads),   cmocka_unit_test(case_is_a_coin_toss_and_nothing_else_changes),
	    cmocka_unit_test(only_the_reply_to_it_matches), cmocka_unit_test(what_a_reply_says_of_edns),
	    cmocka_unit_test(unmixing_gives_the_name_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
