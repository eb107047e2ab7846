/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/import_owner.h"

#include <stdlib.h>
#include <string.h>

/* What explain shows of a name that is not plain ASCII: as it was written. */
static struct str written_of(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return str_is_utf8(text) ? text : (struct str){NULL, 0};
	return (struct str){NULL, 0};
}

static bool read_name(struct import *im, struct str text, enum match match, uint32_t line, struct owner *ret)
{
	const char *end;
	struct str name = text;
	if (match == MATCH_SUBDOMAINS)
		name = (struct str){text.ptr + 2, text.len - 2};
	if (!import_name_quick(im, name.ptr, name.ptr + name.len, line, &ret->name, &end) || end != name.ptr + name.len) {
		if (!import_name(im, name, true, line, &ret->name))
			return false;
		ret->rule.written = written_of(text);
	}
	ret->rule.match = match;
	ret->rule.name = &ret->name;
	return true;
}

/* `*.ads.example`, and no other star */
static bool is_below(struct str text)
{
	return text.len > 2 && str_starts(text, "*.") && memchr(text.ptr + 2, '*', text.len - 2) == NULL;
}

bool owner_is_pattern(struct str text)
{
	return text.len > 0 && memchr(text.ptr, '*', text.len) != NULL && !is_below(text) && text.ptr[text.len - 1] != '.';
}

bool owner_read(struct import *im, struct str text, bool below, uint32_t line, struct owner *ret)
{
	ret->rule = (struct import_rule){.has_match = true, .action = import_action(im), .line = line};
	const char *star = text.len == 0 ? NULL : memchr(text.ptr, '*', text.len);
	if (LIKELY(star == NULL))
		return read_name(im, text, below ? MATCH_SUBTREE : MATCH_EXACT, line, ret);
	if (is_below(text))
		return read_name(im, text, MATCH_SUBDOMAINS, line, ret);
	if (!import_pattern(im, text, line, ret->pattern, &ret->rule.text))
		return false;
	ret->rule.match = MATCH_PATTERN;
	ret->rule.subtree = below;
	return true;
}

/* --- the table ---
 *
 * A key says which kind of name it is and holds it: u8 match, u8 subtree, then the wire form, the pattern, or the prefix. */

#define KEY_HEAD 2

static struct str key_of(struct local_table *t, const struct import_rule *owner)
{
	const uint8_t head[KEY_HEAD] = {(uint8_t)owner->match, owner->match == MATCH_PATTERN && owner->subtree};
	buf_reset(&t->key);
	buf_add(&t->key, head, sizeof(head));
	switch (owner->match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		buf_add(&t->key, owner->name->wire, owner->name->len);
		break;
	case MATCH_REGEX:
	case MATCH_PATTERN:
		buf_add_str(&t->key, owner->text);
		break;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		buf_add(&t->key, &owner->prefix.family, sizeof(owner->prefix.family));
		buf_add(&t->key, &owner->prefix.bits, sizeof(owner->prefix.bits));
		buf_add(&t->key, owner->prefix.bytes, sizeof(owner->prefix.bytes));
		break;
	}
	return buf_str(&t->key);
}

void local_init(struct local_table *t)
{
	*t = (struct local_table){.cap = 0};
	intern_init(&t->keys);
}

void local_finish(struct local_table *t)
{
	for (size_t i = 0; i < local_count(t); i++)
		buf_finish(&t->owners[i].records);
	free(t->owners);
	buf_finish(&t->key);
	intern_finish(&t->keys);
	*t = (struct local_table){.cap = 0};
}

size_t local_count(const struct local_table *t)
{
	return t->keys.count;
}

struct local_owner *local_find(struct local_table *t, const struct import_rule *owner)
{
	uint32_t number;
	if (t->keys.count == 0)
		return NULL;
	struct str key = key_of(t, owner);
	return intern_find(&t->keys, key.ptr, key.len, &number) ? &t->owners[number] : NULL;
}

struct local_owner *local_add(struct local_table *t, const struct import_rule *owner)
{
	bool is_new;
	struct str key = key_of(t, owner);
	uint32_t number = intern_add(&t->keys, key.ptr, key.len, &is_new);
	must(!t->keys.full); /* 4 GiB of names out of a list of 1 GiB */
	if (!is_new)
		return &t->owners[number];
	if (number == t->cap) {
		t->cap = MAX((size_t)16, t->cap * 2);
		t->owners = base_realloc(t->owners, t->cap * sizeof(t->owners[0]));
	}
	t->owners[number] = (struct local_owner){.line = owner->line};
	return &t->owners[number];
}

void local_rule(const struct local_table *t, size_t i, struct owner *ret)
{
	struct str key = intern_get(&t->keys, (uint32_t)i);
	struct str body = {key.ptr + KEY_HEAD, key.len - KEY_HEAD};
	struct prefix *prefix = &ret->rule.prefix;
	ret->rule = (struct import_rule){
	    .match = (enum match)key.ptr[0], .has_match = true, .subtree = key.ptr[1] != 0, .line = t->owners[i].line};
	switch (ret->rule.match) {
	case MATCH_EXACT:
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		must(name_from_wire((const uint8_t *)body.ptr, body.len, &ret->name));
		ret->rule.name = &ret->name;
		break;
	case MATCH_REGEX:
	case MATCH_PATTERN:
		ret->rule.text = body;
		break;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		memcpy(&prefix->family, body.ptr, sizeof(prefix->family));
		memcpy(&prefix->bits, body.ptr + sizeof(prefix->family), sizeof(prefix->bits));
		memcpy(prefix->bytes, body.ptr + sizeof(prefix->family) + sizeof(prefix->bits), sizeof(prefix->bytes));
		break;
	}
}
