/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a server says on a TCP connection on which some questions are out, over a socket pair, to a pool's real stream. Each
 * question is told of at most once, what is taken for an answer to it can be read, and nothing is left behind; frames that are too
 * short, or that answer nothing too often, end the connection.
 *
 * The first octet says how many questions. Then, for each piece that is said: an octet of what is done to it - bits 0 and 1: which
 * question; bit 2: it gets its ID; bit 3: and its question; bit 4: it goes in a frame of its length; bit 5: the pool has its turn
 * after; bit 6: QR is set - and its length, two octets, and itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "upstream/health.h"
#include "upstream/pool.h"
#include "upstream/stream.h"

#define QUESTIONS_MAX 4
#define PIECES_MAX 256
#define TURNS_AFTER 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
	unsigned calls;
	struct name name;
	uint8_t query[MESSAGE_QUERY_MAX]; /* as it was heard */
	size_t query_len, question_len;
};

struct house {
	struct event_base *base;
	struct counters *counters;
	struct settings settings;
	struct endpoint endpoint;
	struct upstreams *u;
	struct pool *pool;
	int fd; /* the server's end */
	size_t count;
	struct asked asked[QUESTIONS_MAX];
	uint8_t heard[QUESTIONS_MAX * (STREAM_FRAME_HEAD + MESSAGE_QUERY_MAX)];
	size_t heard_len;
};

/* A stream to the server that is connected already. */
static void connect_stream(struct house *h)
{
	int ends[2];
	struct stream *s = calloc(1, sizeof(*s));
	must(s != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	h->fd = ends[1];
	s->pool = h->pool;
	s->server = server_ref(h->u->routes[0].servers[0]);
	s->fd = ends[0];
	s->state = STREAM_OPEN;
	for (size_t i = 0; i < STREAM_BUCKETS; i++)
		LIST_INIT(&s->by_id[i]);
	TAILQ_INIT(&s->held);
	LIST_INSERT_HEAD(&h->pool->streams, s, link);
	must(event_assign(&s->readable, h->base, s->fd, EV_READ | EV_PERSIST, stream_on_readable, s) == 0);
	must(event_assign(&s->writable, h->base, s->fd, EV_WRITE | EV_PERSIST, stream_on_writable, s) == 0);
	must(event_add(&s->readable, NULL) == 0);
	stream_arm(s);
}

static void on_done(void *arg, enum pool_outcome outcome, const struct response *r)
{
	struct asked *a = arg;
	must(++a->calls == 1 && (r != NULL) == (outcome == POOL_ANSWER));
	if (r == NULL)
		return;
	static uint8_t whole[MSG_LEN_MAX];
	struct wr w = wr_init(whole, sizeof(whole));
	msg_write_header(&w, &(struct msg_header){.qdcount = 1});
	name_write(&w, &a->name);
	wr_u32(&w, 0);
	struct rd in = rd_init(whole, w.pos + r->body_len);
	in.pos = w.pos;
	wr_bytes(&w, r->body, r->body_len);
	must(!w.full);
	for (size_t i = 0; i < (size_t)r->ancount + r->nscount; i++) {
		struct msg_rr rr;
		must(msg_read_rr(&in, &rr));
	}
	must(rd_left(&in) == 0);
}

static void turn(struct house *h)
{
	must(event_base_loop(h->base, EVLOOP_NONBLOCK) >= 0);
	while (h->heard_len < sizeof(h->heard)) {
		ssize_t n = recv(h->fd, h->heard + h->heard_len, sizeof(h->heard) - h->heard_len, MSG_DONTWAIT);
		if (n <= 0)
			return;
		h->heard_len += (size_t)n;
	}
}

/* The n-th query of those heard belongs to the question whose name it holds, in whatever case. */
static void note_queries(struct house *h)
{
	struct rd r = rd_init(h->heard, h->heard_len);
	while (rd_left(&r) > 0) {
		size_t len = rd_u16(&r);
		const uint8_t *query = rd_bytes(&r, len);
		must(query != NULL && len > MSG_HEADER_LEN && len <= MESSAGE_QUERY_MAX);
		struct asked *a = &h->asked[query[MSG_HEADER_LEN + 1] - '0'];
		memcpy(a->query, query, len);
		a->query_len = len;
		a->question_len = a->name.len + 4u;
	}
}

static void open_house(struct house *h, size_t count)
{
	memset(h, 0, sizeof(*h));
	clock_set_for_test(1000000, 0);
	h->base = event_base_new();
	must(h->base != NULL && posix_memalign((void **)&h->counters, 64, sizeof(*h->counters)) == 0);
	memset(h->counters, 0, sizeof(*h->counters));
	h->settings.timeout_ms = 5000;
	must(addr_from_text(STR_LIT("127.0.0.1:1"), 0, &h->endpoint.addr));
	h->endpoint.text = "dns://127.0.0.1:1";
	h->u = upstreams_create(&h->settings, &h->endpoint, 1, NULL);
	h->pool = pool_create(h->base, h->counters, h->u);
	connect_stream(h);
	for (h->count = 0; h->count < count; h->count++) {
		char text[] = "0.Example.com";
		struct err err;
		struct asked *a = &h->asked[h->count];
		text[0] = (char)('0' + h->count);
		must(name_from_text(str_from(text), &a->name, &err));
		must(pool_ask(h->pool, &a->name, h->count == 0 ? RRTYPE_A : RRTYPE_ANY, false, false, true, on_done, a) != NULL);
	}
	while (h->heard_len < sizeof(h->heard) && LIST_FIRST(&h->pool->streams)->out_end > 0)
		turn(h);
	turn(h);
	note_queries(h);
}

static void shut_house(struct house *h)
{
	close(h->fd);
	for (int i = 0; i < TURNS_AFTER; i++)
		must(event_base_loop(h->base, EVLOOP_NONBLOCK) >= 0);
	pool_destroy(h->pool);
	upstreams_destroy(h->u);
	event_base_free(h->base);
	free(h->counters);
}

static void say(struct house *h, uint8_t how, const uint8_t *bytes, size_t len)
{
	static uint8_t frame[STREAM_FRAME_HEAD + MSG_LEN_MAX + MESSAGE_QUESTION_MAX];
	const struct asked *a = &h->asked[(how & 3) % h->count];
	uint8_t *message = frame + STREAM_FRAME_HEAD;
	memcpy(message, bytes, len);
	if ((how & 4) != 0 && len >= 2)
		memcpy(message, a->query, 2);
	if ((how & 0x40) != 0 && len >= MSG_HEADER_LEN)
		message[2] |= 0x80;
	if ((how & 8) != 0 && len >= MSG_HEADER_LEN) { /* in front of the records */
		memmove(message + MSG_HEADER_LEN + a->question_len, message + MSG_HEADER_LEN, len - MSG_HEADER_LEN);
		memcpy(message + MSG_HEADER_LEN, a->query + MSG_HEADER_LEN, a->question_len);
		len += a->question_len;
	}
	len = MIN(len, (size_t)MSG_LEN_MAX);
	be_put_u16(frame, (uint16_t)len);
	if ((how & 0x10) != 0)
		(void)send(h->fd, frame, STREAM_FRAME_HEAD + len, MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		(void)send(h->fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if ((how & 0x20) != 0)
		turn(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct house h;
	struct rd r = rd_init(data, size);
	size_t count = 1 + rd_u8(&r) % QUESTIONS_MAX;
	if (size == 0 || size > MSG_LEN_MAX)
		return 0;
	open_house(&h, count);
	for (int pieces = 0; pieces < PIECES_MAX && rd_left(&r) > 0; pieces++) {
		uint8_t how = rd_u8(&r);
		size_t len = rd_u16(&r);
		len = MIN(len, rd_left(&r));
		const uint8_t *bytes = rd_bytes(&r, len);
		if (bytes == NULL)
			break;
		say(&h, how, bytes, len);
	}
	turn(&h);
	shut_house(&h);
	return 0;
}
