/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/socket.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
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

bool listener_say_why(const struct addr *addr, bool stream, struct err *err)
{
	const char *proto = stream ? "TCP" : "UDP";
	char host[ADDR_TEXT_MAX];

	addr_to_text(addr, host);
	if (errno == EADDRINUSE && addr_port(addr) == 53)
		return err_set(
		    err, ERR_IO,
		    "cannot listen on dns://%s (%s): port 53 is taken. Often by systemd-resolved (set DNSStubListener=no in "
		    "/etc/systemd/resolved.conf and restart it) or dnsmasq; see 'ss -lnptu sport = :53'",
		    host, proto);
	if (errno == EACCES)
		return err_set_errno(
		    err, ERR_IO, "cannot listen on dns://%s (%s): ports below 1024 need root or CAP_NET_BIND_SERVICE", host, proto);
	return err_set_errno(err, ERR_IO, "cannot listen on dns://%s (%s)", host, proto);
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

/* Is it as the kernel makes them? Then whoever made it said nothing of its size. */
static bool has_usual_buffer(int fd, sa_family_t family)
{
	int here = 0, usual = -1;
	socklen_t len = sizeof(here);
	int fresh = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fresh < 0)
		return false;
	bool same = getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &here, &len) == 0 &&
		    getsockopt(fresh, SOL_SOCKET, SO_RCVBUF, &usual, &len) == 0 && here == usual;
	close(fresh);
	return same;
}

/* What a socket is served by, whoever opened it; best effort where the kernel may refuse without harm. */
static bool set_options(int fd, const struct listener *l)
{
	bool v6 = l->addr.sa.sa_family == AF_INET6;

	if (l->stream)
		return set_stream_options(fd);
	if (has_usual_buffer(fd, l->addr.sa.sa_family))
		size_receive_buffer(fd);
	if (v6)
		(void)set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	else
		(void)set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	if (!l->wildcard)
		return true;
	return v6 ? set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

bool listener_is_free(const struct addr *addr, bool stream)
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

/* Before it is bound: several workers' sockets at one address, and none for the other family. */
static bool set_before(int fd, const struct listener *l)
{
	return set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
	       (l->addr.sa.sa_family != AF_INET6 || set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) && set_options(fd, l);
}

bool listener_open(struct listener *l)
{
	l->fd = socket(l->addr.sa.sa_family, (l->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return false;
	if (set_before(l->fd, l) && bind(l->fd, &l->addr.sa, l->addr.len) == 0 &&
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

static int get_int(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, option, &value, &len) == 0 ? value : -1;
}

const char *listener_adopt(int fd, enum listener_origin origin, struct listener *ret)
{
	struct listener l = {.fd = fd, .origin = origin};
	socklen_t len = sizeof(l.addr.in6);
	int type = get_int(fd, SOL_SOCKET, SO_TYPE), protocol = get_int(fd, SOL_SOCKET, SO_PROTOCOL);

	if (getsockname(fd, &l.addr.sa, &len) != 0)
		return "it is no socket";
	l.addr.len = len;
	if (l.addr.sa.sa_family != AF_INET && l.addr.sa.sa_family != AF_INET6)
		return "it is no Internet socket";
	l.stream = type == SOCK_STREAM && protocol == IPPROTO_TCP;
	if (!l.stream && (type != SOCK_DGRAM || protocol != IPPROTO_UDP))
		return "it is neither UDP nor TCP";
	if (addr_port(&l.addr) == 0)
		return "it is not bound";
	if (l.stream && get_int(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
		return "it does not listen: it is a connection (Accept=no is needed)";
	l.wildcard = addr_is_any(&l.addr);
	l.dual = l.addr.sa.sa_family == AF_INET6 && l.wildcard && get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || !set_options(fd, &l))
		return "it cannot be set up";
	*ret = l;
	return NULL;
}
