/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A name a line, and what such lists hold besides: `.x` and `||x^` are the name and all below it, `*.x` is all below it, and other
 * `*` make a pattern. dnscrypt-proxy's `=x` is the name alone. One reader for both formats: they differ in what they are called. */
#include <string.h>

#include "import/segment_build.h"

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_beyond_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((uint8_t)text.ptr[i] >= 0x80)
			return true;
	}
	return false;
}

static bool take_said(struct import *im, struct str text, enum match match, bool single_label, uint32_t line)
{
	struct name name;
	if (!import_name(im, text, single_label, line, &name))
		return false;
	const struct import_rule rule = {.match = match,
					 .has_match = true,
					 .name = &name,
					 .action = import_action(im),
					 .written = is_beyond_ascii(text) ? text : (struct str){NULL, 0},
					 .line = line};
	import_take(im, &rule);
	return true;
}

static void take_pattern(struct import *im, struct str token, uint32_t line)
{
	char folded[IMPORT_PATTERN_LEN_MAX + 1];
	struct import_rule rule = {.match = MATCH_PATTERN, .has_match = true, .action = import_action(im), .line = line};
	if (import_pattern(im, token, line, folded, &rule.text))
		import_take(im, &rule);
}

static struct str behind(struct str s, size_t count)
{
	return (struct str){s.ptr + count, s.len - count};
}

/* A token that is not just a name. */
static void read_token(struct import *im, struct str token, uint32_t line)
{
	struct name name;
	if (str_starts(token, "||") && token.len > 3) {
		bool caret = token.ptr[token.len - 1] == '^';
		struct str bare = {token.ptr + 2, token.len - 2 - caret};
		if (take_said(im, bare, MATCH_SUBTREE, false, line) && !caret)
			import_changed(im, CHANGE_NO_CARET, line, token);
	} else if (token.ptr[0] == '.' && token.len > 1 && memchr(token.ptr, '*', token.len) == NULL) {
		if (take_said(im, behind(token, 1), MATCH_SUBTREE, false, line))
			import_changed(im, CHANGE_LEADING_DOT, line, token);
	} else if (str_starts(token, "*.") && token.len > 2 && memchr(token.ptr + 2, '*', token.len - 2) == NULL) {
		(void)take_said(im, behind(token, 2), MATCH_SUBDOMAINS, true, line);
	} else if (token.ptr[0] == '=' && token.len > 1) {
		(void)take_said(im, behind(token, 1), MATCH_EXACT, false, line);
	} else if (memchr(token.ptr, '*', token.len) != NULL) {
		take_pattern(im, token, line);
	} else if (import_name(im, token, false, line, &name)) {
		import_take_name(im, &name, is_beyond_ascii(token) ? token : (struct str){NULL, 0}, line);
	}
}

static void read_line(struct import *im, struct str text, uint32_t line)
{
	const char *p = text.ptr, *end = text.ptr + text.len, *stop = p;
	struct name name;
	while (p < end && is_blank(*p))
		p++;
	if (p == end || *p == '#' || *p == '!' || *p == ';') {
		import_comment(im);
		return;
	}
	if (LIKELY(import_name_quick(im, p, end, line, &name, &stop))) {
		import_take_name(im, &name, (struct str){NULL, 0}, line);
	} else {
		for (stop = p; stop < end && !is_blank(*stop);)
			stop++;
		read_token(im, (struct str){p, (size_t)(stop - p)}, line);
	}
	while (stop < end && is_blank(*stop))
		stop++;
	if (stop == end)
		return;
	struct str rest = {stop, (size_t)(end - stop)};
	if (*stop == '#' || *stop == ';')
		import_changed(im, CHANGE_INLINE_COMMENT, line, rest);
	else
		import_left(im, LEFT_SYNTAX, line, rest);
}

void import_domains(struct import *im, struct str text)
{
	struct import_lines lines = {.rest = text};
	for (struct str line; import_line(im, &lines, &line);)
		read_line(im, line, lines.line);
}

void import_wildcard(struct import *im, struct str text)
{
	import_domains(im, text);
}
