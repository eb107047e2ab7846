/* SPDX-License-Identifier: BSD-2-Clause
 *
 * local.h - which addresses are this machine's. Any thread; cold paths. */
#ifndef SARING_BASE_LOCAL_H
#define SARING_BASE_LOCAL_H

#include "base/addr.h"

/* Is it an address of this machine, whatever its port? The kernel is asked which address it would send from: to one of its own that
 * is the address itself. Nothing is sent. It needs neither netlink, which a sandbox may forbid, nor to bind, which may be allowed
 * for addresses that are elsewhere (net.ipv4.ip_nonlocal_bind). False when the kernel does not say. */
MUST_CHECK bool local_has(const struct addr *a);

#endif
