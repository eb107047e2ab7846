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
#include "wire/msg.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_silence_ends, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_nobody_there, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
