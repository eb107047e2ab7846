/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/signed_list.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define DIR_MODE 0750
#define FILE_MODE 0640

static_assert(SIGNED_HASH_SIZE == SIGNATURE_HASH_SIZE, "the record keeps signature_hash");

/* Is it newer than what this key signed before, or the very same? */
static bool judge_serial(const struct signed_question *q, const struct signature *s, struct signed_verdict *v, struct err *err)
{
	char when[32];
	const struct signed_key *before = signed_record_key(q->record, q->key_text);
	if (!signature_serial(s->comment, &v->serial))
		return err_set_at(err, ERR_INPUT, q->shown, s->comment_line, 1,
				  "the trusted comment says no serial: a word 'serial:N' or 'timestamp:N'");
	if (before == NULL || v->serial > before->serial)
		return true;
	str_from_time(before->accepted_at_s, when, sizeof(when));
	if (v->serial < before->serial)
		return err_set_at(err, ERR_INPUT, q->shown, s->comment_line, 1,
				  "the list is older than what is in force: its serial is %llu, and %llu was accepted on %s",
				  (unsigned long long)v->serial, (unsigned long long)before->serial, when);
	return memcmp(v->hash, before->hash, sizeof(v->hash)) == 0 ||
	       err_set_at(err, ERR_INPUT, q->shown, s->comment_line, 1,
			  "the serial %llu was accepted on %s with another content: a list that changes takes a higher one",
			  (unsigned long long)v->serial, when);
}

bool signed_judge(const struct signed_question *q, struct str text, struct signed_verdict *ret, struct err *err)
{
	struct signed_verdict v = {.serial = 0};
	struct signature s;
	bool good = file_read(q->signature, SIGNATURE_BYTES_MAX, &v.signature, err) || err_context(err, "it is not signed");
	good =
	    good && signature_parse(buf_str(&v.signature), q->shown, &s, err) && signature_verify(&s, q->key, text, q->shown, err);
	if (good) {
		signature_hash(text, v.hash);
		good = judge_serial(q, &s, &v, err);
	}
	if (good)
		*ret = v;
	else
		buf_finish(&v.signature);
	return good;
}

/* ---- the last good text ---- */

/* Whole and sound: a damaged one is written anew while the good text is at hand. */
static bool is_there(const char *path, struct str text)
{
	struct file_map map = {NULL, 0};
	bool there =
	    file_map_open(path, &map, NULL) && map.len == text.len && (text.len == 0 || memcmp(map.addr, text.ptr, text.len) == 0);
	file_map_close(&map);
	return there;
}

bool signed_make_room(const char *state, struct err *err)
{
	struct buf dir = {NULL, 0, 0};
	buf_printf(&dir, "%s/" SIGNED_DIR, state);
	const bool good = file_mkdirs(dir.ptr, DIR_MODE, err);
	buf_finish(&dir);
	return good;
}

bool signed_keep(const char *state, const char *list, struct str text, const struct signed_verdict *v, struct err *err)
{
	char *copy = signed_copy_path(state, list, v->hash), *signature = signed_copy_signature_path(state, list, v->hash);
	bool good = signed_make_room(state, err);
	if (good && !is_there(copy, text))
		good = file_replace(copy, text.ptr != NULL ? text.ptr : "", text.len, FILE_MODE, err);
	good = good && file_replace(signature, v->signature.ptr, v->signature.len, FILE_MODE, err);
	free(copy);
	free(signature);
	return good;
}

bool signed_last_good(const struct settings *settings, const struct settings_list *list, const struct signed_record *record,
		      size_t limit, struct buf *ret)
{
	struct buf text = {NULL, 0, 0}, signature = {NULL, 0, 0};
	struct signature s;
	if (!record->has_copy)
		return false;
	char *copy = signed_copy_path(settings->state, list->name, record->copy),
	     *copy_signature = signed_copy_signature_path(settings->state, list->name, record->copy);
	bool good = file_read(copy, limit, &text, NULL) && file_read(copy_signature, SIGNATURE_BYTES_MAX, &signature, NULL) &&
		    signature_parse(buf_str(&signature), copy_signature, &s, NULL) &&
		    signature_verify(&s, list->key, buf_str(&text), copy_signature, NULL);
	if (good)
		buf_add_str(ret, buf_str(&text));
	buf_finish(&text);
	buf_finish(&signature);
	free(copy);
	free(copy_signature);
	return good;
}

/* ---- what is no longer needed ---- */

/* Is it a text, or its signature, that the list's record names? */
static bool is_named(const struct settings *settings, const char *file)
{
	const char *at = strchr(file, '@');
	for (size_t i = 0; i < settings->list_count; i++) {
		const struct settings_list *list = &settings->lists[i];
		struct signed_record record;
		const size_t len = strlen(list->name);
		if (list->key == NULL || (size_t)(at - file) != len || memcmp(list->name, file, len) != 0)
			continue;
		if (!signed_record_read(settings->state, list->name, &record, NULL))
			return true; /* nobody knows */
		if (!record.has_copy)
			return false;
		char *copy = signed_copy_path(settings->state, list->name, record.copy);
		const char *name = strrchr(copy, '/') + 1;
		const size_t stem = strlen(name) - strlen(".list");
		bool same = strlen(file) > stem && memcmp(name, file, stem) == 0;
		free(copy);
		return same;
	}
	return false;
}

void signed_sweep(const struct settings *settings)
{
	struct buf path = {NULL, 0, 0};
	size_t keys = 0;
	for (size_t i = 0; i < settings->list_count; i++)
		keys += settings->lists[i].key != NULL;
	if (keys == 0)
		return;
	buf_printf(&path, "%s/" SIGNED_DIR, settings->state);
	DIR *d = opendir(path.ptr);
	buf_finish(&path);
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		/* what a run that was killed left half-written, too: there is never another beside this one */
		bool temporary = e->d_name[0] == '.' && strstr(e->d_name, ".saring-") != NULL;
		if (temporary || (strchr(e->d_name, '@') != NULL && !is_named(settings, e->d_name)))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}
