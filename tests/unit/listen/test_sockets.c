/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which sockets there are, and who reads them: opened, kept from an earlier time, passed by the service manager. */
#include "listen/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS_MAX 8

static struct endpoint endpoint(const char *text)
{
	struct endpoint e = {.text = text};
	assert_true(addr_from_text(str_from(text), 0, &e.addr));
	return e;
}

static bool open_at(struct listener *l, enum listener_origin origin, bool stream, const struct addr *addr)
{
	*l = (struct listener){.fd = -1, .stream = stream, .addr = *addr};
	bool ok = listener_open(l);
	l->origin = origin;
	return ok;
}

/* UDP and TCP of the loopback, at one port: the kernel's choice for the one may be somebody's for the other. */
static void pair(enum listener_origin origin, struct listener ret[2])
{
	struct addr any;
	assert_true(addr_from_text(str_from("127.0.0.1:0"), 0, &any));
	for (unsigned tries = 0; tries < 20; tries++) {
		assert_true(open_at(&ret[0], origin, false, &any));
		if (open_at(&ret[1], origin, true, &ret[0].addr))
			return;
		close(ret[0].fd);
	}
	fail_msg("no port is free");
}

/* How many workers read it. */
static unsigned readers(const struct sockets *s, unsigned workers, int fd)
{
	unsigned count = 0;
	for (unsigned w = 0; w < workers; w++) {
		size_t n;
		const struct listener *share = sockets_share(s, w, &n);
		for (size_t i = 0; i < n; i++)
			count += share[i].fd == fd;
	}
	return count;
}

/* Nobody is without UDP or TCP at any address, every socket is read, and of those who read one, one counts. */
static void check_shares(const struct sockets *s, unsigned workers)
{
	for (unsigned w = 0; w < workers; w++) {
		size_t n;
		const struct listener *share = sockets_share(s, w, &n);
		for (size_t a = 0; a < s->addr_count; a++) {
			unsigned kinds[2] = {0, 0};
			for (size_t i = 0; i < n; i++)
				kinds[share[i].stream] += addr_eq(&share[i].addr, &s->addrs[a]);
			assert_true(kinds[0] > 0 && kinds[1] > 0);
		}
	}
	for (size_t i = 0; i < s->count; i++) {
		unsigned first = 0;
		for (unsigned w = 0; w < workers; w++) {
			size_t n;
			const struct listener *share = sockets_share(s, w, &n);
			for (size_t j = 0; j < n; j++)
				first += share[j].fd == s->all[i].fd && !share[j].again;
		}
		assert_int_equal(first, 1);
	}
}

static void test_opened(void **state)
{
	(void)state;
	struct endpoint e[] = {endpoint("127.0.0.1:0"), endpoint("127.0.0.2:0")};
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct sockets s;
		struct err err;
		assert_true(sockets_open(e, 2, workers, NULL, 0, &s, &err));
		assert_int_equal(s.count, 4 * workers);
		assert_int_equal(s.addr_count, 2);
		assert_int_not_equal(addr_port(&s.addrs[0]), 0);
		check_shares(&s, workers);
		sockets_close(&s);
	}
}

/* One socket of each kind, or more than workers: of either each is read. */
static void test_kept(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= WORKERS_MAX; workers += 3) {
		struct listener all[6];
		struct endpoint e;
		struct sockets s;
		struct err err;
		pair(LISTENER_KEPT, all);
		for (size_t i = 2; i < ARRAY_LEN(all); i++)
			assert_true(open_at(&all[i], LISTENER_KEPT, i % 2 == 1, &all[0].addr));
		e = (struct endpoint){.addr = all[0].addr, .text = "kept"};
		assert_true(sockets_open(&e, 1, workers, all, ARRAY_LEN(all), &s, &err));
		assert_int_equal(s.count, 2 * MAX(workers, 3u));
		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			assert_int_equal(readers(&s, workers, all[i].fd), 1);
		check_shares(&s, workers);
		sockets_close(&s);
	}
}

/* As a .socket unit has it without ReusePort=yes. */
static bool open_plain(struct listener *ret, bool stream, const struct addr *addr)
{
	int fd = socket(addr->sa.sa_family, stream ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (bind(fd, &addr->sa, addr->len) == 0 && (!stream || listen(fd, 8) == 0) &&
	    listener_adopt(fd, LISTENER_PASSED, ret) == NULL)
		return true;
	close(fd);
	return false;
}

/* None can be opened beside it. */
static void test_shared(void **state)
{
	(void)state;
	struct listener all[2];
	struct sockets s;
	struct err err;
	struct addr any;
	assert_true(addr_from_text(str_from("127.0.0.1:0"), 0, &any));
	bool ok = false;
	for (unsigned tries = 0; tries < 20 && !ok; tries++) {
		assert_true(open_plain(&all[0], false, &any));
		ok = open_plain(&all[1], true, &all[0].addr);
		if (!ok)
			close(all[0].fd);
	}
	assert_true(ok);
	assert_true(sockets_open(NULL, 0, 4, all, 2, &s, &err));
	assert_int_equal(s.count, 2);
	assert_int_equal(readers(&s, 4, all[0].fd), 4);
	assert_int_equal(readers(&s, 4, all[1].fd), 4);
	check_shares(&s, 4);
	sockets_close(&s);
}

/* What is not listened at any more is closed; port 0 is what it was. */
static void test_other_endpoints(void **state)
{
	(void)state;
	struct listener kept[4];
	struct sockets s;
	struct err err;
	pair(LISTENER_KEPT, kept);
	pair(LISTENER_KEPT, kept + 2);
	struct endpoint any = endpoint("127.0.0.1:0");
	assert_true(sockets_open(&any, 1, 1, kept, 4, &s, &err));
	assert_int_equal(s.addr_count, 1);
	assert_true(addr_eq(&s.addrs[0], &kept[0].addr));
	assert_int_equal(readers(&s, 1, kept[0].fd), 1);
	assert_int_equal(fcntl(kept[2].fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	sockets_close(&s);
}

/* The manager decides on its ports and on 53: nobody else's address is opened there. */
static void test_passed(void **state)
{
	(void)state;
	struct listener passed[2];
	struct sockets s;
	struct err err;
	pair(LISTENER_PASSED, passed);
	struct endpoint e[] = {endpoint("127.0.0.9:0"), endpoint("127.0.0.8:0"), endpoint("127.0.0.7:53")};
	addr_set_port(&e[0].addr, addr_port(&passed[0].addr));
	assert_true(sockets_open(e, ARRAY_LEN(e), 1, passed, 2, &s, &err));
	assert_int_equal(s.addr_count, 2);
	assert_true(addr_same_host(&s.addrs[0], &e[1].addr));
	assert_true(addr_eq(&s.addrs[1], &passed[0].addr));
	check_shares(&s, 1);
	sockets_close(&s);
}

static void test_taken(void **state)
{
	(void)state;
	struct listener other[2];
	pair(LISTENER_OPENED, other);
	struct endpoint e[] = {endpoint("127.0.0.1:0"), {.addr = other[0].addr, .text = "taken"}};
	struct sockets s;
	struct err err;
	assert_false(sockets_open(e, 2, 1, NULL, 0, &s, &err));
	assert_non_null(strstr(err.text, "cannot listen on dns://127.0.0.1:"));
	close(other[0].fd);
	close(other[1].fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_opened), cmocka_unit_test(test_kept),
					   cmocka_unit_test(test_shared), cmocka_unit_test(test_other_endpoints),
					   cmocka_unit_test(test_passed), cmocka_unit_test(test_taken)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
