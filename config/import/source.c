/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "import/signed_list.h"
#include "list/list.h"
#include "policy/pattern.h"

#define WAITED_BYTES ((off_t)1024 * 1024)
#define READ_ROUNDS 3 /* a file that changes while it is read is read again so often */
#define NS_IN_MS INT64_C(1000000)

/* A whole file. mmap would do, but for lists that are cut short meanwhile. */
struct text {
	char *ptr; /* owned */
	size_t len;
};

static bool ends_with(const char *text, const char *tail)
{
	size_t len = strlen(text), tail_len = strlen(tail);
	return len >= tail_len && strcmp(text + len - tail_len, tail) == 0;
}

enum format source_format(const struct settings_list *list)
{
	if (list->format == FORMAT_AUTO && list->url == NULL && (ends_with(list->file, ".yaml") || ends_with(list->file, ".yml")))
		return FORMAT_YAML;
	return list->format;
}

struct segment_settings source_settings(const struct settings_list *list)
{
	return (struct segment_settings){.format = source_format(list),
					 .action = list->has_action ? list->action : ACTION_BLOCK,
					 .may_allow = list->may_allow,
					 .is_signed = list->key != NULL};
}

static bool read_fd(int fd, size_t size, const char *path, struct text *ret, struct err *err)
{
	size_t cap = size + 1;
	ret->ptr = base_realloc(NULL, cap);
	for (;;) {
		ssize_t n = read(fd, ret->ptr + ret->len, cap - ret->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, ERR_IO, "can't read '%s'", path);
		ret->len += (size_t)n;
		/* one byte more than was told: it has grown, and will be found to have changed */
		if (n == 0 || ret->len == cap)
			return true;
	}
}

static bool read_file(const char *path, size_t limit, struct text *ret, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "can't open '%s'", path);
	bool ok = fstat(fd, &st) == 0 || err_set_errno(err, ERR_IO, "can't read '%s'", path);
	if (ok && S_ISDIR(st.st_mode))
		ok = err_set(err, ERR_IO, "can't read '%s': it is a directory", path);
	else if (ok && !S_ISREG(st.st_mode))
		ok = err_set(err, ERR_IO, "can't read '%s': it is not a regular file", path);
	else if (ok && (uint64_t)st.st_size > limit)
		ok = err_set(err, ERR_LIMIT, "'%s' is longer than %zu bytes", path, limit);
	ok = ok && read_fd(fd, (size_t)st.st_size, path, ret, err);
	close(fd);
	return ok;
}

static void text_finish(struct text *text)
{
	free(text->ptr);
	*text = (struct text){NULL, 0};
}

/* Identity and mtime. A file that was changed just now is waited for, so that its identity can be trusted, and the next compile
 * need not read it: but not a small YAML list, for that is somebody's edit, who waits. */
static bool identify(const struct settings_list *list, struct source *ret)
{
	struct stat st;
	if (stat(list->file, &st) != 0)
		return false;
	if (S_ISREG(st.st_mode) && (st.st_size > WAITED_BYTES || source_format(list) != FORMAT_YAML)) {
		struct timespec now;
		(void)clock_gettime(CLOCK_REALTIME, &now);
		struct stat signature = {.st_size = 0};
		const bool is_signed = list->key != NULL && stat(list->signature, &signature) == 0;
		if (source_is_fresh(&st.st_ctim, &now) || (is_signed && source_is_fresh(&signature.st_ctim, &now))) {
			const struct timespec wait = {.tv_nsec = (SOURCE_RACY_MS + 1) * NS_IN_MS};
			(void)nanosleep(&wait, NULL);
		}
	}
	ret->changed_at_s = st.st_mtim.tv_sec;
	return source_identify_list(list, &ret->identity);
}

/* The text, and the identity of the very file that it was read from. */
static bool read_identified(const struct settings_list *list, size_t limit, struct source *ret, struct text *ret_text,
			    struct err *err)
{
	for (unsigned round = 1;; round++) {
		struct source after = {.segment = NULL};
		if (!identify(list, ret))
			ret->identity = (struct source_identity){.device = 0};
		if (!read_file(list->file, limit, ret_text, err))
			return false;
		bool same = source_identify_list(list, &after.identity) && source_same(&ret->identity, &after.identity);
		if (same)
			return true;
		if (round == READ_ROUNDS || ret->identity.inode == 0) {
			/* a small file that is this fresh, or one that does not come to rest: read it is, known again it won't be
			 */
			ret->identity = (struct source_identity){.device = 0};
			return true;
		}
		text_finish(ret_text);
	}
}

static struct segment *kept(const char *segments, const uint8_t key[16], const struct segment_settings *settings)
{
	struct segment *s = segments == NULL ? NULL : segment_load(segments, key);
	if (s != NULL && segment_is_for(s, settings))
		return s;
	segment_destroy(s);
	return NULL;
}

/* A list of a url before its first fetch. */
static void open_missing(const struct segment_settings *settings, struct source *ret, struct err_list *errors)
{
	struct segment_settings empty = *settings;
	if (empty.format == FORMAT_YAML || empty.format == FORMAT_AUTO)
		empty.format = FORMAT_DOMAINS;
	ret->missing = true;
	ret->changed_at_s = 0;
	ret->identity = (struct source_identity){.device = 0};
	segment_key((struct str){NULL, 0}, &empty, ret->content_key);
	ret->segment = segment_import((struct str){NULL, 0}, &empty, "", "", errors);
}

void source_open_empty(const struct settings *settings, size_t index, struct source *ret)
{
	const struct segment_settings how = source_settings(&settings->lists[index]);
	struct err_list none = {0};
	*ret = (struct source){.segment = NULL};
	open_missing(&how, ret, &none);
	must(ret->segment != NULL && none.count == 0); /* an empty text has no faults */
}

/* Of a YAML list with faults, the expressions that could be read are looked at all the same: their faults, which otherwise only a
 * compilation finds, are told with the others. */
static void check_expressions(const struct settings *settings, size_t index, const char *shown, struct err_list *errors)
{
	struct err_list told = {0}; /* already */
	struct list *list = list_load_named(settings, index, &told);
	for (size_t i = 0; list != NULL && i < list->entry_count; i++) {
		const struct list_entry *e = &list->entries[i];
		struct pattern *pattern = NULL;
		struct err err = {.code = ERR_NONE};
		if (e->match != MATCH_REGEX)
			continue;
		if (!pattern_compile(str_from(e->text), &pattern, NULL, &err))
			err_list_add_at(errors, shown, e->line, e->column, "%s", err.text);
		pattern_destroy(pattern);
	}
	list_destroy(list);
	err_list_finish(&told);
}

static void open_text(const struct settings *settings, const struct settings_list *list, const char *segments, struct str text,
		      struct source *ret, struct err_list *errors)
{
	const struct segment_settings how = source_settings(list);
	segment_key(text, &how, ret->content_key);
	ret->segment = kept(segments, ret->content_key, &how);
	ret->kept = ret->segment != NULL;
	if (ret->kept)
		return;
	/* of a url it is the copy that is not what it should be, and that somebody has to look at */
	char *shown = list->url != NULL ? base_strdup(list->file) : list_shown(settings, list);
	ret->segment = segment_import(text, &how, list->file, shown, errors);
	if (ret->segment != NULL && segments != NULL)
		(void)!segment_save(ret->segment, segments, NULL);
	if (ret->segment == NULL && how.format == FORMAT_YAML)
		check_expressions(settings, (size_t)(list - settings->lists), shown, errors);
	free(shown);
}

/* Is the text what the list's key has signed? Then it is kept, for the day when the next is not. */
static bool is_signed(const struct settings *settings, const struct settings_list *list, const struct signed_record *record,
		      bool keep, struct str text, struct source *ret, struct err_list *errors)
{
	struct signed_verdict verdict = {.serial = 0};
	struct err err = {.code = ERR_NONE};
	char *shown = list->url != NULL ? base_strdup(list->signature) : file_path_beside(settings->path, list->signature_shown);
	const struct signed_question question = {
	    .key = list->key, .key_text = list->key_text, .signature = list->signature, .shown = shown, .record = record};
	ret->accepted = signed_judge(&question, text, &verdict, &err);
	ret->refused = !ret->accepted;
	if (ret->accepted) {
		ret->serial = verdict.serial;
		memcpy(ret->signed_hash, verdict.hash, sizeof(ret->signed_hash));
	}
	/* without it there is nothing to fall back on, and that is to be known now */
	if (ret->accepted && keep && !signed_keep(settings->state, list->name, text, &verdict, &err))
		ret->accepted = false;
	if (!ret->accepted && err.file[0] == '\0')
		err_list_add_at(errors, settings->path, list->line, list->column, "list '%s': %s", list->name, err.text);
	else if (!ret->accepted)
		err_list_add(errors, &err);
	buf_finish(&verdict.signature);
	free(shown);
	return ret->accepted;
}

static void open_any(const struct settings *settings, size_t index, const char *segments, const uint8_t known_key[16], bool keep,
		     struct source *ret, struct err_list *errors)
{
	const struct settings_list *list = &settings->lists[index];
	const struct segment_settings how = source_settings(list);
	struct text text = {NULL, 0};
	struct err err = {.code = ERR_NONE};
	*ret = (struct source){.segment = NULL};
	if (known_key != NULL && identify(list, ret)) {
		memcpy(ret->content_key, known_key, sizeof(ret->content_key));
		ret->segment = kept(segments, known_key, &how);
		ret->kept = ret->segment != NULL;
		if (ret->kept)
			return;
	}
	size_t limit = how.format == FORMAT_YAML ? LIST_BYTES_MAX : SOURCE_BYTES_MAX;
	struct signed_record record;
	ret->unjudged = list->key != NULL && !signed_record_read(settings->state, list->name, &record, &err);
	const bool there = !ret->unjudged && read_identified(list, limit, ret, &text, &err);
	if (there) {
		const struct str whole = {text.ptr, text.len};
		if (list->key == NULL || is_signed(settings, list, &record, keep, whole, ret, errors))
			open_text(settings, list, segments, whole, ret, errors);
	} else if (!ret->unjudged && err.code == ERR_NOT_FOUND && list->url != NULL) {
		open_missing(&how, ret, errors);
	} else {
		err_list_add_at(errors, settings->path, list->line, list->column, "list '%s': %s", list->name, err.text);
	}
	text_finish(&text);
}

bool source_open_last_good(const struct settings *settings, size_t index, const char *segments, struct source *ret)
{
	const struct settings_list *list = &settings->lists[index];
	const size_t limit = source_format(list) == FORMAT_YAML ? LIST_BYTES_MAX : SOURCE_BYTES_MAX;
	struct signed_record record;
	struct buf text = {NULL, 0, 0};
	struct err_list unused = {0};
	if (list->key == NULL || !signed_record_load(settings->state, list->name, &record))
		return false;
	if (signed_last_good(settings, list, &record, limit, &text)) {
		open_text(settings, list, segments, buf_str(&text), ret, &unused);
		ret->changed_at_s = record.keys[0].accepted_at_s;
	}
	err_list_finish(&unused);
	buf_finish(&text);
	return ret->segment != NULL;
}

bool source_open_unsigned(const struct settings *settings, size_t index, const char *segments, struct source *ret)
{
	const struct settings_list *list = &settings->lists[index];
	const size_t limit = source_format(list) == FORMAT_YAML ? LIST_BYTES_MAX : SOURCE_BYTES_MAX;
	struct signed_record record;
	struct text text = {NULL, 0};
	struct err_list unused = {0};
	if (list->key == NULL || list->url == NULL || !signed_record_read(settings->state, list->name, &record, NULL) ||
	    signed_record_key(&record, list->key_text) != NULL)
		return false;
	if (read_identified(list, limit, ret, &text, NULL))
		open_text(settings, list, segments, (struct str){text.ptr, text.len}, ret, &unused);
	text_finish(&text);
	err_list_finish(&unused);
	return ret->segment != NULL;
}

void source_open(const struct settings *settings, size_t index, const char *segments, const uint8_t known_key[16],
		 struct source *ret, struct err_list *errors)
{
	*ret = (struct source){.segment = NULL};
	if (settings->lists[index].mode != MODE_OFF)
		open_any(settings, index, segments, known_key, false, ret, errors);
}

void source_open_keep(const struct settings *settings, size_t index, const char *segments, const uint8_t known_key[16],
		      struct source *ret, struct err_list *errors)
{
	*ret = (struct source){.segment = NULL};
	if (settings->lists[index].mode != MODE_OFF)
		open_any(settings, index, segments, known_key, true, ret, errors);
}

void source_check(const struct settings *settings, size_t index, struct source *ret, struct err_list *errors)
{
	open_any(settings, index, NULL, NULL, false, ret, errors);
}

void source_close(struct source *source)
{
	segment_destroy(source->segment);
	*source = (struct source){.segment = NULL};
}
