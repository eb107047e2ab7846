/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What readers call: entries go to the segment as bytes, the rest to the report. */
#include "import/import.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "import/segment_build.h"

#define ENTRIES_MIN ((size_t)4096)
#define SLOTS_MIN ((size_t)64)
#define BIG_PAGE ((size_t)2 * 1024 * 1024)

static enum match unsaid_match(enum format format)
{
	return format == FORMAT_YAML ? MATCH_SUBTREE : MATCH_EXACT;
}

void import_begin(struct import *im, const struct segment_settings *settings, enum format format)
{
	struct segment *s = base_alloc(sizeof(*s));
	*im = (struct import){.segment = s, .settings = *settings, .plain_class = SEGMENT_NONE, .last_class = SEGMENT_NONE};
	s->settings = *settings;
	s->format = format;
	s->unsaid_match = unsaid_match(format);
	s->report.format = format;
	s->report.detected = settings->format == FORMAT_AUTO;
	im->cap = ENTRIES_MIN;
	s->own = base_alloc(im->cap);
}

struct segment *import_end(struct import *im)
{
	struct segment *s = im->segment;
	memset(s->own + s->entries_len, 0, SEGMENT_SLACK);
	s->entries = s->own;
	if (s->provenance_count > 0) {
		s->provenances = arena_alloc(&s->arena, s->provenance_count * sizeof(s->provenances[0]));
		memcpy(s->provenances, im->provenances, s->provenance_count * sizeof(s->provenances[0]));
	}
	free(im->provenances);
	free(im->slots);
	*im = (struct import){.segment = NULL};
	return s;
}

/* --- the table of classes --- */

static bool class_eq(const struct segment_class *a, const struct segment_class *b)
{
	return a->match == b->match && a->has_match == b->has_match && a->subtree == b->subtree && a->caseless == b->caseless &&
	       a->action == b->action && a->has_action == b->has_action && a->important == b->important && a->shadow == b->shadow &&
	       a->has_answer == b->has_answer && a->answer == b->answer && a->provenance == b->provenance &&
	       str_eq(a->cond, b->cond) && str_eq(a->records, b->records);
}

static size_t class_slot(const struct import *im, const struct segment_class *class)
{
	uint64_t flags = (uint64_t) class->match | (uint64_t) class->has_match << 8 | (uint64_t) class->subtree << 9 |
			 (uint64_t) class->caseless << 10 | (uint64_t) class->action << 11 | (uint64_t) class->has_action << 12 |
			 (uint64_t) class->important << 13 | (uint64_t) class->has_answer << 14 | (uint64_t) class->shadow << 15 |
			 (uint64_t) class->answer << 16 | (uint64_t) class->provenance << 32;
	uint64_t hash = XXH3_64bits_withSeed(class->cond.ptr, class->cond.len, flags);
	hash = XXH3_64bits_withSeed(class->records.ptr, class->records.len, hash);
	return (size_t)hash & (im->slot_count - 1);
}

static uint32_t *class_find(const struct import *im, const struct segment_class *class)
{
	size_t slot = class_slot(im, class);
	while (im->slots[slot] != 0 && !class_eq(&im->segment->classes[im->slots[slot] - 1], class))
		slot = (slot + 1) & (im->slot_count - 1);
	return &im->slots[slot];
}

static void slots_grow(struct import *im)
{
	free(im->slots);
	im->slot_count = MAX(SLOTS_MIN, im->slot_count * 2);
	im->slots = base_alloc(im->slot_count * sizeof(im->slots[0]));
	for (size_t i = 0; i < im->segment->class_count; i++)
		*class_find(im, &im->segment->classes[i]) = (uint32_t)i + 1;
}

static struct str copy(struct import *im, struct str bytes)
{
	if (bytes.len == 0)
		return (struct str){NULL, 0};
	return (struct str){arena_strndup(&im->segment->arena, bytes.ptr, bytes.len), bytes.len};
}

static uint32_t class_add(struct import *im, const struct segment_class *class)
{
	struct segment *s = im->segment;
	if (s->class_count * 2 >= im->slot_count)
		slots_grow(im);
	uint32_t *slot = class_find(im, class);
	if (*slot != 0)
		return *slot - 1;
	if (s->class_count == im->class_cap) {
		im->class_cap = MAX((size_t)16, im->class_cap * 2);
		s->classes = base_realloc(s->classes, im->class_cap * sizeof(s->classes[0]));
	}
	struct segment_class *new = &s->classes[s->class_count++];
	*new = *class;
	new->cond = copy(im, class->cond);
	new->records = copy(im, class->records);
	*slot = (uint32_t)s->class_count;
	return *slot - 1;
}

static bool is_name(enum match match)
{
	return match == MATCH_EXACT || match == MATCH_SUBTREE || match == MATCH_SUBDOMAINS;
}

static uint32_t class_of(struct import *im, const struct import_rule *rule)
{
	struct segment_class class = {
	    .match = rule->match,
	    .has_match = rule->has_match || !is_name(rule->match),
	    .subtree = rule->subtree,
	    .caseless = rule->caseless,
	    .has_action = rule->action == ACTION_ALLOW && im->settings.action != ACTION_ALLOW,
	    .important = rule->important,
	    .shadow = rule->shadow,
	    .has_answer = rule->has_answer,
	    .answer = rule->has_answer ? rule->answer : ANSWER_NXDOMAIN,
	    .cond = rule->cond,
	    .records = rule->records,
	};
	class.action = class.has_action ? ACTION_ALLOW : ACTION_BLOCK;
	if (!class.has_match)
		class.match = MATCH_EXACT; /* means nothing: one class for all that don't say */
	import_provenance(im, rule->provenance, &class.provenance);
	if (im->last_class != SEGMENT_NONE && class_eq(&im->segment->classes[im->last_class], &class))
		return im->last_class;
	return im->last_class = class_add(im, &class);
}

/* --- entries --- */

/* Big memory in big pages, where the kernel gives them to those who ask: a fifth of the time goes otherwise into 4 KiB ones. */
static void ask_for_big_pages(void *at, size_t len)
{
	uintptr_t start = ((uintptr_t)at + BIG_PAGE - 1) & ~(uintptr_t)(BIG_PAGE - 1);
	uintptr_t end = ((uintptr_t)at + len) & ~(uintptr_t)(BIG_PAGE - 1);
	if (start < end)
		(void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

static void entries_grow(struct import *im, size_t cap)
{
	struct segment *s = im->segment;
	im->cap = cap;
	s->own = base_realloc(s->own, cap);
	ask_for_big_pages(s->own, cap);
}

void import_expect(struct import *im, size_t bytes)
{
	if (bytes > im->cap)
		entries_grow(im, bytes);
}

/* Room for an entry whose body, and what comes behind it, is at most `len`. */
static uint8_t *entry_room(struct import *im, size_t len)
{
	struct segment *s = im->segment;
	size_t need = s->entries_len + len + 4 * SEGMENT_ENTRY_HEAD + SEGMENT_SLACK;
	if (UNLIKELY(need > im->cap))
		entries_grow(im, MAX(need, im->cap + im->cap / 2));
	return s->own + s->entries_len;
}

static uint8_t *entry_head(struct import *im, uint8_t *p, uint32_t line, bool has_more, uint32_t class)
{
	int64_t delta = (int64_t)line - im->line;
	uint64_t zigzag = (uint64_t)(delta >= 0 ? delta * 2 : -delta * 2 - 1);
	im->line = line;
	p = varint_put(p, zigzag << 1 | has_more);
	return varint_put(p, class);
}

static uint8_t *entry_name(uint8_t *p, const struct name *name)
{
	*p++ = name->len;
	*p++ = name->labels;
	memcpy(p, name->wire, name->len);
	return p + name->len;
}

static uint8_t *entry_text(uint8_t *p, struct str text)
{
	p = varint_put(p, text.len);
	if (text.len > 0)
		memcpy(p, text.ptr, text.len);
	return p + text.len;
}

static uint8_t *entry_prefix(uint8_t *p, const struct prefix *prefix)
{
	*p++ = prefix->family == AF_INET ? 4 : 6;
	*p++ = prefix->bits;
	memcpy(p, prefix->bytes, sizeof(prefix->bytes));
	return p + sizeof(prefix->bytes);
}

static void entry_done(struct import *im, const uint8_t *p, enum match match, bool allows)
{
	struct segment *s = im->segment;
	s->entries_len = (size_t)(p - s->own);
	s->entry_count++;
	s->report.taken[match]++;
	s->report.taken_allow += allows;
}

/* Other than in a YAML list, which has its own limits, too many of what costs at every query are left out. */
static bool take_costly(struct import *im, const struct import_rule *rule)
{
	if (im->segment->format == FORMAT_YAML)
		return true;
	if (rule->match == MATCH_REGEX && (rule->text.len > IMPORT_REGEX_LEN_MAX || im->regex_count++ >= IMPORT_REGEX_MAX)) {
		import_left(im, LEFT_REGEX, rule->line, rule->text);
		return false;
	}
	if (rule->match == MATCH_PATTERN && im->pattern_count++ >= IMPORT_PATTERN_MAX) {
		import_left(im, LEFT_PATTERN, rule->line, rule->text);
		return false;
	}
	return true;
}

void import_take(struct import *im, const struct import_rule *rule)
{
	bool unsaid = is_name(rule->match) && !rule->has_match;
	bool has_more = rule->column > 0 || rule->written.len > 0;
	if (!take_costly(im, rule))
		return;
	uint32_t class = class_of(im, rule);
	uint8_t *p = entry_room(im, sizeof(struct name) + rule->text.len + rule->written.len);
	p = entry_head(im, p, rule->line, has_more, class);
	switch (rule->match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		p = entry_name(p, rule->name);
		break;
	case MATCH_REGEX:
	case MATCH_PATTERN:
		p = entry_text(p, rule->text);
		break;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		p = entry_prefix(p, &rule->prefix);
		break;
	}
	if (has_more) {
		p = varint_put(p, rule->column);
		p = entry_text(p, rule->written);
	}
	entry_done(im, p, unsaid ? im->segment->unsaid_match : rule->match,
		   rule->action == ACTION_ALLOW || im->settings.action == ACTION_ALLOW);
}

void import_take_name(struct import *im, const struct name *name, struct str written, uint32_t line)
{
	if (UNLIKELY(im->plain_class == SEGMENT_NONE)) {
		const struct segment_class plain = {.provenance = SEGMENT_NONE};
		im->plain_class = class_add(im, &plain);
	}
	uint8_t *p = entry_room(im, sizeof(*name) + written.len);
	p = entry_head(im, p, line, written.len > 0, im->plain_class);
	p = entry_name(p, name);
	if (written.len > 0) {
		p = varint_put(p, 0);
		p = entry_text(p, written);
	}
	entry_done(im, p, im->segment->unsaid_match, im->settings.action == ACTION_ALLOW);
}

bool import_may_allow(const struct import *im)
{
	return im->settings.may_allow || im->settings.action == ACTION_ALLOW;
}

enum action import_action(const struct import *im)
{
	return im->settings.action;
}

/* --- the report --- */

static void count(struct report_count *c, uint32_t line, struct str what)
{
	if (c->count < REPORT_SAMPLES) {
		struct report_sample *sample = &c->samples[c->count];
		sample->line = line;
		/* more than this is never shown */
		what.len = MIN(what.len, (size_t)REPORT_SAMPLE_LEN);
		(void)str_escape(what, true, sample->text, sizeof(sample->text));
	}
	c->count++;
}

void import_left(struct import *im, enum left_reason reason, uint32_t line, struct str what)
{
	count(&im->segment->report.left[reason], line, what);
}

void import_left_word(struct import *im, enum left_reason reason, struct str word, uint32_t line, struct str what)
{
	struct report *r = &im->segment->report;
	char shown[sizeof(r->words[0].word)];
	count(&r->left[reason], line, what);
	(void)str_escape(word, true, shown, sizeof(shown));
	for (size_t i = 0; i < r->word_count; i++) {
		if (r->words[i].reason == reason && strcmp(r->words[i].word, shown) == 0) {
			r->words[i].count++;
			return;
		}
	}
	/* the last place is for all the others */
	if (r->word_count == REPORT_WORDS) {
		r->words[REPORT_WORDS - 1].count++;
		return;
	}
	struct report_word *w = &r->words[r->word_count++];
	*w = (struct report_word){.reason = reason, .count = 1};
	if (r->word_count == REPORT_WORDS)
		(void)snprintf(w->word, sizeof(w->word), "...");
	else
		memcpy(w->word, shown, sizeof(w->word));
}

void import_changed(struct import *im, enum change_kind change, uint32_t line, struct str what)
{
	count(&im->segment->report.changed[change], line, what);
}

void import_comment(struct import *im)
{
	im->segment->report.comments++;
}

/* --- lines --- */

bool import_line(struct import *im, struct import_lines *lines, struct str *ret)
{
	while (lines->rest.len > 0) {
		const char *start = lines->rest.ptr;
		const char *lf = memchr(start, '\n', lines->rest.len);
		size_t len = lf == NULL ? lines->rest.len : (size_t)(lf - start);
		size_t used = lf == NULL ? len : len + 1;
		lines->rest = (struct str){start + used, lines->rest.len - used};
		lines->line++;
		im->segment->report.lines++;
		*ret = (struct str){start, len};
		if (UNLIKELY(len > IMPORT_LINE_MAX)) {
			import_left(im, LEFT_TOO_LONG, lines->line, *ret);
			continue;
		}
		if (UNLIKELY(im->has_nul) && len > 0 && memchr(start, '\0', len) != NULL) {
			import_left(im, LEFT_NOT_TEXT, lines->line, *ret);
			continue;
		}
		if (len > 0 && start[len - 1] == '\r') {
			ret->len--;
			import_changed(im, CHANGE_CRLF, lines->line, *ret);
		}
		return true;
	}
	return false;
}
