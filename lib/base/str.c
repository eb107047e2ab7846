/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

struct str str_from(const char *text)
{
	return text == NULL ? (struct str){NULL, 0} : (struct str){text, strlen(text)};
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_c(struct str a, const char *b)
{
	return str_eq(a, str_from(b));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool str_starts(struct str s, const char *prefix)
{
	size_t len = strlen(prefix);
	return s.len >= len && (len == 0 || memcmp(s.ptr, prefix, len) == 0);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct str str_cut(struct str *rest, char sep)
{
	struct str head = *rest;
	const char *at = head.len == 0 ? NULL : memchr(head.ptr, sep, head.len);
	if (at == NULL) {
		*rest = (struct str){NULL, 0};
		return head;
	}
	head.len = (size_t)(at - head.ptr);
	*rest = (struct str){at + 1, rest->len - head.len - 1};
	return head;
}

char *str_dup(struct str s)
{
	char *p = base_alloc(s.len + 1);
	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	return p;
}

/* The nearest word */

#define NEAREST_LEN_MAX 48

/* Optimal string alignment: insert, delete, change, swap of two neighbours. Both at most NEAREST_LEN_MAX. Case costs nothing. */
static size_t edit_distance(struct str a, struct str b)
{
	size_t rows[3][NEAREST_LEN_MAX + 1];
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3];
		const size_t *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char ca = lower(a.ptr[i - 1]), cb = lower(b.ptr[j - 1]);
			size_t best = up[j - 1] + (ca == cb ? 0 : 1);
			best = MIN(best, up[j] + 1);
			best = MIN(best, row[j - 1] + 1);
			if (i > 1 && j > 1 && ca == lower(b.ptr[j - 2]) && lower(a.ptr[i - 2]) == cb)
				best = MIN(best, up2[j - 2] + 1);
			row[j] = best;
		}
	}
	return rows[a.len % 3][b.len];
}

const char *str_nearest(struct str word, const char *const *words, size_t count)
{
	/* a third of the letters may be wrong, one at least, but never all of them */
	size_t allowed = MAX(word.len / 3, 1u);
	if (word.len < 2 || word.len > NEAREST_LEN_MAX)
		return NULL;
	const char *best = NULL;
	for (size_t i = 0; i < count; i++) {
		struct str candidate = str_from(words[i]);
		if (candidate.len == 0 || candidate.len > NEAREST_LEN_MAX)
			continue;
		size_t distance = edit_distance(word, candidate);
		if (distance > allowed || (best != NULL && distance == allowed))
			continue;
		best = words[i];
		allowed = distance;
		if (distance == 0)
			break;
	}
	return best;
}

/* UTF-8 and escapes */

/* One character at p: returns its length, 0 when it is not valid UTF-8 (RFC 3629: no surrogates, nothing longer than it must be).
 */
static size_t utf8_one(const unsigned char *p, size_t len, uint32_t *ret)
{
	if (len == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	size_t need = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len < need)
		return 0;
	uint32_t c = need == 4 ? p[0] & 0x07u : need == 3 ? p[0] & 0x0fu : p[0] & 0x1fu;
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if ((need == 3 && c < 0x800) || (need == 4 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return need;
}

size_t str_utf8_first(struct str s, uint32_t *ret)
{
	return utf8_one((const unsigned char *)s.ptr, s.len, ret);
}

bool str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	for (size_t i = 0; i < s.len;) {
		uint32_t c;
		size_t n = utf8_one(p + i, s.len - i, &c);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* Characters above ASCII that steer rather than show: C1 controls, marks that turn the direction of text (and so hide what a line
 * says), invisible ones, separators of lines, tags, and what is no character. */
bool str_is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
	    {0x0080, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f},
	    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
	};
	if (c < 0x80)
		return c < 0x20 || c == 0x7f;
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return (c & 0xfffe) == 0xfffe;
}

/* The next piece of s from i, escaped, into piece; quoted: it is to stand in quotes. Returns how many bytes of s it stands for. */
static size_t escape_piece(struct str s, size_t i, bool keep_utf8, bool quoted, char piece[5], size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)s.ptr + i;
	if (quoted && (*p == '"' || *p == '\\')) {
		piece[0] = '\\';
		piece[1] = (char)*p;
		*ret_len = 2;
		return 1;
	}
	if (*p >= 0x20 && *p < 0x7f) {
		piece[0] = (char)*p;
		*ret_len = 1;
		return 1;
	}
	uint32_t c;
	size_t n = keep_utf8 && *p >= 0x80 ? utf8_one(p, s.len - i, &c) : 0;
	if (n > 0 && !str_is_hidden(c)) {
		memcpy(piece, p, n);
		*ret_len = n;
		return n;
	}
	piece[0] = '\\';
	piece[1] = (char)('0' + *p / 100);
	piece[2] = (char)('0' + *p / 10 % 10);
	piece[3] = (char)('0' + *p % 10);
	*ret_len = 4;
	return 1;
}

static char *escape(struct str s, bool keep_utf8, bool quoted, char *buf, size_t size)
{
	if (size == 0)
		return buf;
	size_t len = 0, cut = 0; /* cut: the most that leaves room for the dots */
	for (size_t i = 0; i < s.len;) {
		char piece[5];
		size_t piece_len;
		i += escape_piece(s, i, keep_utf8, quoted, piece, &piece_len);
		if (piece_len > size - 1 - len) {
			size_t dots = MIN((size_t)3, size - 1 - cut);
			memset(buf + cut, '.', dots);
			len = cut + dots;
			break;
		}
		memcpy(buf + len, piece, piece_len);
		len += piece_len;
		if (len + 3 <= size - 1)
			cut = len;
	}
	buf[len] = '\0';
	return buf;
}

char *str_escape(struct str s, bool keep_utf8, char *buf, size_t size)
{
	return escape(s, keep_utf8, true, buf, size);
}

char *str_clean(struct str s, bool keep_utf8, char *buf, size_t size)
{
	return escape(s, keep_utf8, false, buf, size);
}

void str_mask(char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t c = 0;
		size_t n = str_utf8_first((struct str){text + i, len - i}, &c);
		if (n == 0 || str_is_hidden(c)) {
			n = MAX(n, (size_t)1);
			memset(text + i, '?', n);
		}
		i += n;
	}
}
