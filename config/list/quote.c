/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/quote.h"

#include <string.h>

#include "base/buf.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words that some YAML reader (1.1 or 1.2) takes for null, a truth value or a number. */
static bool is_reserved(struct str text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq_nocase(text, str_from(words[i])))
			return true;
	}
	return false;
}

static bool is_numeric(struct str text)
{
	if (!is_digit(text.ptr[0]))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.ptr[i]) && strchr("abcdefABCDEFxXoO_.:+-", text.ptr[i]) == NULL)
			return false;
	}
	return true;
}

static bool is_plain_at(struct str text, size_t i, bool flow)
{
	char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : ' ';
	if (is_alnum(c) || strchr("_-./+@()=;!?'$%~^\"", c) != NULL)
		return c != '\0';
	switch (c) {
	case ' ':
		return next != ' ' && next != '#';
	case ',':
		return !flow;
	case ':':
		return is_alnum(next) || next == '/';
	default:
		return false;
	}
}

static bool is_plain(struct str text, bool flow)
{
	if (text.len == 0 || !is_alnum(text.ptr[0]) || text.ptr[text.len - 1] == ' ' || is_reserved(text) || is_numeric(text))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		/* letters beyond ASCII were looked at by needs_escape */
		if ((unsigned char)text.ptr[i] < 0x80 && !is_plain_at(text, i, flow))
			return false;
	}
	return true;
}

/* One character of valid UTF-8. */
static uint32_t take_char(struct str text, size_t *at)
{
	uint32_t code = 0;
	size_t len = str_utf8_first((struct str){text.ptr + *at, text.len - *at}, &code);
	*at += MAX(len, (size_t)1);
	return code;
}

/* What cannot stand in a YAML line as it is (YAML 1.2 §5.1, §5.4; 1.1 also breaks lines at U+0085, U+2028, U+2029), and what would
 * make the line look like another one. */
static bool is_escaped(uint32_t code)
{
	return str_is_hidden(code);
}

static bool needs_escape(struct str text)
{
	for (size_t at = 0; at < text.len;) {
		if (is_escaped(take_char(text, &at)))
			return true;
	}
	return false;
}

static void put_double(struct buf *out, struct str text)
{
	buf_add_c(out, "\"");
	for (size_t at = 0; at < text.len;) {
		size_t begin = at;
		uint32_t code = take_char(text, &at);
		if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (char)code);
		else if (code == '\n')
			buf_add_c(out, "\\n");
		else if (code == '\t')
			buf_add_c(out, "\\t");
		else if (is_escaped(code))
			buf_printf(out, code <= 0xff ? "\\x%02X" : code <= 0xffff ? "\\u%04X" : "\\U%08X", (unsigned)code);
		else
			buf_add(out, text.ptr + begin, at - begin);
	}
	buf_add_c(out, "\"");
}

static void put_single(struct buf *out, struct str text)
{
	buf_add_c(out, "'");
	for (size_t i = 0; i < text.len; i++)
		buf_add(out, text.ptr[i] == '\'' ? "''" : &text.ptr[i], text.ptr[i] == '\'' ? 2 : 1);
	buf_add_c(out, "'");
}

const char *quote_yaml(struct arena *arena, struct str text, bool flow)
{
	if (!str_is_utf8(text))
		return NULL;
	struct buf out = {0};
	if (needs_escape(text))
		put_double(&out, text);
	else if (is_plain(text, flow))
		buf_add_str(&out, text);
	else
		put_single(&out, text);
	const char *quoted = arena_strndup(arena, out.ptr, out.len);
	buf_finish(&out);
	return quoted;
}
