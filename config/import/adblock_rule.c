/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/adblock_rule.h"

#include <stdlib.h>
#include <string.h>

#include "import/import.h"

#define KEY_PARTS_MAX 256 /* of a value that is sorted for a key */

/* --- lines --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where a comment behind a blank begins, or the length. */
static size_t comment_at(struct str text)
{
	const char *p = text.ptr, *end = text.ptr + text.len;
	while (p < end && (p = memchr(p, '#', (size_t)(end - p))) != NULL) {
		if (p > text.ptr && is_blank(p[-1]))
			return (size_t)(p - text.ptr);
		p++;
	}
	return text.len;
}

/* ## #@# #?# #$# #%# #@?# #$?# ... and AdGuard's own $$ and $@$ */
static bool is_marker(const char *p, const char *end)
{
	char ends_with = *p;
	p++;
	if (p < end && *p == '@')
		p++;
	for (unsigned n = 0; ends_with == '#' && n < 2 && p < end && (*p == '?' || *p == '$' || *p == '%'); n++)
		p++;
	return p < end && *p == ends_with;
}

static bool is_cosmetic(struct str text)
{
	const char *end = text.ptr + text.len;
	for (const char *p = text.ptr; p < end; p++) {
		if ((*p == '#' || *p == '$') && is_marker(p, end))
			return true;
	}
	return false;
}

/* "# ads", "####": no selector begins with a blank. */
static bool is_heading(struct str text)
{
	size_t i = 0;
	while (i < text.len && text.ptr[i] == '#')
		i++;
	return i > 0 && (i == text.len || is_blank(text.ptr[i]));
}

enum adblock_line adblock_line(struct str line, struct str *ret_text, bool *ret_cut)
{
	struct str text = str_trim(line);
	*ret_text = text;
	*ret_cut = false;
	if (text.len == 0 || text.ptr[0] == '!' || is_heading(text))
		return ADBLOCK_COMMENT;
	struct str head = {text.ptr, comment_at(text)};
	if (is_cosmetic(head))
		return ADBLOCK_COSMETIC;
	if (text.ptr[0] == '#')
		return ADBLOCK_COMMENT;
	*ret_cut = head.len < text.len;
	*ret_text = head = str_trim(head);
	if (head.ptr[0] == '[' && head.ptr[head.len - 1] == ']' && !import_is_address(head))
		return ADBLOCK_COMMENT;
	return ADBLOCK_RULE;
}

/* --- options --- */

enum kind {
	KIND_TYPE,    /* of content: a question for a name is none of these, so that it never holds, and `~` always does */
	KIND_BROWSER, /* said with `~` or without it */
	KIND_IMPORTANT,
	KIND_BADFILTER,
	KIND_DNSTYPE,
	KIND_CLIENT,
	KIND_DENYALLOW,
	KIND_REWRITE,
	KIND_CTAG,
	KIND_DOMAIN,
};

/* Those of one number are one option. */
static const struct option {
	const char *word;
	uint8_t number;
	uint8_t kind;
} options[] = {
    {"important", 0, KIND_IMPORTANT},
    {"badfilter", 0, KIND_BADFILTER},
    {"dnstype", 0, KIND_DNSTYPE},
    {"client", 0, KIND_CLIENT},
    {"denyallow", 0, KIND_DENYALLOW},
    {"dnsrewrite", 0, KIND_REWRITE},
    {"ctag", 0, KIND_CTAG},
    {"domain", 0, KIND_DOMAIN},
    {"from", 0, KIND_DOMAIN},
    {"all", 1, KIND_BROWSER},
    {"document", 2, KIND_BROWSER},
    {"doc", 2, KIND_BROWSER},
    {"script", 3, KIND_TYPE},
    {"stylesheet", 4, KIND_TYPE},
    {"css", 4, KIND_TYPE},
    {"subdocument", 5, KIND_TYPE},
    {"frame", 5, KIND_TYPE},
    {"object", 6, KIND_TYPE},
    {"object-subrequest", 6, KIND_TYPE},
    {"image", 7, KIND_TYPE},
    {"xmlhttprequest", 8, KIND_TYPE},
    {"xhr", 8, KIND_TYPE},
    {"media", 9, KIND_TYPE},
    {"font", 10, KIND_TYPE},
    {"websocket", 11, KIND_TYPE},
    {"ping", 12, KIND_TYPE},
    {"beacon", 12, KIND_TYPE},
    {"other", 13, KIND_TYPE},
    {"third-party", 14, KIND_BROWSER},
    {"3p", 14, KIND_BROWSER},
    {"first-party", 15, KIND_BROWSER},
    {"1p", 15, KIND_BROWSER},
    {"strict-third-party", 16, KIND_BROWSER},
    {"strict3p", 16, KIND_BROWSER},
    {"strict-first-party", 17, KIND_BROWSER},
    {"strict1p", 17, KIND_BROWSER},
    {"match-case", 18, KIND_BROWSER},
    {"popup", 19, KIND_BROWSER},
    {"popunder", 20, KIND_BROWSER},
    {"elemhide", 21, KIND_BROWSER},
    {"ehide", 21, KIND_BROWSER},
    {"generichide", 22, KIND_BROWSER},
    {"ghide", 22, KIND_BROWSER},
    {"specifichide", 23, KIND_BROWSER},
    {"shide", 23, KIND_BROWSER},
    {"genericblock", 24, KIND_BROWSER},
    {"jsinject", 25, KIND_BROWSER},
    {"urlblock", 26, KIND_BROWSER},
    {"content", 27, KIND_BROWSER},
    {"extension", 28, KIND_BROWSER},
    {"stealth", 29, KIND_BROWSER},
    {"empty", 30, KIND_BROWSER},
    {"mp4", 31, KIND_BROWSER},
    {"csp", 32, KIND_BROWSER},
    {"permissions", 33, KIND_BROWSER},
    {"replace", 34, KIND_BROWSER},
    {"cookie", 35, KIND_BROWSER},
    {"redirect", 36, KIND_BROWSER},
    {"redirect-rule", 37, KIND_BROWSER},
    {"rewrite", 38, KIND_BROWSER},
    {"removeparam", 39, KIND_BROWSER},
    {"queryprune", 39, KIND_BROWSER},
    {"removeheader", 40, KIND_BROWSER},
    {"inline-script", 41, KIND_BROWSER},
    {"inline-font", 42, KIND_BROWSER},
    {"to", 43, KIND_BROWSER},
    {"method", 44, KIND_BROWSER},
    {"header", 45, KIND_BROWSER},
    {"app", 46, KIND_BROWSER},
    {"network", 47, KIND_BROWSER},
    {"hls", 48, KIND_BROWSER},
    {"jsonprune", 49, KIND_BROWSER},
    {"xmlprune", 50, KIND_BROWSER},
    {"referrerpolicy", 51, KIND_BROWSER},
    {"urltransform", 52, KIND_BROWSER},
    {"uritransform", 52, KIND_BROWSER},
    {"urlskip", 53, KIND_BROWSER},
    {"webrtc", 54, KIND_BROWSER},
    {"background", 55, KIND_BROWSER},
    {"cname", 56, KIND_BROWSER},
};

static const struct option *option_find(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (str_eq_c(word, options[i].word))
			return &options[i];
	}
	return NULL;
}

/* The first one that can't be done is told; one that nobody knows before all others. */
static void refuse(struct adblock_rule *rule, enum left_reason why, struct str word)
{
	if (rule->why != LEFT_REASON_COUNT && (why != LEFT_MODIFIER || rule->why == LEFT_MODIFIER))
		return;
	rule->why = why;
	rule->word = word;
}

/* One said twice would lose what the first one said. */
static void set_value(struct adblock_rule *rule, struct str *slot, struct str word, struct str value)
{
	if (slot->ptr != NULL)
		refuse(rule, LEFT_MODIFIER, word);
	*slot = value;
}

static void read_option(struct adblock_rule *rule, struct str text)
{
	struct str value = text, word = str_cut(&value, '='), bare = word;
	bool negated = word.len > 1 && word.ptr[0] == '~';
	if (negated)
		bare = (struct str){word.ptr + 1, word.len - 1};
	const struct option *option = option_find(bare);
	if (value.ptr == NULL)
		value = (struct str){text.ptr + text.len, 0};
	if (option == NULL || (negated && option->kind >= KIND_IMPORTANT)) {
		refuse(rule, LEFT_MODIFIER, word);
		return;
	}
	if (option->kind < KIND_IMPORTANT) {
		unsigned bit = option->number + (negated ? 64u : 0u);
		rule->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
	}
	switch ((enum kind)option->kind) {
	case KIND_TYPE:
		if (!negated)
			refuse(rule, LEFT_BROWSER, word);
		return;
	case KIND_BROWSER:
		refuse(rule, LEFT_BROWSER, word);
		return;
	case KIND_IMPORTANT:
		rule->important = true;
		return;
	case KIND_BADFILTER:
		rule->badfilter = true;
		return;
	case KIND_DNSTYPE:
		set_value(rule, &rule->dnstype, word, value);
		return;
	case KIND_CLIENT:
		set_value(rule, &rule->client, word, value);
		return;
	case KIND_DENYALLOW:
		set_value(rule, &rule->denyallow, word, value);
		return;
	case KIND_REWRITE:
		set_value(rule, &rule->rewrite, word, value);
		return;
	case KIND_CTAG:
		set_value(rule, &rule->ctag, word, value);
		refuse(rule, LEFT_CLIENT, word);
		return;
	case KIND_DOMAIN:
		set_value(rule, &rule->domain, word, value);
		refuse(rule, LEFT_BROWSER, word);
		return;
	}
}

bool adblock_part(struct str *rest, char separator, struct str *ret)
{
	if (rest->ptr == NULL)
		return false;
	for (size_t i = 0; i < rest->len; i++) {
		if (rest->ptr[i] != separator || (i > 0 && rest->ptr[i - 1] == '\\'))
			continue;
		*ret = (struct str){rest->ptr, i};
		*rest = (struct str){rest->ptr + i + 1, rest->len - i - 1};
		return true;
	}
	*ret = *rest;
	rest->ptr = NULL;
	return true;
}

void adblock_unescape(struct str value, struct buf *ret)
{
	for (size_t i = 0; i < value.len; i++) {
		bool escapes = value.ptr[i] == '\\' && i + 1 < value.len && (value.ptr[i + 1] == ',' || value.ptr[i + 1] == '$');
		if (!escapes)
			buf_add(ret, value.ptr + i, 1);
	}
}

/* --- rules --- */

static bool is_between_slashes(struct str text)
{
	return text.len > 1 && text.ptr[0] == '/' && text.ptr[text.len - 1] == '/';
}

/* The last `$` that no backslash stands before parts pattern and options; one at the very end parts nothing. */
static struct str cut_options(struct str *text)
{
	struct str none = {NULL, 0};
	if (is_between_slashes(*text) && memmem(text->ptr, text->len, "replace=", 8) == NULL)
		return none;
	for (size_t i = text->len < 2 ? 0 : text->len - 1; i-- > 0;) {
		if (text->ptr[i] != '$' || (i > 0 && text->ptr[i - 1] == '\\'))
			continue;
		struct str found = {text->ptr + i + 1, text->len - i - 1};
		text->len = i;
		return found;
	}
	return none;
}

static bool ends(struct str text, const char *with)
{
	size_t len = strlen(with);
	return text.len >= len && memcmp(text.ptr + text.len - len, with, len) == 0;
}

void adblock_rule(struct str text, struct adblock_rule *ret)
{
	*ret = (struct adblock_rule){.text = text, .pattern = text, .why = LEFT_REASON_COUNT};
	if (str_starts(text, "@@")) {
		ret->allow = true;
		ret->pattern = (struct str){text.ptr + 2, text.len - 2};
	}
	struct str rest = cut_options(&ret->pattern), option;
	while (ret->why != LEFT_MODIFIER && adblock_part(&rest, ',', &option)) {
		if (option.len > 0)
			read_option(ret, option);
	}
	if (is_between_slashes(ret->pattern)) {
		ret->regex = true;
		ret->pattern = (struct str){ret->pattern.ptr + 1, ret->pattern.len - 2};
	} else if (ends(ret->pattern, "/*")) {
		ret->caret = true;
		ret->pattern.len -= 2;
	} else if (ends(ret->pattern, "^")) {
		ret->caret = true;
		ret->pattern.len--;
	}
}

bool adblock_is_restricted(const struct adblock_rule *rule)
{
	return rule->dnstype.len > 0 || rule->client.len > 0 || rule->denyallow.len > 0;
}

/* --- keys --- */

static int compare_parts(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	size_t len = MIN(x->len, y->len);
	int order = len == 0 ? 0 : memcmp(x->ptr, y->ptr, len);
	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* With its length before it, so that no two keys run into one another. */
static void add_number(struct buf *b, size_t number)
{
	uint32_t bytes = (uint32_t)number;
	buf_add(b, &bytes, sizeof(bytes));
}

static void add_value(struct buf *b, struct str value)
{
	add_number(b, value.ptr == NULL ? UINT32_MAX : value.len);
	buf_add_str(b, value);
}

/* A set: `a|b` is `b|a`. */
static void add_set(struct buf *b, struct str value)
{
	struct str parts[KEY_PARTS_MAX], rest = value;
	size_t count = 0;
	while (count < KEY_PARTS_MAX && adblock_part(&rest, '|', &parts[count]))
		count++;
	qsort(parts, count, sizeof(parts[0]), compare_parts);
	add_number(b, count);
	for (size_t i = 0; i < count; i++)
		add_value(b, parts[i]);
	if (rest.ptr != NULL)
		add_value(b, rest);
}

void adblock_key(const struct adblock_rule *rule, bool whole, struct buf *ret)
{
	const char flags[] = {rule->allow ? '@' : '-', rule->important ? '!' : '-', rule->caret ? '^' : '-',
			      rule->regex ? '/' : '-'};
	buf_add(ret, flags, sizeof(flags));
	buf_add(ret, rule->bits, sizeof(rule->bits));
	add_value(ret, rule->pattern);
	add_value(ret, rule->domain);
	add_set(ret, rule->ctag);
	add_set(ret, rule->client);
	if (whole) {
		add_value(ret, rule->dnstype);
		add_value(ret, rule->denyallow);
	}
}
