/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/toml.h"

#include "base/buf.h"

#include <string.h>

struct toml {
	struct str text;
	size_t at, line_at;
	uint32_t line;
	size_t nodes;
	const char *shown;
	struct arena *arena;
	struct err_list *errors;
	struct buf scratch;
	bool failed;
};

static bool fail(struct toml *t, const char *why)
{
	if (!t->failed)
		err_list_add_at(t->errors, t->shown, t->line, (uint32_t)(t->at - t->line_at + 1), "%s", why);
	t->failed = true;
	return false;
}

static int peek(const struct toml *t)
{
	return t->at < t->text.len ? (unsigned char)t->text.ptr[t->at] : -1;
}

static bool stands(const struct toml *t, const char *word)
{
	size_t len = strlen(word);
	return t->text.len - t->at >= len && memcmp(t->text.ptr + t->at, word, len) == 0;
}

static void step(struct toml *t)
{
	if (t->text.ptr[t->at++] == '\n') {
		t->line++;
		t->line_at = t->at;
	}
}

static bool take(struct toml *t, int c)
{
	if (peek(t) != c)
		return false;
	step(t);
	return true;
}

/* Blanks; with lines also line ends and comments. */
static void skip(struct toml *t, bool lines)
{
	for (;;) {
		int c = peek(t);
		if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r')))
			step(t);
		else if (lines && c == '#') {
			while (peek(t) >= 0 && peek(t) != '\n')
				step(t);
		} else
			return;
	}
}

static struct yaml_node *node_new(struct toml *t, enum yaml_kind kind, enum yaml_style style)
{
	if (t->nodes++ >= TOML_NODES_MAX) {
		(void)fail(t, "too many values");
		return NULL;
	}
	struct yaml_node *n = arena_alloc(t->arena, sizeof(*n));
	*n = (struct yaml_node){
	    .kind = kind, .style = style, .line = t->line, .column = (uint32_t)(t->at - t->line_at + 1), .begin = t->at};
	return n;
}

static void append(struct yaml_node *parent, struct yaml_node *child)
{
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

static void set_text(struct toml *t, struct yaml_node *n, const char *ptr, size_t len)
{
	n->text = (struct str){arena_strndup(t->arena, ptr, len), len};
	n->end = t->at;
}

/* ---- strings ---- */

static void put_utf8(struct buf *b, uint32_t c)
{
	unsigned char out[4];
	size_t len;
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		len = 1;
	} else if (c < 0x800) {
		out[0] = (unsigned char)(0xc0 | (c >> 6));
		out[1] = (unsigned char)(0x80 | (c & 0x3f));
		len = 2;
	} else if (c < 0x10000) {
		out[0] = (unsigned char)(0xe0 | (c >> 12));
		out[1] = (unsigned char)(0x80 | ((c >> 6) & 0x3f));
		out[2] = (unsigned char)(0x80 | (c & 0x3f));
		len = 3;
	} else {
		out[0] = (unsigned char)(0xf0 | (c >> 18));
		out[1] = (unsigned char)(0x80 | ((c >> 12) & 0x3f));
		out[2] = (unsigned char)(0x80 | ((c >> 6) & 0x3f));
		out[3] = (unsigned char)(0x80 | (c & 0x3f));
		len = 4;
	}
	buf_add(b, out, len);
}

static bool escape_code(struct toml *t, unsigned digits)
{
	uint32_t value = 0;
	for (unsigned i = 0; i < digits; i++) {
		int c = peek(t);
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;
		if (digit < 0)
			return fail(t, "an escape of too few hexadecimal digits");
		value = value << 4 | (uint32_t)digit;
		step(t);
	}
	if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return fail(t, "an escape that is no character");
	put_utf8(&t->scratch, value);
	return true;
}

static bool escape(struct toml *t, bool multi)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	int c = peek(t);
	const char *found = c > 0 ? strchr(from, c) : NULL;
	if (found != NULL) {
		step(t);
		buf_add(&t->scratch, &to[found - from], 1);
		return true;
	}
	if (c == 'u' || c == 'U') {
		step(t);
		return escape_code(t, c == 'u' ? 4 : 8);
	}
	if (multi && (c == '\n' || c == '\r' || c == ' ' || c == '\t')) {
		while (peek(t) == '\n' || peek(t) == '\r' || peek(t) == ' ' || peek(t) == '\t')
			step(t);
		return true;
	}
	return fail(t, "an escape that TOML does not have");
}

/* At its first quote: a string into scratch. */
static bool string(struct toml *t, bool may_multi)
{
	char quote[4] = {(char)peek(t), (char)peek(t), (char)peek(t), '\0'};
	bool literal = quote[0] == '\'', multi = stands(t, quote);
	buf_reset(&t->scratch);
	if (multi && !may_multi)
		return fail(t, "a key of several lines");
	for (unsigned i = 0; i < (multi ? 3u : 1u); i++)
		step(t);
	if (!multi)
		quote[1] = '\0';
	else {
		(void)take(t, '\r');
		(void)take(t, '\n');
	}
	for (;;) {
		int c = peek(t);
		if (c < 0 || c == 0 || (!multi && c == '\n'))
			return fail(t, "a string that does not end");
		if (stands(t, quote) && !(multi && t->at + 3 < t->text.len && t->text.ptr[t->at + 3] == quote[0]))
			break;
		step(t);
		if (c == '\\' && !literal) {
			if (!escape(t, multi))
				return false;
		} else
			buf_add(&t->scratch, &(char){(char)c}, 1);
	}
	for (size_t i = strlen(quote); i > 0; i--)
		step(t);
	return str_is_utf8(buf_str(&t->scratch)) || fail(t, "a string that is not UTF-8");
}

/* ---- keys ---- */

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static struct yaml_node *key_part(struct toml *t)
{
	struct yaml_node *key = node_new(t, YAML_SCALAR, YAML_STYLE_PLAIN);
	size_t begin = t->at;
	if (key == NULL)
		return NULL;
	if (peek(t) == '"' || peek(t) == '\'') {
		if (!string(t, false))
			return NULL;
		set_text(t, key, t->scratch.ptr != NULL ? t->scratch.ptr : "", t->scratch.len);
		return key;
	}
	while (is_bare(peek(t)))
		step(t);
	if (t->at == begin) {
		(void)fail(t, "a key should stand here");
		return NULL;
	}
	set_text(t, key, t->text.ptr + begin, t->at - begin);
	return key;
}

/* The member of that name, made as a mapping when it is not there. */
static struct yaml_node *enter(struct toml *t, struct yaml_node *parent, struct yaml_node *key)
{
	struct yaml_node *found = yaml_get(parent, key->text.ptr);
	if (found == NULL) {
		found = node_new(t, YAML_MAPPING, YAML_STYLE_BLOCK);
		if (found == NULL)
			return NULL;
		found->key = key;
		append(parent, found);
	} else if (found->kind != YAML_MAPPING || found->style == YAML_STYLE_FLOW) {
		(void)fail(t, "the key has a value already");
		return NULL;
	}
	return found;
}

/* a.b.c: ret is the parent of the last part, ret_key that part. */
static bool dotted(struct toml *t, struct yaml_node *parent, struct yaml_node **ret, struct yaml_node **ret_key)
{
	for (unsigned depth = 0;; depth++) {
		struct yaml_node *key = key_part(t);
		if (key == NULL)
			return false;
		skip(t, false);
		if (!take(t, '.')) {
			*ret = parent;
			*ret_key = key;
			return true;
		}
		skip(t, false);
		if (depth >= TOML_DEPTH_MAX / 4)
			return fail(t, "a key of too many parts");
		parent = enter(t, parent, key);
		if (parent == NULL)
			return false;
	}
}

/* ---- values ---- */

static struct yaml_node *scalar(struct toml *t)
{
	struct yaml_node *n = node_new(t, YAML_SCALAR, YAML_STYLE_PLAIN);
	size_t begin = t->at;
	if (n == NULL)
		return NULL;
	if (peek(t) == '"' || peek(t) == '\'') {
		n->style = YAML_STYLE_QUOTED;
		if (!string(t, true))
			return NULL;
		set_text(t, n, t->scratch.ptr != NULL ? t->scratch.ptr : "", t->scratch.len);
		return n;
	}
	while (is_bare(peek(t)) || peek(t) == '.' || peek(t) == ':' || peek(t) == '+')
		step(t);
	if (t->at == begin) {
		(void)fail(t, "a value should stand here");
		return NULL;
	}
	set_text(t, n, t->text.ptr + begin, t->at - begin);
	bool plain = str_eq_c(n->text, "true") || str_eq_c(n->text, "false") || str_eq_c(n->text, "inf") ||
		     str_eq_c(n->text, "nan") || (n->text.ptr[0] >= '0' && n->text.ptr[0] <= '9') || n->text.ptr[0] == '-' ||
		     n->text.ptr[0] == '+';
	if (!plain)
		(void)fail(t, "neither a number nor true nor false; a text stands in quotes");
	return plain ? n : NULL;
}

/* Containers that are open: arrays and inline tables, whose ends are looked for here rather than by calls within calls. */
struct nest {
	struct yaml_node *open[TOML_DEPTH_MAX];
	size_t depth;
};

static bool open_nest(struct toml *t, struct nest *nest, struct yaml_node *parent, struct yaml_node *key, struct yaml_node *n)
{
	n->key = key;
	append(parent, n);
	if (n->kind == YAML_SCALAR)
		return true;
	if (nest->depth == TOML_DEPTH_MAX / 2)
		return fail(t, "too deep");
	nest->open[nest->depth++] = n;
	return true;
}

/* The key of a member, with its sign; an array's item has none. */
static bool member_key(struct toml *t, struct yaml_node **parent, struct yaml_node **ret_key)
{
	*ret_key = NULL;
	if ((*parent)->kind == YAML_SEQUENCE)
		return true;
	if (!dotted(t, *parent, parent, ret_key))
		return false;
	if (yaml_get(*parent, (*ret_key)->text.ptr) != NULL)
		return fail(t, "the key stands there twice");
	if (!take(t, '='))
		return fail(t, "'=' should stand behind the key");
	skip(t, false);
	return true;
}

/* A value under parent, and all that is within it. */
static bool value(struct toml *t, struct yaml_node *parent)
{
	struct nest nest = {.depth = 0};
	for (;;) {
		struct yaml_node *key, *n;
		if (!member_key(t, &parent, &key))
			return false;
		if (take(t, '['))
			n = node_new(t, YAML_SEQUENCE, YAML_STYLE_FLOW);
		else if (take(t, '{'))
			n = node_new(t, YAML_MAPPING, YAML_STYLE_FLOW);
		else
			n = scalar(t);
		if (n == NULL || t->failed || !open_nest(t, &nest, parent, key, n))
			return false;
		bool fresh = n->kind != YAML_SCALAR;
		for (;;) { /* up through all that ends here */
			if (nest.depth == 0)
				return true;
			parent = nest.open[nest.depth - 1];
			bool array = parent->kind == YAML_SEQUENCE;
			skip(t, array);
			if (!fresh && take(t, ',')) {
				skip(t, array);
				if (!(array && peek(t) == ']'))
					break;
			} else if (fresh && peek(t) != (array ? ']' : '}'))
				break;
			if (!take(t, array ? ']' : '}'))
				return fail(t, array ? "',' or ']' should stand here" : "',' or '}' should stand here");
			parent->end = t->at;
			nest.depth--;
			fresh = false;
		}
	}
}

static bool header(struct toml *t, struct yaml_node *root, struct yaml_node **ret)
{
	struct yaml_node *parent, *key;
	if (take(t, '['))
		return fail(t, "arrays of tables are not read");
	skip(t, false);
	if (!dotted(t, root, &parent, &key))
		return false;
	*ret = enter(t, parent, key);
	if (*ret == NULL)
		return false;
	return take(t, ']') || fail(t, "']' should stand behind the table's name");
}

static bool line_end(struct toml *t)
{
	skip(t, false);
	int c = peek(t);
	return c < 0 || c == '\n' || c == '\r' || c == '#' || fail(t, "a line should end here");
}

struct yaml_node *toml_parse(struct str text, const char *shown, struct arena *arena, struct err_list *errors)
{
	struct toml t = {.text = text, .line = 1, .shown = shown, .arena = arena, .errors = errors};
	if (str_starts(text, "\xef\xbb\xbf"))
		t.at = t.line_at = 3;
	struct yaml_node *root = node_new(&t, YAML_MAPPING, YAML_STYLE_BLOCK), *table = root;
	for (skip(&t, true); !t.failed && peek(&t) >= 0; skip(&t, true)) {
		bool good = take(&t, '[') ? header(&t, root, &table) : value(&t, table);
		if (!good || !line_end(&t))
			break;
	}
	buf_finish(&t.scratch);
	return t.failed ? NULL : root;
}
