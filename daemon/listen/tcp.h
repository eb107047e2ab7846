/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tcp.h - DNS over TCP (RFC 7766, RFC 9210, RFC 7828): a worker's connections. Pipelined questions are answered as their answers
 * come, out of order; a client that has sent its FIN still gets what it asked for. The worker's thread.
 *
 * Bounds: connections in all and from one host, over all workers (tcp_seats.h: who has been idle longest makes room), questions
 * under way on one connection and bytes waiting to be taken by the client (beyond them nothing more is read from it), memory, and
 * time: idle, to send a whole message, to take an answer, and for a connection's life. Each end is counted by its reason. */
#ifndef SARING_LISTEN_TCP_H
#define SARING_LISTEN_TCP_H

#include "base/base.h"
#include "listen/sockets.h"
#include "listen/tcp_seats.h"
#include "query/query.h"

#include <event2/event.h>

#define TCP_PENDING_MAX 100	  /* questions under way on one connection */
#define TCP_OUT_MAX (256u * 1024) /* bytes the client has not taken yet */
#define TCP_HELD_SOFT_MAX                                                                                                    \
	(16u * 1024 * 1024)		 /* bytes of one worker's connections; beyond it nobody with answers to take is read \
					  */
#define TCP_HELD_MAX (32u * 1024 * 1024) /* beyond it the connection that needs more goes */
#define TCP_IDLE_MS 10000		 /* between one answer and the next question; also what RFC 7828 tells */
#define TCP_IDLE_SCARCE_MS 2000		 /* when places are scarce */
#define TCP_MESSAGE_MS 5000		 /* from a message's first byte to its last */
#define TCP_STALL_MS 5000		 /* the client takes nothing */
#define TCP_DRAIN_MS 60000		 /* the client always has something left to take */
#define TCP_LIFE_MS 900000		 /* then it ends when next nothing is under way; after twice that no more is read */
#define TCP_SWEEP_MS 250		 /* how exact these times are */
#define TCP_FAREWELL_MS 300		 /* at the end, for the first question of who has just come, or the rest of a message */

struct tcp;
MUST_CHECK struct tcp *tcp_create(struct event_base *base, struct service *service, struct tcp_seats *seats);
void tcp_listen(struct tcp *tcp, const struct listener *listener);
/* Accept nobody, and read no more but of who has just come and not asked yet, or has begun a message: for TCP_FAREWELL_MS. Who has
 * nothing under way is closed. */
void tcp_stop(struct tcp *tcp);
bool tcp_is_quiet(const struct tcp *tcp); /* no answer waits to be taken by its client, and no such question is waited for */
void tcp_destroy(struct tcp *tcp);

#endif
