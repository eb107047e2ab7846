/* SPDX-License-Identifier: BSD-2-Clause
 *
 * saringctl's own questions against a server of this test's: lost datagrams, answers to others, over TCP what does not fit, nobody
 * there. */
#include "saringctl/dns_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "wire/edns.h"
#include "wire/msg.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What the first label of the name asks the server for. */
struct server {
	int udp, tcp, stop;
	struct addr addr;
	pthread_t thread;
	unsigned lost; /* first datagrams for "lost" that are swallowed */
};

static size_t answer(const uint8_t *query, size_t len, uint8_t *out, bool tcp, struct server *s)
{
	struct rd r = rd_init(query, len);
	struct msg_header h;
	struct msg_question q;
	msg_read_header(&r, &h);
	assert_true(msg_read_question(&r, &q));
	assert_int_equal(h.flags, MSG_RD);
	assert_int_equal(h.arcount, 1); /* EDNS */
	const char *what = (const char *)q.name.wire + 1;
	if (strncmp(what, "silent", 6) == 0 || (strncmp(what, "lost", 4) == 0 && s->lost++ == 0))
		return 0;
	const bool cut = strncmp(what, "large", 5) == 0 && !tcp, blocked = strncmp(what, "blocked", 7) == 0;
	struct wr w = wr_init(out, 1232);
	msg_write_header(
	    &w, &(struct msg_header){.id = h.id,
				     .flags = (uint16_t)(MSG_QR | MSG_RD | MSG_RA | (cut ? MSG_TC : 0) | (blocked ? 3 : 0)),
				     .qdcount = 1,
				     .ancount = blocked || cut ? 0 : 1,
				     .arcount = 1});
	name_write(&w, &q.name);
	wr_u16(&w, q.type);
	wr_u16(&w, q.class);
	if (!blocked && !cut) {
		name_write(&w, &q.name);
		wr_u16(&w, RRTYPE_A);
		wr_u16(&w, RRCLASS_IN);
		wr_u32(&w, 60);
		wr_u16(&w, 4);
		wr_u32(&w, 0xc0000201);
	}
	const size_t mark = edns_write_begin(&w, 1232, blocked ? 3 : 0, false);
	if (blocked)
		edns_write_ede(&w, 16, STR_LIT("order 7"));
	edns_write_end(&w, mark);
	return w.pos;
}

static void serve_tcp(struct server *s)
{
	uint8_t in[1024], out[2 + 1232];
	const int fd = accept(s->tcp, NULL, NULL);
	assert_true(fd >= 0);
	ssize_t n = recv(fd, in, 2, MSG_WAITALL);
	assert_int_equal(n, 2);
	n = recv(fd, in + 2, be_get_u16(in), MSG_WAITALL);
	assert_true(n > 0);
	const size_t len = answer(in + 2, (size_t)n, out + 2, true, s);
	be_put_u16(out, (uint16_t)len);
	for (size_t i = 0; i < 2 + len; i++) /* byte by byte: whoever reads must go on */
		assert_int_equal(send(fd, out + i, 1, MSG_NOSIGNAL), 1);
	close(fd);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	uint8_t in[1024], out[1232];
	for (;;) {
		struct pollfd p[] = {
		    {.fd = s->udp, .events = POLLIN}, {.fd = s->tcp, .events = POLLIN}, {.fd = s->stop, .events = POLLIN}};
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		assert_true(poll(p, ARRAY_LEN(p), -1) > 0);
		if (p[2].revents != 0)
			return NULL;
		if (p[1].revents != 0)
			serve_tcp(s);
		if (p[0].revents == 0)
			continue;
		const ssize_t n = recvfrom(s->udp, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);
		const size_t len = answer(in, (size_t)n, out, false, s);
		if (len == 0)
			continue;
		/* first something that answers somebody else */
		out[0] ^= 0x55;
		(void)sendto(s->udp, out, len, 0, (struct sockaddr *)&from, from_len);
		(void)sendto(s->udp, out, 5, 0, (struct sockaddr *)&from, from_len);
		out[0] ^= 0x55;
		(void)sendto(s->udp, out, len, 0, (struct sockaddr *)&from, from_len);
	}
}

static int set_up(void **state)
{
	struct server *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	assert_true(addr_from_text(STR_LIT("127.0.0.1:0"), 0, &s->addr));
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->tcp, &s->addr.sa, s->addr.len), 0);
	assert_int_equal(listen(s->tcp, 8), 0);
	assert_int_equal(getsockname(s->tcp, &s->addr.sa, &s->addr.len), 0);
	assert_int_equal(bind(s->udp, &s->addr.sa, s->addr.len), 0);
	s->stop = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct server *s = *state;
	const uint64_t one = 1;
	assert_int_equal(write(s->stop, &one, sizeof(one)), sizeof(one));
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->udp);
	close(s->tcp);
	close(s->stop);
	free(s);
	return 0;
}

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

static void test_many(void **state)
{
	struct server *s = *state;
	enum { COUNT = 200 };
	static struct name names[COUNT];
	static struct dns_result results[COUNT];
	for (unsigned i = 0; i < COUNT; i++) {
		static const char *const kinds[] = {"plain", "blocked", "large"};
		char text[64];
		(void)snprintf(text, sizeof(text), "%s.n%u.example", i == 77 ? "lost" : kinds[i % 3], i);
		names[i] = name_of(text);
	}
	dns_client_ask(&s->addr, names, COUNT, clock_mono_ms() + 60000, results);
	for (unsigned i = 0; i < COUNT; i++) {
		const bool blocked = i % 3 == 1 && i != 77;
		assert_int_equal(results[i].outcome, DNS_ANSWERED);
		assert_int_equal(results[i].rcode, blocked ? 3 : 0);
		assert_int_equal(results[i].answer_count, blocked ? 0 : 1);
		assert_int_equal(results[i].tcp, i % 3 == 2 && i != 77);
		assert_int_equal(results[i].ede_count, blocked);
		assert_string_equal(results[i].ede_text, blocked ? "order 7" : "");
	}
	assert_true(s->lost >= 2);
}

static void test_silence_ends(void **state)
{
	struct server *s = *state;
	const struct name names[] = {name_of("silent.example"), name_of("plain.example")};
	struct dns_result results[2];
	const int64_t begun_ms = clock_mono_ms();
	dns_client_ask(&s->addr, names, 2, begun_ms + 300, results);
	assert_int_equal(results[0].outcome, DNS_SILENT);
	assert_int_equal(results[1].outcome, DNS_ANSWERED);
	assert_true(clock_mono_ms() - begun_ms >= 300);
}

static void test_nobody_there(void **state)
{
	struct server *s = *state;
	struct addr other = s->addr;
	const struct name name = name_of("plain.example");
	struct dns_result result;
	/* a port that was somebody's a moment ago */
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	addr_set_port(&other, 0);
	assert_int_equal(bind(fd, &other.sa, other.len), 0);
	assert_int_equal(getsockname(fd, &other.sa, &other.len), 0);
	close(fd);
	dns_client_ask(&other, &name, 1, clock_mono_ms() + 60000, &result);
	assert_int_equal(result.outcome, DNS_UNREACHABLE);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *endpoint, *address; /* NULL: none */
	} rows[] = {
	    {"dns://127.0.0.1:5300", "127.0.0.1:5300"},
	    {"dns://[::1]:53", "[::1]:53"},
	    {"dns://0.0.0.0:5300", "127.0.0.1:5300"},
	    {"dns://[::]:5300", "[::1]:5300"},
	    {"192.0.2.1", "192.0.2.1:53"},
	    {"dns://", NULL},
	    {"", NULL},
	    {"tls://127.0.0.1:853", NULL},
	    {"dns://nowhere:53", NULL},
	    {"dns://127.0.0.1:0", NULL},
	    {"dns://127.0.0.1:65536", NULL},
	};
	struct addr a;
	char text[ADDR_TEXT_MAX];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(dns_client_address(rows[i].endpoint, &a), rows[i].address != NULL);
		if (rows[i].address != NULL)
			assert_string_equal(addr_to_text(&a, text), rows[i].address);
	}
}

/* ---- one question, whose message is kept ---- */

/* A server that answers one question, after a few answers that are none. */
struct one {
	int fd;
	struct addr addr;
	bool silent; /* only those */
	size_t query_len;
	uint8_t query[512];
};

static void *serve_one(void *arg)
{
	struct one *s = arg;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint8_t answer[512];
	ssize_t got = recvfrom(s->fd, s->query, sizeof(s->query), 0, (struct sockaddr *)&from, &len);
	if (got < MSG_HEADER_LEN)
		return NULL;
	size_t size = s->query_len = (size_t)got;
#define SEND(n) (void)sendto(s->fd, answer, (n), 0, (struct sockaddr *)&from, len)
	memcpy(answer, s->query, size);
	SEND(size); /* a question is no answer */
	answer[2] |= MSG_QR >> 8;
	answer[3] = RCODE_NXDOMAIN;
	SEND(0);
	SEND(MSG_HEADER_LEN - 1);
	SEND(MSG_HEADER_LEN);
	answer[0] ^= 1; /* another's ID */
	SEND(size);
	answer[0] ^= 1;
	answer[MSG_HEADER_LEN + 1] ^= 1; /* another name */
	SEND(size);
	answer[MSG_HEADER_LEN + 1] ^= 1;
	answer[MSG_HEADER_LEN + 1] ^= 0x20; /* the same name, spelled in another way */
	if (!s->silent)
		SEND(size);
#undef SEND
	return NULL;
}

static void one_open(struct one *s)
{
	socklen_t len = sizeof(s->addr.in);
	assert_true(addr_from_text(str_from("127.0.0.1"), 0, &s->addr));
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, &s->addr.sa, s->addr.len), 0);
	assert_int_equal(getsockname(s->fd, &s->addr.sa, &len), 0);
}

static void ask(struct one *s, int64_t timeout_ms, bool good)
{
	struct dns_result result;
	struct buf message = {NULL, 0, 0};
	struct name name;
	struct err err = {.code = ERR_NONE};
	pthread_t thread;
	assert_true(name_from_text(str_from("www.example"), &name, &err));
	one_open(s);
	assert_int_equal(pthread_create(&thread, NULL, serve_one, s), 0);
	assert_int_equal(dns_client_fetch(&s->addr, &name, RRTYPE_AAAA, timeout_ms, &result, &message, &err), good);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(s->fd);
	if (good) {
		assert_int_equal(result.rcode, RCODE_NXDOMAIN);
		assert_int_equal(message.len, s->query_len);
	} else {
		assert_int_equal(err.code, ERR_UNREACHABLE);
		assert_int_equal(message.len, 0);
	}
	buf_finish(&message);
}

static void test_answer_to_one(void **state)
{
	struct one s = {.silent = false};
	struct msg_query parsed;
	struct name name;
	(void)state;
	ask(&s, 60000, true);
	assert_int_equal(msg_parse_query(s.query, s.query_len, &parsed, &name), MSG_QUERY);
	assert_int_equal(parsed.type, RRTYPE_AAAA);
	assert_int_equal(parsed.header.flags, MSG_RD);
	assert_true(parsed.edns.present && edns_udp_limit(&parsed.edns) == MSG_UDP_EDNS_MAX);
}

static void test_silence_for_one(void **state)
{
	struct one s = {.silent = true};
	(void)state;
	ask(&s, 100, false);
}

static void test_nobody_for_one(void **state)
{
	struct dns_result result;
	struct buf message = {NULL, 0, 0};
	struct one s = {.silent = true};
	struct name name;
	struct err err = {.code = ERR_NONE};
	(void)state;
	assert_true(name_from_text(str_from("www.example"), &name, &err));
	one_open(&s);
	close(s.fd);
	assert_false(dns_client_fetch(&s.addr, &name, RRTYPE_A, 60000, &result, &message, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
}

/* What does not fit comes over TCP, and that is the message. */
static void test_large_one(void **state)
{
	struct server *s = *state;
	const struct name name = name_of("large.example");
	struct dns_result result;
	struct buf message = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	bool cut = true;
	buf_add_c(&message, "x"); /* it is put behind what is there */
	assert_true(dns_client_fetch(&s->addr, &name, RRTYPE_A, 60000, &result, &message, &err));
	assert_true(result.tcp);
	assert_int_equal(result.answer_count, 1);
	const uint8_t *bytes = (const uint8_t *)message.ptr + 1;
	const struct dns_asked asked = {.name = &name, .type = RRTYPE_A, .id = be_get_u16(bytes)};
	assert_true(dns_client_parse(bytes, message.len - 1, &asked, &result, &cut));
	assert_false(cut);
	assert_int_equal(result.answer_count, 1);
	buf_finish(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_silence_ends, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_nobody_there, set_up, tear_down),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_answer_to_one),
	    cmocka_unit_test(test_silence_for_one),
	    cmocka_unit_test(test_nobody_for_one),
	    cmocka_unit_test_setup_teardown(test_large_one, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
