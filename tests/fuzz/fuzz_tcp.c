/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a client says on a TCP connection, over a socket pair, to a worker's real connection code with a scripted policy behind it.
 * However the octets are cut, the answers are the same, each in a frame of its own, at most one for each whole message and none
 * after the first frame that is too short; and when the client hangs up, nothing is left of it. The first octet says how they are
 * cut, the rest is what is said. */
#include "query/rig.h"
#include "query/script.h"

#include "base/clock.h"
#include "listen/tcp_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAID_MAX 16384
#define HEARD_MAX ((size_t)512 * 1024)
#define TURNS_MAX 10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of the pool's own (meson.build): nothing is asked of anybody. */
struct pool_ask *__wrap_pool_ask_of(struct pool *pool, uint32_t set, const struct name *name, uint16_t type, bool dnssec_ok,
				    bool checking_disabled, bool prefer_tcp, pool_callback *done, void *arg);
struct pool_ask *__wrap_pool_ask_of(struct pool *pool, uint32_t set, const struct name *name, uint16_t type, bool dnssec_ok,
				    bool checking_disabled, bool prefer_tcp, pool_callback *done, void *arg)
{
	(void)pool, (void)set, (void)name, (void)type, (void)dnssec_ok, (void)checking_disabled, (void)prefer_tcp, (void)done,
	    (void)arg;
	return NULL;
}

static struct rig *rig;
static struct event_base *base;
static struct tcp_seats *seats;
static struct tcp *tcp;

static void set_up(void)
{
	clock_set_for_test(1000000, 1700000000);
	must(script_set_up((void **)&rig) == 0);
	script_name(script_policy(rig), "blocked.example", ANSWER_NXDOMAIN);
	base = event_base_new();
	seats = tcp_seats_create(1, 64, 64);
	must(base != NULL && seats != NULL);
	rig->service->pool = pool_create(base, rig->counters, generation_current(rig->gs)->upstreams);
	tcp = tcp_create(base, rig->service, seats);
}

struct heard {
	uint8_t bytes[HEARD_MAX];
	size_t len;
	bool over;
};

/* What came. */
static void hear(int fd, struct heard *h)
{
	while (!h->over) {
		must(h->len < sizeof(h->bytes));
		ssize_t n = recv(fd, h->bytes + h->len, sizeof(h->bytes) - h->len, MSG_DONTWAIT);
		if (n > 0)
			h->len += (size_t)n;
		else if (n == 0 || errno == ECONNRESET)
			h->over = true;
		else
			return;
	}
}

static void turn(int fd, struct heard *h)
{
	must(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
	hear(fd, h);
}

/* Say it in pieces of `piece` octets, hang up, and hear all of the answers. */
static void converse(const uint8_t *said, size_t len, size_t piece, struct heard *h)
{
	int ends[2];
	struct addr peer;
	void *leaver = NULL;
	h->len = 0;
	h->over = false;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	must(addr_from_text(str_from("127.0.0.1"), 4000, &peer));
	struct conn *c = conn_create(tcp, ends[0], &peer);
	uint32_t seat = tcp_enter(seats, 0, &peer, ends[0], c, tcp->now_ms, &leaver);
	must(c != NULL && seat != TCP_SEAT_NONE && leaver == NULL);
	conn_start(c, seat);
	for (size_t at = 0; at < len && !h->over;) {
		ssize_t n = send(ends[1], said + at, MIN(piece, len - at), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			break; /* it has hung up on us */
		at += n > 0 ? (size_t)n : 0;
		turn(ends[1], h);
	}
	(void)shutdown(ends[1], SHUT_WR);
	for (unsigned turns = 0; !h->over; turns++) {
		must(turns < TURNS_MAX);
		turn(ends[1], h);
	}
	close(ends[1]);
	must(TAILQ_EMPTY(&tcp->conns) && tcp_seats_taken(seats) == 0 && tcp->held == 0);
}

/* How many messages a reader of frames finds that may be answered. */
static size_t messages_in(const uint8_t *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	size_t count = 0;
	for (;;) {
		uint16_t frame = rd_u16(&r);
		rd_skip(&r, frame);
		if (!rd_ok(&r) || frame < MSG_HEADER_LEN)
			return count;
		count++;
	}
}

static size_t answers_in(const struct heard *h)
{
	struct rd r = rd_init(h->bytes, h->len);
	size_t count = 0;
	for (; rd_left(&r) > 0; count++) {
		struct rd answer = rd_sub(&r, rd_u16(&r));
		struct msg_header header;
		must(rd_ok(&answer) && rd_left(&answer) >= MSG_HEADER_LEN);
		struct rd whole = rd_init(answer.base + answer.pos, rd_left(&answer));
		msg_read_header(&whole, &header);
		must((header.flags & MSG_QR) != 0 && header.qdcount <= 1);
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct heard whole, cut;
	if (size < 1 || size > SAID_MAX)
		return 0;
	if (rig == NULL)
		set_up();
	const uint8_t *said = data + 1;
	size_t len = size - 1;
	converse(said, len, len, &whole);
	must(answers_in(&whole) <= messages_in(said, len));
	converse(said, len, 1u + data[0] % 64, &cut);
	must(whole.len == cut.len && memcmp(whole.bytes, cut.bytes, cut.len) == 0);
	return 0;
}
