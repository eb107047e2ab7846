/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages are written record by record, distilled, put together again as they would be sent, and read by ldns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h> /* before ldns, which otherwise makes a bool of its own */

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "upstream/distill.h"

static uint8_t message[65535], room_body[65535], whole[65535];
static struct wr w;
static struct name qname;
static uint16_t qtype;
static struct response out;
static struct response_room room = {.body = room_body};

static struct name name_of(const char *text)
{
	struct name n;
	struct err err;
	assert_true(name_from_text(str_from(text), &n, &err));
	return n;
}

enum count { ANCOUNT = 6, NSCOUNT = 8, ARCOUNT = 10 };

static void begin(const char *name, uint16_t type, uint16_t flags)
{
	qname = name_of(name);
	qtype = type;
	w = wr_init(message, sizeof(message));
	const struct msg_header h = {.id = 7, .flags = (uint16_t)(MSG_QR | MSG_RD | MSG_RA | flags), .qdcount = 1};
	msg_write_header(&w, &h);
	name_write(&w, &qname);
	wr_u16(&w, type);
	wr_u16(&w, RRCLASS_IN);
}

/* A record's front; the caller writes rdata_len bytes after it. */
static void front(enum count section, const char *owner, uint16_t type, uint32_t ttl_s, size_t rdata_len)
{
	struct name n = name_of(owner);
	name_write(&w, &n);
	wr_u16(&w, type);
	wr_u16(&w, RRCLASS_IN);
	wr_u32(&w, ttl_s);
	wr_u16(&w, (uint16_t)rdata_len);
	uint16_t count = (uint16_t)(message[section] << 8 | message[section + 1]);
	wr_patch_u16(&w, section, (uint16_t)(count + 1));
}

static void a(const char *owner, uint32_t ttl_s, uint32_t address)
{
	front(ANCOUNT, owner, RRTYPE_A, ttl_s, 4);
	wr_u32(&w, address);
}

static void named(enum count section, const char *owner, uint16_t type, uint32_t ttl_s, const char *target)
{
	struct name n = name_of(target);
	front(section, owner, type, ttl_s, n.len);
	name_write(&w, &n);
}

static void cname(const char *owner, uint32_t ttl_s, const char *target)
{
	named(ANCOUNT, owner, RRTYPE_CNAME, ttl_s, target);
}

static void soa(const char *owner, uint32_t ttl_s, uint32_t minimum_s)
{
	struct name n = name_of("ns.example");
	front(NSCOUNT, owner, RRTYPE_SOA, ttl_s, 2u * n.len + 20);
	name_write(&w, &n);
	name_write(&w, &n);
	for (int i = 0; i < 4; i++)
		wr_u32(&w, 1000);
	wr_u32(&w, minimum_s);
}

static void rrsig(enum count section, const char *owner, uint16_t covered, uint32_t ttl_s)
{
	struct name signer = name_of("example");
	front(section, owner, RRTYPE_RRSIG, ttl_s, 18u + signer.len + 8);
	wr_u16(&w, covered);
	wr_u16(&w, 0x0d02);
	wr_u32(&w, ttl_s);
	wr_u32(&w, 2000000000);
	wr_u32(&w, 1000000000);
	wr_u16(&w, 4711);
	name_write(&w, &signer);
	wr_bytes(&w, "signatur", 8);
}

static void nsec(const char *owner, uint32_t ttl_s)
{
	struct name next = name_of("z.example");
	front(NSCOUNT, owner, RRTYPE_NSEC, ttl_s, next.len + 3u);
	name_write(&w, &next);
	wr_bytes(&w, "\x00\x01\x40", 3);
}

static enum distill run(bool dnssec_ok)
{
	assert_false(w.full);
	memset(&out, 0xee, sizeof(out));
	room.body_cap = sizeof(room_body);
	memset(room_body, 0xee, sizeof(room_body));
	return distill(message, w.pos, &qname, qtype, dnssec_ok, &room, &out);
}

/* Header and question as a client is sent, and the body after it. */
static size_t assemble(void)
{
	struct wr v = wr_init(whole, sizeof(whole));
	const struct msg_header h = {.id = 1,
				     .flags = (uint16_t)(MSG_QR | out.flags),
				     .qdcount = 1,
				     .ancount = out.ancount,
				     .nscount = out.nscount,
				     .arcount = out.arcount};
	msg_write_header(&v, &h);
	name_write(&v, &qname);
	wr_u16(&v, qtype);
	wr_u16(&v, RRCLASS_IN);
	wr_bytes(&v, out.body, out.body_len);
	assert_false(v.full);
	return v.pos;
}

static ldns_pkt *sent(void)
{
	ldns_pkt *pkt = NULL;
	assert_int_equal(ldns_wire2pkt(&pkt, whole, assemble()), LDNS_STATUS_OK);
	assert_int_equal(ldns_pkt_ancount(pkt), out.ancount);
	assert_int_equal(ldns_pkt_nscount(pkt), out.nscount);
	assert_int_equal(ldns_pkt_arcount(pkt), 0);
	assert_int_equal(out.ttl_count, out.ancount + out.nscount);
	return pkt;
}

/* The answer and authority sections as text, "owner type ttl" a record, must be these. */
static void expect(const char *const *lines)
{
	ldns_pkt *pkt = sent();
	size_t i = 0;
	for (int section = 0; section < 2; section++) {
		ldns_rr_list *list = section == 0 ? ldns_pkt_answer(pkt) : ldns_pkt_authority(pkt);
		for (size_t j = 0; j < ldns_rr_list_rr_count(list); j++, i++) {
			ldns_rr *rr = ldns_rr_list_rr(list, j);
			char line[512];
			char *owner = ldns_rdf2str(ldns_rr_owner(rr)), *type = ldns_rr_type2str(ldns_rr_get_type(rr));
			(void)snprintf(line, sizeof(line), "%s %s %u", owner, type, ldns_rr_ttl(rr));
			assert_non_null(lines[i]);
			assert_string_equal(line, lines[i]);
			/* the place noted is where that TTL lies */
			const uint8_t *p = out.body + out.ttl_pos[i];
			assert_int_equal((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3], ldns_rr_ttl(rr));
			free(owner);
			free(type);
		}
	}
	assert_null(lines[i]);
	ldns_pkt_free(pkt);
}
#define EXPECT(...) expect((const char *const[]){__VA_ARGS__, NULL})

static void expect_target(size_t i, const char *text)
{
	assert_true(i < out.target_count);
	size_t len = assemble();
	struct rd r = rd_init(whole, len);
	r.pos = MSG_HEADER_LEN + qname.len + 4u + out.targets[i];
	struct name n, want = name_of(text);
	assert_true(name_read(&r, &n));
	assert_true(name_eq_nocase(&n, &want));
}

/* A route's zone, for the servers of which the message is read. */
static bool is_below(const void *arg, const struct name *name)
{
	return name_is_below_or_eq(name, arg);
}

static enum distill run_within(const char *zone, bool dnssec_ok)
{
	struct name n = name_of(zone);
	const struct distill_bounds bounds = {.holds = is_below, .arg = &n};
	memset(&out, 0xee, sizeof(out));
	room.body_cap = sizeof(room_body);
	return distill_within(message, w.pos, &qname, qtype, dnssec_ok, &bounds, &room, &out);
}

static void an_address(void **state)
{
	(void)state;
	begin("www.example", RRTYPE_A, MSG_AD | MSG_AA);
	a("www.example", 300, 1);
	a("www.example", 200, 2);
	a("WWW.Example", 250, 3);
	assert_int_equal(run(false), DISTILL_OK);
	assert_false(out.negative);
	assert_int_equal(out.flags, MSG_AD);
	assert_int_equal(out.ttl_s, 200);
	assert_int_equal(out.age_s, 0);
	assert_int_equal(out.target_count, 0);
	EXPECT("www.example. A 200", "www.example. A 200", "www.example. A 200");
	assert_int_equal(out.body_len, 3 * 16); /* every owner points to the question */
	assert_int_equal(out.body[0], 0xc0);
	assert_int_equal(out.body[1], 12);
}

static void strangers_records_go(void **state)
{
	(void)state;
	begin("www.example", RRTYPE_A, 0);
	a("www.bank.test", 5, 0x06060606);
	a("www.example", 300, 1);
	rrsig(ANCOUNT, "www.example", RRTYPE_A, 300);
	rrsig(ANCOUNT, "www.example", RRTYPE_AAAA, 300);
	front(ANCOUNT, "www.example", RRTYPE_TXT, 5, 2);
	wr_bytes(&w, "\001x", 2);
	named(NSCOUNT, "example", RRTYPE_NS, 5, "ns.example");
	soa("example", 5, 5);
	front(ARCOUNT, "www.bank.test", RRTYPE_A, 5, 4);
	wr_u32(&w, 0x06060606);
	assert_int_equal(run(false), DISTILL_OK);
	assert_int_equal(out.ttl_s, 300);
	EXPECT("www.example. A 300");
	assert_int_equal(run(true), DISTILL_OK);
	EXPECT("www.example. A 300", "www.example. RRSIG 300");
}

static void a_chain_in_any_order(void **state)
{
	(void)state;
	begin("a.example", RRTYPE_A, 0);
	a("c.example", 100, 1);
	cname("b.example", 50, "c.example");
	cname("a.example", 70, "b.example");
	cname("a.example", 90, "B.example"); /* the same once more: written once */
	assert_int_equal(run(false), DISTILL_OK);
	EXPECT("a.example. CNAME 70", "b.example. CNAME 50", "c.example. A 100");
	assert_int_equal(out.ttl_s, 50);
	assert_int_equal(out.target_count, 2);
	expect_target(0, "b.example");
	expect_target(1, "c.example");
}

static void chains_that_are_refused(void **state)
{
	(void)state;
	char owner[32], target[32];
	begin("a.example", RRTYPE_A, 0);
	cname("a.example", 60, "a.example");
	assert_int_equal(run(false), DISTILL_BAD);

	begin("a.example", RRTYPE_A, 0);
	cname("a.example", 60, "b.example");
	cname("b.example", 60, "A.example");
	a("a.example", 60, 1);
	assert_int_equal(run(false), DISTILL_BAD);

	begin("a.example", RRTYPE_A, 0);
	cname("a.example", 60, "b.example");
	cname("a.example", 60, "c.example");
	a("b.example", 60, 1);
	a("c.example", 60, 1);
	assert_int_equal(run(false), DISTILL_BAD);

	for (unsigned links = DISTILL_LINKS_MAX; links <= DISTILL_LINKS_MAX + 1; links++) {
		begin("n0.example", RRTYPE_A, 0);
		for (unsigned i = 0; i < links; i++) {
			(void)snprintf(owner, sizeof(owner), "n%u.example", i);
			(void)snprintf(target, sizeof(target), "n%u.example", i + 1);
			cname(owner, 60, target);
		}
		(void)snprintf(owner, sizeof(owner), "n%u.example", links);
		a(owner, 60, 1);
		assert_int_equal(run(false), links == DISTILL_LINKS_MAX ? DISTILL_OK : DISTILL_BAD);
	}
	begin("n0.example", RRTYPE_A, 0);
	for (unsigned i = 0; i < 300; i++) {
		(void)snprintf(owner, sizeof(owner), "n%u.example", i);
		(void)snprintf(target, sizeof(target), "n%u.example", i + 1);
		cname(owner, 60, target);
	}
	assert_int_equal(run(false), DISTILL_BAD);
}

static void denials(void **state)
{
	(void)state;
	begin("no.example", RRTYPE_A, RCODE_NXDOMAIN);
	soa("example", 3600, 900);
	nsec("a.example", 700);
	rrsig(NSCOUNT, "a.example", RRTYPE_NSEC, 700);
	rrsig(NSCOUNT, "example", RRTYPE_SOA, 3600);
	assert_int_equal(run(false), DISTILL_OK);
	assert_true(out.negative);
	assert_int_equal(out.flags, RCODE_NXDOMAIN);
	assert_int_equal(out.ttl_s, 900);
	EXPECT("example. SOA 900");
	assert_int_equal(run(true), DISTILL_OK);
	assert_int_equal(out.ttl_s, 700);
	EXPECT("example. SOA 700", "a.example. NSEC 700", "a.example. RRSIG 700", "example. RRSIG 700");

	begin("www.example", RRTYPE_AAAA, 0);
	soa("example", 60, 900);
	assert_int_equal(run(false), DISTILL_OK);
	assert_true(out.negative);
	assert_int_equal(out.ttl_s, 60);

	begin("a.example", RRTYPE_AAAA, RCODE_NXDOMAIN); /* the last link is denied */
	cname("a.example", 40, "b.elsewhere");
	soa("elsewhere", 300, 300);
	assert_int_equal(run(false), DISTILL_OK);
	assert_true(out.negative);
	assert_int_equal(out.ttl_s, 40);
	EXPECT("a.example. CNAME 40", "elsewhere. SOA 300");
	expect_target(0, "b.elsewhere");

	begin(".", RRTYPE_A, 0);
	soa(".", 86400, 86400);
	assert_int_equal(run(false), DISTILL_OK);
	EXPECT(". SOA 86400");
}

static void denials_without_soa_are_not_kept(void **state)
{
	(void)state;
	begin("no.example", RRTYPE_A, RCODE_NXDOMAIN);
	assert_int_equal(run(false), DISTILL_UNCACHED);
	assert_true(out.negative);
	assert_int_equal(out.flags, RCODE_NXDOMAIN);
	assert_int_equal(out.body_len, 0);

	begin("no.example", RRTYPE_A, 0);
	assert_int_equal(run(false), DISTILL_UNCACHED);

	begin("no.example", RRTYPE_A, RCODE_NXDOMAIN); /* somebody else's SOA denies nothing here, and is not passed on */
	soa("bank.test", 3600, 900);
	assert_int_equal(run(false), DISTILL_UNCACHED);
	assert_int_equal(out.nscount, 0);

	begin("a.example", RRTYPE_A, 0); /* a chain whose end the server did not know */
	cname("a.example", 60, "b.elsewhere");
	named(NSCOUNT, "elsewhere", RRTYPE_NS, 60, "ns.elsewhere");
	assert_int_equal(run(false), DISTILL_UNCACHED);
	EXPECT("a.example. CNAME 60");
}

static void referrals_are_lame(void **state)
{
	(void)state;
	begin("www.example", RRTYPE_A, 0);
	named(NSCOUNT, "example", RRTYPE_NS, 3600, "ns.example");
	assert_int_equal(run(false), DISTILL_BAD);
	begin("www.example", RRTYPE_A, 0); /* NS beside an SOA is no referral */
	named(NSCOUNT, "example", RRTYPE_NS, 3600, "ns.example");
	soa("example", 3600, 900);
	assert_int_equal(run(false), DISTILL_OK);
	EXPECT("example. SOA 900");
}

static void failures(void **state)
{
	(void)state;
	static const uint16_t rcodes[] = {RCODE_FORMERR, RCODE_SERVFAIL, RCODE_NOTIMP, RCODE_REFUSED, 6, RCODE_NOTAUTH, 15};
	for (size_t i = 0; i < ARRAY_LEN(rcodes); i++) {
		begin("www.example", RRTYPE_A, rcodes[i]);
		a("www.example", 60, 1);
		assert_int_equal(run(false), DISTILL_FAILED);
		assert_int_equal(out.flags, rcodes[i]);
		assert_int_equal(out.ancount, 0);
		assert_int_equal(out.body_len, 0);
	}
	begin("www.example", RRTYPE_A, RCODE_SERVFAIL); /* an error without its question is one too */
	message[5] = 0;
	w.pos = 12;
	assert_int_equal(run(false), DISTILL_FAILED);
	begin("www.example", RRTYPE_A, 0); /* BADVERS: the rcode's high bits are in the OPT */
	front(ARCOUNT, ".", RRTYPE_OPT, 0x01000000, 0);
	assert_int_equal(run(false), DISTILL_FAILED);
	begin("www.example", RRTYPE_A, RCODE_NXDOMAIN); /* denied and answered at once */
	a("www.example", 60, 1);
	assert_int_equal(run(false), DISTILL_BAD);
}

static void malformed(void **state)
{
	(void)state;
	begin("www.example", RRTYPE_A, 0);
	a("www.example", 60, 1);
	a("www.example", 60, 2);
	size_t len = w.pos;
	for (size_t cut = 0; cut < len; cut++) {
		w.pos = cut;
		assert_int_equal(run(false), DISTILL_GARBLED);
	}
	w.pos = len;
	assert_int_equal(run(false), DISTILL_OK);
	wr_u8(&w, 0);
	assert_int_equal(run(false), DISTILL_GARBLED);

	begin("www.example", RRTYPE_A, 0);
	front(ANCOUNT, "www.example", RRTYPE_A, 60, 3);
	wr_bytes(&w, "abc", 3);
	assert_int_equal(run(false), DISTILL_BAD);
	begin("www.example", RRTYPE_A, MSG_TC);
	a("www.example", 60, 1);
	assert_int_equal(run(false), DISTILL_GARBLED);
	begin("www.example", RRTYPE_A, 0);
	message[2] = 0; /* a query */
	assert_int_equal(run(false), DISTILL_GARBLED);
	begin("www.example", RRTYPE_A, 0); /* another question than was asked */
	qtype = RRTYPE_AAAA;
	assert_int_equal(run(false), DISTILL_GARBLED);
	begin("www.example", RRTYPE_A, 0);
	qname = name_of("www.example.org");
	assert_int_equal(run(false), DISTILL_GARBLED);
	for (int i = 0; i < 2; i++) { /* OPT twice; OPT not at the root */
		begin("www.example", RRTYPE_A, 0);
		a("www.example", 60, 1);
		front(ARCOUNT, i == 0 ? "." : "example", RRTYPE_OPT, 0, 0);
		if (i == 0)
			front(ARCOUNT, ".", RRTYPE_OPT, 0, 0);
		assert_int_equal(run(false), DISTILL_GARBLED);
	}
	begin("www.example", RRTYPE_A, 0); /* a CNAME whose RDATA goes on after the name */
	struct name n = name_of("b.example");
	front(ANCOUNT, "www.example", RRTYPE_CNAME, 60, n.len + 1u);
	name_write(&w, &n);
	wr_u8(&w, 0);
	assert_int_equal(run(false), DISTILL_BAD);
	begin("www.example", RRTYPE_A, 0); /* a CNAME that points to itself */
	front(ANCOUNT, "www.example", RRTYPE_CNAME, 60, 2);
	wr_u16(&w, (uint16_t)(0xc000 | w.pos));
	assert_int_equal(run(false), DISTILL_BAD);
}

static void strange_ttls(void **state)
{
	(void)state;
	begin("www.example", RRTYPE_A, 0);
	a("www.example", 0x80000000u, 1);
	assert_int_equal(run(false), DISTILL_OK);
	assert_int_equal(out.ttl_s, 604800);
	EXPECT("www.example. A 604800");
	begin("www.example", RRTYPE_A, 0);
	a("www.example", 0, 1);
	assert_int_equal(run(false), DISTILL_OK);
	assert_int_equal(out.ttl_s, 0);
	begin("www.example", RRTYPE_A, RCODE_NXDOMAIN);
	soa("example", 0xffffffffu, 0xffffffffu);
	assert_int_equal(run(false), DISTILL_OK);
	assert_int_equal(out.ttl_s, 604800);
}

static void questions_for_special_types(void **state)
{
	(void)state;
	begin("a.example", RRTYPE_CNAME, 0);
	cname("a.example", 60, "b.example");
	cname("b.example", 60, "c.example");
	assert_int_equal(run(false), DISTILL_OK);
	EXPECT("a.example. CNAME 60");
	assert_int_equal(out.target_count, 1);
	expect_target(0, "b.example");

	begin("a.example", RRTYPE_ANY, 0);
	a("a.example", 60, 1);
	front(ANCOUNT, "a.example", RRTYPE_TXT, 30, 2);
	wr_bytes(&w, "\001x", 2);
	rrsig(ANCOUNT, "a.example", RRTYPE_A, 90);
	a("b.example", 5, 1);
	assert_int_equal(run(false), DISTILL_OK);
	EXPECT("a.example. A 30", "a.example. TXT 30", "a.example. RRSIG 30");

	begin("a.example", RRTYPE_ANY, 0);
	cname("a.example", 60, "b.example");
	assert_int_equal(run(false), DISTILL_OK);
	expect_target(0, "b.example");
	EXPECT("a.example. CNAME 60");

	begin("a.example", RRTYPE_RRSIG, 0);
	cname("a.example", 60, "b.example");
	rrsig(ANCOUNT, "a.example", RRTYPE_CNAME, 60);
	rrsig(ANCOUNT, "a.example", RRTYPE_NSEC, 60);
	assert_int_equal(run(false), DISTILL_OK);
	EXPECT("a.example. RRSIG 60", "a.example. RRSIG 60");
}

static void dname_goes_along_with_do(void **state)
{
	(void)state;
	begin("a.x.example", RRTYPE_A, 0);
	named(ANCOUNT, "x.example", RRTYPE_DNAME, 100, "y.example");
	rrsig(ANCOUNT, "x.example", RRTYPE_DNAME, 100);
	cname("a.x.example", 100, "a.y.example");
	a("a.y.example", 100, 1);
	rrsig(ANCOUNT, "a.y.example", RRTYPE_A, 100);
	assert_int_equal(run(false), DISTILL_OK);
	EXPECT("a.x.example. CNAME 100", "a.y.example. A 100");
	assert_int_equal(run(true), DISTILL_OK);
	EXPECT("x.example. DNAME 100", "x.example. RRSIG 100", "a.x.example. CNAME 100", "a.y.example. A 100",
	       "a.y.example. RRSIG 100");
	expect_target(0, "a.y.example");
}

static void a_dname_above_two_links_goes_once(void **state)
{
	(void)state;
	begin("a.x.example", RRTYPE_A, 0);
	named(ANCOUNT, "example", RRTYPE_DNAME, 100, "test");
	cname("a.x.example", 100, "b.example");
	cname("b.example", 100, "b.test");
	a("b.test", 100, 1);
	assert_int_equal(run(true), DISTILL_OK);
	EXPECT("example. DNAME 100", "a.x.example. CNAME 100", "b.example. CNAME 100", "b.test. A 100");
}

/* protocol: MaginotDNS. Whatever these servers say of names outside their zone is not heard. */
static void a_chain_is_cut_where_it_leaves_the_zone(void **state)
{
	(void)state;
	for (unsigned rcode = 0; rcode <= RCODE_NXDOMAIN; rcode += RCODE_NXDOMAIN) {
		begin("a.corp.example", RRTYPE_A, (uint16_t)(MSG_AD | rcode));
		a("www.bank.test", 5, 0x06060606);
		cname("www.bank.test", 5, "again.corp.example");
		cname("b.corp.example", 50, "WWW.bank.test");
		cname("a.corp.example", 70, "b.corp.example");
		rrsig(ANCOUNT, "b.corp.example", RRTYPE_CNAME, 50);
		soa("bank.test", 5, 5);
		for (int with_do = 0; with_do <= 1; with_do++) {
			assert_int_equal(run_within("corp.example", with_do), DISTILL_OK);
			assert_int_equal(out.flags, RESPONSE_CUT);
			assert_false(out.negative);
			assert_int_equal(out.ttl_s, 50);
			assert_int_equal(out.target_count, 2);
			expect_target(1, "www.bank.test");
			out.flags = 0;
			if (with_do)
				EXPECT("a.corp.example. CNAME 70", "b.corp.example. CNAME 50", "b.corp.example. RRSIG 50");
			else
				EXPECT("a.corp.example. CNAME 70", "b.corp.example. CNAME 50");
		}
	}
}

static void a_chain_within_the_zone_is_whole(void **state)
{
	(void)state;
	begin("a.corp.example", RRTYPE_A, MSG_AD);
	cname("a.corp.example", 70, "corp.example");
	a("corp.example", 60, 1);
	assert_int_equal(run_within("corp.example", false), DISTILL_OK);
	assert_int_equal(out.flags, MSG_AD);
	EXPECT("a.corp.example. CNAME 70", "corp.example. A 60");
	/* the question is for the link itself: that it leads out is nothing to follow */
	begin("a.corp.example", RRTYPE_CNAME, 0);
	cname("a.corp.example", 70, "www.bank.test");
	a("www.bank.test", 60, 1);
	assert_int_equal(run_within("corp.example", false), DISTILL_OK);
	assert_int_equal(out.flags, 0);
	EXPECT("a.corp.example. CNAME 70");
	/* the SOA of a denial may stand above: the route may be for a part of what the servers have */
	begin("a.corp.example", RRTYPE_A, RCODE_NXDOMAIN);
	soa("example", 60, 60);
	assert_int_equal(run_within("corp.example", false), DISTILL_OK);
	assert_true(out.negative);
	EXPECT("example. SOA 60");
	/* a DNAME above the zone is not these servers' to show; the link it made is */
	begin("a.corp.example", RRTYPE_A, 0);
	named(ANCOUNT, "example", RRTYPE_DNAME, 60, "bank.test");
	cname("a.corp.example", 60, "a.corp.bank.test");
	assert_int_equal(run_within("corp.example", true), DISTILL_OK);
	assert_int_equal(out.flags, RESPONSE_CUT);
	out.flags = 0;
	EXPECT("a.corp.example. CNAME 60");
}

static void records_that_break_their_form(void **state)
{
	(void)state;
	struct name n = name_of("ns.example");
	for (size_t cut = 0; cut <= 21; cut++) { /* an SOA cut short, and one that goes on */
		begin("www.example", RRTYPE_A, RCODE_NXDOMAIN);
		front(NSCOUNT, "example", RRTYPE_SOA, 60, 2u * n.len + 20 - cut + (cut == 21 ? 22 : 0));
		name_write(&w, &n);
		name_write(&w, &n);
		for (size_t i = cut == 21 ? 0 : cut; i < (cut == 21 ? 21u : 20u); i++)
			wr_u8(&w, 0);
		assert_int_equal(run(false), cut == 0 ? DISTILL_OK : DISTILL_BAD);
	}
	static const struct {
		uint16_t type, len;
	} fixed[] = {{RRTYPE_A, 3},   {RRTYPE_A, 5},  {RRTYPE_AAAA, 15}, {RRTYPE_AAAA, 17},
		     {RRTYPE_TXT, 0}, {RRTYPE_MX, 2}, {RRTYPE_SRV, 6}};
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		begin("www.example", fixed[i].type, 0);
		front(ANCOUNT, "www.example", fixed[i].type, 60, fixed[i].len);
		for (unsigned j = 0; j < fixed[i].len; j++)
			wr_u8(&w, 1);
		assert_int_equal(run(false), DISTILL_BAD);
	}
	static const struct {
		const char *params;
		uint8_t len;
		bool sound;
	} svcb[] = {{"\0\1\0\3\2h2", 7, true}, {"\0\4\0\3abc", 7, false}, {"\0\3\0\2\1\273\0\1\0\3\2h2", 13, false}};
	for (size_t i = 0; i < ARRAY_LEN(svcb); i++) {
		begin("www.example", RRTYPE_HTTPS, 0);
		front(ANCOUNT, "www.example", RRTYPE_HTTPS, 60, 3u + svcb[i].len);
		wr_bytes(&w, "\0\1", 3);
		wr_bytes(&w, svcb[i].params, svcb[i].len);
		assert_int_equal(run(false), svcb[i].sound ? DISTILL_OK : DISTILL_BAD);
	}
	begin("www.example", RRTYPE_HTTPS, 0); /* its target is a pointer */
	front(ANCOUNT, "www.example", RRTYPE_HTTPS, 60, 4);
	wr_bytes(&w, "\0\1\300\14", 4);
	assert_int_equal(run(false), DISTILL_BAD);

	begin("www.example", RRTYPE_A, 0); /* a TTL with its top bit set is a large one (RFC 8767 section 4) */
	a("www.example", 0x80000001, 1);
	assert_int_equal(run(false), DISTILL_OK);
	assert_int_equal(out.ttl_s, 604800);
	begin("www.example", RRTYPE_A, 0); /* an EDNS version that was not asked for */
	a("www.example", 60, 1);
	front(ARCOUNT, ".", RRTYPE_OPT, 0x00010000, 0);
	assert_int_equal(run(false), DISTILL_GARBLED);
	begin("www.example", RRTYPE_A, 0); /* two hundred OPTs */
	a("www.example", 60, 1);
	for (int i = 0; i < 200; i++)
		front(ARCOUNT, ".", RRTYPE_OPT, 0, 0);
	assert_int_equal(run(false), DISTILL_GARBLED);
	begin("www.example", RRTYPE_A, 0); /* counts that lie */
	a("www.example", 60, 1);
	wr_patch_u16(&w, ANCOUNT, 65535);
	assert_int_equal(run(false), DISTILL_GARBLED);
}

static void floods_of_aliases_are_refused(void **state)
{
	(void)state;
	for (unsigned count = 32; count <= 33; count++) {
		begin("a.example", RRTYPE_A, 0);
		for (unsigned i = 0; i < count; i++)
			cname("a.example", 60, "b.example");
		a("b.example", 60, 1);
		assert_int_equal(run(false), count == 32 ? DISTILL_OK : DISTILL_BAD);
	}
	for (unsigned count = 16; count <= 17; count++) {
		begin("a.x.example", RRTYPE_A, 0);
		for (unsigned i = 0; i < count; i++)
			named(ANCOUNT, "example", RRTYPE_DNAME, 100, "test");
		cname("a.x.example", 100, "a.x.test");
		a("a.x.test", 100, 1);
		assert_int_equal(run(false), count == 16 ? DISTILL_OK : DISTILL_BAD);
	}
}

static void wildcard_proofs_go_along_with_do(void **state)
{
	(void)state;
	begin("a.example", RRTYPE_A, 0);
	a("a.example", 100, 1);
	rrsig(ANCOUNT, "a.example", RRTYPE_A, 100);
	named(NSCOUNT, "example", RRTYPE_NS, 60, "ns.example");
	rrsig(NSCOUNT, "example", RRTYPE_NS, 60);
	nsec("a.example", 80);
	rrsig(NSCOUNT, "a.example", RRTYPE_NSEC, 80);
	assert_int_equal(run(true), DISTILL_OK);
	EXPECT("a.example. A 100", "a.example. RRSIG 100", "a.example. NSEC 80", "a.example. RRSIG 80");
	assert_int_equal(out.ttl_s, 80);
	assert_int_equal(run(false), DISTILL_OK);
	EXPECT("a.example. A 100");
}

static void very_many_records(void **state)
{
	(void)state;
	begin("a", RRTYPE_A, 0);
	for (uint32_t i = 0; i < 3000; i++)
		a("a", 60, i);
	assert_int_equal(run(false), DISTILL_UNCACHED); /* may be sent, but its TTLs cannot all be kept */
	assert_int_equal(out.ancount, 3000);
	assert_int_equal(out.ttl_count, CACHE_TTL_MAX_COUNT);
	assert_int_equal(out.body_len, 3000 * 16);

	room.body_cap = 600; /* whatever does not fit the caller's buffer is no answer */
	assert_int_equal(distill(message, w.pos, &qname, qtype, false, &room, &out), DISTILL_BAD);
	room.body_cap = 10;
	assert_int_equal(distill(message, w.pos, &qname, qtype, false, &room, &out), DISTILL_BAD);
}

static void names_in_rdata_survive(void **state)
{
	(void)state;
	begin("mail.example", RRTYPE_MX, 0);
	struct name n = name_of("mail");
	front(ANCOUNT, "mail.example", RRTYPE_MX, 60, 2u + 5 + 2);
	wr_u16(&w, 10);
	wr_bytes(&w, n.wire, 5); /* "mail" and a pointer to the question's "example" */
	wr_u16(&w, 0xc000 | (12 + 5));
	assert_int_equal(run(false), DISTILL_OK);
	ldns_pkt *pkt = sent();
	char *text = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(pkt), 0), 1));
	assert_string_equal(text, "mail.example.");
	free(text);
	ldns_pkt_free(pkt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address),
	    cmocka_unit_test(strangers_records_go),
	    cmocka_unit_test(a_chain_in_any_order),
	    cmocka_unit_test(chains_that_are_refused),
	    cmocka_unit_test(denials),
	    cmocka_unit_test(denials_without_soa_are_not_kept),
	    cmocka_unit_test(referrals_are_lame),
	    cmocka_unit_test(failures),
	    cmocka_unit_test(malformed),
	    cmocka_unit_test(strange_ttls),
	    cmocka_unit_test(questions_for_special_types),
	    cmocka_unit_test(dname_goes_along_with_do),
	    cmocka_unit_test(a_dname_above_two_links_goes_once),
	    cmocka_unit_test(a_chain_is_cut_where_it_leaves_the_zone),
	    cmocka_unit_test(a_chain_within_the_zone_is_whole),
	    cmocka_unit_test(records_that_break_their_form),
	    cmocka_unit_test(floods_of_aliases_are_refused),
	    cmocka_unit_test(wildcard_proofs_go_along_with_do),
	    cmocka_unit_test(very_many_records),
	    cmocka_unit_test(names_in_rdata_survive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
