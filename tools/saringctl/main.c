/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - saringctl(1): the admin tool. Takes the command line apart, runs the verb's handler, and says how it ended. */
#include "base/clock.h"
#include "saringctl/commands.h"
#include "saringctl/context.h"
#include "saringctl/output.h"
#include "version.h"

#include <errno.h>
#include <string.h>

static int usage(const struct context *ctx, const struct err *err)
{
	char name[COMMAND_NAME_MAX];
	output_note(&ctx->out, "%s", err->text);
	if (ctx->in->empty) {
		commands_help(stderr, NULL);
		return STATUS_USAGE;
	}
	if (ctx->in->command != NULL)
		fprintf(stderr, "Try 'saringctl %s --help'.\n", command_name(ctx->in->command, name, sizeof(name)));
	else if (ctx->in->group != NULL)
		fprintf(stderr, "Try 'saringctl %s --help'.\n", ctx->in->group);
	else
		fprintf(stderr, "Try 'saringctl --help' for the verbs.\n");
	return STATUS_USAGE;
}

static int run(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	if (in->version) {
		printf("saringctl %s\n", SARING_VERSION);
		return STATUS_DONE;
	}
	if (in->help) {
		commands_help(stdout, in->command);
		return STATUS_DONE;
	}
	return (int)in->command->run(ctx);
}

int main(int argc, char **argv)
{
	struct invocation in;
	struct context ctx;
	struct err err = {.code = ERR_NONE};
	bool good = commands_parse(argc, argv, clock_wall_s(), &in, &err);
	context_init(&ctx, &in);
	int status = good ? run(&ctx) : usage(&ctx, &err);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		output_note(&ctx.out, "writing the output: %s", strerror(errno));
		status = status == STATUS_DONE ? STATUS_FAILED : status;
	}
	context_finish(&ctx);
	invocation_finish(&in);
	return status;
}
