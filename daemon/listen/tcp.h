/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tcp.h - DNS over TCP (RFC 7766): a worker's connections. Pipelined questions are answered as their answers come, out of order; a
 * client that has sent its FIN still gets what it asked for. The worker's thread.
 *
 * Bounds: connections in all and from one address (beyond them the longest idle one is closed, or the new one when none is idle),
 * questions under way on one connection and bytes waiting to be read by the client (beyond them nothing more is read from it), and
 * time: idle, to send a whole message, to take an answer. */
#ifndef SARING_LISTEN_TCP_H
#define SARING_LISTEN_TCP_H

#include "base/base.h"
#include "listen/sockets.h"
#include "query/query.h"

#include <event2/event.h>

#define TCP_CONNECTIONS_MAX 1000	/* of one worker */
#define TCP_CONNECTIONS_ADDRESS_MAX 100 /* of them from one address */
#define TCP_PENDING_MAX 100		/* questions under way on one connection */
#define TCP_OUT_MAX (256u * 1024)	/* bytes the client has not taken yet */
#define TCP_IDLE_S 10
#define TCP_MESSAGE_S 5 /* from its first byte to its last */
#define TCP_STALL_S 5	/* the client takes nothing */

struct tcp;
MUST_CHECK struct tcp *tcp_create(struct event_base *base, struct service *service);
void tcp_listen(struct tcp *tcp, const struct listener *listener);
void tcp_stop(struct tcp *tcp);		  /* accept and read no more */
bool tcp_is_quiet(const struct tcp *tcp); /* no answer waits to be taken by its client */
void tcp_destroy(struct tcp *tcp);

#endif
