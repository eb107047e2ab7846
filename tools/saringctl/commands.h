/* SPDX-License-Identifier: BSD-2-Clause
 *
 * commands.h - the command line: one table of verbs, one of options, and what a user typed taken apart by them.
 *
 * Adding a verb is one row of commands_table in commands_table.c, one handler in a cmd_*.c, one paragraph in saringctl.1 (a test
 * compares the two). Adding an option is one row in options.c, one case in option_values.c. Help and the completion of the shells
 * are made of the rows. Everything a command line can be wrong in by itself is found here, before anything is touched; handlers
 * find the rest.
 */
#ifndef SARING_SARINGCTL_COMMANDS_H
#define SARING_SARINGCTL_COMMANDS_H

#include "base/addr.h"
#include "base/base.h"
#include "base/err.h"
#include "policy/terms.h"
#include "saringctl/output.h"

#define COMMANDS_CONTACT_MAX 16 /* --contact given so often */

/* Every option of every verb. */
enum command_option {
	OPTION_CONFIG,
	OPTION_SOCKET,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_TYPE,
	OPTION_CLIENT,
	OPTION_MATCH,
	OPTION_REASON,
	OPTION_AUTHORITY,
	OPTION_REFERENCE,
	OPTION_CONTACT,
	OPTION_REVIEW,
	OPTION_EXPIRES,
	OPTION_FORMAT,
	OPTION_FORCE,
	OPTION_SINCE,
	OPTION_UNTIL,
	OPTION_NUMBER,
	OPTION_FOLLOW,
	OPTION_OUTPUT,
	OPTION_DUE,
	OPTION_UNUSED,
	OPTION_POPULAR,
	OPTION_CLOSURE,
	OPTION_DRY_RUN,
	OPTION_AT,
	OPTION_OFFLINE,
	OPTION_NO_ASK,
	OPTION_BLOCKED,
	OPTION_NAME,
	OPTION_INTERACTIVE,
	OPTION_RESET,
	OPTION_GROUP,
	OPTION_LIST,
	OPTION_FOR,
	OPTION_COUNT
};
#define COMMANDS_NUMBER_MAX 100000		/* of -n */
extern const char *const report_format_words[]; /* "text", "json", "html", NULL; cmd_report.c */

#define OPTION_BIT(o) (UINT64_C(1) << (o))
/* taken by every verb */
#define OPTION_BITS_GLOBAL                                                                                           \
	(OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_SOCKET) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP) | \
	 OPTION_BIT(OPTION_VERSION))

struct context; /* context.h */

/* What people want of a verb: the overview's parts, in this order. */
enum command_purpose {
	PURPOSE_DAEMON,
	PURPOSE_ANSWERS,
	PURPOSE_HAPPENED,
	PURPOSE_LISTS,
	PURPOSE_RECORD,
	PURPOSE_SETUP,
	PURPOSE_HIDDEN, /* for the completion of shells: no help and no completion shows it */
};
#define COMMANDS_MAX 96 /* rows */

struct command {
	const char *verb;  /* "list" */
	const char *sub;   /* "add", or NULL */
	const char *alias; /* another word for the verb; NULL: none. Of a row without a sub */
	enum exit_status (*run)(struct context *ctx);
	/* "LIST NAME...", or "". Capitals say what stands there, and complete it: LIST, FILE, NAME; small letters are the words
	 * themselves, with | between them. [ ]: may be left out. */
	const char *operands;
	unsigned min, max;    /* how many */
	uint64_t options;     /* bits beside the global ones */
	const char *summary;  /* one line, for the list of verbs; no capital, no full stop */
	const char *details;  /* sentences for its own help; may be NULL */
	const char *examples; /* whole command lines, "\n" between them */
	const char *failed;   /* what exit status 1 means, where it is more than "it could not be done" */
	enum command_purpose purpose;
	bool alone; /* never ends with 3: it does without the daemon */
};
extern const struct command commands_table[];
extern const size_t commands_count;

/* A command line taken apart. Strings are borrowed from argv. */
struct invocation {
	const struct command *command; /* NULL with help or version and no verb */
	bool empty;		       /* there is no verb, and no help asked for */
	const char *group;	       /* with help: the verb typed, whether or not it has a row of its own */
	uint64_t given;		       /* bits of the options that stood there */
	const char *config, *socket;   /* NULL: not said */
	bool json, help, version, force, closure, dry_run, offline, no_ask, unused, blocked, interactive, reset;
	const char *name;		/* --name; NULL: not said */
	const char *of_group, *of_list; /* --group, --list; NULL: not said */
	int64_t for_s;			/* --for; 0: not said */
	const char *client_word;	/* --client as typed; NULL: not said. Of some verbs, a prefix as well */
	const char *popular;		/* --popular; NULL: not said */
	const char *type;		/* as typed; a type that exists */
	char client[ADDR_TEXT_MAX];	/* an address in its usual form, or ""; of log, as typed */
	bool has_match;
	enum match match;
	bool has_format;
	enum format format;
	const char *format_word;  /* as typed: report has formats of its own */
	int64_t since_s, until_s; /* wall clock; 0: not said */
	size_t number;		  /* 0: not said */
	bool follow;
	const char *output_path; /* NULL: not said */
	const char *reason, *authority, *reference;
	const char *contact[COMMANDS_CONTACT_MAX];
	size_t contact_count;
	char review[32], expires[32]; /* a date or an RFC 3339 time, or "" */
	int64_t due_s;		      /* how far ahead */
	char at[32];		      /* an RFC 3339 time, or "" */
	const char **operands;	      /* owned; without the verb */
	size_t operand_count;
};

/* Take argv apart; now_s (wall clock) is what durations count from. False with err->code ERR_USAGE and a sentence with what to do
 * about it. ret is filled in both cases as far as it came; invocation_finish it. Options may stand anywhere; after "--" all are
 * operands. */
MUST_CHECK bool commands_parse(int argc, char **argv, int64_t now_s, struct invocation *ret, struct err *err);
void invocation_finish(struct invocation *in);

/* Help for all verbs by purpose (command NULL), or for one row and with it its subverbs; as wide as the terminal. */
void commands_help(FILE *out, const struct command *command);
bool commands_has_subverbs(const char *verb);
/* "list add" */
const char *command_name(const struct command *command, char *buf, size_t size);
#define COMMAND_NAME_MAX 32

#endif
