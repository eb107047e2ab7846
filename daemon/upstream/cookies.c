/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/cookies.h"

#include <string.h>

#include "base/rand.h"
#include "upstream/pool_ask.h"

void cookies_put_on(struct attempt *a)
{
	struct cookies *c = &a->lane->cookies;
	int64_t now_ms = pool_now_ms(a->ask->pool);
	if (c->len == 0 || now_ms - c->drawn_ms >= COOKIES_RENEW_MS) {
		rand_bytes(c->option, COOKIE_CLIENT_LEN);
		c->len = COOKIE_CLIENT_LEN;
		c->drawn_ms = now_ms;
	}
	memcpy(a->cookie, c->option, COOKIE_CLIENT_LEN);
	a->cookie_sent = true;
}

/* Only of a cookie that goes on with the part the lane still uses. */
static void take_over(struct cookies *c, const uint8_t *option, uint16_t len)
{
	if (c->len == 0 || memcmp(c->option, option, COOKIE_CLIENT_LEN) != 0)
		return;
	if (c->len == len && memcmp(c->option, option, len) == 0)
		return;
	memcpy(c->option, option, len);
	c->len = (uint8_t)len;
}

enum cookies_say cookies_judge(const struct attempt *a, const uint8_t *bytes, size_t len, enum message_match match)
{
	struct message_opt opt;
	if (!a->cookie_sent)
		return COOKIES_RIGHT;
	message_read_opt(bytes, len, match == MESSAGE_BARE ? 0 : a->question.len, &opt);
	if (opt.cookie == NULL)
		return server_expects_cookie(a->server) ? COOKIES_MISSING : COOKIES_RIGHT;
	if (!cookie_len_is_sound(opt.cookie_len) || memcmp(opt.cookie, a->cookie, COOKIE_CLIENT_LEN) != 0)
		return COOKIES_WRONG;
	if (opt.cookie_len > COOKIE_CLIENT_LEN) { /* else it is our own part come back: there is no other to look at */
		take_over(&a->lane->cookies, opt.cookie, opt.cookie_len);
		server_cookie_seen(a->server, pool_now_ms(a->ask->pool));
	}
	return COOKIES_RIGHT;
}
