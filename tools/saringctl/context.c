/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/context.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "ctl/client.h"
#include "saringctl/progress.h"
#include "saringctl/suggest.h"
#include "settings/yaml.h"

#include <stdlib.h>
#include <string.h>

void context_init(struct context *ctx, const struct invocation *in)
{
	*ctx = (struct context){
	    .in = in, .config = in->config != NULL ? in->config : SETTINGS_PATH_DEFAULT, .begun_ns = clock_mono_ns()};
	output_init(&ctx->out, in->json);
}

void context_finish(struct context *ctx)
{
	settings_destroy(ctx->settings);
	ctx->settings = NULL;
	err_list_finish(&ctx->errors);
	free(ctx->socket);
	ctx->socket = NULL;
}

/* Read the configuration, once; text is kept only for the caller that wants it. */
static void read_config(struct context *ctx, struct buf *ret_text)
{
	struct err err = {.code = ERR_NONE};
	ctx->tried = true;
	if (!file_read(ctx->config, SETTINGS_BYTES_MAX, ret_text, &err)) {
		ctx->absent = true;
		err_list_add(&ctx->errors, &err);
		return;
	}
	ctx->settings = settings_parse(buf_str(ret_text), ctx->config, &ctx->errors);
}

const struct settings *context_settings(struct context *ctx)
{
	if (!ctx->tried) {
		struct buf text = {0};
		read_config(ctx, &text);
		buf_finish(&text);
	}
	if (ctx->settings == NULL) {
		struct err err;
		err_set(&err, ERR_INPUT, "'%s' %s; nothing was done", ctx->config, ctx->absent ? "cannot be read" : "has errors");
		(void)output_fail(&ctx->out, &err, &ctx->errors);
	}
	return ctx->settings;
}

const struct settings_list *context_list(struct context *ctx, const char *name)
{
	const char *names[SETTINGS_LISTS_MAX];
	const struct settings *s = context_settings(ctx);
	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < s->list_count; i++) {
		if (strcmp(s->lists[i].name, name) == 0)
			return &s->lists[i];
		names[i] = s->lists[i].name;
	}
	struct err err;
	(void)suggest(&err, ERR_NOT_FOUND, str_from(name), names, s->list_count, "", "no list is called '%s' in '%s'", name,
		      ctx->config);
	(void)output_fail(&ctx->out, &err, NULL);
	return NULL;
}

/* The lines of text from "control:" up to the next line that is not indented: they are YAML by themselves. */
static struct str control_section(struct str text)
{
	struct str rest = text;
	const char *begin = NULL;
	while (rest.ptr != NULL) {
		const char *here = rest.ptr;
		struct str line = str_cut(&rest, '\n');
		bool indented =
		    line.len == 0 || line.ptr[0] == ' ' || line.ptr[0] == '\t' || line.ptr[0] == '\r' || line.ptr[0] == '#';
		if (begin == NULL && str_starts(line, "control:"))
			begin = here;
		else if (begin != NULL && !indented)
			return (struct str){begin, (size_t)(here - begin)};
	}
	return begin == NULL ? (struct str){NULL, 0} : (struct str){begin, (size_t)(text.ptr + text.len - begin)};
}

/* control.socket of a configuration with faults elsewhere. False when the section itself cannot be read. */
MUST_CHECK static bool socket_despite_faults(const struct context *ctx, struct str text, char **ret_socket)
{
	const struct yaml_limits limits = {.bytes = SETTINGS_BYTES_MAX, .nodes = SETTINGS_BYTES_MAX};
	struct arena arena = {0};
	struct err_list unused = {0};
	struct str section = control_section(text);
	bool good = true;
	char *socket = NULL;
	if (section.ptr != NULL) {
		const struct yaml_node *root = yaml_parse(section, ctx->config, &limits, &arena, &unused);
		const struct yaml_node *control = root != NULL && root->kind == YAML_MAPPING ? yaml_get(root, "control") : NULL;
		const struct yaml_node *node =
		    control != NULL && control->kind == YAML_MAPPING ? yaml_get(control, "socket") : NULL;
		good = root != NULL && unused.count == 0 && (node == NULL || (node->kind == YAML_SCALAR && node->text.len > 0));
		if (good && node != NULL)
			socket = file_path_beside(ctx->config, node->text.ptr);
	}
	if (good)
		*ret_socket = socket != NULL ? socket : base_strdup(SETTINGS_SOCKET_DEFAULT);
	arena_finish(&arena);
	err_list_finish(&unused);
	return good;
}

const char *context_find_socket(struct context *ctx, struct err *err)
{
	struct buf text = {0};
	if (ctx->socket != NULL)
		return ctx->socket;
	if (ctx->in->socket != NULL) {
		ctx->socket = base_strdup(ctx->in->socket);
		return ctx->socket;
	}
	if (!ctx->tried)
		read_config(ctx, &text);
	if (ctx->settings != NULL) {
		ctx->socket = base_strdup(ctx->settings->control_socket);
	} else if (ctx->absent && ctx->in->config != NULL) {
		err_set(err, ERR_INPUT, "the control socket is not known without '%s'; name it with -s", ctx->config);
	} else if (ctx->absent) {
		ctx->socket = base_strdup(SETTINGS_SOCKET_DEFAULT);
	} else if (!socket_despite_faults(ctx, buf_str(&text), &ctx->socket)) {
		if (ctx->in->config == NULL)
			ctx->socket = base_strdup(SETTINGS_SOCKET_DEFAULT);
		else
			err_set(err, ERR_INPUT, "'%s' has errors, and the control socket cannot be read in it; name it with -s",
				ctx->config);
	}
	buf_finish(&text);
	return ctx->socket;
}

const char *context_socket(struct context *ctx)
{
	struct err err = {.code = ERR_NONE};
	const char *socket = context_find_socket(ctx, &err);
	if (socket == NULL)
		(void)output_fail(&ctx->out, &err, &ctx->errors);
	return socket;
}

bool context_ask(struct context *ctx, const char *verb, json_t *args, const char *wait, json_t **ret_result,
		 struct err_list *errors, struct err *err)
{
	struct progress progress = {.fd = -1, .pid = -1};
	if (wait != NULL)
		progress_start(&progress, &ctx->out, wait);
	bool good = ctl_call(ctx->socket, verb, args, wait != NULL ? CONTEXT_REBUILD_MS : CONTEXT_ASK_MS, ret_result, errors, err);
	progress_stop(&progress);
	json_decref(args);
	if (!good && err->code == ERR_UNREACHABLE && ctx->tried && !ctx->absent && ctx->settings == NULL)
		output_note(&ctx->out, "'%s' has errors ('saringctl check' lists them)", ctx->config);
	return good;
}

bool context_call(struct context *ctx, const char *verb, json_t *args, const char *wait, json_t **ret_result,
		  enum exit_status *ret_status)
{
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	if (context_socket(ctx) == NULL) {
		json_decref(args);
		*ret_status = STATUS_FAILED;
		return false;
	}
	bool good = context_ask(ctx, verb, args, wait, ret_result, &errors, &err);
	if (!good)
		*ret_status = output_fail(&ctx->out, &err, &errors);
	err_list_finish(&errors);
	return good;
}

enum exit_status context_usage(const struct context *ctx, const char *fmt, ...)
{
	char text[512], name[COMMAND_NAME_MAX];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): va_start is above
	va_end(args);
	output_note(&ctx->out, "%s", text);
	fprintf(stderr, "Try 'saringctl %s --help'.\n", command_name(ctx->in->command, name, sizeof(name)));
	return STATUS_USAGE;
}
