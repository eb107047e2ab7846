/* SPDX-License-Identifier: BSD-2-Clause
 *
 * saring-compile - the only program that reads list text for the daemon: saring.yaml and its lists in, a policy image out, and
 * gone. saringd starts it for every reload; a person may, to look for errors. What a list's author could make it do ends with this
 * process. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "list/list.h"
#include "policy/compile.h"
#include "settings/load.h"
#include "version.h"

#define IMAGE_MODE 0640
#define FD_NONE (-1)
#define FD_MAX 1048576
#define CPU_LIMIT_S 600
#define MEMORY_LIMIT_BYTES ((rlim_t)8 * 1024 * 1024 * 1024)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *config, *output;
	uint32_t generation;
	bool has_generation, check;
	int config_fd, summary_fd;
};

static const char usage[] = "usage: saring-compile -c FILE -o IMAGE -g GENERATION [--config-fd N] [--summary-fd N]\n"
			    "       saring-compile -c FILE --check [--config-fd N] [--summary-fd N]\n";

static bool number_from(const char *text, uint64_t max, uint64_t *ret)
{
	return str_to_u64(str_from(text), ret) && *ret <= max;
}

/* Returns -1 to go on, else the exit status. */
static int options_parse(int argc, char **argv, struct options *o)
{
	enum { OPT_CONFIG_FD = 256, OPT_SUMMARY_FD, OPT_CHECK, OPT_VERSION, OPT_HELP };
	static const struct option table[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"output", required_argument, NULL, 'o'},
	    {"generation", required_argument, NULL, 'g'},
	    {"config-fd", required_argument, NULL, OPT_CONFIG_FD},
	    {"summary-fd", required_argument, NULL, OPT_SUMMARY_FD},
	    {"check", no_argument, NULL, OPT_CHECK},
	    {"version", no_argument, NULL, OPT_VERSION},
	    {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	*o = (struct options){.config = SETTINGS_PATH_DEFAULT, .config_fd = FD_NONE, .summary_fd = FD_NONE};
	uint64_t n = 0;
	bool ok = true;
	for (int opt; ok && (opt = getopt_long(argc, argv, "c:o:g:", table, NULL)) != -1;) {
		switch (opt) {
		case 'c':
			o->config = optarg;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'g':
			ok = o->has_generation = number_from(optarg, UINT32_MAX, &n);
			o->generation = (uint32_t)n;
			break;
		case OPT_CONFIG_FD:
			ok = number_from(optarg, FD_MAX, &n);
			o->config_fd = (int)n;
			break;
		case OPT_SUMMARY_FD:
			ok = number_from(optarg, FD_MAX, &n);
			o->summary_fd = (int)n;
			break;
		case OPT_CHECK:
			o->check = true;
			break;
		case OPT_VERSION:
			(void)printf("saring-compile %s\n", SARING_VERSION);
			return EXIT_DONE;
		case OPT_HELP:
			(void)fputs(usage, stdout);
			return EXIT_DONE;
		default:
			ok = false;
		}
	}
	if (!ok || optind != argc || (o->check ? o->output != NULL : o->output == NULL || !o->has_generation)) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static void limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit now;
	if (getrlimit(resource, &now) != 0)
		return;
	struct rlimit less = {MIN(now.rlim_cur, value), MIN(now.rlim_max, value)};
	(void)setrlimit(resource, &less);
}

/* Nobody waits for this process once saringd is gone; nothing it runs into may gain rights, be read by a debugger, or take the
 * machine's memory and time. */
static void drop(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN); /* a reader of the summary that went away is an error like another */
	limit(RLIMIT_CPU, CPU_LIMIT_S);
	if (!SANITIZED) { /* which map terabytes, and look for leaks as a debugger */
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		limit(RLIMIT_CORE, 0);
		limit(RLIMIT_AS, MEMORY_LIMIT_BYTES);
	}
}

struct work {
	struct settings *settings;
	struct list **lists; /* one for each of settings'; NULL when off, or when it could not be read */
	int64_t *changed_at_s;
	struct buf image;
	struct err_list errors;
};

/* A check goes on with what could be read, to the faults in the lists. */
static struct settings *read_settings(const struct options *o, struct err_list *errors)
{
	struct buf text = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	struct settings *ret = NULL;
	bool ok = o->config_fd == FD_NONE ? file_read(o->config, SETTINGS_BYTES_MAX, &text, &err)
					  : file_read_fd(o->config_fd, o->config, SETTINGS_BYTES_MAX, &text, &err);
	if (ok)
		ret = o->check ? settings_parse_faulty(buf_str(&text), o->config, errors)
			       : settings_parse(buf_str(&text), o->config, errors);
	else if (err.code == ERR_LIMIT)
		err_list_add_at(errors, o->config, 1, 1, "%s", err.text);
	else
		err_list_add(errors, &err);
	buf_finish(&text);
	return ret;
}

/* Those in mode off are looked at by a check alone: a broken one among them keeps nobody from reloading. */
static void read_lists(struct work *w, bool check)
{
	const struct settings *s = w->settings;
	w->lists = base_alloc((s->list_count + 1) * sizeof(struct list *));
	w->changed_at_s = base_alloc((s->list_count + 1) * sizeof(int64_t));
	for (size_t i = 0; i < s->list_count; i++) {
		struct stat st;
		bool off = s->lists[i].mode == MODE_OFF;
		if (off && !check)
			continue;
		if (stat(s->lists[i].file, &st) == 0)
			w->changed_at_s[i] = st.st_mtim.tv_sec;
		w->lists[i] = list_load_named(s, i, &w->errors);
		if (off) {
			list_destroy(w->lists[i]);
			w->lists[i] = NULL;
		}
	}
}

static size_t compiled_lists(const struct work *w, size_t *ret_entries)
{
	size_t lists = 0, entries = 0;
	for (size_t i = 0; w->settings != NULL && i < w->settings->list_count; i++) {
		if (w->lists[i] == NULL)
			continue;
		lists++;
		entries += w->lists[i]->entry_count;
	}
	*ret_entries = entries;
	return lists;
}

static bool compile(const struct options *o, struct work *w)
{
	struct err err = {.code = ERR_NONE};
	w->settings = read_settings(o, &w->errors);
	if (w->settings == NULL)
		return false;
	read_lists(w, o->check);
	const struct compile_input input = {.settings = w->settings,
					    .lists = w->lists,
					    .changed_at_s = w->changed_at_s,
					    .generation = o->generation,
					    .now_s = clock_wall_s()};
	/* A list that could not be read, or not whole, does not keep the others' expressions from being looked at. */
	if (!policy_compile(&input, &w->image, &w->errors) || w->errors.count > 0)
		return false;
	if (o->check || file_replace(o->output, w->image.ptr, w->image.len, IMAGE_MODE, &err))
		return true;
	err_list_add(&w->errors, &err);
	return false;
}

static json_t *summary_errors(const struct err_list *errors)
{
	json_t *ret = json_array();
	for (size_t i = 0; i < errors->count; i++) {
		const struct err *e = &errors->items[i];
		json_t *file = e->file[0] == '\0' ? json_null() : json_string(e->file);
		json_t *text = json_string(e->text);
		must(json_array_append_new(ret, json_pack("{s:o, s:I, s:I, s:o}", "file", file == NULL ? json_string("?") : file,
							  "line", (json_int_t)e->line, "column", (json_int_t)e->column, "text",
							  text == NULL ? json_string("the error's text is not UTF-8") : text)) ==
		     0);
	}
	return ret;
}

static bool write_summary(const struct options *o, const struct work *w, bool ok, int64_t took_ns)
{
	size_t entries = 0, lists = compiled_lists(w, &entries);
	json_t *summary = ok ? json_pack("{s:b, s:I, s:I, s:I, s:f, s:I}", "ok", 1, "generation", (json_int_t)o->generation,
					 "lists", (json_int_t)lists, "entries", (json_int_t)entries, "compile_seconds",
					 (double)took_ns / 1e9, "bytes", (json_int_t)w->image.len)
			     : json_pack("{s:b, s:o, s:I}", "ok", 0, "errors", summary_errors(&w->errors), "more",
					 (json_int_t)w->errors.swallowed);
	must(summary != NULL);
	bool written = json_dumpfd(summary, o->summary_fd, JSON_COMPACT) == 0;
	json_decref(summary);
	return written;
}

static void work_finish(struct work *w)
{
	for (size_t i = 0; w->lists != NULL && i < w->settings->list_count; i++)
		list_destroy(w->lists[i]);
	free(w->lists);
	free(w->changed_at_s);
	settings_destroy(w->settings);
	buf_finish(&w->image);
	err_list_finish(&w->errors);
}

int main(int argc, char **argv)
{
	struct options o;
	struct work w = {.settings = NULL};
	int status = options_parse(argc, argv, &o);
	if (status >= 0)
		return status;
	drop();
	int64_t start_ns = clock_mono_ns();
	bool ok = compile(&o, &w);
	err_list_print(&w.errors, stderr);
	if (o.summary_fd != FD_NONE && !write_summary(&o, &w, ok, clock_mono_ns() - start_ns)) {
		(void)fprintf(stderr, "can't write the summary: %s\n", strerror(errno));
		ok = false;
	}
	work_finish(&w);
	return ok ? EXIT_DONE : EXIT_FAILED;
}
