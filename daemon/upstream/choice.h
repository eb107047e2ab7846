/* SPDX-License-Identifier: BSD-2-Clause
 *
 * choice.h - whom an ask turns to next, and by which transport: of the servers of its route those that may still be asked, within
 * the limits of pool_ask.h (RFC 9520 §3.1). It looks at what the ask has come to so far, and sends nothing. Inside daemon/upstream
 * only; the pool's worker thread. Never fails. */
#ifndef SARING_UPSTREAM_CHOICE_H
#define SARING_UPSTREAM_CHOICE_H

#include "base/base.h"
#include "upstream/pool_ask.h"

/* How that server is asked next. TCP is also the last resort where datagrams come to nothing: some servers, or ways to them, have
 * nothing else. */
MUST_CHECK enum transport choice_way(const struct pool_ask *ask, size_t index);
/* The index in its route of the server that is next: the one hinted at, else the one asked least so far, the first in order among
 * equals; -1 when there is nothing left to try. */
MUST_CHECK int choice_next(const struct pool_ask *ask);
/* Ask this one next, if it may still be asked. */
void choice_hint(struct pool_ask *ask, uint8_t index);

#endif
