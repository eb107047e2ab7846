/* SPDX-License-Identifier: BSD-2-Clause */
#include "hosts_files.h"

#include "base/file.h"
#include "base/log.h"
#include "generation.h"
#include "settings/hosts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What tells a file from what it was. All zero: it is not there. */
struct look {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec written, changed;
};

struct hosts_files {
	struct look looks[SETTINGS_HOSTS_MAX];
	bool missed[SETTINGS_HOSTS_MAX]; /* told once, that it cannot be read */
};

struct hosts_files *hosts_files_create(void)
{
	return base_alloc(sizeof(struct hosts_files));
}

void hosts_files_destroy(struct hosts_files *h)
{
	free(h);
}

static void look_at(const char *path, struct look *ret)
{
	struct stat st;
	memset(ret, 0, sizeof(*ret));
	if (stat(path, &st) != 0)
		return;
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	ret->size = st.st_size;
	ret->written = st.st_mtim;
	ret->changed = st.st_ctim;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_look(const struct look *a, const struct look *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && same_time(a->written, b->written) &&
	       same_time(a->changed, b->changed);
}

static bool have_changed(const struct hosts_files *h, const struct settings *settings)
{
	for (size_t i = 0; i < settings->host_count; i++) {
		struct look now;
		look_at(settings->hosts[i].path, &now);
		if (!same_look(&now, &h->looks[i]))
			return true;
	}
	return false;
}

#define SHOWN_MAX 1024
static void on_fault(void *arg, uint32_t line, uint32_t column, const char *text)
{
	char path[SHOWN_MAX], safe[SHOWN_MAX];
	log_warning("hosts.line file=\"%s\" line=%u column=%u text=\"%s\"", str_escape(str_from(arg), true, path, sizeof(path)),
		    line, column, str_escape(str_from(text), true, safe, sizeof(safe)));
}

static void read_one(struct hosts_files *h, const struct settings *settings, size_t i, struct hosts *hosts)
{
	const struct settings_hosts *file = &settings->hosts[i];
	char shown[SHOWN_MAX], safe[SHOWN_MAX], *path = base_strdup(file->shown);
	struct buf text = {0};
	struct err err = {0};
	size_t before = hosts->count;

	/* Before it is read: what changes meanwhile is seen at the next look. */
	look_at(file->path, &h->looks[i]);
	(void)str_escape(str_from(path), true, shown, sizeof(shown));
	if (file_read(file->path, HOSTS_BYTES_MAX, &text, &err)) {
		hosts_read(hosts, buf_str(&text), (uint16_t)(i + 1), on_fault, path);
		log_info("hosts.read file=\"%s\" records=%zu faults=%zu", shown, hosts->count - before, hosts->faults);
	} else if (!h->missed[i]) {
		log_warning("hosts.unread file=\"%s\" text=\"%s\"", shown,
			    str_escape(str_from(err.text), true, safe, sizeof(safe)));
	}
	h->missed[i] = text.ptr == NULL;
	buf_finish(&text);
	free(path);
}

/* A hosts file may end it, or have ended it until now: no reason not to serve. */
static void tell_circles(const struct locals *l)
{
	struct locals_walk at = {0};
	struct name owner;
	const struct locals_rr *rr;
	char name[NAME_TEXT_MAX];

	for (unsigned n = 0; n < HOSTS_TOLD_MAX && l != NULL && locals_circle(l, &at, &owner, &rr); n++)
		log_warning("records.circle line=%u name=\"%s\" text=\"its CNAME leads in a circle, by wildcards\"", rr->line,
			    name_to_text(&owner, name));
}

struct locals *hosts_files_read(struct hosts_files *h, const struct settings *settings)
{
	const char *sources[LOCALS_SOURCES_MAX] = {settings->path};
	struct hosts hosts = {.count = 0};

	static_assert(LOCALS_SOURCES_MAX == SETTINGS_HOSTS_MAX + 1, "saring.yaml and all hosts files");
	for (size_t i = 0; i < settings->host_count; i++) {
		sources[i + 1] = settings->hosts[i].shown;
		read_one(h, settings, i, &hosts);
	}
	struct locals *l =
	    locals_build(settings->records, settings->record_count, hosts.items, hosts.count, sources, settings->host_count + 1);
	hosts_finish(&hosts);
	tell_circles(l);
	return l;
}

void hosts_files_follow(struct hosts_files *h, struct generations *generations)
{
	const struct generation *g = generation_current(generations);
	if (!have_changed(h, g->settings))
		return;
	generation_give_locals(generations, hosts_files_read(h, g->settings));
	generation_publish(generations, NULL, NULL, NULL, NULL, NULL);
}
