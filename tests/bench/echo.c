/* SPDX-License-Identifier: BSD-2-Clause
 *
 * echo - bare UDP servers: the ceiling of any server on sockets, and the bench's upstream.
 *
 * echo [-w WORKERS] MODE PORT
 *
 *   MODE  plain  recvfrom and sendto, one datagram a turn, QR bit set
 *         epoll  as plain, with an epoll_wait before each run of non-blocking recvfrom
 *         mmsg   recvmmsg and sendmmsg, 64 a turn, QR bit set
 *         up     as mmsg, but answers every A with 192.0.2.1 (TTL 300), all other types with NODATA: the upstream
 *   -w    so many threads, each with a socket of its own at the port (SO_REUSEPORT) */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64u
#define DATAGRAM_MAX 4096u
#define HEADER 12u
#define WORKERS_MAX 64u
#define RECEIVE_BUFFER (4 * 1024 * 1024)

enum mode { MODE_PLAIN, MODE_EPOLL, MODE_MMSG, MODE_UP };

static enum mode mode;

/* What the upstream says to the query, in its place; the length, 0 for nothing. */
static size_t answer(uint8_t *p, size_t len)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
	size_t at = HEADER;

	while (at < len && p[at] != 0)
		at += (size_t)p[at] + 1;
	at += 5;
	if (at > len)
		return 0;
	p[2] |= 0x80;
	p[3] = 0x80;
	memset(p + 6, 0, 6);
	if (p[at - 3] == 1 && p[at - 4] == 0) {
		memcpy(p + at, record, sizeof(record));
		p[7] = 1;
		at += sizeof(record);
	}
	return at;
}

static void serve_single(int fd, bool epoll)
{
	static _Thread_local uint8_t bytes[DATAGRAM_MAX];
	struct epoll_event event = {.events = EPOLLIN};
	int ep = -1;

	if (epoll) {
		ep = epoll_create1(EPOLL_CLOEXEC);
		if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) != 0)
			return;
	}
	for (;;) {
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, bytes, sizeof(bytes), epoll ? MSG_DONTWAIT : 0, (struct sockaddr *)&from, &from_len);
		if (n < 0 && epoll)
			(void)epoll_wait(ep, &event, 1, -1);
		if (n < (ssize_t)HEADER)
			continue;
		bytes[2] |= 0x80;
		(void)sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, from_len);
	}
}

static void serve_batches(int fd, bool up)
{
	static _Thread_local uint8_t bytes[BATCH][DATAGRAM_MAX];
	struct sockaddr_in from[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr all[BATCH];

	memset(all, 0, sizeof(all));
	for (unsigned i = 0; i < BATCH; i++)
		all[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_iov = &iov[i], .msg_iovlen = 1};
	for (;;) {
		for (unsigned i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){bytes[i], DATAGRAM_MAX};
			all[i].msg_hdr.msg_namelen = sizeof(from[i]);
		}
		int got = recvmmsg(fd, all, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < got; i++) {
			bytes[i][2] |= 0x80;
			iov[i].iov_len = up ? answer(bytes[i], all[i].msg_len) : all[i].msg_len;
		}
		for (int done = 0; done < got;) {
			int sent = sendmmsg(fd, all + done, (unsigned)(got - done), 0);
			done += sent > 0 ? sent : 1; /* one that cannot be sent is passed over */
		}
	}
}

static void *serve(void *arg)
{
	int fd = *(const int *)arg;

	switch (mode) {
	case MODE_PLAIN:
	case MODE_EPOLL:
		serve_single(fd, mode == MODE_EPOLL);
		break;
	case MODE_MMSG:
	case MODE_UP:
		serve_batches(fd, mode == MODE_UP);
		break;
	}
	return NULL;
}

static int open_socket(uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = RECEIVE_BUFFER, one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		perror("echo");
		exit(1);
	}
	/* as the daemon takes it: beyond the system's limit where it may */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

int main(int argc, char **argv)
{
	static const char *const modes[] = {"plain", "epoll", "mmsg", "up"};
	static int fds[WORKERS_MAX];
	unsigned workers = 1, m = 0;
	int o;

	while ((o = getopt(argc, argv, "w:")) != -1)
		workers = o == 'w' ? (unsigned)strtoul(optarg, NULL, 10) : 0;
	while (argc == optind + 2 && m < 4 && strcmp(argv[optind], modes[m]) != 0)
		m++;
	if (argc != optind + 2 || m == 4 || workers == 0 || workers > WORKERS_MAX) {
		fprintf(stderr, "usage: echo [-w WORKERS] plain|epoll|mmsg|up PORT\n");
		return 2;
	}
	mode = (enum mode)m;
	for (unsigned i = 0; i < workers; i++)
		fds[i] = open_socket((uint16_t)strtoul(argv[optind + 1], NULL, 10));
	for (unsigned i = 1; i < workers; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, serve, &fds[i]) != 0) {
			fprintf(stderr, "echo: no thread\n");
			return 1;
		}
	}
	serve(&fds[0]);
	return 1;
}
