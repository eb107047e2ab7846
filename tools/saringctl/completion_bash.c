/* SPDX-License-Identifier: BSD-2-Clause
 *
 * completion_bash.c - for bash 4.2 and later, with or without the package bash-completion. The tables come first, then what reads
 * them. */
#include "saringctl/completion.h"

static const char head[] = "# bash completion for saringctl(1); made of its table of verbs by 'saringctl completion bash'\n\n";

/* "$key" is the verb, or verb and subverb, once it is known; $after how many operands stand behind it. */
static const char reader[] = "\n"
			     "_saringctl_words()\n"
			     "{\n"
			     "\tlocal word\n"
			     "\tfor word in \"$@\"; do\n"
			     "\t\t[[ $word == \"$cur\"* ]] && COMPREPLY+=(\"$word\")\n"
			     "\tdone\n"
			     "}\n"
			     "\n"
			     "_saringctl_lines()\n"
			     "{\n"
			     "\tlocal line\n"
			     "\twhile IFS= read -r line; do\n"
			     "\t\t[[ $line == \"$cur\"* ]] && COMPREPLY+=(\"$line\")\n"
			     "\tdone\n"
			     "}\n"
			     "\n"
			     "# what the table says may stand there: LIST, FILE|LIST, exact|subtree\n"
			     "_saringctl_operand()\n"
			     "{\n"
			     "\tlocal one IFS='|'\n"
			     "\tfor one in ${1%...}; do\n"
			     "\t\tcase $one in\n"
			     "\t\tFILE | PATH | SOCKET)\n"
			     "\t\t\tcompopt -o filenames 2>/dev/null\n"
			     "\t\t\t_saringctl_lines < <(compgen -f -- \"$cur\")\n"
			     "\t\t\t;;\n"
			     "\t\tLIST) _saringctl_lines < <(command \"${ask[@]}\" complete lists 2>/dev/null) ;;\n"
			     "\t\tGROUP) _saringctl_lines < <(command \"${ask[@]}\" complete groups 2>/dev/null) ;;\n"
			     "\t\tVERB) _saringctl_words \"${!_saringctl_verbs[@]}\" ;;\n"
			     "\t\t-) ;;\n"
			     "\t\t*) _saringctl_words \"$one\" ;;\n"
			     "\t\tesac\n"
			     "\tdone\n"
			     "}\n"
			     "\n"
			     "_saringctl()\n"
			     "{\n"
			     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} word expects= key= ended=\n"
			     "\tlocal -i i after=0\n"
			     "\tlocal -a ask=(\"${COMP_WORDS[0]/#\\~/$HOME}\") operands\n"
			     "\tCOMPREPLY=()\n"
			     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			     "\t\tword=${COMP_WORDS[i]}\n"
			     "\t\tif [[ -n $expects ]]; then\n"
			     "\t\t\t[[ $word == = ]] && continue # '--match=exact' comes in three words\n"
			     "\t\t\tcase $expects in\n"
			     "\t\t\t-c | --config) ask+=(-c \"${word/#\\~/$HOME}\") ;;\n"
			     "\t\t\t-s | --socket) ask+=(-s \"${word/#\\~/$HOME}\") ;;\n"
			     "\t\t\tesac\n"
			     "\t\t\texpects=\n"
			     "\t\telif [[ -z $ended && $word == -- ]]; then\n"
			     "\t\t\tended=1\n"
			     "\t\telif [[ -z $ended && $word == -?* ]]; then\n"
			     "\t\t\t[[ -n ${_saringctl_values[$word]+x} ]] && expects=$word\n"
			     "\t\telif [[ -z $key ]]; then\n"
			     "\t\t\t[[ $word == help ]] || key=${_saringctl_verbs[$word]:-$word}\n"
			     "\t\telif ((after == 0)) && [[ -n ${_saringctl_operands[$key $word]+x} ]]; then\n"
			     "\t\t\tkey=\"$key $word\"\n"
			     "\t\telse\n"
			     "\t\t\tafter+=1\n"
			     "\t\tfi\n"
			     "\tdone\n"
			     "\t[[ $cur == = ]] && cur=\n"
			     "\n"
			     "\tif [[ -n $expects ]]; then\n"
			     "\t\t_saringctl_operand \"${_saringctl_values[$expects $key]-${_saringctl_values[$expects]}}\"\n"
			     "\telif [[ -z $ended && $cur == -* ]]; then\n"
			     "\t\t[[ -n $key ]] && _saringctl_words ${_saringctl_options[$key]} # an empty subscript is an error\n"
			     "\t\t_saringctl_words ${_saringctl_options[-]}\n"
			     "\telif [[ -z $key ]]; then\n"
			     "\t\t_saringctl_words \"${!_saringctl_verbs[@]}\" help\n"
			     "\telse\n"
			     "\t\t((after == 0)) && _saringctl_words ${_saringctl_subverbs[$key]}\n"
			     "\t\tread -r -a operands <<<\"${_saringctl_operands[$key]}\"\n"
			     "\t\tif ((after < ${#operands[@]})); then\n"
			     "\t\t\t_saringctl_operand \"${operands[after]}\"\n"
			     "\t\telif ((${#operands[@]} > 0)) && [[ ${operands[-1]} == *... ]]; then\n"
			     "\t\t\t_saringctl_operand \"${operands[-1]}\"\n"
			     "\t\tfi\n"
			     "\tfi\n"
			     "}\n"
			     "complete -F _saringctl saringctl\n";

static void put_verbs(FILE *out)
{
	fputs("# the words that begin a command, and the verb that each is\n"
	      "declare -gA _saringctl_verbs=(\n",
	      out);
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (!completion_shows(c) || c->sub != NULL)
			continue;
		fprintf(out, "\t[%s]=%s\n", c->verb, c->verb);
		if (c->alias != NULL)
			fprintf(out, "\t[%s]=%s\n", c->alias, c->verb);
	}
	fputs(")\ndeclare -gA _saringctl_subverbs=(\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (!completion_shows(c) || c->sub != NULL || !commands_has_subverbs(c->verb))
			continue;
		fprintf(out, "\t[%s]='", c->verb);
		completion_put_subverbs(out, c->verb);
		fputs("'\n", out);
	}
	fputs(")\n", out);
}

static void put_options(FILE *out, const char *key, uint64_t bits)
{
	fprintf(out, "\t['%s']='", key);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if ((bits & OPTION_BIT(i)) == 0)
			continue;
		if (options_table[i].letter != 0)
			fprintf(out, "-%c ", options_table[i].letter);
		fprintf(out, "--%s ", options_table[i].name);
	}
	fputs("'\n", out);
}

static void put_rows(FILE *out)
{
	char name[COMMAND_NAME_MAX];
	fputs("declare -gA _saringctl_operands=(\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (!completion_shows(c))
			continue;
		fprintf(out, "\t['%s']='", command_name(c, name, sizeof(name)));
		completion_put_operands(out, c);
		fputs("'\n", out);
	}
	fputs(")\ndeclare -gA _saringctl_options=(\n", out);
	put_options(out, "-", OPTION_BITS_GLOBAL);
	for (size_t i = 0; i < commands_count; i++) {
		if (completion_shows(&commands_table[i]))
			put_options(out, command_name(&commands_table[i], name, sizeof(name)), commands_table[i].options);
	}
	fputs(")\n", out);
}

static void put_values(FILE *out)
{
	fputs("# options that take a value, and what it may be: of any verb, and of one that has words of its own\n"
	      "declare -gA _saringctl_values=(\n",
	      out);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &options_table[i];
		if (row->value == NULL)
			continue;
		fprintf(out, "\t['--%s']='", row->name);
		completion_put_value(out, NULL, (enum command_option)i);
		fputs("'\n", out);
		if (row->letter != 0) {
			fprintf(out, "\t['-%c']='", row->letter);
			completion_put_value(out, NULL, (enum command_option)i);
			fputs("'\n", out);
		}
	}
	for (size_t i = 0; i < commands_count; i++) {
		for (size_t k = 0; k < OPTION_COUNT; k++) {
			char name[COMMAND_NAME_MAX];
			if (!completion_has_own_words(&commands_table[i], (enum command_option)k))
				continue;
			fprintf(out, "\t['--%s %s']='", options_table[k].name,
				command_name(&commands_table[i], name, sizeof(name)));
			completion_put_value(out, &commands_table[i], (enum command_option)k);
			fputs("'\n", out);
		}
	}
	fputs(")\n", out);
}

void completion_bash(FILE *out)
{
	fputs(head, out);
	put_verbs(out);
	put_rows(out);
	put_values(out);
	fputs(reader, out);
}
