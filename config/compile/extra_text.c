/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/extra_text.h"

#include <string.h>

#include "base/buf.h"

#define ELLIPSIS "\xe2\x80\xa6" /* U+2026 */
#define REASON_LEN_MIN 24	/* a reason cut shorter than this says nothing: the end of the sentence is cut instead */

/* Unicode's blanks, which say nothing either: a reason of them alone is none. */
static bool is_blank(uint32_t c)
{
	return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f || c == 0x3000;
}

void extra_text_line(struct buf *b, const char *text)
{
	if (text == NULL)
		return;
	bool gap = false;
	size_t start = b->len, len;
	for (struct str rest = str_from(text); rest.len > 0; rest = (struct str){rest.ptr + len, rest.len - len}) {
		uint32_t c = 0;
		len = str_utf8_first(rest, &c);
		if (len == 0 || is_blank(c) || str_is_hidden(c)) {
			len = MAX(len, (size_t)1);
			gap = true;
			continue;
		}
		if (gap && b->len > start)
			buf_add(b, " ", 1);
		gap = false;
		buf_add(b, rest.ptr, len);
	}
}

/* The longest beginning of at most max bytes that ends with a whole character. */
static size_t utf8_cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	size_t cut = max;
	while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut--;
	return cut;
}

/* Back to the end of a word, when one ends in the last REASON_LEN_MIN / 2 bytes. */
static size_t word_cut(const char *text, size_t len)
{
	for (size_t cut = len; cut > 0 && len - cut < REASON_LEN_MIN / 2; cut--) {
		if (text[cut] == ' ')
			return cut;
	}
	return len;
}

static bool is_said(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* What was done, and by whom. */
static void add_deed(struct buf *b, enum code code, const char *authority)
{
	static const char *const by[][2] = {
	    [CODE_BLOCKED] = {"blocked", "blocked by "},
	    [CODE_CENSORED] = {"blocked by order", "blocked by order of "},
	    [CODE_FILTERED] = {"filtered on request", "filtered on request of "},
	};
	buf_add_c(b, by[code][is_said(authority)]);
	if (is_said(authority))
		extra_text_line(b, authority);
}

char *extra_text_compose(enum code code, const char *organization, const char *authority, const char *reason, const char *reference,
			 const char *list, char buf[IMAGE_EXTRA_TEXT_MAX + 1])
{
	struct buf head = {NULL, 0, 0}, why = {NULL, 0, 0}, tail = {NULL, 0, 0};
	buf[0] = '\0';
	if (!is_said(organization) && !is_said(authority) && !is_said(reason) && !is_said(reference) && !is_said(list))
		return buf;
	if (is_said(organization)) {
		extra_text_line(&head, organization);
		buf_add_c(&head, ": ");
	}
	add_deed(&head, code, authority);
	if (is_said(reason)) {
		buf_add_c(&why, ": ");
		extra_text_line(&why, reason);
	}
	if (is_said(reference)) {
		buf_add_c(&tail, " (");
		extra_text_line(&tail, reference);
		buf_add_c(&tail, ")");
	} else if (is_said(list)) {
		buf_printf(&tail, " (list %s)", list);
	}
	/* A reference is whole or absent: half a URL leads nowhere. Where there is no room for both, it goes before the reason,
	 * which can be read there; where there is none even so, the list's name stands for it. */
	size_t reason_min = MIN(why.len, (size_t)(REASON_LEN_MIN + sizeof(ELLIPSIS)));
	if (head.len + reason_min + tail.len > IMAGE_EXTRA_TEXT_MAX && head.len + tail.len <= IMAGE_EXTRA_TEXT_MAX) {
		buf_reset(&why);
		reason_min = 0;
	} else if (head.len + tail.len > IMAGE_EXTRA_TEXT_MAX) {
		buf_reset(&tail);
		if (is_said(list))
			buf_printf(&tail, " (list %s)", list);
		if (head.len + reason_min + tail.len > IMAGE_EXTRA_TEXT_MAX)
			buf_reset(&tail);
	}
	size_t fixed = head.len + tail.len;
	if (fixed + why.len > IMAGE_EXTRA_TEXT_MAX && fixed + reason_min <= IMAGE_EXTRA_TEXT_MAX) {
		why.len = word_cut(why.ptr, utf8_cut(why.ptr, why.len, IMAGE_EXTRA_TEXT_MAX - fixed - (sizeof(ELLIPSIS) - 1)));
		buf_add_c(&why, ELLIPSIS);
	}
	buf_add_str(&head, buf_str(&why));
	buf_add_str(&head, buf_str(&tail));
	size_t len = utf8_cut(head.ptr, head.len, IMAGE_EXTRA_TEXT_MAX);
	memcpy(buf, head.ptr, len);
	buf[len] = '\0';
	buf_finish(&head);
	buf_finish(&why);
	buf_finish(&tail);
	return buf;
}
