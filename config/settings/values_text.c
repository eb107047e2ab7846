/* SPDX-License-Identifier: BSD-2-Clause
 *
 * values_text.c - the part of values.h that knows what is kept as text: what people wrote for people, languages, names, urls and
 * paths. */
#include "settings/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "settings/provenance.h"
#include "settings/settings.h"

#define LANGUAGE_LEN_MAX 35 /* RFC 5646 §4.4.1 */

static void store_pointer(void *object, size_t at, const void *pointer)
{
	values_store(object, at, &pointer, sizeof(pointer));
}

bool values_text(const struct values *v, const char *key, const struct yaml_node *node, size_t max, const char **ret)
{
	if (!values_scalar(v, key, node, "text"))
		return false;
	struct str text = str_trim(node->text);
	if (text.len == 0)
		return values_fault(v, node, "'%s' has nothing but blanks in it", key);
	if (text.len > max)
		return values_fault(v, node, "'%s' has %zu bytes; at most %zu are taken", key, text.len, max);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return values_fault(v, node, "'%s' has a control character (0x%02x) in it", key, c);
	}
	*ret = arena_strndup(v->arena, text.ptr, text.len);
	return true;
}

bool values_texts(const struct values *v, const char *key, const struct yaml_node *node, size_t max_count, size_t max_bytes,
		  const char *const **ret, size_t *ret_count)
{
	if (node->kind != YAML_SEQUENCE) {
		const char **one = arena_alloc(v->arena, sizeof(*one));
		if (node->kind == YAML_MAPPING)
			return values_kind(v, key, node, YAML_SEQUENCE, "a list of texts");
		if (!values_text(v, key, node, max_bytes, one))
			return false;
		*ret = one;
		*ret_count = 1;
		return true;
	}
	if (node->count > max_count)
		return values_fault(v, node, "'%s' has %zu values; at most %zu are taken", key, node->count, max_count);
	const char **texts = arena_alloc(v->arena, (node->count + 1) * sizeof(*texts));
	size_t count = 0;
	bool good = true;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
		good &= values_text(v, key, item, max_bytes, &texts[count++]);
	if (!good)
		return false;
	*ret = texts;
	*ret_count = count;
	return true;
}

static bool bind_text(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	const char *text = NULL;
	if (!values_text(v, key, node, (size_t)row->max, &text))
		return false;
	must(text != NULL);
	if (strpbrk(text, "\n\t") != NULL)
		return values_fault(v, node, "'%s' takes a single line", key);
	store_pointer(object, row->at, text);
	return true;
}

bool values_language(const struct values *v, const char *key, const struct yaml_node *node, const char **ret)
{
	char shown[VALUES_SHOWN_MAX];
	if (!values_scalar(v, key, node, "a language tag"))
		return false;
	bool good = node->text.len >= 2 && node->text.len <= LANGUAGE_LEN_MAX;
	for (size_t i = 0; good && i < node->text.len; i++) {
		char c = node->text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		good = letter || (i >= 2 && i + 1 < node->text.len && c == '-') || (i >= 2 && c >= '0' && c <= '9');
	}
	if (!good)
		return values_fault(v, node, "'%s' is not a language tag such as en, id or pt-BR", values_shown(node, shown));
	*ret = arena_strndup(v->arena, node->text.ptr, node->text.len);
	return true;
}

static bool bind_language(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			  void *object)
{
	const char *language = NULL;
	if (!values_language(v, key, node, &language))
		return false;
	store_pointer(object, row->at, language);
	return true;
}

static bool bind_list_name(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			   void *object)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	char shown[VALUES_SHOWN_MAX];
	if (!values_scalar(v, key, node, "a name"))
		return false;
	if (node->text.len > (size_t)row->max || strspn(node->text.ptr, allowed) != node->text.len)
		return values_fault(v, node, "'%s' can't name a %s: 1 to %jd of the characters A-Z a-z 0-9 . _ -",
				    values_shown(node, shown), str_starts(str_from(row->path), "lists") ? "list" : "group",
				    (intmax_t)row->max);
	store_pointer(object, row->at, arena_strndup(v->arena, node->text.ptr, node->text.len));
	return true;
}

/* What is told of a url is told to everybody who may ask for the lists: a password has no place in it. */
static bool bind_url(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		     void *object)
{
	char shown[VALUES_SHOWN_MAX];
	if (!values_scalar(v, key, node, "a url"))
		return false;
	struct str rest = node->text;
	if (rest.len > (size_t)row->max)
		return values_fault(v, node, "'%s' has %zu bytes; at most %jd are taken", key, rest.len, (intmax_t)row->max);
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~')
			return values_fault(v, node, "'%s' has something in it that must be written as %%XX or, in a host, as xn--",
					    values_shown(node, shown));
	}
	size_t scheme = str_starts(rest, "https://") ? 8 : str_starts(rest, "http://") ? 7 : 0;
	if (scheme == 0)
		return values_fault(v, node, "'%s' is not a url of http:// or https://", values_shown(node, shown));
	size_t host = strcspn(rest.ptr + scheme, "/?#");
	if (memchr(rest.ptr + scheme, '@', host) != NULL)
		return values_fault(v, node, "'%s' takes no user and password: everybody who may look at the lists would see them",
				    key);
	if (host == 0 || rest.ptr[scheme] == ':')
		return values_fault(v, node, "'%s' names no host", values_shown(node, shown));
	store_pointer(object, row->at, arena_strndup(v->arena, rest.ptr, rest.len));
	return true;
}

static bool bind_path(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	if (!values_scalar(v, key, node, "a path"))
		return false;
	char *beside = file_path_beside(v->base, node->text.ptr);
	char *path = arena_strdup(v->arena, beside);
	free(beside);
	if (strlen(path) > (size_t)row->max)
		return values_fault(v, node, "'%s' has %zu bytes as an absolute path; at most %jd are taken", key, strlen(path),
				    (intmax_t)row->max);
	store_pointer(object, row->at, path);
	if (row->at_more != 0)
		store_pointer(object, row->at_more, arena_strndup(v->arena, node->text.ptr, node->text.len));
	return true;
}

static bool hosts_path(const struct values *v, const struct yaml_node *node, struct settings_hosts *ret)
{
	if (!values_scalar(v, "hosts", node, "a path, or off"))
		return false;
	char *beside = file_path_beside(v->base, node->text.ptr);
	ret->path = arena_strdup(v->arena, beside);
	ret->shown = arena_strndup(v->arena, node->text.ptr, node->text.len);
	free(beside);
	return true;
}

/* off, a path, or several. */
static bool bind_hosts(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		       void *object)
{
	struct settings_hosts *hosts = arena_alloc(v->arena, (MAX(node->count, (size_t)1) + 1) * sizeof(*hosts));
	size_t count = 0;
	bool good = true;
	if (node->kind == YAML_SCALAR && !str_eq_c(node->text, "off") && !str_eq_c(node->text, "false"))
		good = hosts_path(v, node, &hosts[count++]);
	else if (node->kind != YAML_SCALAR && !values_kind(v, key, node, YAML_SEQUENCE, "a path, a list of paths, or off"))
		return false;
	if (node->count > (size_t)row->max)
		return values_fault(v, node, "'%s' has %zu values; at most %jd are taken", key, node->count, (intmax_t)row->max);
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
		good &= hosts_path(v, item, &hosts[count++]);
	if (!good)
		return false;
	store_pointer(object, row->at, hosts);
	values_store(object, row->at_more, &count, sizeof(count));
	return true;
}

static bool bind_texts(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		       void *object)
{
	const char *const *texts = NULL;
	size_t count = 0;
	if (!values_texts(v, key, node, (size_t)row->max, PROVENANCE_TEXT_MAX, &texts, &count))
		return false;
	store_pointer(object, row->at, texts);
	values_store(object, row->at_more, &count, sizeof(count));
	return true;
}

bool values_bind_text(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	if (row->type == SCHEMA_TEXT)
		return bind_text(v, row, key, node, object);
	if (row->type == SCHEMA_TEXTS)
		return bind_texts(v, row, key, node, object);
	if (row->type == SCHEMA_LANGUAGE)
		return bind_language(v, row, key, node, object);
	if (row->type == SCHEMA_LIST_NAME)
		return bind_list_name(v, row, key, node, object);
	if (row->type == SCHEMA_URL)
		return bind_url(v, row, key, node, object);
	return row->type == SCHEMA_PATH ? bind_path(v, row, key, node, object) : bind_hosts(v, row, key, node, object);
}
