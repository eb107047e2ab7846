/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/log_fixture.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void log_fixture_make(struct log_fixture *f)
{
	*f = (struct log_fixture){.hash = audit_hash_none};
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/saring-test-audit-XXXXXX");
	must(mkdtemp(f->folder) != NULL);
}

void log_fixture_remove(struct log_fixture *f)
{
	DIR *d = opendir(f->folder);
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	(void)rmdir(f->folder);
	buf_finish(&f->text);
}

void log_fixture_add(struct log_fixture *f, const char *verb, const char *time, const char *extra)
{
	json_t *record = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)++f->seq, "time", time, "verb", verb);
	json_t *more = extra ? json_loads(extra, 0, NULL) : json_object();
	must(record && more && json_object_update(record, more) == 0);
	struct audit_hash prev = f->hash;
	audit_line_put(&f->text, record, &prev, &f->hash);
	json_decref(more);
	json_decref(record);
}

void log_fixture_put(const struct log_fixture *f, const char *file, const void *bytes, size_t len)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", f->folder, file);
	FILE *out = fopen(path, "w");
	must(out && fwrite(bytes, 1, len, out) == len && fclose(out) == 0);
}

static void write_head(const struct log_fixture *f)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "{\"seq\": %" PRIu64 ", \"hash\": \"%s\"}", f->seq, f->hash.hex);
	log_fixture_put(f, AUDIT_HEAD, text, (size_t)n);
}

void log_fixture_rotate(struct log_fixture *f)
{
	struct audit_line first;
	struct str rest = buf_str(&f->text);
	must(audit_line_read(str_cut(&rest, '\n'), &first) == AUDIT_LINE_GOOD);
	struct buf path = {0};
	audit_folder_full_path(f->folder, first.seq, &path);
	log_fixture_put(f, strrchr(path.ptr, '/') + 1, f->text.ptr, f->text.len);
	buf_finish(&path);
	buf_finish(&f->text);
}

void log_fixture_write(struct log_fixture *f)
{
	log_fixture_put(f, AUDIT_FILE, f->text.ptr, f->text.len);
	write_head(f);
}
