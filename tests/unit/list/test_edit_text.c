/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Golden texts: every layout a list may have, before and after each edit. */
#include "list/edit_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

#define TODAY_S 1795392000 /* 2026-11-23 */
#define NAMES_MAX 4

enum op { ADD, REMOVE, LIFT, LIFT_WHY, LIFT_ALL, SHADOW, ENFORCE };
struct golden {
	const char *what;
	enum op op;
	const char *names[NAMES_MAX]; /* to the first NULL */
	const char *before, *after;
};

static size_t count_names(const struct golden *g)
{
	size_t count = 0;
	while (count < NAMES_MAX && g->names[count] != NULL)
		count++;
	return count;
}

static bool run(const struct golden *g, struct edit_result *results, struct buf *out, struct err *err)
{
	struct str text = str_from(g->before);
	size_t count = count_names(g);
	struct edit_entry entries[NAMES_MAX] = {0};
	switch (g->op) {
	case ADD:
		for (size_t i = 0; i < count; i++)
			entries[i].name = g->names[i];
		return edit_text_add(text, "list.yaml", entries, count, TODAY_S, results, out, err);
	case REMOVE:
		return edit_text_remove(text, "list.yaml", g->names, count, results, out, err);
	case LIFT:
		return edit_text_lift(text, "list.yaml", g->names, count, NULL, TODAY_S, results, out, err);
	case LIFT_WHY:
		return edit_text_lift(text, "list.yaml", g->names, count, &(struct lift_how){.reason = "order: withdrawn"}, TODAY_S,
				      results, out, err);
	case LIFT_ALL:
		return edit_text_lift(text, "list.yaml", NULL, 0, NULL, TODAY_S, NULL, out, err);
	case SHADOW:
		return edit_text_mode(text, "list.yaml", g->names[0], MODE_SHADOW, out, err);
	case ENFORCE:
		return edit_text_mode(text, "list.yaml", g->names[0], MODE_ENFORCE, out, err);
	}
	return false;
}

static void check_golden(const struct golden *g)
{
	struct edit_result results[NAMES_MAX];
	struct buf out = {0};
	struct err err = {0};
	if (!run(g, results, &out, &err))
		fail_msg("%s: refused: %u:%u: %s", g->what, err.line, err.column, err.text);
	if (!str_eq_c(buf_str(&out), g->after))
		fail_msg("%s: is\n%s\nnot\n%s", g->what, out.ptr, g->after);
	buf_finish(&out);
}

#define E "\xc3\xa9"	    /* two bytes, one character */
#define DASH "\xe2\x80\x93" /* three bytes, one character */

/* clang-format off */
static const struct golden adds[] = {
    {"block", ADD, {"x.org"},
     "entries:\n  - a.com\n",
     "entries:\n  - a.com\n  - domain: x.org\n    added: 2026-11-23\n"},
    {"block, two at once", ADD, {"x.org", "Y.ORG."},
     "entries:\n  - a.com\n",
     "entries:\n  - a.com\n  - domain: x.org\n    added: 2026-11-23\n  - domain: y.org\n    added: 2026-11-23\n"},
    {"comments after the last item stay last", ADD, {"x.org"},
     "# head " DASH "\nentries:   # " E "\n  # first\n  - a.com  # why\n\n  # last\n# very last\n",
     "# head " DASH "\nentries:   # " E "\n  # first\n  - a.com  # why\n  - domain: x.org\n    added: 2026-11-23\n\n  # last\n# very last\n"},
    {"zero indent", ADD, {"x.org"},
     "entries:\n- a.com\ntitle: t\n",
     "entries:\n- a.com\n- domain: x.org\n  added: 2026-11-23\ntitle: t\n"},
    {"after a mapping", ADD, {"x.org"},
     "entries:\n    - domain: a.com\n      reason: because # not that\n\ntitle: t\n",
     "entries:\n    - domain: a.com\n      reason: because # not that\n    - domain: x.org\n      added: 2026-11-23\n\ntitle: t\n"},
    {"after a block scalar", ADD, {"x.org"},
     "entries:\n  - domain: a.com\n    reason: |\n      one\n      # two\n\n# end\n",
     "entries:\n  - domain: a.com\n    reason: |\n      one\n      # two\n  - domain: x.org\n    added: 2026-11-23\n\n# end\n"},
    {"after a block scalar that keeps blank lines", ADD, {"x.org"},
     "entries:\n  - domain: a.com\n    reason: |+\n      x\n\n\n# end\n",
     "entries:\n  - domain: a.com\n    reason: |+\n      x\n  - domain: x.org\n    added: 2026-11-23\n\n\n# end\n"},
    {"after a block scalar without a final newline", ADD, {"x.org"},
     "entries:\n  - domain: a.com\n    reason: |\n      x",
     "entries:\n  - domain: a.com\n    reason: |\n      x\n  - domain: x.org\n    added: 2026-11-23"},
    {"after a nested list", ADD, {"x.org"},
     "entries:\n  - domain: a.com\n    contact:\n      - mailto:a@b.example\n      - mailto:c@b.example # c\n",
     "entries:\n  - domain: a.com\n    contact:\n      - mailto:a@b.example\n      - mailto:c@b.example # c\n"
     "  - domain: x.org\n    added: 2026-11-23\n"},
    {"after a flow mapping over two lines", ADD, {"x.org"},
     "entries:\n  - {domain: a.com,\n     reason: b} # c\n",
     "entries:\n  - {domain: a.com,\n     reason: b} # c\n  - domain: x.org\n    added: 2026-11-23\n"},
    {"dash alone", ADD, {"x.org"},
     "entries:\n  -\n    a.com\n",
     "entries:\n  -\n    a.com\n  - domain: x.org\n    added: 2026-11-23\n"},
    {"CRLF", ADD, {"x.org"},
     "entries:\r\n  - a.com # c\r\n# end\r\n",
     "entries:\r\n  - a.com # c\r\n  - domain: x.org\r\n    added: 2026-11-23\r\n# end\r\n"},
    {"CRLF, no final newline", ADD, {"x.org"},
     "entries:\r\n  - a.com",
     "entries:\r\n  - a.com\r\n  - domain: x.org\r\n    added: 2026-11-23"},
    {"BOM", ADD, {"x.org"},
     "\xef\xbb\xbf" "entries:\n  - a.com\n",
     "\xef\xbb\xbf" "entries:\n  - a.com\n  - domain: x.org\n    added: 2026-11-23\n"},
    {"no final newline", ADD, {"x.org"},
     "entries:\n  - a.com # c",
     "entries:\n  - a.com # c\n  - domain: x.org\n    added: 2026-11-23"},
    {"flow", ADD, {"x.org", "y.org"},
     "entries: [a.com, b.com]  # c\n",
     "entries: [a.com, b.com, {domain: x.org, added: 2026-11-23}, {domain: y.org, added: 2026-11-23}]  # c\n"},
    {"flow, trailing comma", ADD, {"x.org"},
     "entries: [a.com, ]\n",
     "entries: [a.com, {domain: x.org, added: 2026-11-23}, ]\n"},
    {"flow over lines", ADD, {"x.org", "y.org"},
     "entries: [\n  a.com, # a\n  b.com # b\n  # end\n]\n",
     "entries: [\n  a.com, # a\n  b.com, # b\n  {domain: x.org, added: 2026-11-23},\n  {domain: y.org, added: 2026-11-23}\n  # end\n]\n"},
    {"flow over lines, trailing comma", ADD, {"x.org"},
     "entries: [\n  a.com, # a\n  b.com, # b\n]\n",
     "entries: [\n  a.com, # a\n  b.com, # b\n  {domain: x.org, added: 2026-11-23},\n]\n"},
    {"flow, closed on the line of the last", ADD, {"x.org"},
     "entries: [a.com,\n          b.com]\n",
     "entries: [a.com,\n          b.com, {domain: x.org, added: 2026-11-23}]\n"},
    {"empty flow", ADD, {"x.org"},
     "entries: [] # none\ntitle: t\n",
     "entries: # none\n  - domain: x.org\n    added: 2026-11-23\ntitle: t\n"},
    {"empty flow with a comment in it", ADD, {"x.org"},
     "entries: [\n  # none\n]\n",
     "entries: [{domain: x.org, added: 2026-11-23}\n  # none\n]\n"},
    {"null", ADD, {"x.org"},
     "entries:\n# end\n",
     "entries:\n  - domain: x.org\n    added: 2026-11-23\n# end\n"},
    {"null said", ADD, {"x.org"},
     "entries: ~ # none\ntitle: t",
     "entries: # none\n  - domain: x.org\n    added: 2026-11-23\ntitle: t"},
    {"no entries", ADD, {"x.org"},
     "# head\ntitle: t # c\n# end\n",
     "# head\ntitle: t # c\nentries:\n  - domain: x.org\n    added: 2026-11-23\n# end\n"},
    {"nothing at all", ADD, {"x.org"}, "", "entries:\n  - domain: x.org\n    added: 2026-11-23\n"},
    {"only a comment", ADD, {"x.org"}, "# c", "# c\nentries:\n  - domain: x.org\n    added: 2026-11-23"},
    {"indented root", ADD, {"x.org"},
     "  title: t\n  entries:\n",
     "  title: t\n  entries:\n    - domain: x.org\n      added: 2026-11-23\n"},
    {"document marks", ADD, {"x.org"},
     "%YAML 1.1\n---\ntitle: t\n...\n",
     "%YAML 1.1\n---\ntitle: t\nentries:\n  - domain: x.org\n    added: 2026-11-23\n...\n"},
    {"flow root", ADD, {"x.org"},
     "{action: block, entries: [a.com]}\n",
     "{action: block, entries: [a.com, {domain: x.org, added: 2026-11-23}]}\n"},
    {"flow root, no entries", ADD, {"x.org"},
     "{action: block}\n",
     "{action: block, entries: [{domain: x.org, added: 2026-11-23}]}\n"},
    {"flow root, null", ADD, {"x.org"},
     "{action: block, entries: }\n",
     "{action: block, entries: [{domain: x.org, added: 2026-11-23}] }\n"},
    {"null, a comment beside it", ADD, {"x.org"},
     "entries: # e\n\n# end",
     "entries: # e\n  - domain: x.org\n    added: 2026-11-23\n\n# end"},
    {"empty flow root", ADD, {"x.org"}, "{}\n", "{entries: [{domain: x.org, added: 2026-11-23}]}\n"},
    {"names that YAML would read otherwise", ADD, {"1.0", "no", "null", "a.b-c_d"},
     "entries:\n",
     "entries:\n  - domain: '1.0'\n    added: 2026-11-23\n  - domain: 'no'\n    added: 2026-11-23\n"
     "  - domain: 'null'\n    added: 2026-11-23\n  - domain: a.b-c_d\n    added: 2026-11-23\n"},
    {"letters beyond ASCII stay", ADD, {"caf" E ".example"},
     "entries:\n",
     "entries:\n  - domain: caf" E ".example\n    added: 2026-11-23\n"},
    {"there already", ADD, {"A.com."}, "entries:\n  - a.com\n", "entries:\n  - a.com\n"},
    {"there already as U-label", ADD, {"xn--caf-dma.example"}, "entries: [caf" E ".example]\n", "entries: [caf" E ".example]\n"},
    {"twice in one go", ADD, {"x.org", "X.ORG"}, "entries:\n", "entries:\n  - domain: x.org\n    added: 2026-11-23\n"},
    {"there with another match", ADD, {"a.com"},
     "entries:\n  - domain: a.com\n    match: exact\n",
     "entries:\n  - domain: a.com\n    match: exact\n  - domain: a.com\n    added: 2026-11-23\n"},
};

static const struct golden revivals[] = {
    {"lifted, block", ADD, {"a.com"},
     "entries:\n  - domain: a.com # a\n    lifted: 2017-08-10 # l\n    lift-reason: x # r\n    reason: y # z\n",
     "entries:\n  - domain: a.com # a\n    added: 2026-11-23 # l\n    reason: y # z\n"},
    {"lifted, added there", ADD, {"a.com"},
     "entries:\n  - domain: a.com\n    added: 2017-07-14 # in\n    lifted: 2017-08-10 # out\n  # c\n  - b.com\n",
     "entries:\n  - domain: a.com\n    added: 2026-11-23 # in\n  # c\n  - b.com\n"},
    {"lifted first", ADD, {"a.com"},
     "entries:\n  - lifted: 2017-08-10\n    domain: a.com\n    added: 2017-07-14\n",
     "entries:\n  - added: 2026-11-23\n    domain: a.com\n"},
    {"lifted last, no final newline", ADD, {"a.com", "x.org"},
     "entries:\n  - domain: a.com\n    added: 2017-07-14\n    lifted: 2017-08-10",
     "entries:\n  - domain: a.com\n    added: 2026-11-23\n  - domain: x.org\n    added: 2026-11-23"},
    {"lifted, flow", ADD, {"a.com"},
     "entries: [{domain: a.com, lifted: 2017-08-10, lift-reason: x}, b.com]\n",
     "entries: [{domain: a.com, added: 2026-11-23}, b.com]\n"},
    {"lifted, flow with added", ADD, {"a.com"},
     "entries: [{lift-reason: x, domain: a.com, added: 2017-07-14, lifted: 2017-08-10,}, b.com]\n",
     "entries: [{added: 2026-11-23, domain: a.com, }, b.com]\n"},
    {"expired", ADD, {"a.com"},
     "entries:\n  - domain: a.com\n    added: 2017-07-14\n    expires: 2018-07-14\n",
     "entries:\n  - domain: a.com\n    added: 2026-11-23\n"},
    {"expires later: in force", ADD, {"a.com"},
     "entries:\n  - domain: a.com\n    expires: 2099-07-14\n",
     "entries:\n  - domain: a.com\n    expires: 2099-07-14\n"},
    {"one lifted, one in force", ADD, {"a.com"},
     "entries:\n  - domain: a.com\n    lifted: 2018-07-14\n  - a.com\n",
     "entries:\n  - domain: a.com\n    lifted: 2018-07-14\n  - a.com\n"},
};

static const struct golden removals[] = {
    {"block, middle", REMOVE, {"b.com"},
     "entries:\n  # a\n  - a.com\n  # b\n  - b.com # why\n  # c\n  - c.com\n",
     "entries:\n  # a\n  - a.com\n  # b\n  # c\n  - c.com\n"},
    {"block, first and last", REMOVE, {"a.com", "c.com"},
     "entries:\n  - a.com\n  - b.com\n  - c.com\n# end\n",
     "entries:\n  - b.com\n# end\n"},
    {"block, all", REMOVE, {"a.com", "b.com"},
     "entries: # e\n  # one\n  - a.com\n\n  - b.com # b\n  # two\ntitle: t\n",
     "entries: [] # e\n  # one\n\n  # two\ntitle: t\n"},
    {"block, all, no final newline", REMOVE, {"a.com", "b.com"}, "entries:\n- a.com\n- b.com", "entries: []"},
    {"block, last, no final newline", REMOVE, {"b.com"}, "entries:\r\n- a.com\r\n- b.com", "entries:\r\n- a.com"},
    {"quoted key", REMOVE, {"a.com"}, "'entries' :\n  - a.com\n", "'entries' : []\n"},
    {"every entry of the name", REMOVE, {"A.COM"},
     "entries:\n  - a.com\n  - domain: a.com\n    match: exact\n    # inside\n    reason: r\n  - b.a.com\n",
     "entries:\n  - b.a.com\n"},
    {"mapping with a block scalar", REMOVE, {"a.com"},
     "entries:\n  - domain: a.com\n    reason: >\n      x\n\n      y\n\n  # next\n  - b.com\n",
     "entries:\n\n  # next\n  - b.com\n"},
    {"dash alone", REMOVE, {"a.com"}, "entries:\n  - # - x\n    a.com\n  - b.com\n", "entries:\n  - b.com\n"},
    {"quoted", REMOVE, {"a.com"}, "entries:\n  - \"a.com\" # x\n  - 'b.com'\n", "entries:\n  - 'b.com'\n"},
    {"CRLF", REMOVE, {"a.com"}, "entries:\r\n  - a.com # x\r\n  - b.com\r\n", "entries:\r\n  - b.com\r\n"},
    {"flow, first", REMOVE, {"a.com"}, "entries: [a.com, b.com, c.com]\n", "entries: [b.com, c.com]\n"},
    {"flow, middle", REMOVE, {"b.com"}, "entries: [a.com, b.com, c.com]\n", "entries: [a.com, c.com]\n"},
    {"flow, last", REMOVE, {"c.com"}, "entries: [a.com, b.com, c.com]\n", "entries: [a.com, b.com]\n"},
    {"flow, last two", REMOVE, {"b.com", "c.com"}, "entries: [a.com, b.com, c.com]\n", "entries: [a.com]\n"},
    {"flow, all but the middle", REMOVE, {"a.com", "c.com"}, "entries: [a.com, b.com, c.com]\n", "entries: [b.com]\n"},
    {"flow, all", REMOVE, {"a.com", "b.com"}, "entries: [a.com, b.com] # x\n", "entries: [] # x\n"},
    {"flow, a mapping", REMOVE, {"b.com"}, "entries: [a.com, {domain: b.com, reason: \"],\"}]\n", "entries: [a.com]\n"},
    {"flow over lines", REMOVE, {"b.com"},
     "entries: [\n  a.com, # a\n  b.com, # b\n  c.com # c\n]\n",
     "entries: [\n  a.com, # a\n  c.com # c\n]\n"},
    {"flow over lines, last", REMOVE, {"c.com"},
     "entries: [\n  a.com, # a\n  # own\n  c.com # c\n]\n",
     "entries: [\n  a.com, # a\n  # own\n]\n"},
    {"flow over lines, all, a comment", REMOVE, {"a.com"},
     "entries: [\n  # own\n  a.com # a\n]\n",
     "entries: [\n  # own\n]\n"},
    {"flow over lines, two a line", REMOVE, {"b.com", "c.com"},
     "entries: [a.com, b.com,\n          c.com, d.com]\n",
     "entries: [a.com,\n          d.com]\n"},
    {"regex by its text", REMOVE, {"^ads?[0-9]*\\."}, "entries:\n  - regex: '^ads?[0-9]*\\.'\n  - a.com\n", "entries:\n  - a.com\n"},
    {"a regex with the text of a name: the name", REMOVE, {"a.com"}, "entries: [regex: a.com, a.com, b.com]", "entries: [regex: a.com, b.com]"},
    {"not there", REMOVE, {"x.org"}, "entries: [a.com]", "entries: [a.com]"},
};

static const struct golden lifts[] = {
    {"bare", LIFT, {"t.me"},
     "entries:\n  - t.me  # note\n  - a.com\n",
     "entries:\n  - domain: t.me  # note\n    lifted: 2026-11-23\n  - a.com\n"},
    {"bare, zero indent, wide dash", LIFT, {"t.me"},
     "entries:\n-   \"t.me\"\n",
     "entries:\n-   domain: \"t.me\"\n    lifted: 2026-11-23\n"},
    {"bare, dash alone", LIFT, {"t.me"},
     "entries:\n-\n   t.me # c\n",
     "entries:\n-\n   domain: t.me # c\n   lifted: 2026-11-23\n"},
    {"bare, as a block scalar", LIFT, {"t.me"},
     "entries:\n  - |-\n    t.me\n  - a.com\n",
     "entries:\n  - domain: t.me\n    lifted: 2026-11-23\n  - a.com\n"},
    {"bare, no final newline, why", LIFT_WHY, {"t.me"},
     "entries:\r\n  - t.me",
     "entries:\r\n  - domain: t.me\r\n    lifted: 2026-11-23\r\n    lift-reason: 'order: withdrawn'"},
    {"mapping", LIFT_WHY, {"t.me"},
     "entries:\n  - domain: t.me # a\n    reason: |\n      r # no comment\n\n  # next\n",
     "entries:\n  - domain: t.me # a\n    reason: |\n      r # no comment\n    lifted: 2026-11-23\n"
     "    lift-reason: 'order: withdrawn'\n\n  # next\n"},
    {"mapping, contact list", LIFT, {"t.me"},
     "entries:\n  - domain: t.me\n    contact:\n    - mailto:a@b.example # a\n",
     "entries:\n  - domain: t.me\n    contact:\n    - mailto:a@b.example # a\n    lifted: 2026-11-23\n"},
    {"flow, bare", LIFT, {"b.com"},
     "entries: [a.com, 'b.com' , c.com]\n",
     "entries: [a.com, {domain: 'b.com', lifted: 2026-11-23} , c.com]\n"},
    {"flow mapping", LIFT_WHY, {"b.com"},
     "entries:\n  - {domain: b.com, } # c\n",
     "entries:\n  - {domain: b.com, lifted: 2026-11-23, lift-reason: 'order: withdrawn', } # c\n"},
    {"flow, a pair without braces", LIFT, {"b.com"},
     "entries: [a.com, domain: b.com, c.com]\n",
     "entries: [a.com, {domain: b.com, lifted: 2026-11-23}, c.com]\n"},
    {"lifted already", LIFT, {"b.com"},
     "entries:\n  - domain: b.com\n    lifted: 2017-08-10\n",
     "entries:\n  - domain: b.com\n    lifted: 2017-08-10\n"},
    {"lifted at a time to come", LIFT, {"b.com"},
     "entries:\n  - domain: b.com\n    lifted: '2099-08-10' # c\n",
     "entries:\n  - domain: b.com\n    lifted: '2026-11-23' # c\n"},
    {"every entry of the name, a regex", LIFT, {"b.com", "^x"},
     "entries:\n  - b.com\n  - regex: ^x\n  - {domain: b.com, match: exact}\n",
     "entries:\n  - domain: b.com\n    lifted: 2026-11-23\n  - regex: ^x\n    lifted: 2026-11-23\n"
     "  - {domain: b.com, match: exact, lifted: 2026-11-23}\n"},
    {"whole list", LIFT_ALL, {NULL},
     "# head\ntitle: t\nreview: 2017-08-14 # r\n\n# the names\nentries:\n  - a.com\n",
     "# head\ntitle: t\nreview: 2017-08-14 # r\nlifted: 2026-11-23\n\n# the names\nentries:\n  - a.com\n"},
    {"whole list, entries first", LIFT_ALL, {NULL},
     "\xef\xbb\xbf" "entries:\r\n  - a.com\r\ntitle: t\r\n",
     "\xef\xbb\xbf" "lifted: 2026-11-23\r\nentries:\r\n  - a.com\r\ntitle: t\r\n"},
    {"whole list, no entries", LIFT_ALL, {NULL}, "title: t", "title: t\nlifted: 2026-11-23"},
    {"whole list, nothing", LIFT_ALL, {NULL}, "# c\n", "# c\nlifted: 2026-11-23\n"},
    {"whole list, flow", LIFT_ALL, {NULL}, "{title: t, entries: [a.com]}\n", "{title: t, lifted: 2026-11-23, entries: [a.com]}\n"},
    {"whole list, flow, first", LIFT_ALL, {NULL}, "{entries: [a.com]}\n", "{lifted: 2026-11-23, entries: [a.com]}\n"},
    {"whole list, lifted already", LIFT_ALL, {NULL}, "lifted: 2017-08-10\n", "lifted: 2017-08-10\n"},
    {"whole list, lifted later", LIFT_ALL, {NULL}, "lifted: 2099-08-10 # x\n", "lifted: 2026-11-23 # x\n"},
};

static const struct golden modes[] = {
    {"insert", SHADOW, {"ads"},
     "lists:\n  - name: a\n    file: a.yaml\n  - name: ads # the ads\n    file: b.yaml # b\n# end\ncache: {size: 1MiB}\n",
     "lists:\n  - name: a\n    file: a.yaml\n  - name: ads # the ads\n    file: b.yaml # b\n    mode: shadow\n# end\ncache: {size: 1MiB}\n"},
    {"replace", SHADOW, {"ads"},
     "lists:\n  - mode: enforce  # m\n    name: ads\n",
     "lists:\n  - mode: shadow  # m\n    name: ads\n"},
    {"replace in quotes", SHADOW, {"ads"}, "lists:\n  - {name: 'ads', mode: \"off\"}\n", "lists:\n  - {name: 'ads', mode: \"shadow\"}\n"},
    {"flow", SHADOW, {"ads"}, "lists: [{name: ads, file: a.yaml}]\n", "lists: [{name: ads, file: a.yaml, mode: shadow}]\n"},
    {"empty value", SHADOW, {"ads"}, "lists:\n  - name: ads\n    mode:\n", "lists:\n  - name: ads\n    mode: shadow\n"},
    {"empty value, flow", SHADOW, {"ads"}, "lists: [{name: ads, mode: }]\n", "lists: [{name: ads, mode: shadow }]\n"},
    {"after a nested mapping", SHADOW, {"ads"},
     "lists:\n- name: ads\n  contact: [a, # a\n    b]\n\n- name: b\n",
     "lists:\n- name: ads\n  contact: [a, # a\n    b]\n  mode: shadow\n\n- name: b\n"},
    {"as it is", SHADOW, {"ads"}, "lists:\n  - name: ads\n    mode: shadow\n", "lists:\n  - name: ads\n    mode: shadow\n"},
    {"as it is by default", ENFORCE, {"ads"}, "lists:\n  - name: ads\n", "lists:\n  - name: ads\n"},
};
/* clang-format on */

static void test_add(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(adds); i++)
		check_golden(&adds[i]);
}

static void test_revive(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(revivals); i++)
		check_golden(&revivals[i]);
}

static void test_remove(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(removals); i++)
		check_golden(&removals[i]);
}

static void test_lift(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lifts); i++)
		check_golden(&lifts[i]);
}

static void test_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		check_golden(&modes[i]);
}

static void test_add_says_everything(void **state)
{
	(void)state;
	const char *contact[] = {"mailto:a@b.example", "https://b.example/"};
	struct edit_entry entry = {.name = "x.org",
				   .has_match = true,
				   .match = MATCH_SUBDOMAINS,
				   .reason = "it's #1: \"bad\"",
				   .authority = "yes",
				   .reference = "https://b.example/?a=b#c",
				   .expires = "2027-01-01T00:00:00Z",
				   .contact = contact,
				   .contact_count = 2};
	struct edit_result result;
	struct buf out = {0};
	struct err err = {0};
	assert_true(edit_text_add(STR_LIT("entries:\n"), "l", &entry, 1, TODAY_S, &result, &out, &err));
	assert_string_equal(out.ptr, "entries:\n"
				     "  - domain: x.org\n"
				     "    match: subdomains\n"
				     "    authority: 'yes'\n"
				     "    reason: 'it''s #1: \"bad\"'\n"
				     "    reference: 'https://b.example/?a=b#c'\n"
				     "    contact: [mailto:a@b.example, https://b.example/]\n"
				     "    added: 2026-11-23\n"
				     "    expires: 2027-01-01T00:00:00Z\n");
	assert_int_equal(result.outcome, EDIT_DONE);
	assert_int_equal(result.line, 2);
	buf_reset(&out);
	/* and a lifted one takes the new words in place of its own */
	assert_true(
	    edit_text_add(STR_LIT("entries: [{domain: x.org, match: subdomains, reason: old, contact: [a], lifted: 2017-01-01}]\n"),
			  "l", &entry, 1, TODAY_S, &result, &out, &err));
	assert_string_equal(out.ptr, "entries: [{domain: x.org, match: subdomains, reason: 'it''s #1: \"bad\"', "
				     "contact: [mailto:a@b.example, https://b.example/], authority: 'yes', "
				     "reference: 'https://b.example/?a=b#c', added: 2026-11-23, expires: 2027-01-01T00:00:00Z}]\n");
	buf_finish(&out);
}

static void test_results(void **state)
{
	(void)state;
	static const char text[] = "title: t\nentries:\n  - a.com\n  - domain: b.com\n    lifted: 2017-08-10\n  - c.com\n";
	struct edit_entry entries[] = {{.name = "x.org"}, {.name = "c.com"}, {.name = "b.com"}, {.name = "X.org."}};
	const char *names[] = {"nope.org", "b.com", "c.com", "C.com"};
	struct edit_result results[4];
	struct buf out = {0};
	struct err err = {.text = "before"};
	assert_true(edit_text_add(str_from(text), "l", entries, 4, TODAY_S, results, &out, &err));
	assert_string_equal(err.text, "");
	assert_int_equal(results[0].outcome, EDIT_DONE);
	assert_int_equal(results[0].line, 7);
	assert_int_equal(results[1].outcome, EDIT_ALREADY);
	assert_int_equal(results[1].line, 6);
	assert_int_equal(results[2].outcome, EDIT_DONE);
	assert_int_equal(results[2].line, 4);
	assert_int_equal(results[3].outcome, EDIT_ALREADY);
	assert_int_equal(results[3].line, 7);
	assert_ptr_equal(results[3].name, entries[3].name);
	buf_reset(&out);
	assert_true(edit_text_lift(str_from(text), "l", names, 4, NULL, TODAY_S, results, &out, &err));
	assert_int_equal(results[0].outcome, EDIT_NOT_FOUND);
	assert_int_equal(results[0].line, 0);
	assert_int_equal(results[1].outcome, EDIT_ALREADY);
	assert_int_equal(results[1].line, 4);
	assert_int_equal(results[2].outcome, EDIT_DONE);
	assert_int_equal(results[2].line, 6);
	assert_int_equal(results[3].outcome, EDIT_DONE);
	buf_reset(&out);
	assert_true(edit_text_remove(str_from(text), "l", names, 4, results, &out, &err));
	assert_int_equal(results[0].outcome, EDIT_NOT_FOUND);
	assert_int_equal(results[1].outcome, EDIT_DONE);
	assert_int_equal(results[3].outcome, EDIT_DONE);
	assert_int_equal(results[2].line, 0);
	buf_finish(&out);
}

static void test_remarks(void **state)
{
	(void)state;
	struct edit_entry entry = {.name = "x.org"};
	struct edit_result result;
	struct buf out = {0};
	struct err err = {0};
	assert_true(edit_text_add(STR_LIT("lifted: 2017-08-10\nentries:\n"), "l", &entry, 1, TODAY_S, &result, &out, &err));
	assert_int_equal(err.code, ERR_NONE);
	assert_non_null(strstr(err.text, "2017-08-10"));
	assert_string_equal(out.ptr, "lifted: 2017-08-10\nentries:\n  - domain: x.org\n    added: 2026-11-23\n");
	assert_true(edit_text_add(STR_LIT("expires: 2017-08-11\nentries:\n"), "l", &entry, 1, TODAY_S, &result, &out, &err));
	assert_non_null(strstr(err.text, "2017-08-11"));
	/* what was there already is as little in force */
	buf_reset(&out);
	assert_true(
	    edit_text_add(STR_LIT("lifted: 2017-08-10\nentries:\n  - x.org\n"), "l", &entry, 1, TODAY_S, &result, &out, &err));
	assert_int_equal(result.outcome, EDIT_ALREADY);
	assert_int_equal(err.code, ERR_NONE);
	assert_non_null(strstr(err.text, "2017-08-10"));
	assert_string_equal(out.ptr, "lifted: 2017-08-10\nentries:\n  - x.org\n");
	assert_true(edit_text_lift(STR_LIT("lifted: 2017-08-10\n"), "l", NULL, 0, NULL, TODAY_S, NULL, &out, &err));
	assert_int_equal(err.code, ERR_NONE);
	assert_non_null(strstr(err.text, "2017-08-10"));
	assert_true(edit_text_lift(STR_LIT("entries:\n"), "l", NULL, 0, NULL, TODAY_S, NULL, &out, &err));
	assert_string_equal(err.text, "");
	buf_finish(&out);
}

struct refusal {
	const char *text, *name, *reason, *expires;
	enum err_code code;
	uint32_t line, column;
	const char *says;
};

static void test_refusals(void **state)
{
	(void)state;
	static const struct refusal refusals[] = {
	    {"entries:\n  - a..com\n", "x.org", NULL, NULL, ERR_INPUT, 2, 5, "a..com"},
	    {"entries: [a.com\n", "x.org", NULL, NULL, ERR_INPUT, 2, 1, ""},
	    {"entires:\n  - a.com\n", "x.org", NULL, NULL, ERR_INPUT, 1, 1, "entries"},
	    {"a: &x b\n", "x.org", NULL, NULL, ERR_INPUT, 1, 4, "anchor"},
	    {"title: a\nentries: [a.com]\ntitle: b\n", "x.org", NULL, NULL, ERR_INPUT, 3, 1, "again"},
	    {"entries:\n  - {domain: a.com, domain: b.com}\n", "x.org", NULL, NULL, ERR_INPUT, 2, 21, "again"},
	    {"entries:\n", "*.x.org", NULL, NULL, ERR_INPUT, 0, 0, "subdomains"},
	    {"entries:\n", "ads*.x.org", NULL, NULL, ERR_INPUT, 0, 0, "regex"},
	    {"entries:\n", "https://x.org", NULL, NULL, ERR_INPUT, 0, 0, "scheme"},
	    {"entries:\n", "x.org/a", NULL, NULL, ERR_INPUT, 0, 0, "path"},
	    {"entries:\n", "x..org", NULL, NULL, ERR_INPUT, 0, 0, "x..org"},
	    {"entries:\n", "", NULL, NULL, ERR_INPUT, 0, 0, "missing"},
	    {"entries:\n", "x.org", "\xff", NULL, ERR_INPUT, 0, 0, "UTF-8"},
	    {"entries:\n", "x.org", "", NULL, ERR_INPUT, 0, 0, "reason"},
	    {"entries:\n", "x.org", NULL, "tomorrow", ERR_INPUT, 0, 0, "tomorrow"},
	};
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct edit_entry entry = {.name = r->name, .reason = r->reason, .expires = r->expires};
		struct edit_result result;
		struct buf out = {0};
		struct err err = {0};
		assert_false(edit_text_add(str_from(r->text), "l.yaml", &entry, 1, TODAY_S, &result, &out, &err));
		assert_int_equal(err.code, r->code);
		if (err.line != r->line || err.column != r->column || strstr(err.text, r->says) == NULL)
			fail_msg("'%s' + '%s': %u:%u: %s", r->text, r->name, err.line, err.column, err.text);
		assert_int_equal(out.len, 0);
		buf_finish(&out);
	}
}

static void test_refusals_of_others(void **state)
{
	(void)state;
	const char *names[] = {"a.com", "b c"};
	struct edit_result results[2];
	struct buf out = {0};
	struct err err = {0};
	assert_false(edit_text_remove(STR_LIT("entries: [a.com]"), "l", names, 2, results, &out, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_false(edit_text_lift(STR_LIT("entries: [a.com]"), "l", names, 2, NULL, TODAY_S, results, &out, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_false(edit_text_lift(STR_LIT("entries: [a.com]"), "l", names, 1, &(struct lift_how){.reason = "\xc3"}, TODAY_S,
				    results, &out, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_false(edit_text_lift(STR_LIT("entries: {}"), "l", NULL, 0, NULL, TODAY_S, NULL, &out, &err));
	assert_int_equal(err.line, 1);
	assert_int_equal(err.column, 10);
	assert_false(edit_text_mode(STR_LIT("lists: [{name: a}]"), "s", "b", MODE_OFF, &out, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(edit_text_mode(STR_LIT("lists: {name: a}"), "s", "a", MODE_OFF, &out, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(edit_text_mode(STR_LIT("lists: [{name: a, mode: [off]}]"), "s", "a", MODE_OFF, &out, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(err.column, 25);
	assert_false(edit_text_mode(STR_LIT("lists: [{name: a, name: a}]"), "s", "a", MODE_OFF, &out, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(out.len, 0);
	buf_finish(&out);
}

/* The shipped example, as its own comment says: one line more, and nothing else. */
static void test_telegram(void **state)
{
	(void)state;
	static const char line[] = "lifted: 2026-11-23\n";
	struct buf text = {0}, out = {0};
	struct err err = {0};
	assert_true(file_read(SOURCE_ROOT "/config/lists/telegram-2017.yaml", (size_t)1 << 20, &text, &err));
	assert_true(edit_text_lift(buf_str(&text), "l", NULL, 0, NULL, TODAY_S, NULL, &out, &err));
	const char *at = strstr(out.ptr, line);
	assert_non_null(at);
	size_t before = (size_t)(at - out.ptr);
	assert_int_equal(out.len, text.len + strlen(line));
	assert_memory_equal(out.ptr, text.ptr, before);
	assert_string_equal(at + strlen(line), text.ptr + before);
	buf_finish(&text);
	buf_finish(&out);
}

/* What the splices can't do is refused rather than made. */
static void test_net_holds(void **state)
{
	(void)state;
	struct edit_entry entry = {.name = "x.org"};
	struct edit_result result;
	struct buf out = {0};
	struct err err = {0};
	/* added after the end mark it would be another document */
	assert_false(edit_text_add(STR_LIT("---\n# c\n...\n"), "l", &entry, 1, TODAY_S, &result, &out, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_string_equal(err.file, "l");
	assert_int_equal(err.line, 1);
	assert_int_equal(out.len, 0);
	/* without b.com the comment would become text of the block scalar */
	const char *name = "b.com";
	assert_false(
	    edit_text_remove(STR_LIT("title: t\nentries:\n- domain: a.com\n  reason: |\n    x\n- b.com\n    # c\n- c.com\n"), "l",
			     &name, 1, &result, &out, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_int_equal(err.line, 3);
	assert_int_equal(out.len, 0);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_add),	     cmocka_unit_test(test_revive),
	    cmocka_unit_test(test_remove),   cmocka_unit_test(test_lift),
	    cmocka_unit_test(test_mode),     cmocka_unit_test(test_add_says_everything),
	    cmocka_unit_test(test_results),  cmocka_unit_test(test_remarks),
	    cmocka_unit_test(test_refusals), cmocka_unit_test(test_refusals_of_others),
	    cmocka_unit_test(test_telegram), cmocka_unit_test(test_net_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
