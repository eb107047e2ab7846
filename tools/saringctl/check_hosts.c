/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/check_hosts.h"

#include "base/file.h"
#include "base/str.h"
#include "settings/hosts.h"

#include <stdio.h>
#include <string.h>

struct told {
	struct policy_warning **warnings;
	size_t *count;
	const char *file;
};

static void add(void *arg, uint32_t line, uint32_t column, const char *text)
{
	struct told *t = arg;
	*t->warnings = base_realloc(*t->warnings, (*t->count + 1) * sizeof(**t->warnings));
	struct policy_warning *w = &(*t->warnings)[(*t->count)++];
	*w = (struct policy_warning){.kind = WARNING_LEFT_OUT, .file = t->file, .line = line, .column = column};
	(void)snprintf(w->text, sizeof(w->text), "%s", text);
}

static void check_one(struct told *t, const char *path, uint16_t source)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	struct hosts hosts = {.count = 0};
	char safe[sizeof(err.text)];

	if (!file_read(path, HOSTS_BYTES_MAX, &text, &err))
		add(t, 1, 1, str_escape(str_from(err.text), true, safe, sizeof(safe)));
	else
		hosts_read(&hosts, buf_str(&text), source, add, t);
	if (hosts.faults > HOSTS_TOLD_MAX) {
		struct policy_warning *last = &(*t->warnings)[*t->count - 1];
		const size_t len = strlen(last->text);
		(void)snprintf(last->text + len, sizeof(last->text) - len, "; the last shown of %zu such lines", hosts.faults);
	}
	hosts_finish(&hosts);
	buf_finish(&text);
}

void check_hosts(const struct settings *settings, struct policy_warning **warnings, size_t *count)
{
	for (size_t i = 0; i < settings->host_count; i++) {
		struct told told = {.warnings = warnings, .count = count, .file = settings->hosts[i].shown};
		check_one(&told, settings->hosts[i].path, (uint16_t)(i + 1));
	}
}
