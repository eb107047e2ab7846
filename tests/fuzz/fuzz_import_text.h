/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_import_text.h - any bytes as a list in one format, as a list that blocks, one that may allow too, and an allow list. What
 * comes out must be well-formed, counted right, and no more than such a list may say. */
#ifndef TESTS_FUZZ_IMPORT_TEXT_H
#define TESTS_FUZZ_IMPORT_TEXT_H

#include "import/segment_build.h"
#include "policy/cond.h"
#include "policy/records.h"

#include <string.h>

static inline void fuzz_import_entry(const struct segment *s, const struct segment_entry *entry, enum format format, bool may_allow)
{
	struct segment_class class;
	struct name name;
	segment_class(s, entry->class, &class);
	must(entry->line > 0 && entry->line <= segment_report(s)->lines);
	must(str_is_utf8(entry->written));
	must(class.cond.len == 0 || cond_verify(class.cond));
	must((class.records.len > 0) == (class.has_answer && class.answer == ANSWER_LOCAL));
	must(class.records.len == 0 || records_verify(class.records));
	must(may_allow || !class.has_action || class.action == ACTION_BLOCK);
	switch (class.match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		must(name_from_wire(entry->wire, entry->wire_len, &name) && name.labels == entry->labels);
		struct name folded = name;
		name_fold(&folded);
		must(name_eq(&name, &folded));
		/* no line blocks everything, but for some types or clients, or as the wildcard of an RPZ zone */
		must(name.labels > 0 || class.cond.len > 0 || (format == FORMAT_RPZ && class.match == MATCH_SUBDOMAINS));
		return;
	case MATCH_REGEX:
	case MATCH_PATTERN:
		must(entry->text.len > 0 && memchr(entry->text.ptr, '\0', entry->text.len) == NULL);
		return;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		must(entry->prefix.bits <= (entry->prefix.family == AF_INET ? 32 : 128));
		must(entry->prefix.family == AF_INET || entry->prefix.family == AF_INET6);
		return;
	}
}

static inline void fuzz_import_text(void (*reader)(struct import *, struct str), enum format format, const uint8_t *data,
				    size_t size)
{
	const struct segment_settings settings[] = {
	    {.format = format}, {.format = format, .may_allow = true}, {.format = format, .action = ACTION_ALLOW}};
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		struct import im;
		struct segment_cursor cursor = {0};
		struct segment_entry entry;
		uint64_t count = 0;
		import_begin(&im, &settings[i], format);
		import_text(&im, (struct str){(const char *)data, size}, reader);
		struct segment *s = import_end(&im);
		for (; segment_next(s, &cursor, &entry); count++)
			fuzz_import_entry(s, &entry, format, i == 1);
		must(count == segment_entry_count(s) && count == report_taken(segment_report(s)));
		must(segment_report(s)->taken_allow <= count && (i > 0 || segment_report(s)->taken_allow == 0));
		segment_destroy(s);
	}
}

#endif
