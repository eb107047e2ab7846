/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/sockets.h"

#include "base/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a UDP socket: what comes while its worker does something else waits here. A small query takes about 768 bytes of it, so that
 * this is some 5 000 of them: 10 ms of half a million a second. */
#define SOCKETS_RECEIVE_BUFFER (4 * 1024 * 1024)
#define SOCKETS_RMEM_MAX "/proc/sys/net/core/rmem_max"
#define SOCKETS_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */
/* Of a TCP client's socket, which has them from the listening one. Questions are small and answers at most 64 KiB: what a client
 * that does not read can pin in the kernel is bounded by these, not by what the kernel grows buffers to. */
#define SOCKETS_STREAM_RECEIVE_BUFFER (64 * 1024)
#define SOCKETS_STREAM_UNSENT (128 * 1024)
#define SOCKETS_STREAM_UNACKED_MS 10000 /* then the client is taken for gone, although it has said no farewell */
#define SOCKETS_FAST_OPEN 256		/* RFC 7413: connections that begin with data and are not confirmed yet */
#define SOCKETS_PORT_TRIES 32		/* for a port free for UDP and TCP alike */

/* Not in glibc's headers: path-MTU messages, which anybody can forge, neither shrink nor fragment what we send. */
#ifndef IP_PMTUDISC_OMIT
#define IP_PMTUDISC_OMIT 5
#endif
#ifndef IPV6_PMTUDISC_OMIT
#define IPV6_PMTUDISC_OMIT 5
#endif

static bool set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* What TCP clients' sockets inherit. The kernel may refuse all but the first: then it is slower, or less bounded. */
static bool set_stream_options(int fd)
{
	(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKETS_STREAM_RECEIVE_BUFFER);
	(void)set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, SOCKETS_STREAM_UNSENT);
	(void)set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SOCKETS_STREAM_UNACKED_MS);
	(void)set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, SOCKETS_FAST_OPEN);
	return set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static bool say_why(const struct endpoint *e, bool stream, struct err *err)
{
	const char *proto = stream ? "TCP" : "UDP";

	if (errno == EADDRINUSE && addr_port(&e->addr) == 53)
		return err_set(err, ERR_IO,
			       "cannot listen on %s (%s): port 53 is taken. Often by systemd-resolved (set DNSStubListener=no in "
			       "/etc/systemd/resolved.conf and restart it) or dnsmasq; see 'ss -lnptu sport = :53'",
			       e->text, proto);
	if (errno == EACCES)
		return err_set_errno(err, ERR_IO, "cannot listen on %s (%s): ports below 1024 need root or CAP_NET_BIND_SERVICE",
				     e->text, proto);
	return err_set_errno(err, ERR_IO, "cannot listen on %s (%s)", e->text, proto);
}

/* By force past net.core.rmem_max where we may (CAP_NET_ADMIN), else as much as that allows. Less than half is worth a word: under
 * load the kernel drops what finds no room (rxq_dropped in saringctl(1)), long before a worker is busy all the time. */
static void size_receive_buffer(int fd)
{
	static struct log_limit limit = {.interval_ms = 60000}; /* once, not for every worker's sockets */
	int granted = 0;
	socklen_t len = sizeof(granted);

	if (!set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKETS_RECEIVE_BUFFER))
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKETS_RECEIVE_BUFFER);
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &len) != 0)
		return;
	granted /= 2; /* socket(7): the kernel doubles what is asked, for what it keeps beside the bytes */
	if (granted >= SOCKETS_RECEIVE_BUFFER / 2)
		return;
	char rmem_max[32] = "?";
	FILE *file = fopen(SOCKETS_RMEM_MAX, "re");
	if (file != NULL) {
		if (fgets(rmem_max, sizeof(rmem_max), file) == NULL)
			strcpy(rmem_max, "?");
		rmem_max[strcspn(rmem_max, "\n")] = '\0';
		(void)fclose(file);
	}
	log_limited(&limit, LOG_LEVEL_INFO, "listen.buffer wanted=%d granted=%d net.core.rmem_max=%s", SOCKETS_RECEIVE_BUFFER,
		    granted, rmem_max);
}

/* What makes a worker's socket; best effort where the kernel may refuse without harm. */
static bool set_options(int fd, const struct listener *l)
{
	bool v6 = l->addr.sa.sa_family == AF_INET6;

	if (!set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) || (v6 && !set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)))
		return false;
	if (l->stream)
		return set_stream_options(fd);
	size_receive_buffer(fd);
	if (v6)
		(void)set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	else
		(void)set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	if (!l->wildcard)
		return true;
	return v6 ? set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

/* With SO_REUSEPORT a second daemon of the same user would bind too and take half of the queries: a socket without it finds out. */
static bool port_is_free(const struct addr *addr, bool stream)
{
	int fd = socket(addr->sa.sa_family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	bool ok = (addr->sa.sa_family != AF_INET6 || set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
		  (!stream || set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1)) && bind(fd, &addr->sa, addr->len) == 0 &&
		  (!stream || listen(fd, 1) == 0);
	int saved = errno;
	close(fd);
	errno = saved;
	return ok;
}

static bool open_one(struct listener *l)
{
	l->fd = socket(l->addr.sa.sa_family, (l->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return false;
	if (set_options(l->fd, l) && bind(l->fd, &l->addr.sa, l->addr.len) == 0 &&
	    (!l->stream || listen(l->fd, SOCKETS_BACKLOG) == 0)) {
		socklen_t len = sizeof(l->addr.in6);
		if (getsockname(l->fd, &l->addr.sa, &len) == 0) {
			l->addr.len = len;
			return true;
		}
	}
	int saved = errno;
	close(l->fd);
	l->fd = -1;
	errno = saved;
	return false;
}

/* All sockets of one endpoint: row[w * stride] UDP and row[w * stride + 1] TCP for each worker w. Those opened on failure stay in
 * row, for the caller to close. ret_stream says which kind failed. */
static bool open_endpoint(const struct addr *addr, size_t number, unsigned workers, size_t stride, struct listener *row,
			  bool *ret_stream)
{
	struct addr real = *addr;

	for (int stream = 0; stream <= 1; stream++) {
		*ret_stream = stream == 1;
		if (addr_port(addr) == 0 && stream == 1 && !port_is_free(&real, true))
			return false; /* the kernel's choice for UDP is somebody's for TCP */
		for (unsigned w = 0; w < workers; w++) {
			struct listener *l = &row[w * stride + (size_t)stream];
			*l = (struct listener){.fd = -1,
					       .stream = stream == 1,
					       .wildcard = addr_is_any(addr),
					       .addr = real,
					       .asked = *addr,
					       .number = (uint8_t)number};
			if (!open_one(l))
				return false;
			real = l->addr;
		}
	}
	return true;
}

static void close_row(struct listener *row, unsigned workers, size_t stride)
{
	int saved = errno;

	for (unsigned w = 0; w < workers; w++)
		sockets_close(&row[w * stride], 2);
	errno = saved;
}

/* Asked of all endpoints before the first is opened: our own wildcard is in nobody's way. */
static bool all_free(const struct endpoint *endpoints, size_t count, struct err *err)
{
	for (size_t e = 0; e < count; e++) {
		for (int stream = 0; stream <= 1 && addr_port(&endpoints[e].addr) != 0; stream++) {
			if (!port_is_free(&endpoints[e].addr, stream == 1))
				return say_why(&endpoints[e], stream == 1, err);
		}
	}
	return true;
}

bool sockets_open(const struct endpoint *endpoints, size_t endpoint_count, unsigned workers, struct listener **ret, struct err *err)
{
	if (!all_free(endpoints, endpoint_count, err))
		return false;
	size_t stride = endpoint_count * 2, total = stride * workers;
	struct listener *all = base_alloc(MAX(total, 1) * sizeof(*all));

	for (size_t i = 0; i < total; i++)
		all[i].fd = -1;
	for (size_t e = 0; e < endpoint_count; e++) {
		unsigned tries = addr_port(&endpoints[e].addr) == 0 ? SOCKETS_PORT_TRIES : 1;
		bool stream = false, ok = false;
		while (!ok && tries-- > 0) {
			ok = open_endpoint(&endpoints[e].addr, e, workers, stride, &all[e * 2], &stream);
			if (!ok)
				close_row(&all[e * 2], workers, stride);
		}
		if (!ok) {
			(void)say_why(&endpoints[e], stream, err);
			sockets_close(all, total);
			free(all);
			return false;
		}
	}
	*ret = all;
	return true;
}

void sockets_close(struct listener *listeners, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (listeners[i].fd >= 0)
			close(listeners[i].fd);
		listeners[i].fd = -1;
	}
}
