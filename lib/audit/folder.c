/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/folder.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FULL_HEAD "audit-"
#define FULL_TAIL ".jsonl"
#define FULL_DIGITS 12

/* "audit-000000000001.jsonl": any digits between. */
static bool is_full(const char *name)
{
	size_t len = strlen(name), head = strlen(FULL_HEAD), tail = strlen(FULL_TAIL);
	return len > head + tail && strncmp(name, FULL_HEAD, head) == 0 && strcmp(name + len - tail, FULL_TAIL) == 0 &&
	       strspn(name + head, "0123456789") == len - head - tail;
}

/* The longer number is the larger: more digits than FULL_DIGITS come after all that have them. */
static int path_order(const void *left, const void *right)
{
	const char *a = *(char *const *)left, *b = *(char *const *)right;
	bool a_last = strlen(strrchr(a, '/')) == strlen(AUDIT_FILE) + 1, b_last = strlen(strrchr(b, '/')) == strlen(AUDIT_FILE) + 1;
	if (a_last != b_last)
		return a_last ? 1 : -1;
	if (strlen(a) != strlen(b))
		return strlen(a) < strlen(b) ? -1 : 1;
	return strcmp(a, b);
}

bool audit_folder_list(const char *folder, struct audit_folder *ret, struct err *err)
{
	*ret = (struct audit_folder){.paths = NULL};
	DIR *d = opendir(folder);
	if (!d)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "opening the audit log's folder %s", folder);
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, AUDIT_FILE) != 0 && !is_full(e->d_name))
			continue;
		struct buf path = {0};
		buf_printf(&path, "%s/%s", folder, e->d_name);
		ret->paths = base_realloc(ret->paths, (ret->count + 1) * sizeof(ret->paths[0]));
		ret->paths[ret->count++] = path.ptr;
	}
	closedir(d);
	if (ret->count > 0)
		qsort(ret->paths, ret->count, sizeof(ret->paths[0]), path_order);
	return true;
}

void audit_folder_finish(struct audit_folder *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->paths[i]);
	free(f->paths);
	*f = (struct audit_folder){.paths = NULL};
}

void audit_folder_full_path(const char *folder, uint64_t first_seq, struct buf *ret)
{
	buf_printf(ret, "%s/" FULL_HEAD "%0*" PRIu64 FULL_TAIL, folder, FULL_DIGITS, first_seq);
}

bool audit_head_read(const char *folder, struct audit_head *ret, struct err *err)
{
	struct buf path = {0}, text = {0};
	json_error_t fault;
	*ret = (struct audit_head){.root = NULL};
	buf_printf(&path, "%s/" AUDIT_HEAD, folder);
	bool ok = file_read(path.ptr, AUDIT_HEAD_BYTES_MAX, &text, err);
	if (ok) {
		ret->root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &fault);
		const json_t *hash = json_object_get(ret->root, "hash");
		json_int_t seq = json_integer_value(json_object_get(ret->root, "seq"));
		ok = seq > 0 && json_is_string(hash) &&
		     audit_hash_from_text((struct str){json_string_value(hash), json_string_length(hash)}, &ret->hash);
		ret->seq = ok ? (uint64_t)seq : 0;
		if (!ok)
			(void)err_set(err, ERR_INPUT, "%s is no head of an audit log", path.ptr);
	}
	if (!ok)
		audit_head_finish(ret);
	buf_finish(&path);
	buf_finish(&text);
	return ok;
}

void audit_head_finish(struct audit_head *head)
{
	json_decref(head->root);
	*head = (struct audit_head){.root = NULL};
}
