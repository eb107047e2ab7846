/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rand.h"
#include "listen/tcp_seats.h"

static char owners[TCP_CONNECTIONS_MAX + 1]; /* their addresses are what is told back */

static struct addr host(const char *text)
{
	struct addr a;

	assert_true(addr_from_text(str_from(text), 4000, &a));
	return a;
}

static struct addr host_number(unsigned n)
{
	struct addr a = host("192.0.0.0");

	a.in.sin_addr.s_addr = htonl(ntohl(a.in.sin_addr.s_addr) + n);
	return a;
}

/* Enter where nobody needs to leave. */
static uint32_t enter(struct tcp_seats *s, unsigned worker, const struct addr *peer, unsigned owner, int64_t now_ms)
{
	void *leaver;
	uint32_t seat = tcp_enter(s, worker, peer, -1, &owners[owner], now_ms, &leaver);

	assert_int_not_equal(seat, TCP_SEAT_NONE);
	assert_null(leaver);
	return seat;
}

/* Enter where one of the own has to leave: which. */
static unsigned push_out(struct tcp_seats *s, unsigned worker, const struct addr *peer, unsigned owner, int64_t now_ms,
			 uint32_t *ret)
{
	void *leaver;

	*ret = tcp_enter(s, worker, peer, -1, &owners[owner], now_ms, &leaver);
	assert_int_not_equal(*ret, TCP_SEAT_NONE);
	assert_non_null(leaver);
	return (unsigned)((char *)leaver - owners);
}

static void files_and_shares(void **state)
{
	(void)state;
	assert_int_equal(tcp_seats_of_files(0, 8), 8);
	assert_int_equal(tcp_seats_of_files(64, 100), 8);
	assert_int_equal(tcp_seats_of_files(1024, 8), 492);
	assert_int_equal(tcp_seats_of_files(SIZE_MAX, 8), TCP_CONNECTIONS_MAX);
	struct tcp_seats *s = tcp_seats_create(1, 2, 100); /* a host's share is one at least */
	struct addr a = host("192.0.2.1"), b = host("192.0.2.2");
	uint32_t seat = enter(s, 0, &a, 0, 1), second;
	assert_int_equal(push_out(s, 0, &a, 1, 2, &second), 0);
	assert_true(tcp_leave(s, seat));
	uint32_t third = enter(s, 0, &b, 2, 3);
	assert_int_equal(tcp_seats_taken(s), 2);
	assert_false(tcp_leave(s, second));
	assert_false(tcp_leave(s, third));
	assert_int_equal(tcp_seats_taken(s), 0);
	tcp_seats_destroy(s);
	tcp_seats_destroy(NULL);
}

/* The order in which a full house is left. */
static void who_leaves(void **state)
{
	(void)state;
	enum { MOST = 8 };
	struct tcp_seats *s = tcp_seats_create(1, MOST, 2);
	uint32_t seats[MOST + 8];
	struct addr a;
	void *leaver;
	for (unsigned i = 0; i < MOST; i++) {
		a = host_number(i);
		seats[i] = enter(s, 0, &a, i, 100);
	}
	assert_true(tcp_seats_scarce(s));
	tcp_stamp(s, seats[0], TCP_RANK_BUSY, 0);
	tcp_stamp(s, seats[1], TCP_RANK_SENDING, 100);
	tcp_stamp(s, seats[2], TCP_RANK_SENDING, 4500); /* the client may still be about to take it */
	tcp_stamp(s, seats[3], TCP_RANK_HALF, 300);
	tcp_stamp(s, seats[4], TCP_RANK_HALF, 200);
	tcp_stamp(s, seats[5], TCP_RANK_IDLE, 5000);
	tcp_stamp(s, seats[6], TCP_RANK_IDLE, 4000);
	tcp_stamp(s, seats[7], TCP_RANK_BUSY, 0);
	static const unsigned order[] = {6, 1, 4, 3, 5};
	for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
		a = host_number(100 + i);
		assert_int_equal(push_out(s, 0, &a, MOST + i, 5001, &seats[MOST + i]), order[i]);
		tcp_stamp(s, seats[MOST + i], TCP_RANK_BUSY, 0);
		assert_true(tcp_leave(s, seats[order[i]]));
	}
	a = host_number(200);
	assert_int_equal(tcp_enter(s, 0, &a, -1, &owners[20], 5001, &leaver), TCP_SEAT_NONE);
	assert_null(leaver);
	assert_false(tcp_make_room(s, 0, 5001, &leaver));
	/* a while later the one that takes nothing goes */
	assert_true(tcp_make_room(s, 0, 5500, &leaver));
	assert_ptr_equal(leaver, &owners[2]);
	assert_true(tcp_leave(s, seats[2]));
	tcp_leave(s, seats[0]);
	tcp_leave(s, seats[7]);
	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		tcp_leave(s, seats[MOST + i]);
	assert_false(tcp_seats_scarce(s));
	tcp_seats_destroy(s);
}

/* A burst comes within one tick of the clock: who came first leaves first, be it of a host or of all. */
static void equals_leave_in_their_order(void **state)
{
	(void)state;
	enum { MOST = 16, HOST_MOST = 4, MORE = 5 };
	for (unsigned one_host = 0; one_host < 2; one_host++) {
		const unsigned most = one_host != 0 ? HOST_MOST : MOST;
		struct tcp_seats *s = tcp_seats_create(1, MOST, HOST_MOST);
		uint32_t seats[MOST + MORE];
		for (unsigned i = 0; i < most + MORE; i++) {
			struct addr a = host_number(one_host != 0 ? 0 : i);
			if (i < most) {
				seats[i] = enter(s, 0, &a, i, 100);
			} else {
				assert_int_equal(push_out(s, 0, &a, i, 100, &seats[i]), i - most);
				assert_true(tcp_leave(s, seats[i - most]));
			}
		}
		for (unsigned i = MORE; i < most + MORE; i++)
			assert_false(tcp_leave(s, seats[i]));
		tcp_seats_destroy(s);
	}
}

/* A host that has its share makes room among its own, however long others have been idle. */
static void a_hosts_share(void **state)
{
	(void)state;
	static const struct {
		const char *first, *same, *other;
	} hosts[] = {
	    {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
	    {"::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.2"},
	    {"2001:db8:1:100::1", "2001:db8:1:1ff:ffff::2", "2001:db8:1:200::1"},
	    {"fe80::1", "fe80::1", "fe80::2"},
	};
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct tcp_seats *s = tcp_seats_create(1, 100, 2);
		struct addr first = host(hosts[i].first), same = host(hosts[i].same), other = host(hosts[i].other);
		uint32_t seats[5];
		void *leaver;
		seats[0] = enter(s, 0, &other, 0, 1);
		seats[1] = enter(s, 0, &first, 1, 3);
		seats[2] = enter(s, 0, &same, 2, 2);
		assert_int_equal(push_out(s, 0, &same, 3, 4, &seats[3]), 2);
		assert_true(tcp_leave(s, seats[2]));
		tcp_stamp(s, seats[1], TCP_RANK_BUSY, 0);
		tcp_stamp(s, seats[3], TCP_RANK_BUSY, 0);
		assert_int_equal(tcp_enter(s, 0, &first, -1, &owners[4], 5, &leaver), TCP_SEAT_NONE);
		seats[4] = enter(s, 0, &other, 4, 6);
		for (unsigned k = 0; k < 5; k++) {
			if (k != 2)
				tcp_leave(s, seats[k]);
		}
		tcp_seats_destroy(s);
	}
}

/* Another worker's connection is shut down, stays open, and its seat is taken until its owner leaves it. */
static void over_workers(void **state)
{
	(void)state;
	struct tcp_seats *s = tcp_seats_create(2, 4, 1);
	uint32_t seats[5];
	int pair[2];
	char byte;
	void *leaver;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct addr a = host_number(i);
		seats[i] = tcp_enter(s, i == 0 ? 1 : 0, &a, i == 0 ? pair[0] : -1, &owners[i], 100 + i, &leaver);
		assert_int_not_equal(seats[i], TCP_SEAT_NONE);
	}
	struct addr a = host_number(4);
	seats[4] = enter(s, 0, &a, 4, 200); /* worker 1's has been idle longest: nobody of ours has to go */
	assert_int_equal(read(pair[0], &byte, 1), 0);
	assert_int_equal(read(pair[1], &byte, 1), 0);
	assert_int_equal(tcp_seats_taken(s), 5);
	a = host_number(5);
	uint32_t sixth;
	assert_int_equal(push_out(s, 0, &a, 5, 201, &sixth), 1); /* who was told to leave is not told twice */
	assert_true(tcp_leave(s, seats[0]));
	assert_true(tcp_leave(s, seats[1]));
	assert_int_equal(tcp_seats_taken(s), 4);
	for (unsigned i = 2; i < 5; i++)
		assert_false(tcp_leave(s, seats[i]));
	assert_false(tcp_leave(s, sixth));
	close(pair[0]);
	close(pair[1]);
	tcp_seats_destroy(s);
}

/* A worker that does not react has slack only; then whoever comes in is at the cost of the worker he comes to. */
static void slack(void **state)
{
	(void)state;
	enum { MOST = TCP_SEATS_SLACK + 2, ALL = MOST + TCP_SEATS_SLACK + 1 };
	struct tcp_seats *s = tcp_seats_create(2, MOST, MOST);
	uint32_t seats[ALL];
	void *leaver;
	for (unsigned i = 0; i < ALL - 1; i++) {
		struct addr a = host_number(i);
		/* worker 1 has them all, and does not notice that they leave */
		seats[i] = enter(s, i < MOST ? 1 : 0, &a, i, (int64_t)(i < MOST ? 100 : 1000) + i);
	}
	assert_int_equal(tcp_seats_taken(s), MOST + TCP_SEATS_SLACK);
	struct addr a = host_number(ALL);
	assert_int_equal(push_out(s, 0, &a, ALL - 1, 3000, &seats[ALL - 1]), MOST);
	assert_true(tcp_leave(s, seats[MOST]));
	for (unsigned i = MOST + 1; i < ALL; i++)
		tcp_stamp(s, seats[i], TCP_RANK_BUSY, 0);
	a = host_number(ALL + 1);
	assert_int_equal(tcp_enter(s, 0, &a, -1, &owners[ALL], 3000, &leaver), TCP_SEAT_NONE);
	for (unsigned i = 0; i < ALL; i++) {
		if (i != MOST)
			assert_int_equal(tcp_leave(s, seats[i]), i < TCP_SEATS_SLACK);
	}
	tcp_seats_destroy(s);
}

/* Two workers come and go at random; the table stays whole and within its bounds. Told by sanitizers, and by the count at the end.
 */
struct crowd {
	struct tcp_seats *seats;
	unsigned worker;
	unsigned long refused;
};

#define CROWD_ROUNDS 20000
#define CROWD_MOST 64

static void *crowd_main(void *arg)
{
	struct crowd *crowd = arg;
	struct {
		uint32_t seat;
		bool here;
	} mine[256] = {0};
	static char names[2][256];

	for (unsigned i = 0; i < CROWD_ROUNDS; i++) {
		unsigned k = rand_below(256);
		if (mine[k].here) {
			if (rand_below(2) == 0) {
				(void)tcp_leave(crowd->seats, mine[k].seat);
				mine[k].here = false;
			} else {
				tcp_stamp(crowd->seats, mine[k].seat, (enum tcp_rank)rand_below(4), i);
			}
			continue;
		}
		struct addr a = host_number(rand_below(32));
		void *leaver;
		mine[k].seat = tcp_enter(crowd->seats, crowd->worker, &a, -1, &names[crowd->worker][k], i, &leaver);
		mine[k].here = mine[k].seat != TCP_SEAT_NONE;
		crowd->refused += !mine[k].here;
		if (leaver != NULL) {
			size_t gone = (size_t)((char *)leaver - names[crowd->worker]);
			assert_true(gone < 256 && mine[gone].here);
			assert_true(tcp_leave(crowd->seats, mine[gone].seat));
			mine[gone].here = false;
		}
		if (tcp_seats_taken(crowd->seats) > CROWD_MOST + TCP_SEATS_SLACK + 2)
			abort();
	}
	for (unsigned k = 0; k < 256; k++) {
		if (mine[k].here)
			(void)tcp_leave(crowd->seats, mine[k].seat);
	}
	return NULL;
}

static void crowds(void **state)
{
	(void)state;
	struct tcp_seats *s = tcp_seats_create(2, CROWD_MOST, 4);
	struct crowd both[2] = {{.seats = s, .worker = 0}, {.seats = s, .worker = 1}};
	pthread_t other;
	assert_int_equal(pthread_create(&other, NULL, crowd_main, &both[1]), 0);
	(void)crowd_main(&both[0]);
	pthread_join(other, NULL);
	assert_int_equal(tcp_seats_taken(s), 0);
	/* nothing is left marked: the whole house can be entered */
	uint32_t seats[CROWD_MOST];
	for (unsigned i = 0; i < CROWD_MOST; i++) {
		struct addr a = host_number(i);
		seats[i] = enter(s, 0, &a, i, 1);
	}
	for (unsigned i = 0; i < CROWD_MOST; i++)
		assert_false(tcp_leave(s, seats[i]));
	tcp_seats_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_and_shares), cmocka_unit_test(who_leaves),	cmocka_unit_test(equals_leave_in_their_order),
	    cmocka_unit_test(a_hosts_share),	cmocka_unit_test(over_workers), cmocka_unit_test(slack),
	    cmocka_unit_test(crowds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
