/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/commands.h"

#include "base/str.h"
#include "saringctl/operands.h"
#include "saringctl/options.h"
#include "saringctl/suggest.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

const char *command_name(const struct command *command, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s", command->verb, command->sub != NULL ? " " : "",
		       command->sub != NULL ? command->sub : "");
	return buf;
}

/* ---- options and operands apart ---- */

#define LONG_BASE 256 /* getopt_long's val of options_table[0] */

static bool unknown_option(const char *typed, struct err *err)
{
	const char *names[OPTION_COUNT];
	for (size_t i = 0; i < OPTION_COUNT; i++)
		names[i] = options_table[i].name;
	struct str word = str_from(typed);
	bool is_long = str_starts(word, "--");
	while (word.len > 0 && word.ptr[0] == '-') {
		word.ptr++;
		word.len--;
	}
	word = str_cut(&word, '=');
	return suggest(err, ERR_USAGE, word, names, is_long ? OPTION_COUNT : 0, "--", "unknown option '%s'", typed);
}

/* What getopt_long could not make sense of. */
static bool option_fault(int got, char **argv, struct err *err)
{
	const char *typed = argv[optind - 1];
	if (got == ':')
		return err_set(err, ERR_USAGE, "option '%s' needs a value", typed);
	if (optopt >= LONG_BASE && optopt < LONG_BASE + OPTION_COUNT)
		return err_set(err, ERR_USAGE, "option '--%s' takes no value", options_table[optopt - LONG_BASE].name);
	if (optopt > 0 && optopt < LONG_BASE) {
		char letter[3] = {'-', (char)optopt, '\0'};
		return unknown_option(letter, err);
	}
	return unknown_option(typed, err);
}

static bool parse_argv(int argc, char **argv, int64_t now_s, struct invocation *in, struct err *err)
{
	struct option_row const *row = options_table;
	struct option long_options[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 3] =
	    "-:"; /* "-": operands in their order, whatever POSIXLY_CORRECT says; ":": no messages */
	size_t end = 2;
	memset(long_options, 0, sizeof(long_options));
	for (int i = 0; i < OPTION_COUNT; i++, row++) {
		long_options[i].name = row->name;
		long_options[i].has_arg = row->value != NULL ? required_argument : no_argument;
		long_options[i].val = LONG_BASE + i;
		if (row->letter != 0) {
			letters[end++] = row->letter;
			if (row->value != NULL)
				letters[end++] = ':';
		}
	}
	optind = 0; /* GNU: begin anew */
	opterr = 0;
	for (;;) {
		int got = getopt_long(argc, argv, letters, long_options, NULL);
		if (got == -1)
			break;
		if (got == 1) {
			in->operands[in->operand_count++] = optarg;
			continue;
		}
		int option = got >= LONG_BASE ? got - LONG_BASE : -1;
		for (int i = 0; i < OPTION_COUNT && option < 0; i++)
			option = got == options_table[i].letter && got != 0 ? i : -1;
		if (option < 0)
			return option_fault(got, argv, err);
		if (!option_take((enum command_option)option, optarg, now_s, in, err))
			return false;
	}
	while (optind < argc)
		in->operands[in->operand_count++] = argv[optind++];
	return true;
}

/* ---- the verb ---- */

static const struct command *find(const char *verb, const char *sub)
{
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		bool same = sub == NULL ? c->sub == NULL : c->sub != NULL && strcmp(c->sub, sub) == 0;
		if (same && (strcmp(c->verb, verb) == 0 || (c->alias != NULL && strcmp(c->alias, verb) == 0)))
			return c;
	}
	return NULL;
}

static bool unknown_verb(const char *verb, const char *sub, struct err *err)
{
	const char *words[COMMANDS_MAX];
	size_t count = 0;
	must(commands_count <= ARRAY_LEN(words));
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (c->purpose == PURPOSE_HIDDEN)
			continue;
		if (sub == NULL && c->sub == NULL)
			words[count++] = c->verb;
		else if (sub != NULL && c->sub != NULL && strcmp(c->verb, verb) == 0)
			words[count++] = c->sub;
	}
	char head[COMMAND_NAME_MAX] = "";
	if (sub == NULL)
		return suggest(err, ERR_USAGE, str_from(verb), words, count, head, "unknown verb '%s'", verb);
	(void)snprintf(head, sizeof(head), "%s ", verb);
	return suggest(err, ERR_USAGE, str_from(sub), words, count, head, "unknown verb '%s %s'", verb, sub);
}

bool commands_has_subverbs(const char *verb)
{
	for (size_t i = 0; i < commands_count; i++) {
		if (commands_table[i].sub != NULL && strcmp(commands_table[i].verb, verb) == 0)
			return true;
	}
	return false;
}

static void drop_operands(struct invocation *in, size_t count)
{
	in->operand_count -= count;
	memmove(in->operands, in->operands + count, in->operand_count * sizeof(in->operands[0]));
}

static bool parse_verb_words(struct invocation *in, struct err *err)
{
	const char *verb = in->operands[0], *sub = in->operand_count > 1 ? in->operands[1] : NULL;
	const struct command *plain = find(verb, NULL);
	if (plain == NULL)
		return unknown_verb(verb, NULL, err);
	in->group = plain->verb;
	if (sub != NULL && commands_has_subverbs(verb)) {
		in->command = find(verb, sub);
		if (in->command == NULL)
			return unknown_verb(verb, sub, err);
		drop_operands(in, 2);
		return true;
	}
	in->command = plain;
	drop_operands(in, 1);
	return true;
}

static bool parse_verb(struct invocation *in, struct err *err)
{
	if (in->operand_count == 0) {
		if (in->help || in->version)
			return true;
		in->empty = true;
		return err_set(err, ERR_USAGE, "no verb given");
	}
	if (strcmp(in->operands[0], "help") == 0) { /* "help list add" is "list add --help" */
		in->help = true;
		drop_operands(in, 1);
		return in->operand_count == 0 || parse_verb_words(in, err);
	}
	return parse_verb_words(in, err);
}

static bool check_options(const struct invocation *in, struct err *err)
{
	char name[COMMAND_NAME_MAX];
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if ((in->given & OPTION_BIT(i)) != 0 && ((in->command->options | OPTION_BITS_GLOBAL) & OPTION_BIT(i)) == 0)
			return err_set(err, ERR_USAGE, "'%s' has no option '--%s'", command_name(in->command, name, sizeof(name)),
				       options_table[i].name);
	}
	return true;
}

/* Where the table has words alone, one of them stands. */
static bool check_words(const struct invocation *in, struct err *err)
{
	struct operand operands[OPERANDS_MAX];
	size_t count = operands_split(in->command->operands, operands);
	for (size_t i = 0; i < MIN(count, in->operand_count); i++) {
		char buf[256], name[COMMAND_NAME_MAX];
		const char *words[OPERAND_WORDS_MAX + 1];
		if (operands[i].kinds != OPERAND_WORD)
			continue;
		operand_words(operands[i].text, buf, sizeof(buf), words);
		if (suggest_find(words, in->operands[i]) == NULL)
			return suggest_word(err, in->operands[i], words, "'%s': '%s' is not",
					    command_name(in->command, name, sizeof(name)), in->operands[i]);
	}
	return true;
}

static bool check_operands(const struct invocation *in, struct err *err)
{
	const struct command *c = in->command;
	char name[COMMAND_NAME_MAX];
	if (in->operand_count < c->min)
		return err_set(err, ERR_USAGE, "'%s' needs %s", command_name(c, name, sizeof(name)), c->operands);
	if (in->operand_count > c->max)
		return err_set(err, ERR_USAGE, "'%s': unexpected '%s'", command_name(c, name, sizeof(name)), in->operands[c->max]);
	for (size_t i = 0; i < in->operand_count; i++) {
		if (in->operands[i][0] == '\0')
			return err_set(err, ERR_USAGE, "'%s': an operand is empty", command_name(c, name, sizeof(name)));
	}
	return check_words(in, err);
}

bool commands_parse(int argc, char **argv, int64_t now_s, struct invocation *ret, struct err *err)
{
	*ret = (struct invocation){.operands = base_alloc(((size_t)argc + 1) * sizeof(char *))};
	if (!parse_argv(argc, argv, now_s, ret, err) || !parse_verb(ret, err))
		return false;
	if (ret->command == NULL || ret->help || ret->version)
		return true;
	return check_options(ret, err) && check_operands(ret, err) && option_settle(ret, err);
}

void invocation_finish(struct invocation *in)
{
	free(in->operands);
	in->operands = NULL;
	in->operand_count = 0;
}
