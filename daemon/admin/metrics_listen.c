/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/metrics_listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 16
#define SEND_BYTES                                                                                                     \
	65536 /* of an answer that a client does not take, so much lies with the kernel; connections have it from here \
	       */

static bool open_socket(const struct addr *addr, int *ret_fd)
{
	const int on = 1, send_bytes = SEND_BYTES;
	int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*ret_fd = fd;
	if (fd < 0)
		return false;
	/* Connections of the process before that linger are no reason not to start. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes)) != 0)
		return false;
	if (addr->sa.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return false;
	return bind(fd, &addr->sa, addr->len) == 0 && listen(fd, BACKLOG) == 0;
}

bool metrics_endpoint_open(const struct endpoint *said, const char *config_path, struct metrics_endpoint *ret, struct err *err)
{
	struct metrics_endpoint e = {.fd = -1, .said = said->addr, .bound = said->addr};
	char host[ADDR_TEXT_MAX];

	e.bound.len = sizeof(e.bound.in6);
	if (!open_socket(&said->addr, &e.fd) || getsockname(e.fd, &e.bound.sa, &e.bound.len) != 0) {
		const int why = errno;
		metrics_endpoint_close(&e);
		return err_set_at(err, ERR_IO, config_path, said->line, said->column, "metrics.listen: cannot listen on %s: %s%s",
				  addr_to_text(&said->addr, host), strerror(why),
				  why == EADDRINUSE ? "; another program has this port, or saring.yaml names it twice" : "");
	}
	(void)snprintf(e.text, sizeof(e.text), "http://%s/metrics", addr_to_text(&e.bound, host));
	*ret = e;
	return true;
}

void metrics_endpoint_close(struct metrics_endpoint *e)
{
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}
