/* SPDX-License-Identifier: BSD-2-Clause
 *
 * completion_fish.c - for fish 3. It has no tables, so they are functions. */
#include "saringctl/completion.h"

#include <string.h>

static const char head[] = "# fish completion for saringctl(1); made of its table of verbs by 'saringctl completion fish'\n\n";

/* As in completion_bash.c: $key is the verb, or verb and subverb; $after counts the operands behind it. */
static const char reader[] = "# what the table says may stand there: LIST, FILE|LIST, exact|subtree\n"
			     "function __saringctl_operand --argument-names operand cur\n"
			     "\tset -l ask $argv[3..]\n"
			     "\tfor one in (string split '|' -- (string replace -r '[.]{3}$' '' -- $operand))\n"
			     "\t\tswitch $one\n"
			     "\t\t\tcase FILE PATH SOCKET\n"
			     "\t\t\t\t__fish_complete_path $cur\n"
			     "\t\t\tcase LIST\n"
			     "\t\t\t\tcommand $ask complete lists 2>/dev/null\n"
			     "\t\t\tcase GROUP\n"
			     "\t\t\t\tcommand $ask complete groups 2>/dev/null\n"
			     "\t\t\tcase VERB\n"
			     "\t\t\t\t__saringctl_verbs\n"
			     "\t\t\tcase -\n"
			     "\t\t\tcase '*'\n"
			     "\t\t\t\techo $one\n"
			     "\t\tend\n"
			     "\tend\n"
			     "end\n"
			     "\n"
			     "function __saringctl\n"
			     "\tset -l tokens (commandline -opc)\n"
			     "\tset -l cur (commandline -ct)\n"
			     "\tset -l ask $tokens[1]\n"
			     "\tset -l expects\n"
			     "\tset -l key\n"
			     "\tset -l ended\n"
			     "\tset -l after 0\n"
			     "\tset -e tokens[1]\n"
			     "\tfor word in $tokens\n"
			     "\t\tif test -n \"$expects\"\n"
			     "\t\t\tswitch $expects\n"
			     "\t\t\t\tcase -c --config\n"
			     "\t\t\t\t\tset -a ask -c $word\n"
			     "\t\t\t\tcase -s --socket\n"
			     "\t\t\t\t\tset -a ask -s $word\n"
			     "\t\t\tend\n"
			     "\t\t\tset expects\n"
			     "\t\telse if test -z \"$ended\"; and test \"$word\" = --\n"
			     "\t\t\tset ended 1\n"
			     "\t\telse if test -z \"$ended\"; and string match -qr -- '^-.' $word\n"
			     "\t\t\tstring match -qr -- '^--(config|socket)=' $word; and set -a ask $word\n"
			     "\t\t\t__saringctl_value $word \"$key\" >/dev/null; and set expects $word\n"
			     "\t\telse if test -z \"$key\"\n"
			     "\t\t\ttest \"$word\" = help; or set key (__saringctl_verb $word)\n"
			     "\t\telse if test $after -eq 0; and __saringctl_operands \"$key $word\" >/dev/null\n"
			     "\t\t\tset key \"$key $word\"\n"
			     "\t\telse\n"
			     "\t\t\tset after (math $after + 1)\n"
			     "\t\tend\n"
			     "\tend\n"
			     "\n"
			     "\tif test -n \"$expects\"\n"
			     "\t\t__saringctl_operand (__saringctl_value $expects \"$key\") \"$cur\" $ask\n"
			     "\telse if test -z \"$ended\"; and string match -q -- '--*=*' $cur\n"
			     "\t\tset -l option (string replace -r '=.*' '' -- $cur)\n"
			     "\t\tset -l value (string replace -r '^[^=]*=' '' -- $cur)\n"
			     "\t\tset -l may (__saringctl_value $option \"$key\"); or return\n"
			     "\t\tstring replace -r -- '^' \"$option=\" (__saringctl_operand $may \"$value\" $ask)\n"
			     "\telse if test -z \"$ended\"; and string match -q -- '-*' $cur\n"
			     "\t\t__saringctl_options \"$key\"\n"
			     "\t\t__saringctl_options -\n"
			     "\telse if test -z \"$key\"\n"
			     "\t\t__saringctl_verbs\n"
			     "\telse\n"
			     "\t\ttest $after -eq 0; and __saringctl_subverbs $key\n"
			     "\t\tset -l parts (string split -n ' ' -- (__saringctl_operands \"$key\"))\n"
			     "\t\tif test $after -lt (count $parts)\n"
			     "\t\t\t__saringctl_operand $parts[(math $after + 1)] \"$cur\" $ask\n"
			     "\t\telse if string match -q -- '*...' $parts[-1]\n"
			     "\t\t\t__saringctl_operand $parts[-1] \"$cur\" $ask\n"
			     "\t\tend\n"
			     "\tend\n"
			     "end\n"
			     "\n"
			     "complete -c saringctl -f -a '(__saringctl)'\n";

/* A line that offers word. */
static void put_offer(FILE *out, const char *indent, const char *word, const char *told)
{
	char line[512];
	(void)snprintf(line, sizeof(line), "%s\t%s", word, told);
	fprintf(out, "%secho -- ", indent);
	completion_put_quoted(out, line, true);
	fputc('\n', out);
}

static void put_verbs(FILE *out)
{
	fputs("function __saringctl_verbs\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		if (completion_shows(&commands_table[i]) && commands_table[i].sub == NULL)
			put_offer(out, "\t", commands_table[i].verb, commands_table[i].summary);
	}
	put_offer(out, "\t", "help", "what a verb does and takes");
	fputs("end\n\nfunction __saringctl_verb\n\tswitch $argv[1]\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		if (completion_shows(&commands_table[i]) && commands_table[i].alias != NULL)
			fprintf(out, "\t\tcase %s\n\t\t\techo %s\n", commands_table[i].alias, commands_table[i].verb);
	}
	fputs("\t\tcase '*'\n\t\t\techo $argv[1]\n\tend\nend\n\n", out);
}

static void put_subverbs(FILE *out)
{
	fputs("function __saringctl_subverbs\n\tswitch \"$argv[1]\"\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		const char *verb = commands_table[i].verb;
		if (commands_table[i].sub != NULL || !completion_shows(&commands_table[i]) || !commands_has_subverbs(verb))
			continue;
		fprintf(out, "\t\tcase %s\n", verb);
		for (size_t k = 0; k < commands_count; k++) {
			const struct command *c = &commands_table[k];
			if (completion_shows(c) && c->sub != NULL && strcmp(c->verb, verb) == 0)
				put_offer(out, "\t\t\t", c->sub, c->summary);
		}
	}
	fputs("\tend\nend\n\n", out);
}

static void put_operands(FILE *out)
{
	char name[COMMAND_NAME_MAX];
	fputs("# fails for what is no verb\nfunction __saringctl_operands\n\tswitch \"$argv[1]\"\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		if (!completion_shows(&commands_table[i]))
			continue;
		fprintf(out, "\t\tcase '%s'\n\t\t\techo '", command_name(&commands_table[i], name, sizeof(name)));
		completion_put_operands(out, &commands_table[i]);
		fputs("'\n", out);
	}
	fputs("\t\tcase '*'\n\t\t\treturn 1\n\tend\nend\n\n", out);
}

static void put_options_of(FILE *out, const char *key, uint64_t bits)
{
	fprintf(out, "\t\tcase '%s'\n", key);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &options_table[i];
		char word[32];
		if ((bits & OPTION_BIT(i)) == 0)
			continue;
		(void)snprintf(word, sizeof(word), "--%s", row->name);
		put_offer(out, "\t\t\t", word, row->help);
		if (row->letter == 0)
			continue;
		(void)snprintf(word, sizeof(word), "-%c", row->letter);
		put_offer(out, "\t\t\t", word, row->help);
	}
}

static void put_options(FILE *out)
{
	char name[COMMAND_NAME_MAX];
	fputs("function __saringctl_options\n\tswitch \"$argv[1]\"\n", out);
	put_options_of(out, "-", OPTION_BITS_GLOBAL);
	for (size_t i = 0; i < commands_count; i++) {
		if (completion_shows(&commands_table[i]) && commands_table[i].options != 0)
			put_options_of(out, command_name(&commands_table[i], name, sizeof(name)), commands_table[i].options);
	}
	fputs("\tend\nend\n\n", out);
}

static void put_value(FILE *out, const struct command *c, enum command_option option)
{
	fputs("\t\t\techo '", out);
	completion_put_value(out, c, option);
	fputs("'\n", out);
}

static void put_values(FILE *out)
{
	fputs("# fails for an option that takes no value\nfunction __saringctl_value\n\tswitch \"$argv[1] $argv[2]\"\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		for (size_t k = 0; k < OPTION_COUNT; k++) {
			char name[COMMAND_NAME_MAX];
			if (!completion_has_own_words(&commands_table[i], (enum command_option)k))
				continue;
			fprintf(out, "\t\tcase '--%s %s'\n", options_table[k].name,
				command_name(&commands_table[i], name, sizeof(name)));
			put_value(out, &commands_table[i], (enum command_option)k);
		}
	}
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (options_table[i].value == NULL)
			continue;
		fprintf(out, "\t\tcase '--%s *'", options_table[i].name);
		if (options_table[i].letter != 0)
			fprintf(out, " '-%c *'", options_table[i].letter);
		fputc('\n', out);
		put_value(out, NULL, (enum command_option)i);
	}
	fputs("\t\tcase '*'\n\t\t\treturn 1\n\tend\nend\n\n", out);
}

void completion_fish(FILE *out)
{
	fputs(head, out);
	put_verbs(out);
	put_subverbs(out);
	put_operands(out);
	put_options(out);
	put_values(out);
	fputs(reader, out);
}
