/* SPDX-License-Identifier: BSD-2-Clause
 *
 * values_server.c - the part of values.h that knows rates, special names, cookie secrets, words and keys. */
#include "settings/values.h"

#include <string.h>

#include "settings/minisign.h"
#include "settings/settings.h"

#define SECRET_DIGITS 32 /* RFC 9018 §4.4: 128 bits */

static bool bind_rate(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	char shown[VALUES_SHOWN_MAX];
	uint64_t rate = 0;
	if (!values_scalar(v, key, node, "a rate such as 1000/s, or off"))
		return false;
	bool off = str_eq_c(node->text, "off");
	bool unit = node->text.len > 2 && memcmp(node->text.ptr + node->text.len - 2, "/s", 2) == 0;
	struct str digits = {node->text.ptr, node->text.len - (unit ? 2 : 0)};
	if (!off && (!unit || !str_to_u64(digits, &rate) || rate < (uint64_t)row->min || rate > (uint64_t)row->max))
		return values_fault(v, node, "'%s' is not a rate: queries a second from %jd/s to %jd/s, or off",
				    values_shown(node, shown), (intmax_t)row->min, (intmax_t)row->max);
	uint32_t value = (uint32_t)rate;
	values_store(object, row->at, &value, sizeof(value));
	return true;
}

static bool find_fault(const struct values *v, const char *key, const struct yaml_node *node, bool on_wish)
{
	const char *names[SPECIAL_MAX];
	char shown[VALUES_SHOWN_MAX];
	size_t count = 0;
	for (size_t i = 0; i < special_count; i++)
		if ((specials[i].when == SPECIAL_ON_WISH) == on_wish)
			names[count++] = specials[i].name;
	const char *nearest = str_nearest(node->text, names, count);
	if (nearest != NULL)
		return values_fault(v, node, "'%s' takes no name '%s'; did you mean '%s'?", key, values_shown(node, shown),
				    nearest);
	return values_fault(v, node, "'%s' takes no name '%s'; saring.yaml(5) has a table of those it takes", key,
			    values_shown(node, shown));
}

/* The row of that name, which must be one that this key may switch. */
static bool find_special(const struct values *v, const char *key, const struct yaml_node *node, bool on_wish, size_t *ret)
{
	char shown[VALUES_SHOWN_MAX];
	struct str text = node->text;
	if (text.len > 1 && text.ptr[text.len - 1] == '.')
		text.len--;
	for (size_t i = 0; i < special_count; i++) {
		if (!str_eq_nocase(text, str_from(specials[i].name)))
			continue;
		*ret = i;
		if ((specials[i].when == SPECIAL_ON_WISH) == on_wish)
			return true;
		return values_fault(v, node,
				    on_wish ? "'%s' needs no name '%s': it is answered here unless 'forward' has it"
					    : "'%s' needs no name '%s': it is asked of upstream servers unless 'deny' has it",
				    key, values_shown(node, shown));
	}
	return find_fault(v, key, node, on_wish);
}

static bool bind_specials(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			  void *object)
{
	bool marked[SPECIAL_MAX] = {false}, good = true;
	bool on_wish = row->at == offsetof(struct settings, names_deny);
	must(row->size == sizeof(marked));
	if (!values_kind(v, key, node, YAML_SEQUENCE, "a list of names"))
		return false;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		size_t at = 0;
		good &= values_scalar(v, key, item, "a name in each item") && find_special(v, key, item, on_wish, &at);
		marked[at] = true;
	}
	if (good)
		values_store(object, row->at, marked, sizeof(marked));
	return good;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What is wrong is not shown: it may be nearly right, and what is said goes into logs. */
static bool parse_secret(const struct values *v, const char *key, const struct yaml_node *node, struct siphash_key *ret)
{
	uint8_t bytes[SECRET_DIGITS / 2] = {0};
	bool good = node->text.len == SECRET_DIGITS;
	for (size_t i = 0; good && i < SECRET_DIGITS; i++) {
		int digit = digit_of(node->text.ptr[i]);
		good = digit >= 0;
		bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | (digit & 15));
	}
	if (!good)
		return values_fault(v, node, "'%s' takes secrets of %d hexadecimal digits, as `openssl rand -hex 16` makes them",
				    key, SECRET_DIGITS);
	*ret = siphash_key_from(bytes);
	return true;
}

static bool bind_secrets(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			 void *object)
{
	if (!values_kind(v, key, node, YAML_SEQUENCE, "a list of secrets"))
		return false;
	if (node->count < (size_t)row->min || node->count > (size_t)row->max)
		return values_fault(v, node, "'%s' has %zu values; %jd to %jd are taken", key, node->count, (intmax_t)row->min,
				    (intmax_t)row->max);
	struct siphash_key *keys = arena_alloc(v->arena, node->count * sizeof(*keys));
	size_t count = 0;
	bool good = true;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
		good &= values_scalar(v, key, item, "text in each item") && parse_secret(v, key, item, &keys[count++]);
	if (!good)
		return false;
	const void *pointer = keys;
	values_store(object, row->at, &pointer, sizeof(pointer));
	values_store(object, row->at_more, &count, sizeof(count));
	return true;
}

/* A bit for each word, in their order. */
static bool bind_words(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		       void *object)
{
	uint32_t bits = 0;
	bool good = true;
	if (!values_kind(v, key, node, YAML_SEQUENCE, "a list of words"))
		return false;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		int word = 0;
		if (values_word(v, key, item, row->words, &word))
			bits |= UINT32_C(1) << word;
		else
			good = false;
	}
	if (good)
		values_store(object, row->at, &bits, sizeof(bits));
	return good;
}

bool values_safe_search(const struct values *v, const char *key, const struct yaml_node *node, uint32_t *ret)
{
	const uint32_t both = SAFE_BIT(SAFE_YOUTUBE) | SAFE_BIT(SAFE_YOUTUBE_MODERATE);
	uint32_t bits = 0;
	bool good = true;
	if (node->kind == YAML_SCALAR && (str_eq_c(node->text, "true") || str_eq_c(node->text, "false"))) {
		*ret = str_eq_c(node->text, "true") ? SAFE_ALL : 0;
		return true;
	}
	if (!values_kind(v, key, node, YAML_SEQUENCE, "true, false or a list of engines"))
		return false;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		int word = 0;
		if (!values_word(v, key, item, safe_search_words, &word)) {
			good = false;
			continue;
		}
		bits |= SAFE_BIT(word);
		if ((bits & both) == both)
			good = values_fault(v, item, "'youtube' and 'youtube-moderate' exclude each other");
	}
	if (good)
		*ret = bits;
	return good;
}

/* What is wrong with a key is mostly a character. */
static bool bind_key(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		     void *object)
{
	char shown[VALUES_SHOWN_MAX];
	struct minisign_key *parsed = arena_alloc(v->arena, sizeof(*parsed));
	if (!values_scalar(v, key, node, "a public key"))
		return false;
	if (!minisign_key_from_text(node->text, parsed))
		return values_fault(
		    v, node,
		    "'%s' is not a public key of minisign: the second line of its minisign.pub, %d characters that begin "
		    "with RW",
		    values_shown(node, shown), MINISIGN_KEY_TEXT_LEN);
	const void *pointer = parsed;
	const char *text = arena_strndup(v->arena, node->text.ptr, node->text.len);
	values_store(object, row->at, &pointer, sizeof(pointer));
	values_store(object, row->at_more, &text, sizeof(text));
	return true;
}

bool values_bind_server(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			void *object)
{
	if (row->type == SCHEMA_RATE)
		return bind_rate(v, row, key, node, object);
	if (row->type == SCHEMA_SPECIALS)
		return bind_specials(v, row, key, node, object);
	if (row->type == SCHEMA_WORDS)
		return bind_words(v, row, key, node, object);
	if (row->type == SCHEMA_SAFE_SEARCH) {
		uint32_t bits = 0;
		bool good = values_safe_search(v, key, node, &bits);
		if (good)
			values_store(object, row->at, &bits, sizeof(bits));
		if (good && row->at_more != 0)
			values_store(object, row->at_more, &(bool){true}, sizeof(bool));
		return good;
	}
	if (row->type == SCHEMA_KEY)
		return bind_key(v, row, key, node, object);
	return bind_secrets(v, row, key, node, object);
}
