/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_ask.c - a question to a listener, and what is taken for its answer. */
#include "saringctl/ask.h"

#include "wire/edns.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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
		assert_int_equal(ask_address(rows[i].endpoint, &a), rows[i].address != NULL);
		if (rows[i].address != NULL)
			assert_string_equal(addr_to_text(&a, text), rows[i].address);
	}
}

/* A server that answers one question, after a few answers that are none. */
struct server {
	int fd;
	struct addr addr;
	bool silent; /* only those */
	size_t query_len;
	uint8_t query[512];
};

static void *serve(void *arg)
{
	struct server *s = arg;
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

static void server_open(struct server *s)
{
	socklen_t len = sizeof(s->addr.in);
	assert_true(addr_from_text(str_from("127.0.0.1"), 0, &s->addr));
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, &s->addr.sa, s->addr.len), 0);
	assert_int_equal(getsockname(s->fd, &s->addr.sa, &len), 0);
}

static void ask(struct server *s, int64_t timeout_ms, bool good)
{
	static struct ask_reply reply;
	struct name name;
	struct err err = {.code = ERR_NONE};
	pthread_t thread;
	assert_true(name_from_text(str_from("www.example"), &name, &err));
	server_open(s);
	assert_int_equal(pthread_create(&thread, NULL, serve, s), 0);
	assert_int_equal(ask_listener(&s->addr, &name, RRTYPE_AAAA, timeout_ms, &reply, &err), good);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(s->fd);
	if (good) {
		assert_int_equal(reply.rcode, RCODE_NXDOMAIN);
		assert_int_equal(reply.len, s->query_len);
	} else {
		assert_int_equal(err.code, ERR_UNREACHABLE);
	}
}

static void test_answer(void **state)
{
	struct server s = {.silent = false};
	struct msg_query parsed;
	struct name name;
	(void)state;
	ask(&s, 60000, true);
	assert_int_equal(msg_parse_query(s.query, s.query_len, &parsed, &name), MSG_QUERY);
	assert_int_equal(parsed.type, RRTYPE_AAAA);
	assert_int_equal(parsed.header.flags, MSG_RD);
	assert_true(parsed.edns.present && edns_udp_limit(&parsed.edns) == MSG_UDP_EDNS_MAX);
}

static void test_silence(void **state)
{
	struct server s = {.silent = true};
	(void)state;
	ask(&s, 100, false);
}

static void test_nobody_there(void **state)
{
	static struct ask_reply reply;
	struct server s = {.silent = true};
	struct name name;
	struct err err = {.code = ERR_NONE};
	(void)state;
	assert_true(name_from_text(str_from("www.example"), &name, &err));
	server_open(&s);
	close(s.fd);
	assert_false(ask_listener(&s.addr, &name, RRTYPE_A, 60000, &reply, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_answer),
	    cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_nobody_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
