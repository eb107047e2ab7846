/* SPDX-License-Identifier: BSD-2-Clause
 *
 * doctor_rights.c - may the daemon read what it must read and write what it must write, and may this user talk to it. By the bits
 * of owner, group and others; of access lists nothing is known here. */
#include "saringctl/doctor.h"

#include "base/str.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_MAX 256
#define READS 4u
#define WRITES 2u
#define ENTERS 1u

struct person {
	uid_t uid;
	gid_t groups[GROUPS_MAX];
	int count;
};

static void person_of(const struct doctor *d, struct person *ret)
{
	ret->uid = d->uid;
	ret->count = GROUPS_MAX;
	if (getgrouplist(d->user, d->gid, ret->groups, &ret->count) < 0) {
		ret->groups[0] = d->gid;
		ret->count = 1;
	}
}

static bool may(const struct person *p, const struct stat *st, unsigned what)
{
	if (p->uid == 0)
		return true;
	unsigned bits = st->st_mode & 7u;
	if (st->st_uid == p->uid) {
		bits = st->st_mode >> 6 & 7u;
	} else {
		for (int i = 0; i < p->count; i++)
			bits = st->st_gid == p->groups[i] ? st->st_mode >> 3 & 7u : bits;
	}
	return (bits & what) == what;
}

/* May the person do `what` with path, through all folders above? Where not, ret has the folder or file that is in the way. 0: it
 * may; 1: not; -1: it is not there, or this user cannot look (errno). */
static int reach(const struct person *p, const char *path, unsigned what, char *ret, size_t size)
{
	char above[4096];
	struct stat st;
	(void)snprintf(above, sizeof(above), "%s", path);
	for (char *slash = strchr(above + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int got = stat(above, &st);
		if (got != 0 || !may(p, &st, ENTERS)) {
			(void)snprintf(ret, size, "%s", above);
			return got != 0 ? -1 : 1;
		}
		*slash = '/';
	}
	(void)snprintf(ret, size, "%s", path);
	if (stat(path, &st) != 0)
		return -1;
	return may(p, &st, what) ? 0 : 1;
}

static void judge_config(struct doctor *d, const struct person *p)
{
	char where[4096], *path = realpath(d->ctx->config, NULL);
	int got = path == NULL ? -1 : reach(p, path, READS, where, sizeof(where));
	if (got == 0) {
		doctor_find(d, HEALTH_OK, "rights", "%s may read %s", d->user, d->ctx->config);
	} else if (got > 0) {
		doctor_find(d, HEALTH_PROBLEM, "rights", "%s may not read %s, for the rights of %s", d->user, d->ctx->config,
			    where);
		doctor_remedy(d, "chgrp %s %s && chmod g+r %s", d->user, where, where);
	} else {
		doctor_find(d, HEALTH_UNKNOWN, "rights", "%s: %s", d->ctx->config, strerror(errno));
	}
	free(path);
}

static void judge_lists(struct doctor *d, const struct person *p)
{
	size_t good = 0, unknown = 0;
	for (size_t i = 0; i < d->s->list_count; i++) {
		const struct settings_list *l = &d->s->lists[i];
		char where[4096];
		if (l->url != NULL || l->mode == MODE_OFF)
			continue; /* a fetched copy is the daemon's own */
		int got = reach(p, l->file, READS, where, sizeof(where));
		if (got > 0) {
			doctor_find(d, HEALTH_PROBLEM, "rights", "%s may not read %s, the list '%s', for the rights of %s", d->user,
				    l->file, l->name, where);
			doctor_remedy(d, "chgrp %s %s && chmod g+%s %s", d->user, where, strcmp(where, l->file) == 0 ? "r" : "x",
				      where);
		}
		good += got == 0 ? 1 : 0;
		unknown += got < 0 ? 1 : 0;
	}
	if (good > 0)
		doctor_find(d, HEALTH_OK, "rights", "%s may read %zu list%s", d->user, good, good == 1 ? "" : "s");
	if (unknown > 0)
		doctor_find(d, HEALTH_UNKNOWN, "rights", "%zu list%s cannot be looked at, or %s not there (see configuration)",
			    unknown, unknown == 1 ? "" : "s", unknown == 1 ? "is" : "are");
}

static void judge_state(struct doctor *d, const struct person *p)
{
	char where[4096];
	struct stat st;
	int got = reach(p, d->s->state, READS | WRITES | ENTERS, where, sizeof(where));
	if (got < 0 && errno == ENOENT) {
		doctor_find(d, d->status != NULL ? HEALTH_PROBLEM : HEALTH_WARNING, "state", "%s is not there", where);
		doctor_remedy(d, "install -d -o %s -g %s -m 0750 %s", d->user, d->user, d->s->state);
	} else if (got < 0) {
		doctor_find(d, HEALTH_UNKNOWN, "state", "%s: %s", where, strerror(errno));
	} else if (got > 0) {
		doctor_find(d, HEALTH_PROBLEM, "state", "%s may not write to %s, for the rights of %s", d->user, d->s->state,
			    where);
		doctor_remedy(d, "chown %s %s && chmod u+rwx %s", d->user, where, where);
	} else if (stat(d->s->state, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
		doctor_find(d, HEALTH_PROBLEM, "state", "everybody may write to %s", d->s->state);
		doctor_remedy(d, "chmod o-w %s", d->s->state);
	} else if (stat(d->s->state, &st) == 0 && st.st_uid != p->uid) {
		doctor_find(d, HEALTH_WARNING, "state", "%s is not %s's own, so that its files cannot be kept right", d->s->state,
			    d->user);
		doctor_remedy(d, "chown -R %s %s", d->user, d->s->state);
	} else {
		doctor_find(d, HEALTH_OK, "state", "%s is %s's own", d->s->state, d->user);
	}
}

static bool is_in_group(gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	int count = getgroups(GROUPS_MAX, groups);
	for (int i = 0; i < count; i++) {
		if (groups[i] == gid)
			return true;
	}
	return getegid() == gid;
}

static void judge_socket(struct doctor *d)
{
	struct stat st;
	const char *path = d->ctx->socket;
	if (path == NULL || stat(path, &st) != 0) {
		if (d->status == NULL && !d->denied)
			return; /* there is no daemon: said */
		doctor_find(d, HEALTH_UNKNOWN, "control socket", "%s: %s", path != NULL ? path : "?", strerror(errno));
		return;
	}
	const struct group *g = getgrgid(st.st_gid);
	const char *group = g != NULL ? g->gr_name : "?";
	bool changes = geteuid() == 0 || (d->has_user && geteuid() == d->uid);
	if (changes) {
		doctor_find(d, HEALTH_OK, "control socket", "%s: you may ask and change", path);
	} else if (is_in_group(st.st_gid)) {
		doctor_find(d, HEALTH_OK, "control socket", "%s: you are in the group %s and may ask; changing takes root", path,
			    group);
	} else {
		doctor_find(d, HEALTH_WARNING, "control socket", "%s is for root and the group %s, in which you are not", path,
			    group);
		doctor_remedy(d, "usermod -aG %s $USER   # as root, and log in again", group);
	}
}

void doctor_rights(struct doctor *d)
{
	struct person *p = base_alloc(sizeof(*p));
	if (d->has_user) {
		person_of(d, p);
		if (d->has_config)
			judge_config(d, p);
		judge_lists(d, p);
		judge_state(d, p);
	} else {
		doctor_find(d, HEALTH_WARNING, "rights", "there is no user %s for the daemon to become", d->user);
		doctor_remedy(d,
			      "useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin %s   # or 'user' in saring.yaml",
			      d->user);
	}
	judge_socket(d);
	free(p);
}
