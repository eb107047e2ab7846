/* SPDX-License-Identifier: BSD-2-Clause
 *
 * values.h - one YAML value to one field: what each type of the schema takes, and what is said of a value it doesn't take.
 * For bind.c, whole.c and provenance.c. Cold path, any thread. */
#ifndef SARING_SETTINGS_VALUES_H
#define SARING_SETTINGS_VALUES_H

#include "base/arena.h"
#include "base/err.h"
#include "settings/schema.h"
#include "settings/yaml.h"

struct endpoint; /* settings/settings.h */

/* What every binder needs. Strings go into the arena; errors name the file as shown. */
struct values {
	const char *shown;
	const char *base; /* absolute path of the file: relative paths are taken from its directory */
	struct arena *arena;
	struct err_list *errors;
};

/* Bind node to the row's field in object (struct settings, or the item's struct). False, the field untouched and an error added at
 * the node's place, when the value is not what the row takes. Not for rows of type SECTION, LISTS, ROUTES, GROUPS and PROVENANCE.
 * `key` names the setting in messages. */
MUST_CHECK bool values_bind(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			    void *object);

/* An error at the node's place; always false. */
bool values_fault(const struct values *v, const struct yaml_node *node, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Is the node of this kind? Else the error "'cache' takes a mapping, not a list". wanted says it in words. */
MUST_CHECK bool values_kind(const struct values *v, const char *key, const struct yaml_node *node, enum yaml_kind kind,
			    const char *wanted);
/* A scalar that says something. `answer: null` is the word null, so only a value that is not there at all is refused. */
MUST_CHECK bool values_scalar(const struct values *v, const char *key, const struct yaml_node *node, const char *wanted);
/* The node's value, escaped for a message and cut where long. */
#define VALUES_SHOWN_MAX 128
const char *values_shown(const struct yaml_node *node, char buf[VALUES_SHOWN_MAX]);

MUST_CHECK bool values_word(const struct values *v, const char *key, const struct yaml_node *node, const char *const *words,
			    int *ret);
/* Not empty, no control characters but line breaks and tabs, at most max bytes; blanks at both ends are cut. */
MUST_CHECK bool values_text(const struct values *v, const char *key, const struct yaml_node *node, size_t max, const char **ret);
/* A language tag (RFC 5646), by its looks. */
MUST_CHECK bool values_language(const struct values *v, const char *key, const struct yaml_node *node, const char **ret);
MUST_CHECK bool values_texts(const struct values *v, const char *key, const struct yaml_node *node, size_t max_count,
			     size_t max_bytes, const char *const **ret, size_t *ret_count);
/* A date or an RFC 3339 time: as written, and in seconds since the epoch. */
MUST_CHECK bool values_time(const struct values *v, const char *key, const struct yaml_node *node, const char **ret_text,
			    int64_t *ret_s);

/* Parts of values_bind. Rows of type CLIENTS are groups.c's, those of DAYS, HOURS, DATES and TIME_ZONE hours.c's.
 * Rows of type LISTEN, HTTP, SERVERS, PREFIXES, ADDRESSES, ZONE, ROUTE_ZONES and NAMES: */
MUST_CHECK bool values_bind_net(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
				void *object);
/* `records`, whose items have keys of their own. */
MUST_CHECK bool values_bind_records(const struct values *v, const struct schema_key *row, const char *key,
				    const struct yaml_node *node, void *object);
/* Of type TEXT, TEXTS, LANGUAGE, LIST_NAME, URL, PATH and HOSTS: */
MUST_CHECK bool values_bind_text(const struct values *v, const struct schema_key *row, const char *key,
				 const struct yaml_node *node, void *object);
/* Of type RATE, SPECIALS, SECRETS, WORDS, KEY and SAFE_SEARCH: */
MUST_CHECK bool values_bind_server(const struct values *v, const struct schema_key *row, const char *key,
				   const struct yaml_node *node, void *object);
/* true, false, or a list of engines: a bit for each of enum safe_engine. */
MUST_CHECK bool values_safe_search(const struct values *v, const char *key, const struct yaml_node *node, uint32_t *ret);
/* "dns://HOST:PORT", port 0 allowed; without a scheme the same. */
MUST_CHECK bool values_endpoint(const struct values *v, const struct yaml_node *node, struct endpoint *ret);
/* Bytes put into a field. */
void values_store(void *object, size_t at, const void *value, size_t size);

#endif
