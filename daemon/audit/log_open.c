/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/log_open.h"

#include "base/file.h"
#include "ctl/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TORN_SHOWN 200 /* bytes of a torn line that its record keeps */
#define STEP ((size_t)64 * 1024)

/* The bytes behind the last newline; ret_at: where they begin. */
static bool read_tail(int fd, uint64_t size, struct buf *ret, uint64_t *ret_at)
{
	uint64_t at = size;
	char *step = base_alloc(STEP);
	const char *newline = NULL;
	bool ok = true;
	while (ok && at > 0 && !newline) {
		size_t n = (size_t)MIN(at, (uint64_t)STEP);
		ok = pread(fd, step, n, (off_t)(at - n)) == (ssize_t)n;
		newline = ok ? memrchr(step, '\n', n) : NULL;
		at = newline ? at - n + (uint64_t)(newline - step) + 1 : at - n;
	}
	if (ok && at < size) {
		size_t n = (size_t)MIN(size - at, (uint64_t)STEP);
		ok = pread(fd, step, n, (off_t)at) == (ssize_t)n;
		if (ok)
			buf_add(ret, step, n);
	}
	free(step);
	*ret_at = at;
	return ok;
}

bool audit_log_cut_torn(struct audit_log *log)
{
	struct buf tail = {0};
	uint64_t at = 0;
	bool ok = read_tail(log->fd, log->size, &tail, &at);
	if (ok && at < log->size) {
		struct str shown = {tail.ptr, MIN(tail.len, (size_t)TORN_SHOWN)};
		json_t *finding = json_pack("{s:s, s:s, s:I, s:o}", "verb", "audit repair", "by", "daemon", "torn_bytes",
					    (json_int_t)(log->size - at), "torn", ctl_text(shown));
		must(finding);
		ok = ftruncate(log->fd, (off_t)at) == 0;
		if (ok) {
			log->size = at;
			audit_log_find(log, finding);
		} else {
			json_decref(finding);
		}
	}
	if (!ok)
		(void)snprintf(log->error, sizeof(log->error), "looking at the end of the audit log: %s", strerror(errno));
	buf_finish(&tail);
	return ok;
}

bool audit_log_first_line(const char *path, struct audit_line *ret)
{
	char *text = base_alloc(AUDIT_LINE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, AUDIT_LINE_MAX);
	const char *newline = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
	bool ok = newline && audit_line_read((struct str){text, (size_t)(newline - text)}, ret) != AUDIT_LINE_BROKEN;
	if (fd >= 0)
		close(fd);
	free(text);
	return ok;
}

/* The line that ends before the newline at end - 1. */
static bool read_line(int fd, uint64_t end, struct buf *ret)
{
	uint64_t at = 0;
	struct buf unused = {0};
	bool ok = read_tail(fd, end - 1, &unused, &at);
	size_t len = ok ? (size_t)MIN(end - 1 - at, (uint64_t)AUDIT_LINE_MAX + 1) : 0; /* a longer one is no record */
	char *text = base_alloc(len + 1);
	ok = ok && pread(fd, text, len, (off_t)at) == (ssize_t)len;
	if (ok)
		buf_add(ret, text, len);
	free(text);
	buf_finish(&unused);
	return ok;
}

/* Its last line, from the end of the file: it may be of any size. False: it has none. */
static bool last_line(const char *path, struct audit_line *ret, enum audit_line_state *ret_state)
{
	struct buf tail = {0}, line = {0};
	struct stat st;
	uint64_t end = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read_tail(fd, (uint64_t)st.st_size, &tail, &end) &&
		  end > 0 && read_line(fd, end, &line); /* behind end: torn */
	if (ok)
		*ret_state = audit_line_read(buf_str(&line), ret);
	if (fd >= 0)
		close(fd);
	buf_finish(&tail);
	buf_finish(&line);
	return ok;
}

static void find_damage(struct audit_log *log, const char *kind, uint64_t log_seq, uint64_t head_seq)
{
	json_t *finding = json_pack("{s:s, s:s, s:s, s:I, s:I}", "verb", "audit damage", "by", "daemon", "kind", kind, "log_seq",
				    (json_int_t)log_seq, "head_seq", (json_int_t)head_seq);
	must(finding);
	audit_log_find(log, finding);
}

/* Go on behind whichever is further, so that what is missing stays missing for all to see. */
static void weigh(struct audit_log *log, const struct audit_line *line, const struct audit_head *head, bool has_head, bool good)
{
	log->seq = line->seq;
	log->hash = line->hash;
	if (!has_head) {
		if (line->seq > 0)
			find_damage(log, "no head", line->seq, 0);
	} else if (head->seq > line->seq) {
		find_damage(log, "truncated", line->seq, head->seq);
	} else if (!good) {
		find_damage(log, "altered", line->seq, head->seq);
	} else if (head->seq == line->seq && !audit_hash_eq(&head->hash, &line->hash)) {
		find_damage(log, "head", line->seq, head->seq);
	} else if (head->seq + 1 < line->seq) {
		find_damage(log, "head behind", line->seq, head->seq);
	}
	if (has_head && (head->seq > line->seq || (head->seq == line->seq && !good))) {
		log->seq = head->seq;
		log->hash = head->hash;
	}
}

static bool take_up(struct audit_log *log)
{
	struct audit_line line = {.hash = audit_hash_none};
	enum audit_line_state state = AUDIT_LINE_GOOD;
	struct audit_folder files;
	struct audit_head head;
	struct err err = {.code = ERR_NONE};
	bool found = false;
	if (!audit_folder_list(log->folder, &files, &err)) {
		(void)snprintf(log->error, sizeof(log->error), "%.200s", err.text);
		return err.code == ERR_NOT_FOUND;
	}
	/* the newest that holds something: a new one may have been begun, and no more */
	for (size_t i = files.count; i > 0 && !found; i--)
		found = last_line(files.paths[i - 1], &line, &state);
	audit_folder_finish(&files);
	struct buf head_path = {0};
	buf_printf(&head_path, "%s/" AUDIT_HEAD, log->folder);
	file_sweep(head_path.ptr); /* what a kill left beside it; we are its one writer */
	buf_finish(&head_path);
	bool has_head = audit_head_read(log->folder, &head, NULL);
	weigh(log, &line, &head, has_head, state == AUDIT_LINE_GOOD);
	if (has_head) {
		log->kept = json_incref(head.root);
		audit_head_finish(&head);
	}
	return true;
}

bool audit_log_take_up(struct audit_log *log)
{
	struct audit_line first;
	log->taken_up = log->taken_up || take_up(log);
	if (log->size == 0)
		log->first_seq = 0;
	else if (log->first_seq == 0)
		log->first_seq = audit_log_first_line(log->path, &first) && first.seq > 0 ? first.seq : log->seq + 1;
	return log->taken_up;
}
