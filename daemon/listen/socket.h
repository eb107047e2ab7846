/* SPDX-License-Identifier: BSD-2-Clause
 *
 * socket.h - one socket that queries come by: opened here, or taken over from the service manager; with the options it is served
 * by. Main thread. */
#ifndef SARING_LISTEN_SOCKET_H
#define SARING_LISTEN_SOCKET_H

#include "base/addr.h"
#include "base/base.h"
#include "base/err.h"

enum listener_origin {
	LISTENER_OPENED, /* by us */
	LISTENER_KEPT,	 /* by us, an earlier time: the service manager has kept it meanwhile */
	LISTENER_PASSED, /* by the service manager: socket activation */
};

#define LISTENER_NUMBER_MAX UINT8_MAX

struct listener {
	int fd;
	bool stream;   /* TCP, listening; else UDP */
	bool wildcard; /* bound to an any-address: answers go out from the address asked (IP_PKTINFO) */
	bool dual;     /* an IPv6 wildcard that takes IPv4 too; only somebody else's */
	bool again;    /* in a worker's share: another worker reads it too, and counts what the kernel says of it */
	enum listener_origin origin;
	struct addr addr;  /* with the port the kernel gave, when port 0 was asked for */
	struct addr asked; /* as listen: has it */
	uint8_t number;	   /* of its address among all; LISTENER_NUMBER_MAX: one of the rest */
};

/* Open and bind l->addr, with SO_REUSEPORT so that each worker may have one. False: errno says why, and l->fd is -1. */
MUST_CHECK bool listener_open(struct listener *l);
/* Take over fd. NULL when it is one that can be served; else why not, and fd is as it was, the caller's. */
MUST_CHECK const char *listener_adopt(int fd, enum listener_origin origin, struct listener *ret);
/* With SO_REUSEPORT a second daemon of the same user would bind too and take half of the queries: a socket without it finds out.
 * False: errno says why. */
MUST_CHECK bool listener_is_free(const struct addr *addr, bool stream);
/* From errno; on EADDRINUSE at port 53 who usually sits there, and what to do. Returns false. */
bool listener_say_why(const struct addr *addr, bool stream, struct err *err);

#endif
