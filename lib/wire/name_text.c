/* SPDX-License-Identifier: BSD-2-Clause
 *
 * name_text.c - the half of name.h that turns names into text and back. */
#include "wire/name.h"

#include "wire/name_idn.h"

#define LABEL_MAX 63

static bool is_special(uint8_t c)
{
	switch (c) {
	case '.':
	case '\\':
	case '"':
	case '(':
	case ')':
	case ';':
	case '@':
	case '$':
		return true;
	}
	return false;
}

/* One label of `octets` at p, as text. Returns its length. */
static size_t label_to_text(const uint8_t *p, size_t octets, char *buf)
{
	size_t len = 0;
	for (size_t i = 0; i < octets; i++) {
		uint8_t c = p[i];
		if (is_special(c)) {
			buf[len++] = '\\';
			buf[len++] = (char)c;
		} else if (c >= 0x21 && c <= 0x7e) {
			buf[len++] = (char)c;
		} else {
			buf[len++] = '\\';
			buf[len++] = (char)('0' + c / 100);
			buf[len++] = (char)('0' + c / 10 % 10);
			buf[len++] = (char)('0' + c % 10);
		}
	}
	return len;
}

static char *to_text(const struct name *name, bool unicode, char buf[NAME_TEXT_MAX])
{
	size_t len = 0;
	for (size_t pos = 0; name->wire[pos] != 0; pos += 1u + name->wire[pos]) {
		const uint8_t *label = name->wire + pos + 1;
		size_t shown = 0;
		if (pos > 0)
			buf[len++] = '.';
		/* no longer than \DDD for each octet would be: four times 63 */
		if (unicode)
			shown = name_idn_show((struct str){(const char *)label, name->wire[pos]}, buf + len);
		len += shown > 0 ? shown : label_to_text(label, name->wire[pos], buf + len);
	}
	if (len == 0)
		buf[len++] = '.';
	buf[len] = '\0';
	return buf;
}

char *name_to_text(const struct name *name, char buf[NAME_TEXT_MAX])
{
	return to_text(name, false, buf);
}

char *name_to_unicode(const struct name *name, char buf[NAME_TEXT_MAX])
{
	return to_text(name, true, buf);
}

/* A name under construction. Labels grow in place: wire[label] is the length octet of the one that is open. */
struct builder {
	struct name name;
	size_t len; /* octets so far, the open label's length octet included */
	size_t label;
};

static const char no_name[] = "it is empty";
static const char empty_label[] = "it has an empty label";
static const char label_too_long[] = "a label is longer than 63 octets";
static const char name_too_long[] = "it is longer than 255 octets";
static const char has_blank[] = "it holds a blank";
static const char has_control[] = "it holds a control character";

static const char *add_octet(struct builder *b, uint8_t c)
{
	if (b->len - b->label > LABEL_MAX)
		return label_too_long;
	if (b->len >= NAME_LEN_MAX - 1) /* the root's octet must still fit */
		return name_too_long;
	b->name.wire[b->len++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
	return NULL;
}

static const char *end_label(struct builder *b)
{
	size_t octets = b->len - b->label - 1;
	if (octets == 0)
		return empty_label;
	b->name.wire[b->label] = (uint8_t)octets;
	b->name.labels++;
	b->label = b->len++; /* < NAME_LEN_MAX: add_octet saw to it */
	return NULL;
}

/* An escape at text[*i], RFC 1035 §5.1: \DDD or \X. Goes past it. */
static const char *add_escape(struct builder *b, struct str text, size_t *i)
{
	const unsigned char *p = (const unsigned char *)text.ptr + *i + 1;
	size_t left = text.len - *i - 1;
	if (left == 0)
		return "it ends in a lone backslash";
	if (p[0] < '0' || p[0] > '9') {
		if (p[0] < 0x20 || p[0] >= 0x7f)
			return "it holds a backslash before something that is no ASCII sign";
		*i += 2;
		return add_octet(b, p[0]);
	}
	unsigned value = 0;
	for (size_t n = 0; n < 3; n++) {
		if (n >= left || p[n] < '0' || p[n] > '9')
			return "it holds a backslash and a digit, but not three of them";
		value = value * 10 + (unsigned)(p[n] - '0');
	}
	if (value > 255)
		return "it holds a \\DDD above 255";
	*i += 4;
	return add_octet(b, (uint8_t)value);
}

/* The dots of other scripts, which UTS 46 takes for dots: U+3002, U+FF0E, U+FF61. Returns the length of one at p, or 0. */
static size_t foreign_dot(const char *p, size_t left)
{
	if (left < 3)
		return 0;
	return memcmp(p, "\xe3\x80\x82", 3) == 0 || memcmp(p, "\xef\xbc\x8e", 3) == 0 || memcmp(p, "\xef\xbd\xa1", 3) == 0 ? 3 : 0;
}

/* The label that begins at text[*i] and has an octet above ASCII; goes past it. */
static const char *add_u_label(struct builder *b, struct str text, size_t *i)
{
	size_t end = *i;
	for (; end < text.len && text.ptr[end] != '.' && foreign_dot(text.ptr + end, text.len - end) == 0; end++) {
		if (text.ptr[end] == '\\')
			return "it mixes an escape with letters above ASCII in one label";
		if (text.ptr[end] == ' ' || text.ptr[end] == '\t')
			return has_blank;
		if ((unsigned char)text.ptr[end] < 0x20 || text.ptr[end] == 0x7f)
			return has_control;
	}
	char label[NAME_IDN_LABEL_MAX + 1];
	size_t len;
	const char *why = name_idn_label((struct str){text.ptr + *i, end - *i}, label, &len);
	for (size_t n = 0; why == NULL && n < len; n++)
		why = add_octet(b, (uint8_t)label[n]);
	*i = end;
	return why;
}

/* Does the label that begins at text[i] have an octet above ASCII before it ends? */
static bool is_u_label(struct str text, size_t i)
{
	for (; i < text.len && text.ptr[i] != '.'; i++) {
		if (foreign_dot(text.ptr + i, text.len - i) > 0)
			return false;
		if ((unsigned char)text.ptr[i] >= 0x80)
			return true;
		if (text.ptr[i] == '\\')
			i++; /* an escaped dot ends no label */
	}
	return false;
}

/* Returns NULL, or what is wrong. */
static const char *build(struct builder *b, struct str text, bool above_ascii)
{
	if (text.len == 0)
		return no_name;
	bool at_start = true;
	for (size_t i = 0; i < text.len;) {
		const char *why = NULL;
		unsigned char c = (unsigned char)text.ptr[i];
		size_t dot = c == '.' ? 1 : above_ascii ? foreign_dot(text.ptr + i, text.len - i) : 0;
		if (dot > 0) {
			why = end_label(b);
			i += dot;
			at_start = true;
			if (why != NULL)
				return why;
			continue;
		}
		if (above_ascii && at_start && is_u_label(text, i)) {
			why = add_u_label(b, text, &i);
		} else if (c == '\\') {
			why = add_escape(b, text, &i);
		} else if (c <= 0x20 || c == 0x7f) {
			why = c == ' ' || c == '\t' || c == '\r' || c == '\n' ? has_blank : has_control;
		} else {
			why = add_octet(b, c);
			i++;
		}
		if (why != NULL)
			return why;
		at_start = false;
	}
	/* a final dot has ended the last label already */
	return at_start ? NULL : end_label(b);
}

static bool has_above_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return true;
	return false;
}

bool name_from_text(struct str text, struct name *ret, struct err *err)
{
	struct builder b;
	b.name.labels = 0;
	b.label = 0;
	b.len = 1;
	const char *why = NULL;
	if (!(text.len == 1 && text.ptr[0] == '.'))
		why = build(&b, text, has_above_ascii(text));
	if (why != NULL) {
		char shown[100];
		return err_set(err, ERR_INPUT, "\"%s\" is not a domain name: %s", str_escape(text, true, shown, sizeof(shown)),
			       why);
	}
	b.name.wire[b.label] = 0;
	b.name.len = (uint8_t)(b.label + 1);
	ret->len = b.name.len;
	ret->labels = b.name.labels;
	memcpy(ret->wire, b.name.wire, b.name.len);
	return true;
}
