/* SPDX-License-Identifier: BSD-2-Clause
 *
 * attempt.h - one send to one server: how it is begun and closed, and how it is counted as lost, for its ask and for its server's
 * health. What its ask does then is pool_ask.c's: nothing here ends an ask or calls anybody back. The struct is in pool_ask.h,
 * since transports see it. An attempt is its ask's, and is freed with it (pool_ask_free). Inside daemon/upstream only; the pool's
 * worker thread. */
#ifndef SARING_UPSTREAM_ATTEMPT_H
#define SARING_UPSTREAM_ATTEMPT_H

#include "base/base.h"
#include "upstream/pool_ask.h"

/* Send the ask's question to the server of that index in its route, by choice_way; lane is that server's. It is ask->current then,
 * but when there was no memory for it. By UDP it always starts: pool_ask_on_unsent tells how it went. */
MUST_CHECK enum attempt_start attempt_start(struct pool_ask *ask, size_t index, struct lane *lane);
/* One that UDP had no resources for goes into its server's connection. */
MUST_CHECK enum attempt_start attempt_go_by_tcp(struct attempt *a);
/* Count the send as lost, for the ask and for the server. */
void attempt_failed(struct attempt *a, enum server_failure why);
/* By TCP its server could not be reached: where TCP was a wish, UDP does; where it was needed, this server is of no use. */
void attempt_tcp_failed(struct attempt *a);
/* It has had its time: counted as lost, once, and open still, as a late answer is taken. Nothing when it has failed already. */
void attempt_timed_out(struct attempt *a);
/* It may not be answered any more, wherever it was. Harmless when it is closed already. */
void attempt_close(struct attempt *a);

#endif
