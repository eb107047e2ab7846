/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names answered here: every row of special.h for every kind of question, whole; and who outranks the table. */
#include "query/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/mailbox.h"
#include "rig.h"
#include "script.h"
#include "wire/edns.h"

#define PUBLIC "listen: [dns://127.0.0.1:5300]\nupstream: {servers: [192.0.2.53]%s}\nlists: [{name: script, file: s.yaml}]\n%s"
#define TTL_S 10800

static struct rig *rig_of(const char *text)
{
	return rig_create(rig_settings(text), script_create());
}

/* With a server anywhere in the world, and what more is said of names. */
static struct rig *rig_with(const char *routes, const char *more)
{
	char text[4096];
	snprintf(text, sizeof(text), PUBLIC, routes, more);
	return rig_of(text);
}

static void ask(struct rig *rig, const char *name, uint16_t type, bool dnssec_ok)
{
	uint8_t bytes[512];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct name n = rig_name(name);

	msg_write_header(&w, &(struct msg_header){.id = 7, .flags = MSG_RD, .qdcount = 1, .arcount = dnssec_ok});
	name_write(&w, &n);
	wr_u16(&w, type);
	wr_u16(&w, RRCLASS_IN);
	if (dnssec_ok)
		edns_write_end(&w, edns_write_begin(&w, 1232, 0, true));
	rig_run(rig, &rig_udp, "127.0.0.1", bytes, w.pos);
}

/* Somebody asks upstream servers for `sought`; whoever asks for `name` now waits for that. */
static bool waits_for(struct rig *rig, const char *name, const char *sought, uint16_t type, bool dnssec_ok)
{
	struct name n = rig_name(sought);
	struct cache_key key = {.name = &n, .type = type, .class = RRCLASS_IN, .dnssec_ok = dnssec_ok};
	struct inflight_waiter *waiters;

	cache_hash(rig->cache, &key);
	assert_int_equal(inflight_join(rig->inflight, &key, NULL), INFLIGHT_OWNER);
	ask(rig, name, type, dnssec_ok);
	size_t count = inflight_take(rig->inflight, &key, &waiters);
	assert_int_equal(count, rig->sent_len == 0);
	for (size_t i = 0; i < count; i++) {
		struct query *q = slot_find(rig->service, waiters[i].slot, waiters[i].serial);
		assert_non_null(q);
		slot_free(rig->service, q);
	}
	free(waiters);
	return count == 1;
}

static bool goes_upstream(struct rig *rig, const char *name, uint16_t type)
{
	return waits_for(rig, name, name, type, false);
}

/* ---- one answer, read whole ---- */

struct sent {
	struct msg_header header;
	struct msg_rr rr;
};

static struct sent sent_of(const struct rig *rig)
{
	struct sent sent = {.rr = {.rdata_len = 0}};
	struct rd r = rd_init(rig->sent, rig->sent_len);
	struct msg_question question;

	assert_true(rig->sent_len > 0);
	msg_read_header(&r, &sent.header);
	assert_true(msg_read_question(&r, &question));
	assert_int_equal(sent.header.ancount + sent.header.nscount, 1);
	assert_true(msg_read_rr(&r, &sent.rr));
	assert_int_equal(sent.rr.class, RRCLASS_IN);
	assert_int_equal(sent.rr.ttl_s, TTL_S);
	for (unsigned left = sent.header.arcount; left > 0; left--) {
		struct msg_rr opt;
		assert_true(msg_read_rr(&r, &opt));
		assert_int_equal(opt.type, RRTYPE_OPT);
	}
	assert_int_equal(rd_left(&r), 0);
	return sent;
}

/* RFC 6303 §3: @ 10800 IN SOA @ nobody.invalid. 1 3600 1200 604800 10800 */
static void is_soa_of(const struct rig *rig, const struct sent *sent, const struct name *zone)
{
	static const uint32_t numbers[] = {1, 3600, 1200, 604800, TTL_S};
	struct name mname, rname, nobody = rig_name("nobody.invalid");
	struct rd r = rd_init(rig->sent, rig->sent_len);

	assert_int_equal(sent->rr.type, RRTYPE_SOA);
	assert_true(name_eq(&sent->rr.owner, zone));
	rd_skip(&r, sent->rr.rdata_pos);
	assert_true(name_read(&r, &mname) && name_read(&r, &rname));
	assert_true(name_eq(&mname, zone) && name_eq(&rname, &nobody));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		assert_int_equal(rd_u32(&r), numbers[i]);
	assert_int_equal(r.pos, sent->rr.rdata_pos + sent->rr.rdata_len);
}

/* What must be said: a type, or 0 for none and 3 for no such name. */
static int expected(const struct special *row, bool top, uint16_t type)
{
	bool any = type == RRTYPE_ANY, address = strncmp(row->name, "1.0.0.0.", 8) == 0;

	switch (row->kind) {
	case SPECIAL_DENIED:
		return -RCODE_NXDOMAIN;
	case SPECIAL_LOCALHOST:
		return type == RRTYPE_A || any ? RRTYPE_A : type == RRTYPE_AAAA ? RRTYPE_AAAA : 0;
	case SPECIAL_LOOPBACK:
		if (top && address && (type == RRTYPE_PTR || any))
			return RRTYPE_PTR;
		break;
	case SPECIAL_EMPTY:
	case SPECIAL_RESOLVER:
		break;
	}
	if (!top)
		return -RCODE_NXDOMAIN;
	return type == RRTYPE_SOA || any ? RRTYPE_SOA : type == RRTYPE_NS ? RRTYPE_NS : 0;
}

static void check(const struct rig *rig, const struct special *row, bool top, uint16_t type)
{
	struct name zone = rig_name(row->name), got;
	struct sent sent = sent_of(rig);
	int want = expected(row, top, type);
	uint16_t rcode = want < 0 ? (uint16_t)-want : RCODE_NOERROR;
	struct rd r = rd_init(rig->sent, rig->sent_len);

	if ((sent.header.flags & ~MSG_RCODE) != (MSG_QR | MSG_AA | MSG_RD | MSG_RA) || (sent.header.flags & MSG_RCODE) != rcode)
		fail_msg("%s top %d type %u: flags %04x", row->name, top, type, sent.header.flags);
	if (want <= 0) {
		assert_int_equal(sent.header.ancount, 0);
		is_soa_of(rig, &sent, &zone);
		return;
	}
	assert_int_equal(sent.header.ancount, 1);
	assert_int_equal(sent.rr.type, want);
	rd_skip(&r, sent.rr.rdata_pos);
	switch (want) {
	case RRTYPE_SOA:
		is_soa_of(rig, &sent, &zone);
		break;
	case RRTYPE_NS:
		assert_true(name_read(&r, &got) && name_eq(&got, &zone) && name_eq(&sent.rr.owner, &zone));
		break;
	case RRTYPE_PTR: {
		struct name localhost = rig_name("localhost");
		assert_true(name_read(&r, &got) && name_eq(&got, &localhost));
		break;
	}
	case RRTYPE_A:
		assert_int_equal(sent.rr.rdata_len, 4);
		assert_memory_equal(rig->sent + sent.rr.rdata_pos, "\x7f\0\0\1", 4);
		break;
	case RRTYPE_AAAA:
		assert_int_equal(sent.rr.rdata_len, 16);
		assert_memory_equal(rig->sent + sent.rr.rdata_pos, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
		break;
	default:
		fail_msg("type %d", want);
	}
}

#define ALL_DENIED                                                                                                               \
	"names: {deny: [use-application-dns.net, mask.icloud.com, mask-h2.icloud.com, intranet, internal, private, corp, home, " \
	"lan]}\n"

static void every_row(void **state)
{
	(void)state;
	static const uint16_t types[] = {RRTYPE_A,   RRTYPE_AAAA, RRTYPE_SOA, RRTYPE_NS,    RRTYPE_PTR,	  RRTYPE_TXT,
					 RRTYPE_ANY, RRTYPE_DS,	  RRTYPE_MX,  RRTYPE_HTTPS, RRTYPE_CNAME, 65280};
	struct rig *rig = rig_with("", ALL_DENIED);
	uint64_t asked = 0;

	for (size_t i = 0; i < special_count; i++)
		for (size_t t = 0; t < ARRAY_LEN(types); t++)
			for (int depth = 0; depth < 3; depth++) {
				char name[NAME_TEXT_MAX];
				snprintf(name, sizeof(name), "%s%s",
					 depth == 0   ? ""
					 : depth == 1 ? "x."
						      : "a.b9.",
					 specials[i].name);
				ask(rig, name, types[t], false);
				check(rig, &specials[i], depth == 0, types[t]);
				asked++;
			}
	assert_int_equal(rig_count(rig, COUNTER_LOCAL), asked);
	assert_int_equal(rig->service->slots_made, 0); /* nobody waited */
	rig_destroy(rig);
}

/* And each of them is an ordinary name when saring.yaml says so. */
static void every_row_can_be_switched_off(void **state)
{
	(void)state;
	struct rig *none = rig_with("", "");

	for (size_t i = 0; i < special_count; i++) {
		char more[128];
		if (specials[i].when == SPECIAL_ON_WISH) {
			assert_true(goes_upstream(none, specials[i].name, RRTYPE_A));
			continue;
		}
		snprintf(more, sizeof(more), "names: {forward: [%s]}\n", specials[i].name);
		struct rig *rig = rig_with("", more);
		assert_true(goes_upstream(rig, specials[i].name, RRTYPE_TXT));
		assert_false(goes_upstream(rig, i == 1 ? "onion" : "invalid", RRTYPE_TXT));
		rig_destroy(rig);
	}
	rig_destroy(none);
}

static void loopback_and_discovery(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t type;
		unsigned flags;
		const char *record;
	} rows[] = {
	    {"1.0.0.127.in-addr.arpa", RRTYPE_PTR, 0x8580, "1.0.0.127.in-addr.arpa 10800 PTR 096c6f63616c686f737400"},
	    {"1.0.0.127.in-addr.arpa", RRTYPE_ANY, 0x8580, "1.0.0.127.in-addr.arpa 10800 PTR 096c6f63616c686f737400"},
	    {"1.0.0.127.in-addr.arpa", RRTYPE_A, 0x8580, "127.in-addr.arpa 10800 SOA 127.in-addr.arpa"},
	    {"0.0.127.in-addr.arpa", RRTYPE_PTR, 0x8580, "127.in-addr.arpa 10800 SOA 127.in-addr.arpa"},
	    {"0.127.in-addr.arpa", RRTYPE_NS, 0x8580, "127.in-addr.arpa 10800 SOA 127.in-addr.arpa"},
	    {"2.0.0.127.in-addr.arpa", RRTYPE_PTR, 0x8583, "127.in-addr.arpa 10800 SOA 127.in-addr.arpa"},
	    {"x.1.0.0.127.in-addr.arpa", RRTYPE_PTR, 0x8583, "127.in-addr.arpa 10800 SOA 127.in-addr.arpa"},
	    {"_dns.resolver.arpa", RRTYPE_SVCB, 0x8580, "resolver.arpa 10800 SOA resolver.arpa"},
	    {"_dns.resolver.arpa", RRTYPE_A, 0x8580, "resolver.arpa 10800 SOA resolver.arpa"},
	    {"resolver.arpa", RRTYPE_SVCB, 0x8580, "resolver.arpa 10800 SOA resolver.arpa"},
	    {"_dnt.resolver.arpa", RRTYPE_SVCB, 0x8583, "resolver.arpa 10800 SOA resolver.arpa"},
	    {"x._dns.resolver.arpa", RRTYPE_SVCB, 0x8583, "resolver.arpa 10800 SOA resolver.arpa"},
	    {"_853._dns.resolver.arpa", RRTYPE_SVCB, 0x8583, "resolver.arpa 10800 SOA resolver.arpa"},
	    {"default.service.arpa", RRTYPE_SVCB, 0x8583, "service.arpa 10800 SOA service.arpa"},
	    {"foo.bar.localhost", RRTYPE_A, 0x8580, "foo.bar.localhost 10800 A 127.0.0.1"},
	    {"foo.bar.localhost", RRTYPE_AAAA, 0x8580, "foo.bar.localhost 10800 AAAA ::1"},
	    {"foo.bar.localhost", RRTYPE_HTTPS, 0x8580, "localhost 10800 SOA localhost"},
	};
	struct rig *rig = rig_with("", "");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ask(rig, rows[i].name, rows[i].type, false);
		assert_int_equal(rig_flags(rig), rows[i].flags);
		assert_string_equal(rig_record(rig, 0), rows[i].record);
		assert_string_equal(rig_record(rig, 1), "");
	}
	rig_destroy(rig);
}

static void ordinary_names(void **state)
{
	(void)state;
	static const char *const names[] = {"ipv4only.arpa",
					    "170.0.0.192.in-addr.arpa",
					    "171.0.0.192.in-addr.arpa",
					    "example",
					    "example.com",
					    "www.example.org",
					    "15.172.in-addr.arpa",
					    "32.172.in-addr.arpa",
					    "63.100.in-addr.arpa",
					    "128.100.in-addr.arpa",
					    "arpa",
					    "in-addr.arpa",
					    "lan",
					    "a.home",
					    "use-application-dns.net",
					    "com",
					    "."};
	struct rig *rig = rig_with("", "");

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_true(goes_upstream(rig, names[i], RRTYPE_A));
	rig_destroy(rig);
}

/* RFC 8375 §4: whoever validates must hear from the parent that home.arpa is not signed. */
static void ds_of_home_arpa(void **state)
{
	(void)state;
	struct rig *rig = rig_with("", "");

	assert_true(waits_for(rig, "home.arpa", "home.arpa", RRTYPE_DS, true));
	assert_false(waits_for(rig, "home.arpa", "home.arpa", RRTYPE_DS, false));
	assert_int_equal(rig_flags(rig), 0x8580);
	assert_false(waits_for(rig, "x.home.arpa", "x.home.arpa", RRTYPE_DS, true));
	assert_int_equal(rig_flags(rig), 0x8583);
	assert_false(waits_for(rig, "home.arpa", "home.arpa", RRTYPE_DNSKEY, true));
	assert_false(waits_for(rig, "10.in-addr.arpa", "10.in-addr.arpa", RRTYPE_DS, true));
	rig_destroy(rig);
}

/* Names below test go to one's own servers, and never to the Internet's. */
static void test_is_for_own_servers(void **state)
{
	(void)state;
	static const struct {
		const char *servers;
		bool asked;
	} rows[] = {{"127.0.0.1:5300", true}, {"10.1.1.1", true},	    {"192.168.0.1, 'dns://[fd00::1]'", true},
		    {"9.9.9.9", false},	      {"10.1.1.1, 9.9.9.9", false}, {"'dns://[2001:db8::1]'", false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[512];
		snprintf(
		    text, sizeof(text),
		    "listen: [dns://127.0.0.1:5301]\nupstream: {servers: [%s], routes: [{zone: lab.test, servers: [192.0.2.9]}]}\n"
		    "lists: [{name: script, file: s.yaml}]\n",
		    rows[i].servers);
		struct rig *rig = rig_of(text);
		assert_int_equal(goes_upstream(rig, "www.test", RRTYPE_A), rows[i].asked);
		assert_int_equal(goes_upstream(rig, "test", RRTYPE_A), rows[i].asked);
		assert_true(goes_upstream(rig, "www.lab.test", RRTYPE_A));
		assert_false(goes_upstream(rig, "www.invalid", RRTYPE_A));
		rig_destroy(rig);
	}
}

/* Routes at, above and below a row; one for the root says nothing of special names. */
static void routes(void **state)
{
	(void)state;
	struct rig *rig =
	    rig_with(", routes: [{zone: 10.in-addr.arpa, servers: [10.0.0.1]}, {zone: 5.168.192.in-addr.arpa, servers: "
		     "[10.0.0.1]}, {zone: home.arpa, servers: [10.0.0.1]}, {zone: lan, servers: [10.0.0.1]}]",
		     "names: {deny: [lan, corp], dotless: nodata}\n");
	assert_true(goes_upstream(rig, "10.in-addr.arpa", RRTYPE_SOA) && goes_upstream(rig, "1.2.3.10.in-addr.arpa", RRTYPE_PTR));
	assert_false(goes_upstream(rig, "168.192.in-addr.arpa", RRTYPE_SOA));
	assert_false(goes_upstream(rig, "1.6.168.192.in-addr.arpa", RRTYPE_PTR));
	assert_true(goes_upstream(rig, "1.5.168.192.in-addr.arpa", RRTYPE_PTR));
	assert_true(goes_upstream(rig, "home.arpa", RRTYPE_A) && goes_upstream(rig, "nas.home.arpa", RRTYPE_A));
	assert_true(goes_upstream(rig, "nas.lan", RRTYPE_A) && goes_upstream(rig, "lan", RRTYPE_A));
	assert_false(goes_upstream(rig, "nas.corp", RRTYPE_A));
	rig_destroy(rig);

	rig = rig_with(", routes: [{zone: arpa, servers: [10.0.0.1]}]", "");
	assert_true(goes_upstream(rig, "1.10.in-addr.arpa", RRTYPE_PTR) && goes_upstream(rig, "_dns.resolver.arpa", RRTYPE_SVCB));
	assert_false(goes_upstream(rig, "x.onion", RRTYPE_A));
	rig_destroy(rig);

	rig = rig_with(", routes: [{zone: '.', servers: [10.0.0.1]}]", "");
	assert_false(goes_upstream(rig, "1.10.in-addr.arpa", RRTYPE_PTR));
	assert_true(goes_upstream(rig, "www.example", RRTYPE_A));
	rig_destroy(rig);
}

static void lists(void **state)
{
	(void)state;
	struct rig *rig = rig_with("", "");

	(void)script_name(script_policy(rig), "ads.onion", ANSWER_NULL);
	script_name(script_policy(rig), "good.onion", ANSWER_NULL)->kind = VERDICT_ALLOWED;
	ask(rig, "ads.onion", RRTYPE_A, true);
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_string_equal(rig_record(rig, 0), "ads.onion 10 A 0.0.0.0");
	assert_int_equal(rig_ede(rig), EDE_FILTERED);
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 1);
	/* allowed is not forwarded */
	assert_false(goes_upstream(rig, "good.onion", RRTYPE_A));
	assert_int_equal(rig_flags(rig), 0x8583);
	rig_destroy(rig);
}

/* Where an entry sends a question to a name answered here, that is what the answer leads to, and nobody is asked. */
static void sent_there_by_an_entry(void **state)
{
	(void)state;
	struct rig *rig = rig_with("", "");
	struct policy *p = script_policy(rig);
	static struct rig_reply r;

	script_record(script_name(p, "a.example", ANSWER_LOCAL), RRTYPE_CNAME, 60, "foo.localhost");
	script_record(script_name(p, "b.example", ANSWER_LOCAL), RRTYPE_CNAME, 60, "x.invalid");
	script_record(script_name(p, "evil.example", ANSWER_LOCAL), RRTYPE_CNAME, 60, "localhost");
	assert_false(waits_for(rig, "a.example", "foo.localhost", RRTYPE_A, false));
	assert_int_equal(rig_flags(rig), 0x8180);
	assert_string_equal(rig_record(rig, 0), "a.example 60 CNAME foo.localhost");
	assert_string_equal(rig_record(rig, 1), "foo.localhost 10800 A 127.0.0.1");
	assert_false(waits_for(rig, "b.example", "x.invalid", RRTYPE_A, true));
	assert_int_equal(rig_flags(rig), 0x8183);
	assert_string_equal(rig_record(rig, 0), "b.example 60 CNAME x.invalid");
	assert_string_equal(rig_record(rig, 1), "invalid 3600 SOA invalid"); /* cache.max-negative-ttl */
	assert_int_equal(rig_ede(rig), EDE_FILTERED);
	/* what the answer held brought it */
	rig_reply_begin(&r, "c.example", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "c.example", RRTYPE_CNAME, 200, "evil.example");
	rig_reply_add(&r, "evil.example", RRTYPE_A, 200, "192.0.2.66");
	rig_reply_end(&r);
	rig_cache(rig, &r);
	assert_false(waits_for(rig, "c.example", "localhost", RRTYPE_A, false));
	assert_string_equal(rig_record(rig, 0), "c.example 60 CNAME localhost");
	assert_string_equal(rig_record(rig, 1), "localhost 10800 A 127.0.0.1");
	assert_int_equal(rig_count(rig, COUNTER_BLOCKED), 3);
	rig_destroy(rig);
}

static void dotless(void **state)
{
	(void)state;
	struct rig *rig = rig_with("", "names: {dotless: nodata}\n");

	for (int v6 = 0; v6 < 2; v6++) {
		assert_false(goes_upstream(rig, "printer", v6 ? RRTYPE_AAAA : RRTYPE_A));
		assert_int_equal(rig_flags(rig), 0x8580);
		assert_string_equal(rig_record(rig, 0), "printer 10800 SOA printer");
	}
	assert_true(goes_upstream(rig, "com", RRTYPE_NS) && goes_upstream(rig, "com", RRTYPE_DS) &&
		    goes_upstream(rig, ".", RRTYPE_A));
	assert_true(goes_upstream(rig, "printer.example", RRTYPE_A));
	assert_false(goes_upstream(rig, "localhost", RRTYPE_A)); /* a row of its own */
	assert_string_equal(rig_record(rig, 0), "localhost 10800 A 127.0.0.1");
	rig_destroy(rig);
	rig = rig_with("", "");
	assert_true(goes_upstream(rig, "printer", RRTYPE_A));
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row),
	    cmocka_unit_test(every_row_can_be_switched_off),
	    cmocka_unit_test(loopback_and_discovery),
	    cmocka_unit_test(ordinary_names),
	    cmocka_unit_test(ds_of_home_arpa),
	    cmocka_unit_test(test_is_for_own_servers),
	    cmocka_unit_test(routes),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(sent_there_by_an_entry),
	    cmocka_unit_test(dotless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
