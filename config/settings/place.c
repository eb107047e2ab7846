/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/place.h"

#include <string.h>

#define BOM_LEN 3

static bool has_bom(struct str text)
{
	return text.len >= BOM_LEN && memcmp(text.ptr, "\xef\xbb\xbf", BOM_LEN) == 0;
}

struct place place_first(struct str text)
{
	return (struct place){.byte = has_bom(text) ? BOM_LEN : 0, .line = 1, .column = 1};
}

void place_step(struct place *p, struct str text)
{
	unsigned char c = (unsigned char)text.ptr[p->byte];
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	p->byte = MIN(p->byte + len, text.len);
	p->chars++;
	if (c == '\n' || (c == '\r' && (p->byte >= text.len || text.ptr[p->byte] != '\n'))) {
		p->line++;
		p->column = 1;
	} else {
		p->column++;
	}
}

const struct place *place_at(struct place *p, struct str text, size_t chars)
{
	if (chars < p->chars) /* never seen from libyaml; right all the same */
		*p = place_first(text);
	while (p->chars < chars && p->byte < text.len) {
		const unsigned char c = (unsigned char)text.ptr[p->byte];
		if (c < 0x20 || c >= 0x80) {
			place_step(p, text);
			continue;
		}
		p->byte++; /* nearly all of any file */
		p->chars++;
		p->column++;
	}
	return p;
}

/* The length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), or 0. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	unsigned char c = s[0];
	if (c < 0x80)
		return 1;
	size_t len = c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
	if (len == 0 || left < len)
		return 0;
	unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool place_of_bad_byte(struct str text, struct place *ret)
{
	const unsigned char *s = (const unsigned char *)text.ptr;
	struct place at = place_first(text);
	for (size_t i = at.byte, len; i < text.len; i += len) {
		len = utf8_len(s + i, text.len - i);
		if (len != 0 && s[i] != '\0')
			continue;
		while (at.byte < i)
			place_step(&at, text);
		*ret = at;
		return true;
	}
	return false;
}
