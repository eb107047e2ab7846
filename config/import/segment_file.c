/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Segments as files:
 *
 *      0   magic, u32 version, u32 zero
 *      16  key
 *      32  XXH3-128 of all that follows it
 *      48  u64 length of the entries, u64 their number; big-endian, as all numbers here
 *      64  the entries, SEGMENT_SLACK zeroes, and then what they share: texts with their length before and a NUL behind
 *
 * The file is mapped: the entries and the texts are used where they lie. Nobody writes into a segment that has its name: it is
 * made beside and renamed. A file that a crash left half-written has a wrong sum. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/hex.h"
#include "import/segment_build.h"
#include "wire/reader.h"

#define MAGIC "\x89SARSEG\n"
#define MAGIC_LEN 8
#define SUM_AT 32
#define SUMMED_AT 48
#define HEADER_SIZE 64
#define FILE_MODE 0640
#define TEXT_NONE UINT32_MAX

/* --- writing --- */

static void put(struct buf *b, uint64_t value, size_t size)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	buf_add(b, bytes, size);
}

static void put_slice(struct buf *b, struct str s)
{
	put(b, s.len, 4);
	buf_add(b, s.ptr, s.len);
	put(b, 0, 1);
}

static void put_text(struct buf *b, const char *text)
{
	if (text == NULL)
		put(b, TEXT_NONE, 4);
	else
		put_slice(b, str_from(text));
}

static void put_provenance(struct buf *b, const struct provenance *p)
{
	const char *const texts[] = {p->authority, p->reason,  p->reference, p->organization, p->language,    p->added,
				     p->review,	   p->expires, p->lifted,    p->lifted_by,    p->lift_reason, p->lift_reference};
	const int64_t times[] = {p->added_s, p->review_s, p->expires_s, p->lifted_s};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		put_text(b, texts[i]);
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		put(b, (uint64_t)times[i], 8);
	put(b, p->has_code, 1);
	put(b, p->has_code ? (uint64_t)p->code : 0, 1);
	put(b, p->has_sub_error, 1);
	put(b, p->has_sub_error ? (uint64_t)p->sub_error : 0, 1);
	put(b, p->contact_count, 2);
	for (size_t i = 0; i < p->contact_count; i++)
		put_text(b, p->contact[i]);
}

static void put_class(struct buf *b, const struct segment_class *c)
{
	unsigned flags = (unsigned)c->has_match | (unsigned)c->subtree << 1 | (unsigned)c->caseless << 2 |
			 (unsigned)c->has_action << 3 | (unsigned)c->important << 4 | (unsigned)c->has_answer << 5 |
			 (unsigned)c->shadow << 6;
	put(b, flags, 1);
	put(b, c->match, 1);
	put(b, c->action, 1);
	put(b, c->answer, 1);
	put(b, c->provenance, 4);
	put_slice(b, c->cond);
	put_slice(b, c->records);
}

static void put_shared(struct buf *b, const struct segment *s)
{
	struct buf report = {0};
	put(b, s->format, 1);
	put(b, s->unsaid_match, 1);
	put(b, s->has_action, 1);
	put(b, s->action, 1);
	put(b, s->settings.format, 1);
	put(b, s->settings.action, 1);
	put(b, s->settings.may_allow, 1);
	put(b, s->settings.is_signed, 1);
	put_text(b, s->title);
	put_provenance(b, &s->defaults);
	put(b, s->provenance_count, 4);
	for (size_t i = 0; i < s->provenance_count; i++)
		put_provenance(b, &s->provenances[i]);
	put(b, s->class_count, 4);
	for (size_t i = 0; i < s->class_count; i++)
		put_class(b, &s->classes[i]);
	report_write(&s->report, &report);
	put_slice(b, buf_str(&report));
	buf_finish(&report);
}

static void path_of(const char *dir, const uint8_t key[16], struct buf *ret)
{
	buf_printf(ret, "%s/", dir);
	hex_add(ret, key, 16);
	buf_add_c(ret, ".seg");
}

static void sum(const void *const *pieces, const size_t *lens, size_t count, uint8_t ret[16])
{
	XXH128_canonical_t canonical;
	XXH3_state_t *state = XXH3_createState();
	must(state != NULL);
	(void)XXH3_128bits_reset(state);
	for (size_t i = 0; i < count; i++)
		(void)XXH3_128bits_update(state, pieces[i], lens[i]);
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	memcpy(ret, canonical.digest, 16);
	XXH3_freeState(state);
}

bool segment_save(const struct segment *s, const char *dir, struct err *err)
{
	struct buf header = {0}, shared = {0}, path = {0}, temporary = {0};
	size_t entries = s->entries_len + SEGMENT_SLACK;
	bool ok = false;
	buf_add(&header, MAGIC, MAGIC_LEN);
	put(&header, SEGMENT_VERSION, 4);
	put(&header, 0, 4);
	buf_add(&header, s->key, sizeof(s->key));
	put(&header, 0, 8);
	put(&header, 0, 8);
	put(&header, s->entries_len, 8);
	put(&header, s->entry_count, 8);
	must(header.len == HEADER_SIZE);
	put_shared(&shared, s);
	const void *const pieces[] = {header.ptr + SUMMED_AT, s->entries, shared.ptr};
	const size_t lens[] = {HEADER_SIZE - SUMMED_AT, entries, shared.len};
	sum(pieces, lens, ARRAY_LEN(pieces), (uint8_t *)header.ptr + SUM_AT);
	path_of(dir, s->key, &path);
	buf_printf(&temporary, "%s/.segment.XXXXXX", dir);
	int fd = mkostemp(temporary.ptr, O_CLOEXEC);
	if (fd < 0) {
		err_set_errno(err, ERR_IO, "can't write in '%s'", dir);
	} else {
		ok = file_write_all(fd, header.ptr, header.len) && file_write_all(fd, s->entries, entries) &&
		     file_write_all(fd, shared.ptr, shared.len) && fchmod(fd, FILE_MODE) == 0 &&
		     rename(temporary.ptr, path.ptr) == 0;
		if (!ok) {
			err_set_errno(err, ERR_IO, "can't write '%s'", path.ptr);
			(void)unlink(temporary.ptr);
		}
		close(fd);
	}
	buf_finish(&header);
	buf_finish(&shared);
	buf_finish(&path);
	buf_finish(&temporary);
	return ok;
}

/* --- reading; the texts are not copied --- */

static uint64_t get_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);
	return high << 32 | rd_u32(r);
}

static bool get_bool(struct rd *r)
{
	uint8_t value = rd_u8(r);
	if (value > 1)
		r->bad = true;
	return value == 1;
}

static unsigned get_word(struct rd *r, unsigned count)
{
	uint8_t value = rd_u8(r);
	if (value >= count)
		r->bad = true;
	return r->bad ? 0 : value;
}

static const char *get_bytes(struct rd *r, uint32_t len)
{
	const uint8_t *bytes = rd_bytes(r, len);
	if (rd_u8(r) != 0)
		r->bad = true;
	return r->bad ? NULL : (const char *)bytes;
}

static struct str get_slice(struct rd *r)
{
	uint32_t len = rd_u32(r);
	const char *bytes = get_bytes(r, len);
	return bytes == NULL || len == 0 ? (struct str){NULL, 0} : (struct str){bytes, len};
}

static const char *get_text(struct rd *r)
{
	uint32_t len = rd_u32(r);
	if (len == TEXT_NONE)
		return NULL;
	const char *text = get_bytes(r, len);
	if (text != NULL && strlen(text) != len)
		r->bad = true;
	return r->bad ? NULL : text;
}

static void get_provenance(struct rd *r, struct arena *arena, struct provenance *ret)
{
	const char **const texts[] = {&ret->authority, &ret->reason,	&ret->reference,   &ret->organization,
				      &ret->language,  &ret->added,	&ret->review,	   &ret->expires,
				      &ret->lifted,    &ret->lifted_by, &ret->lift_reason, &ret->lift_reference};
	int64_t *const times[] = {&ret->added_s, &ret->review_s, &ret->expires_s, &ret->lifted_s};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = get_text(r);
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		*times[i] = (int64_t)get_u64(r);
	ret->has_code = get_bool(r);
	ret->code = (enum code)get_word(r, CODE_FILTERED + 1);
	ret->has_sub_error = get_bool(r);
	ret->sub_error = (enum sub_error)get_word(r, SUB_ERROR_COUNT);
	ret->contact_count = rd_u16(r);
	if (!rd_ok(r) || ret->contact_count == 0)
		return;
	const char **contact = arena_alloc(arena, ret->contact_count * sizeof(contact[0]));
	for (size_t i = 0; i < ret->contact_count; i++) {
		contact[i] = get_text(r);
		if (contact[i] == NULL)
			r->bad = true;
	}
	ret->contact = contact;
}

static void get_class(struct rd *r, size_t provenance_count, struct segment_class *ret)
{
	unsigned flags = rd_u8(r);
	*ret = (struct segment_class){
	    .has_match = (flags & 1) != 0,
	    .subtree = (flags & 2) != 0,
	    .caseless = (flags & 4) != 0,
	    .has_action = (flags & 8) != 0,
	    .important = (flags & 16) != 0,
	    .has_answer = (flags & 32) != 0,
	    .shadow = (flags & 64) != 0,
	};
	ret->match = (enum match)get_word(r, MATCH_CLIENT + 1);
	ret->action = (enum action)get_word(r, ACTION_ALLOW + 1);
	ret->answer = (enum answer)get_word(r, ANSWER_LOCAL + 1);
	ret->provenance = rd_u32(r);
	ret->cond = get_slice(r);
	ret->records = get_slice(r);
	if (ret->provenance != SEGMENT_NONE && ret->provenance >= provenance_count)
		r->bad = true;
}

/* Nothing is allocated for more items than there are bytes. */
static size_t get_count(struct rd *r)
{
	size_t count = rd_u32(r);
	if (count > rd_left(r))
		r->bad = true;
	return r->bad ? 0 : count;
}

static bool get_shared(struct rd *r, struct segment *s)
{
	s->format = (enum format)get_word(r, FORMAT_COUNT);
	s->unsaid_match = (enum match)get_word(r, MATCH_SUBDOMAINS + 1);
	s->has_action = get_bool(r);
	s->action = (enum action)get_word(r, ACTION_ALLOW + 1);
	s->settings.format = (enum format)get_word(r, FORMAT_COUNT);
	s->settings.action = (enum action)get_word(r, ACTION_ALLOW + 1);
	s->settings.may_allow = get_bool(r);
	s->settings.is_signed = get_bool(r);
	s->title = get_text(r);
	get_provenance(r, &s->arena, &s->defaults);
	s->provenance_count = get_count(r);
	s->provenances = arena_alloc(&s->arena, s->provenance_count * sizeof(s->provenances[0]));
	for (size_t i = 0; rd_ok(r) && i < s->provenance_count; i++)
		get_provenance(r, &s->arena, &s->provenances[i]);
	s->class_count = get_count(r);
	s->classes = base_alloc((s->class_count + 1) * sizeof(s->classes[0]));
	for (size_t i = 0; rd_ok(r) && i < s->class_count; i++)
		get_class(r, s->provenance_count, &s->classes[i]);
	return report_read(get_slice(r), &s->report) && rd_ok(r) && rd_left(r) == 0;
}

static bool open_mapped(struct segment *s, const uint8_t key[16])
{
	const uint8_t *bytes = s->map.addr;
	struct rd r = rd_init(bytes, s->map.len);
	const uint8_t *magic = rd_bytes(&r, MAGIC_LEN);
	if (magic == NULL || memcmp(magic, MAGIC, MAGIC_LEN) != 0 || rd_u32(&r) != SEGMENT_VERSION || rd_u32(&r) != 0)
		return false;
	const uint8_t *own_key = rd_bytes(&r, 16), *own_sum = rd_bytes(&r, 16);
	uint64_t entries_len = get_u64(&r), entry_count = get_u64(&r);
	if (!rd_ok(&r) || memcmp(own_key, key, 16) != 0 || rd_left(&r) < SEGMENT_SLACK ||
	    entries_len > rd_left(&r) - SEGMENT_SLACK || entry_count > entries_len)
		return false;
	const void *const pieces[] = {bytes + SUMMED_AT};
	const size_t lens[] = {s->map.len - SUMMED_AT};
	uint8_t found[16];
	sum(pieces, lens, 1, found);
	if (memcmp(found, own_sum, sizeof(found)) != 0)
		return false;
	memcpy(s->key, key, sizeof(s->key));
	s->entries = rd_bytes(&r, (size_t)entries_len + SEGMENT_SLACK);
	s->entries_len = (size_t)entries_len;
	s->entry_count = (size_t)entry_count;
	return get_shared(&r, s);
}

struct segment *segment_load(const char *dir, const uint8_t key[16])
{
	struct segment *s = base_alloc(sizeof(*s));
	struct buf path = {0};
	struct err err;
	path_of(dir, key, &path);
	bool ok = file_map_open(path.ptr, &s->map, &err) && open_mapped(s, key);
	buf_finish(&path);
	if (ok)
		return s;
	segment_destroy(s);
	return NULL;
}

bool segment_is_for(const struct segment *s, const struct segment_settings *settings)
{
	return s->settings.format == settings->format && s->settings.action == settings->action &&
	       s->settings.may_allow == settings->may_allow && s->settings.is_signed == settings->is_signed;
}
