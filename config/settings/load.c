/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "qlog/format.h"
#include "settings/bind.h"
#include "settings/minisign.h"
#include "settings/values.h"
#include "settings/whole.h"
#include "settings/yaml.h"

/* The directory of the running process in front of a relative path: the daemon may change its directory later. */
static char *absolute_path(const char *path, struct arena *arena)
{
	char here[4096];
	if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
		return arena_strdup(arena, path);
	return arena_printf(arena, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
}

static void bind_file(const struct values *v, struct str text, struct settings *s)
{
	static const struct yaml_limits limits = {.bytes = SETTINGS_BYTES_MAX, .nodes = SETTINGS_NODES_MAX};
	struct arena tree = {0};
	struct bind_arrays arrays;
	const struct yaml_node *root = yaml_parse(text, v->shown, &limits, &tree, v->errors);
	if (root != NULL && root->kind != YAML_MAPPING) {
		(void)values_fault(v, root, "this file takes a mapping ('key: value'), not %s", yaml_kind_word(root));
	} else if (root != NULL) {
		bind_tree(v, root, s, &arrays);
		whole_finish(v, root, s, &arrays);
	}
	arena_finish(&tree);
}

/* Which special names are answered here. */
static void finish_names(struct settings *s)
{
	for (size_t i = 0; i < special_count; i++)
		s->special_on[i] = specials[i].when == SPECIAL_ON_WISH ? s->names_deny[i] : !s->names_forward[i];
	special_index_make(s->special_on, &s->special);
}

/* Returns whether there was no fault; the settings in either case. */
static bool parse(struct str text, const char *path, struct err_list *errors, struct settings **ret)
{
	struct settings *s = base_alloc(sizeof(*s));
	size_t before = errors->count, swallowed = errors->swallowed;
	s->path = arena_strdup(&s->arena, path);
	const struct values values = {
	    .shown = s->path, .base = absolute_path(path, &s->arena), .arena = &s->arena, .errors = errors};
	bind_defaults(&values, s);
	bind_file(&values, text, s);
	finish_names(s);
	if (s->query_log_file == NULL)
		s->query_log_file = arena_printf(&s->arena, "%s/" QLOG_FILE, s->state);
	yaml_sort_errors(errors, before);
	*ret = s;
	return errors->count == before && errors->swallowed == swallowed;
}

struct settings *settings_parse(struct str text, const char *path, struct err_list *errors)
{
	struct settings *s = NULL;
	if (parse(text, path, errors, &s))
		return s;
	settings_destroy(s);
	return NULL;
}

/* The lists of `from` that can be found, with what names them and nothing else. */
static void take_lists(struct settings *s, const struct settings *from)
{
	struct settings_list *lists = arena_alloc(&s->arena, (from->list_count + 1) * sizeof(*lists));
	for (size_t i = 0; i < from->list_count; i++) {
		const struct settings_list *l = &from->lists[i];
		if (l->name == NULL || l->file == NULL || l->file_shown == NULL)
			continue;
		struct minisign_key *key = l->key != NULL ? arena_alloc(&s->arena, sizeof(*key)) : NULL;
		if (key != NULL)
			*key = *l->key;
		lists[s->list_count++] = (struct settings_list){.name = arena_strdup(&s->arena, l->name),
								.file = arena_strdup(&s->arena, l->file),
								.file_shown = arena_strdup(&s->arena, l->file_shown),
								.url = l->url != NULL ? arena_strdup(&s->arena, l->url) : NULL,
								.key_text = arena_strdup(&s->arena, l->key_text),
								.signature = arena_strdup(&s->arena, l->signature),
								.signature_shown = arena_strdup(&s->arena, l->signature_shown),
								.key = key,
								.format = l->format,
								.may_allow = l->may_allow,
								.has_action = l->has_action,
								.action = l->action,
								.mode = l->mode,
								.line = l->line,
								.column = l->column};
	}
	s->lists = lists;
}

struct settings *settings_parse_faulty(struct str text, const char *path, struct err_list *errors)
{
	struct settings *read = NULL, *s = NULL;
	if (parse(text, path, errors, &read))
		return read;
	must(parse(STR_LIT(""), path, errors, &s));
	take_lists(s, read);
	settings_destroy(read);
	return s;
}

struct settings *settings_load(const char *path, struct err_list *errors)
{
	struct buf text = {0};
	struct err err = {0};
	struct settings *s = NULL;
	if (!file_read(path, SETTINGS_BYTES_MAX, &text, &err))
		err_list_add(errors, &err);
	else
		s = settings_parse(buf_str(&text), path, errors);
	buf_finish(&text);
	return s;
}

void settings_destroy(struct settings *s)
{
	if (s == NULL)
		return;
	struct arena arena = s->arena;
	arena_finish(&arena);
	free(s);
}
