/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/query.h"

#include <string.h>

struct cookie_secrets query_cookie_secrets(const struct service *s)
{
	const struct settings *settings = s->world->settings;

	return (struct cookie_secrets){
	    .given = settings->cookie_secrets, .given_count = settings->cookie_secret_count, .seed = s->cookie_seed};
}

/* A client's cookie is checked, and its own part kept for the answer (RFC 7873 §5.2). A wrong server part is borne: whoever sends
 * one gets the right one with the answer, and is only held to the limits that all have. */
enum fate cookie_stage(struct service *s, struct query *q)
{
	const uint8_t *raw = q->raw_cookie;

	q->raw_cookie = NULL; /* the packet's; the query may outlive it */
	if (raw == NULL || !s->world->settings->cookies)
		return FATE_NEXT;
	struct cookie_secrets secrets = query_cookie_secrets(s);
	q->has_cookie = true;
	memcpy(q->cookie, raw, COOKIE_CLIENT_LEN);
	q->cookie_good = cookie_verify(&secrets, raw, q->raw_cookie_len, &q->peer, s->now_s);
	return FATE_NEXT;
}
