/* SPDX-License-Identifier: BSD-2-Clause */
#include "import_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/buf.h"
#include "base/file.h"
#include "import/segment_build.h"
#include "wire/reader.h"

#define GOLDEN_MAX ((size_t)4 * 1024 * 1024)

struct segment *import_fixture_segment(import_reader *reader, enum format format, struct str text,
				       const struct segment_settings *settings)
{
	struct import im;
	const struct segment_settings plain = {.format = format};
	import_begin(&im, settings == NULL ? &plain : settings, format);
	import_text(&im, text, reader);
	return import_end(&im);
}

static void show_types(struct buf *b, const char *word, struct rd *r)
{
	size_t count = rd_u8(r);
	for (size_t i = 0; i < count; i++)
		buf_printf(b, "%s%u", i == 0 ? word : ",", rd_u16(r));
}

static void show_clients(struct buf *b, const char *word, struct rd *r)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t count = rd_u16(r);
	for (size_t i = 0; i < count; i++) {
		char text[ADDR_TEXT_MAX];
		const uint8_t *bytes = rd_bytes(r, 16);
		uint8_t bits = rd_u8(r);
		assert_non_null(bytes);
		struct prefix p = {.family = AF_INET6, .bits = bits};
		if (bits >= 96 && memcmp(bytes, mapped, 12) == 0) {
			p = (struct prefix){.family = AF_INET, .bits = (uint8_t)(bits - 96)};
			memcpy(p.bytes, bytes + 12, 4);
		} else {
			memcpy(p.bytes, bytes, 16);
		}
		buf_printf(b, "%s%s", i == 0 ? word : ",", prefix_to_text(&p, text));
	}
}

static void show_cond(struct buf *b, struct str bytes)
{
	struct rd r = rd_init(bytes.ptr, bytes.len);
	if (bytes.len == 0)
		return;
	show_types(b, " type ", &r);
	show_types(b, " not-type ", &r);
	show_clients(b, " client ", &r);
	show_clients(b, " not-client ", &r);
	size_t count = rd_u16(&r);
	for (size_t i = 0; i < count; i++) {
		struct name name;
		char text[NAME_TEXT_MAX];
		size_t len = rd_u8(&r);
		const uint8_t *wire = rd_bytes(&r, len);
		assert_true(wire != NULL && name_from_wire(wire, len, &name));
		buf_printf(b, "%s%s", i == 0 ? " deny-allow " : ",", name_to_text(&name, text));
	}
	assert_true(rd_ok(&r) && rd_left(&r) == 0);
}

static void show_records(struct buf *b, struct str bytes)
{
	struct rd r = rd_init(bytes.ptr, bytes.len);
	if (bytes.len == 0)
		return;
	unsigned rcode = rd_u16(&r);
	buf_add_c(b, " records");
	if (rcode != 0)
		buf_printf(b, " rcode=%u", rcode);
	while (rd_ok(&r) && rd_left(&r) > 0) {
		unsigned type = rd_u16(&r);
		uint32_t ttl_s = rd_u32(&r);
		size_t len = rd_u16(&r);
		const uint8_t *rdata = rd_bytes(&r, len);
		assert_non_null(rdata);
		buf_printf(b, ttl_s == UINT32_MAX ? " %u/-/" : " %u/%u/", type, ttl_s);
		for (size_t i = 0; i < len; i++)
			buf_printf(b, "%02x", rdata[i]);
	}
	assert_true(rd_ok(&r));
}

static void show_what(struct buf *b, const struct segment_class *class, const struct segment_entry *entry)
{
	char text[NAME_TEXT_MAX], address[ADDR_TEXT_MAX];
	struct name name;
	switch (class->match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		assert_true(name_from_wire(entry->wire, entry->wire_len, &name));
		assert_int_equal(name.labels, entry->labels);
		buf_printf(b, " %s %s", class->has_match ? match_words[class->match] : "unsaid", name_to_text(&name, text));
		return;
	case MATCH_REGEX:
	case MATCH_PATTERN:
		buf_printf(b, " %s %.*s", match_words[class->match], (int)entry->text.len, entry->text.ptr);
		return;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		buf_printf(b, " %s %s", match_words[class->match], prefix_to_text(&entry->prefix, address));
		return;
	}
}

static void show_entry(struct buf *b, const struct segment *s, const struct segment_entry *entry)
{
	struct segment_class class;
	segment_class(s, entry->class, &class);
	buf_printf(b, "%u: %s", entry->line, class.has_action ? action_words[class.action] : "block");
	show_what(b, &class, entry);
	buf_printf(b, "%s%s%s", class.subtree ? " subtree" : "", class.caseless ? " caseless" : "",
		   class.important ? " important" : "");
	if (class.has_answer)
		buf_printf(b, " answer %s", answer_words[class.answer]);
	show_cond(b, class.cond);
	show_records(b, class.records);
	if (entry->written.len > 0)
		buf_printf(b, " written \"%.*s\"", (int)entry->written.len, entry->written.ptr);
	buf_add_c(b, "\n");
}

static void show_count(struct buf *b, const char *what, const char *word, const struct report_count *c)
{
	if (c->count == 0)
		return;
	buf_printf(b, "%s %s %ju", what, word, (uintmax_t)c->count);
	for (size_t i = 0; i < MIN(c->count, (uint64_t)REPORT_SAMPLES); i++)
		buf_printf(b, "%s %u \"%s\"", i == 0 ? ":" : ",", c->samples[i].line, c->samples[i].text);
	buf_add_c(b, "\n");
}

static void show_report(struct buf *b, const struct report *r)
{
	buf_printf(b, "format %s\n", format_words[r->format]);
	buf_printf(b, "lines %ju comments %ju taken %ju allow %ju\n", (uintmax_t)r->lines, (uintmax_t)r->comments,
		   (uintmax_t)report_taken(r), (uintmax_t)r->taken_allow);
	for (size_t i = 0; i < CHANGE_KIND_COUNT; i++)
		show_count(b, "changed", change_words[i], &r->changed[i]);
	for (size_t i = 0; i < LEFT_REASON_COUNT; i++)
		show_count(b, "left", left_words[i], &r->left[i]);
	for (size_t i = 0; i < r->word_count; i++)
		buf_printf(b, "word %s %s %ju\n", left_words[r->words[i].reason], r->words[i].word, (uintmax_t)r->words[i].count);
}

static void show_entries(struct buf *b, const struct segment *s)
{
	struct segment_cursor cursor = {0};
	struct segment_entry entry;
	size_t count = 0;
	buf_add_c(b, "");
	for (; segment_next(s, &cursor, &entry); count++)
		show_entry(b, s, &entry);
	assert_int_equal(count, segment_entry_count(s));
	assert_int_equal(count, report_taken(segment_report(s)));
}

char *import_fixture_show(const struct segment *segment)
{
	struct buf b = {0};
	show_entries(&b, segment);
	show_report(&b, segment_report(segment));
	return b.ptr;
}

char *import_fixture(import_reader *reader, enum format format, struct str text, const struct segment_settings *settings)
{
	struct segment *s = import_fixture_segment(reader, format, text, settings);
	char *ret = import_fixture_show(s);
	segment_destroy(s);
	return ret;
}

void import_fixture_entries(import_reader *reader, enum format format, const char *text, const struct segment_settings *settings,
			    const char *expected)
{
	struct segment *s = import_fixture_segment(reader, format, str_from(text), settings);
	struct buf b = {0};
	show_entries(&b, s);
	segment_destroy(s);
	assert_string_equal(b.ptr, expected);
	buf_finish(&b);
}

/* --- golden files --- */

static void check_one(const char *dir, const char *name, import_reader *reader, enum format format)
{
	const struct segment_settings settings = {.format = format,
						  .action = str_starts(str_from(name), "allow-") ? ACTION_ALLOW : ACTION_BLOCK,
						  .may_allow = str_starts(str_from(name), "may-allow-")};
	struct buf text = {0}, expected = {0}, path = {0};
	struct err err;
	buf_printf(&path, "%s/%s.txt", dir, name);
	assert_true(file_read(path.ptr, GOLDEN_MAX, &text, &err));
	char *shown = import_fixture(reader, format, buf_str(&text), &settings);
	buf_reset(&path);
	buf_printf(&path, "%s/%s.expected", dir, name);
	if (getenv("SARING_GOLDEN_UPDATE") != NULL) {
		assert_true(file_replace(path.ptr, shown, strlen(shown), 0644, &err));
	} else {
		if (!file_read(path.ptr, GOLDEN_MAX, &expected, &err))
			fail_msg("%s", err.text);
		if (!str_eq_c(buf_str(&expected), shown))
			print_error("%s: what was read\n%s", path.ptr, shown);
		assert_true(str_eq_c(buf_str(&expected), shown));
	}
	free(shown);
	buf_finish(&text);
	buf_finish(&expected);
	buf_finish(&path);
}

void import_fixture_golden(const char *folder, import_reader *reader, enum format format)
{
	struct buf dir = {0};
	size_t count = 0;
	buf_printf(&dir, SOURCE_ROOT "/tests/unit/import/golden/%s", folder);
	DIR *d = opendir(dir.ptr);
	if (d == NULL)
		fail_msg("can't open %s", dir.ptr);
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		struct str name = str_from(e->d_name);
		if (name.len <= 4 || strcmp(e->d_name + name.len - 4, ".txt") != 0)
			continue;
		char *stem = str_dup((struct str){name.ptr, name.len - 4});
		check_one(dir.ptr, stem, reader, format);
		free(stem);
		count++;
	}
	closedir(d);
	assert_true(count > 0);
	buf_finish(&dir);
}
