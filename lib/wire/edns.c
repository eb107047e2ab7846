/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/edns.h"

#include "wire/cookie.h"
#include "wire/msg.h"
#include "wire/rrtype.h"

#include <string.h>

/* In an OPT record, from its first octet: | root 1 | type 2 | class 2 | TTL 4 | RDLENGTH 2 | options */
#define OPT_RDLENGTH 9
#define OPT_OPTIONS 11
#define OPTION_HEAD 4 /* code and length */

bool edns_next(struct rd *r, uint16_t *ret_code, const uint8_t **ret_data, uint16_t *ret_len)
{
	if (rd_left(r) == 0)
		return false;
	uint16_t code = rd_u16(r), len = rd_u16(r);
	const uint8_t *data = rd_bytes(r, len);
	if (!rd_ok(r))
		return false;
	*ret_code = code;
	*ret_data = data;
	*ret_len = len;
	return true;
}

/* RFC 7871 §6: as many octets of the address as SOURCE PREFIX-LENGTH needs. Families but IPv4 and IPv6 are not ours to judge. */
static bool ecs_is_sound(const uint8_t *data, uint16_t len)
{
	if (len < 4)
		return false;
	unsigned family = be_get_u16(data), source = data[2];
	if (family != 1 && family != 2)
		return true;
	return source <= (family == 1 ? 32 : 128) && len - 4u == (source + 7) / 8;
}

/* Only the first option of a kind counts (RFC 7873 §5.2). False when its length is not allowed. */
static bool take_option(struct edns *e, uint16_t code, const uint8_t *data, uint16_t len)
{
	switch (code) {
	case EDNS_NSID:
		e->has_nsid = true;
		return true;
	case EDNS_ECS:
		if (e->has_ecs)
			return true;
		e->has_ecs = true;
		return ecs_is_sound(data, len);
	case EDNS_COOKIE:
		if (e->cookie != NULL)
			return true;
		if (!cookie_len_is_sound(len))
			return false;
		e->cookie = data;
		e->cookie_len = (uint8_t)len;
		return true;
	case EDNS_KEEPALIVE: /* over UDP it must be ignored whatever its length (RFC 7828 §3.2.1), so none is refused here */
		if (!e->has_keepalive)
			e->bad_keepalive = len != 0;
		e->has_keepalive = true;
		return true;
	case EDNS_PADDING:
		e->has_padding = true;
		return true;
	case EDNS_SDE:
		e->has_sde = true;
		return true;
	}
	return true;
}

bool edns_parse(uint16_t class, uint32_t ttl, const uint8_t *rdata, uint16_t rdata_len, struct edns *ret)
{
	*ret = (struct edns){
	    .present = true,
	    .ext_rcode = (uint8_t)(ttl >> 24),
	    .version = (uint8_t)(ttl >> 16),
	    .dnssec_ok = (ttl & EDNS_DO) != 0,
	    .udp_size = class,
	    .options = rdata,
	    .options_len = rdata_len,
	};
	if (ret->version > 0)
		return true; /* its options may mean anything (RFC 6891 §6.1.3: BADVERS comes first) */
	struct rd r = rd_init(rdata, rdata_len);
	uint16_t code, len;
	const uint8_t *data;
	bool sound = true;
	for (unsigned seen = 0; edns_next(&r, &code, &data, &len); seen++)
		if (seen < EDNS_OPTIONS_MAX)
			sound = take_option(ret, code, data, len) && sound;
	return sound && rd_ok(&r);
}

size_t edns_udp_limit(const struct edns *e)
{
	if (!e->present || e->udp_size < MSG_UDP_PLAIN_MAX)
		return MSG_UDP_PLAIN_MAX;
	return MIN(e->udp_size, MSG_UDP_EDNS_MAX);
}

size_t edns_write_begin(struct wr *w, uint16_t udp_size, uint16_t rcode, bool dnssec_ok)
{
	size_t mark = wr_mark(w);
	uint8_t *p = wr_room(w, OPT_OPTIONS);
	if (p == NULL)
		return mark;
	struct wr opt = wr_init(p, OPT_OPTIONS);
	wr_u8(&opt, 0);
	wr_u16(&opt, RRTYPE_OPT);
	wr_u16(&opt, udp_size);
	wr_u32(&opt, (uint32_t)(rcode >> 4) << 24 | (dnssec_ok ? EDNS_DO : 0));
	wr_u16(&opt, 0);
	return mark;
}

/* At most `most` octets of s, whole characters only. */
static size_t cut_utf8(struct str s, size_t most)
{
	if (s.len <= most)
		return s.len;
	size_t len = most;
	while (len > 0 && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* Room for an option's content, its code and length written; NULL when it does not fit. */
static uint8_t *option_room(struct wr *w, uint16_t code, size_t len)
{
	uint8_t *p = wr_room(w, OPTION_HEAD + len);
	if (p == NULL)
		return NULL;
	be_put_u16(p, code);
	be_put_u16(p + 2, (uint16_t)len);
	return p + OPTION_HEAD;
}

void edns_write_option(struct wr *w, uint16_t code, const void *data, size_t len)
{
	uint8_t *p = option_room(w, code, len);
	if (p != NULL && len > 0)
		memcpy(p, data, len);
}

void edns_write_ede_whole(struct wr *w, uint16_t info_code, struct str extra_text)
{
	uint8_t *p = option_room(w, EDNS_EDE, sizeof(info_code) + extra_text.len);
	if (p == NULL)
		return;
	be_put_u16(p, info_code);
	if (extra_text.len > 0)
		memcpy(p + sizeof(info_code), extra_text.ptr, extra_text.len);
}

void edns_write_ede(struct wr *w, uint16_t info_code, struct str extra_text)
{
	extra_text.len = cut_utf8(extra_text, EDNS_EDE_TEXT_MAX);
	edns_write_ede_whole(w, info_code, extra_text);
}

void edns_write_keepalive(struct wr *w, uint16_t timeout_100ms)
{
	uint8_t *p = option_room(w, EDNS_KEEPALIVE, sizeof(timeout_100ms));
	if (p != NULL)
		be_put_u16(p, timeout_100ms);
}

void edns_write_padding(struct wr *w, size_t block)
{
	if (w->full || w->cap - w->pos < OPTION_HEAD)
		return;
	size_t over = (w->pos + OPTION_HEAD) % block, len = over == 0 ? 0 : block - over;
	len = MIN(len, w->cap - w->pos - OPTION_HEAD);
	uint8_t *p = option_room(w, EDNS_PADDING, len);
	if (p != NULL)
		memset(p, 0, len);
}

void edns_write_end(struct wr *w, size_t mark)
{
	if (!w->full && w->pos >= mark + OPT_OPTIONS)
		wr_patch_u16(w, mark + OPT_RDLENGTH, (uint16_t)(w->pos - mark - OPT_OPTIONS));
}
