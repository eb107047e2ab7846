/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Records read from one message and copied into another; ldns is asked what they then say. */
#include "wire_test.h"

#include <ldns/ldns.h>

#include "base/rand.h"
#include "wire/msg.h"

#define HEAD "1234 8180 0001 0001 0000 0000"
#define QUESTION "03777777 076578616d706c65 03636f6d 00 0001 0001" /* www.example.com at 12, example.com at 16, com at 24 */

static void headers(void **state)
{
	(void)state;
	uint8_t bytes[12];
	struct wr w = wr_init(bytes, sizeof(bytes));
	msg_write_header(&w, &(struct msg_header){1, 2, 3, 4, 5, 0xfffe});
	assert_memory_equal(bytes, "\0\1\0\2\0\3\0\4\0\5\xff\xfe", 12);
	struct rd r = rd_init(bytes, sizeof(bytes));
	struct msg_header h;
	msg_read_header(&r, &h);
	assert_true(rd_ok(&r));
	assert_int_equal(h.id, 1);
	assert_int_equal(h.arcount, 0xfffe);
	r = rd_init(bytes, 11);
	msg_read_header(&r, &h);
	assert_false(rd_ok(&r));
	w = wr_init(bytes, 11);
	msg_write_header(&w, &h);
	assert_true(w.full);
	assert_int_equal(w.pos, 0);
}

/* The one record after the question of hex, copied behind a question of our own. Returns msg_copy_rr's word; *ret_len 0 when full.
 */
static bool copied(const char *hex, uint8_t *out, size_t cap, size_t *ret_len)
{
	size_t len;
	uint8_t *bytes = unhex(hex, &len);
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	struct msg_question q;
	struct msg_rr rr;
	msg_read_header(&r, &h);
	assert_true(msg_read_question(&r, &q));
	assert_true(msg_read_rr(&r, &rr));
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rr.rdata_pos, rr.ttl_pos + 6);

	struct wr w = wr_init(out, cap);
	struct name_packer p;
	name_packer_init(&p);
	msg_write_header(&w, &h);
	name_write(&w, &q.name);
	name_packer_note(&p, &w, MSG_HEADER_LEN);
	wr_u16(&w, q.type);
	wr_u16(&w, q.class);
	size_t ttl_pos = 0;
	bool ok = msg_copy_rr(&w, &p, &r, &rr, 77, &ttl_pos);
	*ret_len = w.full ? 0 : w.pos;
	if (ok && !w.full)
		assert_memory_equal(out + ttl_pos, "\0\0\0\x4d", 4);
	else
		assert_int_equal(ttl_pos, 0);
	free(bytes);
	return ok;
}

/* Does the copy say what the original says? ldns is asked for both. */
static void same_by_ldns(const char *hex, const uint8_t *out, size_t out_len)
{
	size_t len;
	uint8_t *bytes = unhex(hex, &len);
	ldns_pkt *before = NULL, *after = NULL;
	assert_int_equal(ldns_wire2pkt(&before, bytes, len), LDNS_STATUS_OK);
	assert_int_equal(ldns_wire2pkt(&after, out, out_len), LDNS_STATUS_OK);
	ldns_rr *a = ldns_rr_list_rr(ldns_pkt_answer(before), 0), *b = ldns_rr_list_rr(ldns_pkt_answer(after), 0);
	assert_int_equal(ldns_rr_ttl(b), 77);
	ldns_rr_set_ttl(a, 77);
	char *text_a = ldns_rr2str(a), *text_b = ldns_rr2str(b);
	if (strcasecmp(text_a, text_b) != 0) /* a name that is packed takes the case of what it points to */
		fail_msg("%s became %s", text_a, text_b);
	free(text_a);
	free(text_b);
	ldns_pkt_free(before);
	ldns_pkt_free(after);
	free(bytes);
}

static void records_are_copied(void **state)
{
	(void)state;
	/* the RDATA of the original and of the copy; NULL: the same */
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"c00c 0001 0001 00000e10 0004 c0000201", NULL},
	    {"c00c 001c 0001 00000e10 0010 20010db8000000000000000000000001", NULL},
	    {"c00c 0005 0001 00000e10 0006 03616473 c010", NULL}, /* CNAME ads.example.com */
	    {"c00c 0005 0001 00000e10 0011 03616473 074578616d706c65 03636f6d 00", "c00c 0005 0001 0000004d 0006 03616473 c010"},
	    {"c00c 0002 0001 00000e10 0002 c010", NULL},
	    {"c00c 000c 0001 00000e10 0001 00", NULL},
	    {"c010 0006 0001 00000e10 001b 026e73 c010 c010 00000001 00000002 00000003 00000004 00000005", NULL},
	    {"c010 000f 0001 00000e10 0009 000a 046d61696c c010", NULL},
	    {"c010 000e 0001 00000e10 0004 c010 c00c", NULL},
	    {"c010 0010 0001 00000e10 0006 026162 02c00c", NULL}, /* TXT: c00c is text, no pointer */
	    {"c010 000d 0001 00000e10 0005 0161 026263", NULL},
	    /* decompressed, not packed again */
	    {"c010 0021 0001 00000e10 0008 0001 0002 0035 c010",
	     "c010 0021 0001 0000004d 0013 0001 0002 0035 076578616d706c65 03636f6d 00"},
	    {"c010 0011 0001 00000e10 0004 c010 c018", "c010 0011 0001 0000004d 0012 076578616d706c65 03636f6d 00 03636f6d 00"},
	    {"c010 0012 0001 00000e10 0004 0001 c018", "c010 0012 0001 0000004d 0007 0001 03636f6d 00"},
	    {"c010 0023 0001 00000e10 000b 0001 0002 0173 00 0172 c018",
	     "c010 0023 0001 0000004d 000e 0001 0002 0173 00 0172 03636f6d 00"},
	    {"c010 0027 0001 00000e10 0002 c018", "c010 0027 0001 0000004d 0005 03636f6d 00"},
	    {"c010 001a 0001 00000e10 0005 0001 c018 00", "c010 001a 0001 0000004d 0008 0001 03636f6d 00 00"},
	    /* opaque: what looks like a pointer stays */
	    {"c010 0041 0001 00000e10 000a 0001 00 0001 0003 02c00c", NULL}, /* HTTPS: a name, then keys and values */
	    {"c010 0040 0001 00000e10 0007 0000 03636f6d 00", NULL},
	    {"c010 0041 0001 00000e10 0022 0001 00 0000 0004 0001 0004 0001 0003 026832 0004 0008 c0000201 c0000202 fde9 0000",
	     NULL},
	    {"c010 002e 0001 00000e10 001a 0001 08 02 00000e10 70dbd880 5e0be100 0001 03636f6d 00 c00c04", NULL}, /* RRSIG */
	    {"c010 002f 0001 00000e10 0008 03636f6d 00 0001 40", NULL},						  /* NSEC */
	    {"c010 04d2 0001 00000e10 0002 c00c", NULL},
	    {"c010 0001 0003 00000e10 0002 c00c", NULL}, /* an A of class CH has another form */
	    {"c010 000a 0001 00000e10 0000", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char hex[512];
		uint8_t out[512];
		size_t out_len, want_len;
		(void)snprintf(hex, sizeof(hex), "%s%s%s", HEAD, QUESTION, rows[i].in);
		if (!copied(hex, out, sizeof(out), &out_len))
			fail_msg("row %zu was refused", i);
		if (strstr(rows[i].in, " 0003 00000e10") == NULL) /* ldns knows the A of class IN only */
			same_by_ldns(hex, out, out_len);
		if (rows[i].out == NULL) {
			memcpy(strstr(hex, "00000e10"), "0000004d", 8);
		} else {
			(void)snprintf(hex, sizeof(hex), "%s%s%s", HEAD, QUESTION, rows[i].out);
		}
		uint8_t *want = unhex(hex, &want_len);
		assert_int_equal(out_len, want_len);
		assert_memory_equal(out, want, want_len);
		free(want);
		/* a writer with less room loses it whole, and says so */
		for (size_t cap = 33; cap < out_len; cap++) {
			size_t len;
			assert_true(copied(hex, out, cap, &len));
			assert_int_equal(len, 0);
		}
	}
}

static void rdata_that_breaks_its_form_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "c00c 0001 0001 00000e10 0003 c00002", /* A */
	    "c00c 0001 0001 00000e10 0005 c000020101",
	    "c00c 0001 0001 00000e10 0000",
	    "c00c 001c 0001 00000e10 000f 20010db80000000000000000000000",
	    "c00c 001c 0001 00000e10 0011 20010db800000000000000000000000100",
	    "c00c 0005 0001 00000e10 0000",	    /* CNAME */
	    "c00c 0005 0001 00000e10 0003 c010 00", /* something behind the name */
	    "c00c 0005 0001 00000e10 0001 c0",
	    "c00c 0005 0001 00000e10 0002 c02d", /* to itself: 33 + 12 */
	    "c00c 0005 0001 00000e10 0002 c000",
	    "c00c 0005 0001 00000e10 0004 03616473", /* the root would lie behind the RDATA */
	    "c00c 0006 0001 00000e10 0017 c010 c010 00000001 00000002 00000003 00000004 000000",
	    "c00c 0006 0001 00000e10 0004 c010 c010",
	    "c00c 0006 0001 00000e10 0019 c010 c010 00000001 00000002 00000003 00000004 00000005 00",
	    "c00c 000f 0001 00000e10 0002 000a",
	    "c00c 000f 0001 00000e10 0001 00",
	    "c00c 0010 0001 00000e10 0000", /* TXT without a string */
	    "c00c 0010 0001 00000e10 0003 036162",
	    "c00c 0010 0001 00000e10 0004 0161 0562",
	    "c00c 000d 0001 00000e10 0002 0161", /* HINFO wants two */
	    "c00c 000d 0001 00000e10 0006 0161 0162 0163",
	    "c00c 0021 0001 00000e10 0006 0001 0002 0035",
	    "c00c 0023 0001 00000e10 0006 0001 0002 0173",
	    /* a pointer that would lead elsewhere in the copy (RFC 4034 §3.1.7, §4.1.1; RFC 9460 §2.2) */
	    "c00c 002e 0001 00000e10 0015 0001 08 02 00000e10 70dbd880 5e0be100 0001 c018 04",
	    "c00c 002e 0001 00000e10 0012 0001 08 02 00000e10 70dbd880 5e0be100 0001", /* no signer */
	    "c00c 002f 0001 00000e10 0005 c018 0001 40",
	    "c00c 0041 0001 00000e10 0004 0001 c018",
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char hex[512];
		uint8_t out[512];
		size_t out_len;
		(void)snprintf(hex, sizeof(hex), "%s%s%s", HEAD, QUESTION, rows[i]);
		if (copied(hex, out, sizeof(out), &out_len))
			fail_msg("row %zu was taken", i);
	}
}

static void a_record_outside_its_message_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[64] = {0}, out[64];
	struct wr w = wr_init(out, sizeof(out));
	struct name_packer p;
	name_packer_init(&p);
	struct rd r = rd_init(bytes, sizeof(bytes));
	struct msg_rr rr = {.owner = name_of("a"), .type = 1, .class = 1, .rdata_pos = 61, .rdata_len = 4};
	size_t ttl_pos;
	assert_false(msg_copy_rr(&w, &p, &r, &rr, 1, &ttl_pos));
	rr.rdata_pos = 5000;
	assert_false(msg_copy_rr(&w, &p, &r, &rr, 1, &ttl_pos));
	rr.rdata_pos = 60;
	assert_true(msg_copy_rr(&w, &p, &r, &rr, 1, &ttl_pos));
}

static void decompression_may_outgrow_a_record(void **state)
{
	(void)state;
	/* a SIG whose signer is a pointer to a name of 255 octets, with all but the last octets of 64 KiB behind it */
	static uint8_t bytes[66000], out[140000];
	memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < 127; i++)
		bytes[12 + 2 * i] = 1;
	struct msg_rr rr = {.owner = name_of("a"), .type = RRTYPE_SIG, .class = 1, .rdata_pos = 300, .rdata_len = 65000};
	memcpy(bytes + 318, "\xc0\x0c", 2);
	struct rd r = rd_init(bytes, sizeof(bytes));
	struct name_packer p;
	name_packer_init(&p);
	struct wr w = wr_init(out, sizeof(out));
	size_t ttl_pos;
	assert_true(msg_copy_rr(&w, &p, &r, &rr, 1, &ttl_pos));
	rr.rdata_len = 65400;
	wr_cut(&w, 0);
	assert_false(msg_copy_rr(&w, &p, &r, &rr, 1, &ttl_pos));
}

static void reading_refuses_every_truncation(void **state)
{
	(void)state;
	size_t len;
	uint8_t *bytes = unhex(HEAD QUESTION "c00c 0005 0001 00000e10 0006 03616473 c010", &len);
	for (size_t cut = 0; cut <= len; cut++) {
		uint8_t *part = exact_copy(bytes, cut);
		struct rd r = rd_init(part, cut);
		struct msg_header h;
		struct msg_question q;
		struct msg_rr rr;
		msg_read_header(&r, &h);
		assert_int_equal(rd_ok(&r), cut >= 12);
		assert_int_equal(msg_read_question(&r, &q), cut >= 33);
		assert_int_equal(msg_read_rr(&r, &rr), cut == len);
		assert_int_equal(rd_ok(&r), cut == len);
		free(part);
	}
	free(bytes);
}

/* Messages with octets changed at random: whatever is copied, reads back and says what ldns read in the original, where it could.
 */
static void damaged_messages_are_harmless(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "c010 0006 0001 00000e10 001b 026e73 c010 c010 00000001 00000002 00000003 00000004 00000005",
	    "c010 0021 0001 00000e10 0008 0001 0002 0035 c010",
	    "c010 0023 0001 00000e10 000b 0001 0002 0173 00 0172 c018",
	    "c010 0010 0001 00000e10 0006 026162 026364",
	};
	rand_seed_for_test(61);
	unsigned good = 0;
	for (int round = 0; round < 40000; round++) {
		char hex[512];
		size_t len;
		(void)snprintf(hex, sizeof(hex), "%s%s%s", HEAD, QUESTION, rows[rand_below(ARRAY_LEN(rows))]);
		uint8_t *bytes = unhex(hex, &len);
		for (uint32_t left = 1 + rand_below(3); left > 0; left--)
			bytes[12 + rand_below((uint32_t)len - 12)] = rand_below(2) ? (uint8_t)rand_u32() : (uint8_t)rand_below(5);
		struct rd r = rd_init(bytes, len);
		struct msg_header h;
		struct msg_question q;
		struct msg_rr rr, back;
		uint8_t out[400];
		struct wr w = wr_init(out, sizeof(out));
		struct name_packer p;
		size_t ttl_pos;
		name_packer_init(&p);
		msg_read_header(&r, &h);
		if (msg_read_question(&r, &q) && msg_read_rr(&r, &rr)) {
			msg_write_header(&w, &h);
			if (msg_copy_rr(&w, &p, &r, &rr, 5, &ttl_pos) && !w.full) {
				good++;
				struct rd again = rd_init(out, w.pos);
				msg_read_header(&again, &h);
				assert_true(msg_read_rr(&again, &back));
				assert_int_equal(rd_left(&again), 0);
				assert_true(name_eq(&rr.owner, &back.owner));
				assert_int_equal(rr.type, back.type);
				assert_int_equal(back.ttl_s, 5);
				assert_int_equal(back.ttl_pos, ttl_pos);
			}
		}
		free(bytes);
	}
	assert_true(good > 5000);
	rand_seed_for_test(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers),
	    cmocka_unit_test(records_are_copied),
	    cmocka_unit_test(rdata_that_breaks_its_form_is_refused),
	    cmocka_unit_test(a_record_outside_its_message_is_refused),
	    cmocka_unit_test(decompression_may_outgrow_a_record),
	    cmocka_unit_test(reading_refuses_every_truncation),
	    cmocka_unit_test(damaged_messages_are_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
