/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/values.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "settings/groups.h"
#include "settings/hours.h"
#include "settings/provenance.h"
#include "settings/settings.h"

#define LANGUAGE_LEN_MAX 35 /* RFC 5646 §4.4.1 */

bool values_fault(const struct values *v, const struct yaml_node *node, const char *fmt, ...)
{
	char sentence[sizeof(((struct err *)NULL)->text)];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	err_list_add_at(v->errors, v->shown, node->line, node->column, "%s", sentence);
	return false;
}

const char *values_shown(const struct yaml_node *node, char buf[VALUES_SHOWN_MAX])
{
	return str_escape(node->text, true, buf, VALUES_SHOWN_MAX);
}

bool values_kind(const struct values *v, const char *key, const struct yaml_node *node, enum yaml_kind kind, const char *wanted)
{
	if (node->kind == kind)
		return true;
	if (node->kind == YAML_SCALAR && node->text.len == 0 && node->style == YAML_STYLE_PLAIN)
		return values_fault(v, node, "'%s' has no value; it takes %s", key, wanted);
	return values_fault(v, node, "'%s' takes %s, not %s", key, wanted, yaml_kind_word(node));
}

bool values_scalar(const struct values *v, const char *key, const struct yaml_node *node, const char *wanted)
{
	if (!values_kind(v, key, node, YAML_SCALAR, wanted))
		return false;
	if (node->text.len == 0)
		return values_fault(v, node, "'%s' has no value; it takes %s", key, wanted);
	return true;
}

void values_store(void *object, size_t at, const void *value, size_t size)
{
	memcpy((char *)object + at, value, size);
}

static void store_pointer(void *object, size_t at, const void *pointer)
{
	values_store(object, at, &pointer, sizeof(pointer));
}

static void store_integer(void *object, const struct schema_key *row, int64_t value)
{
	uint32_t narrow = (uint32_t)value;
	must(row->size == sizeof(value) || (row->size == sizeof(narrow) && value >= 0 && value <= UINT32_MAX));
	if (row->size == sizeof(value))
		values_store(object, row->at, &value, sizeof(value));
	else
		values_store(object, row->at, &narrow, sizeof(narrow));
}

bool values_word(const struct values *v, const char *key, const struct yaml_node *node, const char *const *words, int *ret)
{
	char all[256], shown[VALUES_SHOWN_MAX];
	schema_join(words, all, sizeof(all));
	if (!values_kind(v, key, node, YAML_SCALAR, "a word"))
		return false;
	if (node->text.len == 0)
		return values_fault(v, node, "'%s' has no value; it takes one of %s", key, all);
	int found = terms_find(words, node->text);
	if (found >= 0) {
		*ret = found;
		return true;
	}
	size_t count = 0;
	while (words[count] != NULL)
		count++;
	const char *nearest = str_nearest(node->text, words, count);
	if (nearest != NULL)
		return values_fault(v, node, "'%s' is not one of %s; did you mean '%s'?", values_shown(node, shown), all, nearest);
	return values_fault(v, node, "'%s' is not one of %s", values_shown(node, shown), all);
}

static bool bind_word(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	int value = 0;
	if (!values_word(v, key, node, row->words, &value))
		return false;
	if (row->size > 0)
		values_store(object, row->at, &value, sizeof(value));
	return true;
}

static bool bind_bool(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	static const char *const yes[] = {"yes", "on", "y", "True", "TRUE", "Yes", "YES", "On", "ON", "1", NULL};
	static const char *const no[] = {"no", "off", "n", "False", "FALSE", "No", "NO", "Off", "OFF", "0", NULL};
	char shown[VALUES_SHOWN_MAX];
	if (!values_scalar(v, key, node, "true or false"))
		return false;
	bool value = str_eq_c(node->text, "true");
	if (value || str_eq_c(node->text, "false")) {
		if (node->style != YAML_STYLE_PLAIN)
			return values_fault(v, node, "'%s' takes true or false without quotes", key);
		values_store(object, row->at, &value, sizeof(value));
		return true;
	}
	if (terms_find(yes, node->text) >= 0 || terms_find(no, node->text) >= 0)
		return values_fault(v, node, "'%s' is not true or false; did you mean '%s'?", values_shown(node, shown),
				    terms_find(yes, node->text) >= 0 ? "true" : "false");
	return values_fault(v, node, "'%s' is not true or false", values_shown(node, shown));
}

static bool bind_duration(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			  void *object)
{
	char shown[VALUES_SHOWN_MAX], least[32], most[32];
	int64_t ms = 0, unit_ms = row->type == SCHEMA_SECONDS ? 1000 : 1;
	if (!values_scalar(v, key, node, "a duration"))
		return false;
	if (!str_to_duration_ms(node->text, &ms))
		return values_fault(v, node, "'%s' is not a duration: a number with its unit, as in 500ms, 10s, 5m, 2h, 1d or 2w",
				    values_shown(node, shown));
	if (ms % unit_ms != 0)
		return values_fault(v, node, "'%s' has parts of a second; '%s' takes whole seconds", values_shown(node, shown),
				    key);
	if ((ms / unit_ms < row->min && !(row->or_zero && ms == 0)) || ms / unit_ms > row->max) {
		str_from_duration_ms(row->min * unit_ms, least, sizeof(least));
		str_from_duration_ms(row->max * unit_ms, most, sizeof(most));
		return values_fault(v, node, "'%s' is out of range: '%s' takes %s%s to %s", values_shown(node, shown), key,
				    row->or_zero ? "0s, or " : "", least, most);
	}
	store_integer(object, row, ms / unit_ms);
	return true;
}

static bool bind_percent(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			 void *object)
{
	char shown[VALUES_SHOWN_MAX];
	uint64_t percent = 0;
	if (!values_scalar(v, key, node, "a percentage"))
		return false;
	bool sign = node->text.len > 1 && node->text.ptr[node->text.len - 1] == '%';
	struct str digits = {node->text.ptr, node->text.len - (sign ? 1 : 0)};
	if (!str_to_u64(digits, &percent) || (!sign && percent != 0))
		return values_fault(v, node, "'%s' is not a percentage: a number with its sign, as in 50%%; 0 = any",
				    values_shown(node, shown));
	if (percent != 0 && (percent < (uint64_t)row->min || percent > (uint64_t)row->max))
		return values_fault(v, node, "'%s' is out of range: '%s' takes 0, or %jd%% to %jd%%", values_shown(node, shown),
				    key, (intmax_t)row->min, (intmax_t)row->max);
	store_integer(object, row, (int64_t)percent);
	return true;
}

static bool bind_size(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	char shown[VALUES_SHOWN_MAX], least[32], most[32];
	uint64_t bytes = 0;
	if (!values_scalar(v, key, node, "a size"))
		return false;
	if (!str_to_size(node->text, &bytes))
		return values_fault(v, node, "'%s' is not a size: a number with its unit, as in 64KiB, 64MiB or 1GiB; 0 = off",
				    values_shown(node, shown));
	if (bytes != 0 && (bytes < (uint64_t)row->min || bytes > (uint64_t)row->max)) {
		str_from_size((uint64_t)row->min, least, sizeof(least));
		str_from_size((uint64_t)row->max, most, sizeof(most));
		return values_fault(v, node, "'%s' is out of range: '%s' takes 0, or %s to %s", values_shown(node, shown), key,
				    least, most);
	}
	store_integer(object, row, (int64_t)bytes);
	return true;
}

static bool bind_workers(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			 void *object)
{
	char shown[VALUES_SHOWN_MAX];
	uint64_t count = 0;
	if (!values_scalar(v, key, node, "auto or a number"))
		return false;
	bool is_auto = str_eq_c(node->text, "auto");
	if (!is_auto && (!str_to_u64(node->text, &count) || count < (uint64_t)row->min || count > (uint64_t)row->max))
		return values_fault(v, node, "'%s' is not auto or a number from %jd to %jd", values_shown(node, shown),
				    (intmax_t)row->min, (intmax_t)row->max);
	store_integer(object, row, is_auto ? 0 : (int64_t)count);
	return true;
}

static bool bind_count(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		       void *object)
{
	char shown[VALUES_SHOWN_MAX];
	uint64_t count = 0;
	if (!values_scalar(v, key, node, "a number"))
		return false;
	if (!str_to_u64(node->text, &count) || count < (uint64_t)row->min || count > (uint64_t)row->max)
		return values_fault(v, node, "'%s' is not a number from %jd to %jd", values_shown(node, shown), (intmax_t)row->min,
				    (intmax_t)row->max);
	store_integer(object, row, (int64_t)count);
	return true;
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

bool values_time(const struct values *v, const char *key, const struct yaml_node *node, const char **ret_text, int64_t *ret_s)
{
	char shown[VALUES_SHOWN_MAX];
	if (!values_scalar(v, key, node, "a date"))
		return false;
	int64_t s = 0;
	if (!str_to_time(node->text, &s, NULL))
		return values_fault(v, node, "'%s' is not a date such as 2017-07-14 or a time such as 2017-07-14T12:00:00Z",
				    values_shown(node, shown));
	*ret_text = arena_strndup(v->arena, node->text.ptr, node->text.len);
	*ret_s = s;
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

static bool bind_value(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		       void *object)
{
	switch (row->type) {
	case SCHEMA_WORD:
		return bind_word(v, row, key, node, object);
	case SCHEMA_BOOL:
		return bind_bool(v, row, key, node, object);
	case SCHEMA_SECONDS:
	case SCHEMA_MS:
		return bind_duration(v, row, key, node, object);
	case SCHEMA_PERCENT:
		return bind_percent(v, row, key, node, object);
	case SCHEMA_SIZE:
		return bind_size(v, row, key, node, object);
	case SCHEMA_WORKERS:
		return bind_workers(v, row, key, node, object);
	case SCHEMA_COUNT:
		return bind_count(v, row, key, node, object);
	case SCHEMA_TEXT:
		return bind_text(v, row, key, node, object);
	case SCHEMA_TEXTS:
		return bind_texts(v, row, key, node, object);
	case SCHEMA_LANGUAGE:
		return bind_language(v, row, key, node, object);
	case SCHEMA_LIST_NAME:
		return bind_list_name(v, row, key, node, object);
	case SCHEMA_URL:
		return bind_url(v, row, key, node, object);
	case SCHEMA_PATH:
		return bind_path(v, row, key, node, object);
	case SCHEMA_RATE:
	case SCHEMA_SPECIALS:
	case SCHEMA_SECRETS:
	case SCHEMA_WORDS:
	case SCHEMA_KEY:
	case SCHEMA_SAFE_SEARCH:
		return values_bind_server(v, row, key, node, object);
	case SCHEMA_LISTEN:
	case SCHEMA_HTTP:
	case SCHEMA_SERVERS:
	case SCHEMA_PREFIXES:
	case SCHEMA_ADDRESSES:
	case SCHEMA_ZONE:
	case SCHEMA_NAMES:
	case SCHEMA_ROUTE_ZONES:
		return values_bind_net(v, row, key, node, object);
	case SCHEMA_RECORDS:
		return values_bind_records(v, row, key, node, object);
	case SCHEMA_HOSTS:
		return bind_hosts(v, row, key, node, object);
	case SCHEMA_DAYS:
	case SCHEMA_HOURS:
	case SCHEMA_DATES:
	case SCHEMA_TIME_ZONE:
		return hours_bind(v, row, key, node, object);
	case SCHEMA_CLIENTS:
		return groups_bind_clients(v, row, key, node, object);
	case SCHEMA_SECTION:
	case SCHEMA_LISTS:
	case SCHEMA_ROUTES:
	case SCHEMA_GROUPS:
	case SCHEMA_SCHEDULE:
	case SCHEMA_PROVENANCE:
	case SCHEMA_RECORD_PART:
		break;
	}
	base_must_failed("a row that load.c binds itself", __FILE__, __LINE__);
}

bool values_bind(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node, void *object)
{
	if (!bind_value(v, row, key, node, object))
		return false;
	if (row->type == SCHEMA_WORD && row->at_more != 0)
		values_store(object, row->at_more, &(bool){true}, sizeof(bool));
	return true;
}
