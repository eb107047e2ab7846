/* SPDX-License-Identifier: BSD-2-Clause
 *
 * msg_parse_query: what a stranger may send, and what it is then. */
#include "wire_test.h"

#include <ldns/ldns.h>

#include "base/rand.h"
#include "wire/msg.h"

#define Q_A "0161 00 0001 0001" /* a. A IN */
#define OPT "00 0029 04d0 00000000 0000"
#define OPT_DO "00 0029 1000 00008000 0000"
#define TSIG "016b 00 00fa 00ff 00000000 0000"
#define RR_A "00 0001 0001 00000000 0004 01020304"

static enum msg_verdict verdict(const char *hex, struct msg_query *q)
{
	static struct msg_query unused;
	struct name name;
	size_t len;
	uint8_t *bytes = unhex(hex, &len);
	enum msg_verdict v = msg_parse_query(bytes, len, q != NULL ? q : &unused, &name);
	free(bytes);
	return v;
}

static void verdicts(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		enum msg_verdict verdict;
		bool has_question, has_opt, has_tsig;
	} rows[] = {
	    {"0001 0100 0001 0000 0000 0000" Q_A, MSG_QUERY, true, false, false},
	    {"0001 0000 0001 0000 0000 0001" Q_A OPT, MSG_QUERY, true, true, false},
	    {"0001 07f0 0001 0000 0000 0000" Q_A, MSG_QUERY, true, false, false}, /* AA, TC, RA, Z, AD, CD, and a rcode: ignored */
	    {"0001 000f 0001 0000 0000 0000" Q_A, MSG_QUERY, true, false, false},
	    {"0001 0100 0001 0000 0000 0000"
	     "00 0001 0001",
	     MSG_QUERY, true, false, false},					       /* the root */
	    {"0001 0100 0001 0000 0000 0001" Q_A RR_A, MSG_QUERY, true, false, false}, /* odd, but harmless */
	    {"0001 0100 0001 0000 0000 0002" Q_A OPT TSIG, MSG_QUERY, true, true, true},
	    {"0001 0100 0001 0000 0000 0001" Q_A "00 0018 00ff 00000000 0012 0000 05 00 00000000 00000000 00000000 0000", MSG_QUERY,
	     true, false, true}, /* SIG(0) */
	    {"0001 0100 0001 0000 0000 0001" Q_A "00 0018 00ff 00000000 0002 0001", MSG_QUERY, true, false,
	     false}, /* covers A: none */
	    {"0001 0100 0001 0000 0001 0000"
	     "0161 00 00fb 0001"
	     "00 0006 0001 00000000 0000",
	     MSG_QUERY, true, false, false}, /* IXFR */

	    /* never answered */
	    {"", MSG_IGNORE, false, false, false},
	    {"0001 0100 0001 0000 0000 00", MSG_IGNORE, false, false, false},
	    {"0001 8100 0001 0000 0000 0000" Q_A, MSG_IGNORE, false, false, false},
	    {"0001 a800 0000 0000 0000 0000", MSG_IGNORE, false, false, false}, /* a response of another opcode */

	    {"0001 0800 0001 0000 0000 0000" Q_A, MSG_NOTIMP, false, false, false},
	    {"0001 2800 0000 0000 0000 0000", MSG_NOTIMP, false, false, false},
	    {"0001 7800 ffff ffff ffff ffff", MSG_NOTIMP, false, false, false},

	    {"0001 0100 0001 0000 0000 0001" Q_A "00 0029 04d0 00010000 0000", MSG_BADVERS, true, true, false},
	    {"0001 0100 0001 0000 0000 0001" Q_A "00 0029 04d0 00ff0000 0001 00", MSG_BADVERS, true, true,
	     false}, /* before its options */

	    /* counts */
	    {"0001 0100 0000 0000 0000 0000", MSG_FORMERR, false, false, false},
	    {"0001 0100 0000 0000 0000 0001" OPT, MSG_FORMERR, false, true, false},
	    {"0001 0100 0002 0000 0000 0000" Q_A Q_A, MSG_FORMERR, false, false, false},
	    {"0001 0100 0002 0000 0000 0001" Q_A Q_A OPT, MSG_FORMERR, false, true, false},
	    {"0001 0100 ffff 0000 0000 0000" Q_A, MSG_FORMERR, false, false, false},
	    {"0001 0100 0001 ffff 0000 0000" Q_A, MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0001 0000 0000" Q_A RR_A, MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0001 0000 0001" Q_A RR_A OPT, MSG_FORMERR, true, true, false},
	    {"0001 0100 0001 0000 0001 0000" Q_A RR_A, MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0000 0002 0000"
	     "0161 00 00fb 0001" RR_A RR_A,
	     MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0001 0000 0000"
	     "0161 00 00fb 0001" RR_A,
	     MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0000 0000 0001" Q_A, MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0000 0000 0002" Q_A OPT, MSG_FORMERR, true, true, false},
	    {"0001 0100 0001 0000 0000 0000" Q_A "00", MSG_FORMERR, true, false, false}, /* trailing octets */
	    {"0001 0100 0001 0000 0000 0000" Q_A OPT, MSG_FORMERR, true, false, false},	 /* an OPT that is not counted */
	    {"0001 0100 0001 0000 0000 0001" Q_A OPT "ff", MSG_FORMERR, true, true, false},

	    /* OPT where and as it must not be */
	    {"0001 0100 0001 0000 0000 0002" Q_A OPT OPT, MSG_FORMERR, true, true, false},
	    {"0001 0100 0001 0000 0000 0001" Q_A "0161 00 0029 04d0 00000000 0000", MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0000 0000 0001" Q_A "c00e 0029 04d0 00000000 0000", MSG_FORMERR, true, false,
	     false}, /* a pointer to the root */
	    {"0001 0100 0001 0001 0000 0000" Q_A OPT, MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0000 0001 0000"
	     "0161 00 00fb 0001" OPT,
	     MSG_FORMERR, true, false, false},
	    {"0001 0100 0001 0000 0000 0001" Q_A "00 0029 04d0 00000000 0004 0003 0001", MSG_FORMERR, true, true, false},
	    {"0001 0100 0001 0000 0000 0001" Q_A "00 0029 04d0 00000000 0005 000a 0001 00", MSG_FORMERR, true, true, false},
	    {"0001 0100 0001 0000 0000 0001" Q_A "00 0029 04d0 00000000 ffff", MSG_FORMERR, true, false, false},

	    /* TSIG: the last record, once */
	    {"0001 0100 0001 0000 0000 0002" Q_A TSIG OPT, MSG_FORMERR, true, true, true},
	    {"0001 0100 0001 0000 0000 0002" Q_A TSIG TSIG, MSG_FORMERR, true, false, true},
	    {"0001 0100 0001 0000 0001 0000"
	     "0161 00 00fb 0001" TSIG,
	     MSG_FORMERR, true, false, true},

	    /* names */
	    {"0001 0100 0001 0000 0000 0000", MSG_FORMERR, false, false, false},
	    {"0001 0100 0001 0000 0000 0000"
	     "0161 00 0001",
	     MSG_FORMERR, false, false, false},
	    {"0001 0100 0001 0000 0000 0000"
	     "0161",
	     MSG_FORMERR, false, false, false},
	    {"0001 0100 0001 0000 0000 0000"
	     "c00c 0001 0001",
	     MSG_FORMERR, false, false, false},
	    {"0001 0100 0001 0000 0000 0000"
	     "0100 c00d 0001 0001",
	     MSG_FORMERR, false, false, false},
	    {"0001 0100 0001 0000 0000 0000"
	     "c000 0001 0001",
	     MSG_FORMERR, false, false, false},
	    {"0001 0100 0001 0000 0000 0000"
	     "4161 00 0001 0001",
	     MSG_FORMERR, false, false, false},
	    {"0001 0100 0001 0000 0000 0000"
	     "8000 0001 0001",
	     MSG_FORMERR, false, false, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct msg_query q;
		enum msg_verdict v = verdict(rows[i].hex, &q);
		if (v != rows[i].verdict || q.has_question != rows[i].has_question || q.edns.present != rows[i].has_opt ||
		    q.has_tsig != rows[i].has_tsig)
			fail_msg("row %zu: verdict %d question %d OPT %d TSIG %d", i, v, q.has_question, q.edns.present,
				 q.has_tsig);
	}
}

static void too_many_records(void **state)
{
	(void)state;
	static uint8_t bytes[12 + 7 + 11 * (MSG_QUERY_RECORDS_MAX + 1)];
	memcpy(bytes, "\0\1\1\0\0\1\0\0\0\0\0", 12);
	memcpy(bytes + 12, "\1a\0\0\1\0\1", 7);
	for (size_t i = 0; i <= MSG_QUERY_RECORDS_MAX; i++)
		bytes[19 + 11 * i + 2] = 16;
	struct msg_query q;
	struct name name;
	bytes[11] = MSG_QUERY_RECORDS_MAX;
	assert_int_equal(msg_parse_query(bytes, sizeof(bytes) - 11, &q, &name), MSG_QUERY);
	bytes[11]++;
	assert_int_equal(msg_parse_query(bytes, sizeof(bytes), &q, &name), MSG_FORMERR);
	assert_true(q.has_question);
}

static void big_messages_are_cheap(void **state)
{
	(void)state;
	static uint8_t bytes[MSG_LEN_MAX + 1];
	struct msg_query q;
	struct name name;
	memcpy(bytes, "\0\1\1\0\0\1\0\0\0\0\0\1", 12);
	memcpy(bytes + 12, "\1a\0\0\1\0\1", 7);
	/* an OPT of 64 KiB of empty options */
	memcpy(bytes + 19, "\0\0\x29\x04\xd0\0\0\0\0", 9);
	size_t rdlength = MSG_LEN_MAX - 30;
	rdlength -= rdlength % 4;
	bytes[28] = (uint8_t)(rdlength >> 8);
	bytes[29] = (uint8_t)rdlength;
	assert_int_equal(msg_parse_query(bytes, 30 + rdlength, &q, &name), MSG_QUERY);
	assert_int_equal(q.edns.options_len, rdlength);
	/* longer than a message can be */
	assert_int_equal(msg_parse_query(bytes, MSG_LEN_MAX + 1, &q, &name), MSG_FORMERR);
	/* 65,535 questions of five octets */
	memset(bytes + 12, 0, sizeof(bytes) - 12);
	bytes[4] = bytes[5] = 0xff;
	assert_int_equal(msg_parse_query(bytes, MSG_LEN_MAX, &q, &name), MSG_FORMERR);
	assert_false(q.has_question);
}

/* Sound queries of any name, type, size and options: ldns and we read the same from them; cut anywhere, they are refused. */
static void random_queries_agree_with_ldns(void **state)
{
	(void)state;
	rand_seed_for_test(51);
	for (int round = 0; round < 3000; round++) {
		uint8_t bytes[600];
		struct wr w = wr_init(bytes, sizeof(bytes));
		bool opt = rand_below(4) > 0, dnssec_ok = rand_below(2) == 0;
		uint16_t size = (uint16_t)rand_u32(), type = (uint16_t)rand_below(300);
		msg_write_header(
		    &w, &(struct msg_header){(uint16_t)rand_u32(), (uint16_t)(MSG_RD | (rand_u32() & MSG_CD)), 1, 0, 0, opt});
		struct name n = {.len = 0};
		size_t len = 0, most = rand_below(254);
		while (len + 3 <= most) {
			size_t octets = 1 + rand_below((uint32_t)MIN(most - len - 2, 63u));
			n.wire[len++] = (uint8_t)octets;
			rand_bytes(n.wire + len, octets);
			len += octets;
			n.labels++;
		}
		n.wire[len++] = 0;
		n.len = (uint8_t)len;
		name_write(&w, &n);
		wr_u16(&w, type);
		wr_u16(&w, RRCLASS_IN);
		size_t question_end = w.pos;
		if (opt) {
			size_t mark = edns_write_begin(&w, size, 0, dnssec_ok);
			for (uint32_t left = rand_below(5); left > 0; left--) {
				wr_u16(&w, (uint16_t)(1000 + rand_below(100)));
				uint16_t option_len = (uint16_t)rand_below(20);
				wr_u16(&w, option_len);
				uint8_t *p = wr_room(&w, option_len);
				assert_non_null(p);
				rand_bytes(p, option_len);
			}
			edns_write_end(&w, mark);
		}
		assert_false(w.full);

		struct msg_query q;
		struct name folded;
		uint8_t *exact = exact_copy(bytes, w.pos);
		assert_int_equal(msg_parse_query(exact, w.pos, &q, &folded), MSG_QUERY);
		assert_true(name_eq_nocase(&folded, &n));
		name_fold(&n);
		assert_true(name_eq(&folded, &n));
		assert_memory_equal(exact + MSG_HEADER_LEN, bytes + MSG_HEADER_LEN, n.len);
		assert_int_equal(q.question_end, question_end);
		ldns_pkt *pkt = NULL;
		assert_int_equal(ldns_wire2pkt(&pkt, exact, w.pos), LDNS_STATUS_OK);
		ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
		assert_int_equal(ldns_rdf_size(ldns_rr_owner(question)), n.len);
		assert_memory_equal(ldns_rdf_data(ldns_rr_owner(question)), exact + MSG_HEADER_LEN, n.len);
		assert_int_equal(ldns_rr_get_type(question), q.type);
		assert_int_equal(ldns_pkt_id(pkt), q.header.id);
		assert_int_equal(ldns_pkt_cd(pkt), (q.header.flags & MSG_CD) != 0);
		assert_int_equal(q.edns.present, opt);
		if (opt) {
			assert_int_equal(ldns_pkt_edns_udp_size(pkt), q.edns.udp_size);
			assert_int_equal(ldns_pkt_edns_do(pkt), q.edns.dnssec_ok);
		}
		ldns_pkt_free(pkt);
		free(exact);

		size_t cut = rand_below((uint32_t)w.pos);
		exact = exact_copy(bytes, cut);
		enum msg_verdict v = msg_parse_query(exact, cut, &q, &folded);
		assert_int_equal(v, cut < 12 ? MSG_IGNORE : MSG_FORMERR);
		free(exact);
	}
	rand_seed_for_test(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verdicts),
	    cmocka_unit_test(too_many_records),
	    cmocka_unit_test(big_messages_are_cheap),
	    cmocka_unit_test(random_queries_agree_with_ldns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
