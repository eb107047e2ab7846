/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hits_seen.h - how often each entry of a list has acted, as the daemon counts it, for looking up millions of entries by what they
 * are. One thread. */
#ifndef SARING_SARINGCTL_HITS_SEEN_H
#define SARING_SARINGCTL_HITS_SEEN_H

#include "saringctl/context.h"

struct hits_seen {
	json_t *reply;	     /* owned: the daemon's; NULL: it was not reached */
	struct seen *places; /* owned */
	size_t place_count;
};

/* Ask for the hits of a list. False, and err, when the daemon could not be asked. hits_seen_finish it in both cases. */
MUST_CHECK bool hits_seen_load(struct context *ctx, const char *list, struct hits_seen *ret, struct err *err);
void hits_seen_finish(struct hits_seen *h);

/* What the daemon says of an entry: {"hits", "would_block", "last_hit", "blocked_until"}; NULL: never seen. entry: as it is
 * written; name: in its one form, or NULL when it is no name. Borrowed. */
const json_t *hits_seen_of(const struct hits_seen *h, const char *entry, const char *name, const char *match);
/* "since 2026-01-01T00:00:00Z", and with what reservations "never" is to be taken. buf is returned. */
#define HITS_SEEN_SINCE_MAX 320
char *hits_seen_since(const struct hits_seen *h, char buf[HITS_SEEN_SINCE_MAX]);

#endif
