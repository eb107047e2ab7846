/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/values.h"

#include <stdarg.h>
#include <string.h>

#include "settings/groups.h"
#include "settings/hours.h"

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
	case SCHEMA_TEXTS:
	case SCHEMA_LANGUAGE:
	case SCHEMA_LIST_NAME:
	case SCHEMA_URL:
	case SCHEMA_PATH:
	case SCHEMA_HOSTS:
		return values_bind_text(v, row, key, node, object);
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
	base_must_failed("a row that bind.c binds itself", __FILE__, __LINE__);
}

bool values_bind(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node, void *object)
{
	if (!bind_value(v, row, key, node, object))
		return false;
	if (row->type == SCHEMA_WORD && row->at_more != 0)
		values_store(object, row->at_more, &(bool){true}, sizeof(bool));
	return true;
}
