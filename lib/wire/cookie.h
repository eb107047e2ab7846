/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cookie.h - DNS cookies (RFC 7873) with the interoperable server part of RFC 9018: made and checked without a memory of clients.
 * Any thread; nothing allocates.
 *
 *   | client 8 | version 1 | reserved 3 | time 4 | hash 8 |      hash = SipHash-2-4(secret, all before it, client's address)
 *
 * Times are seconds of the wall clock, compared as serial numbers (RFC 1982). */
#ifndef SARING_WIRE_COOKIE_H
#define SARING_WIRE_COOKIE_H

#include "base/addr.h"
#include "base/base.h"
#include "base/siphash.h"

#define COOKIE_CLIENT_LEN 8
#define COOKIE_SERVER_MIN 8 /* of any server's; RFC 7873 §4 */
#define COOKIE_SERVER_MAX 32
#define COOKIE_LEN 24	       /* client part and ours */
#define COOKIE_PAST_S 3600     /* an older one is not good any more (RFC 9018 §4.3) */
#define COOKIE_FUTURE_S 300    /* nor one from further ahead: clocks of servers that share a secret differ */
#define COOKIE_SECRET_S 86400u /* how long a secret drawn from the seed makes cookies */

/* Where secrets come from: those the operator gave, of which the first makes and all are accepted; or, when there are none, one for
 * each day, drawn from a seed of the process: a cookie's own time says of which day its secret is, so that nothing has to be rolled
 * over, and cookies of yesterday are good for their hour. */
struct cookie_secrets {
	const struct siphash_key *given;
	size_t given_count;
	struct siphash_key seed;
};

/* Has an option's content of len octets a length that RFC 7873 §4 allows? */
static inline bool cookie_len_is_sound(size_t len)
{
	return len == COOKIE_CLIENT_LEN ||
	       (len >= COOKIE_CLIENT_LEN + COOKIE_SERVER_MIN && len <= COOKIE_CLIENT_LEN + COOKIE_SERVER_MAX);
}

/* The whole content of the option that answers client. */
void cookie_make(const struct cookie_secrets *secrets, const uint8_t client[COOKIE_CLIENT_LEN], const struct addr *peer,
		 int64_t now_s, uint8_t ret[COOKIE_LEN]);
/* Is this, an option's content as it came, one of ours for this client at this address, and young enough? */
MUST_CHECK bool cookie_verify(const struct cookie_secrets *secrets, const uint8_t *cookie, size_t len, const struct addr *peer,
			      int64_t now_s);

#endif
