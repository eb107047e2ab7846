/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Is there anything to compile at all? Looks at an image's header and its LISTS, and at what stat says of the lists' files; a
 * list's text is read only where that is not enough. The body is not verified here: who maps the image does it. */
#include "compile/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "compile/compile_lists.h"

#define LIST_TEXT_MAX ((size_t)1 << 30) /* what is larger was no list then, either */

static bool is_live(enum format format, uint64_t size)
{
	return format == FORMAT_YAML && size <= COMPILE_LIVE_BYTES_MAX;
}

enum image_tier compile_tier(const struct settings_list *settings, const struct source *source)
{
	enum format format = settings->format;
	uint64_t size = source->identity.size;
	if (source->segment != NULL) {
		format = segment_format(source->segment);
		size = MAX(size, segment_report(source->segment)->bytes);
	}
	return is_live(format, size) ? IMAGE_LIVE : IMAGE_BULK;
}

enum match compile_entry_match(const struct segment *segment, const struct segment_class *class,
			       const struct settings_list *settings)
{
	if (class->has_match || class->match > MATCH_SUBDOMAINS)
		return class->match;
	return settings->has_match ? settings->match : segment_unsaid_match(segment);
}

enum action compile_list_action(const struct segment *segment, const struct settings_list *settings)
{
	enum action said = ACTION_BLOCK;
	if (settings->has_action)
		return settings->action;
	return segment_action(segment, &said) ? said : ACTION_BLOCK;
}

enum rank compile_entry_rank(const struct segment *segment, const struct segment_class *class, const struct settings_list *settings)
{
	const enum action listed = compile_list_action(segment, settings), action = class->has_action ? class->action : listed;
	/* AdGuard rewrites before it asks for exceptions: a plain @@ does not undo $dnsrewrite. */
	const bool rewrites = class->has_answer && segment_format(segment) == FORMAT_ADBLOCK && action == ACTION_BLOCK;
	return rank_of(action, listed == ACTION_ALLOW, class->important || rewrites, settings->mandatory);
}

/* --- the image --- */

/* LISTS of the image, owned by the caller; false when it is none that this program writes. */
static bool read_lists(int fd, enum image_tier tier, const struct settings *settings, uint8_t **ret, size_t *ret_count)
{
	uint8_t h[IMAGE_HEADER_SIZE];
	struct stat st;
	if (fstat(fd, &st) != 0 || pread(fd, h, sizeof(h), 0) != (ssize_t)sizeof(h) ||
	    memcmp(h + IMAGE_H_MAGIC, IMAGE_MAGIC, IMAGE_MAGIC_LEN) != 0 ||
	    le_get_u32(h + IMAGE_H_BYTE_ORDER) != IMAGE_BYTE_ORDER || le_get_u16(h + IMAGE_H_VERSION) != IMAGE_VERSION ||
	    le_get_u16(h + IMAGE_H_HEADER_SIZE) != IMAGE_HEADER_SIZE || !image_header_good(h, sizeof(h)))
		return false;
	const uint64_t size = (uint64_t)st.st_size, at = le_get_u64(h + IMAGE_H_SECTIONS + 16 * IMAGE_LISTS),
		       count = le_get_u64(h + IMAGE_H_SECTIONS + 16 * IMAGE_LISTS + 8);
	if (le_get_u64(h + IMAGE_H_TOTAL_SIZE) != size || h[IMAGE_H_TIER] != (uint8_t)tier ||
	    le_get_u32(h + IMAGE_H_TTL) != settings->block_ttl_s || count > SETTINGS_LISTS_MAX || at > size ||
	    size - at < count * IMAGE_LIST_SIZE)
		return false;
	*ret = base_alloc(count * IMAGE_LIST_SIZE + 1);
	*ret_count = (size_t)count;
	if (pread(fd, *ret, (size_t)count * IMAGE_LIST_SIZE, (off_t)at) == (ssize_t)(count * IMAGE_LIST_SIZE))
		return true;
	free(*ret);
	*ret = NULL;
	return false;
}

/* --- the lists --- */

/* Reads the list's text and looks whether it is that the image was made of. */
static bool same_content(const struct settings_list *list, const uint8_t key[16])
{
	const struct segment_settings said = source_settings(list);
	struct buf text = {NULL, 0, 0};
	uint8_t now[16] = {0};
	bool same = file_read(list->file, LIST_TEXT_MAX, &text, NULL);
	if (same) {
		segment_key(buf_str(&text), &said, now);
		same = memcmp(now, key, sizeof(now)) == 0;
	}
	buf_finish(&text);
	return same;
}

/* Of a list that `auto` is to tell, and that the image does not know. */
static bool reads_like_yaml(const struct settings_list *list)
{
	struct buf text = {NULL, 0, 0};
	const char *why = NULL;
	bool yaml =
	    file_read(list->file, COMPILE_LIVE_BYTES_MAX, &text, NULL) && import_detect(buf_str(&text), &why) == FORMAT_YAML;
	buf_finish(&text);
	return yaml;
}

/* The tier of a list that the image does not know, without its segment. */
static enum image_tier tier_of(const struct settings_list *list)
{
	struct stat st;
	const uint64_t size = stat(list->file, &st) == 0 ? (uint64_t)st.st_size : 0;
	enum format format = source_format(list);
	if (format == FORMAT_AUTO && size <= COMPILE_LIVE_BYTES_MAX && reads_like_yaml(list))
		format = FORMAT_YAML;
	return is_live(format, size) ? IMAGE_LIVE : IMAGE_BULK;
}

/* Does stat say that it is the file the image was made of? */
static bool same_identity(const struct settings_list *list, const uint8_t *record)
{
	struct source_identity then, now;
	lists_get_identity(record + IMAGE_LIST_IDENTITY, &then);
	return source_identify_list(list, &now) && source_same(&then, &now);
}

/* A list that was never fetched has neither identity nor time, and still has none. */
static bool still_missing(const struct settings_list *list, const uint8_t *record)
{
	static const uint8_t nothing[SOURCE_IDENTITY_SIZE];
	return list->url != NULL && access(list->file, F_OK) != 0 && errno == ENOENT &&
	       le_get_u64(record + IMAGE_LIST_CHANGED_AT) == 0 &&
	       memcmp(record + IMAGE_LIST_IDENTITY, nothing, sizeof(nothing)) == 0;
}

/* The record of a list, by what settings say of it; NULL when there is none. hint: where it is in an unchanged configuration. */
static const uint8_t *find_record(const uint8_t *records, size_t count, size_t hint, const uint8_t hash[16])
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *record = records + (hint + i) % count * IMAGE_LIST_SIZE;
		if (memcmp(record + IMAGE_LIST_SETTINGS, hash, 16) == 0)
			return record;
	}
	return NULL;
}

bool compile_is_current(const char *path, const struct settings *settings, enum image_tier tier, struct compile_known *known)
{
	uint8_t *records = NULL, hash[16];
	size_t count = 0, found = 0;
	if (known != NULL)
		memset(known, 0, settings->list_count * sizeof(known[0]));
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool current = read_lists(fd, tier, settings, &records, &count);
	(void)close(fd);
	for (size_t i = 0; records != NULL && i < settings->list_count && (current || known != NULL); i++) {
		const struct settings_list *list = &settings->lists[i];
		if (list->mode == MODE_OFF)
			continue;
		lists_settings_hash(settings, list, hash);
		const uint8_t *record = find_record(records, count, found, hash);
		if (record == NULL) {
			current = current && tier_of(list) != tier;
			continue;
		}
		found++;
		const bool same = same_identity(list, record);
		/* once it is clear that there is work, no text is read for nothing */
		current = current && le_get_u16(record + IMAGE_LIST_ORDER) == i &&
			  (same || still_missing(list, record) || same_content(list, record + IMAGE_LIST_CONTENT));
		if (known != NULL) {
			known[i].had = true;
			memcpy(known[i].before, record + IMAGE_LIST_CONTENT, sizeof(known[i].before));
		}
		if (known != NULL && same) {
			known[i].known = true;
			memcpy(known[i].key, record + IMAGE_LIST_CONTENT, sizeof(known[i].key));
		}
	}
	free(records);
	return current && found == count;
}
