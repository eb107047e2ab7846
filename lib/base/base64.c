/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base64.h"

#include <string.h>

/* 0 to 63, or -1. */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The bytes of one group of four characters, of which the last two may be padding. 0: it is none. */
static size_t group(const char *text, uint8_t ret[3])
{
	int v[4];
	for (size_t i = 0; i < 4; i++)
		v[i] = value_of(text[i]);
	size_t pads = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
	if (v[0] < 0 || v[1] < 0 || (pads < 2 && v[2] < 0) || (pads < 1 && v[3] < 0))
		return 0;
	if ((pads == 2 && (v[1] & 0xf) != 0) || (pads == 1 && (v[2] & 3) != 0))
		return 0;
	const unsigned all =
	    (unsigned)v[0] << 18 | (unsigned)v[1] << 12 | (pads < 2 ? (unsigned)v[2] << 6 : 0) | (pads < 1 ? (unsigned)v[3] : 0);
	ret[0] = (uint8_t)(all >> 16 & 0xff);
	ret[1] = (uint8_t)(all >> 8 & 0xff);
	ret[2] = (uint8_t)(all & 0xff);
	return 3 - pads;
}

/* Twice: first whether it is, so that nothing is written when it is not. */
bool base64_decode(struct str text, uint8_t *ret, size_t size)
{
	if (text.len != (size + 2) / 3 * 4)
		return false;
	for (int pass = 0; pass < 2; pass++) {
		size_t len = 0;
		for (size_t at = 0; at < text.len; at += 4) {
			uint8_t bytes[3];
			const size_t got = group(text.ptr + at, bytes);
			if (got == 0 || (got < 3 && at + 4 < text.len) || got > size - len)
				return false;
			if (pass == 1)
				memcpy(ret + len, bytes, got);
			len += got;
		}
		if (len != size)
			return false;
	}
	return true;
}
