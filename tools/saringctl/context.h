/* SPDX-License-Identifier: BSD-2-Clause
 *
 * context.h - what a verb's handler works with: the command line, the output, the configuration read once, the daemon's socket.
 * And the handlers themselves, for the verb table. Each returns the status to exit with, and has then said why on stderr. */
#ifndef SARING_SARINGCTL_CONTEXT_H
#define SARING_SARINGCTL_CONTEXT_H

#include "base/err.h"
#include "saringctl/commands.h"
#include "saringctl/output.h"
#include "settings/load.h"

#include <jansson.h>

#define CONTEXT_ASK_MS 10000	  /* how long a question may take */
#define CONTEXT_REBUILD_MS 900000 /* and the compilation of all lists */

struct context {
	const struct invocation *in;
	struct output out;
	const char *config;	   /* -c, or the default */
	int64_t begun_ns;	   /* CLOCK_MONOTONIC: when the command began */
	bool tried;		   /* the configuration was read */
	bool absent;		   /* and was not there, or not readable */
	struct settings *settings; /* owned; NULL when it could not be loaded */
	struct err_list errors;	   /* why not */
	char *socket;		   /* owned; once known */
};

void context_init(struct context *ctx, const struct invocation *in);
void context_finish(struct context *ctx);

/* The configuration, for verbs that need what it says of lists. NULL when it has faults, which were then printed. */
MUST_CHECK const struct settings *context_settings(struct context *ctx);
/* The list of that name, or NULL after saying that there is none. */
MUST_CHECK const struct settings_list *context_list(struct context *ctx, const char *name);
/* Where the daemon listens: -s, else what the configuration names, else the default. A configuration that is being edited may be
 * faulty while the daemon runs on: its `control:` section is read by itself then. NULL when -c names a file that cannot be read, or
 * whose control section cannot (said already). */
MUST_CHECK const char *context_socket(struct context *ctx);
/* The same without saying anything: err is for the caller to show, and ctx->errors. */
MUST_CHECK const char *context_find_socket(struct context *ctx, struct err *err);

/* Ask the daemon. args (may be NULL) is taken. wait: what to show while it lasts, or NULL.
 * On failure *ret_status is the status to exit with and all was said. */
MUST_CHECK bool context_call(struct context *ctx, const char *verb, json_t *args, const char *wait, json_t **ret_result,
			     enum exit_status *ret_status);
/* The same without saying anything: errors and err are for the caller to show. */
MUST_CHECK bool context_ask(struct context *ctx, const char *verb, json_t *args, const char *wait, json_t **ret_result,
			    struct err_list *errors, struct err *err);

/* A wrong command line that only the handler could find: the sentence and the hint. Returns STATUS_USAGE. */
enum exit_status context_usage(const struct context *ctx, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* cmd_status.c */
enum exit_status cmd_status(struct context *ctx);
enum exit_status cmd_cache(struct context *ctx);
enum exit_status cmd_cache_flush(struct context *ctx);
enum exit_status cmd_upstream(struct context *ctx);
/* cmd_log.c */
enum exit_status cmd_log(struct context *ctx);
/* cmd_top.c */
enum exit_status cmd_top(struct context *ctx);
/* cmd_stats.c */
enum exit_status cmd_stats(struct context *ctx);
/* cmd_pause.c */
enum exit_status cmd_pause(struct context *ctx);
enum exit_status cmd_resume(struct context *ctx);
enum exit_status cmd_allow(struct context *ctx);
/* cmd_groups.c */
enum exit_status cmd_groups(struct context *ctx);
/* cmd_audit.c */
enum exit_status cmd_audit(struct context *ctx);
enum exit_status cmd_audit_verify(struct context *ctx);
/* cmd_report.c */
enum exit_status cmd_report(struct context *ctx);
/* cmd_config.c */
enum exit_status cmd_check(struct context *ctx);
enum exit_status cmd_reload(struct context *ctx);
/* cmd_query.c */
enum exit_status cmd_explain(struct context *ctx);
/* cmd_impact.c */
enum exit_status cmd_impact(struct context *ctx);
/* cmd_convert.c */
enum exit_status cmd_import_config(struct context *ctx);
/* cmd_completion.c */
enum exit_status cmd_completion(struct context *ctx);
enum exit_status cmd_complete(struct context *ctx);
/* cmd_doctor.c */
enum exit_status cmd_doctor(struct context *ctx);
/* cmd_list.c */
enum exit_status cmd_list(struct context *ctx);
/* cmd_show.c */
enum exit_status cmd_list_show(struct context *ctx);
/* cmd_edit.c */
enum exit_status cmd_list_add(struct context *ctx);
enum exit_status cmd_list_remove(struct context *ctx);
enum exit_status cmd_list_mode(struct context *ctx);
/* cmd_review.c */
enum exit_status cmd_review(struct context *ctx);
/* cmd_lift.c */
enum exit_status cmd_list_lift(struct context *ctx);
enum exit_status cmd_unblock(struct context *ctx);
/* cmd_fetch.c */
enum exit_status cmd_list_fetch(struct context *ctx);
/* cmd_transfer.c */
enum exit_status cmd_list_import(struct context *ctx);
enum exit_status cmd_list_export(struct context *ctx);

#endif
