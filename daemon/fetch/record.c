/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/record.h"

#include "base/file.h"
#include "base/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_VERSION 1
#define RECORD_MODE 0640

static void beside(const char *copy, const char *before, const char *behind, char *buf, size_t size)
{
	const char *slash = strrchr(copy, '/');
	must(slash);
	int n = snprintf(buf, size, "%.*s%s%s%s", (int)(slash + 1 - copy), copy, before, slash + 1, behind);
	must(n > 0 && (size_t)n < size); /* settings bound the path, and PATH_MAX is larger */
}

void fetch_record_new(const char *copy, char *buf, size_t size)
{
	beside(copy, ".", ".new", buf, size);
}

void fetch_record_old(const char *copy, char *buf, size_t size)
{
	beside(copy, ".", ".old", buf, size);
}

/* ---- read ---- */

static bool hash_get(const json_t *text, uint8_t ret[FETCH_HASH_SIZE])
{
	return json_is_string(text) && hex_to_bytes(str_from(json_string_value(text)), ret, FETCH_HASH_SIZE);
}

static bool get_text(const json_t *root, const char *key, char *buf, size_t size)
{
	const char *text = json_string_value(json_object_get(root, key));
	int n = snprintf(buf, size, "%s", text ? text : "");
	return n >= 0 && (size_t)n < size;
}

static int64_t get_number(const json_t *root, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(root, key));
	return number > 0 ? number : 0;
}

static bool parse(struct str text, struct fetch_record *r)
{
	json_error_t fault;
	json_t *root = text.ptr ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &fault) : NULL;
	bool good = get_number(root, "version") == RECORD_VERSION && get_text(root, "url", r->url, sizeof(r->url)) &&
		    get_text(root, "etag", r->etag, sizeof(r->etag)) &&
		    get_text(root, "last_modified", r->last_modified, sizeof(r->last_modified)) &&
		    get_text(root, "format", r->format, sizeof(r->format)) && get_text(root, "error", r->error, sizeof(r->error));
	good = good && (!r->url[0] || hash_get(json_object_get(root, "hash"), r->hash));
	/* It goes into the head of a request. */
	good = good && download_is_plain(str_from(r->etag)) && download_is_plain(str_from(r->last_modified));
	r->entries = (uint64_t)get_number(root, "entries");
	r->bytes = (uint64_t)get_number(root, "bytes");
	r->fetched_at_s = get_number(root, "fetched_at");
	r->checked_at_s = get_number(root, "checked_at");
	r->refused_since_s = get_number(root, "refused_since");
	const json_t *signature = json_object_get(root, "signature");
	good = good && (!json_is_string(signature) || hash_get(signature, r->signature));
	r->failures = (unsigned)MIN(get_number(root, "failures"), INT_MAX);
	json_decref(root);
	return good;
}

void fetch_record_load(const char *copy, struct fetch_record *ret)
{
	char path[PATH_MAX];
	struct buf text = {0};
	struct stat st;
	*ret = (struct fetch_record){0};
	beside(copy, "", ".json", path, sizeof(path));
	if (!file_read(path, FETCH_RECORD_BYTES_MAX, &text, NULL) || !parse(buf_str(&text), ret))
		*ret = (struct fetch_record){0};
	buf_finish(&text);
	/* A copy that somebody removed, or that a crash cut short, must not be held for the one the server knows. */
	if (stat(copy, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != ret->bytes) {
		ret->url[0] = ret->etag[0] = ret->last_modified[0] = '\0';
		ret->entries = ret->bytes = 0;
		ret->fetched_at_s = 0;
	}
}

/* ---- write ---- */

static json_t *text_or_null(const char *text)
{
	json_t *value = text[0] ? json_string(text) : NULL;
	return value ? value : json_null();
}

bool fetch_record_save(const char *copy, const struct fetch_record *r, struct err *err)
{
	char path[PATH_MAX], hash[2 * FETCH_HASH_SIZE + 1], signature[2 * FETCH_HASH_SIZE + 1];
	(void)hex_from_bytes(r->hash, FETCH_HASH_SIZE, hash);
	(void)hex_from_bytes(r->signature, FETCH_HASH_SIZE, signature);
	beside(copy, "", ".json", path, sizeof(path));
	json_t *root = json_pack(
	    "{s:i, s:o, s:o, s:o, s:o, s:I, s:I, s:s, s:I, s:I, s:I, s:o, s:I, s:s}", "version", RECORD_VERSION, "url",
	    text_or_null(r->url), "etag", text_or_null(r->etag), "last_modified", text_or_null(r->last_modified), "format",
	    text_or_null(r->format), "entries", (json_int_t)r->entries, "bytes", (json_int_t)r->bytes, "hash", hash, "fetched_at",
	    (json_int_t)r->fetched_at_s, "checked_at", (json_int_t)r->checked_at_s, "failures", (json_int_t)r->failures, "error",
	    text_or_null(r->error), "refused_since", (json_int_t)r->refused_since_s, "signature", signature);
	must(root);
	char *text = json_dumps(root, JSON_INDENT(1));
	must(text);
	bool ok = file_replace(path, text, strlen(text), RECORD_MODE, err);
	free(text);
	json_decref(root);
	return ok;
}

/* ---- the copy's place ---- */

static void sync_directory(const char *copy)
{
	char dir[PATH_MAX];
	beside(copy, "", "", dir, sizeof(dir));
	*strrchr(dir, '/') = '\0';
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

static bool take(const char *copy, struct err *err)
{
	char new[PATH_MAX], old[PATH_MAX];
	fetch_record_new(copy, new, sizeof(new));
	fetch_record_old(copy, old, sizeof(old));
	int fd = open(new, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fdatasync(fd) < 0) {
		(void)err_set_errno(err, ERR_IO, "writing %s", new);
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	(void)unlink(old);
	if (link(copy, old) < 0 && errno != ENOENT)
		return err_set_errno(err, ERR_IO, "keeping %s", copy);
	if (rename(new, copy) < 0)
		return err_set_errno(err, ERR_IO, "putting %s in place", copy);
	return true;
}

bool fetch_record_take(const char *copy, const char *signature, struct err *err)
{
	bool ok = (!signature || take(signature, err)) && take(copy, err);
	sync_directory(copy);
	return ok;
}

static bool take_back(const char *copy, struct err *err)
{
	char old[PATH_MAX];
	fetch_record_old(copy, old, sizeof(old));
	if (rename(old, copy) < 0 && (errno != ENOENT || unlink(copy) < 0))
		return err_set_errno(err, ERR_IO, "putting the old %s back", copy);
	return true;
}

bool fetch_record_take_back(const char *copy, const char *signature, struct err *err)
{
	bool ok = (!signature || take_back(signature, err)) && take_back(copy, err);
	sync_directory(copy);
	return ok;
}

static void clean(const char *copy)
{
	char path[PATH_MAX];
	fetch_record_new(copy, path, sizeof(path));
	(void)unlink(path);
	fetch_record_old(copy, path, sizeof(path));
	(void)unlink(path);
}

void fetch_record_clean(const char *copy, const char *signature)
{
	char path[PATH_MAX];
	clean(copy);
	if (signature)
		clean(signature);
	beside(copy, "", ".json", path, sizeof(path));
	file_sweep(path);
}
