/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/splice.h"

#include <stdlib.h>
#include <string.h>

static bool is_break(char c)
{
	return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t text_begin(struct str text)
{
	return text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

size_t text_line_begin(struct str text, size_t at)
{
	size_t first = text_begin(text);
	at = MAX(at, first);
	while (at > first && !is_break(text.ptr[at - 1]))
		at--;
	return at;
}

size_t text_line_end(struct str text, size_t at)
{
	while (at < text.len && !is_break(text.ptr[at]))
		at++;
	return at;
}

size_t text_line_next(struct str text, size_t at)
{
	at = text_line_end(text, at);
	if (at + 1 < text.len && text.ptr[at] == '\r' && text.ptr[at + 1] == '\n')
		return at + 2;
	return at < text.len ? at + 1 : at;
}

bool text_is_first_of_line(struct str text, size_t at)
{
	return text_skip_blanks_back(text, at) == text_line_begin(text, at);
}

size_t text_skip_blanks(struct str text, size_t at)
{
	while (at < text.len && is_blank(text.ptr[at]))
		at++;
	return at;
}

size_t text_skip_blanks_back(struct str text, size_t at)
{
	while (at > 0 && is_blank(text.ptr[at - 1]))
		at--;
	return at;
}

size_t text_skip_gap(struct str text, size_t at)
{
	while (at < text.len) {
		if (text.ptr[at] == '#')
			at = text_line_end(text, at);
		else if (is_blank(text.ptr[at]) || is_break(text.ptr[at]))
			at++;
		else
			break;
	}
	return at;
}

bool text_has_break(struct str text, size_t begin, size_t end)
{
	while (begin < end && begin < text.len && !is_break(text.ptr[begin]))
		begin++;
	return begin < end && begin < text.len;
}

void splices_init(struct splices *s, struct str text)
{
	*s = (struct splices){.text = text};
}

void splices_finish(struct splices *s)
{
	arena_finish(&s->arena);
	free(s->items);
	s->items = NULL;
	s->count = s->cap = 0;
}

static void note(struct splices *s, struct splice splice)
{
	if (s->count == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : 16;
		s->items = base_realloc(s->items, s->cap * sizeof(struct splice));
	}
	splice.order = s->count;
	splice.put.ptr = arena_strndup(&s->arena, splice.put.len > 0 ? splice.put.ptr : "", splice.put.len);
	s->items[s->count++] = splice;
}

void splice_replace(struct splices *s, size_t begin, size_t end, struct str put)
{
	note(s, (struct splice){.begin = begin, .end = end, .put = put});
}

void splice_insert(struct splices *s, size_t at, const char *put)
{
	splice_replace(s, at, at, str_from(put));
}

void splice_delete(struct splices *s, size_t begin, size_t end)
{
	if (begin < end)
		splice_replace(s, begin, end, STR_LIT(""));
}

void splice_lines_below(struct splices *s, size_t at, struct str lines)
{
	size_t next = text_line_next(s->text, at);
	note(s, (struct splice){.begin = next, .end = next, .put = lines, .lines = true});
}

void splice_lines_above(struct splices *s, size_t at, struct str lines)
{
	size_t begin = text_line_begin(s->text, at);
	note(s, (struct splice){.begin = begin, .end = begin, .put = lines, .lines = true});
}

void splice_delete_lines(struct splices *s, size_t begin, size_t end)
{
	splice_delete(s, text_line_begin(s->text, begin), text_line_next(s->text, end));
}

static int compare_splices(const void *a, const void *b)
{
	const struct splice *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* The line ending used around `at`: that of the line before, else the file's first. */
static struct str line_ending(struct str text, size_t at)
{
	size_t end = at > text_begin(text) && is_break(text.ptr[at - 1]) ? at - 1 : text_line_end(text, 0);
	if (end > 0 && end < text.len && text.ptr[end] == '\n' && text.ptr[end - 1] == '\r')
		end--;
	size_t next = text_line_next(text, end);
	return next > end ? (struct str){text.ptr + end, next - end} : STR_LIT("\n");
}

static void put_lines(const struct splices *s, const struct splice *splice, struct buf *ret, size_t first)
{
	struct str ending = line_ending(s->text, splice->begin), rest = splice->put;
	if (ret->len > first && !is_break(ret->ptr[ret->len - 1]))
		buf_add_str(ret, ending);
	while (rest.len > 0) {
		struct str line = str_cut(&rest, '\n');
		buf_add_str(ret, line);
		buf_add_str(ret, ending);
	}
}

void splices_apply(struct splices *s, struct buf *ret)
{
	struct str text = s->text;
	size_t bom = text_begin(text), first = ret->len + bom, at = 0;
	if (s->count > 0)
		qsort(s->items, s->count, sizeof(struct splice), compare_splices);
	for (size_t i = 0; i < s->count; i++) {
		const struct splice *splice = &s->items[i];
		size_t begin = MAX(splice->begin, bom);
		if (begin > at) {
			buf_add(ret, text.ptr + at, begin - at);
			at = begin;
		}
		if (splice->lines)
			put_lines(s, splice, ret, first);
		else
			buf_add_str(ret, splice->put);
		at = MAX(at, splice->end);
	}
	if (at < text.len)
		buf_add(ret, text.ptr + at, text.len - at);
	/* No ending after the last line before: none now. */
	if (s->count > 0 && text.len > bom && !is_break(text.ptr[text.len - 1]) && ret->len > first &&
	    is_break(ret->ptr[ret->len - 1])) {
		ret->len--;
		if (ret->len > first && ret->ptr[ret->len] == '\n' && ret->ptr[ret->len - 1] == '\r')
			ret->len--;
		ret->ptr[ret->len] = '\0';
	}
}
