/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sockets.h - bind what `listen:` names: for each worker a UDP and a TCP socket for each endpoint, by SO_REUSEPORT. All are opened
 * once, before privileges are dropped, and kept across reloads. Main thread. */
#ifndef SARING_LISTEN_SOCKETS_H
#define SARING_LISTEN_SOCKETS_H

#include "base/addr.h"
#include "base/base.h"
#include "base/err.h"
#include "settings/settings.h"

struct listener {
	int fd;
	bool stream;	   /* TCP, listening; else UDP */
	bool wildcard;	   /* bound to an any-address: answers go out from the address asked (IP_PKTINFO) */
	struct addr addr;  /* with the port the kernel gave, when port 0 was asked for */
	struct addr asked; /* as listen: has it */
	uint8_t number;	   /* of its endpoint among those */
};

/* Opens endpoint_count x 2 x workers sockets; those of worker w are ret[w * endpoint_count * 2 ...]. Port 0 takes a free port, the
 * same for UDP and TCP and all workers. On EADDRINUSE at port 53 the error says who usually sits there and what to do. On failure
 * nothing stays open. *ret is owned by the caller (sockets_close). */
MUST_CHECK bool sockets_open(const struct endpoint *endpoints, size_t endpoint_count, unsigned workers, struct listener **ret,
			     struct err *err);
void sockets_close(struct listener *listeners, size_t count);

#endif
