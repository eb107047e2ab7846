/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Structured DNS errors as they go out: who gets them, what becomes of the answer then, and what gives way where there is little
 * room. */
#include "query/query.h"

#include <stdio.h>
#include <string.h>

#include "query/answer.h"
#include "rig.h"
#include "script.h"
#include "wire/edns.h"

#define CONFIG                                                                                                      \
	"listen: [dns://127.0.0.1:5300]\nupstream: {servers: [dns://127.0.0.1:1]}\nclients: {allow: [0.0.0.0/0]}\n" \
	"lists: [{name: script, file: s.yaml}]\nblock: {structured-errors: %s}\n"
#define ASKS "001a 0000"
#define WHOLE "{\"c\":[\"tel:1\"],\"j\":\"reason\",\"s\":6,\"o\":\"ISP\",\"l\":\"en\"}"
#define LESS "{\"c\":[\"tel:1\"],\"s\":6,\"o\":\"ISP\",\"l\":\"en\"}"
#define LEAST "{\"c\":[\"tel:1\"],\"s\":6}"
#define PLAIN "ISP: blocked: reason"

static struct rig *present;

static void keep(struct query *q, const uint8_t *bytes, size_t len)
{
	(void)q;
	memcpy(present->sent, bytes, len);
	present->sent_len = len;
}

static const struct via via_encrypted = {.name = "tls", .stream = true, .encrypted = true, .send = keep};

static struct rig *rig_of(const char *word)
{
	char text[1024];

	snprintf(text, sizeof(text), CONFIG, word);
	return present = rig_create(rig_settings(text), script_create());
}

static struct script_rule *block(struct rig *rig, const char *name, enum answer answer)
{
	struct script_rule *rule = script_name(script_policy(rig), name, answer);

	rule->code = CODE_BLOCKED;
	rule->text = PLAIN;
	rule->structured[0] = WHOLE;
	rule->structured[1] = LESS;
	rule->structured[2] = LEAST;
	return rule;
}

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

/* Asks for A of the one label `ads`, with that OPT: its size, and its options behind their length. */
static void ask(struct rig *rig, const struct via *via, const char *from, const char *size_and_options)
{
	char hex[512];
	uint8_t bytes[512];

	snprintf(hex, sizeof(hex), "1234 0100 0001 0000 0000 0001 03616473 00 0001 0001 00 0029 %s", size_and_options);
	rig_run(rig, via, from, bytes, from_hex(hex, bytes));
}

#define OPT_ASKS "04d0 00000000 0004" ASKS
#define OPT_PLAIN "04d0 00000000 0000"

/* The EXTRA-TEXT of what was sent, which has one option alone; static memory. */
static const char *extra_text(const struct rig *rig)
{
	static char text[2048];
	struct rd r = rd_init(rig->sent, rig->sent_len);
	struct msg_question question;
	struct msg_header header;
	struct msg_rr rr = {.type = 0};

	text[0] = '\0';
	msg_read_header(&r, &header);
	assert_true(msg_read_question(&r, &question));
	for (unsigned left = (unsigned)header.ancount + header.nscount + header.arcount; left > 0; left--)
		assert_true(msg_read_rr(&r, &rr));
	assert_int_equal(rr.type, RRTYPE_OPT);
	if (rr.rdata_len == 0)
		return "no code";
	assert_int_equal(rig_u16(rig, rr.rdata_pos), EDNS_EDE);
	size_t len = rig_u16(rig, rr.rdata_pos + 2);
	assert_int_equal(len + 4, rr.rdata_len); /* and nothing else: the client's own option is not sent back */
	memcpy(text, rig->sent + rr.rdata_pos + 6, len - 2);
	text[len - 2] = '\0';
	return text;
}

static void who_gets_it(void **state)
{
	(void)state;
	static const struct {
		const char *word, *from;
		const struct via *via;
		bool gets;
	} rows[] = {
	    {"encrypted", "127.0.0.1", &rig_udp, true},
	    {"encrypted", "127.9.9.9", &rig_tcp, true},
	    {"encrypted", "192.0.2.1", &rig_udp, false},
	    {"encrypted", "192.0.2.1", &rig_tcp, false},
	    {"encrypted", "192.0.2.1", &via_encrypted, true},
	    {"always", "192.0.2.1", &rig_udp, true},
	    {"off", "127.0.0.1", &rig_udp, false},
	    {"off", "192.0.2.1", &via_encrypted, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig *rig = rig_of(rows[i].word);
		(void)block(rig, "ads", ANSWER_NXDOMAIN);
		ask(rig, rows[i].via, rows[i].from, OPT_ASKS);
		assert_string_equal(extra_text(rig), rows[i].gets ? WHOLE : PLAIN);
		assert_int_equal(rig_ede(rig), EDE_BLOCKED);
		ask(rig, rows[i].via, rows[i].from, OPT_PLAIN);
		assert_string_equal(extra_text(rig), PLAIN);
		rig_destroy(rig);
	}
}

/* Any length counts as asked, and what stands in it for nothing; the older signal, an EDE in the query, is none. */
static void what_asks_for_it(void **state)
{
	(void)state;
	static const char *const asks[] = {"04d0 00000000 0007 001a 0003 000f00", "04d0 00000000 0008" ASKS ASKS,
					   "04d0 00000000 000a 0003 0002 6162 001a 0000"};
	struct rig *rig = rig_of("encrypted");

	(void)block(rig, "ads", ANSWER_NXDOMAIN);
	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		ask(rig, &rig_udp, "127.0.0.1", asks[i]);
		assert_string_equal(extra_text(rig), WHOLE);
	}
	ask(rig, &rig_udp, "127.0.0.1", "04d0 00000000 0006 000f 0002 0000");
	assert_string_equal(extra_text(rig), PLAIN);
	rig_destroy(rig);
}

/* An address would be a forged answer. */
static void no_forged_answers(void **state)
{
	(void)state;
	static const struct {
		enum answer answer;
		unsigned rcode;
	} rows[] = {{ANSWER_NULL, RCODE_NOERROR},
		    {ANSWER_ADDRESS, RCODE_NOERROR},
		    {ANSWER_NODATA, RCODE_NOERROR},
		    {ANSWER_NXDOMAIN, RCODE_NXDOMAIN},
		    {ANSWER_REFUSED, RCODE_REFUSED}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig *rig = rig_of("encrypted");
		struct script_rule *rule = block(rig, "ads", rows[i].answer);
		ask(rig, &rig_udp, "127.0.0.1", OPT_ASKS);
		assert_int_equal(rig_flags(rig) & MSG_RCODE, rows[i].rcode);
		assert_int_equal(rig_u16(rig, 6), 0);
		assert_int_equal(rig_u16(rig, 8), rows[i].rcode != RCODE_REFUSED); /* a SOA: it may be kept for a while */
		assert_string_equal(extra_text(rig), WHOLE);
		/* also when there is nothing to tell but the code; and from afar all is as it was */
		memset(rule->structured, 0, sizeof(rule->structured));
		ask(rig, &rig_udp, "127.0.0.1", OPT_ASKS);
		assert_int_equal(rig_u16(rig, 6), 0);
		assert_string_equal(extra_text(rig), PLAIN);
		ask(rig, &rig_udp, "192.0.2.1", OPT_ASKS);
		assert_int_equal(rig_u16(rig, 6), rows[i].answer == ANSWER_NULL);
		assert_string_equal(extra_text(rig), PLAIN);
		rig_destroy(rig);
	}
}

static const char *text_in(struct rig *rig, uint16_t limit)
{
	static const uint8_t query[] =
	    "\x12\x34\1\0\0\1\0\0\0\0\0\1\3ads\0\0\1\0\1\0\0\x29\4\xd0\0\0\0\0\0\4\0\x1a\0"; /* a NUL more */
	struct policy_answer a = {.answer = ANSWER_NXDOMAIN, .ttl_s = 10};
	struct policy_structured s = {{STR_LIT(WHOLE), STR_LIT(LESS), STR_LIT(LEAST)}};
	struct query q;

	memset(&q, 0, sizeof(q));
	q.via = &rig_udp;
	assert_true(addr_from_text(str_from("127.0.0.1"), 4000, &q.peer));
	assert_true(service_begin_batch(rig->service));
	query_begin(&q, query, sizeof(query));
	assert_int_equal(q.parsed, MSG_QUERY);
	assert_true(q.wants_structured);
	q.limit = limit;
	answer_blocked(rig->service, &q, &a, &s);
	assert_true(rig->service->out_len <= limit);
	memcpy(rig->sent, rig->service->out, rig->service->out_len);
	rig->sent_len = rig->service->out_len;
	service_end_batch(rig->service);
	return (rig_flags(rig) & MSG_TC) != 0 ? "truncated" : extra_text(rig);
}

/* j goes, then o and l, then the text, then the code; and only then the answer. Whatever is sent is whole. */
static void what_gives_way(void **state)
{
	(void)state;
	enum { BARE = 12 + 5 + 4 + 11, SOA = 2 + 10 + 16 + 9 + 20, CODE = 6 };
	struct rig *rig = rig_of("encrypted");

	for (uint16_t limit = BARE; limit < BARE + SOA + CODE + sizeof(WHOLE) + 10; limit++) {
		size_t room = limit < BARE + SOA + CODE ? 0 : (size_t)limit - BARE - SOA - CODE;
		const char *expected = room >= strlen(WHOLE)   ? WHOLE
				       : room >= strlen(LESS)  ? LESS
				       : room >= strlen(LEAST) ? LEAST
							       : "";
		if (limit < BARE + SOA + CODE)
			expected = "no code";
		if (limit < BARE + SOA)
			expected = "truncated";
		const char *got = text_in(rig, limit);
		if (strcmp(got, expected) != 0)
			fail_msg("with room for %u: %s, and not %s", limit, got, expected);
	}
	rig_destroy(rig);
}

/* Over an encrypted transport, as another program made it. */
static void sample(void **state)
{
	(void)state;
	static const char text[] = "{\"s\":6,\"c\":[\"mailto:dns@example.net\"]}";
	struct rig *rig = rig_of("encrypted");
	uint8_t query[64], want[256];
	size_t len =
	    from_hex("12340100000100000000000103616473074578616d706c6503636f6d000001000100002904d0000000000004001a0000", query);
	struct script_rule *rule = block(rig, "ads.example.com", ANSWER_NXDOMAIN);

	rule->structured[0] = text;
	rig_run(rig, &via_encrypted, "192.0.2.1", query, len);
	len = from_hex(
	    "12348183000100000001000103616473074578616d706c6503636f6d0000010001c010000600010000000a002d06736172696e6707696e76616c"
	    "696400066e6f626f6479c03400000001000007080000038400093a800000000a00002904d000000000002c000f0028000f7b2273223a362c2263"
	    "223a5b226d61696c746f3a646e73406578616d706c652e6e6574225d7d",
	    want);
	assert_int_equal(rig->sent_len, len);
	assert_memory_equal(rig->sent, want, len);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_gets_it),    cmocka_unit_test(what_asks_for_it), cmocka_unit_test(no_forged_answers),
	    cmocka_unit_test(what_gives_way), cmocka_unit_test(sample),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
