/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ask.h - a DNS question to the daemon's own listeners, as a client on this machine asks it: over UDP, with EDNS and RD. What comes
 * back is the daemon's word on what it serves, and what it had to fetch for it is in its cache then. Blocks up to its time limit.
 * One thread. */
#ifndef SARING_SARINGCTL_ASK_H
#define SARING_SARINGCTL_ASK_H

#include "base/addr.h"
#include "base/base.h"
#include "base/err.h"
#include "wire/msg.h"
#include "wire/name.h"

#define ASK_TIMEOUT_MS 5000 /* as long as a client waits before it asks again */

struct ask_reply {
	uint8_t bytes[MSG_UDP_EDNS_MAX];
	size_t len;
	unsigned rcode; /* the low four bits */
};

/* Where to ask a listener that `status` shows ("dns://127.0.0.1:5300"): a wildcard's is this machine's own address. False for what
 * is none. */
MUST_CHECK bool ask_address(const char *endpoint, struct addr *ret);
/* Ask there for name/type. Only an answer to this very question counts. ERR_UNREACHABLE when none comes in time. */
MUST_CHECK bool ask_listener(const struct addr *where, const struct name *name, uint16_t type, int64_t timeout_ms,
			     struct ask_reply *ret, struct err *err);

#endif
