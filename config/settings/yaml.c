/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "settings/place.h"

/* One open collection. */
struct level {
	struct yaml_node *node;
	struct yaml_node *key; /* a mapping's key that waits for its value */
};

struct builder {
	struct str text;
	const char *shown;
	const struct yaml_limits *limits;
	struct arena *arena;
	struct err_list *errors;
	struct place start, end; /* marks come in order; those of starts and those of ends apart */
	size_t nodes;
	struct level levels[YAML_DEPTH_MAX];
	size_t depth;
	struct yaml_node *root;
	bool document_seen;
	bool faulty; /* an error was reported; the tree is built on only to find the others */
};

static const char ALIAS[] = "aliases ('*name') are not accepted; to begin a value with '*', put it in quotes";
static const char ANCHOR[] = "anchors ('&name') are not accepted; to begin a value with '&', put it in quotes";

static bool fault(struct builder *b, const struct place *at, const char *sentence)
{
	err_list_add_at(b->errors, b->shown, at->line, at->column, "%s", sentence);
	b->faulty = true;
	return false;
}

/* Before libyaml sees the text: its own complaints about bytes have no line. */
static bool check_bytes(struct builder *b)
{
	struct place at;
	if (!place_of_bad_byte(b->text, &at))
		return true;
	return fault(b, &at, b->text.ptr[at.byte] == '\0' ? "a NUL byte cannot stand in this file" : "this is not UTF-8 text");
}

static struct yaml_node *node_create(struct builder *b, enum yaml_kind kind, const yaml_event_t *event)
{
	const struct place *start = place_at(&b->start, b->text, event->start_mark.index);
	if (++b->nodes > b->limits->nodes) {
		err_list_add_at(b->errors, b->shown, start->line, start->column, "more than %zu values in one file",
				b->limits->nodes);
		b->faulty = true;
		return NULL;
	}
	struct yaml_node *node = arena_alloc(b->arena, sizeof(*node));
	node->kind = kind;
	node->line = start->line;
	node->column = start->column;
	node->begin = start->byte;
	node->end = place_at(&b->end, b->text, event->end_mark.index)->byte;
	return node;
}

/* Does the key stand behind "? "? Everything between the last thing of the mapping and the key, on the key's own line, is looked
 * at. */
static bool is_explicit_key(const struct builder *b, const struct yaml_node *mapping, const struct yaml_node *key)
{
	size_t from = mapping->last != NULL ? mapping->last->end : mapping->begin;
	for (size_t i = key->begin; i > from; i--) {
		char c = b->text.ptr[i - 1];
		if (c != ' ' && c != '\t')
			return c == '?';
	}
	return false;
}

/* Hang the node where it belongs. False when it cannot stand there; then nothing sensible can follow. */
static bool attach(struct builder *b, struct yaml_node *node)
{
	if (b->depth == 0) {
		b->root = node;
		return true;
	}
	struct level *level = &b->levels[b->depth - 1];
	struct yaml_node *parent = level->node;
	if (parent->kind == YAML_MAPPING && level->key == NULL) {
		struct place at = {.line = node->line, .column = node->column};
		if (node->kind != YAML_SCALAR)
			return fault(b, &at, "a key must be text, not a list or a mapping");
		if (is_explicit_key(b, parent, node))
			return fault(b, &at, "keys with '?' before them are not accepted: write 'key: value'");
		level->key = node;
		return true;
	}
	node->key = level->key;
	level->key = NULL;
	if (parent->last == NULL)
		parent->first = node;
	else
		parent->last->next = node;
	parent->last = node;
	parent->count++;
	return true;
}

/* Anchors and tags are reported and otherwise passed over, so that the faults behind them are found too. */
static void refuse_properties(struct builder *b, const struct yaml_node *node, const void *anchor, const void *tag)
{
	struct place at = {.line = node->line, .column = node->column};
	if (anchor != NULL)
		(void)fault(b, &at, ANCHOR);
	if (tag != NULL)
		(void)fault(b, &at, "tags ('!type') are not accepted; to begin a value with '!', put it in quotes");
}

static bool on_scalar(struct builder *b, const yaml_event_t *event)
{
	struct yaml_node *node = node_create(b, YAML_SCALAR, event);
	if (node == NULL)
		return false;
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	/* A value that is not there: in {a: , b: 1} libyaml has it at the comma. */
	while (len == 0 && node->begin == node->end && node->begin > 0 && strchr(" \t", b->text.ptr[node->begin - 1]) != NULL) {
		node->begin = --node->end;
		node->column--;
	}
	struct place at = {.line = node->line, .column = node->column};
	refuse_properties(b, node, event->data.scalar.anchor, event->data.scalar.tag);
	if (memchr(value, '\0', len) != NULL)
		(void)fault(b, &at, "a NUL character cannot stand in a value");
	node->text = (struct str){arena_strndup(b->arena, value, len), len};
	switch (event->data.scalar.style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		node->style = YAML_STYLE_QUOTED;
		break;
	case YAML_LITERAL_SCALAR_STYLE:
	case YAML_FOLDED_SCALAR_STYLE:
		node->style = YAML_STYLE_BLOCK_SCALAR;
		while (node->end > node->begin && strchr(" \t\r\n", b->text.ptr[node->end - 1]) != NULL)
			node->end--;
		break;
	case YAML_ANY_SCALAR_STYLE:
	case YAML_PLAIN_SCALAR_STYLE:
		node->style = YAML_STYLE_PLAIN;
		break;
	}
	return attach(b, node);
}

static bool on_collection(struct builder *b, const yaml_event_t *event)
{
	bool mapping = event->type == YAML_MAPPING_START_EVENT;
	struct yaml_node *node = node_create(b, mapping ? YAML_MAPPING : YAML_SEQUENCE, event);
	if (node == NULL)
		return false;
	if (mapping) {
		refuse_properties(b, node, event->data.mapping_start.anchor, event->data.mapping_start.tag);
		node->style = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE ? YAML_STYLE_FLOW : YAML_STYLE_BLOCK;
	} else {
		refuse_properties(b, node, event->data.sequence_start.anchor, event->data.sequence_start.tag);
		node->style = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE ? YAML_STYLE_FLOW : YAML_STYLE_BLOCK;
	}
	if (!attach(b, node))
		return false;
	if (b->depth == YAML_DEPTH_MAX) {
		err_list_add_at(b->errors, b->shown, node->line, node->column, "nested deeper than %d levels", YAML_DEPTH_MAX);
		b->faulty = true;
		return false;
	}
	b->levels[b->depth++] = (struct level){.node = node};
	return true;
}

static int compare_keys(const void *a, const void *b)
{
	const struct yaml_node *x = (*(struct yaml_node *const *)a)->key, *y = (*(struct yaml_node *const *)b)->key;
	int order = memcmp(x->text.ptr, y->text.ptr, MIN(x->text.len, y->text.len));
	if (order != 0)
		return order;
	if (x->text.len != y->text.len)
		return x->text.len < y->text.len ? -1 : 1;
	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

#define KEYS_FEW 8 /* up to these are compared each with each */

static bool has_few_and_different_keys(const struct yaml_node *mapping)
{
	if (mapping->count > KEYS_FEW)
		return false;
	for (const struct yaml_node *a = mapping->first; a != NULL; a = a->next) {
		for (const struct yaml_node *b = a->next; b != NULL; b = b->next) {
			if (str_eq(a->key->text, b->key->text))
				return false;
		}
	}
	return true;
}

/* They do not make the tree faulty: what a file says twice is still read, for the faults in it. */
static void report_duplicates(struct builder *b, const struct yaml_node *mapping)
{
	if (mapping->count < 2 || has_few_and_different_keys(mapping))
		return;
	struct yaml_node **members = base_alloc(mapping->count * sizeof(struct yaml_node *));
	size_t count = 0;
	for (struct yaml_node *child = mapping->first; child != NULL; child = child->next)
		members[count++] = child;
	qsort(members, count, sizeof(struct yaml_node *), compare_keys);
	size_t first = 0;
	for (size_t i = 1; i < count; i++) {
		const struct yaml_node *key = members[i]->key;
		if (!str_eq(key->text, members[first]->key->text)) {
			first = i;
			continue;
		}
		char shown[128];
		err_list_add_at(b->errors, b->shown, key->line, key->column, "the key '%s' stands here again; first in line %u",
				str_escape(key->text, true, shown, sizeof(shown)), members[first]->key->line);
		members[i]->again = true;
	}
	free(members);
}

static bool on_collection_end(struct builder *b, const yaml_event_t *event)
{
	struct yaml_node *node = b->levels[--b->depth].node;
	must(node != NULL); /* libyaml balances what it opens */
	char opening = node->kind == YAML_MAPPING ? '{' : '[';
	/* libyaml ends a block collection at the next token, behind comments; and the pair in [a: b], flow by its word, likewise.
	 */
	if (node->style == YAML_STYLE_FLOW && b->text.ptr[node->begin] == opening)
		node->end = place_at(&b->end, b->text, event->end_mark.index)->byte;
	else if (node->last != NULL)
		node->end = node->last->end;
	if (node->kind == YAML_MAPPING)
		report_duplicates(b, node);
	return true;
}

/* Returns whether more events are wanted. */
static bool on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->document_seen)
			return fault(b, place_at(&b->start, b->text, event->start_mark.index),
				     "a second document ('---') in one file");
		b->document_seen = true;
		return true;
	case YAML_ALIAS_EVENT: {
		struct yaml_node *node = node_create(b, YAML_SCALAR, event);
		if (node == NULL)
			return false;
		struct place at = {.line = node->line, .column = node->column};
		(void)fault(b, &at, ALIAS);
		node->text = STR_LIT("");
		return attach(b, node);
	}
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_collection(b, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_collection_end(b, event);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return true;
	case YAML_STREAM_END_EVENT:
		return false;
	}
	return false;
}

/* "*.example.com" without quotes, which people write: libyaml wants the name of an alias, and says so in its own words. */
static const char *misread_value(const yaml_parser_t *parser)
{
	if (parser->error != YAML_SCANNER_ERROR || parser->context == NULL)
		return NULL;
	if (strcmp(parser->context, "while scanning an alias") == 0)
		return ALIAS;
	return strcmp(parser->context, "while scanning an anchor") == 0 ? ANCHOR : NULL;
}

static void report_syntax(struct builder *b, const yaml_parser_t *parser)
{
	struct place at = place_first(b->text);
	if (misread_value(parser) != NULL) {
		(void)fault(b, place_at(&at, b->text, parser->context_mark.index), misread_value(parser));
		return;
	}
	/* A reader's error has no mark but an offset in bytes, from after the BOM, which libyaml never saw. */
	if (parser->error == YAML_READER_ERROR) {
		size_t byte = MIN(at.byte + parser->problem_offset, b->text.len);
		while (at.byte < byte)
			place_step(&at, b->text);
	} else {
		(void)place_at(&at, b->text, parser->problem_mark.index);
	}
	const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
	if (at.byte < b->text.len && b->text.ptr[at.byte] == '\t' && parser->error == YAML_SCANNER_ERROR)
		problem = "a tab cannot stand here: YAML is indented with spaces";
	struct place from = place_first(b->text);
	if (parser->context != NULL && parser->error != YAML_READER_ERROR)
		(void)place_at(&from, b->text, parser->context_mark.index);
	if (from.line < at.line && parser->context != NULL)
		err_list_add_at(b->errors, b->shown, at.line, at.column, "%s, %s that begins in line %u", problem, parser->context,
				from.line);
	else
		err_list_add_at(b->errors, b->shown, at.line, at.column, "%s", problem);
	b->faulty = true;
}

/* The first line of rest, by the line ends of YAML 1.1, which are libyaml's: CR, LF, U+0085, U+2028, U+2029. */
static struct str cut_line(struct str *rest)
{
	const unsigned char *p = (const unsigned char *)rest->ptr;
	size_t i = 0, end = 0;
	for (; i < rest->len && end == 0; i++) {
		if (p[i] == '\r' || p[i] == '\n')
			end = 1;
		else if (p[i] == 0xc2 && i + 1 < rest->len && p[i + 1] == 0x85)
			end = 2;
		else if (p[i] == 0xe2 && i + 2 < rest->len && p[i + 1] == 0x80 && (p[i + 2] == 0xa8 || p[i + 2] == 0xa9))
			end = 3;
	}
	size_t len = end == 0 ? i : i - 1, used = end == 0 ? i : len + end;
	struct str line = {rest->ptr, len};
	*rest = (struct str){rest->ptr + used, rest->len - used};
	return line;
}

/* libyaml compares each %TAG with all before it, and says nothing until it has read the last: a file of them would keep it for
 * hours. So many lines that begin with '%' next to each other, but for comments and blank lines, are refused before it sees them.
 */
#define DIRECTIVES_MAX 8
static bool check_directives(struct builder *b)
{
	struct str rest = b->text;
	struct place at = place_first(b->text);
	unsigned run = 0;
	for (rest = (struct str){rest.ptr + at.byte, rest.len - at.byte}; rest.len > 0;) {
		size_t begin = (size_t)(rest.ptr - b->text.ptr);
		struct str line = cut_line(&rest);
		bool is_directive = line.len > 0 && line.ptr[0] == '%';
		line = str_trim(line);
		if (is_directive)
			run++;
		else if (line.len > 0 && line.ptr[0] != '#')
			run = 0;
		if (run <= DIRECTIVES_MAX)
			continue;
		while (at.byte < begin)
			place_step(&at, b->text);
		return fault(b, &at, "too many directives (lines that begin with '%')");
	}
	return true;
}

static void parse_events(struct builder *b)
{
	yaml_parser_t parser;
	must(yaml_parser_initialize(&parser) != 0);
	size_t skip = place_first(b->text).byte;
	/* Said, not guessed: else two bytes at the start would make libyaml read UTF-16, whose places would all be wrong. */
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)b->text.ptr + skip, b->text.len - skip);
	for (bool more = true; more;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			must(parser.error != YAML_MEMORY_ERROR);
			report_syntax(b, &parser);
			break;
		}
		more = on_event(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
}

struct yaml_node *yaml_parse(struct str text, const char *shown, const struct yaml_limits *limits, struct arena *arena,
			     struct err_list *errors)
{
	struct place first = place_first(text);
	struct builder b = {
	    .text = text, .shown = shown, .limits = limits, .arena = arena, .errors = errors, .start = first, .end = first};
	if (text.len > limits->bytes) {
		char size[32];
		str_from_size(limits->bytes, size, sizeof(size));
		err_list_add_at(errors, shown, 1, 1, "larger than %s", size);
		return NULL;
	}
	size_t before = errors->count;
	if (text.len > first.byte && check_bytes(&b) && check_directives(&b))
		parse_events(&b);
	yaml_sort_errors(errors, before);
	if (b.faulty)
		return NULL;
	if (b.root != NULL && (b.root->kind != YAML_SCALAR || b.root->style != YAML_STYLE_PLAIN || b.root->text.len > 0))
		return b.root;
	struct yaml_node *empty = arena_alloc(arena, sizeof(*empty));
	*empty = (struct yaml_node){.kind = YAML_MAPPING, .style = YAML_STYLE_BLOCK, .line = 1, .column = 1};
	empty->begin = empty->end = first.byte;
	return empty;
}

struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
	if (mapping == NULL || mapping->kind != YAML_MAPPING)
		return NULL;
	for (struct yaml_node *child = mapping->first; child != NULL; child = child->next) {
		if (!child->again && str_eq_c(child->key->text, key))
			return child;
	}
	return NULL;
}

const char *yaml_kind_word(const struct yaml_node *node)
{
	switch (node->kind) {
	case YAML_SCALAR:
		return "text";
	case YAML_SEQUENCE:
		return "a list";
	case YAML_MAPPING:
		return "a mapping";
	}
	return "";
}

bool yaml_is_null(const struct yaml_node *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};
	if (node->kind != YAML_SCALAR || node->style != YAML_STYLE_PLAIN)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq_c(node->text, words[i]))
			return true;
	}
	return false;
}

static int compare_errors(const void *a, const void *b)
{
	const struct err *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

/* By insertion: it is stable, and there are ERR_LIST_MAX at most. */
void yaml_sort_errors(struct err_list *errors, size_t first)
{
	for (size_t i = first + 1; i < errors->count; i++) {
		for (size_t j = i; j > first && compare_errors(&errors->items[j - 1], &errors->items[j]) > 0; j--) {
			struct err swapped = errors->items[j];
			errors->items[j] = errors->items[j - 1];
			errors->items[j - 1] = swapped;
		}
	}
}
