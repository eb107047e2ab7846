/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hosts(5): an address, and names. Which address does not matter, the list says what is answered: each name is an entry that says
 * nothing. A name alone is taken too. */
#include <string.h>

#include "import/segment_build.h"

/* Neighbours have the same address: it is looked at once. */
struct hosts {
	struct import *im;
	const char *address;
	size_t address_len;
};

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static inline const char *token_end(const char *p, const char *end)
{
	while (p < end && !is_blank(*p))
		p++;
	return p;
}

static bool is_address(struct hosts *h, const char *p, size_t len)
{
	if (LIKELY(len == h->address_len && memcmp(p, h->address, len) == 0))
		return true;
	if (!import_is_address((struct str){p, len}))
		return false;
	h->address = p;
	h->address_len = len;
	return true;
}

/* The names from p on. Returns how many tokens there were. */
static size_t read_names(struct hosts *h, const char *p, const char *end, uint32_t line)
{
	size_t count = 0;
	struct name name;
	while ((p = skip_blanks(p, end)) < end) {
		const char *stop = p;
		if (UNLIKELY(*p == '#' || *p == ';')) {
			if (count > 0)
				import_changed(h->im, CHANGE_INLINE_COMMENT, line, (struct str){p, (size_t)(end - p)});
			return count;
		}
		count++;
		if (LIKELY(import_name_quick(h->im, p, end, line, &name, &stop))) {
			import_take_name(h->im, &name, (struct str){NULL, 0}, line);
		} else {
			stop = token_end(p, end);
			struct str token = {p, (size_t)(stop - p)};
			bool beyond = false;
			for (size_t i = 0; i < token.len; i++)
				beyond |= (uint8_t)token.ptr[i] >= 0x80;
			if (import_name(h->im, token, false, line, &name))
				import_take_name(h->im, &name, beyond ? token : (struct str){NULL, 0}, line);
		}
		p = stop;
	}
	return count;
}

static void read_line(struct hosts *h, struct str text, uint32_t line)
{
	const char *end = text.ptr + text.len, *p = skip_blanks(text.ptr, end), *first = token_end(p, end);
	if (p == end || *p == '#' || *p == '!' || *p == ';') {
		import_comment(h->im);
		return;
	}
	if (LIKELY(is_address(h, p, (size_t)(first - p)))) {
		if (read_names(h, first, end, line) == 0)
			import_left(h->im, LEFT_IP, line, text);
		return;
	}
	const char *second = skip_blanks(first, end);
	if (second < end && *second != '#' && *second != ';')
		import_left(h->im, LEFT_SYNTAX, line, text);
	else
		(void)read_names(h, p, end, line);
}

void import_hosts(struct import *im, struct str text)
{
	struct import_lines lines = {.rest = text};
	struct hosts h = {.im = im, .address = "0.0.0.0", .address_len = strlen("0.0.0.0")};
	for (struct str line; import_line(im, &lines, &line);)
		read_line(&h, line, lines.line);
}
