/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/options.h"

#include <string.h>

#define HELP_WIDTH_MAX 110 /* longer lines are hard to read */
#define HELP_OPTION_INDENT 27
#define HELP_VERB_INDENT 36

static const char *const purposes[] = {
    [PURPOSE_DAEMON] = "The daemon", [PURPOSE_ANSWERS] = "What is answered, and why", [PURPOSE_HAPPENED] = "What happened",
    [PURPOSE_LISTS] = "Lists",	     [PURPOSE_RECORD] = "Who changed what, and why",  [PURPOSE_SETUP] = "Configuration and set-up",
};

struct page {
	FILE *out;
	size_t width;
};

/* Words of text from column `at` on, broken before the page ends and continued at column `indent`; a line end stays one. */
static void put_wrapped(const struct page *p, const char *text, size_t at, size_t indent)
{
	bool fresh = true; /* nothing stands in this line yet */
	while (*text != '\0') {
		size_t len = strcspn(text, " \n");
		if (!fresh && at + 1 + len > p->width) {
			fprintf(p->out, "\n%*s", (int)indent, "");
			at = indent;
			fresh = true;
		}
		fprintf(p->out, "%s%.*s", fresh ? "" : " ", (int)len, text);
		at += len + (fresh ? 0 : 1);
		fresh = false;
		text += len;
		if (*text == '\n') {
			fprintf(p->out, "\n%*s", (int)indent, "");
			at = indent;
			fresh = true;
		}
		if (*text != '\0')
			text++;
	}
	fputc('\n', p->out);
}

/* left, and text from column `indent` on; below it where left is too long. */
static void put_row(const struct page *p, const char *left, const char *text, size_t indent)
{
	size_t len = strlen(left);
	fprintf(p->out, "  %s", left);
	if (len + 4 > indent)
		fprintf(p->out, "\n%*s", (int)indent, "");
	else
		fprintf(p->out, "%*s", (int)(indent - len - 2), "");
	put_wrapped(p, text, indent, indent);
}

static void help_options(const struct page *p, uint64_t bits)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &options_table[i];
		if ((bits & OPTION_BIT(i)) == 0)
			continue;
		char left[64];
		(void)snprintf(left, sizeof(left), "%s%.1s%s--%s%s%s", row->letter != 0 ? "-" : "", &row->letter,
			       row->letter != 0 ? ", " : "    ", row->name, row->value != NULL ? " " : "",
			       row->value != NULL ? row->value : "");
		put_row(p, left, row->help, HELP_OPTION_INDENT);
	}
}

static void help_verb_row(const struct page *p, const struct command *c)
{
	char name[COMMAND_NAME_MAX], left[80], text[256];
	(void)snprintf(left, sizeof(left), "%s%s%s", command_name(c, name, sizeof(name)), c->operands[0] != '\0' ? " " : "",
		       c->operands);
	(void)snprintf(text, sizeof(text), "%s%s%s%s", c->summary, c->alias != NULL ? " (also: " : "",
		       c->alias != NULL ? c->alias : "", c->alias != NULL ? ")" : "");
	put_row(p, left, text, HELP_VERB_INDENT);
}

/* All verbs by their purpose. */
static void help_overview(const struct page *p)
{
	fputs("usage: saringctl [-c FILE] [-s SOCKET] [--json] VERB ...\n", p->out);
	for (size_t purpose = 0; purpose < ARRAY_LEN(purposes); purpose++) {
		bool first = true;
		for (size_t i = 0; i < commands_count; i++) {
			const struct command *c = &commands_table[i];
			if (c->purpose != purpose)
				continue;
			if (first)
				fprintf(p->out, "\n%s:\n", purposes[purpose]);
			first = false;
			help_verb_row(p, c);
		}
	}
	fputs("\nOptions of every verb:\n", p->out);
	help_options(p, OPTION_BITS_GLOBAL);
	fputc('\n', p->out);
	put_wrapped(p, "'saringctl VERB --help' says more of a verb; saringctl(1) says all.", 0, 0);
}

static void help_subverbs(const struct page *p, const char *verb)
{
	fputs("\nMore of it:\n", p->out);
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (c->sub != NULL && c->purpose != PURPOSE_HIDDEN && strcmp(c->verb, verb) == 0)
			help_verb_row(p, c);
	}
}

static void help_examples(const struct page *p, const char *examples)
{
	fputs("\nExamples:\n", p->out);
	while (*examples != '\0') { /* never broken: they are to be copied */
		size_t len = strcspn(examples, "\n");
		fprintf(p->out, "  %.*s\n", (int)len, examples);
		examples += len + (examples[len] == '\n' ? 1 : 0);
	}
}

static void help_statuses(const struct page *p, const struct command *c)
{
	fputs("\nExit status:\n", p->out);
	put_row(p, "0", "done", 6);
	put_row(p, "1", c->failed != NULL ? c->failed : "it could not be done; the reason is on the standard error", 6);
	put_row(p, "2", "the command line is wrong", 6);
	if (!c->alone)
		put_row(p, "3", "the daemon cannot be reached", 6);
}

static void help_command(const struct page *p, const struct command *c)
{
	char name[COMMAND_NAME_MAX], line[512];
	(void)snprintf(line, sizeof(line), "usage: saringctl %s%s%s%s", command_name(c, name, sizeof(name)),
		       c->options != 0 ? " [OPTIONS]" : "", c->operands[0] != '\0' ? " " : "", c->operands);
	put_wrapped(p, line, 0, 8);
	(void)snprintf(line, sizeof(line), "%s.", c->summary);
	if (line[0] >= 'a' && line[0] <= 'z')
		line[0] = (char)(line[0] - 'a' + 'A');
	put_wrapped(p, line, 0, 0);
	if (c->alias != NULL)
		fprintf(p->out, "'%s' is the same.\n", c->alias);
	if (c->details != NULL)
		put_wrapped(p, c->details, 0, 0);
	if (c->sub == NULL && commands_has_subverbs(c->verb))
		help_subverbs(p, c->verb);
	if (c->options != 0) {
		fputs("\nOptions:\n", p->out);
		help_options(p, c->options);
	}
	fputs("\nOptions of every verb:\n", p->out);
	help_options(p, OPTION_BITS_GLOBAL);
	if (c->examples != NULL)
		help_examples(p, c->examples);
	help_statuses(p, c);
}

void commands_help(FILE *out, const struct command *command)
{
	const struct page page = {.out = out, .width = MIN(output_width(out), (size_t)HELP_WIDTH_MAX)};
	if (command == NULL)
		help_overview(&page);
	else
		help_command(&page, command);
}
