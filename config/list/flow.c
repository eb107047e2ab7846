/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/flow.h"

/* The child and the comma after it. */
static void remove_with_comma(struct splices *s, struct span child, size_t comma)
{
	struct str text = s->text;
	size_t after = text_skip_blanks(text, comma + 1);
	bool first = text_is_first_of_line(text, child.begin), last = after == text_line_end(text, after) || text.ptr[after] == '#';
	if (text_skip_blanks(text, child.end) != comma) { /* a comment or a line ending lies between them, and stays */
		splice_delete(s, child.begin, child.end);
		splice_delete(s, comma, comma + 1);
	} else if (first && last) {
		splice_delete_lines(s, child.begin, comma);
	} else if (last) {
		splice_delete(s, text_skip_blanks_back(text, child.begin), comma + 1);
	} else {
		splice_delete(s, child.begin, after);
	}
}

/* The last child, which no comma follows. */
static void remove_last(struct splices *s, struct span child)
{
	struct str text = s->text;
	size_t after = text_skip_blanks(text, child.end);
	bool first = text_is_first_of_line(text, child.begin), last = after == text_line_end(text, after) || text.ptr[after] == '#';
	if (first && last)
		splice_delete_lines(s, child.begin, child.end);
	else if (first)
		splice_delete(s, child.begin, after);
	else
		splice_delete(s, text_skip_blanks_back(text, child.begin), child.end);
}

void flow_remove(struct splices *s, const struct span *children, const bool *removed, size_t count)
{
	struct str text = s->text;
	size_t kept = count; /* the last one that stays */
	for (size_t i = 0; i < count; i++) {
		if (!removed[i]) {
			kept = i;
			continue;
		}
		size_t comma = text_skip_gap(text, children[i].end);
		if (comma < text.len && text.ptr[comma] == ',')
			remove_with_comma(s, children[i], comma);
		else
			remove_last(s, children[i]);
	}
	if (count == 0 || kept == count || !removed[count - 1])
		return;
	/* On one line [a, ] would look wrong; on lines of their own a comma at the end is common, and the line before stays as it
	 * is. */
	size_t comma = text_skip_gap(text, children[kept].end), last = text_skip_gap(text, children[count - 1].end);
	if (last < text.len && text.ptr[last] == ',')
		return;
	if (comma < text.len && text.ptr[comma] == ',' && !text_has_break(text, comma, children[count - 1].end))
		splice_delete(s, comma, text_skip_blanks(text, comma + 1));
}

struct flow_end flow_end(struct str text, const struct yaml_node *sequence)
{
	const struct yaml_node *last = sequence->last;
	struct flow_end ret = {.inside = sequence->begin + 1};
	if (last == NULL)
		return ret;
	size_t next = text_skip_gap(text, last->end), close = sequence->end - 1;
	ret.inside = last->end;
	ret.has_comma = next < close && text.ptr[next] == ',';
	ret.comma = ret.has_comma ? next : 0;
	ret.own_lines = text_is_first_of_line(text, last->begin) && text_has_break(text, ret.has_comma ? next : last->end, close);
	return ret;
}

bool flow_has_comments(struct str text, const struct yaml_node *sequence)
{
	size_t at = sequence->begin + 1;
	const struct yaml_node *item = sequence->first;
	for (;;) {
		size_t end = item != NULL ? item->begin : sequence->end - 1;
		for (; at < end; at++) {
			if (text.ptr[at] == '#')
				return true;
		}
		if (item == NULL)
			return false;
		at = item->end;
		item = item->next;
	}
}

bool flow_is_blank(struct str text, const struct yaml_node *sequence)
{
	return text_skip_blanks(text, sequence->begin + 1) == sequence->end - 1;
}
