/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/log.h"

#include "audit/log_open.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ctl/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_DEFAULT ((uint64_t)64 << 20)

/* ---- small parts ---- */

void audit_log_time(char buf[AUDIT_TIME_MAX])
{
	int64_t now_ms = clock_wall_ms();
	str_from_time(now_ms / 1000, buf, AUDIT_TIME_MAX);
	size_t len = strlen(buf);
	(void)snprintf(buf + len - 1, AUDIT_TIME_MAX - len + 1, ".%03dZ", (int)(now_ms % 1000)); /* in place of the Z */
}

void audit_log_find(struct audit_log *log, json_t *finding)
{
	char *text = ctl_json(finding, JSON_COMPACT), safe[1024];
	log_error("audit.found record=\"%s\"", str_escape(str_from(text), true, safe, sizeof(safe)));
	free(text);
	if (!log->findings)
		log->findings = json_array();
	must(log->findings && json_array_append_new(log->findings, finding) == 0);
}

static bool fail(struct audit_log *log, const char *what)
{
	char text[sizeof(log->error)];
	static struct log_limit limit = {.interval_ms = 60000};
	(void)snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	memcpy(log->error, text, sizeof(text));
	log_limited(&limit, LOG_LEVEL_ERROR, "audit.unwritable error=\"%s\" text=\"changes go on, their records are lost\"", text);
	return false;
}

/* It is open only while it is written to: an open file would keep a disk from becoming read-only. */
static void close_file(struct audit_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

/* ---- the file ---- */

/* Is it still the file that was written to, as long as it was left? Whoever took it away or wrote to it is told of. */
static void look_after_file(struct audit_log *log, const struct stat *st)
{
	bool same = st->st_dev == log->dev && st->st_ino == log->ino;
	if (!log->known || (same && (uint64_t)st->st_size == log->size))
		return;
	json_t *finding =
	    json_pack("{s:s, s:s, s:s, s:I, s:I}", "verb", "audit damage", "by", "daemon", "kind", same ? "resized" : "replaced",
		      "bytes", (json_int_t)log->size, "found_bytes", (json_int_t)st->st_size);
	must(finding);
	audit_log_find(log, finding);
	if (!same)
		log->first_seq = 0;
}

static bool open_file(struct audit_log *log)
{
	struct stat st;
	if (log->fd >= 0)
		return true;
	/* chmod: whatever the umask, the daemon's group may read */
	if (mkdir(log->folder, AUDIT_FOLDER_MODE) == 0)
		(void)!chmod(log->folder, AUDIT_FOLDER_MODE);
	else if (errno != EEXIST)
		return fail(log, "making the audit log's folder");
	log->fd = open(log->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, AUDIT_FILE_MODE);
	if (log->fd < 0 || fstat(log->fd, &st) < 0)
		return fail(log, "opening the audit log");
	if (st.st_size == 0)
		(void)!fchmod(log->fd, AUDIT_FILE_MODE);
	look_after_file(log, &st);
	log->known = true;
	log->dev = st.st_dev;
	log->ino = st.st_ino;
	log->size = (uint64_t)st.st_size;
	return audit_log_cut_torn(log) && audit_log_take_up(log);
}

static void sync_folder(const struct audit_log *log)
{
	int fd = open(log->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* The full file gets its number for a name; the next record begins a new one. Where that cannot be, the old one grows. */
static void rotate(struct audit_log *log)
{
	struct buf full = {0};
	audit_folder_full_path(log->folder, log->first_seq, &full);
	struct stat st;
	if (lstat(full.ptr, &st) == 0)
		errno = EEXIST; /* somebody's: what stands there is not written over */
	else if (rename(log->path, full.ptr) == 0)
		errno = 0;
	bool ok = errno == 0;
	buf_finish(&full);
	if (!ok) {
		(void)fail(log, "beginning a new file of the audit log");
		return;
	}
	close_file(log);
	log->known = false;
	log->first_seq = 0;
	log->rotated = log->keep > 0;
	if (open_file(log))
		sync_folder(log);
}

static bool write_line(struct audit_log *log, const struct buf *line)
{
	if (file_write_all(log->fd, line->ptr, line->len) && fdatasync(log->fd) == 0) {
		log->size += line->len;
		return true;
	}
	(void)fail(log, "writing the audit log");
	/* Half a line would break the next. What cannot even be cut is found when the file is opened again. */
	if (ftruncate(log->fd, (off_t)log->size) < 0)
		log->known = false;
	return false;
}

static void write_head(struct audit_log *log)
{
	struct err err = {.code = ERR_NONE};
	struct buf path = {0};
	json_t *head = json_pack("{s:I, s:s}", "seq", (json_int_t)log->seq, "hash", log->hash.hex);
	must(head && (!log->kept || json_object_update_missing(head, log->kept) == 0));
	char *text = ctl_json(head, JSON_COMPACT);
	buf_printf(&path, "%s/" AUDIT_HEAD, log->folder);
	log->head_stale = !file_replace(path.ptr, text, strlen(text), AUDIT_FILE_MODE, &err);
	if (log->head_stale)
		(void)snprintf(log->error, sizeof(log->error), "%.200s", err.text);
	if (log->head_stale)
		log_warning("audit.head-unwritable error=\"%s\"", log->error);
	log_info("audit.head seq=%" PRIu64 " hash=%s", log->seq, log->hash.hex);
	buf_finish(&path);
	free(text);
	json_decref(head);
}

/* ---- records ---- */

/* record is borrowed. The head follows each record at once: killed in between, it is one behind and never more, which is told from
 * damage. */
static bool append(struct audit_log *log, json_t *record)
{
	if (!open_file(log)) { /* what the log holds is known from here on */
		close_file(log);
		return false;
	}
	struct buf line = {0};
	struct audit_hash hash;
	char time[AUDIT_TIME_MAX];
	audit_log_time(time);
	json_t *whole = json_pack("{s:I, s:s}", "seq", (json_int_t)log->seq + 1, "time", time);
	must(whole && json_object_update_missing(whole, record) == 0);
	audit_line_put(&line, whole, &log->hash, &hash);
	json_decref(whole);
	if (log->limit > 0 && log->size > 0 && log->size + line.len > log->limit)
		rotate(log);
	bool ok = open_file(log) && write_line(log, &line);
	close_file(log);
	if (ok) {
		log->seq++;
		log->hash = hash;
		if (log->first_seq == 0)
			log->first_seq = log->seq;
		log->error[0] = '\0';
		write_head(log);
	}
	buf_finish(&line);
	return ok;
}

/* The first that gets through again says how many did not. */
static bool tell_gap(struct audit_log *log)
{
	if (log->lost == 0)
		return true;
	json_t *gap = json_pack("{s:s, s:s, s:I, s:s, s:s}", "verb", "audit gap", "by", "daemon", "lost", (json_int_t)log->lost,
				"since", log->lost_since, "error", log->error[0] ? log->error : log->lost_error);
	must(gap);
	bool ok = append(log, gap);
	json_decref(gap);
	if (ok)
		log->lost = 0;
	return ok;
}

static void lose(struct audit_log *log)
{
	if (log->lost++ > 0)
		return;
	audit_log_time(log->lost_since);
	memcpy(log->lost_error, log->error, sizeof(log->lost_error));
}

/* Says first which records go, then lets them go: killed in between, too many are there rather than too few. */
static void trim(struct audit_log *log)
{
	struct audit_folder files;
	log->rotated = false;
	if (!audit_folder_list(log->folder, &files, NULL))
		return;
	size_t full = files.count > 0 ? files.count - 1 : 0, over = full > log->keep ? full - log->keep : 0;
	struct audit_line next;
	if (over > 0 && audit_log_first_line(files.paths[over], &next) && next.seq > 1) {
		json_t *record = json_pack("{s:s, s:s, s:I, s:I}", "verb", "audit trim", "by", "daemon", "through",
					   (json_int_t)next.seq - 1, "files", (json_int_t)over);
		must(record);
		if (append(log, record))
			for (size_t i = 0; i < over; i++)
				(void)unlink(files.paths[i]);
		json_decref(record);
	}
	audit_folder_finish(&files);
}

bool audit_log_append(struct audit_log *log, json_t *record, const json_t *kept)
{
	bool ok = tell_gap(log);
	if (kept) {
		json_decref(log->kept);
		log->kept = json_deep_copy(kept);
	}
	ok = ok && append(log, record);
	json_decref(record);
	if (!ok) {
		lose(log);
		return false;
	}
	if (log->rotated)
		trim(log);
	return true;
}

void audit_log_mend(struct audit_log *log)
{
	if (log->lost > 0)
		(void)tell_gap(log);
	if (log->head_stale)
		write_head(log);
}

/* ---- life ---- */

struct audit_log *audit_log_open(const char *folder)
{
	struct audit_log *log = base_alloc(sizeof(*log));
	struct buf path = {0};
	*log = (struct audit_log){.fd = -1, .folder = base_strdup(folder), .limit = SIZE_DEFAULT, .hash = audit_hash_none};
	buf_printf(&path, "%s/" AUDIT_FILE, folder);
	log->path = path.ptr;
	if (!open_file(log))
		(void)!audit_log_take_up(log); /* on a disk that is read-only it can be read nevertheless */
	close_file(log);
	return log;
}

void audit_log_close(struct audit_log *log)
{
	if (!log)
		return;
	close_file(log);
	json_decref(log->findings);
	json_decref(log->kept);
	free(log->folder);
	free(log->path);
	free(log);
}

void audit_log_configure(struct audit_log *log, uint64_t size, unsigned keep)
{
	log->limit = size;
	log->keep = keep;
}

json_t *audit_log_findings(struct audit_log *log)
{
	json_t *findings = log->findings;
	log->findings = NULL;
	return findings;
}

const json_t *audit_log_kept(const struct audit_log *log)
{
	return log->kept;
}

void audit_log_state(const struct audit_log *log, struct audit_log_state *ret)
{
	*ret = (struct audit_log_state){
	    .seq = log->seq, .hash = log->hash, .lost = log->lost, .error = log->lost > 0 || log->head_stale ? log->error : ""};
}
