/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/glob.h"

#include <string.h>

static bool is_plain(uint8_t octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' || octet == '_';
}

/* Nearly all names: labels and dots. False when something must be escaped. */
static bool make_plain(const struct name *name, struct subject *ret)
{
	size_t at = 0;
	for (size_t pos = 0, label = 0; name->wire[pos] != 0; label++) {
		uint8_t len = name->wire[pos++];
		if (at > 0)
			ret->text[at++] = '.';
		ret->starts[label] = (uint16_t)at;
		for (uint8_t i = 0; i < len; i++, pos++) {
			if (!is_plain(name->wire[pos]))
				return false;
			ret->text[at++] = (char)name->wire[pos];
		}
	}
	ret->len = (uint16_t)at;
	return true;
}

static size_t escape_len(const char *text)
{
	return text[0] != '\\' ? 1 : text[1] >= '0' && text[1] <= '9' ? 4 : 2;
}

void subject_make(const struct name *name, struct subject *ret)
{
	ret->labels = name->labels;
	if (make_plain(name, ret))
		return;
	size_t label = 0, at = 0;
	(void)name_to_text(name, ret->text);
	ret->starts[label++] = 0;
	while (ret->text[at] != '\0') {
		if (ret->text[at] == '.' && label < name->labels)
			ret->starts[label++] = (uint16_t)(at + 1);
		at += escape_len(ret->text + at);
	}
	ret->len = (uint16_t)at;
}

bool glob_match(struct str pattern, struct str text, size_t *steps)
{
	size_t p = 0, t = 0, star = SIZE_MAX, retry = 0;
	while (t < text.len) {
		if (UNLIKELY(*steps == 0))
			return false;
		--*steps;
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = ++p; /* the last star takes as little as it can; what is before it need never be tried again */
			retry = t;
		} else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star;
			t = ++retry;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

bool glob_match_above(struct str pattern, const struct subject *subject, size_t *steps)
{
	if (subject->labels == 0)
		return glob_match(pattern, subject_str(subject), steps);
	for (size_t label = 0; label < subject->labels; label++) {
		size_t start = subject->starts[label];
		if (glob_match(pattern, (struct str){subject->text + start, subject->len - start}, steps))
			return true;
	}
	return false;
}
