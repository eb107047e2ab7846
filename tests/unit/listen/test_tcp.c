/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A worker's connections over real sockets of 127.0.0.1, by a clock that stands still until the test moves it. */
#include "query/rig.h"
#include "query/script.h"

#include "base/clock.h"
#include "listen/tcp_conn.h"
#include "wire/edns.h"
#include "wire/rrtype.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define START_MS 1000000
#define WALL_S 1700000000
#define GIVE_UP_S 120 /* a test that hangs is ended */

struct house {
	struct rig *rig;
	struct event_base *base;
	struct tcp_seats *seats;
	struct tcp *tcp;
	struct listener listener;
	int64_t now_ms;
};

static void at_ms(struct house *h, int64_t ms)
{
	h->now_ms = START_MS + ms;
	clock_set_for_test(h->now_ms, WALL_S);
}

static void house_open(struct house *h, void **state, size_t most)
{
	h->rig = *state;
	at_ms(h, 0);
	(void)alarm(GIVE_UP_S);
	script_name(script_policy(h->rig), "blocked.example", ANSWER_NXDOMAIN);
	h->base = event_base_new();
	h->seats = tcp_seats_create(1, most, most);
	h->tcp = tcp_create(h->base, h->rig->service, h->seats);
	assert_true(addr_from_text(str_from("127.0.0.1:0"), 0, &h->listener.addr));
	h->listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h->listener.fd, &h->listener.addr.sa, h->listener.addr.len), 0);
	assert_int_equal(listen(h->listener.fd, 64), 0);
	assert_int_equal(getsockname(h->listener.fd, &h->listener.addr.sa, &h->listener.addr.len), 0);
	tcp_listen(h->tcp, &h->listener);
}

static void house_shut(struct house *h)
{
	slots_drop_all(h->rig->service);
	tcp_destroy(h->tcp);
	assert_int_equal(tcp_seats_taken(h->seats), 0);
	tcp_seats_destroy(h->seats);
	event_base_free(h->base);
	close(h->listener.fd);
	clock_set_for_test(-1, -1);
	(void)alarm(0);
}

/* The loop goes round until the clients' counts are as they should be. */
static void until(struct house *h, enum counter which, uint64_t count)
{
	while (rig_count(h->rig, which) < count)
		assert_int_equal(event_base_loop(h->base, EVLOOP_ONCE), 0);
	assert_int_equal(rig_count(h->rig, which), count);
}

static int client(struct house *h)
{
	uint64_t before = rig_count(h->rig, COUNTER_TCP_ACCEPTED);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, &h->listener.addr.sa, h->listener.addr.len), 0);
	until(h, COUNTER_TCP_ACCEPTED, before + 1);
	return fd;
}

/* A framed question into w; keepalive: an option of that length, or -1 for none. */
static void frame(struct wr *w, uint16_t id, const char *name, int keepalive)
{
	size_t start = w->pos;
	struct name n = rig_name(name);

	wr_u16(w, 0);
	msg_write_header(w, &(struct msg_header){.id = id, .flags = MSG_RD, .qdcount = 1, .arcount = 1});
	name_write(w, &n);
	wr_u16(w, RRTYPE_A);
	wr_u16(w, RRCLASS_IN);
	size_t mark = edns_write_begin(w, 1232, 0, false);
	if (keepalive >= 0) {
		wr_u16(w, EDNS_KEEPALIVE);
		wr_u16(w, (uint16_t)keepalive);
		for (int i = 0; i < keepalive; i++)
			wr_u8(w, 0);
	}
	edns_write_end(w, mark);
	wr_patch_u16(w, start, (uint16_t)(w->pos - start - 2));
}

static void say(int fd, uint16_t id, const char *name)
{
	uint8_t bytes[600];
	struct wr w = wr_init(bytes, sizeof(bytes));

	frame(&w, id, name, -1);
	assert_int_equal(send(fd, bytes, w.pos, MSG_NOSIGNAL), w.pos);
}

/* The next answer, waited for with the house running: its length, 0 at the end of the connection. */
static size_t hear(struct house *h, int fd, uint8_t ret[65535])
{
	size_t have = 0, want = 2;
	uint8_t head[2];

	while (have < want) {
		ssize_t n =
		    have < 2 ? recv(fd, head + have, 2 - have, MSG_DONTWAIT) : recv(fd, ret + have - 2, want - have, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			assert_int_equal(have, 0);
			return 0;
		}
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			(void)event_base_loop(h->base, EVLOOP_NONBLOCK);
			continue;
		}
		have += (size_t)n;
		if (have == 2)
			want = 2 + ((size_t)head[0] << 8 | head[1]);
	}
	return want - 2;
}

static unsigned hear_id(struct house *h, int fd)
{
	uint8_t bytes[65535];

	return hear(h, fd, bytes) < 12 ? UINT32_MAX : (unsigned)bytes[0] << 8 | bytes[1];
}

static bool is_over(struct house *h, int fd)
{
	uint8_t bytes[65535];

	return hear(h, fd, bytes) == 0;
}

/* ---- */

static void times(void **state)
{
	struct house h;
	uint8_t half[] = {0, 40, 1};

	house_open(&h, state, 64);
	int idle = client(&h), slow = client(&h), active = client(&h);
	assert_int_equal(send(slow, half, sizeof(half), 0), sizeof(half));
	while (tcp_bytes_count(&TAILQ_NEXT(TAILQ_FIRST(&h.tcp->conns), link)->in) == 0)
		(void)event_base_loop(h.base, EVLOOP_ONCE);
	at_ms(&h, TCP_MESSAGE_MS - 1);
	assert_int_equal(send(slow, half, 1, 0), 1); /* a byte now and then does not help */
	while (tcp_bytes_count(&TAILQ_NEXT(TAILQ_FIRST(&h.tcp->conns), link)->in) == 3)
		(void)event_base_loop(h.base, EVLOOP_ONCE);
	tcp_sweep(h.tcp, h.now_ms);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_SLOW), 0);
	say(active, 7, "blocked.example");
	assert_int_equal(hear_id(&h, active), 7);
	at_ms(&h, TCP_MESSAGE_MS);
	tcp_sweep(h.tcp, h.now_ms);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_SLOW), 1);
	assert_true(is_over(&h, slow));
	at_ms(&h, TCP_IDLE_MS - 1);
	tcp_sweep(h.tcp, h.now_ms);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_IDLE), 0);
	at_ms(&h, TCP_IDLE_MS);
	tcp_sweep(h.tcp, h.now_ms);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_IDLE), 1); /* not the one that asked meanwhile */
	assert_true(is_over(&h, idle));
	at_ms(&h, TCP_MESSAGE_MS - 1 + TCP_IDLE_MS);
	tcp_sweep(h.tcp, h.now_ms);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_IDLE), 2);
	assert_true(is_over(&h, active));
	assert_true(TAILQ_EMPTY(&h.tcp->conns));
	assert_int_equal(h.tcp->held, 0);
	close(idle);
	close(slow);
	close(active);
	house_shut(&h);
}

/* A whole life of questions ends between two of them; one that always has something under way is not listened to any more. */
static void life(void **state)
{
	struct house h;

	house_open(&h, state, 64);
	int fd = client(&h), busy = client(&h);
	rig_asking(h.rig, "open.example", RRTYPE_A);
	say(busy, 1, "open.example");
	until(&h, COUNTER_TOTAL, 1);
	for (int64_t ms = 0; ms < TCP_LIFE_MS; ms += TCP_IDLE_MS / 2) {
		at_ms(&h, ms);
		tcp_sweep(h.tcp, h.now_ms);
		say(fd, 2, "blocked.example");
		assert_int_equal(hear_id(&h, fd), 2);
	}
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_AGED), 0);
	at_ms(&h, TCP_LIFE_MS);
	tcp_sweep(h.tcp, h.now_ms);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_AGED), 1);
	assert_true(is_over(&h, fd));
	say(busy, 3, "blocked.example");
	assert_int_equal(hear_id(&h, busy), 3);
	at_ms(&h, 2 * TCP_LIFE_MS);
	tcp_sweep(h.tcp, h.now_ms);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_AGED), 2);
	assert_int_equal(rig_answered(h.rig, "open.example", RRTYPE_A, POOL_TIMEOUT, NULL), 1);
	assert_int_equal(hear_id(&h, busy), 1); /* what was asked is answered */
	assert_true(is_over(&h, busy));
	close(fd);
	close(busy);
	house_shut(&h);
}

/* When the house is full, who is idle longest goes; with a question under way nobody does. */
static void makes_room(void **state)
{
	struct house h;
	int fds[9];

	house_open(&h, state, 8); /* a host's share of them is 2 */
	fds[0] = client(&h);
	at_ms(&h, 1);
	fds[1] = client(&h);
	at_ms(&h, 2);
	say(fds[0], 1, "blocked.example");
	assert_int_equal(hear_id(&h, fds[0]), 1);
	fds[2] = client(&h);
	assert_true(is_over(&h, fds[1]));
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_EVICTED), 1);
	rig_asking(h.rig, "open.example", RRTYPE_A);
	say(fds[0], 2, "open.example");
	say(fds[2], 3, "open.example");
	until(&h, COUNTER_TOTAL, 3);
	fds[3] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[3], &h.listener.addr.sa, h.listener.addr.len), 0);
	until(&h, COUNTER_TCP_REFUSED, 1);
	assert_true(is_over(&h, fds[3]));
	/* a client that vanished frees its place at once, although its question is still under way */
	(void)setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	close(fds[0]);
	while (tcp_seats_taken(h.seats) > 1)
		(void)event_base_loop(h.base, EVLOOP_ONCE);
	fds[4] = client(&h);
	assert_int_equal(rig_answered(h.rig, "open.example", RRTYPE_A, POOL_TIMEOUT, NULL), 2);
	assert_int_equal(hear_id(&h, fds[2]), 3);
	for (unsigned i = 1; i < 5; i++)
		close(fds[i]);
	house_shut(&h);
}

/* A client that asks until nothing more is read from it, and takes no answer. */
static int fill_up(struct house *h)
{
	uint8_t bytes[16384];
	struct wr w = wr_init(bytes, sizeof(bytes));
	size_t at = 0;
	int small = 4096;

	(void)setsockopt(h->listener.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	int fd = client(h);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	while (w.pos + 600 < sizeof(bytes))
		frame(&w, 1, "blocked.example", -1);
	struct conn *c = TAILQ_FIRST(&h->tcp->conns);
	while (c->reading || c->again) {
		ssize_t n = send(fd, bytes + at, w.pos - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		at = n > 0 ? (at + (size_t)n) % w.pos : at;
		(void)event_base_loop(h->base, EVLOOP_NONBLOCK);
		assert_ptr_equal(TAILQ_FIRST(&h->tcp->conns), c);
	}
	assert_true(c->writing);
	assert_true(tcp_bytes_count(&c->out) > TCP_OUT_MAX && tcp_bytes_count(&c->out) < TCP_OUT_MAX + 4096);
	assert_false(tcp_is_quiet(h->tcp));
	return fd;
}

/* Closed when its time is over; memory is bounded and comes back. */
static void takes_nothing(void **state)
{
	struct house h;

	house_open(&h, state, 64);
	int fd = fill_up(&h);
	tcp_sweep(h.tcp, h.now_ms + TCP_STALL_MS - 1);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_STALLED), 0);
	tcp_sweep(h.tcp, h.now_ms + TCP_STALL_MS);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_STALLED), 1);
	assert_true(TAILQ_EMPTY(&h.tcp->conns));
	assert_int_equal(h.tcp->held, 0);
	close(fd);
	house_shut(&h);
}

/* A sip now and then keeps a connection for so long and no longer. */
static void takes_little(void **state)
{
	struct house h;
	uint8_t sip[2048];

	house_open(&h, state, 64);
	int fd = fill_up(&h);
	struct conn *c = TAILQ_FIRST(&h.tcp->conns);
	at_ms(&h, TCP_STALL_MS - 1);
	while (c->took_ms != h.now_ms) {
		(void)!recv(fd, sip, sizeof(sip), MSG_DONTWAIT);
		(void)event_base_loop(h.base, EVLOOP_NONBLOCK);
	}
	for (int64_t ms = TCP_STALL_MS; ms < TCP_DRAIN_MS; ms += TCP_STALL_MS - 1) {
		at_ms(&h, ms);
		tcp_sweep(h.tcp, h.now_ms);
		assert_int_equal(rig_count(h.rig, COUNTER_TCP_STALLED), 0);
		c->took_ms = h.now_ms; /* real sips are as large as the kernel likes */
	}
	tcp_sweep(h.tcp, START_MS + TCP_DRAIN_MS);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_STALLED), 1);
	close(fd);
	house_shut(&h);
}

/* The worker's memory for its clients is at its bound: who needs more goes, without a half frame, and others stay. */
static void no_room(void **state)
{
	static const uint8_t half[] = {0, 40, 1};
	struct house h;

	house_open(&h, state, 64);
	int fd = client(&h), other = client(&h);
	h.tcp->held = TCP_HELD_MAX;
	assert_int_equal(send(fd, half, sizeof(half), 0), sizeof(half));
	assert_true(is_over(&h, fd));
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_NO_ROOM), 1);
	say(other, 8, "blocked.example"); /* what is answered at once needs none */
	assert_int_equal(hear_id(&h, other), 8);
	rig_asking(h.rig, "open.example", RRTYPE_A);
	say(other, 9, "open.example");
	until(&h, COUNTER_TOTAL, 2);
	assert_int_equal(rig_answered(h.rig, "open.example", RRTYPE_A, POOL_TIMEOUT, NULL), 1);
	assert_true(is_over(&h, other));
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_NO_ROOM), 2);
	assert_int_equal(h.tcp->held, TCP_HELD_MAX);
	h.tcp->held = 0;
	close(fd);
	close(other);
	house_shut(&h);
}

/* One that pipelines by the hundred has its turn, and then others have theirs. */
static void fair_turns(void **state)
{
	struct house h;
	uint8_t bytes[32768];
	struct wr w = wr_init(bytes, sizeof(bytes));
	unsigned count = 0;

	house_open(&h, state, 64);
	int greedy = client(&h);
	for (; w.pos + 600 < TCP_READ_MAX; count++)
		frame(&w, (uint16_t)count, "blocked.example", -1);
	assert_true(count > 3 * TCP_TURN_QUESTIONS);
	assert_int_equal(send(greedy, bytes, w.pos, 0), w.pos);
	struct conn *c = TAILQ_FIRST(&h.tcp->conns);
	uint64_t seen = 0;
	while (rig_count(h.rig, COUNTER_TOTAL) < count) {
		(void)event_base_loop(h.base, EVLOOP_ONCE);
		uint64_t total = rig_count(h.rig, COUNTER_TOTAL);
		/* one by its readable socket, the rest by the queue, which others' events come between */
		assert_true(total - seen <= TCP_AGAIN_QUESTIONS + TCP_TURN_QUESTIONS);
		seen = total;
	}
	assert_false(conn_holds_message(c));
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(hear_id(&h, greedy), i);
	assert_int_equal(h.tcp->held, 0);
	close(greedy);
	house_shut(&h);
}

static void keepalive(void **state)
{
	static const uint8_t told[] = {0, EDNS_KEEPALIVE, 0, 2, 0, TCP_IDLE_MS / 100};
	static const uint8_t told_scarce[] = {0, EDNS_KEEPALIVE, 0, 2, 0, TCP_IDLE_SCARCE_MS / 100};
	struct house h;
	uint8_t bytes[600], answer[65535];
	static const int lens[] = {-1, 0, 2, 1};

	house_open(&h, state, 8);
	int fd = client(&h);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct wr w = wr_init(bytes, sizeof(bytes));
		frame(&w, 1, "blocked.example", lens[i]);
		assert_int_equal(send(fd, bytes, w.pos, 0), w.pos);
		size_t len = hear(&h, fd, answer);
		assert_int_equal(answer[3] & 15, lens[i] > 0 ? RCODE_FORMERR : RCODE_NXDOMAIN);
		assert_int_equal(memmem(answer, len, told, sizeof(told)) != NULL, lens[i] >= 0);
		/* over UDP it means nothing, whatever it holds */
		rig_run(h.rig, &rig_udp, "127.0.0.1", bytes + 2, w.pos - 2);
		assert_int_equal(rig_flags(h.rig) & 15, RCODE_NXDOMAIN);
		assert_null(memmem(h.rig->sent, h.rig->sent_len, told, 4));
	}
	/* places are scarce: clients shall go sooner */
	uint32_t others[6];
	for (unsigned i = 0; i < 6; i++) {
		struct addr a;
		void *leaver;
		char text[32];
		snprintf(text, sizeof(text), "192.0.2.%u", i);
		assert_true(addr_from_text(str_from(text), 1, &a));
		others[i] = tcp_enter(h.seats, 0, &a, -1, others, h.now_ms, &leaver);
		assert_int_not_equal(others[i], TCP_SEAT_NONE);
	}
	struct wr w = wr_init(bytes, sizeof(bytes));
	frame(&w, 1, "blocked.example", 0);
	assert_int_equal(send(fd, bytes, w.pos, 0), w.pos);
	size_t len = hear(&h, fd, answer);
	assert_non_null(memmem(answer, len, told_scarce, sizeof(told_scarce)));
	tcp_sweep(h.tcp, h.now_ms + TCP_IDLE_SCARCE_MS);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_IDLE), 1);
	for (unsigned i = 0; i < 6; i++)
		tcp_leave(h.seats, others[i]);
	close(fd);
	house_shut(&h);
}

/* File descriptors have run out: somebody idle goes, the listener looks away for a while, and then the client is served. */
static void no_file_left(void **state)
{
	struct house h;
	struct rlimit old, none;

	house_open(&h, state, 64);
	int idle = client(&h), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)fd; /* no number below it is free */
	assert_int_equal(connect(fd, &h.listener.addr.sa, h.listener.addr.len), 0);
	int filled[64], count = 0, spare;
	while ((spare = dup(fd)) >= 0 && spare < fd && count < 64)
		filled[count++] = spare;
	close(spare);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	until(&h, COUNTER_TCP_ACCEPT_FAILED, 1);
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_EVICTED), 1);
	assert_true(is_over(&h, idle));
	until(&h, COUNTER_TCP_ACCEPTED, 2); /* in the place of the one that went */
	assert_int_equal(rig_count(h.rig, COUNTER_TCP_ACCEPT_FAILED), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	say(fd, 5, "blocked.example");
	assert_int_equal(hear_id(&h, fd), 5);
	while (count > 0)
		close(filled[--count]);
	close(fd);
	close(idle);
	house_shut(&h);
}

/* Asked to stop: nothing new is read, what is under way is answered, then every connection ends. */
static void stops(void **state)
{
	struct house h;

	house_open(&h, state, 64);
	int idle = client(&h), fd = client(&h);
	say(idle, 1, "blocked.example");
	assert_int_equal(hear_id(&h, idle), 1);
	rig_asking(h.rig, "open.example", RRTYPE_A);
	say(fd, 9, "open.example");
	until(&h, COUNTER_TOTAL, 2);
	tcp_stop(h.tcp);
	assert_true(is_over(&h, idle));
	assert_false(tcp_is_quiet(h.tcp));
	assert_int_equal(rig_answered(h.rig, "open.example", RRTYPE_A, POOL_TIMEOUT, NULL), 1);
	assert_int_equal(hear_id(&h, fd), 9);
	assert_true(is_over(&h, fd));
	assert_true(tcp_is_quiet(h.tcp));
	close(idle);
	close(fd);
	house_shut(&h);
}

/* Who has just come, or has begun a message, is heard out: nobody else will hear that question. But not for long. */
static void stops_after_those_who_just_came(void **state)
{
	struct house h;

	house_open(&h, state, 64);
	int newcomer = client(&h), mute = client(&h), slow = client(&h);
	say(slow, 1, "blocked.example");
	assert_int_equal(hear_id(&h, slow), 1);
	static const uint8_t half[] = {0, 40, 1};
	assert_int_equal(send(slow, half, sizeof(half), 0), sizeof(half));
	while (h.tcp->held == 0)
		assert_int_equal(event_base_loop(h.base, EVLOOP_ONCE), 0);
	tcp_stop(h.tcp);
	assert_false(tcp_is_quiet(h.tcp));
	say(newcomer, 2, "blocked.example");
	assert_int_equal(hear_id(&h, newcomer), 2);
	assert_true(is_over(&h, newcomer));
	at_ms(&h, TCP_FAREWELL_MS - 1);
	assert_false(tcp_is_quiet(h.tcp));
	at_ms(&h, TCP_FAREWELL_MS);
	assert_true(tcp_is_quiet(h.tcp));
	close(newcomer);
	close(mute);
	close(slow);
	house_shut(&h);
}

/* A message of the greatest length in pieces: memory grows with what has come, not with what was announced. */
static void long_messages(void **state)
{
	static uint8_t bytes[2 + 65535];
	struct house h;

	house_open(&h, state, 64);
	int fd = client(&h);
	struct wr w = wr_init(bytes, sizeof(bytes));
	frame(&w, 4, "blocked.example", -1);
	bytes[0] = bytes[1] = 0xff; /* what follows the OPT makes it malformed */
	struct conn *c = TAILQ_FIRST(&h.tcp->conns);
	for (size_t at = 0; at < sizeof(bytes);) {
		size_t some = MIN(sizeof(bytes) - at, (size_t)1000);
		assert_int_equal(send(fd, bytes + at, some, 0), some);
		at += some;
		while (at < sizeof(bytes) && tcp_bytes_count(&c->in) < at)
			(void)event_base_loop(h.base, EVLOOP_ONCE);
		assert_true(h.tcp->held <= 2 * at + TCP_BYTES_MIN);
	}
	uint8_t answer[65535];
	assert_true(hear(&h, fd, answer) >= 12);
	assert_int_equal(answer[3] & 15, RCODE_FORMERR);
	assert_int_equal(h.tcp->held, 0);
	close(fd);
	house_shut(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, script_set_up, script_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(times),
	    TEST(life),
	    TEST(makes_room),
	    TEST(takes_nothing),
	    TEST(takes_little),
	    TEST(no_room),
	    TEST(fair_turns),
	    TEST(keepalive),
	    TEST(no_file_left),
	    TEST(stops),
	    TEST(stops_after_those_who_just_came),
	    TEST(long_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
