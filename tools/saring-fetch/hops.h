/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hops.h - where a fetch may be sent on to. Whoever runs the server of a list may answer with any redirect; it must not turn
 * saring-fetch into somebody who looks around in the network it stands in, nor take the encryption off. Pure. */
#ifndef SARING_FETCH_HOPS_H
#define SARING_FETCH_HOPS_H

#include "base/base.h"
#include "base/err.h"

#include <sys/socket.h>

#define HOPS_MAX 5

/* Is it an address that only means something near here: private, loopback, link-local, multicast, reserved - also one that is
 * written into an IPv6 address? Of a family that is not IP: yes. */
bool hops_is_near(const struct sockaddr *addr);
/* May this address be connected to, as hop `hop` (0: the operator's own url)? Near ones only where the first was near, too, which
 * *near_asked remembers; false at the start. */
MUST_CHECK bool hops_may_connect(const struct sockaddr *addr, unsigned hop, bool *near_asked);
/* May the answer from `from` send on to `to`? hops: how many there were. Schemes are compared without case, as curl writes urls. */
MUST_CHECK bool hops_may(const char *from, const char *to, unsigned hops, struct err *err);

#endif
