/* SPDX-License-Identifier: BSD-2-Clause
 *
 * relay - a bare forwarder, one thread: the ceiling of forwarding what the cache does not hold. No parsing, no cache; the query's
 * ID is replaced by a random one, and an answer is known by its socket and ID. Client side: one socket, recvmmsg and sendmmsg
 * of 64.
 *
 * relay MODE PORT UPSTREAMPORT
 *
 *   MODE  one    one upstream socket, recvmmsg and sendmmsg: the fastest there is, and a port that is soon known
 *         pool   256 connected sockets of random ports, kept; one picked at random for each query
 *         fresh  a socket of a random port for each query, closed after its answer
 *         batch  a socket of a random port for each batch of queries, closed when all of them are answered */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64u
#define POOL 256u
#define SOCKETS 8192u /* a ring: what is still open when its turn comes again was not answered, and is closed */
#define DATAGRAM_MAX 2048u
#define HEADER 12u
#define ID_TRIES 16u /* then one that was not answered gives way */
#define EVENTS 64
#define RECEIVE_BUFFER (4 * 1024 * 1024)
#define CLIENT_EVENT UINT32_MAX

enum mode { MODE_ONE, MODE_POOL, MODE_FRESH, MODE_BATCH };

struct upstream {
	int fd; /* -1: closed */
	unsigned awaited;
	uint32_t serial; /* counts what this place in the ring was used for */
};

/* A query under way; its place is the ID it was sent with. */
struct pending {
	struct sockaddr_in client;
	uint16_t id;
	bool used;
	uint32_t upstream, serial;
};

struct batch {
	struct mmsghdr all[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in peer[BATCH];
	uint8_t bytes[BATCH][DATAGRAM_MAX];
};

static enum mode mode;
static int client_fd, ep;
static struct sockaddr_in upstream_addr;
static struct upstream upstreams[SOCKETS];
static unsigned upstream_next;
static struct pending pendings[65536];
static struct batch queries, answers;

static uint64_t draw(void)
{
	static uint64_t state;

	while (state == 0) {
		if (getrandom(&state, sizeof(state), 0) != sizeof(state))
			state = 0;
	}
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void upstream_close(struct upstream *u)
{
	if (u->fd >= 0)
		close(u->fd); /* which also takes it out of epoll */
	u->fd = -1;
	u->serial++;
}

/* A connected socket; the kernel picks the port at random. Its place, or SOCKETS when there is none to be had. */
static uint32_t upstream_open(void)
{
	uint32_t at = upstream_next++ % SOCKETS;
	struct upstream *u = &upstreams[at];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = at};

	upstream_close(u);
	u->awaited = 0;
	u->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0)
		return SOCKETS;
	if (connect(u->fd, (struct sockaddr *)&upstream_addr, sizeof(upstream_addr)) != 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, u->fd, &event) != 0) {
		upstream_close(u);
		return SOCKETS;
	}
	return at;
}

static bool is_waiting(const struct pending *p)
{
	return p->used && upstreams[p->upstream].serial == p->serial;
}

/* Notes who asked query i, and gives it a random ID. */
static void enter(uint32_t upstream, unsigned i)
{
	uint16_t id = (uint16_t)(draw() >> 20);

	for (unsigned tries = 0; is_waiting(&pendings[id]) && tries < ID_TRIES; tries++)
		id = (uint16_t)(draw() >> 20);
	struct pending *p = &pendings[id];
	*p = (struct pending){.client = queries.peer[i], .used = true, .upstream = upstream, .serial = upstreams[upstream].serial};
	memcpy(&p->id, queries.bytes[i], sizeof(p->id));
	memcpy(queries.bytes[i], &id, sizeof(id));
	upstreams[upstream].awaited++;
}

static void send_all(int fd, struct mmsghdr *all, unsigned count)
{
	for (unsigned done = 0; done < count;) {
		int sent = sendmmsg(fd, all + done, count - done, 0);
		done += sent > 0 ? (unsigned)sent : 1; /* one that cannot be sent is passed over */
	}
}

static void forward_one_by_one(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t at = mode == MODE_POOL ? (uint32_t)(draw() >> 40) % POOL : upstream_open();
		if (at == SOCKETS)
			continue;
		enter(at, i);
		(void)send(upstreams[at].fd, queries.bytes[i], queries.iov[i].iov_len, 0);
	}
}

static void forward_together(unsigned count)
{
	uint32_t at = mode == MODE_ONE ? 0 : upstream_open();

	if (at == SOCKETS)
		return;
	for (unsigned i = 0; i < count; i++) {
		enter(at, i);
		queries.all[i].msg_hdr.msg_name = NULL; /* connected */
		queries.all[i].msg_hdr.msg_namelen = 0;
	}
	send_all(upstreams[at].fd, queries.all, count);
}

static void on_client(void)
{
	for (unsigned i = 0; i < BATCH; i++) {
		queries.iov[i] = (struct iovec){queries.bytes[i], DATAGRAM_MAX};
		queries.all[i].msg_hdr.msg_name = &queries.peer[i];
		queries.all[i].msg_hdr.msg_namelen = sizeof(queries.peer[i]);
	}
	int got = recvmmsg(client_fd, queries.all, BATCH, MSG_DONTWAIT, NULL);
	if (got <= 0)
		return;
	for (int i = 0; i < got; i++)
		queries.iov[i].iov_len = queries.all[i].msg_len;
	switch (mode) {
	case MODE_POOL:
	case MODE_FRESH:
		forward_one_by_one((unsigned)got);
		break;
	case MODE_ONE:
	case MODE_BATCH:
		forward_together((unsigned)got);
		break;
	}
}

/* The answers that stand in `answers` from `from` on, of one upstream socket: those awaited move up and are addressed. */
static unsigned keep_awaited(uint32_t at, unsigned from, unsigned got)
{
	unsigned kept = from;

	for (unsigned i = from; i < from + got; i++) {
		uint16_t id;
		memcpy(&id, answers.iov[i].iov_base, sizeof(id));
		struct pending *p = &pendings[id];
		if (answers.all[i].msg_len < HEADER || !is_waiting(p) || p->upstream != at)
			continue;
		p->used = false;
		upstreams[at].awaited--;
		memcpy(answers.iov[i].iov_base, &p->id, sizeof(p->id));
		struct iovec whole = {answers.iov[i].iov_base, answers.all[i].msg_len};
		answers.iov[i].iov_base = answers.iov[kept].iov_base; /* two places swap their buffers */
		answers.iov[kept] = whole;
		answers.peer[kept] = p->client;
		kept++;
	}
	return kept;
}

static unsigned flush(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		answers.all[i].msg_hdr.msg_name = &answers.peer[i];
		answers.all[i].msg_hdr.msg_namelen = sizeof(answers.peer[i]);
	}
	send_all(client_fd, answers.all, count);
	return 0;
}

/* What came of one upstream socket joins the answers collected so far; their count. */
static unsigned on_upstream(uint32_t at, unsigned collected)
{
	struct upstream *u = &upstreams[at];
	bool lasting = mode == MODE_ONE || mode == MODE_POOL;

	if (u->fd < 0)
		return collected; /* closed earlier in this turn */
	unsigned most = lasting || u->awaited > BATCH ? BATCH : u->awaited;
	if (collected + most > BATCH)
		collected = flush(collected);
	for (unsigned i = collected; i < collected + most; i++) {
		answers.iov[i].iov_len = DATAGRAM_MAX;
		answers.all[i].msg_hdr.msg_name = NULL;
		answers.all[i].msg_hdr.msg_namelen = 0;
	}
	int got = recvmmsg(u->fd, answers.all + collected, most, MSG_DONTWAIT, NULL);
	if (got > 0)
		collected = keep_awaited(at, collected, (unsigned)got);
	if (!lasting && u->awaited == 0)
		upstream_close(u);
	return collected;
}

static int open_client(uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = CLIENT_EVENT};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = RECEIVE_BUFFER;

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) != 0) {
		perror("relay");
		exit(1);
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static void batch_init(struct batch *b)
{
	for (unsigned i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){b->bytes[i], DATAGRAM_MAX};
		b->all[i].msg_hdr = (struct msghdr){.msg_iov = &b->iov[i], .msg_iovlen = 1};
	}
}

static void set_up(const char *port, const char *upstream_port)
{
	ep = epoll_create1(EPOLL_CLOEXEC);
	upstream_addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	upstream_addr.sin_port = htons((uint16_t)strtoul(upstream_port, NULL, 10));
	client_fd = open_client((uint16_t)strtoul(port, NULL, 10));
	batch_init(&queries);
	batch_init(&answers);
	for (unsigned i = 0; i < SOCKETS; i++)
		upstreams[i].fd = -1;
	for (unsigned i = 0; i < (mode == MODE_ONE ? 1u : mode == MODE_POOL ? POOL : 0u); i++) {
		if (upstream_open() == SOCKETS) {
			fprintf(stderr, "relay: no sockets\n");
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	static const char *const modes[] = {"one", "pool", "fresh", "batch"};
	unsigned m = 0;

	while (argc == 4 && m < 4 && strcmp(argv[1], modes[m]) != 0)
		m++;
	if (argc != 4 || m == 4) {
		fprintf(stderr, "usage: relay one|pool|fresh|batch PORT UPSTREAMPORT\n");
		return 2;
	}
	mode = (enum mode)m;
	set_up(argv[2], argv[3]);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(ep, events, EVENTS, -1);
		unsigned collected = 0;
		bool asked = false;
		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 == CLIENT_EVENT)
				asked = true;
			else
				collected = on_upstream(events[i].data.u32, collected);
		}
		(void)flush(collected);
		if (asked) /* last: a new socket may take the place of one whose event is still to come */
			on_client();
	}
}
