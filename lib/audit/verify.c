/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/verify.h"

#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const audit_damage_words[] = {
    [AUDIT_ALTERED] = "altered", [AUDIT_BROKEN] = "broken", [AUDIT_TORN] = "torn",	     [AUDIT_MISSING] = "missing",
    [AUDIT_ORDER] = "order",	 [AUDIT_CHAIN] = "chain",   [AUDIT_TRUNCATED] = "truncated", [AUDIT_HEAD_BAD] = "head",
};

#define ROUNDS 5

/* A record that has been read, good or altered. */
struct seen {
	struct audit_line line;
	uint32_t at; /* its line */
	uint32_t file;
};

struct told {
	struct audit_damage damage;
	char *file; /* owned */
};

struct walk {
	char *const *files;
	size_t file; /* being read */
	struct seen *seen;
	size_t count, cap;
	uint64_t trimmed;  /* records up to this were taken away by the daemon itself, as it says */
	struct told *told; /* owned */
	size_t told_count, told_cap;
	struct audit_verdict *verdict;
};

static void tell(struct walk *w, enum audit_damage_kind kind, size_t file, uint32_t line, uint64_t seq, const char *fmt, ...)
    PRINTF_LIKE(6, 7);
static void tell(struct walk *w, enum audit_damage_kind kind, size_t file, uint32_t line, uint64_t seq, const char *fmt, ...)
{
	w->verdict->damages++;
	if (w->told_count == AUDIT_DAMAGES_MAX)
		return;
	if (w->told_count == w->told_cap) {
		w->told_cap = MAX((size_t)16, w->told_cap * 2);
		w->told = base_realloc(w->told, w->told_cap * sizeof(w->told[0]));
	}
	struct told *t = &w->told[w->told_count++];
	*t = (struct told){.damage = {.kind = kind, .line = line, .seq = seq}};
	t->file = base_strdup(file < SIZE_MAX ? w->files[file] : "");
	char *text = t->damage.text;
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(t->damage.text), fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): va_start is above
	va_end(args);
}

static void walk_finish(struct walk *w)
{
	for (size_t i = 0; i < w->told_count; i++)
		free(w->told[i].file);
	free(w->told);
	free(w->seen);
	*w = (struct walk){.files = NULL};
}

/* ---- line by line ---- */

/* "keep" takes old files away, and the daemon says so: {"verb":"audit trim", ..., "through": N}. */
static uint64_t trimmed_through(struct str line)
{
	json_error_t fault;
	uint64_t through = 0;
	static const char verb[] = "\"verb\":\"audit trim\"";
	if (!memmem(line.ptr, line.len, verb, sizeof(verb) - 1))
		return 0;
	json_t *record = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, &fault);
	const char *said = json_string_value(json_object_get(record, "verb"));
	if (said && strcmp(said, "audit trim") == 0)
		through = (uint64_t)MAX(json_integer_value(json_object_get(record, "through")), (json_int_t)0);
	json_decref(record);
	return through;
}

static void keep(struct walk *w, const struct audit_line *line, uint32_t at)
{
	if (w->count == w->cap) {
		w->cap = MAX((size_t)64, w->cap * 2);
		w->seen = base_realloc(w->seen, w->cap * sizeof(w->seen[0]));
	}
	w->seen[w->count++] = (struct seen){.line = *line, .at = at, .file = (uint32_t)w->file};
}

static void look_at_line(struct walk *w, struct str text, uint32_t at, bool ended)
{
	struct audit_line line;
	enum audit_line_state state = audit_line_read(text, &line);
	w->verdict->records++;
	if (!ended) { /* even if all of it but its end is there: it was not written as a record is */
		w->verdict->records--;
		tell(w, AUDIT_TORN, w->file, at, line.seq, "the line has no end: it was being written when the daemon was stopped");
		return;
	}
	switch (state) {
	case AUDIT_LINE_BROKEN:
		tell(w, AUDIT_BROKEN, w->file, at, line.seq, "this is no record");
		break;
	case AUDIT_LINE_ALTERED:
		tell(w, AUDIT_ALTERED, w->file, at, line.seq, "the record was altered: its hash is of other bytes");
		break;
	case AUDIT_LINE_GOOD:
		w->trimmed = MAX(w->trimmed, trimmed_through(text));
		break;
	}
	if (line.seq > 0)
		keep(w, &line, at);
}

static bool look_at_file(struct walk *w, struct err *err)
{
	struct buf text = {0};
	if (!file_read(w->files[w->file], AUDIT_FILE_BYTES_MAX, &text, err)) {
		buf_finish(&text);
		return false;
	}
	const char *p = text.ptr, *end = p ? p + text.len : p;
	for (uint32_t at = 1; p < end; at++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline ? newline : end;
		look_at_line(w, (struct str){p, (size_t)(stop - p)}, at, newline != NULL);
		p = newline ? newline + 1 : end;
	}
	buf_finish(&text);
	return true;
}

/* ---- how they hang together ---- */

static int seq_order(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;
	if (a->line.seq != b->line.seq)
		return a->line.seq < b->line.seq ? -1 : 1;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* In the order they stand in: each has a higher number than all before it. */
static void check_order(struct walk *w)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < w->count; i++) {
		const struct seen *s = &w->seen[i];
		if (s->line.seq < highest)
			tell(w, AUDIT_ORDER, s->file, s->at, s->line.seq, "record %" PRIu64 " stands behind record %" PRIu64,
			     s->line.seq, highest);
		highest = MAX(highest, s->line.seq);
	}
}

static void tell_missing(struct walk *w, const struct seen *next, uint64_t from, uint64_t to)
{
	if (from == to)
		tell(w, AUDIT_MISSING, next->file, next->at, from, "record %" PRIu64 " is missing before this line", from);
	else
		tell(w, AUDIT_MISSING, next->file, next->at, from,
		     "records %" PRIu64 " to %" PRIu64 " are missing before this line", from, to);
}

/* In the order of their numbers: none is missing, none there twice, each continues the one before. */
static void check_chain(struct walk *w, bool whole)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct seen *s = &w->seen[i], *before = i > 0 ? &w->seen[i - 1] : NULL;
		uint64_t seq = s->line.seq;
		if (!before) {
			if (whole && seq > w->trimmed + 1)
				tell_missing(w, s, w->trimmed + 1, seq - 1);
			else if (seq == 1 && !audit_hash_eq(&s->line.prev, &audit_hash_none))
				tell(w, AUDIT_CHAIN, s->file, s->at, seq, "the first record says that there was one before it");
			continue;
		}
		if (before->line.seq == seq)
			tell(w, AUDIT_ORDER, s->file, s->at, seq, "record %" PRIu64 " is there twice", seq);
		else if (before->line.seq + 1 < seq)
			tell_missing(w, s, before->line.seq + 1, seq - 1);
		else if (!audit_hash_eq(&s->line.prev, &before->line.hash))
			tell(w, AUDIT_CHAIN, s->file, s->at, seq,
			     "record %" PRIu64 " does not continue record %" PRIu64 ": one of the two was written anew", seq,
			     seq - 1);
	}
}

static const struct seen *last_seen(const struct walk *w)
{
	return w->count > 0 ? &w->seen[w->count - 1] : NULL;
}

/* The head says where the log ends. A kill between the two writes leaves it one record behind. */
static void check_head(struct walk *w, const char *folder)
{
	struct audit_head head;
	struct err err = {.code = ERR_NONE};
	const struct seen *last = last_seen(w);
	const size_t file = last ? last->file : SIZE_MAX;
	const uint32_t at = last ? last->at : 0;
	const uint64_t seq = last ? last->line.seq : 0;
	if (!audit_head_read(folder, &head, &err)) {
		if (last || err.code != ERR_NOT_FOUND)
			tell(w, AUDIT_HEAD_BAD, file, 0, seq, "%.200s", err.text);
		return;
	}
	const struct seen *named = NULL;
	for (size_t i = 0; i < w->count; i++)
		if (w->seen[i].line.seq == head.seq)
			named = &w->seen[i];
	if (head.seq > seq)
		tell(w, AUDIT_TRUNCATED, file, at, head.seq, "the log ends at record %" PRIu64 ", but the head says %" PRIu64, seq,
		     head.seq);
	else if (named && !audit_hash_eq(&named->line.hash, &head.hash))
		tell(w, AUDIT_HEAD_BAD, named->file, named->at, head.seq,
		     "the head has another hash of record %" PRIu64 ": the record, or the head, was written anew", head.seq);
	else if (head.seq + 1 < seq)
		tell(w, AUDIT_HEAD_BAD, file, at, seq, "the head says %" PRIu64 ", but the log goes on to record %" PRIu64,
		     head.seq, seq);
	w->verdict->behind = head.seq + 1 == seq;
	audit_head_finish(&head);
}

/* ---- the whole ---- */

static bool walk_files(struct walk *w, size_t count, struct err *err)
{
	for (w->file = 0; w->file < count; w->file++)
		if (!look_at_file(w, err))
			return false;
	return true;
}

static void judge(struct walk *w, bool whole)
{
	check_order(w);
	if (w->count > 0)
		qsort(w->seen, w->count, sizeof(w->seen[0]), seq_order);
	check_chain(w, whole);
	if (w->count > 0) {
		w->verdict->first_seq = w->seen[0].line.seq;
		w->verdict->last_seq = last_seen(w)->line.seq;
		w->verdict->last_hash = last_seen(w)->line.hash;
	}
}

static void tell_all(const struct walk *w, audit_damaged *damaged, void *arg)
{
	for (size_t i = 0; i < w->told_count; i++) {
		struct audit_damage damage = w->told[i].damage;
		damage.file = w->told[i].file;
		damaged(arg, &damage);
	}
}

static uint64_t head_seq(const char *folder)
{
	struct audit_head head;
	if (!audit_head_read(folder, &head, NULL))
		return 0;
	uint64_t seq = head.seq;
	audit_head_finish(&head);
	return seq;
}

static bool verify_folder(const char *path, struct walk *w, struct err *err)
{
	struct audit_folder folder;
	if (!audit_folder_list(path, &folder, err))
		return false;
	w->files = folder.paths;
	w->verdict->files = folder.count;
	bool ok = walk_files(w, folder.count, err);
	if (ok) {
		judge(w, true);
		check_head(w, path);
	}
	w->files = NULL;
	audit_folder_finish(&folder);
	return ok;
}

static bool verify_file(const char *path, struct walk *w, struct err *err)
{
	char *alone = base_strdup(path);
	w->files = &alone;
	w->verdict->files = 1;
	bool ok = walk_files(w, 1, err);
	if (ok)
		judge(w, false);
	w->files = NULL;
	free(alone);
	return ok;
}

bool audit_verify(const char *path, audit_damaged *damaged, void *arg, struct audit_verdict *ret, struct err *err)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "looking at %s", path);
	for (unsigned round = 1;; round++) {
		struct walk w = {.verdict = ret};
		*ret = (struct audit_verdict){.last_hash = audit_hash_none};
		uint64_t before = S_ISDIR(st.st_mode) ? head_seq(path) : 0;
		bool ok = S_ISDIR(st.st_mode) ? verify_folder(path, &w, err) : verify_file(path, &w, err);
		/* The daemon may have written meanwhile: what looks like damage then is none. */
		bool moved = S_ISDIR(st.st_mode) && head_seq(path) != before;
		if (!moved || (ok && ret->damages == 0) || round == ROUNDS) {
			if (ok)
				tell_all(&w, damaged, arg);
			walk_finish(&w);
			return ok;
		}
		walk_finish(&w);
	}
}
