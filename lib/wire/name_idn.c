/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/name_idn.h"

#include <idn2.h>
#include <string.h>

#define CHARACTERS_MAX 128 /* in one label, mapped */
#define PREFIX "xn--"
#define PREFIX_LEN 4

static const char too_long[] = "a label is longer than 63 octets";
static const char empty[] = "it has an empty label";
static const char other_sign[] = "it holds a character that stands for a blank, a dot or another sign";
static const char not_shown[] = "it holds a character that can't be seen";

/* Never IDN2_USE_STD3_ASCII_RULES: it drops underscores and asterisks without a word. */
#define IDN_FLAGS (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)

/* What an A-label may consist of. The mapping can bring forth blanks, dots and slashes (U+2100 is "a/c"). */
static bool is_plain(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-' || p[i] == '_'))
			return false;
	return len > 0;
}

struct range {
	uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Blanks, controls, marks of direction, and what is no character. */
static bool is_hidden(uint32_t c)
{
	static const struct range hidden[] = {
	    {0x0000, 0x0020}, {0x007f, 0x00a0},	  {0x061c, 0x061c}, {0x1680, 0x1680}, {0x2000, 0x200a},
	    {0x200e, 0x200f}, {0x2028, 0x202f},	  {0x205f, 0x205f}, {0x2066, 0x206f}, {0x3000, 0x3000},
	    {0xd800, 0xdfff}, {0xe0000, 0xe0fff}, {0xfdd0, 0xfdef}, {0xfff0, 0xfffd},
	};
	return in_ranges(c, hidden, ARRAY_LEN(hidden)) || (c & 0xfffe) == 0xfffe || c > 0x10ffff;
}

/* What UTS 46 takes for a dot, or for one and more. */
static bool is_dotted(uint32_t c)
{
	static const struct range dotted[] = {
	    {0x2024, 0x2026}, {0x2488, 0x249b}, {0xfe19, 0xfe19}, {0xfe30, 0xfe30}, {0xfe52, 0xfe52}};
	return in_ranges(c, dotted, ARRAY_LEN(dotted));
}

/* What UTS 46 maps to nothing, most often the selector of an emoji's looks. */
static bool is_ignored(uint32_t c)
{
	static const struct range ignored[] = {
	    {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x180b, 0x180d}, {0x200b, 0x200b},
	    {0x2060, 0x2064}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
	};
	return in_ranges(c, ignored, ARRAY_LEN(ignored));
}

/* The character at p, which is valid UTF-8; returns its length. */
static size_t utf8_next(const unsigned char *p, uint32_t *ret)
{
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	*ret = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++)
		*ret = *ret << 6 | (p[i] & 0x3fu);
	return len;
}

/* The mapping of UTS 46 for one character alone, found by way of its A-label; itself when IDNA refuses it or maps it to several. */
static uint32_t mapped(const unsigned char *p, size_t len, uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
	char one[5] = {0};
	uint8_t *ascii = NULL;
	char *utf8 = NULL;
	uint32_t result = c;
	memcpy(one, p, len);
	if (idn2_lookup_u8((const uint8_t *)one, &ascii, IDN_FLAGS) == IDN2_OK &&
	    idn2_to_unicode_8z8z((const char *)ascii, &utf8, 0) == IDN2_OK) {
		uint32_t got;
		if (utf8[0] != '\0' && utf8[utf8_next((const unsigned char *)utf8, &got)] == '\0' && !is_hidden(got) && got != '.')
			result = got;
	}
	idn2_free(utf8);
	idn2_free(ascii);
	return result;
}

/* RFC 3492 §6.1 and §6.3 */
enum { PUNY_BASE = 36, PUNY_TMIN = 1, PUNY_TMAX = 26, PUNY_SKEW = 38, PUNY_DAMP = 700, PUNY_BIAS = 72, PUNY_FIRST = 0x80 };

static uint32_t puny_adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;
	delta = first ? delta / PUNY_DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (PUNY_BASE - PUNY_TMIN) * PUNY_TMAX / 2; k += PUNY_BASE)
		delta /= PUNY_BASE - PUNY_TMIN;
	return k + (PUNY_BASE - PUNY_TMIN + 1) * delta / (delta + PUNY_SKEW);
}

static bool puny_put(char *ret, size_t *len, uint32_t digit)
{
	if (*len >= NAME_IDN_LABEL_MAX)
		return false;
	ret[(*len)++] = (char)(digit < 26 ? 'a' + digit : '0' + (digit - 26));
	return true;
}

static bool puny_put_delta(char *ret, size_t *len, uint32_t delta, uint32_t bias)
{
	uint32_t q = delta;
	for (uint32_t k = PUNY_BASE;; k += PUNY_BASE) {
		uint32_t t = k <= bias ? PUNY_TMIN : k >= bias + PUNY_TMAX ? PUNY_TMAX : k - bias;
		if (q < t)
			return puny_put(ret, len, q);
		if (!puny_put(ret, len, t + (q - t) % (PUNY_BASE - t)))
			return false;
		q = (q - t) / (PUNY_BASE - t);
	}
}

/* Appends to ret; false when it does not fit. count <= CHARACTERS_MAX and characters below 2^21, so no sum overflows 32 bits. */
static bool puny_encode(const uint32_t *characters, uint32_t count, char *ret, size_t *len)
{
	uint32_t basic = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (characters[i] >= PUNY_FIRST)
			continue;
		if (*len >= NAME_IDN_LABEL_MAX)
			return false;
		ret[(*len)++] = (char)characters[i];
		basic++;
	}
	if (basic > 0) {
		if (*len >= NAME_IDN_LABEL_MAX)
			return false;
		ret[(*len)++] = '-';
	}
	uint32_t n = PUNY_FIRST, delta = 0, bias = PUNY_BIAS;
	for (uint32_t done = basic; done < count; n++, delta++) {
		uint32_t next = UINT32_MAX;
		for (uint32_t i = 0; i < count; i++)
			if (characters[i] >= n && characters[i] < next)
				next = characters[i];
		delta += (next - n) * (done + 1);
		n = next;
		for (uint32_t i = 0; i < count; i++) {
			if (characters[i] < n)
				delta++;
			if (characters[i] != n)
				continue;
			if (!puny_put_delta(ret, len, delta, bias))
				return false;
			bias = puny_adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
	return true;
}

/* What IDNA refuses, but people register and write. */
static const char *plain_punycode(struct str label, char *ret, size_t *ret_len)
{
	uint32_t characters[CHARACTERS_MAX];
	uint32_t count = 0;
	size_t len = 0;
	const unsigned char *p = (const unsigned char *)label.ptr;
	for (size_t i = 0, n; i < label.len; i += n) {
		uint32_t c;
		n = utf8_next(p + i, &c);
		if (is_ignored(c))
			continue;
		if (is_hidden(c))
			return not_shown;
		if (is_dotted(c))
			return other_sign;
		if (count == CHARACTERS_MAX)
			return too_long;
		characters[count++] = mapped(p + i, n, c);
	}
	if (count == 0)
		return empty;
	bool ascii = true;
	for (uint32_t i = 0; i < count; i++)
		ascii = ascii && characters[i] < PUNY_FIRST;
	if (!ascii) {
		memcpy(ret, PREFIX, PREFIX_LEN);
		len = PREFIX_LEN;
		if (!puny_encode(characters, count, ret, &len))
			return too_long;
	} else {
		for (; len < count && len < NAME_IDN_LABEL_MAX; len++)
			ret[len] = (char)characters[len];
		if (len < count)
			return too_long;
	}
	if (!is_plain(ret, len))
		return "it mixes characters that can't stand in one label";
	ret[len] = '\0';
	*ret_len = len;
	return NULL;
}

const char *name_idn_label(struct str label, char ret[NAME_IDN_LABEL_MAX + 1], size_t *ret_len)
{
	if (!str_is_utf8(label))
		return "it is not valid UTF-8";
	if (label.len > NAME_IDN_INPUT_MAX)
		return too_long;
	if (label.len >= PREFIX_LEN && str_eq_nocase((struct str){label.ptr, PREFIX_LEN}, STR_LIT(PREFIX)))
		return "it has a label that begins like an A-label, but is none";
	uint8_t text[NAME_IDN_INPUT_MAX + 1];
	uint8_t *found = NULL;
	memcpy(text, label.ptr, label.len);
	text[label.len] = '\0';
	int rc = idn2_lookup_u8(text, &found, IDN_FLAGS);
	if (rc == IDN2_OK) {
		const char *ascii = (const char *)found;
		size_t len = strlen(ascii);
		bool plain = len <= NAME_IDN_LABEL_MAX && is_plain(ascii, len);
		if (plain) {
			memcpy(ret, ascii, len + 1);
			*ret_len = len;
		}
		idn2_free(found);
		return plain ? NULL : len == 0 ? empty : other_sign;
	}
	if (rc == IDN2_MALLOC)
		return "there is no memory left";
	return plain_punycode(label, ret, ret_len);
}

static bool can_be_shown(struct str text)
{
	uint32_t c;
	size_t n;
	for (; text.len > 0; text.ptr += n, text.len -= n) {
		n = str_utf8_first(text, &c);
		if (n == 0 || is_hidden(c) || is_dotted(c) || is_ignored(c) || str_is_hidden(c))
			return false;
	}
	return true;
}

size_t name_idn_show(struct str label, char ret[NAME_IDN_SHOWN_MAX + 1])
{
	char text[NAME_IDN_LABEL_MAX + 1], back[NAME_IDN_LABEL_MAX + 1];
	char *shown = NULL;
	size_t len = 0, back_len;
	if (label.len > NAME_IDN_LABEL_MAX || !str_starts(label, PREFIX) || !is_plain(label.ptr, label.len))
		return 0;
	memcpy(text, label.ptr, label.len);
	text[label.len] = '\0';
	if (idn2_to_unicode_8z8z(text, &shown, 0) == IDN2_OK) {
		struct str s = str_from(shown);
		if (s.len <= NAME_IDN_SHOWN_MAX && can_be_shown(s) && name_idn_label(s, back, &back_len) == NULL &&
		    str_eq_c(label, back)) {
			len = s.len;
			memcpy(ret, shown, len + 1);
		}
	}
	idn2_free(shown);
	return len;
}
