/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_completion.c - completion for the shells: completion, and what their scripts ask as they are used: complete. */
#include "saringctl/completion.h"

#include "base/buf.h"
#include "base/file.h"
#include "ctl/client.h"
#include "saringctl/context.h"
#include "saringctl/operands.h"

#include <string.h>

#define ASK_MS 500 /* somebody waits with a finger on the key */

bool completion_shows(const struct command *command)
{
	return command->purpose != PURPOSE_HIDDEN;
}

void completion_put_subverbs(FILE *out, const char *verb)
{
	for (size_t i = 0, put = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (completion_shows(c) && c->sub != NULL && strcmp(c->verb, verb) == 0)
			fprintf(out, "%s%s", put++ == 0 ? "" : " ", c->sub);
	}
}

void completion_put_operands(FILE *out, const struct command *command)
{
	struct operand operands[OPERANDS_MAX];
	size_t count = operands_split(command->operands, operands);
	for (size_t i = 0; i < count; i++) {
		struct str rest = operands[i].text;
		fputs(i == 0 ? "" : " ", out);
		for (size_t put = 0; rest.ptr != NULL;) {
			struct str one = str_cut(&rest, '|');
			if (operand_kinds(one) != 0)
				fprintf(out, "%s%.*s", put++ == 0 ? "" : "|", (int)one.len, one.ptr);
		}
		fprintf(out, "%s%s", operands[i].kinds == 0 ? "-" : "", operands[i].many ? "..." : "");
	}
}

bool completion_has_own_words(const struct command *command, enum command_option option)
{
	return completion_shows(command) && (command->options & OPTION_BIT(option)) != 0 &&
	       option_words(command, option) != option_words(NULL, option);
}

void completion_put_value(FILE *out, const struct command *command, enum command_option option)
{
	const char *const *words = option_words(command, option);
	const char *value = options_table[option].value;
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		fprintf(out, "%s%s", i == 0 ? "" : "|", words[i]);
	if (words == NULL && value != NULL && operand_kinds(str_from(value)) != 0)
		fputs(value, out);
}

void completion_put_quoted(FILE *out, const char *text, bool fish)
{
	fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs(fish ? "\\'" : "'\\''", out);
		else if (*text == '\\' && fish)
			fputs("\\\\", out);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

enum exit_status cmd_completion(struct context *ctx)
{
	const char *shell = ctx->in->operands[0];
	if (strcmp(shell, "bash") == 0)
		completion_bash(stdout);
	else if (strcmp(shell, "zsh") == 0)
		completion_zsh(stdout);
	else
		completion_fish(stdout);
	return STATUS_DONE;
}

/* A shell gets a name only if nothing in it means something to a shell or a terminal. */
static void put_name(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+@:,%=/";
	if (name[0] != '\0' && name[0] != '-' && name[strspn(name, plain)] == '\0')
		puts(name);
}

static void put_said(const struct context *ctx, bool groups)
{
	const char *socket = ctx->in->socket != NULL ? ctx->in->socket : SETTINGS_SOCKET_DEFAULT;
	struct err err = {.code = ERR_NONE};
	json_t *reply = NULL;
	const json_t *one;
	size_t i;
	if (!ctl_call(socket, groups ? "status" : "list", NULL, ASK_MS, &reply, NULL, &err))
		return;
	json_array_foreach(groups ? json_object_get(reply, "groups") : reply, i, one) put_name(field_text(one, "name"));
	json_decref(reply);
}

/* What saring.yaml has; where it cannot be read, what the daemon says. Silent: whoever typed half a word wants no errors. */
enum exit_status cmd_complete(struct context *ctx)
{
	const bool groups = strcmp(ctx->in->operands[0], "groups") == 0;
	struct buf text = {0};
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	struct settings *s = NULL;
	if (file_read(ctx->config, SETTINGS_BYTES_MAX, &text, &err))
		s = settings_parse_faulty(buf_str(&text), ctx->config, &errors); /* one being edited still names its lists */
	for (size_t i = 0; s != NULL && !groups && i < s->list_count; i++)
		put_name(s->lists[i].name);
	for (size_t i = 0; s != NULL && groups && i < s->group_count; i++)
		put_name(s->groups[i].name);
	if (s == NULL)
		put_said(ctx, groups);
	settings_destroy(s);
	err_list_finish(&errors);
	buf_finish(&text);
	return STATUS_DONE;
}
