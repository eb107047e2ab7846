/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/check_locals.h"

#include "base/file.h"
#include "base/str.h"
#include "settings/hosts.h"

#include <stdio.h>
#include <string.h>

struct told {
	struct policy_warning **warnings;
	size_t *count;
	enum warning_kind kind;
	const char *file;
};

static void add(void *arg, uint32_t line, uint32_t column, const char *text)
{
	struct told *t = arg;
	*t->warnings = base_realloc(*t->warnings, (*t->count + 1) * sizeof(**t->warnings));
	struct policy_warning *w = &(*t->warnings)[(*t->count)++];
	*w = (struct policy_warning){.kind = t->kind, .file = t->file, .line = line, .column = column};
	(void)snprintf(w->text, sizeof(w->text), "%s", text);
}

static void check_file(struct told *t, const char *path, uint16_t source, struct hosts *hosts)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	char safe[sizeof(err.text)];

	hosts->faults = 0;
	if (!file_read(path, HOSTS_BYTES_MAX, &text, &err))
		add(t, 1, 1, str_escape(str_from(err.text), true, safe, sizeof(safe)));
	else
		hosts_read(hosts, buf_str(&text), source, add, t);
	if (hosts->faults > HOSTS_TOLD_MAX) {
		struct policy_warning *last = &(*t->warnings)[*t->count - 1];
		const size_t len = strlen(last->text);
		(void)snprintf(last->text + len, sizeof(last->text) - len, "; the last shown of %zu such lines", hosts->faults);
	}
	buf_finish(&text);
}

/* Only records of saring.yaml are CNAMEs. */
static void check_circles(struct told *t, const struct locals *l)
{
	struct locals_walk at = {0};
	struct name owner;
	const struct locals_rr *rr;
	char name[NAME_TEXT_MAX], text[NAME_TEXT_MAX + 64];

	while (l != NULL && locals_circle(l, &at, &owner, &rr)) {
		(void)snprintf(text, sizeof(text), "the CNAME of '%s' leads in a circle, by wildcards", name_to_text(&owner, name));
		add(t, rr->line, 1, text);
	}
}

void check_locals(const struct settings *settings, struct policy_warning **warnings, size_t *count)
{
	const char *sources[LOCALS_SOURCES_MAX] = {settings->path};
	struct told told = {.warnings = warnings, .count = count, .kind = WARNING_LEFT_OUT};
	struct hosts hosts = {.count = 0};

	for (size_t i = 0; i < settings->host_count; i++) {
		told.file = sources[i + 1] = settings->hosts[i].shown;
		check_file(&told, settings->hosts[i].path, (uint16_t)(i + 1), &hosts);
	}
	struct locals *l =
	    locals_build(settings->records, settings->record_count, hosts.items, hosts.count, sources, settings->host_count + 1);
	told.kind = WARNING_UNREACHABLE;
	told.file = settings->path;
	check_circles(&told, l);
	locals_destroy(l);
	hosts_finish(&hosts);
}
