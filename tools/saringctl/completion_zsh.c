/* SPDX-License-Identifier: BSD-2-Clause
 *
 * completion_zsh.c - for zsh 5: as the file _saringctl in a folder of fpath, or sourced after compinit. */
#include "saringctl/completion.h"

#include <string.h>

static const char head[] = "#compdef saringctl\n"
			   "# zsh completion for saringctl(1); made of its table of verbs by 'saringctl completion zsh'\n\n"
			   "_saringctl_tables()\n"
			   "{\n";

/* As in completion_bash.c: $key is the verb, or verb and subverb; $after counts the operands behind it. */
static const char reader[] = "}\n"
			     "\n"
			     "# what the table says may stand there: LIST, FILE|LIST, exact|subtree\n"
			     "_saringctl_operand()\n"
			     "{\n"
			     "\tlocal one\n"
			     "\tlocal -a found\n"
			     "\tfor one in ${(s:|:)${1%...}}; do\n"
			     "\t\tcase $one in\n"
			     "\t\t(FILE|PATH|SOCKET) _files ;;\n"
			     "\t\t(LIST)\n"
			     "\t\t\tfound=(${(f)\"$(command $ask complete lists 2>/dev/null)\"})\n"
			     "\t\t\tcompadd -a found\n"
			     "\t\t\t;;\n"
			     "\t\t(GROUP)\n"
			     "\t\t\tfound=(${(f)\"$(command $ask complete groups 2>/dev/null)\"})\n"
			     "\t\t\tcompadd -a found\n"
			     "\t\t\t;;\n"
			     "\t\t(VERB) _describe -t verbs verb told_verbs ;;\n"
			     "\t\t(-) ;;\n"
			     "\t\t(*) compadd -- $one ;;\n"
			     "\t\tesac\n"
			     "\tdone\n"
			     "}\n"
			     "\n"
			     "_saringctl()\n"
			     "{\n"
			     "\tlocal word expects key ended\n"
			     "\tlocal -i i after=0 before=$compstate[nmatches]\n"
			     "\tlocal -A verbs subverbs operands options values\n"
			     "\tlocal -a ask parts told told_verbs\n"
			     "\t_saringctl_tables\n"
			     "\task=(${words[1]/#\\~/$HOME})\n"
			     "\tfor ((i = 2; i < CURRENT; i++)); do\n"
			     "\t\tword=${(Q)words[i]}\n"
			     "\t\tif [[ -n $expects ]]; then\n"
			     "\t\t\tcase $expects in\n"
			     "\t\t\t(-c|--config) ask+=(-c ${word/#\\~/$HOME}) ;;\n"
			     "\t\t\t(-s|--socket) ask+=(-s ${word/#\\~/$HOME}) ;;\n"
			     "\t\t\tesac\n"
			     "\t\t\texpects=\n"
			     "\t\telif [[ -z $ended && $word == -- ]]; then\n"
			     "\t\t\tended=1\n"
			     "\t\telif [[ -z $ended && $word == -?* ]]; then\n"
			     "\t\t\t[[ $word == --(config|socket)=* ]] && ask+=($word)\n"
			     "\t\t\t((${+values[$word]})) && expects=$word\n"
			     "\t\telif [[ -z $key ]]; then\n"
			     "\t\t\t[[ $word == help ]] || key=${verbs[$word]:-$word}\n"
			     "\t\telif ((after == 0 && ${+operands[$key $word]})); then\n"
			     "\t\t\tkey=\"$key $word\"\n"
			     "\t\telse\n"
			     "\t\t\tafter+=1\n"
			     "\t\tfi\n"
			     "\tdone\n"
			     "\n"
			     "\tif [[ -z $expects && -z $ended && $PREFIX == --*=* ]]; then\n"
			     "\t\texpects=${PREFIX%%=*}\n"
			     "\t\tcompset -P '*='\n"
			     "\tfi\n"
			     "\tif [[ -n $expects ]]; then\n"
			     "\t\t_saringctl_operand \"${values[$expects $key]:-$values[$expects]}\"\n"
			     "\telif [[ -z $ended && $PREFIX == -* ]]; then\n"
			     "\t\ttold=(${(f)options[$key]} ${(f)options[-]})\n"
			     "\t\t_describe -o option told\n"
			     "\telif [[ -z $key ]]; then\n"
			     "\t\t_describe -t verbs verb told_verbs\n"
			     "\telse\n"
			     "\t\ttold=(${(f)subverbs[$key]})\n"
			     "\t\t((after == 0 && $#told > 0)) && _describe -t subverbs subverb told\n"
			     "\t\tparts=(${(s: :)operands[$key]})\n"
			     "\t\tif ((after < $#parts)); then\n"
			     "\t\t\t_saringctl_operand \"$parts[after + 1]\"\n"
			     "\t\telif [[ $parts[-1] == *... ]]; then\n"
			     "\t\t\t_saringctl_operand \"$parts[-1]\"\n"
			     "\t\tfi\n"
			     "\tfi\n"
			     "\t((compstate[nmatches] > before))\n"
			     "}\n"
			     "\n"
			     "if [[ $funcstack[1] == _saringctl ]]; then\n"
			     "\t_saringctl \"$@\"\n"
			     "else\n"
			     "\tcompdef _saringctl saringctl\n"
			     "fi\n";

/* 'WORD:what it is' */
static void put_told(FILE *out, const char *word, const char *told)
{
	char line[512];
	(void)snprintf(line, sizeof(line), "%s:%s", word, told);
	completion_put_quoted(out, line, false);
}

static void put_verbs(FILE *out)
{
	fputs("\ttold_verbs=(\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (!completion_shows(c) || c->sub != NULL)
			continue;
		fputs("\t\t", out);
		put_told(out, c->verb, c->summary);
		fputc('\n', out);
	}
	fputs("\t\t'help:what a verb does and takes'\n\t)\n\tverbs=(\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (completion_shows(c) && c->sub == NULL)
			fprintf(out, "\t\t%s %s\n", c->verb, c->verb);
		if (completion_shows(c) && c->alias != NULL)
			fprintf(out, "\t\t%s %s\n", c->alias, c->verb);
	}
	fputs("\t)\n", out);
}

/* A member of an array is one word with a line for each of what it holds: the arrays of zsh hold no arrays. */
static void put_line(FILE *out, const char *word, const char *told)
{
	put_told(out, word, told);
	fputs("$'\\n'", out);
}

static void put_subverbs(FILE *out)
{
	fputs("\tsubverbs=(\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		const char *verb = commands_table[i].verb;
		if (commands_table[i].sub != NULL || !completion_shows(&commands_table[i]) || !commands_has_subverbs(verb))
			continue;
		fprintf(out, "\t\t%s ", verb);
		for (size_t k = 0; k < commands_count; k++) {
			const struct command *c = &commands_table[k];
			if (completion_shows(c) && c->sub != NULL && strcmp(c->verb, verb) == 0)
				put_line(out, c->sub, c->summary);
		}
		fputc('\n', out);
	}
	fputs("\t)\n", out);
}

static void put_options(FILE *out, const char *key, uint64_t bits)
{
	fprintf(out, "\t\t'%s' ''", key);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &options_table[i];
		char word[32];
		if ((bits & OPTION_BIT(i)) == 0)
			continue;
		(void)snprintf(word, sizeof(word), "--%s", row->name);
		put_line(out, word, row->help);
		if (row->letter == 0)
			continue;
		(void)snprintf(word, sizeof(word), "-%c", row->letter);
		put_line(out, word, row->help);
	}
	fputc('\n', out);
}

static void put_value(FILE *out, const char *dashes, const char *option, const char *key, const struct command *c, size_t number)
{
	fprintf(out, "\t\t'%s%s%s%s' '", dashes, option, key[0] != '\0' ? " " : "", key);
	completion_put_value(out, c, (enum command_option)number);
	fputs("'\n", out);
}

static void put_values(FILE *out)
{
	fputs("\tvalues=(\n", out);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const char letter[] = {options_table[i].letter, '\0'};
		if (options_table[i].value == NULL)
			continue;
		put_value(out, "--", options_table[i].name, "", NULL, i);
		if (letter[0] != '\0')
			put_value(out, "-", letter, "", NULL, i);
	}
	for (size_t i = 0; i < commands_count; i++) {
		for (size_t k = 0; k < OPTION_COUNT; k++) {
			char name[COMMAND_NAME_MAX];
			if (completion_has_own_words(&commands_table[i], (enum command_option)k))
				put_value(out, "--", options_table[k].name, command_name(&commands_table[i], name, sizeof(name)),
					  &commands_table[i], k);
		}
	}
	fputs("\t)\n", out);
}

void completion_zsh(FILE *out)
{
	char name[COMMAND_NAME_MAX];
	fputs(head, out);
	put_verbs(out);
	put_subverbs(out);
	fputs("\toperands=(\n", out);
	for (size_t i = 0; i < commands_count; i++) {
		if (!completion_shows(&commands_table[i]))
			continue;
		fprintf(out, "\t\t'%s' '", command_name(&commands_table[i], name, sizeof(name)));
		completion_put_operands(out, &commands_table[i]);
		fputs("'\n", out);
	}
	fputs("\t)\n\toptions=(\n", out);
	put_options(out, "-", OPTION_BITS_GLOBAL);
	for (size_t i = 0; i < commands_count; i++) {
		if (completion_shows(&commands_table[i]))
			put_options(out, command_name(&commands_table[i], name, sizeof(name)), commands_table[i].options);
	}
	fputs("\t)\n", out);
	put_values(out);
	fputs(reader, out);
}
