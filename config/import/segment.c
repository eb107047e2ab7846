/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading a segment that is whole. A segment from a file was checked by its sum alone (segment_file.c), so nothing here believes a
 * length before it looked where the entries end. */
#include "import/segment.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "import/segment_build.h"
#include "import/signature.h"

static const uint8_t *body_text(const uint8_t *p, const uint8_t *end, struct str *ret)
{
	uint64_t len = 0;
	p = varint_get(p, end, &len);
	if (p == NULL || len > (size_t)(end - p))
		return NULL;
	*ret = (struct str){(const char *)p, (size_t)len};
	return p + len;
}

static const uint8_t *body_prefix(const uint8_t *p, const uint8_t *end, struct prefix *ret)
{
	if (end - p < 2 + (ptrdiff_t)sizeof(ret->bytes))
		return NULL;
	ret->family = p[0] == 4 ? AF_INET : AF_INET6;
	ret->bits = p[1];
	memcpy(ret->bytes, p + 2, sizeof(ret->bytes));
	return p + 2 + sizeof(ret->bytes);
}

static const uint8_t *body(const uint8_t *p, const uint8_t *end, enum match match, struct segment_entry *ret)
{
	switch (match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		if (end - p < 3 || p[0] > end - p - 2)
			return NULL;
		ret->wire_len = p[0];
		ret->labels = p[1];
		ret->wire = p + 2;
		return p + 2 + ret->wire_len;
	case MATCH_REGEX:
	case MATCH_PATTERN:
		return body_text(p, end, &ret->text);
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		return body_prefix(p, end, &ret->prefix);
	}
	return NULL;
}

bool segment_next(const struct segment *s, struct segment_cursor *cursor, struct segment_entry *ret)
{
	const uint8_t *end = s->entries + s->entries_len;
	const uint8_t *p = s->entries + cursor->at;
	uint64_t head = 0, class = 0, column = 0;
	if (cursor->at >= s->entries_len)
		return false;
	/* nearly always one byte each */
	if (LIKELY(end - p > 2 && (p[0] | p[1]) < 0x80)) {
		head = p[0];
		class = p[1];
		p += 2;
	} else if ((p = varint_get(p, end, &head)) == NULL || (p = varint_get(p, end, &class)) == NULL) {
		return false;
	}
	if (UNLIKELY(class >= s->class_count))
		return false;
	uint64_t zigzag = head >> 1;
	cursor->line += (uint32_t)((zigzag >> 1) ^ (0 - (zigzag & 1)));
	ret->class = (uint32_t) class;
	ret->line = cursor->line;
	ret->column = 0;
	ret->wire = NULL;
	ret->wire_len = ret->labels = 0;
	ret->text = ret->written = (struct str){NULL, 0};
	p = body(p, end, s->classes[class].match, ret);
	if (p != NULL && UNLIKELY((head & 1) != 0)) {
		p = varint_get(p, end, &column);
		if (p != NULL)
			p = body_text(p, end, &ret->written);
		ret->column = (uint32_t)column;
	}
	if (UNLIKELY(p == NULL)) {
		cursor->at = s->entries_len;
		return false;
	}
	cursor->at = (size_t)(p - s->entries);
	return true;
}

size_t segment_entry_count(const struct segment *s)
{
	return s->entry_count;
}

size_t segment_class_count(const struct segment *s)
{
	return s->class_count;
}

void segment_class(const struct segment *s, uint32_t class, struct segment_class *ret)
{
	must(class < s->class_count);
	*ret = s->classes[class];
}

void segment_provenance(const struct segment *s, uint32_t number, struct provenance *ret)
{
	must(number < s->provenance_count);
	*ret = s->provenances[number];
}

const struct provenance *segment_defaults(const struct segment *s)
{
	return &s->defaults;
}

const char *segment_title(const struct segment *s)
{
	return s->title;
}

bool segment_action(const struct segment *s, enum action *ret)
{
	if (s->has_action)
		*ret = s->action;
	return s->has_action;
}

enum format segment_format(const struct segment *s)
{
	return s->format;
}

enum match segment_unsaid_match(const struct segment *s)
{
	return s->unsaid_match;
}

const struct report *segment_report(const struct segment *s)
{
	return &s->report;
}

void segment_key_of(const struct segment *s, uint8_t ret[16])
{
	memcpy(ret, s->key, sizeof(s->key));
}

void segment_destroy(struct segment *s)
{
	if (s == NULL)
		return;
	free(s->classes);
	free(s->own);
	file_map_close(&s->map);
	arena_finish(&s->arena);
	free(s);
}

void segment_key(struct str text, const struct segment_settings *settings, uint8_t ret[16])
{
	const uint8_t tail[] = {SEGMENT_VERSION, (uint8_t)settings->format, (uint8_t)settings->action, settings->may_allow};
	XXH128_canonical_t canonical;
	if (settings->is_signed) {
		uint8_t whole[SIGNATURE_HASH_SIZE + sizeof(tail)], hash[SIGNATURE_HASH_SIZE];
		signature_hash(text, whole);
		memcpy(whole + SIGNATURE_HASH_SIZE, tail, sizeof(tail));
		signature_hash((struct str){(const char *)whole, sizeof(whole)}, hash);
		memcpy(ret, hash, 16);
		return;
	}
	XXH3_state_t *state = XXH3_createState();
	must(state != NULL);
	(void)XXH3_128bits_reset(state);
	if (text.len > 0)
		(void)XXH3_128bits_update(state, text.ptr, text.len);
	(void)XXH3_128bits_update(state, tail, sizeof(tail));
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	memcpy(ret, canonical.digest, sizeof(canonical.digest));
	XXH3_freeState(state);
}
