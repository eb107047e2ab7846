/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_adguard_lists.c - AdGuard Home's filters, the user's own rules, services and safe search. */
#include "saringctl/convert_adguard.h"

#include "base/file.h"
#include "import/report.h"
#include "import/segment.h"

#include <string.h>

#define RULES_FILE "lists/user-rules.txt"

/* ---- filters ---- */

static const char *text_of(const struct yaml_node *mapping, const char *key)
{
	const struct yaml_node *node = yaml_get(mapping, key);
	return node != NULL && node->kind == YAML_SCALAR && node->text.len > 0 ? node->text.ptr : NULL;
}

/* A filter that is a file of the machine it ran on. */
static bool take_file(struct convert *c, json_t *list, const char *from, uint32_t line, const char *path)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	bool good = file_read(from, CONVERT_BYTES_MAX, &text, &err);
	if (good) {
		struct convert_file *f = convert_own_text(c, arena_printf(&c->arena, "lists/%s.txt", convert_list_name(list)));
		buf_add_str(&f->text, buf_str(&text));
		json_object_set_new(list, "file", json_string(f->path));
	} else
		convert_left(c, line, path, "a file that could not be read here: %s", err.text);
	buf_finish(&text);
	return good;
}

static void take_filter(struct convert *c, const struct yaml_node *one, const char *path, bool allow)
{
	const char *url = one->kind == YAML_MAPPING ? text_of(one, "url") : NULL;
	if (url == NULL) {
		convert_left(c, one->line, path, "a filter without a url");
		return;
	}
	if (strchr(url, '@') != NULL) {
		convert_left(c, one->line, path, "a url with a user's name or password is not taken");
		return;
	}
	const char *name = text_of(one, "name");
	const struct yaml_node *enabled = yaml_get(one, "enabled");
	json_t *list = convert_list(c, name != NULL ? name : "filter");
	if (name != NULL && strcmp(name, convert_list_name(list)) != 0)
		json_object_set_new(list, "#", json_string(name));
	if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
		json_object_set_new(list, "url", json_string(url));
	else if (!take_file(c, list, url, one->line, path)) {
		json_t *lists = json_object_get(c->settings, "lists");
		json_array_remove(lists, json_array_size(lists) - 1);
		return;
	}
	if (allow)
		json_object_set_new(list, "action", json_string("allow"));
	else
		json_object_set_new(list, "may-allow", json_true());
	if (enabled != NULL && !convert_node_true(enabled))
		json_object_set_new(list, "mode", json_string("off"));
}

static void take_filters(struct convert *c, const struct yaml_node *node, const char *path, bool allow)
{
	if (node->kind != YAML_SEQUENCE) {
		c->off++;
		return;
	}
	for (const struct yaml_node *one = node->first; one != NULL; one = one->next)
		take_filter(c, one, path, allow);
}

void adguard_filters(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_filters(c, node, path, false);
}

void adguard_allow_filters(struct convert *c, const struct yaml_node *node, const char *path)
{
	take_filters(c, node, path, true);
}

void adguard_filters_interval(struct convert *c, const struct yaml_node *node, const char *path)
{
	int64_t hours;
	if (convert_number(c, node, path, &hours) && hours >= 0)
		json_object_set_new(c->settings, "#refresh",
				    hours == 0 ? json_string("0s")
					       : json_sprintf("%lldh", (long long)(hours > 8736 ? 8736 : hours)));
}

/* ---- the user's rules ---- */

/* What the reader of adblock lists would leave out of this one rule; NULL: nothing. */
static const char *refused(struct str rule)
{
	const struct segment_settings settings = {.format = FORMAT_ADBLOCK, .action = ACTION_BLOCK, .may_allow = true};
	struct err_list errors = {0};
	const char *why = NULL;
	struct segment *s = segment_import(rule, &settings, RULES_FILE, RULES_FILE, &errors);
	if (s == NULL)
		why = "no rule at all";
	for (size_t i = 0; s != NULL && i < LEFT_REASON_COUNT; i++) {
		if (segment_report(s)->left[i].count > 0 && i != LEFT_BADFILTER)
			why = left_words[i];
	}
	segment_destroy(s);
	err_list_finish(&errors);
	return why;
}

void adguard_rules(struct convert *c, const struct yaml_node *node, const char *path)
{
	struct convert_file *f = NULL;
	if (node->kind != YAML_SEQUENCE || node->count == 0) {
		c->off++;
		return;
	}
	json_t *list = convert_list(c, "user-rules");
	f = convert_own_text(c, RULES_FILE);
	json_object_set_new(list, "file", json_string(RULES_FILE));
	json_object_set_new(list, "format", json_string("adblock"));
	json_object_set_new(list, "may-allow", json_true());
	for (const struct yaml_node *one = node->first; one != NULL; one = one->next) {
		struct str rule = one->kind == YAML_SCALAR ? str_trim(one->text) : STR_LIT("");
		if (memchr(rule.ptr, '\n', rule.len) != NULL || memchr(rule.ptr, '\0', rule.len) != NULL) {
			convert_left(c, one->line, path, "a rule of several lines");
			continue;
		}
		buf_printf(&f->text, "%.*s\n", (int)rule.len, rule.ptr);
		if (rule.len == 0 || rule.ptr[0] == '!' || rule.ptr[0] == '#')
			continue;
		char shown[160];
		const char *why = refused(rule);
		if (why != NULL)
			convert_left(c, one->line, path, "%s: %s (saring-lists(5))", str_escape(rule, true, shown, sizeof(shown)),
				     why);
		else {
			f->entries++;
			c->entries++;
		}
	}
}

/* ---- safe search ---- */

json_t *adguard_engines(const struct yaml_node *node)
{
	static const char *const known[] = {"google", "bing", "youtube", "duckduckgo", "ecosia", "yandex", "pixabay"};
	json_t *engines;
	if (node == NULL)
		return NULL;
	if (node->kind != YAML_MAPPING)
		return convert_node_true(node) ? json_true() : NULL;
	const struct yaml_node *enabled = yaml_get(node, "enabled");
	if (enabled == NULL || !convert_node_true(enabled))
		return NULL;
	engines = json_array();
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const struct yaml_node *engine = yaml_get(node, known[i]);
		if (engine == NULL || convert_node_true(engine))
			json_array_append_new(engines, json_string(known[i]));
	}
	return engines;
}

void adguard_safe_search(struct convert *c, const struct yaml_node *node, const char *path)
{
	json_t *engines = adguard_engines(node);
	(void)path;
	if (engines != NULL)
		convert_put(c, "safe-search", engines);
	else
		c->off++;
}

/* ---- services ---- */

/* Named services have no names here: an empty list stands for them, so that hours and groups can be kept. */
void adguard_services(struct convert *c, const struct yaml_node *node, const char *path)
{
	const struct yaml_node *ids = node->kind == YAML_MAPPING ? yaml_get(node, "ids") : node;
	struct convert_each each;
	struct str one;
	json_t *list;
	if (ids == NULL || convert_node_off(ids)) {
		c->off++;
		return;
	}
	struct convert_file *f = convert_own(c, "services", false, "services that were blocked by name", &list);
	for (convert_each_of(&each, ids); convert_next(&each, &one);) {
		convert_put_comment(&f->text, "  ", arena_printf(&c->arena, "names of the service '%.*s'", (int)one.len, one.ptr));
		convert_left(c, each.line, path, "the service '%.*s': write its names into %s", (int)(one.len > 64 ? 64 : one.len),
			     one.ptr, f->path);
	}
	buf_add_c(&f->text, "  []\n");
	json_t *hours =
	    adguard_schedule(c, node->kind == YAML_MAPPING ? yaml_get(node, "schedule") : NULL, path, convert_list_name(list));
	if (hours != NULL)
		json_object_set_new(c->settings, "#hours", hours);
}

void adguard_settle_lists(struct convert *c)
{
	size_t i;
	json_t *list, *refresh = json_object_get(c->settings, "#refresh"), *hours = json_object_get(c->settings, "#hours");
	json_array_foreach(json_object_get(c->settings, "lists"), i, list)
	{
		if (refresh != NULL && json_object_get(list, "url") != NULL)
			json_object_set(list, "refresh", refresh);
	}
	if (hours != NULL)
		json_object_set(convert_group(c, "default"), "schedule", hours);
	json_object_del(c->settings, "#refresh");
	json_object_del(c->settings, "#hours");
}
