/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h> /* before ldns, which otherwise makes a bool of its own */

#include <ldns/ldns.h>
#include <stdlib.h>
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

static void a_cookie_is_the_only_option(void **state)
{
	(void)state;
	struct name n = name_of("www.example.com");
	struct message_question q;
	uint8_t bytes[MESSAGE_QUERY_MAX], cookie[COOKIE_CLIENT_LEN + COOKIE_SERVER_MAX];
	memset(cookie, 0x7c, sizeof(cookie));
	message_question_make(&n, RRTYPE_A, true, &q);
	for (size_t cut = 0; cut <= COOKIE_SERVER_MAX; cut += 8) {
		const uint8_t cookie_len = (uint8_t)(sizeof(cookie) - cut);
		const struct message_flags flags = {.edns = true, .cookie = cookie, .cookie_len = cookie_len};
		size_t len = message_query(1, &q, flags, bytes);
		ldns_pkt *pkt = NULL;
		assert_int_equal(ldns_wire2pkt(&pkt, bytes, len), LDNS_STATUS_OK);
		const ldns_rdf *data = ldns_pkt_edns_data(pkt);
		assert_non_null(data);
		assert_int_equal(ldns_rdf_size(data), 4u + cookie_len);
		assert_memory_equal(ldns_rdf_data(data), ((const uint8_t[]){0, EDNS_COOKIE, 0, cookie_len}), 4);
		assert_memory_equal(ldns_rdf_data(data) + 4, cookie, cookie_len);
		ldns_pkt_free(pkt);
	}
}

/* A reply with two records before its OPT, which has so many other options before two cookies. */
static size_t reply_with_options(const struct message_question *q, unsigned others, uint8_t *bytes, size_t cap)
{
	struct wr w = wr_init(bytes, cap);
	const struct msg_header h = {.flags = MSG_QR, .qdcount = 1, .ancount = 1, .nscount = 1, .arcount = 2};
	msg_write_header(&w, &h);
	wr_bytes(&w, q->wire, q->len);
	for (int i = 0; i < 3; i++) { /* owned by a pointer, by the root, by a name in full; the last is beside the OPT */
		if (i == 0)
			wr_u16(&w, NAME_POINTER | MSG_HEADER_LEN);
		else
			wr_bytes(&w, i == 1 ? "" : "\1a", i == 1 ? 1 : 3);
		wr_u16(&w, RRTYPE_A);
		wr_u16(&w, RRCLASS_IN);
		wr_u32(&w, 60);
		wr_u16(&w, 4);
		wr_u32(&w, 1);
	}
	size_t mark = edns_write_begin(&w, 1232, 0, false);
	for (unsigned i = 0; i < others; i++)
		edns_write_option(&w, 65001, NULL, 0);
	edns_write_option(&w, EDNS_COOKIE, "first---", 8);
	edns_write_option(&w, EDNS_COOKIE, "second--", 8);
	edns_write_end(&w, mark);
	assert_false(w.full);
	return w.pos;
}

static void the_first_cookie_of_a_reply(void **state)
{
	(void)state;
	struct name n = name_of("www.example.com");
	struct message_question q;
	struct message_opt opt;
	uint8_t bytes[1024];
	message_question_make(&n, RRTYPE_A, true, &q);
	size_t len = reply_with_options(&q, 3, bytes, sizeof(bytes));
	message_read_opt(bytes, len, q.len, &opt);
	assert_int_equal(opt.cookie_len, 8);
	assert_memory_equal(opt.cookie, "first---", 8);
	for (size_t cut = 0; cut < len; cut++) { /* an OPT that is not whole has none */
		uint8_t *exact = malloc(MAX(cut, 1u));
		assert_non_null(exact);
		memcpy(exact, bytes, cut);
		message_read_opt(exact, cut, q.len, &opt);
		assert_null(opt.cookie);
		free(exact);
	}
	bytes[9] = 2; /* counted as authority, where an OPT has no business */
	bytes[7] = 2;
	message_read_opt(bytes, len, q.len, &opt);
	assert_null(opt.cookie);
	len = reply_with_options(&q, EDNS_OPTIONS_MAX, bytes, sizeof(bytes)); /* behind too many */
	message_read_opt(bytes, len, q.len, &opt);
	assert_null(opt.cookie);
	len = reply_with_options(&q, EDNS_OPTIONS_MAX - 1, bytes, sizeof(bytes));
	message_read_opt(bytes, len, q.len, &opt);
	assert_non_null(opt.cookie);
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
	    cmocka_unit_test(unmixing_gives_the_name_back), cmocka_unit_test(a_cookie_is_the_only_option),
	    cmocka_unit_test(the_first_cookie_of_a_reply),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
