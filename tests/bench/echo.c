/* SPDX-License-Identifier: BSD-2-Clause */
/* echo - bare single-thread UDP servers: the ceiling for a socket server, and the bench's upstream.
 *   echo MODE PORT     MODE: plain   recvfrom/sendto, one datagram per turn, QR bit set
 *                            epoll   as plain, with an epoll_wait before each run of non-blocking recvfrom
 *                            mmsg    recvmmsg/sendmmsg, 64 a turn, QR bit set
 *                            up      mmsg that answers every A with 192.0.2.1 TTL 300 (the upstream) */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#define B 64
static int answer(uint8_t *p, int n)
{
	static const uint8_t rr[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
	int o = 12;
	while (o < n && p[o])
		o += p[o] + 1;
	o += 5;
	if (o > n)
		return 0;
	p[2] |= 0x80;
	p[3] = 0x80;
	memset(p + 6, 0, 6);
	if (p[o - 3] == 1 && p[o - 4] == 0) {
		memcpy(p + o, rr, 16);
		p[7] = 1;
		o += 16;
	}
	return o;
}
int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), sz = 4 << 20;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &sz, sizeof sz);
	if (bind(fd, (void *)&a, sizeof a)) {
		perror("bind");
		return 1;
	}
	static uint8_t b[B][4096];
	struct sockaddr_in from[B];
	struct iovec v[B];
	struct mmsghdr m[B];
	if (!strcmp(argv[1], "plain") || !strcmp(argv[1], "epoll")) {
		int ep = -1;
		struct epoll_event ev = {.events = EPOLLIN};
		if (argv[1][0] == 'e') {
			ep = epoll_create1(0);
			epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
		}
		for (;;) {
			if (ep >= 0)
				epoll_wait(ep, &ev, 1, -1);
			for (;;) {
				socklen_t l = sizeof *from;
				ssize_t n = recvfrom(fd, b[0], 4096, ep >= 0 ? MSG_DONTWAIT : 0, (void *)from, &l);
				if (n < 0)
					break;
				if (n < 12)
					continue;
				b[0][2] |= 0x80;
				sendto(fd, b[0], n, 0, (void *)from, l);
			}
		}
	}
	int up = argv[1][0] == 'u';
	memset(m, 0, sizeof m);
	for (int i = 0; i < B; i++)
		m[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_iov = &v[i], .msg_iovlen = 1};
	for (;;) {
		for (int i = 0; i < B; i++) {
			v[i] = (struct iovec){b[i], 4096};
			m[i].msg_hdr.msg_namelen = sizeof *from;
		}
		int n = recvmmsg(fd, m, B, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			b[i][2] |= 0x80;
			v[i].iov_len = up ? answer(b[i], m[i].msg_len) : (int)m[i].msg_len;
		}
		for (int d = 0; d < n;) {
			int r = sendmmsg(fd, m + d, n - d, 0);
			if (r <= 0)
				break;
			d += r;
		}
	}
}
