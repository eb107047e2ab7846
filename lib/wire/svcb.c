/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/svcb.h"

#include "wire/name.h"

#define LABEL_LEN_MAX 63u
#define KEY_MANDATORY 0u
#define KEY_ALPN 1u
#define KEY_NO_DEFAULT_ALPN 2u
#define KEY_PORT 3u
#define KEY_IPV4HINT 4u
#define KEY_IPV6HINT 6u
#define KEY_DOHPATH 7u
#define KEY_OHTTP 8u
#define KEY_INVALID 65535u

/* A name without pointers. */
static bool target_is_sound(struct rd *r)
{
	size_t begin = r->pos;
	uint8_t len;
	while ((len = rd_u8(r)) != 0 && len <= LABEL_LEN_MAX)
		rd_skip(r, len);
	return rd_ok(r) && len == 0 && r->pos - begin <= NAME_LEN_MAX;
}

static bool next_param(struct rd *r, uint16_t *ret_key, struct rd *ret_value)
{
	*ret_key = rd_u16(r);
	*ret_value = rd_sub(r, rd_u16(r));
	return rd_ok(r);
}

/* Both lists ascend: one walk tells whether all of the one are in the other. */
static bool mandatory_are_there(struct rd list, struct rd params)
{
	uint32_t before = KEY_MANDATORY;
	if (rd_left(&list) == 0)
		return false;
	while (rd_left(&list) > 0) {
		uint16_t want = rd_u16(&list), key = 0;
		struct rd value;
		if (!rd_ok(&list) || want <= before) /* itself must not be in it, either */
			return false;
		before = want;
		do {
			if (rd_left(&params) == 0 || !next_param(&params, &key, &value))
				return false;
		} while (key < want);
		if (key != want)
			return false;
	}
	return true;
}

/* Protocol names, each behind its length. */
static bool alpn_is_sound(struct rd value)
{
	if (rd_left(&value) == 0)
		return false;
	while (rd_left(&value) > 0) {
		uint8_t len = rd_u8(&value);
		if (len == 0)
			return false;
		rd_skip(&value, len);
	}
	return rd_ok(&value);
}

static bool value_is_sound(uint16_t key, const struct rd *value)
{
	size_t len = rd_left(value);
	switch (key) {
	case KEY_ALPN:
		return alpn_is_sound(*value);
	case KEY_NO_DEFAULT_ALPN:
	case KEY_OHTTP:
		return len == 0;
	case KEY_PORT:
		return len == 2;
	case KEY_IPV4HINT:
		return len > 0 && len % 4 == 0;
	case KEY_IPV6HINT:
		return len > 0 && len % 16 == 0;
	case KEY_DOHPATH:
		return len > 0;
	case KEY_INVALID:
		return false;
	}
	return true;
}

bool svcb_is_sound(struct rd rdata)
{
	uint16_t priority = rd_u16(&rdata);
	if (!target_is_sound(&rdata))
		return false;
	int32_t before = -1;
	while (rd_left(&rdata) > 0) {
		uint16_t key;
		struct rd value;
		if (!next_param(&rdata, &key, &value) || key <= before)
			return false;
		before = key;
		if (priority == 0)
			continue;
		if (key == KEY_MANDATORY ? !mandatory_are_there(value, rdata) : !value_is_sound(key, &value))
			return false;
	}
	return rd_ok(&rdata);
}
