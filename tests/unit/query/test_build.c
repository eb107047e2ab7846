/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a message is closed: what gives way when there is too little room and in which order, padding, cookies, and samples of whole
 * answers that were built by other means. */
#include "query/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "query/answer.h"
#include "rig.h"
#include "script.h"
#include "wire/edns.h"

#define QUESTION "03616473074578616d706c6503636f6d00" /* ads.Example.com */
#define CONFIG                                                                                                      \
	"listen: [dns://127.0.0.1:5300]\nupstream: {servers: [dns://127.0.0.1:1]}\nclients: {allow: [0.0.0.0/0]}\n" \
	"lists: [{name: script, file: s.yaml}]\n"
#define SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"

static size_t from_hex(const char *hex, uint8_t *ret)
{
	size_t len = 0;

	for (const char *p = hex; *p != '\0'; p++) {
		if (*p == ' ')
			continue;
		assert_int_equal(sscanf(p++, "%2hhx", &ret[len++]), 1);
	}
	return len;
}

static void exchange(struct rig *rig, const struct via *via, const char *from, const char *hex)
{
	uint8_t bytes[2048];

	rig_run(rig, via, from, bytes, from_hex(hex, bytes));
}

static void answered(const struct rig *rig, const char *hex)
{
	uint8_t want[2048];
	size_t len = from_hex(hex, want);
	char got[4096] = "";

	for (size_t i = 0; i < rig->sent_len && i < 2000; i++)
		snprintf(got + 2 * i, 3, "%02x", rig->sent[i]);
	if (rig->sent_len != len || memcmp(rig->sent, want, len) != 0)
		fail_msg("sent %s\nand not %s", got, hex);
}

static struct rig *rig_of(const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text), CONFIG "%s", more);
	return rig_create(rig_settings(text), script_create());
}

/* ---- samples ---- */

static void samples(void **state)
{
	(void)state;
	struct rig *rig = rig_of("server: {cookie-secrets: [" SECRET "]}\n");

	/* BADVERS, whatever flags and options came */
	exchange(rig, &rig_udp, "127.0.0.1", "1234 0100 0001 0000 0000 0001" QUESTION "00010001 00 0029 04d0 00010000 0000");
	answered(rig, "1234 8180 0001 0000 0000 0001" QUESTION "00010001 00 0029 04d0 01000000 0000");
	exchange(rig, &rig_udp, "127.0.0.1",
		 "1234 0100 0001 0000 0000 0001" QUESTION "00010001 00 0029 0200 0001ffff 000c 000a 0008 0102030405060708");
	answered(rig, "1234 8180 0001 0000 0000 0001" QUESTION "00010001 00 0029 04d0 01008000 0000");
	/* another opcode: a header, and an OPT where one was sent and understood */
	exchange(rig, &rig_udp, "127.0.0.1", "1234 7800 0000 0000 0000 0000");
	answered(rig, "1234 f804 0000 0000 0000 0000");
	exchange(rig, &rig_udp, "127.0.0.1", "1234 2900 0001 0000 0000 0000" QUESTION "00060001");
	answered(rig, "1234 a904 0000 0000 0000 0000");
	exchange(rig, &rig_udp, "127.0.0.1", "1234 2900 0001 0000 0000 0001" QUESTION "00060001 00 0029 1000 00008000 0000");
	answered(rig, "1234 a904 0000 0000 0000 0001 00 0029 04d0 00008000 0006 000f 0002 0015");
	exchange(rig, &rig_udp, "127.0.0.1", "1234 2900 0001 0000 0000 0001" QUESTION "00060001 00 0029 1000 00008000 0001 00");
	answered(rig, "1234 a904 0000 0000 0000 0000");
	exchange(rig, &rig_udp, "127.0.0.1", "1234 7800 ffff ffff ffff ffff 00");
	answered(rig, "1234 f804 0000 0000 0000 0000");
	/* no question that can be read, but an OPT */
	exchange(rig, &rig_udp, "127.0.0.1",
		 "1234 0110 0002 0000 0000 0001" QUESTION "00010001" QUESTION "00010001 00 0029 04d0 00000000 0000");
	answered(rig, "1234 8191 0000 0000 0000 0001 00 0029 04d0 00000000 0000");
	/* a cookie alone: RFC 9018's first */
	clock_set_for_test(1000, 1559731985);
	exchange(rig, &rig_udp, "198.51.100.100",
		 "1234 0100 0000 0000 0000 0001 00 0029 04d0 00000000 000c 000a 0008 2464c4abcf10c957");
	answered(rig, "1234 8180 0000 0000 0000 0001 00 0029 04d0 00000000 001c 000a 0018 2464c4abcf10c957 01000000 5cf79f11 "
		      "1f8130c3eee29480");
	/* and that one again, from there and from elsewhere: NOERROR, BADCOOKIE */
	clock_set_for_test(2000, 1559734385);
	static const char again[] = "1234 0100 0000 0000 0000 0001 00 0029 04d0 00000000 001c 000a 0018 2464c4abcf10c957 01000000 "
				    "5cf79f11 1f8130c3eee29480";
	exchange(rig, &rig_udp, "198.51.100.100", again);
	answered(rig, "1234 8180 0000 0000 0000 0001 00 0029 04d0 00000000 001c 000a 0018 2464c4abcf10c957 01000000 5cf7a871 "
		      "d4a564a1442aca77");
	exchange(rig, &rig_udp, "198.51.100.101", again);
	assert_int_equal(rig_flags(rig), 0x8180 | (RCODE_BADCOOKIE & 15));
	assert_int_equal(rig->sent[12 + 5], RCODE_BADCOOKIE >> 4);
	assert_int_equal(rig->sent_len, 12 + 11 + 4 + 24);
	clock_set_for_test(-1, -1);
	rig_destroy(rig);
}

/* ---- too little room ---- */

struct room {
	bool truncated, has_ede, has_text;
};

static struct room answer_in(struct rig *rig, uint16_t limit, bool records)
{
	static const uint8_t query[] =
	    "\x12\x34\1\0\0\1\0\0\0\0\0\1\4pond\5local\0\0\1\0\1\0\0\x29\4\xd0\0\0\0\0\0"; /* a NUL more */
	const struct here denied = {.rcode = RCODE_NXDOMAIN, .zone_labels = 1};
	struct room room;
	struct query q;

	memset(&q, 0, sizeof(q));
	q.via = &rig_udp;
	assert_true(addr_from_text(str_from("127.0.0.1"), 4000, &q.peer));
	assert_true(service_begin_batch(rig->service));
	query_begin(&q, query, sizeof(query));
	assert_int_equal(q.parsed, MSG_QUERY);
	q.limit = limit;
	if (records)
		answer_here(rig->service, &q, &denied);
	else
		answer_rcode(rig->service, &q, RCODE_SERVFAIL,
			     &(struct query_extra){.has_ede = true, .ede = 22, .also_ede = 13, .text = STR_LIT("why this is")});
	struct service *s = rig->service;
	assert_true(s->out_len <= limit);
	struct rd r = rd_init(s->out, s->out_len);
	struct msg_question question;
	struct msg_header header;
	struct msg_rr rr;
	msg_read_header(&r, &header);
	assert_true(msg_read_question(&r, &question));
	for (unsigned left = (unsigned)header.ancount + header.nscount + header.arcount; left > 0; left--)
		assert_true(msg_read_rr(&r, &rr));
	assert_int_equal(rr.type, RRTYPE_OPT);
	assert_int_equal(rd_left(&r), 0);
	room.truncated = (header.flags & MSG_TC) != 0;
	room.has_ede = rr.rdata_len > 0;
	room.has_text = rr.rdata_len > 12;
	if (room.truncated)
		assert_int_equal(header.ancount + header.nscount, 0);
	service_end_batch(s);
	return room;
}

/* The text goes first, then the codes; with a record lost it is TC, and question and OPT alone. */
static void what_gives_way(void **state)
{
	(void)state;
	enum { BARE = 12 + 12 + 4 + 11, CODES = 12, TEXT = 11, SOA = 2 + 10 + 2 + 16 + 20 };
	struct rig *rig = rig_of("");

	for (uint16_t limit = BARE; limit < BARE + 60; limit++) {
		struct room room = answer_in(rig, limit, false);
		assert_false(room.truncated);
		assert_int_equal(room.has_ede, limit >= BARE + CODES);
		assert_int_equal(room.has_text, limit >= BARE + CODES + TEXT);
	}
	for (uint16_t limit = BARE; limit < BARE + 100; limit++) {
		struct room room = answer_in(rig, limit, true);
		assert_int_equal(room.truncated, limit < BARE + SOA);
	}
	rig_destroy(rig);
}

/* ---- padding ---- */

static struct rig *present;

static void keep(struct query *q, const uint8_t *bytes, size_t len)
{
	(void)q;
	memcpy(present->sent, bytes, len);
	present->sent_len = len;
}

static const struct via via_encrypted = {.name = "tls", .stream = true, .encrypted = true, .send = keep};

#define PADDED "000c 0003 616263"

/* RFC 8467 §4.2: whoever pads gets blocks of 468 octets, over an encrypted transport and nowhere else. */
static void padding(void **state)
{
	(void)state;
	struct rig *rig = rig_of("");
	static const char *const heads[] = {
	    "1234 0100 0001 0000 0000 0001 036164730000010001 00 0029 04d0 00000000",
	    "1234 0100 0001 0000 0000 0001 04 6e6f7065 05 6c6f63616c 00 00ff0001 00 0029 04d0 00000000"};
	present = rig;
	(void)script_name(script_policy(rig), "ads", ANSWER_NULL);
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		char hex[512];
		snprintf(hex, sizeof(hex), "%s 0007 %s", heads[i], PADDED);
		exchange(rig, &via_encrypted, "127.0.0.1", hex);
		assert_int_equal(rig->sent_len, 468);
		/* the last option of the last record, of zeros */
		size_t zeros = 0;
		while (zeros < rig->sent_len && rig->sent[rig->sent_len - 1 - zeros] == 0)
			zeros++;
		size_t at = rig->sent_len;
		for (size_t len = zeros; len > zeros - 4; len--)
			if (rig_u16(rig, rig->sent_len - len - 2) == len && rig_u16(rig, rig->sent_len - len - 4) == EDNS_PADDING)
				at = rig->sent_len - len;
		assert_true(at < rig->sent_len);
		exchange(rig, &rig_tcp, "127.0.0.1", hex);
		assert_true(rig->sent_len < 200);
		exchange(rig, &rig_udp, "127.0.0.1", hex);
		assert_true(rig->sent_len < 200);
		snprintf(hex, sizeof(hex), "%s 0000", heads[i]);
		exchange(rig, &via_encrypted, "127.0.0.1", hex);
		assert_true(rig->sent_len < 200);
	}
	rig_destroy(rig);
}

/* Of every length a message may have: a multiple of the block, or all there is room for. */
static void padding_of_every_length(void **state)
{
	(void)state;
	static const size_t blocks[] = {EDNS_PAD_QUERY, EDNS_PAD_RESPONSE}, caps[] = {1000, 512};
	static uint8_t bytes[1000];

	for (size_t b = 0; b < ARRAY_LEN(blocks); b++)
		for (size_t c = 0; c < ARRAY_LEN(caps); c++)
			for (size_t len = 0; len <= caps[c]; len++) {
				struct wr w = wr_init(bytes, caps[c]);
				memset(bytes, 0x5a, sizeof(bytes));
				(void)wr_room(&w, len);
				edns_write_padding(&w, blocks[b]);
				assert_false(w.full); /* padding never costs an answer */
				if (len + 4 > caps[c]) {
					assert_int_equal(w.pos, len);
					continue;
				}
				size_t padded = (len + 4 + blocks[b] - 1) / blocks[b] * blocks[b];
				assert_int_equal(w.pos, MIN(padded, caps[c]));
				assert_int_equal((size_t)bytes[len + 2] << 8 | bytes[len + 3], w.pos - len - 4);
				for (size_t i = len + 4; i < w.pos; i++)
					assert_int_equal(bytes[i], 0);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(samples),
	    cmocka_unit_test(what_gives_way),
	    cmocka_unit_test(padding),
	    cmocka_unit_test(padding_of_every_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
