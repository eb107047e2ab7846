/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/options.h"

#include <string.h>

static void help_options(FILE *out, uint64_t bits)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &options_table[i];
		if ((bits & OPTION_BIT(i)) == 0)
			continue;
		char left[64];
		(void)snprintf(left, sizeof(left), "%s%.1s%s--%s%s%s", row->letter != 0 ? "-" : "", &row->letter,
			       row->letter != 0 ? ", " : "    ", row->name, row->value != NULL ? " " : "",
			       row->value != NULL ? row->value : "");
		fprintf(out, "  %-24s %s\n", left, row->help);
	}
}

static void help_verbs(FILE *out, const char *group)
{
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (group != NULL && strcmp(c->verb, group) != 0)
			continue;
		char name[COMMAND_NAME_MAX], left[80];
		(void)snprintf(left, sizeof(left), "%s%s%s", command_name(c, name, sizeof(name)), c->operands[0] != '\0' ? " " : "",
			       c->operands);
		fprintf(out, "  %-36s %s%s%s%s\n", left, c->summary, c->alias != NULL ? " (also: " : "",
			c->alias != NULL ? c->alias : "", c->alias != NULL ? ")" : "");
	}
}

void commands_help(FILE *out, const char *group, const struct command *command)
{
	if (command == NULL) {
		fprintf(out, "usage: saringctl [-c FILE] [-s SOCKET] [--json] %s ...\n\n", group != NULL ? group : "VERB");
		help_verbs(out, group);
		fputs("\nOptions:\n", out);
		help_options(out, OPTION_BITS_GLOBAL);
		fputs("\n'saringctl VERB --help' says more of a verb; saringctl(1) says all.\n", out);
		return;
	}
	char name[COMMAND_NAME_MAX];
	fprintf(out, "usage: saringctl %s%s%s%s\n%s.\n", command_name(command, name, sizeof(name)),
		command->options != 0 ? " [OPTIONS]" : "", command->operands[0] != '\0' ? " " : "", command->operands,
		command->summary);
	if (command->alias != NULL)
		fprintf(out, "'%s' is the same.\n", command->alias);
	if (command->details != NULL)
		fprintf(out, "%s\n", command->details);
	fputs("\nOptions:\n", out);
	help_options(out, command->options);
	help_options(out, OPTION_BITS_GLOBAL);
}
