/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define CONN_IN 4096

struct fake_conn {
	struct fake *fake;
	int fd;
	struct event *ev;
	uint8_t in[CONN_IN];
	size_t in_len;
	bool closed;
	LIST_ENTRY(fake_conn) link;
};

struct fake {
	struct event_base *base;
	fake_script *script;
	void *arg;
	struct addr addr;
	int udp, tcp;
	struct event *udp_ev, *tcp_ev;
	struct fake_counts counts;
	LIST_HEAD(, fake_conn) conns; /* kept until the end, so that scripts may hold on to them */
};

static void serve(struct fake_query *q)
{
	struct name name;
	must(msg_parse_query(q->bytes, q->len, &q->q, &name) == MSG_QUERY);
	q->question_len = q->q.question_end - MSG_HEADER_LEN;
	q->fake->script(q, q->fake->arg);
}

static void on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct fake *f = arg;
	(void)what;
	for (;;) {
		struct fake_query q = {.fake = f, .peer.len = sizeof(q.peer.in6)};
		ssize_t got = recvfrom(fd, q.bytes, sizeof(q.bytes), 0, &q.peer.sa, &q.peer.len);
		if (got < 0)
			return;
		q.len = (size_t)got;
		f->counts.udp++;
		serve(&q);
		if (f->udp != fd) /* the script stopped us */
			return;
	}
}

static void conn_close(struct fake_conn *c)
{
	if (c->closed)
		return;
	c->closed = true;
	event_free(c->ev);
	(void)close(c->fd);
}

static void on_conn(evutil_socket_t fd, short what, void *arg)
{
	struct fake_conn *c = arg;
	(void)what;
	ssize_t got = recv(fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
	if (got <= 0) {
		conn_close(c);
		return;
	}
	c->in_len += (size_t)got;
	while (!c->closed && c->in_len >= 2) {
		size_t len = (size_t)c->in[0] << 8 | c->in[1];
		if (c->in_len < 2 + len)
			return;
		struct fake_query q = {.fake = c->fake, .tcp = true, .conn = c, .len = len, .peer.len = sizeof(q.peer.in6)};
		must(len <= sizeof(q.bytes));
		if (getpeername(fd, &q.peer.sa, &q.peer.len) != 0) { /* who asked has gone */
			conn_close(c);
			return;
		}
		memcpy(q.bytes, c->in + 2, len);
		c->in_len -= 2 + len;
		memmove(c->in, c->in + 2 + len, c->in_len);
		c->fake->counts.tcp++;
		serve(&q);
	}
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct fake *f = arg;
	(void)what;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (conn < 0)
		return;
	struct fake_conn *c = base_alloc(sizeof(*c));
	c->fake = f;
	c->fd = conn;
	c->ev = event_new(f->base, conn, EV_READ | EV_PERSIST, on_conn, c);
	must(event_add(c->ev, NULL) == 0);
	LIST_INSERT_HEAD(&f->conns, c, link);
	f->counts.connections++;
}

/* Both sockets on one port, or neither. */
static bool open_pair(struct fake *f)
{
	int on = 1;
	f->udp = socket(f->addr.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	f->tcp = socket(f->addr.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(f->udp >= 0 && f->tcp >= 0);
	must(setsockopt(f->tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	struct addr addr = f->addr;
	if (bind(f->udp, &addr.sa, addr.len) == 0 && getsockname(f->udp, &addr.sa, &addr.len) == 0 &&
	    bind(f->tcp, &addr.sa, addr.len) == 0 && listen(f->tcp, 64) == 0) {
		f->addr = addr;
		return true;
	}
	(void)close(f->udp);
	(void)close(f->tcp);
	return false;
}

void fake_start(struct fake *f)
{
	bool opened = false;
	for (int i = 0; i < 50 && !opened; i++)
		opened = open_pair(f);
	must(opened);
	f->udp_ev = event_new(f->base, f->udp, EV_READ | EV_PERSIST, on_udp, f);
	f->tcp_ev = event_new(f->base, f->tcp, EV_READ | EV_PERSIST, on_accept, f);
	must(event_add(f->udp_ev, NULL) == 0 && event_add(f->tcp_ev, NULL) == 0);
}

void fake_stop(struct fake *f)
{
	if (f->udp < 0)
		return;
	event_free(f->udp_ev);
	event_free(f->tcp_ev);
	(void)close(f->udp);
	(void)close(f->tcp);
	f->udp = f->tcp = -1;
	struct fake_conn *c;
	LIST_FOREACH(c, &f->conns, link)
	{
		conn_close(c);
	}
}

static bool address_is_here(const struct addr *addr)
{
	int fd = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool here = fd >= 0 && bind(fd, &addr->sa, addr->len) == 0;
	if (fd >= 0)
		(void)close(fd);
	return here;
}

struct fake *fake_create(struct event_base *base, fake_script *script, void *arg)
{
	return fake_create_at(base, "127.0.0.1", script, arg);
}

struct fake *fake_create_at(struct event_base *base, const char *host, fake_script *script, void *arg)
{
	struct addr addr;
	must(addr_from_text(str_from(host), 0, &addr));
	if (!address_is_here(&addr))
		return NULL;
	struct fake *f = base_alloc(sizeof(*f));
	f->base = base;
	f->script = script;
	f->arg = arg;
	f->addr = addr;
	LIST_INIT(&f->conns);
	fake_start(f);
	return f;
}

void fake_destroy(struct fake *f)
{
	fake_stop(f);
	struct fake_conn *c;
	while ((c = LIST_FIRST(&f->conns)) != NULL) {
		LIST_REMOVE(c, link);
		free(c);
	}
	free(f);
}

const struct addr *fake_addr(const struct fake *f)
{
	return &f->addr;
}

struct fake_counts fake_counts(const struct fake *f)
{
	return f->counts;
}

struct wr fake_begin(const struct fake_query *q, uint16_t flags, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);
	const struct msg_header h = {.id = q->q.header.id, .flags = (uint16_t)(MSG_QR | MSG_RD | MSG_RA | flags), .qdcount = 1};
	msg_write_header(&w, &h);
	wr_bytes(&w, q->bytes + MSG_HEADER_LEN, q->question_len);
	return w;
}

void fake_put_a(struct wr *w, uint32_t address)
{
	wr_u16(w, 0xc000 | MSG_HEADER_LEN);
	wr_u16(w, RRTYPE_A);
	wr_u16(w, RRCLASS_IN);
	wr_u32(w, 300);
	wr_u16(w, 4);
	wr_u32(w, address);
	wr_patch_u16(w, 6, (uint16_t)((w->base[6] << 8 | w->base[7]) + 1));
}

/* Loopback takes all of it, or the other end has closed: both are fine for a test. */
static void stream_out(const struct fake_query *q, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	while (len > 0 && !q->conn->closed) {
		ssize_t sent = send(q->conn->fd, p, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		p += sent;
		len -= (size_t)sent;
	}
}

void fake_send_raw(const struct fake_query *q, const void *bytes, size_t len)
{
	stream_out(q, bytes, len);
}

void fake_send_bytes(const struct fake_query *q, const void *bytes, size_t len)
{
	if (q->tcp) {
		const uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
		stream_out(q, head, sizeof(head));
		stream_out(q, bytes, len);
	} else if (q->fake->udp >= 0) {
		(void)sendto(q->fake->udp, bytes, len, 0, &q->peer.sa, q->peer.len);
	}
}

void fake_send(const struct fake_query *q, const struct wr *w)
{
	must(!w->full);
	fake_send_bytes(q, w->base, w->pos);
}

void fake_send_elsewhere(const struct fake_query *q, const struct wr *w)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(fd >= 0);
	(void)sendto(fd, w->base, w->pos, 0, &q->peer.sa, q->peer.len);
	(void)close(fd);
}

void fake_hang_up(const struct fake_query *q)
{
	conn_close(q->conn);
}

void fake_answer_a(const struct fake_query *q, uint32_t address)
{
	uint8_t buf[512];
	struct wr w = fake_begin(q, 0, buf, sizeof(buf));
	fake_put_a(&w, address);
	fake_send(q, &w);
}

void fake_answer_rcode(const struct fake_query *q, uint16_t flags_and_rcode)
{
	uint8_t buf[512];
	struct wr w = fake_begin(q, flags_and_rcode, buf, sizeof(buf));
	fake_send(q, &w);
}
