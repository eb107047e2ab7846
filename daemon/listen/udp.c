/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/udp.h"

#include "observe/rxq.h"
#include "wire/msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UDP_BATCH ((unsigned)QUERY_BATCH_MAX)
#define UDP_STOP_CALLS 64     /* a flood does not keep it from stopping */
#define UDP_BATCHES_A_CALL 4u /* then other events get their turn */
#define UDP_QUERY_MAX 4096u   /* a longer datagram is no query anybody sends: cut, and refused as malformed */
#define UDP_CONTROL_MAX 64u

/* Room for one address of either family in a control message. */
struct control {
	_Alignas(struct cmsghdr) uint8_t bytes[UDP_CONTROL_MAX];
};

struct udp {
	struct event *readable;
	struct service *service;
	int fd;
	uint8_t listener;
	bool counts;	      /* what the kernel dropped; of a socket that several workers read, one does */
	uint32_t rxq_dropped; /* by the kernel, as last told */
	/* what came */
	struct mmsghdr in[UDP_BATCH];
	struct iovec in_iov[UDP_BATCH];
	struct sockaddr_in6 in_peer[UDP_BATCH];
	struct control in_control[UDP_BATCH];
	uint8_t in_bytes[UDP_BATCH][UDP_QUERY_MAX];
	/* what goes */
	struct mmsghdr out[UDP_BATCH];
	struct iovec out_iov[UDP_BATCH];
	struct addr out_peer[UDP_BATCH];
	struct control out_control[UDP_BATCH];
	uint8_t out_bytes[UDP_BATCH][MSG_UDP_EDNS_MAX];
	unsigned out_count;
	struct event *flush; /* at the end of this turn of the loop: what came outside of a batch */
	bool in_batch;
	/* the batch */
	struct query queries[UDP_BATCH];
	struct policy_prepared prepared[UDP_BATCH];
};

/* The address a datagram was sent to, and what was dropped before it. The kernel says either only where there is something to say.
 */
static void read_control(struct udp *udp, const struct msghdr *m, struct query *q)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			q->local.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = info.ipi_spec_dst};
			q->local.len = sizeof(q->local.in);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			q->local.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = info.ipi6_addr};
			q->local.len = sizeof(q->local.in6);
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				q->ifindex = info.ipi6_ifindex;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL && udp->counts) {
			uint32_t dropped;
			memcpy(&dropped, CMSG_DATA(c), sizeof(dropped));
			counters_add_by(udp->service->counters, COUNTER_RXQ_DROPPED, rxq_delta(&udp->rxq_dropped, dropped));
		}
	}
}

/* The control message that makes an answer leave from q->local. */
static void write_local(struct msghdr *m, struct control *control, const struct query *q)
{
	m->msg_control = NULL;
	m->msg_controllen = 0;
	if (q->local.len == 0)
		return;
	memset(control, 0, sizeof(*control));
	m->msg_control = control->bytes;
	m->msg_controllen = sizeof(control->bytes);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (q->local.sa.sa_family == AF_INET) {
		struct in_pktinfo info = {.ipi_spec_dst = q->local.in.sin_addr};
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		m->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_addr = q->local.in6.sin6_addr, .ipi6_ifindex = q->ifindex};
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		m->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

/* Send what the batch collected. sendmmsg reports an error only for the first message it tries: that one is passed over, counted. A
 * full send buffer drops: an answer is never queued behind a slow network. */
static void flush(struct udp *udp)
{
	unsigned done = 0;

	while (done < udp->out_count) {
		int sent = sendmmsg(udp->fd, &udp->out[done], udp->out_count - done, MSG_DONTWAIT);
		if (sent > 0) {
			done += (unsigned)sent;
		} else if (errno != EINTR) {
			counters_add(udp->service->counters, COUNTER_SEND_FAILED);
			done++;
		}
	}
	udp->out_count = 0;
}

static void udp_on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

static uint8_t *udp_room(const struct query *q, size_t *ret_cap)
{
	struct udp *udp = q->via_data;

	if (udp->out_count == UDP_BATCH)
		flush(udp);
	*ret_cap = sizeof(udp->out_bytes[0]);
	return udp->out_bytes[udp->out_count];
}

/* bytes lie in udp_room. */
static void udp_send(struct query *q, const uint8_t *bytes, size_t len)
{
	struct udp *udp = q->via_data;
	unsigned i = udp->out_count;

	if (unlikely_bug(i == UDP_BATCH || bytes != udp->out_bytes[i]))
		return;
	if (udp->out_count++ == 0 && !udp->in_batch)
		event_active(udp->flush, EV_TIMEOUT, 0);
	udp->out_iov[i].iov_len = len;
	udp->out_peer[i] = q->peer;
	udp->out[i].msg_hdr.msg_namelen = q->peer.len;
	write_local(&udp->out[i].msg_hdr, &udp->out_control[i], q);
}

static const struct via via_udp = {
    .name = "udp", .told_as = TAP_UDP, .stream = false, .room = udp_room, .send = udp_send, .dropped = NULL};

/* Ports of services that send something back to whatever comes: an answer to one would be answered, and so on. No client asks from
 * there, nor from port 0, to which nothing can be sent. */
static bool echoes(uint16_t port)
{
	switch (port) {
	case 0:
	case 7:	 /* echo */
	case 13: /* daytime */
	case 17: /* quote of the day */
	case 19: /* character generator */
	case 37: /* time */
		return true;
	}
	return false;
}

static void begin(struct udp *udp, unsigned i)
{
	struct query *q = &udp->queries[i];
	const struct msghdr *m = &udp->in[i].msg_hdr;

	q->via = &via_udp;
	q->via_data = udp;
	q->peer.in6 = udp->in_peer[i]; /* what is behind msg_namelen is an earlier one's */
	q->peer.len = m->msg_namelen;
	q->local.len = 0;
	q->ifindex = 0;
	q->listener = udp->listener;
	if (m->msg_controllen > 0)
		read_control(udp, m, q);
	query_begin(q, udp->in_bytes[i], udp->in[i].msg_len);
	if ((m->msg_flags & MSG_TRUNC) != 0 && q->parsed == MSG_QUERY)
		q->parsed = MSG_FORMERR;
	if (echoes(ntohs(udp->in_peer[i].sin6_port)))
		q->parsed = MSG_IGNORE;
}

static void serve_batch(struct udp *udp, unsigned count)
{
	udp->in_batch = true;
	for (unsigned i = 0; i < count; i++)
		begin(udp, i);
	query_run_batch(udp->service, udp->queries, udp->prepared, count);
	udp->in_batch = false;
	flush(udp);
}

/* recvmmsg writes into lengths and flags: they are set anew for what it used last time. */
static void ready_in(struct udp *udp, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct msghdr *m = &udp->in[i].msg_hdr;
		m->msg_namelen = sizeof(udp->in_peer[i]);
		m->msg_controllen = sizeof(udp->in_control[i].bytes);
		m->msg_flags = 0;
	}
}

/* True when there may be more. */
static bool read_some(struct udp *udp)
{
	for (unsigned round = 0; round < UDP_BATCHES_A_CALL; round++) {
		int got = recvmmsg(udp->fd, udp->in, UDP_BATCH, MSG_DONTWAIT, NULL);
		if (got <= 0)
			return false; /* EAGAIN, or an ICMP error queued on the socket: the next call goes on */
		if (!service_begin_batch(udp->service))
			return false;
		serve_batch(udp, (unsigned)got);
		service_end_batch(udp->service);
		ready_in(udp, (unsigned)got);
		if ((unsigned)got < UDP_BATCH)
			return false;
	}
	return true;
}

static void udp_on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)read_some(arg);
}

struct udp *udp_create(struct event_base *base, struct service *service, const struct listener *listener)
{
	struct udp *udp = base_alloc(sizeof(*udp));

	udp->service = service;
	udp->fd = listener->fd;
	udp->listener = listener->number;
	udp->counts = !listener->again;
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		udp->in_iov[i] = (struct iovec){udp->in_bytes[i], UDP_QUERY_MAX};
		udp->in[i].msg_hdr = (struct msghdr){.msg_name = &udp->in_peer[i],
						     .msg_iov = &udp->in_iov[i],
						     .msg_iovlen = 1,
						     .msg_control = udp->in_control[i].bytes};
		udp->out_iov[i] = (struct iovec){udp->out_bytes[i], 0};
		udp->out[i].msg_hdr =
		    (struct msghdr){.msg_name = &udp->out_peer[i].sa, .msg_iov = &udp->out_iov[i], .msg_iovlen = 1};
	}
	ready_in(udp, UDP_BATCH);
	int on = 1;
	(void)setsockopt(udp->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	udp->readable = event_new(base, udp->fd, EV_READ | EV_PERSIST, udp_on_readable, udp);
	udp->flush = event_new(base, -1, 0, udp_on_flush, udp);
	must(udp->readable != NULL && udp->flush != NULL && event_add(udp->readable, NULL) == 0);
	return udp;
}

void udp_stop(struct udp *udp, bool leave)
{
	(void)event_del(udp->readable);
	for (unsigned calls = 0; !leave && calls < UDP_STOP_CALLS && read_some(udp); calls++)
		;
}

void udp_destroy(struct udp *udp)
{
	if (udp == NULL)
		return;
	flush(udp); /* the loop may have ended before the event came */
	event_free(udp->flush);
	event_free(udp->readable);
	free(udp);
}
