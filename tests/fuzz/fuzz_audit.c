/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as the audit log, for its verifier and its reader: nothing crashes, what is told has a place within the file, and a log
 * that is said to be undamaged is one: every line a good record, each continuing the one before. */
#include "audit/read.h"
#include "audit/verify.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], file[96];

static void tear_down(void)
{
	(void)unlink(file);
	(void)rmdir(folder);
}

static void set_up(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/saring-fuzz-audit-XXXXXX");
	must(mkdtemp(folder) != NULL);
	(void)snprintf(file, sizeof(file), "%s/" AUDIT_FILE, folder);
	(void)atexit(tear_down);
}

struct heard {
	uint64_t damages;
	size_t lines;
};

static void on_damage(void *arg, const struct audit_damage *d)
{
	struct heard *h = arg;
	must(d->text[0] != '\0' && memchr(d->text, '\0', sizeof(d->text)) != NULL && d->line <= h->lines);
	h->damages++;
}

/* Said in another way than verify.c says it. */
static bool is_chain(struct str rest)
{
	struct audit_line before = {.seq = 0}, line;
	while (rest.len > 0) {
		if (!memchr(rest.ptr, '\n', rest.len))
			return false;
		if (audit_line_read(str_cut(&rest, '\n'), &line) != AUDIT_LINE_GOOD)
			return false;
		if (before.seq > 0 && (line.seq != before.seq + 1 || !audit_hash_eq(&line.prev, &before.hash)))
			return false;
		if (before.seq == 0 && line.seq == 1 && !audit_hash_eq(&line.prev, &audit_hash_none))
			return false;
		before = line;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audit_verdict verdict;
	struct err err = {.code = ERR_NONE};
	struct heard heard = {.lines = 1};
	json_t *records = NULL;
	if (folder[0] == '\0')
		set_up();
	FILE *out = fopen(file, "w");
	must(out && fwrite(data, 1, size, out) == size && fclose(out) == 0);
	for (size_t i = 0; i < size; i++)
		heard.lines += data[i] == '\n';
	must(audit_verify(file, on_damage, &heard, &verdict, &err));
	must(heard.damages == MIN(verdict.damages, (uint64_t)AUDIT_DAMAGES_MAX));
	must((verdict.damages == 0) == is_chain((struct str){(const char *)data, size}));
	heard.damages = 0;
	must(audit_verify(folder, on_damage, &heard, &verdict, &err)); /* and with the head, which is not there */
	must(audit_read(folder, &(struct audit_query){.limit = 10, .since_s = 1}, &records, &err));
	must(json_array_size(records) <= 10);
	json_decref(records);
	return 0;
}
