/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scanner of expressions knows what it can go past, and gives up at everything else: an expression without a need costs a try
 * for each name, a wrong need would be a name that is not blocked. */
#include "compile/compile_pattern.h"

#include <string.h>

#define NEED 3

bool pattern_hang(struct str text, struct name *ret, bool *ret_at)
{
	if (text.ptr == NULL || text.len == 0 || memchr(text.ptr, '\\', text.len) != NULL)
		return false; /* an escaped dot is no end of a label */
	const char *star = memrchr(text.ptr, '*', text.len);
	struct str end = text;
	*ret_at = star == NULL;
	if (star != NULL) {
		const char *stop = text.ptr + text.len;
		const char *dot = memchr(star, '.', (size_t)(stop - star));
		if (dot == NULL)
			return false;
		end = (struct str){dot + 1, (size_t)(stop - dot - 1)};
	}
	for (size_t i = 0; i < end.len; i++) {
		if ((unsigned char)end.ptr[i] >= 0x7f || end.ptr[i] <= ' ')
			return false;
	}
	return end.len > 0 && end.ptr[end.len - 1] != '.' && name_from_text(end, ret, NULL) && ret->labels > 0;
}

/* --- three characters --- */

/* Characters that follow one another in every match; the best three of all such runs are kept. */
struct need {
	char run[NEED]; /* the last ones, as many as len */
	size_t len;
	uint32_t best;
	unsigned best_worth;
};

/* Dots and what stands in many names tell little. */
static unsigned worth(const char run[NEED])
{
	static const char *const common[] = {"www", "com", "net", "org", "ads"};
	unsigned w = 4;
	for (size_t i = 0; i < NEED; i++)
		w -= run[i] == '.';
	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		w -= w > 1 && memcmp(run, common[i], NEED) == 0;
	return w;
}

static void need_char(struct need *n, char c)
{
	if (n->len == NEED)
		memmove(n->run, n->run + 1, NEED - 1);
	else
		n->len++;
	n->run[n->len - 1] = c;
	if (n->len < NEED)
		return;
	unsigned w = worth(n->run);
	if (w <= n->best_worth)
		return;
	n->best_worth = w;
	n->best =
	    (uint32_t)(unsigned char)n->run[0] | (uint32_t)(unsigned char)n->run[1] << 8 | (uint32_t)(unsigned char)n->run[2] << 16;
}

static void need_break(struct need *n)
{
	n->len = 0;
}

uint32_t pattern_need_glob(struct str text)
{
	struct need n = {.len = 0};
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\\')
			return 0;
		if (text.ptr[i] == '*')
			need_break(&n);
		else
			need_char(&n, text.ptr[i]);
	}
	return n.best;
}

/* --- regular expressions --- */

struct scan {
	struct str text;
	size_t at;
};

static char look(const struct scan *s, size_t ahead)
{
	return s->at + ahead < s->text.len ? s->text.ptr[s->at + ahead] : '\0';
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A backslash and one character that stand for one character of a kind, or for a place; not those that take more of what follows
 * (\x41, \1, \Q, ...). */
static bool is_plain_escape(char c)
{
	return c != '\0' && strchr("dDwWsShHvVRbBAzZGaefnrt", c) != NULL;
}

/* Past a class, from its `[`. False when in doubt. */
static bool skip_class(struct scan *s)
{
	s->at++;
	if (look(s, 0) == '^')
		s->at++;
	if (look(s, 0) == ']')
		s->at++; /* the first is literal */
	for (; s->at < s->text.len; s->at++) {
		char c = look(s, 0);
		if (c == ']') {
			s->at++;
			return true;
		}
		if (c == '[')
			return false; /* [:alpha:] or literal: not worth telling apart */
		if (c == '\\') {
			char next = look(s, 1);
			if (next == '\0' || (is_alnum(next) && !is_plain_escape(next)))
				return false;
			s->at++;
		}
	}
	return false;
}

/* Is what stands at an opening parenthesis a plain group, or one that only looks? Flags and verbs change the meaning of what
 * follows. */
static bool is_plain_group(const struct scan *s)
{
	if (look(s, 1) == '*')
		return false;
	if (look(s, 1) != '?')
		return true;
	char c = look(s, 2), d = look(s, 3);
	return c == ':' || c == '=' || c == '!' || c == '>' || (c == '<' && (d == '=' || d == '!'));
}

/* Past a group with all in it, from its `(`. */
static bool skip_group(struct scan *s)
{
	size_t depth = 0;
	while (s->at < s->text.len) {
		char c = look(s, 0);
		if (c == '[') {
			if (!skip_class(s))
				return false;
			continue;
		}
		if (c == '\\') {
			char next = look(s, 1);
			if (next == '\0' || (is_alnum(next) && !is_plain_escape(next)))
				return false;
			s->at++;
		} else if (c == '(') {
			if (!is_plain_group(s))
				return false;
			depth++;
		} else if (c == ')' && --depth == 0) {
			s->at++;
			return true;
		}
		s->at++;
	}
	return false;
}

static void skip_digits(struct scan *s)
{
	while (look(s, 0) >= '0' && look(s, 0) <= '9')
		s->at++;
}

/* Past a quantifier if one stands here. ret_none: may what stands before be there no times? False when in doubt. */
static bool skip_quantifier(struct scan *s, bool *ret_any, bool *ret_none)
{
	char c = look(s, 0);
	*ret_any = c == '?' || c == '*' || c == '+' || c == '{';
	*ret_none = c != '+';
	if (!*ret_any)
		return true;
	s->at++;
	if (c == '{') {
		size_t from = s->at;
		skip_digits(s);
		if (s->at == from)
			return false; /* literal, or {,n} in a newer pcre2 */
		if (look(s, 0) == ',') {
			s->at++;
			skip_digits(s);
		}
		if (look(s, 0) != '}')
			return false;
		s->at++;
	}
	if (look(s, 0) == '?' || look(s, 0) == '+') /* lazy, possessive */
		s->at++;
	return true;
}

/* One item of the expression's outermost level, past it. ret_literal: '\0' when it is no certain character. False when in doubt. */
static bool scan_item(struct scan *s, char *ret_literal)
{
	char c = look(s, 0);
	*ret_literal = '\0';
	switch (c) {
	case '|':
	case ')':
	case '?':
	case '*':
	case '+':
	case '{':
		return false;
	case '(':
		return is_plain_group(s) && skip_group(s);
	case '[':
		return skip_class(s);
	case '.':
	case '^':
	case '$':
		s->at++;
		return true;
	case '\\':
		c = look(s, 1);
		s->at += 2;
		if (is_plain_escape(c))
			return true;
		if (is_alnum(c) || c <= ' ' || c >= 0x7f)
			return false;
		*ret_literal = c;
		return true;
	}
	if (c <= ' ' || c >= 0x7f)
		return false;
	s->at++;
	*ret_literal = c;
	return true;
}

uint32_t pattern_need_regex(struct str text, bool caseless)
{
	struct need n = {.len = 0};
	struct scan s = {text, 0};
	while (s.at < text.len) {
		char literal = '\0';
		bool quantified = false, none = false;
		if (!scan_item(&s, &literal) || !skip_quantifier(&s, &quantified, &none))
			return 0;
		if (caseless && literal >= 'A' && literal <= 'Z')
			literal = (char)(literal - 'A' + 'a');
		if (literal == '\0' || (quantified && none)) {
			need_break(&n);
			continue;
		}
		need_char(&n, literal);
		if (quantified) { /* the first of some, and the last of them stands before what follows */
			need_break(&n);
			need_char(&n, literal);
		}
	}
	return n.best;
}
