/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cookies.h - DNS cookies towards the servers (RFC 7873 §5.1, §5.3): what a lane sends, and what a reply's cookie says of it.
 * Inside daemon/upstream only; the pool's worker thread.
 *
 * Our part is eight random octets of the lane's own, so that neither two servers nor two workers can be told to be of one client by
 * them; they are drawn anew each hour, at a reload, and when the kernel knows no way to the server (our address may be another
 * then). An attempt remembers the part it went out with. The server's part is kept beside it, and sent back as it came.
 *
 * That a server speaks cookies is known to all workers (health.h: server_cookie_seen): from then on a datagram of it without one is
 * not believed, and the question goes by TCP. An answer by TCP without one, which nobody off the path can forge, ends that. */
#ifndef SARING_UPSTREAM_COOKIES_H
#define SARING_UPSTREAM_COOKIES_H

#include "base/base.h"
#include "upstream/message.h"
#include "wire/cookie.h"

#define COOKIES_RENEW_MS 3600000

struct attempt;

/* A lane's; its zero value is that nothing was drawn yet. */
struct cookies {
	uint8_t option[COOKIE_CLIENT_LEN + COOKIE_SERVER_MAX]; /* our part, then the server's */
	uint8_t len;					       /* of both; 0: to be drawn */
	int64_t drawn_ms;
};

/* Next time another. */
static inline void cookies_forget(struct cookies *c)
{
	c->len = 0;
}
/* Have the attempt go out with its lane's cookie. */
void cookies_put_on(struct attempt *attempt);

enum cookies_say {
	COOKIES_RIGHT,	 /* or there was none to be expected */
	COOKIES_WRONG,	 /* not an answer to what was sent (RFC 7873 §5.3) */
	COOKIES_MISSING, /* the server has sent cookies, and this has none */
};
/* The cookie of a reply to attempt; match is what message_match said of it, no mismatch. When it is right, the server's part is
 * taken over. The reply is read only when a cookie was sent. */
enum cookies_say cookies_judge(const struct attempt *attempt, const uint8_t *bytes, size_t len, enum message_match match);

#endif
