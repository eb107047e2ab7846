/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hex.h"

static const char digits[] = "0123456789abcdef";

char *hex_from_bytes(const uint8_t *bytes, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * len] = '\0';
	return ret;
}

void hex_add(struct buf *b, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
		buf_add(b, pair, sizeof(pair));
	}
}

static int value_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool hex_to_bytes(struct str text, uint8_t *ret, size_t len)
{
	if (text.len % 2 != 0 || text.len / 2 != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		const int high = value_of(text.ptr[2 * i]), low = value_of(text.ptr[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
