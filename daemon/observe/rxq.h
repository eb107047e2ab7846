/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rxq.h - what the kernel dropped for want of room in a receive queue. With SO_RXQ_OVFL each datagram brings, as a control message
 * (SOL_SOCKET, SO_RXQ_OVFL, uint32_t), how many its socket has dropped so far; the message is left out while that is 0. Add what
 * rxq_delta says to COUNTER_RXQ_DROPPED; of a batch the last datagram's figure is enough. */
#ifndef SARING_OBSERVE_RXQ_H
#define SARING_OBSERVE_RXQ_H

#include "base/base.h"

/* How many more than when *last, a socket's own (0 at first), was read; keeps now in it. The figure wraps at 2^32. One that lies
 * behind *last is of a datagram queued before the one seen last: nothing new. */
static inline uint32_t rxq_delta(uint32_t *last, uint32_t now)
{
	uint32_t delta = now - *last;
	if (delta > UINT32_MAX / 2)
		return 0;
	*last = now;
	return delta;
}

#endif
