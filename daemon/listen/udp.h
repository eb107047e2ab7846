/* SPDX-License-Identifier: BSD-2-Clause
 *
 * udp.h - DNS over UDP: a worker's sockets, read and written in batches (recvmmsg, sendmmsg). The worker's thread.
 * RFC 2181 §4.1: an answer leaves from the address that was asked, also on a wildcard socket (IP_PKTINFO). */
#ifndef SARING_LISTEN_UDP_H
#define SARING_LISTEN_UDP_H

#include "base/base.h"
#include "listen/sockets.h"
#include "query/query.h"

#include <event2/event.h>

struct udp;
MUST_CHECK struct udp *udp_create(struct event_base *base, struct service *service, const struct listener *listener);
/* Read no more. What has come until now is taken first, unless another process will (leave). Parked questions are still answered.
 */
void udp_stop(struct udp *udp, bool leave);
void udp_destroy(struct udp *udp);

#endif
