/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AdGuard's DNS filtering syntax, with hosts lines and plain names among its rules. A line is read in one step when it is
 * `||name^`, as nearly all are, and taken apart otherwise (adblock_rule.h, adblock_match.h, adblock_option.h, adblock_pairs.h).
 * What is not understood to the last option is left out: a rule without its restriction would block what nobody asked for. */
#include "import/import.h"

#include <string.h>

#include "import/adblock_match.h"
#include "import/adblock_option.h"
#include "import/adblock_pairs.h"
#include "import/adblock_rule.h"

struct adblock {
	struct import *im;
	struct adblock_pairs pairs;
	struct buf cond;
	struct adblock_rewrite rewrite;
	struct adblock_match match;
	uint32_t line;
};

static const struct str nothing = {NULL, 0};

/* ||name^ */
static bool take_common(struct adblock *a, struct str line)
{
	struct name name;
	const char *end;
	if (line.len < 4 || line.ptr[0] != '|' || line.ptr[1] != '|' || line.ptr[line.len - 1] != '^')
		return false;
	if (a->pairs.bad.count > 0) {
		const struct adblock_rule plain = {.pattern = {line.ptr, line.len - 1}, .caret = true};
		if (adblock_is_bad(&a->pairs, &plain))
			return false;
	}
	if (!import_name_quick(a->im, line.ptr + 2, line.ptr + line.len - 1, a->line, &name, &end) ||
	    end != line.ptr + line.len - 1)
		return false;
	struct import_rule rule = {
	    .match = MATCH_SUBTREE, .has_match = true, .name = &name, .action = import_action(a->im), .line = a->line};
	import_take(a->im, &rule);
	return true;
}

static bool is_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((uint8_t)text.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

static void take_plain(struct adblock *a, struct str text)
{
	struct name name;
	if (import_name(a->im, text, false, a->line, &name))
		import_take_name(a->im, &name, is_ascii(text) ? nothing : text, a->line);
}

static struct str next_word(struct str *rest)
{
	size_t begin = 0, end;
	while (begin < rest->len && (rest->ptr[begin] == ' ' || rest->ptr[begin] == '\t'))
		begin++;
	for (end = begin; end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t'; end++)
		;
	struct str word = {rest->ptr + begin, end - begin};
	*rest = (struct str){rest->ptr + end, rest->len - end};
	return word;
}

/* An address and names, as in hosts(5). Some have their comment right behind a name. */
static bool take_hosts(struct adblock *a, struct str text)
{
	struct str rest = text, word = next_word(&rest);
	if (rest.len == 0 || !import_is_address(word))
		return false;
	for (word = next_word(&rest); word.len > 0; word = next_word(&rest)) {
		struct str tail = word, head = str_cut(&tail, '#');
		take_plain(a, head);
		if (tail.ptr != NULL) {
			import_changed(a->im, CHANGE_INLINE_COMMENT, a->line, text);
			break;
		}
	}
	return true;
}

/* The name itself is shown where it says all there is to say. */
static struct str written(const struct adblock_rule *rule, const struct import_rule *entry)
{
	bool is_name = entry->name != NULL && entry->name->labels > 0;
	bool plain = is_name && is_ascii(rule->text) && memchr(rule->text.ptr, '$', rule->text.len) == NULL;
	return plain || !str_is_utf8(rule->text) ? nothing : rule->text;
}

/* $dnsrewrite's answer. False: there is no entry to be made. */
static bool read_rewrite(struct adblock *a, const struct adblock_rule *rule, struct import_rule *entry,
			 struct adblock_group **ret_group)
{
	enum left_reason why = LEFT_RECORD;
	*ret_group = NULL;
	if (adblock_rewrite(rule->rewrite, &a->rewrite)) {
		/* an exception took others away, and is nothing itself */
		if (rule->allow || adblock_is_excepted(&a->pairs, rule, &a->rewrite))
			why = LEFT_BADFILTER;
		else if (import_action(a->im) == ACTION_ALLOW)
			why = LEFT_ACTION; /* what is allowed is not answered by us */
		else
			*ret_group = adblock_group_of(&a->pairs, rule, &a->rewrite);
	}
	if (*ret_group != NULL) {
		entry->has_answer = true;
		entry->answer = adblock_group_answer(*ret_group, &entry->records);
		return !(*ret_group)->taken; /* one entry for them all */
	}
	import_left(a->im, why, a->line, rule->text);
	return false;
}

static void take_rule(struct adblock *a, struct str text)
{
	struct adblock_rule rule;
	struct adblock_group *group = NULL;
	struct import_rule said = {.has_answer = false};
	enum left_reason why;
	const char *word;
	adblock_rule(text, &rule);
	if (rule.why != LEFT_MODIFIER && (rule.badfilter || adblock_is_bad(&a->pairs, &rule))) {
		import_left(a->im, LEFT_BADFILTER, a->line, text);
		return;
	}
	if (rule.why != LEFT_REASON_COUNT) {
		import_left_word(a->im, rule.why, rule.word, a->line, text);
		return;
	}
	if (rule.allow && !import_may_allow(a->im)) {
		import_left(a->im, LEFT_MAY_ALLOW, a->line, text);
		return;
	}
	if (rule.rewrite.ptr != NULL && !read_rewrite(a, &rule, &said, &group))
		return;
	if (!adblock_cond(&rule, &a->cond, &why, &word)) {
		import_left_word(a->im, why, str_from(word), a->line, text);
		return;
	}
	if (!adblock_match(a->im, &rule, a->line, &a->match))
		return;
	struct import_rule *entry = &a->match.rule;
	entry->action = rule.allow ? ACTION_ALLOW : import_action(a->im);
	entry->important = rule.important;
	entry->has_answer = said.has_answer;
	entry->answer = said.answer;
	entry->records = said.records;
	entry->cond = buf_str(&a->cond);
	entry->written = written(&rule, entry);
	import_take(a->im, entry);
	if (group != NULL)
		group->taken = true;
}

static void read_line(struct adblock *a, struct str line)
{
	struct str text;
	bool cut = false;
	switch (adblock_line(line, &text, &cut)) {
	case ADBLOCK_COMMENT:
		import_comment(a->im);
		return;
	case ADBLOCK_COSMETIC:
		import_left(a->im, LEFT_COSMETIC, a->line, text);
		return;
	case ADBLOCK_RULE:
		break;
	}
	if (cut)
		import_changed(a->im, CHANGE_INLINE_COMMENT, a->line, line);
	if (take_hosts(a, text))
		return;
	struct str bare = text;
	if (bare.ptr[bare.len - 1] == '.')
		bare.len--;
	if (adblock_is_domain(bare))
		take_plain(a, text);
	else
		take_rule(a, text);
}

void import_adblock(struct import *im, struct str text)
{
	struct adblock a = {.im = im};
	struct import_lines lines = {.rest = text};
	adblock_pairs_init(&a.pairs, text, import_may_allow(im));
	for (struct str line; import_line(im, &lines, &line);) {
		a.line = lines.line;
		if (!take_common(&a, line))
			read_line(&a, line);
	}
	adblock_pairs_finish(&a.pairs);
	adblock_rewrite_finish(&a.rewrite);
	buf_finish(&a.cond);
}
