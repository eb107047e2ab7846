/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_own.c - lists of our own, made of names and expressions that stood in another product's configuration. */
#include "saringctl/convert.h"

#include "base/addr.h"
#include "list/quote.h"
#include "policy/pattern.h"
#include "wire/name.h"

#include <string.h>

#define REGEX_LEN_MAX 255 /* saring-lists(5) */
#define REGEX_MAX 100

void convert_put_comment(struct buf *b, const char *indent, const char *text)
{
	struct str rest = str_from(text);
	while (rest.ptr != NULL) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		char safe[1024];
		if (line.len > 0)
			buf_printf(b, "%s# %s\n", indent, str_clean(line, true, safe, sizeof(safe)));
	}
}

struct convert_file *convert_own_text(struct convert *c, const char *path)
{
	struct convert_file *f = arena_alloc(&c->arena, sizeof(*f));
	*f = (struct convert_file){.path = path};
	*c->last_file = f;
	c->last_file = &f->next;
	return f;
}

struct convert_file *convert_own(struct convert *c, const char *wish, bool allow, const char *title, json_t **ret_list)
{
	json_t *list = convert_list(c, wish);
	const char *path = arena_printf(&c->arena, "lists/%s.yaml", convert_list_name(list));
	struct convert_file *f = convert_own_text(c, path);
	const char *quoted = quote_yaml(&c->arena, str_from(title), false);
	json_object_set_new(list, "file", json_string(path));
	buf_printf(&f->text, "title: %s\naction: %s\nentries:\n", quoted != NULL ? quoted : wish, allow ? "allow" : "block");
	if (ret_list != NULL)
		*ret_list = list;
	return f;
}

static void put_entry(struct convert *c, struct convert_file *f, const char *kind, struct str text, const char *match,
		      const char *note, int64_t added_s)
{
	const char *quoted = quote_yaml(&c->arena, text, false);
	char day[32];
	if (note != NULL)
		convert_put_comment(&f->text, "  ", note);
	buf_printf(&f->text, "  - %s: %s\n", kind, quoted);
	if (match != NULL)
		buf_printf(&f->text, "    match: %s\n", match);
	if (added_s > 0) {
		str_from_date(added_s, day, sizeof(day));
		buf_printf(&f->text, "    added: %s\n", day);
	}
	f->entries++;
	c->entries++;
}

void convert_own_name(struct convert *c, struct convert_file *f, struct str name, const char *match, const char *note,
		      int64_t added_s, uint32_t line, const char *key)
{
	char shown[160];
	name = str_trim(name);
	str_escape(name, true, shown, sizeof(shown));
	if (!convert_is_name(name) || memchr(name.ptr, '*', name.len) != NULL || quote_yaml(&c->arena, name, false) == NULL)
		convert_left(c, line, key, "%s: not a name that can be asked for", shown);
	else
		put_entry(c, f, "domain", name, match, note, added_s);
}

/* Names are lower case here, and an expression is not folded. */
static bool wants_fold(struct str regex)
{
	for (size_t i = 0; i < regex.len; i++) {
		if (regex.ptr[i] == '\\')
			i++;
		else if (regex.ptr[i] >= 'A' && regex.ptr[i] <= 'Z')
			return true;
	}
	return false;
}

void convert_own_regex(struct convert *c, struct convert_file *f, struct str regex, const char *note, int64_t added_s,
		       uint32_t line, const char *key)
{
	char shown[160];
	struct pattern *pattern = NULL;
	struct err err = {.code = ERR_NONE};
	str_escape(regex, true, shown, sizeof(shown));
	if (wants_fold(regex))
		regex = str_from(arena_printf(&c->arena, "(?i)%.*s", (int)regex.len, regex.ptr));
	if (regex.len > REGEX_LEN_MAX || memchr(regex.ptr, '\0', regex.len) != NULL || quote_yaml(&c->arena, regex, false) == NULL)
		convert_left(c, line, key, "/%s/: longer than %d bytes, or no text", shown, REGEX_LEN_MAX);
	else if (f->regexes >= REGEX_MAX)
		convert_left(c, line, key, "/%s/: a list holds %d expressions", shown, REGEX_MAX);
	else if (!pattern_compile(regex, &pattern, NULL, &err))
		convert_left(c, line, key, "/%s/: PCRE2 does not take it: %s", shown, err.text);
	else {
		put_entry(c, f, "regex", regex, NULL, note, added_s);
		f->regexes++;
	}
	pattern_destroy(pattern);
}

void convert_own_line(struct convert *c, struct convert_file *f, struct str text, uint32_t line, const char *key)
{
	struct addr a;
	struct str rest = str_trim(text);
	if (rest.len > 2 && rest.ptr[0] == '/' && rest.ptr[rest.len - 1] == '/') {
		convert_own_regex(c, f, (struct str){rest.ptr + 1, rest.len - 2}, NULL, 0, line, key);
		return;
	}
	rest = str_trim(str_cut(&rest, '#'));
	for (bool first = true; rest.ptr != NULL && rest.len > 0; first = false) {
		size_t len = 0;
		while (len < rest.len && rest.ptr[len] != ' ' && rest.ptr[len] != '\t')
			len++;
		struct str word = {rest.ptr, len};
		rest = str_trim((struct str){rest.ptr + len, rest.len - len});
		if (first && addr_from_text(word, 0, &a))
			continue;
		if (str_starts(word, "*."))
			convert_own_name(c, f, (struct str){word.ptr + 2, word.len - 2}, "subtree", NULL, 0, line, key);
		else
			convert_own_name(c, f, word, "exact", NULL, 0, line, key);
	}
}
