/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A worker's UDP socket over loopback: more at once than a batch holds, what is answered outside of a batch, what is still to be
 * sent when the worker ends, and from which address. The questions behind it are judged by tests/unit/query's rig. */
#include "query/rig.h"
#include "query/script.h"

#include "listen/udp.h"
#include "wire/edns.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 150 /* more than two batches; the kernel's least buffer holds them */
#define GIVE_UP_S 120

struct house {
	struct rig *rig;
	struct event_base *base;
	struct listener listener;
	struct udp *udp;
};

static void house_open(struct house *h, void **state, const char *on)
{
	int yes = 1;
	*h = (struct house){.rig = *state, .base = event_base_new()};
	(void)alarm(GIVE_UP_S);
	(void)script_name(script_policy(h->rig), "blocked.example", ANSWER_NXDOMAIN);
	assert_true(addr_from_text(str_from(on), 0, &h->listener.addr));
	h->listener.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(h->listener.fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(h->listener.fd, &h->listener.addr.sa, h->listener.addr.len), 0);
	assert_int_equal(getsockname(h->listener.fd, &h->listener.addr.sa, &h->listener.addr.len), 0);
	h->udp = udp_create(h->base, h->rig->service, &h->listener);
}

static void house_shut(struct house *h)
{
	slots_drop_all(h->rig->service);
	udp_destroy(h->udp);
	event_base_free(h->base);
	close(h->listener.fd);
	(void)alarm(0);
}

static int client(const struct house *h, const char *to)
{
	struct sockaddr_in in = h->listener.addr.in;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(inet_pton(AF_INET, to, &in.sin_addr), 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static void say(int fd, uint16_t id, const char *name)
{
	uint8_t bytes[600];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct name n = rig_name(name);
	msg_write_header(&w, &(struct msg_header){.id = id, .flags = MSG_RD, .qdcount = 1});
	name_write(&w, &n);
	wr_u16(&w, RRTYPE_A);
	wr_u16(&w, RRCLASS_IN);
	assert_int_equal(send(fd, bytes, w.pos, 0), w.pos);
}

static void until(struct house *h, enum counter which, uint64_t count)
{
	while (rig_count(h->rig, which) < count)
		assert_int_equal(event_base_loop(h->base, EVLOOP_ONCE), 0);
	assert_int_equal(rig_count(h->rig, which), count);
}

/* Everything that came: each ID below MANY once, with this flags word; returns how many. On loopback what was sent is there. */
static unsigned hear_all(int fd, unsigned flags)
{
	bool heard[MANY] = {false};
	uint8_t bytes[4096];
	unsigned count = 0;
	ssize_t len;
	while ((len = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		unsigned id = (unsigned)bytes[0] << 8 | bytes[1];
		assert_true(len >= MSG_HEADER_LEN && id < MANY && !heard[id]);
		assert_int_equal((unsigned)bytes[2] << 8 | bytes[3], flags);
		heard[id] = true;
		count++;
	}
	return count;
}

static void more_than_a_batch(void **state)
{
	static const uint8_t huge[5000] = {0, 1, 1, 0, 0, 1};
	struct house h;
	house_open(&h, state, "127.0.0.1");
	int a = client(&h, "127.0.0.1"), b = client(&h, "127.0.0.1");
	for (uint16_t i = 0; i < MANY; i++)
		say(i % 2 == 0 ? a : b, i, "blocked.example");
	until(&h, COUNTER_BLOCKED, MANY);
	assert_int_equal(hear_all(a, 0x8183), MANY / 2);
	assert_int_equal(hear_all(b, 0x8183), MANY / 2);
	/* longer than any query: its cut form is not taken for one; what is no header is not answered; an empty one harms nobody */
	assert_int_equal(send(a, huge, sizeof(huge), 0), sizeof(huge));
	assert_int_equal(send(a, huge, 11, 0), 11);
	assert_int_equal(send(a, huge, 0, 0), 0);
	say(b, 5, "blocked.example");
	until(&h, COUNTER_BLOCKED, MANY + 1);
	assert_int_equal(hear_all(a, 0x8181), 1);
	assert_int_equal(hear_all(b, 0x8183), 1);
	assert_int_equal(rig_count(h.rig, COUNTER_DROPPED), 2);
	close(a);
	close(b);
	house_shut(&h);
}

static void ask_and_wait(struct house *h, int fd, uint16_t count)
{
	rig_asking(h->rig, "miss.example", RRTYPE_A);
	for (uint16_t i = 0; i < count; i++)
		say(fd, i, "miss.example");
	while (h->rig->service->slots_used < count)
		assert_int_equal(event_base_loop(h->base, EVLOOP_ONCE), 0);
}

/* Answers that come to many at once, outside of a batch: as many as there are rooms go at once, the rest at the end of the turn. */
static void answered_outside_of_a_batch(void **state)
{
	static struct rig_reply r;
	struct house h;
	house_open(&h, state, "127.0.0.1");
	int fd = client(&h, "127.0.0.1");
	rig_reply_begin(&r, "miss.example", RRTYPE_A, RCODE_NOERROR);
	rig_reply_add(&r, "miss.example", RRTYPE_A, 60, "192.0.2.1");
	rig_reply_end(&r);
	ask_and_wait(&h, fd, MANY);
	assert_int_equal(hear_all(fd, 0), 0);
	assert_int_equal(rig_answered(h.rig, "miss.example", RRTYPE_A, POOL_ANSWER, &r), MANY);
	unsigned early = hear_all(fd, 0x8180);
	assert_true(early < MANY);
	assert_int_equal(event_base_loop(h.base, EVLOOP_NONBLOCK), 0);
	assert_int_equal(hear_all(fd, 0x8180) + early, MANY);
	/* some outside, then a batch: it takes them along */
	ask_and_wait(&h, fd, 3);
	assert_int_equal(rig_answered(h.rig, "miss.example", RRTYPE_A, POOL_TIMEOUT, NULL), 3);
	say(fd, 100, "blocked.example");
	until(&h, COUNTER_BLOCKED, 1);
	(void)event_base_loop(h.base, EVLOOP_NONBLOCK);
	uint8_t bytes[512];
	for (unsigned i = 0; i < 4; i++)
		assert_true(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
	assert_int_equal(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	close(fd);
	house_shut(&h);
}

/* The loop ends before the turn does: what was to be sent goes all the same. Nothing is read any more. */
static void the_end_loses_no_answer(void **state)
{
	struct house h;
	house_open(&h, state, "127.0.0.1");
	int fd = client(&h, "127.0.0.1");
	ask_and_wait(&h, fd, 10);
	udp_stop(h.udp, false);
	say(fd, 20, "blocked.example");
	assert_int_equal(rig_answered(h.rig, "miss.example", RRTYPE_A, POOL_TIMEOUT, NULL), 10);
	assert_int_equal(hear_all(fd, 0x8182), 0);
	house_shut(&h);
	assert_int_equal(hear_all(fd, 0x8182), 10);
	close(fd);
}

/* What another process will read is left to it; without one, it is taken. */
static void what_is_left_at_the_end(void **state)
{
	uint8_t bytes[512];
	struct house h;
	house_open(&h, state, "127.0.0.1");
	int fd = client(&h, "127.0.0.1");
	say(fd, 1, "blocked.example");
	udp_stop(h.udp, true);
	assert_int_equal(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	assert_true(recv(h.listener.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK) > 0);
	udp_stop(h.udp, false);
	assert_true(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
	assert_int_equal(recv(h.listener.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK), -1);
	close(fd);
	house_shut(&h);
}

static void from_the_address_asked(void **state)
{
	static const char *const to[] = {"127.0.0.1", "127.0.0.2", "127.1.2.3"};
	struct house h;
	int fds[ARRAY_LEN(to)];
	house_open(&h, state, "0.0.0.0");
	for (uint16_t i = 0; i < ARRAY_LEN(to); i++) {
		fds[i] = client(&h, to[i]); /* connected: from elsewhere it would hear nothing */
		say(fds[i], i, "blocked.example");
	}
	until(&h, COUNTER_BLOCKED, ARRAY_LEN(to));
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		assert_int_equal(hear_all(fds[i], 0x8183), 1);
		close(fds[i]);
	}
	house_shut(&h);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, script_set_up, script_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(more_than_a_batch),	   TEST(answered_outside_of_a_batch), TEST(the_end_loses_no_answer),
	    TEST(what_is_left_at_the_end), TEST(from_the_address_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
