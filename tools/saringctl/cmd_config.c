/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_config.c - the configuration: check (without the daemon) and reload (by it). */
#include "saringctl/context.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "ctl/proto.h"
#include "list/doc.h"
#include "list/list.h"
#include "compile/compile.h"
#include "saringctl/change.h"
#include "saringctl/check_locals.h"
#include "saringctl/doctor.h"
#include "saringctl/list_signed.h"
#include "saringctl/list_source.h"
#include "saringctl/progress.h"
#include "settings/yaml.h"

#include <stdlib.h>
#include <string.h>

/* ---- check ---- */

struct check {
	struct settings *settings;  /* owned */
	struct settings_list alone; /* when a list is checked by itself */
	struct source *sources;	    /* owned, one for each list; without a segment for one in mode off or with errors */
	size_t list_count;	    /* read */
	uint64_t entry_count;
	struct err_list errors;
	struct policy_warning *warnings; /* owned */
	size_t warning_count;
};

/* Is it a YAML list rather than a saring.yaml? By its `entries`; one that has lost or misspelled them, by the keys that only a list
 * has at its top. False when the text is neither, being no YAML: errors are then added. Duplicate keys are left to whoever reads
 * the text as what it is. */
MUST_CHECK static bool sort_out(struct str text, const char *path, struct err_list *errors, bool *ret_is_list)
{
	static const char *const list_keys[] = {"entries", "title", "action",	 "authority",
						"reason",  "code",  "reference", "expires"};
	const struct yaml_limits limits = {.bytes = SETTINGS_BYTES_MAX, .nodes = SETTINGS_BYTES_MAX};
	struct arena arena = {0};
	bool is_list = false;
	if (text.len > SETTINGS_BYTES_MAX) {
		*ret_is_list =
		    memmem(text.ptr, text.len, "entries", 7) != NULL; /* else it is a saring.yaml, and too long to be one */
		return true;
	}
	struct err_list found = {0};
	const struct yaml_node *root = yaml_parse(text, path, &limits, &arena, &found);
	for (size_t i = 0; root == NULL && i < found.count; i++)
		err_list_add(errors, &found.items[i]);
	err_list_finish(&found);
	if (root != NULL && root->kind == YAML_MAPPING) {
		for (size_t i = 0; i < ARRAY_LEN(list_keys); i++)
			is_list = is_list || yaml_get(root, list_keys[i]) != NULL;
		is_list = is_list && yaml_get(root, "lists") == NULL && yaml_get(root, "listen") == NULL;
	}
	bool good = root != NULL;
	arena_finish(&arena);
	if (good)
		*ret_is_list = is_list;
	return good;
}

/* Settings that name this one list, and else say nothing. */
static void settings_of_list(struct check *c, const char *path, enum format format)
{
	/* Of a saring.yaml in the working directory, as path is taken from there. */
	const char *slash = strrchr(path, '/');
	c->settings = settings_parse(STR_LIT(""), slash != NULL ? slash + 1 : path, &c->errors);
	if (c->settings == NULL)
		return;
	c->alone = (struct settings_list){.name = path, .file = path, .file_shown = path, .format = format, .mode = MODE_ENFORCE};
	c->settings->lists = &c->alone;
	c->settings->list_count = 1;
}

static bool is_named_yaml(const char *path)
{
	size_t len = strlen(path);
	return (len > 5 && strcmp(path + len - 5, ".yaml") == 0) || (len > 4 && strcmp(path + len - 4, ".yml") == 0);
}

static void read_lists(struct check *c, struct progress *progress)
{
	size_t count = c->settings->list_count;
	c->sources = base_alloc((count + 1) * sizeof(*c->sources));
	for (size_t i = 0; i < count; i++) {
		const struct settings_list *l = &c->settings->lists[i];
		struct source *s = &c->sources[i];
		progress_step(progress, i, count + 1); /* the last step is the compilation */
		source_check(c->settings, i, s, &c->errors);
		if (s->segment == NULL)
			continue;
		if (l->mode == MODE_OFF) { /* its faults are told, and that is all */
			source_close(s);
			*s = (struct source){.segment = NULL};
			continue;
		}
		c->list_count++;
		c->entry_count += segment_entry_count(s->segment);
	}
	progress_step(progress, count, count + 1);
}

/* What only a compilation finds: expressions that are none, an answer without its addresses. What is merely odd is looked for in
 * sound lists alone: with entries missing, nobody knows. */
static void compile_lists(struct check *c)
{
	struct compile_input input = {.settings = c->settings, .sources = c->sources, .now_s = clock_wall_s(), .faults_only = true};
	for (int tier = IMAGE_LIVE; tier <= IMAGE_BULK; tier++) {
		struct buf image = {0};
		size_t before = c->errors.count + c->errors.swallowed;
		input.tier = (enum image_tier)tier;
		input.generation = tier == IMAGE_LIVE ? 1 : 0;
		if (!policy_compile(&input, &image, &c->errors) && c->errors.count + c->errors.swallowed == before)
			err_list_add_at(&c->errors, c->settings->path, 0, 0, "the lists cannot be compiled");
		buf_finish(&image);
	}
	c->warning_count = policy_check(c->settings, c->sources, input.now_s, &c->warnings);
}

/* Is it a list of another format than YAML? Only where the name does not say YAML: a saring.yaml with faults may look like
 * anything. */
static enum format sort_format(struct str text, const char *path)
{
	const char *why;
	if (is_named_yaml(path))
		return FORMAT_YAML;
	if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
		text = (struct str){text.ptr + 3, text.len - 3};
	enum format format = import_detect(text, &why);
	return format == FORMAT_AUTO ? FORMAT_YAML : format;
}

static void check_file(struct check *c, const char *path, struct progress *progress)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	bool is_list = false;
	if (!file_read(path, LIST_BYTES_MAX, &text, &err)) {
		err_list_add(&c->errors, &err);
		return;
	}
	enum format format = sort_format(buf_str(&text), path);
	bool sorted = format != FORMAT_YAML || sort_out(buf_str(&text), path, &c->errors, &is_list);
	if (sorted && (is_list || format != FORMAT_YAML))
		settings_of_list(c, path, format);
	else if (sorted)
		c->settings = settings_parse_faulty(buf_str(&text), path, &c->errors);
	if (sorted && !is_list && format == FORMAT_YAML)
		(void)settings_check_here(c->settings, NULL, 0, &c->errors);
	buf_finish(&text);
	if (c->settings == NULL)
		return;
	const bool sound = c->errors.count == 0; /* else all but the lists is as in an empty file */
	read_lists(c, progress);
	compile_lists(c);
	if (sound && c->settings->lists != &c->alone)
		check_locals(c->settings, &c->warnings, &c->warning_count);
}

static void check_finish(struct check *c)
{
	for (size_t i = 0; c->sources != NULL && i < c->settings->list_count; i++)
		source_close(&c->sources[i]);
	free(c->sources);
	free(c->warnings);
	settings_destroy(c->settings);
	err_list_finish(&c->errors);
}

/* What a list's messages call it: reachable from where the configuration is, as in those of errors. Owned by the caller. */
static char *shown_file(const struct check *c, const char *file)
{
	return strstr(file, "://") != NULL ? base_strdup(file) : file_path_beside(c->settings->path, file);
}

static json_t *reports_json(const struct check *c)
{
	json_t *reports = json_array();
	must(reports != NULL);
	for (size_t i = 0; c->sources != NULL && i < c->settings->list_count; i++)
		if (c->sources[i].segment != NULL && segment_format(c->sources[i].segment) != FORMAT_YAML)
			must(json_array_append_new(reports,
						   list_source_report_json(&c->settings->lists[i], c->sources[i].segment)) == 0);
	return reports;
}

static void show_check_json(const struct check *c)
{
	json_t *warnings = json_array();
	must(warnings != NULL);
	for (size_t i = 0; i < c->warning_count; i++) {
		const struct policy_warning *w = &c->warnings[i];
		char *file = shown_file(c, w->file);
		json_t *one =
		    json_pack("{s:s, s:o, s:I, s:I, s:o}", "kind", warning_words[w->kind], "file", ctl_text(str_from(file)), "line",
			      (json_int_t)w->line, "column", (json_int_t)w->column, "text", ctl_text(str_from(w->text)));
		free(file);
		must(one != NULL && json_array_append_new(warnings, one) == 0);
	}
	json_t *document = json_pack("{s:b, s:o, s:o, s:I, s:I, s:o}", "ok", c->errors.count == 0, "errors",
				     output_errors_json(&c->errors), "warnings", warnings, "lists", (json_int_t)c->list_count,
				     "entries", (json_int_t)c->entry_count, "reports", reports_json(c));
	must(document != NULL);
	if (c->errors.swallowed > 0)
		must(json_object_set_new(document, "more_errors", json_integer((json_int_t)c->errors.swallowed)) == 0);
	output_json(document);
	json_decref(document);
}

static void show_check(const struct output *o, const struct check *c, const char *path)
{
	output_errors(o, &c->errors);
	for (size_t i = 0; i < c->warning_count; i++) {
		const struct policy_warning *w = &c->warnings[i];
		char *file = shown_file(c, w->file);
		output_print(o, stdout, PAINT_NONE, "%s:%u:%u: ", file, w->line, w->column);
		free(file);
		output_print(o, stdout, PAINT_WARN, "warning:");
		output_print(o, stdout, PAINT_NONE, " %s", w->text);
		putchar('\n');
	}
	for (size_t i = 0; c->sources != NULL && i < c->settings->list_count; i++)
		if (c->sources[i].segment != NULL)
			list_source_report(o, &c->settings->lists[i], c->sources[i].segment);
	char errors[FIGURE_MAX], warnings[FIGURE_MAX], lists[FIGURE_MAX], entries[FIGURE_MAX];
	int64_t faults = (int64_t)(c->errors.count + c->errors.swallowed);
	output_print(o, stdout, PAINT_NONE, "%s: ", path);
	output_print(o, stdout, faults > 0 ? PAINT_BAD : PAINT_GOOD, "%s",
		     faults > 0 ? figure_count(faults, "error", "errors", errors) : "no errors");
	output_print(o, stdout, PAINT_NONE, ", %s; %s with %s",
		     figure_count((int64_t)c->warning_count, "warning", "warnings", warnings),
		     figure_count((int64_t)c->list_count, "list", "lists", lists),
		     figure_count((int64_t)c->entry_count, "entry", "entries", entries));
	putchar('\n');
}

void config_sum_up(const char *path, struct progress *progress, size_t *ret_errors, size_t *ret_warnings, size_t *ret_lists,
		   char *first, size_t size)
{
	struct check c = {0};
	check_file(&c, path, progress);
	*ret_errors = c.errors.count + c.errors.swallowed;
	*ret_warnings = c.warning_count;
	*ret_lists = c.list_count;
	first[0] = '\0';
	if (c.errors.count > 0)
		(void)err_format(&c.errors.items[0], first, size);
	check_finish(&c);
}

enum exit_status cmd_check(struct context *ctx)
{
	struct check c = {0};
	struct progress progress;
	const char *path = ctx->in->operand_count == 1 ? ctx->in->operands[0] : ctx->config;
	progress_start(&progress, &ctx->out, "checking");
	check_file(&c, path, &progress);
	progress_stop(&progress);
	if (ctx->out.json) {
		output_errors(&ctx->out, &c.errors);
		show_check_json(&c);
	} else {
		show_check(&ctx->out, &c, path);
	}
	enum exit_status status = c.errors.count == 0 ? STATUS_DONE : STATUS_FAILED;
	check_finish(&c);
	return status;
}

/* ---- reload ---- */

/* A signed list that is refused keeps nobody from reloading; whoever changed it should hear of it all the same. */
static void note_refused(struct context *ctx)
{
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	json_t *lists = NULL;
	bool any = false;
	for (size_t i = 0; ctx->settings != NULL && i < ctx->settings->list_count; i++)
		any |= ctx->settings->lists[i].key != NULL;
	if (any && context_ask(ctx, "list", NULL, NULL, &lists, &errors, &err))
		list_signed_note(&ctx->out, lists);
	json_decref(lists);
	err_list_finish(&errors);
}

enum exit_status cmd_reload(struct context *ctx)
{
	const struct output *o = &ctx->out;
	struct change change;
	json_t *done = NULL, *key;
	enum exit_status status;
	size_t i;
	char took[FIGURE_MAX], lists[FIGURE_MAX], entries[FIGURE_MAX];
	change_init(&change, ctx);
	if (!context_call(ctx, "reload", change_put(&change, NULL), "reading configuration and lists", &done, &status)) {
		if (status != STATUS_UNREACHABLE)
			output_note(o, "nothing was changed: what served before serves on");
		return status;
	}
	if (o->json) {
		output_json(done);
	} else {
		output_print(o, stdout, PAINT_NONE, "in force: generation %lld: %s, %s, %lld in force; compiled in %s",
			     (long long)field_int(done, "generation"),
			     figure_count(field_int(done, "lists"), "list", "lists", lists),
			     figure_count(field_int(done, "entries"), "entry", "entries", entries),
			     (long long)field_int(done, "in_force"), figure_seconds(field_real(done, "compile_seconds"), took));
		putchar('\n');
	}
	note_refused(ctx);
	json_array_foreach(json_object_get(done, "restart_needed"), i, key)
	    output_note(o, "'%s' has changed, which takes a restart of the daemon", json_string_value(key));
	json_decref(done);
	return STATUS_DONE;
}
