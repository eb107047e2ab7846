/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/adblock_match.h"

#include <string.h>

#include "policy/pattern.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* --- what looks like a name --- */

static bool is_label(struct str label)
{
	if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		char c = label.ptr[i];
		if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_' && (uint8_t)c < 0x80)
			return false;
	}
	return true;
}

static bool is_top(struct str label)
{
	bool letters = label.len >= 2;
	for (size_t i = 0; i < label.len; i++)
		letters &= is_letter(label.ptr[i]) || (uint8_t)label.ptr[i] >= 0x80;
	return letters || (label.len > 4 && str_eq_nocase((struct str){label.ptr, 4}, STR_LIT("xn--")));
}

bool adblock_is_domain(struct str text)
{
	struct str label = {NULL, 0};
	size_t labels = 0;
	for (struct str rest = text; rest.ptr != NULL; labels++) {
		label = str_cut(&rest, '.');
		if (!is_label(label))
			return false;
	}
	return labels >= 2 && is_top(label);
}

/* --- anchors --- */

enum start { START_ANYWHERE, START_NAME, START_LABEL };

struct body {
	enum start start;
	bool end; /* nothing may follow */
	struct str text;
};

static bool cut_start(struct str *text, const char *with)
{
	if (!str_starts(*text, with))
		return false;
	size_t len = strlen(with);
	*text = (struct str){text->ptr + len, text->len - len};
	return true;
}

/* "/ads." is the beginning of a name, after the two slashes of an address. */
static bool is_slash_dot(struct str text)
{
	if (text.len <= 3 || text.ptr[0] != '/' || text.ptr[text.len - 1] != '.')
		return false;
	for (size_t i = 1; i < text.len; i++) {
		if (!is_letter(text.ptr[i]) && !is_digit(text.ptr[i]) && text.ptr[i] != '.' && text.ptr[i] != '-')
			return false;
	}
	return true;
}

/* A separator is what no name has, or the end; so that after a name there is only the end, and stars behind it are nothing. */
static void cut_end(struct body *b)
{
	struct str *text = &b->text;
	size_t len = text->len;
	if (len > 0 && text->ptr[len - 1] == '|') {
		text->len = --len;
		b->end = true;
	}
	while (len > 0 && text->ptr[len - 1] == '*')
		len--;
	if (len > 0 && text->ptr[len - 1] == '^')
		text->len = len;
	while (text->len > 0 && text->ptr[text->len - 1] == '^') {
		text->len--;
		b->end = true;
	}
}

static struct body anchors(const struct adblock_rule *rule)
{
	struct body b = {.start = START_ANYWHERE, .end = rule->caret, .text = rule->pattern};
	if (cut_start(&b.text, "||")) {
		b.start = START_LABEL;
	} else if (cut_start(&b.text, "|") || cut_start(&b.text, "://")) {
		b.start = START_NAME;
	} else if (!rule->caret && is_slash_dot(b.text)) {
		b.start = START_NAME;
		(void)cut_start(&b.text, "/");
	}
	cut_end(&b);
	return b;
}

/* --- what it matches --- */

static bool leave(struct import *im, enum left_reason why, uint32_t line, const struct adblock_rule *rule)
{
	import_left(im, why, line, rule->text);
	return false;
}

static bool take_name(struct import *im, enum match match, struct str text, uint32_t line, struct adblock_match *ret)
{
	bool dot = text.len > 0 && text.ptr[text.len - 1] == '.'; /* ||ads.^ is a piece of something, and no top-level domain */
	if (!import_name(im, text, !dot, line, &ret->name))
		return false;
	ret->rule.match = match;
	ret->rule.has_match = true;
	ret->rule.name = &ret->name;
	return true;
}

static bool take_pattern(struct import *im, const struct body *b, uint32_t line, struct adblock_match *ret)
{
	struct buf text = {0};
	if (b->start == START_ANYWHERE)
		buf_add_c(&text, "*");
	buf_add_str(&text, b->text);
	if (!b->end)
		buf_add_c(&text, "*");
	ret->rule.match = MATCH_PATTERN;
	ret->rule.has_match = true;
	ret->rule.subtree = b->start == START_LABEL;
	bool good = import_pattern(im, buf_str(&text), line, ret->pattern, &ret->rule.text);
	buf_finish(&text);
	return good;
}

/* Does it ask for slashes, which no name has? Those in a group that may be left out, or beside another choice, are no hindrance. */
static bool asks_for_url(struct str text)
{
	static const char *const slashes[] = {"://", ":\\/\\/"};
	for (size_t i = 0; i < ARRAY_LEN(slashes); i++) {
		size_t len = strlen(slashes[i]);
		const char *at = memmem(text.ptr, text.len, slashes[i], len);
		if (at == NULL)
			continue;
		const char *next = at + len, *end = text.ptr + text.len;
		return next == end || (*next != ')' && *next != '|');
	}
	return false;
}

static bool take_regex(struct import *im, const struct adblock_rule *rule, uint32_t line, struct adblock_match *ret)
{
	struct pattern *compiled = NULL;
	struct str text = rule->pattern;
	if (asks_for_url(text))
		return leave(im, LEFT_URL, line, rule);
	if (text.len == 0 || text.len > IMPORT_REGEX_LEN_MAX || !str_is_utf8(text) || !pattern_compile(text, &compiled, NULL, NULL))
		return leave(im, LEFT_REGEX, line, rule);
	pattern_destroy(compiled);
	ret->rule.match = MATCH_REGEX;
	ret->rule.has_match = true;
	ret->rule.text = text;
	ret->rule.caseless = true;
	return true;
}

/* Everything there is, for some types or some clients, or but for some names. */
static bool take_all(struct import *im, const struct adblock_rule *rule, uint32_t line, struct adblock_match *ret)
{
	if (!adblock_is_restricted(rule))
		return leave(im, LEFT_PATTERN, line, rule);
	ret->name = (struct name){.len = 1};
	ret->rule.match = MATCH_SUBTREE;
	ret->rule.has_match = true;
	ret->rule.name = &ret->name;
	return true;
}

/* What stands in no name, so that the pattern matches none. */
static enum left_reason why_never(const struct body *b)
{
	if (import_is_address(b->text))
		return LEFT_IP;
	if (memmem(b->text.ptr, b->text.len, "://", 3) != NULL)
		return LEFT_URL;
	for (size_t i = 0; i < b->text.len; i++) {
		switch (b->text.ptr[i]) {
		case ' ':
		case '\t':
		case '|':
		case '$':
			return LEFT_SYNTAX;
		case '/':
		case '?':
		case '=':
		case '&':
		case '%':
		case '^':
			return LEFT_PATH;
		case ':':
			return LEFT_URL;
		}
	}
	return LEFT_REASON_COUNT;
}

static bool take_literal(struct import *im, const struct adblock_rule *rule, const struct body *b, uint32_t line,
			 struct adblock_match *ret)
{
	struct str text = b->text;
	bool dotted = text.ptr[0] == '.' && text.len > 1;
	if (dotted && b->start != START_NAME) {
		struct str rest = {text.ptr + 1, text.len - 1};
		if (!b->end && is_label(rest)) /* .gif */
			return leave(im, LEFT_SINGLE_LABEL, line, rule);
		if (!b->end && !adblock_is_domain(rest))
			return take_pattern(im, b, line, ret);
		if (!take_name(im, MATCH_SUBTREE, rest, line, ret))
			return false;
		import_changed(im, CHANGE_LEADING_DOT, line, rule->text);
		return true;
	}
	if (b->start == START_ANYWHERE || (!b->end && (b->start == START_NAME || !adblock_is_domain(text))))
		return take_pattern(im, b, line, ret);
	if (!take_name(im, b->start == START_LABEL ? MATCH_SUBTREE : MATCH_EXACT, text, line, ret))
		return false;
	if (!b->end)
		import_changed(im, CHANGE_NO_CARET, line, rule->text);
	return true;
}

static bool take_stars(struct import *im, const struct adblock_rule *rule, const struct body *b, uint32_t line,
		       struct adblock_match *ret)
{
	struct str rest = {b->text.ptr + 2, b->text.len - 2};
	bool below = b->text.len > 2 && b->text.ptr[0] == '*' && b->text.ptr[1] == '.' && memchr(rest.ptr, '*', rest.len) == NULL;
	if (!below || (!b->end && !adblock_is_domain(rest) && !(is_label(rest) && is_top(rest))))
		return take_pattern(im, b, line, ret);
	if (!take_name(im, MATCH_SUBDOMAINS, rest, line, ret))
		return false;
	if (!b->end)
		import_changed(im, CHANGE_NO_CARET, line, rule->text);
	return true;
}

static bool is_stars(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '*')
			return false;
	}
	return true;
}

bool adblock_match(struct import *im, const struct adblock_rule *rule, uint32_t line, struct adblock_match *ret)
{
	ret->rule = (struct import_rule){.line = line};
	if (rule->regex)
		return take_regex(im, rule, line, ret);
	struct body b = anchors(rule);
	if (is_stars(b.text))
		return take_all(im, rule, line, ret);
	enum left_reason why = why_never(&b);
	if (why != LEFT_REASON_COUNT)
		return leave(im, why, line, rule);
	if (memchr(b.text.ptr, '*', b.text.len) == NULL)
		return take_literal(im, rule, &b, line, ret);
	return take_stars(im, rule, &b, line, ret);
}
