/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP ((size_t)256 * 1024)

/* A file from its end. */
struct back {
	int fd;
	off_t at;  /* what is before this was not read yet */
	char *ptr; /* owned: what was read and not given out */
	size_t len, cap;
};

static bool back_open(const char *path, struct back *ret)
{
	struct stat st;
	*ret = (struct back){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	ret->at = st.st_size;
	return true;
}

static void back_close(struct back *b)
{
	if (b->fd >= 0)
		close(b->fd);
	free(b->ptr);
}

/* One step more, before what is there. */
static bool back_fill(struct back *b)
{
	size_t step = (size_t)MIN((off_t)STEP, b->at);
	if (step == 0 || b->len > AUDIT_LINE_MAX)
		return false;
	if (b->cap - b->len < step) {
		b->cap = MAX(b->cap * 2, b->len + step);
		b->ptr = base_realloc(b->ptr, b->cap);
	}
	memmove(b->ptr + step, b->ptr, b->len);
	size_t got = 0;
	while (got < step) {
		ssize_t n = pread(b->fd, b->ptr + got, step - got, b->at - (off_t)step + (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	b->at -= (off_t)step;
	b->len += step;
	return true;
}

/* The line before; borrowed until the next call. What stands behind the last newline is no line yet. */
static bool back_line(struct back *b, struct str *ret)
{
	for (;;) {
		const char *newline = b->len > 0 ? memrchr(b->ptr, '\n', b->len) : NULL;
		if (newline || b->at == 0) {
			size_t start = newline ? (size_t)(newline - b->ptr) + 1 : 0;
			if (!newline && b->len == 0)
				return false;
			*ret = (struct str){b->ptr + start, b->len - start};
			b->len = newline ? start - 1 : 0;
			return true;
		}
		if (!back_fill(b))
			return false;
	}
}

/* ---- which are wanted ---- */

struct reading {
	const struct audit_query *query;
	size_t limit, bytes;
	json_t *found; /* newest first */
	bool over;
};

int64_t audit_time_s(const json_t *record)
{
	int64_t time_s = 0;
	const char *text = json_string_value(json_object_get(record, "time"));
	return text && str_to_time(str_from(text), &time_s, NULL) ? time_s : 0;
}

static bool is_wanted(struct reading *r, const json_t *record)
{
	const struct audit_query *q = r->query;
	int64_t time_s = audit_time_s(record);
	json_int_t seq = json_integer_value(json_object_get(record, "seq"));
	const char *verb = json_string_value(json_object_get(record, "verb"));
	if (q->after_seq > 0 && seq <= (json_int_t)q->after_seq) {
		r->over = true;
		return false;
	}
	if (q->since_s > 0 && time_s < q->since_s) {
		r->over = time_s < q->since_s - AUDIT_BACK_S;
		return false;
	}
	if (q->until_s > 0 && time_s > q->until_s)
		return false;
	return !q->verb || (verb && strcmp(verb, q->verb) == 0);
}

static void take(struct reading *r, struct str line)
{
	json_error_t fault;
	json_t *record = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, &fault);
	if (!json_is_object(record) || !is_wanted(r, record)) {
		json_decref(record);
		return;
	}
	r->bytes += line.len;
	must(json_array_append_new(r->found, record) == 0);
	r->over = json_array_size(r->found) >= r->limit || r->bytes >= AUDIT_READ_BYTES_MAX;
}

static void read_file(struct reading *r, const char *path)
{
	struct back back;
	struct str line;
	if (back_open(path, &back)) {
		bool last = true;
		while (!r->over && back_line(&back, &line)) {
			if (!last) /* behind the last newline there is nothing, or a record that is not whole */
				take(r, line);
			last = false;
		}
	}
	back_close(&back);
}

bool audit_read(const char *folder, const struct audit_query *query, json_t **ret, struct err *err)
{
	struct audit_folder files;
	struct err why = {.code = ERR_NONE};
	struct reading r = {.query = query,
			    .limit = query->limit > 0 ? MIN(query->limit, (size_t)AUDIT_READ_LIMIT_MAX) : AUDIT_READ_LIMIT_MAX};
	if (!audit_folder_list(folder, &files, &why) && why.code != ERR_NOT_FOUND) {
		if (err)
			*err = why;
		return false;
	}
	r.found = json_array();
	must(r.found);
	for (size_t i = files.count; i > 0 && !r.over; i--)
		read_file(&r, files.paths[i - 1]);
	audit_folder_finish(&files);
	*ret = json_array();
	must(*ret);
	for (size_t i = json_array_size(r.found); i > 0; i--)
		must(json_array_append(*ret, json_array_get(r.found, i - 1)) == 0);
	json_decref(r.found);
	return true;
}
