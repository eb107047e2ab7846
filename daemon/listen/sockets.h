/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sockets.h - all sockets that queries come by, and which worker reads which. They are opened once, before privileges are dropped,
 * and kept across reloads; what the service manager hands over (handed.h) is taken in their place. Main thread.
 *
 * Each address has UDP and TCP, and for each worker a socket of its own of either, by SO_REUSEPORT. Of sockets taken over there may
 * be more: a worker reads several, since what has come by one of them must not be lost. Or there are less: more are opened beside
 * them where the kernel lets us, and else workers share them; none is without.
 *
 * What is served is what `listen:` says, but where the manager passes sockets of its own (a .socket unit), it decides: these are
 * served, whether `listen:` names them or not, and what `listen:` says for their ports, or for port 53, is ignored, which the log
 * says. */
#ifndef SARING_LISTEN_SOCKETS_H
#define SARING_LISTEN_SOCKETS_H

#include "base/addr.h"
#include "base/base.h"
#include "base/err.h"
#include "listen/socket.h"
#include "settings/settings.h"

struct sockets {
	struct listener *all; /* each once; owned */
	size_t count;
	struct listener *shares; /* worker after worker; owned. Copies: an fd may stand in several */
	size_t *share_at;	 /* where each worker's begins, and behind the last where it ends; owned */
	struct addr *addrs;	 /* what is listened at, in the order of `listen:`; owned */
	struct addr *asked;	 /* the same as `listen:` has them, with port 0; owned */
	size_t addr_count;
};

/* handed (borrowed) are taken over, all of them: those for which there is no use are closed and given back to the manager's store.
 * Port 0 takes what an earlier time had there, or a free port, the same for UDP and TCP and all workers. On failure what was opened
 * is closed again; what was handed over is not. */
MUST_CHECK bool sockets_open(const struct endpoint *endpoints, size_t endpoint_count, unsigned workers,
			     const struct listener *handed, size_t handed_count, struct sockets *ret, struct err *err);
const struct listener *sockets_share(const struct sockets *s, unsigned worker, size_t *ret_count);
/* Takes one that was never opened. */
void sockets_close(struct sockets *s);

#endif
