/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/report.h"

#include <assert.h>
#include <string.h>

#include "wire/reader.h"

const char *const change_words[] = {"idn",  "case",	"trailing-dot",	  "leading-dot", "bom",
				    "crlf", "no-caret", "inline-comment", NULL};
static_assert(ARRAY_LEN(change_words) == CHANGE_KIND_COUNT + 1, "a word for each kind of change");

const char *const left_words[] = {
    "bad-name",		"empty-label", "single-label", "ip",	 "url",	      "path",	  "localhost", "cosmetic", "browser-only",
    "unknown-modifier", "may-allow",   "forward",      "option", "badfilter", "pattern",  "regex",     "client",   "action",
    "not-applicable",	"out-of-zone", "not-policy",   "record", "syntax",    "too-long", "not-text",  NULL};
static_assert(ARRAY_LEN(left_words) == LEFT_REASON_COUNT + 1, "a word for each reason");

#define TAKEN_COUNT ARRAY_LEN(((struct report *)NULL)->taken)

uint64_t report_taken(const struct report *r)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < TAKEN_COUNT; i++)
		sum += r->taken[i];
	return sum;
}

uint64_t report_left(const struct report *r)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < LEFT_REASON_COUNT; i++)
		sum += r->left[i].count;
	return sum;
}

/* --- as bytes: numbers big-endian, texts after a byte of their length --- */

static void put_number(struct buf *b, uint64_t value, size_t size)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	buf_add(b, bytes, size);
}

static void put_text(struct buf *b, const char *text)
{
	size_t len = strlen(text);
	must(len <= UINT8_MAX);
	put_number(b, len, 1);
	buf_add(b, text, len);
}

static void put_count(struct buf *b, const struct report_count *c)
{
	put_number(b, c->count, 8);
	for (size_t i = 0; i < MIN(c->count, (uint64_t)REPORT_SAMPLES); i++) {
		put_number(b, c->samples[i].line, 4);
		put_text(b, c->samples[i].text);
	}
}

void report_write(const struct report *r, struct buf *ret)
{
	put_number(ret, r->format, 1);
	put_number(ret, r->detected, 1);
	put_number(ret, r->bytes, 8);
	put_number(ret, r->lines, 8);
	put_number(ret, r->comments, 8);
	for (size_t i = 0; i < TAKEN_COUNT; i++)
		put_number(ret, r->taken[i], 8);
	put_number(ret, r->taken_allow, 8);
	for (size_t i = 0; i < CHANGE_KIND_COUNT; i++)
		put_count(ret, &r->changed[i]);
	for (size_t i = 0; i < LEFT_REASON_COUNT; i++)
		put_count(ret, &r->left[i]);
	put_number(ret, r->word_count, 1);
	for (size_t i = 0; i < r->word_count; i++) {
		put_text(ret, r->words[i].word);
		put_number(ret, r->words[i].reason, 1);
		put_number(ret, r->words[i].count, 8);
	}
}

static uint64_t get_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);
	return high << 32 | rd_u32(r);
}

/* text has room for size bytes, the NUL included. */
static void get_text(struct rd *r, char *text, size_t size)
{
	size_t len = rd_u8(r);
	const uint8_t *bytes = rd_bytes(r, len);
	if (bytes == NULL || len >= size || memchr(bytes, '\0', len) != NULL ||
	    !str_is_utf8((struct str){(const char *)bytes, len}))
		r->bad = true;
	else
		memcpy(text, bytes, len); /* what it goes to is zeroed */
}

static void get_count(struct rd *r, struct report_count *ret)
{
	ret->count = get_u64(r);
	for (size_t i = 0; rd_ok(r) && i < MIN(ret->count, (uint64_t)REPORT_SAMPLES); i++) {
		ret->samples[i].line = rd_u32(r);
		get_text(r, ret->samples[i].text, sizeof(ret->samples[i].text));
	}
}

static void get_words(struct rd *r, struct report *ret)
{
	ret->word_count = rd_u8(r);
	if (ret->word_count > REPORT_WORDS)
		r->bad = true;
	for (size_t i = 0; rd_ok(r) && i < ret->word_count; i++) {
		struct report_word *w = &ret->words[i];
		get_text(r, w->word, sizeof(w->word));
		uint8_t reason = rd_u8(r);
		w->reason = (enum left_reason)reason;
		w->count = get_u64(r);
		if (reason >= LEFT_REASON_COUNT)
			r->bad = true;
	}
}

bool report_read(struct str bytes, struct report *ret)
{
	struct rd r = rd_init(bytes.ptr, bytes.len);
	struct report report = {.bytes = 0};
	uint8_t format = rd_u8(&r), detected = rd_u8(&r);
	if (format >= FORMAT_COUNT || detected > 1)
		return false;
	report.format = (enum format)format;
	report.detected = detected != 0;
	report.bytes = get_u64(&r);
	report.lines = get_u64(&r);
	report.comments = get_u64(&r);
	for (size_t i = 0; i < TAKEN_COUNT; i++)
		report.taken[i] = get_u64(&r);
	report.taken_allow = get_u64(&r);
	for (size_t i = 0; rd_ok(&r) && i < CHANGE_KIND_COUNT; i++)
		get_count(&r, &report.changed[i]);
	for (size_t i = 0; rd_ok(&r) && i < LEFT_REASON_COUNT; i++)
		get_count(&r, &report.left[i]);
	get_words(&r, &report);
	if (!rd_ok(&r) || rd_left(&r) != 0)
		return false;
	*ret = report;
	return true;
}

/* --- as JSON --- */

static void set(json_t *object, const char *key, json_t *value)
{
	must(value != NULL && json_object_set_new(object, key, value) == 0);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *taken_to_json(const struct report *r)
{
	json_t *ret = json_object();
	set(ret, "total", number(report_taken(r)));
	for (size_t i = 0; i < TAKEN_COUNT; i++)
		set(ret, match_words[i], number(r->taken[i]));
	set(ret, "allow", number(r->taken_allow));
	return ret;
}

static json_t *count_to_json(const char *key, const char *word, const struct report_count *c)
{
	json_t *ret = json_object(), *samples = json_array();
	for (size_t i = 0; i < MIN(c->count, (uint64_t)REPORT_SAMPLES); i++) {
		json_t *sample = json_object();
		set(sample, "line", number(c->samples[i].line));
		set(sample, "text", json_string(c->samples[i].text));
		must(json_array_append_new(samples, sample) == 0);
	}
	set(ret, key, json_string(word));
	set(ret, "count", number(c->count));
	set(ret, "samples", samples);
	return ret;
}

static json_t *words_to_json(const struct report *r, enum left_reason reason)
{
	json_t *ret = json_object();
	for (size_t i = 0; i < r->word_count; i++) {
		if (r->words[i].reason == reason)
			set(ret, r->words[i].word, number(r->words[i].count));
	}
	return ret;
}

json_t *report_to_json(const struct report *r)
{
	json_t *ret = json_object(), *changed = json_array(), *left = json_array();
	set(ret, "format", json_string(format_words[r->format]));
	set(ret, "detected", json_boolean(r->detected));
	set(ret, "bytes", number(r->bytes));
	set(ret, "lines", number(r->lines));
	set(ret, "comments", number(r->comments));
	set(ret, "taken", taken_to_json(r));
	for (size_t i = 0; i < CHANGE_KIND_COUNT; i++) {
		if (r->changed[i].count > 0)
			must(json_array_append_new(changed, count_to_json("kind", change_words[i], &r->changed[i])) == 0);
	}
	for (size_t i = 0; i < LEFT_REASON_COUNT; i++) {
		if (r->left[i].count == 0)
			continue;
		json_t *one = count_to_json("reason", left_words[i], &r->left[i]);
		set(one, "words", words_to_json(r, (enum left_reason)i));
		must(json_array_append_new(left, one) == 0);
	}
	set(ret, "changed", changed);
	set(ret, "left_out", left);
	return ret;
}
