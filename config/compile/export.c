/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "compile/export_entry.h"
#include "import/import_owner.h"
#include "list/list.h"
#include "list/quote.h"
#include "compile/compile.h"

const char *const export_words[] = {"match", "pattern", "allow", "condition", "answer", "important", "not-in-force", NULL};

uint64_t export_left(const struct export_result *r)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < EXPORT_REASON_COUNT; i++)
		sum += r->left[i].count;
	return sum;
}

void export_leave(struct export_result *r, enum export_reason why, uint32_t line, const char *text)
{
	struct report_count *c = &r->left[why];
	if (c->count < REPORT_SAMPLES) {
		c->samples[c->count].line = line;
		(void)str_escape(str_from(text), true, c->samples[c->count].text, REPORT_SAMPLE_LEN);
	}
	c->count++;
}

/* ---- what stands before the entries ---- */

static void put_comment(FILE *out, const char *mark, const char *label, const char *text)
{
	char safe[512];
	if (text != NULL)
		(void)fprintf(out, "%s %s: %s\n", mark, label, str_escape(str_from(text), true, safe, sizeof(safe)));
}

static void put_yaml_key(FILE *out, const char *indent, const char *key, const char *text)
{
	struct arena arena = {0};
	const char *quoted = text == NULL ? NULL : quote_yaml(&arena, str_from(text), false);
	if (quoted != NULL)
		(void)fprintf(out, "%s%s: %s\n", indent, key, quoted);
	arena_finish(&arena);
}

/* Dates and times stand as they are: in quotes they would be other texts to other readers. */
static void put_yaml_time(FILE *out, const char *indent, const char *key, const char *text)
{
	if (text != NULL)
		(void)fprintf(out, "%s%s: %s\n", indent, key, text);
}

static void put_provenance(FILE *out, const char *indent, const struct provenance *p)
{
	struct arena arena = {0};
	put_yaml_key(out, indent, "authority", p->authority);
	put_yaml_key(out, indent, "reason", p->reason);
	if (p->has_code)
		put_yaml_key(out, indent, "code", code_words[p->code]);
	if (p->has_sub_error)
		put_yaml_key(out, indent, "sub-error", sub_error_words[p->sub_error]);
	put_yaml_key(out, indent, "reference", p->reference);
	put_yaml_key(out, indent, "organization", p->organization);
	put_yaml_key(out, indent, "language", p->language);
	if (p->contact_count > 0) {
		(void)fprintf(out, "%scontact: [", indent);
		for (size_t i = 0; i < p->contact_count; i++)
			(void)fprintf(out, "%s%s", i > 0 ? ", " : "", quote_yaml(&arena, str_from(p->contact[i]), true));
		(void)fputs("]\n", out);
	}
	put_yaml_time(out, indent, "added", p->added);
	put_yaml_time(out, indent, "review", p->review);
	put_yaml_time(out, indent, "expires", p->expires);
	put_yaml_time(out, indent, "lifted", p->lifted);
	put_yaml_key(out, indent, "lifted-by", p->lifted_by);
	put_yaml_key(out, indent, "lift-reason", p->lift_reason);
	put_yaml_key(out, indent, "lift-reference", p->lift_reference);
	arena_finish(&arena);
}

static void put_head(FILE *out, const struct segment *segment, const struct settings_list *settings, enum format format)
{
	struct provenance p = list_provenance(NULL, segment_defaults(segment), &settings->provenance);
	const char *mark = format == FORMAT_ADBLOCK ? "!" : format == FORMAT_RPZ ? ";" : "#";
	if (format == FORMAT_YAML) {
		put_yaml_key(out, "", "title", segment_title(segment));
		put_yaml_key(out, "", "action", action_words[compile_list_action(segment, settings)]);
		put_provenance(out, "", &p);
		(void)fputs(segment_entry_count(segment) == 0 ? "entries: []\n" : "entries:\n", out);
		return;
	}
	put_comment(out, mark, "Title", segment_title(segment) != NULL ? segment_title(segment) : settings->name);
	put_comment(out, mark, "Authority", p.authority);
	put_comment(out, mark, "Reason", p.reason);
	put_comment(out, mark, "Reference", p.reference);
	if (format == FORMAT_UNBOUND)
		(void)fputs("server:\n", out);
	if (format == FORMAT_RPZ)
		(void)fputs("@ 3600 SOA localhost. nobody.invalid. 1 3600 600 86400 3600\n@ 3600 NS localhost.\n", out);
}

/* ---- the entries ---- */

bool export_plain(const struct export_entry *e, enum export_reason *ret_why)
{
	if (e->cond.len > 0)
		*ret_why = EXPORT_CONDITION;
	else if (e->has_answer)
		*ret_why = EXPORT_ANSWER;
	else if (e->action != e->list_action)
		*ret_why = EXPORT_ALLOW;
	else if (e->important)
		*ret_why = EXPORT_IMPORTANT;
	else if (e->match == MATCH_REGEX || e->match == MATCH_PATTERN)
		*ret_why = EXPORT_PATTERN;
	else if (e->name == NULL || !export_simple_name(e->text))
		*ret_why = EXPORT_MATCH;
	else
		return true;
	return false;
}

bool export_plain_pattern(const struct export_entry *e, enum export_reason *ret_why)
{
	struct export_entry simple = *e;
	simple.match = MATCH_EXACT; /* of no name: EXPORT_MATCH says that all else is plain */
	if (!export_plain(&simple, ret_why) && *ret_why != EXPORT_MATCH)
		return false;
	*ret_why = EXPORT_PATTERN;
	return e->match == MATCH_PATTERN && owner_is_pattern(str_from(e->text));
}

bool export_simple_name(const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	return text[strspn(text, good)] == '\0' && strcmp(text, ".") != 0;
}

void export_pattern_regex(const struct export_entry *e, struct buf *ret)
{
	buf_add_c(ret, e->subtree ? "(^|\\.)" : "^");
	for (const char *p = e->text; *p != '\0'; p++) {
		if (*p == '*')
			buf_add_c(ret, ".*");
		else if (*p == '.')
			buf_add_c(ret, "\\.");
		else
			buf_add(ret, p, 1);
	}
	buf_add_c(ret, "$");
}

bool export_yaml(FILE *out, const struct export_entry *e, enum export_reason *ret_why)
{
	struct arena arena = {0};
	struct buf regex = {0};
	bool bare = e->provenance == NULL && !e->shadow && e->match == MATCH_SUBTREE && e->name != NULL;
	if (e->cond.len > 0 || e->has_answer || e->action != e->list_action || e->important || e->match == MATCH_ADDRESS ||
	    e->match == MATCH_CLIENT) {
		struct export_entry simple = *e;
		simple.match = e->name == NULL && e->match < MATCH_ADDRESS ? MATCH_EXACT : e->match;
		if (!export_plain(&simple, ret_why))
			return false;
	}
	if (e->match == MATCH_PATTERN)
		export_pattern_regex(e, &regex);
	else if (e->match == MATCH_REGEX)
		buf_printf(&regex, "%s%s", e->caseless && !str_starts(str_from(e->text), "(?i)") ? "(?i)" : "", e->text);
	if (regex.len > LIST_REGEX_LEN_MAX || (regex.len > 0 && e->no_more_regexes)) {
		*ret_why = EXPORT_PATTERN;
		buf_finish(&regex);
		return false;
	}
	const char *text = quote_yaml(&arena, regex.len > 0 ? buf_str(&regex) : str_from(e->text), false);
	bool good = text != NULL;
	*ret_why = EXPORT_PATTERN;
	if (good && bare) {
		(void)fprintf(out, "  - %s\n", text);
	} else if (good) {
		(void)fprintf(out, "  - %s: %s\n", regex.len > 0 ? "regex" : "domain", text);
		if (regex.len == 0 && e->match != MATCH_SUBTREE)
			(void)fprintf(out, "    match: %s\n", match_words[e->match]);
		if (e->shadow)
			(void)fprintf(out, "    mode: %s\n", mode_words[MODE_SHADOW]);
		if (e->provenance != NULL)
			put_provenance(out, "    ", e->provenance);
	}
	buf_finish(&regex);
	arena_finish(&arena);
	return good;
}

static export_writer *const writers[FORMAT_COUNT] = {
    [FORMAT_YAML] = export_yaml,	 [FORMAT_HOSTS] = export_hosts,	    [FORMAT_DOMAINS] = export_domains,
    [FORMAT_WILDCARD] = export_wildcard, [FORMAT_ADBLOCK] = export_adblock, [FORMAT_DNSMASQ] = export_dnsmasq,
    [FORMAT_UNBOUND] = export_unbound,	 [FORMAT_RPZ] = export_rpz,
};

static bool has_ended(const struct segment *segment, const struct settings_list *settings, const struct provenance *own,
		      int64_t now_s)
{
	struct provenance p = list_provenance(own, segment_defaults(segment), &settings->provenance);
	return (p.lifted != NULL && p.lifted_s <= now_s) || (p.expires != NULL && p.expires_s <= now_s);
}

struct export
{
	const struct segment *segment;
	const struct settings_list *settings;
	const struct lifts *lifts; /* NULL: none */
	enum format format;
	enum action action;
	int64_t now_s;
	FILE *out;
	struct export_result *result;
	size_t regexes; /* written, patterns as well: YAML's reader takes LIST_REGEX_MAX */
};

/* What was lifted beside the list is lifted wherever it goes. own: what the entry itself says, or room for it. */
static void note_lift(const struct export *x, struct export_entry *e, struct provenance *own)
{
	const struct lift *lift =
	    x->lifts == NULL || e->name == NULL ? NULL : lifts_find(x->lifts, x->settings->name, e->name, e->action);

	if (lift == NULL)
		return;
	lift_note(lift, own);
	e->provenance = own;
}

static void put_entry(struct export *x, const struct segment_entry *s)
{
	struct segment_class class;
	struct provenance own = {.authority = NULL};
	struct name name;
	char text[NAME_TEXT_MAX], prefix[ADDR_TEXT_MAX];
	segment_class(x->segment, s->class, &class);
	struct export_entry e = {.match = compile_entry_match(x->segment, &class, x->settings),
				 .action = class.has_action ? class.action : x->action,
				 .list_action = x->action,
				 .important = class.important,
				 .shadow = class.shadow,
				 .caseless = class.caseless,
				 .subtree = class.subtree,
				 .has_answer = class.has_answer,
				 .no_more_regexes = x->regexes == LIST_REGEX_MAX,
				 .answer = class.answer,
				 .cond = class.cond,
				 .records = class.records,
				 .prefix = s->prefix};
	char *expression = NULL;
	if (s->wire != NULL) {
		must(name_from_wire(s->wire, s->wire_len, &name)); /* import_take took it */
		e.name = &name;
		e.text = name_to_text(&name, text);
	} else if (e.match == MATCH_ADDRESS || e.match == MATCH_CLIENT) {
		e.text = prefix_to_text(&e.prefix, prefix);
	} else {
		e.text = expression = str_dup(s->text);
	}
	if (class.provenance != SEGMENT_NONE) {
		segment_provenance(x->segment, class.provenance, &own);
		e.provenance = &own;
	}
	note_lift(x, &e, &own);
	enum export_reason why = EXPORT_ENDED;
	bool ended = x->format != FORMAT_YAML && (e.shadow || has_ended(x->segment, x->settings, e.provenance, x->now_s));
	if (!ended && writers[x->format](x->out, &e, &why)) {
		x->result->written++;
		x->regexes += x->format == FORMAT_YAML && (e.match == MATCH_PATTERN || e.match == MATCH_REGEX);
	} else {
		export_leave(x->result, why, s->line, e.text);
	}
	free(expression);
}

bool export_list(const struct segment *segment, const struct settings_list *settings, const struct lifts *lifts, enum format format,
		 int64_t now_s, FILE *out, struct export_result *ret, struct err *err)
{
	must(format != FORMAT_AUTO && format < FORMAT_COUNT);
	*ret = (struct export_result){0};
	struct export x = {.segment = segment,
			   .settings = settings,
			   .lifts = lifts,
			   .format = format,
			   .action = compile_list_action(segment, settings),
			   .now_s = now_s,
			   .out = out,
			   .result = ret};
	struct segment_cursor cursor = {0};
	struct segment_entry entry;
	put_head(out, segment, settings, format);
	while (!ferror(out) && segment_next(segment, &cursor, &entry))
		put_entry(&x, &entry);
	if (fflush(out) != 0 || ferror(out))
		return err_set_errno(err, ERR_IO, "writing the list");
	return true;
}
