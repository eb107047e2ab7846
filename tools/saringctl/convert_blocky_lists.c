/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_blocky_lists.c - what stands under Blocky's blocking: lists, what is answered, hours. */
#include "saringctl/convert_blocky.h"

#include "base/file.h"

#include <string.h>

#define REFRESH_MIN_S 60
#define TTL_MAX_S 3600

/* ---- lists ---- */

static void know_list(struct convert *c, const char *group, json_t *list, bool allow)
{
	json_t *names = json_object_get(blocky_own(c)->lists, group);
	if (names == NULL) {
		names = json_array();
		json_object_set_new(blocky_own(c)->lists, group, names);
	}
	json_array_append_new(names, json_string(convert_list_name(list)));
	if (!allow)
		json_object_set_new(blocky_own(c)->denied, group, json_true());
}

static void take_inline(struct convert *c, const struct yaml_node *node, const char *path, const char *group, bool allow)
{
	json_t *list;
	struct str rest = node->text;
	uint32_t line = node->line + (node->style == YAML_STYLE_BLOCK_SCALAR ? 1 : 0);
	struct convert_file *f = convert_own(c, arena_printf(&c->arena, "%s-%s", group, allow ? "own-allow" : "own"), allow,
					     "names that stood in config.yml", &list);
	for (; rest.ptr != NULL; line++) {
		struct str one = str_trim(str_cut(&rest, '\n'));
		if (one.len > 0 && one.ptr[0] != '#')
			convert_own_line(c, f, one, line, path);
	}
	know_list(c, group, list, allow);
}

static void take_file(struct convert *c, const struct yaml_node *node, const char *path, const char *group, bool allow)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	struct str name = node->text;
	if (str_starts(name, "file://"))
		name = (struct str){name.ptr + 7, name.len - 7};
	char *from = file_path_beside(c->base, name.ptr);
	if (!file_read(from, CONVERT_BYTES_MAX, &text, &err))
		convert_left(c, node->line, path, "a file that could not be read here: %s", err.text);
	else {
		json_t *list = convert_list(c, allow ? arena_printf(&c->arena, "%s-allow", group) : group);
		struct convert_file *f = convert_own_text(c, arena_printf(&c->arena, "lists/%s.txt", convert_list_name(list)));
		buf_add_str(&f->text, buf_str(&text));
		json_object_set_new(list, "file", json_string(f->path));
		if (allow)
			json_object_set_new(list, "action", json_string("allow"));
		know_list(c, group, list, allow);
	}
	buf_finish(&text);
	free(from);
}

static void take_source(struct convert *c, const struct yaml_node *node, const char *path, const char *group, bool allow)
{
	if (node->kind != YAML_SCALAR || node->text.len == 0)
		convert_left(c, node->line, path, "not a source of a list");
	else if (memchr(node->text.ptr, '\n', node->text.len) != NULL)
		take_inline(c, node, path, group, allow);
	else if (!str_starts(node->text, "http://") && !str_starts(node->text, "https://"))
		take_file(c, node, path, group, allow);
	else if (memchr(node->text.ptr, '@', node->text.len) != NULL)
		convert_left(c, node->line, path, "a url with a user's name or password is not taken");
	else {
		json_t *list = convert_list(c, allow ? arena_printf(&c->arena, "%s-allow", group) : group);
		json_object_set_new(list, "url", json_string(node->text.ptr));
		if (allow)
			json_object_set_new(list, "action", json_string("allow"));
		know_list(c, group, list, allow);
	}
}

static void take_sources(struct convert *c, const struct yaml_node *node, const char *path, bool allow)
{
	const char *group = node->key->text.ptr;
	if (node->kind != YAML_SEQUENCE) {
		take_source(c, node, path, group, allow);
		return;
	}
	for (const struct yaml_node *one = node->first; one != NULL; one = one->next)
		take_source(c, one, path, group, allow);
}

static void take_deny(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_sources(c, node, path, false);
}

static void take_allow(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_sources(c, node, path, true);
}

/* ---- blocking ---- */

static void take_type(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_each each;
	struct str one;
	struct addr a;
	if (str_eq_nocase(node->text, STR_LIT("nxDomain")))
		convert_put_text(c, "block.answer", "nxdomain");
	else if (str_eq_nocase(node->text, STR_LIT("zeroIp")))
		convert_put_text(c, "block.answer", "null");
	else {
		for (convert_each_of(&each, node); convert_next(&each, &one);) {
			if (addr_from_text(one, 0, &a))
				convert_add(c, "block.addresses", arena_strndup(&c->arena, one.ptr, one.len));
		}
		if (convert_get(c, "block.addresses") != NULL)
			convert_put_text(c, "block.answer", "address");
		else
			convert_left(c, node->line, path, "neither zeroIp nor nxDomain nor addresses");
	}
}

static void take_ttl(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (!convert_duration(c, node, path, 60, &s) || s < 0)
		return;
	if (s > TTL_MAX_S)
		convert_changed(c, node->line, path, "an hour at most: a lifted block should be forgotten");
	convert_put_seconds(c, "block.ttl", s > TTL_MAX_S ? TTL_MAX_S : s);
}

static void take_refresh(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t s;
	if (!convert_duration(c, node, path, 60, &s) || s == 0)
		return;
	blocky_own(c)->has_refresh = true;
	blocky_own(c)->refresh_s = s < 0 ? 0 : s < REFRESH_MIN_S ? REFRESH_MIN_S : s;
}

static void take_schedules(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	blocky_own(c)->schedules = node->kind == YAML_MAPPING ? node : NULL;
}

static void take_list_schedules(struct convert *c, const struct yaml_node *node, const char *path)
{
	(void)path;
	blocky_own(c)->list_schedules = node->kind == YAML_MAPPING ? node : NULL;
}

#define DOWNLOADS "saring-fetch has its own deadlines, tries again later, and serves the last good copy meanwhile"
static const struct convert_row group_rows[] = {{.key = "*", .take = take_deny}, {.key = NULL}};
static const struct convert_row allow_rows[] = {{.key = "*", .take = take_allow}, {.key = NULL}};
static const struct convert_row client_rows[] = {{.key = "*", .take = blocky_client_lists}, {.key = NULL}};
static const struct convert_row loading_rows[] = {
    {.key = "refreshPeriod", .take = take_refresh},
    {.key = "downloads", .left = DOWNLOADS},
    {.key = "strategy", .left = DOWNLOADS},
    {.key = "concurrency", .left = DOWNLOADS},
    {.key = "maxErrorsPerSource", .left = "lines that cannot be read are left out and counted; max-change guards a fetched list"},
    {.key = NULL}};
const struct convert_row blocky_blocking_rows[] = {
    {.key = "denylists", .rows = group_rows},
    {.key = "blackLists", .rows = group_rows},
    {.key = "allowlists", .rows = allow_rows},
    {.key = "whiteLists", .rows = allow_rows},
    {.key = "clientGroupsBlock", .rows = client_rows},
    {.key = "blockType", .take = take_type},
    {.key = "blockTTL", .take = take_ttl},
    {.key = "blockTtl", .take = take_ttl},
    {.key = "refreshPeriod", .take = take_refresh},
    {.key = "loading", .rows = loading_rows},
    {.key = "schedules", .take = take_schedules},
    {.key = "listSchedules", .take = take_list_schedules},
    {.key = "downloadTimeout", .left = DOWNLOADS},
    {.key = "downloadAttempts", .left = DOWNLOADS},
    {.key = "downloadCooldown", .left = DOWNLOADS},
    {.key = "startStrategy", .left = DOWNLOADS},
    {.key = "failStartOnListError", .left = DOWNLOADS},
    {.key = "processingConcurrency", .left = DOWNLOADS},
    {.key = "maxErrorsPerFile", .left = "lines that cannot be read are left out and counted; max-change guards a fetched list"},
    {.key = NULL}};

/* ---- afterwards ---- */

static void note_groups(struct convert *c)
{
	const char *group;
	json_t *names;
	json_object_foreach(blocky_own(c)->lists, group, names)
	{
		if (json_object_get(blocky_own(c)->denied, group) == NULL)
			convert_left(c, 0, arena_printf(&c->arena, "blocking.allowlists.%s", group),
				     "a group that only allows lets nothing else through in Blocky; here it only allows");
	}
}

void blocky_settle_lists(struct convert *c)
{
	const struct blocky *b = blocky_own(c);
	size_t i;
	json_t *list;
	char every[32];
	str_from_duration_ms(b->refresh_s * 1000, every, sizeof(every));
	json_array_foreach(json_object_get(c->settings, "lists"), i, list)
	{
		if (b->has_refresh && json_object_get(list, "url") != NULL)
			json_object_set_new(list, "refresh", json_string(b->refresh_s == 0 ? "0s" : every));
	}
	note_groups(c);
}
