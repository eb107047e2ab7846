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

/* Its first end bytes. */
static bool back_open(const char *path, int64_t end, struct back *ret)
{
	struct stat st;
	*ret = (struct back){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	ret->at = MIN(st.st_size, (off_t)end);
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
	size_t limit, bytes, scanned;
	struct buf needle; /* what a line has that is of the wanted verb; empty: not known */
	json_t *found;	   /* newest first */
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

/* A verb of plain letters stands in its line as it is: others need not be parsed. */
static void make_needle(struct reading *r)
{
	const char *verb = r->query->verb;
	if (verb && verb[strspn(verb, "abcdefghijklmnopqrstuvwxyz .-")] == '\0')
		buf_printf(&r->needle, "\"verb\":\"%s\"", verb);
}

static void take(struct reading *r, struct str line)
{
	json_error_t fault;
	if (r->needle.len > 0 && !memmem(line.ptr, line.len, r->needle.ptr, r->needle.len))
		return;
	json_t *record = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, &fault);
	if (!json_is_object(record) || !is_wanted(r, record)) {
		json_decref(record);
		return;
	}
	r->bytes += line.len;
	must(json_array_append_new(r->found, record) == 0);
	r->over = json_array_size(r->found) >= r->limit || r->bytes >= AUDIT_READ_BYTES_MAX;
}

static bool is_cut(const struct reading *r)
{
	return r->query->scan_max > 0 && r->scanned >= r->query->scan_max;
}

/* Returns how many of its bytes are still to be looked at. */
static int64_t read_file(struct reading *r, const char *path, int64_t end)
{
	struct back back;
	struct str line;
	int64_t left = 0;
	if (back_open(path, end, &back)) {
		bool last = true;
		while (!r->over && !is_cut(r) && back_line(&back, &line)) {
			if (!last) { /* behind the last newline there is nothing, or a record that is not whole */
				r->scanned += line.len + 1;
				take(r, line);
			}
			last = false;
		}
		if (!last && back.at + (off_t)back.len > 0)
			left = (int64_t)back.at + (int64_t)back.len + 1; /* with its newline */
	}
	back_close(&back);
	return left;
}

/* Of the first line, 0: it is none. */
static uint64_t first_seq(const char *path)
{
	struct audit_line first = {.seq = 0};
	char *text = base_alloc(AUDIT_LINE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, AUDIT_LINE_MAX);
	const char *newline = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
	if (newline)
		(void)audit_line_read((struct str){text, (size_t)(newline - text)}, &first);
	if (fd >= 0)
		close(fd);
	free(text);
	return first.seq;
}

/* A full file has it in its name; of the newest it is the first line's, or, where that is none, behind the others'. */
static uint64_t number_of(const struct audit_folder *files, size_t i)
{
	const char *name = strrchr(files->paths[i], '/') + 1, *digits = name + strcspn(name, "0123456789");
	if (*digits)
		return strtoull(digits, NULL, 10);
	uint64_t seq = first_seq(files->paths[i]);
	return seq > 0 ? seq : i > 0 ? number_of(files, i - 1) + 1 : 1;
}

static void read_files(struct reading *r, const struct audit_folder *files, struct audit_place *ret_next)
{
	const struct audit_place *from = &r->query->from;
	for (size_t i = files->count; i > 0 && !r->over; i--) {
		const char *path = files->paths[i - 1];
		int64_t end = INT64_MAX;
		uint64_t number = from->file > 0 || r->query->scan_max > 0 ? number_of(files, i - 1) : 0;
		if (from->file > 0 && number > from->file)
			continue;
		if (number == from->file && from->file > 0)
			end = from->end;
		const bool cut = is_cut(r);
		int64_t left = cut ? end : read_file(r, path, end);
		if (cut || (is_cut(r) && left > 0 && !r->over)) {
			*ret_next = (struct audit_place){.file = number, .end = left};
			return;
		}
	}
}

bool audit_read(const char *folder, const struct audit_query *query, json_t **ret, struct err *err)
{
	struct audit_place unused;
	return audit_read_page(folder, query, ret, &unused, err);
}

bool audit_read_page(const char *folder, const struct audit_query *query, json_t **ret, struct audit_place *ret_next,
		     struct err *err)
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
	struct audit_place next = {.file = 0};
	make_needle(&r);
	read_files(&r, &files, &next);
	*ret_next = next; /* last: it may be the query's */
	buf_finish(&r.needle);
	audit_folder_finish(&files);
	*ret = json_array();
	must(*ret);
	for (size_t i = json_array_size(r.found); i > 0; i--)
		must(json_array_append(*ret, json_array_get(r.found, i - 1)) == 0);
	json_decref(r.found);
	return true;
}
