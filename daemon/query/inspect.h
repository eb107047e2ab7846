/* SPDX-License-Identifier: BSD-2-Clause
 *
 * inspect.h - what an answer holds is judged as the name asked was: the targets of its CNAMEs, its addresses, what its HTTPS and
 * SVCB records (RFC 9460) lead to. Cached and fresh answers alike, on every query, since lists change while answers rest.
 *
 * The worker's thread, within a batch. Nothing here allocates. */
#ifndef SARING_QUERY_INSPECT_H
#define SARING_QUERY_INSPECT_H

#include "base/base.h"
#include "query/answer.h"
#include "query/query.h"

/* Is there anything in r that policy could speak about? */
MUST_CHECK bool inspect_needed(const struct service *s, const struct query *q, const struct response *r);
enum inspected {
	INSPECT_PASSES,
	INSPECT_BLOCKED, /* the chain of CNAMEs leads through a blocked name, or it holds a blocked address: ret is the verdict */
	INSPECT_PRIVATE, /* it gives a private address for a public name (upstream.rebind-protection) */
};
/* Of an entry in mode shadow that would have blocked q's verdict says so afterwards. */
MUST_CHECK enum inspected inspect_response(struct service *s, struct query *q, const struct response *r, const struct laid_out *m,
					   struct verdict *ret);

#endif
