/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_doctor.c - doctor: runs the checks and shows what they found. */
#include "saringctl/doctor.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "ctl/client.h"
#include "ctl/proto.h"
#include "version.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ASK_MS 3000
#define USER_DEFAULT "saring"
#define LATE_FACTOR 3 /* a list this many times older than its refresh is old */

static const char *const health_words[] = {"ok", "warning", "problem", "unknown"};

void doctor_find(struct doctor *d, enum health state, const char *name, const char *fmt, ...)
{
	va_list args;
	struct finding *f;
	d->findings = base_realloc(d->findings, (d->count + 1) * sizeof(*d->findings));
	f = &d->findings[d->count++];
	*f = (struct finding){.name = base_strdup(name), .state = state};
	va_start(args, fmt);
	must(vasprintf(&f->seen, fmt, args) >= 0);
	va_end(args);
}

void doctor_remedy(struct doctor *d, const char *fmt, ...)
{
	va_list args;
	struct finding *f = &d->findings[d->count - 1];
	free(f->remedy);
	va_start(args, fmt);
	must(vasprintf(&f->remedy, fmt, args) >= 0);
	va_end(args);
}

/* ---- what the checks start from ---- */

static void learn_config(struct doctor *d)
{
	struct buf text = {0};
	struct err_list errors = {0};
	struct err err;
	d->has_config = file_read(d->ctx->config, SETTINGS_BYTES_MAX, &text, &err);
	d->s = settings_parse_faulty(d->has_config ? buf_str(&text) : STR_LIT(""), d->ctx->config, &errors);
	err_list_finish(&errors);
	buf_finish(&text);
}

static void learn_daemon(struct doctor *d)
{
	struct err err = {.code = ERR_NONE};
	const char *socket = context_find_socket(d->ctx, &err);
	if (socket != NULL && !ctl_call(socket, "status", NULL, ASK_MS, &d->status, NULL, &err))
		d->denied = err.code == ERR_DENIED;
	d->pid = (pid_t)field_int(d->status, "pid");
}

/* Whom it runs as: as it runs, else as it would. */
static void learn_user(struct doctor *d)
{
	char path[64];
	struct stat st;
	const struct passwd *p = NULL;
	(void)snprintf(path, sizeof(path), "/proc/%ld", (long)d->pid);
	if (d->pid > 0 && stat(path, &st) == 0)
		p = getpwuid(st.st_uid);
	else
		p = getpwnam(d->s->user != NULL ? d->s->user : USER_DEFAULT);
	d->has_user = p != NULL;
	d->uid = p != NULL ? p->pw_uid : 0;
	d->gid = p != NULL ? p->pw_gid : 0;
	(void)snprintf(d->user, sizeof(d->user), "%s", p != NULL ? p->pw_name : d->s->user != NULL ? d->s->user : USER_DEFAULT);
}

/* ---- the checks that need no file of their own ---- */

void doctor_configuration(struct doctor *d)
{
	size_t errors, warnings, lists;
	char first[1400];
	if (!d->has_config) {
		struct stat st;
		bool there = stat(d->ctx->config, &st) == 0;
		doctor_find(d, there ? HEALTH_UNKNOWN : HEALTH_PROBLEM, "configuration", "%s %s", d->ctx->config,
			    there ? "cannot be read by this user" : "is not there, or in a folder that this user may not enter");
		doctor_remedy(d, there ? "saringctl doctor   # as root" : "saringctl -c FILE doctor   # where is it?");
		return;
	}
	config_sum_up(d->ctx->config, &d->progress, &errors, &warnings, &lists, first, sizeof(first));
	if (errors > 0) {
		doctor_find(d, HEALTH_PROBLEM, "configuration", "%zu error%s: %s", errors, errors == 1 ? "" : "s", first);
		doctor_remedy(d, "saringctl -c %s check   # lists them all", d->ctx->config);
	} else if (lists == 0) {
		doctor_find(d, HEALTH_WARNING, "configuration", "%s has no errors, and no lists: nothing is blocked",
			    d->ctx->config);
		doctor_remedy(d, "lists: ...   # in saring.yaml, see saring.yaml(5)");
	} else {
		doctor_find(d, HEALTH_OK, "configuration", "%s: no errors, %zu list%s, %zu warning%s of 'check'", d->ctx->config,
			    lists, lists == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
	}
}

void doctor_daemon(struct doctor *d)
{
	const char *version = field_text(d->status, "version");
	if (d->denied) {
		doctor_find(d, HEALTH_UNKNOWN, "daemon", "saringd runs, and does not talk to this user");
		doctor_remedy(d, "saringctl doctor   # as root");
	} else if (d->status == NULL) {
		doctor_find(d, HEALTH_PROBLEM, "daemon", "no saringd listens at %s",
			    d->ctx->socket != NULL ? d->ctx->socket : "a known socket");
		doctor_remedy(d, "systemctl start saringd; journalctl -u saringd -n 20");
	} else if (strcmp(version, SARING_VERSION) != 0) {
		doctor_find(d, HEALTH_WARNING, "daemon", "saringd %s runs (process %ld), and this is saringctl %s", version,
			    (long)d->pid, SARING_VERSION);
		doctor_remedy(d, "systemctl restart saringd");
	} else {
		char up[FIGURE_MAX];
		doctor_find(d, HEALTH_OK, "daemon", "saringd %s runs for %s (process %ld, as %s)", version,
			    figure_seconds(field_real(d->status, "uptime_seconds"), up), (long)d->pid, d->user);
	}
}

static int64_t time_of(const json_t *object, const char *key)
{
	int64_t s = 0;
	return str_to_time(str_from(field_text(object, key)), &s, NULL) ? s : 0;
}

static void judge_list(struct doctor *d, const struct settings_list *l, const json_t *fetched, int64_t now_s)
{
	struct stat st;
	char age[FIGURE_MAX];
	const char *error = field_text(fetched, "error");
	int64_t got_s = time_of(fetched, "fetched_at");
	if (got_s == 0 && fetched == NULL && stat(l->file, &st) == 0)
		got_s = st.st_mtim.tv_sec; /* without the daemon: when the copy was written last */
	if (got_s == 0) {
		doctor_find(d, d->status != NULL ? HEALTH_PROBLEM : HEALTH_UNKNOWN, "list", "%s has never been fetched%s%s",
			    l->name, error[0] != '\0' ? ": " : "", error);
	} else if (error[0] != '\0' || (l->refresh_s > 0 && now_s - got_s > LATE_FACTOR * l->refresh_s)) {
		doctor_find(d, HEALTH_WARNING, "list", "%s was fetched %s ago%s%s; what it had then is in force", l->name,
			    figure_seconds((double)(now_s - got_s), age), error[0] != '\0' ? ", and cannot be fetched now: " : "",
			    error);
	} else {
		doctor_find(d, HEALTH_OK, "list", "%s was fetched %s ago", l->name,
			    figure_seconds((double)MAX(now_s - got_s, 0), age));
		return;
	}
	if (d->status != NULL)
		doctor_remedy(d, "saringctl list fetch %s", l->name);
}

void doctor_lists(struct doctor *d)
{
	json_t *fetches = NULL;
	struct err err;
	bool any = false;
	for (size_t i = 0; i < d->s->list_count; i++)
		any = any || (d->s->lists[i].url != NULL && d->s->lists[i].mode != MODE_OFF);
	if (!any)
		return;
	if (d->status != NULL)
		(void)!ctl_call(d->ctx->socket, "list.fetch.status", NULL, ASK_MS, &fetches, NULL, &err);
	for (size_t i = 0; i < d->s->list_count; i++) {
		const struct settings_list *l = &d->s->lists[i];
		const json_t *one, *fetched = NULL;
		size_t k;
		if (l->url == NULL || l->mode == MODE_OFF)
			continue;
		json_array_foreach(fetches, k, one) fetched = strcmp(field_text(one, "name"), l->name) == 0 ? one : fetched;
		judge_list(d, l, fetched, clock_wall_s());
	}
	json_decref(fetches);
}

/* ---- shown ---- */

static size_t count_of(const struct doctor *d, enum health state)
{
	size_t count = 0;
	for (size_t i = 0; i < d->count; i++)
		count += d->findings[i].state == state ? 1 : 0;
	return count;
}

static void show_json(const struct doctor *d)
{
	json_t *checks = json_array();
	must(checks != NULL);
	for (size_t i = 0; i < d->count; i++) {
		const struct finding *f = &d->findings[i];
		json_t *one = json_pack("{s:s, s:s, s:o, s:o}", "name", f->name, "state", health_words[f->state], "seen",
					ctl_text(str_from(f->seen)), "remedy",
					f->remedy != NULL ? ctl_text(str_from(f->remedy)) : json_null());
		must(one != NULL && json_array_append_new(checks, one) == 0);
	}
	json_t *document = json_pack("{s:o}", "checks", checks);
	must(document != NULL);
	output_json(document);
	json_decref(document);
}

static void show_remedy(const struct output *o, const char *remedy)
{
	struct str rest = str_from(remedy);
	while (rest.ptr != NULL) {
		char *line = str_dup(str_cut(&rest, '\n'));
		output_print(o, stdout, PAINT_NONE, "                         %s", line);
		putchar('\n');
		free(line);
	}
}

static void show_text(const struct doctor *d)
{
	static const enum paint paints[] = {PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_NONE};
	const struct output *o = &d->ctx->out;
	for (size_t i = 0; i < d->count; i++) {
		const struct finding *f = &d->findings[i];
		output_print(o, stdout, paints[f->state], "%-8s", health_words[f->state]);
		output_print(o, stdout, PAINT_NONE, " %-15s %s", f->name, f->seen);
		putchar('\n');
		if (f->remedy != NULL)
			show_remedy(o, f->remedy);
	}
	size_t problems = count_of(d, HEALTH_PROBLEM), warnings = count_of(d, HEALTH_WARNING),
	       unknown = count_of(d, HEALTH_UNKNOWN);
	char a[FIGURE_MAX], b[FIGURE_MAX], c[FIGURE_MAX];
	putchar('\n');
	output_print(o, stdout, problems > 0 ? PAINT_BAD : PAINT_GOOD, "%s",
		     figure_count((int64_t)problems, "problem", "problems", a));
	printf(", %s, %s.\n", figure_count((int64_t)warnings, "warning", "warnings", b),
	       figure_count((int64_t)unknown, "thing that could not be looked at", "things that could not be looked at", c));
}

enum exit_status cmd_doctor(struct context *ctx)
{
	struct doctor d = {.ctx = ctx};
	progress_start(&d.progress, &ctx->out, "looking");
	learn_config(&d);
	learn_daemon(&d);
	learn_user(&d);
	doctor_configuration(&d);
	doctor_daemon(&d);
	doctor_ports(&d);
	doctor_resolver(&d);
	doctor_upstream(&d);
	doctor_lists(&d);
	doctor_rights(&d);
	doctor_system(&d);
	progress_stop(&d.progress);
	if (ctx->out.json)
		show_json(&d);
	else
		show_text(&d);
	enum exit_status status = count_of(&d, HEALTH_PROBLEM) == 0 ? STATUS_DONE : STATUS_FAILED;
	for (size_t i = 0; i < d.count; i++) {
		free(d.findings[i].name);
		free(d.findings[i].seen);
		free(d.findings[i].remedy);
	}
	free(d.findings);
	json_decref(d.status);
	settings_destroy(d.s);
	return status;
}
