/* SPDX-License-Identifier: BSD-2-Clause
 *
 * options.h - the options of all verbs: one table for their spelling and their help (options.c), and one place where their values
 * are read (option_values.c). Which verb takes which is the verb table's matter. One thread. */
#ifndef SARING_SARINGCTL_OPTIONS_H
#define SARING_SARINGCTL_OPTIONS_H

#include "saringctl/commands.h"

struct option_row {
	char letter;	   /* 0: none */
	const char *name;  /* without the dashes */
	const char *value; /* what help calls its value; NULL: it takes none */
	const char *help;
	const char *const *words; /* what the value may be, NULL behind the last; NULL: anything, or see option_words */
};
extern const struct option_row options_table[OPTION_COUNT]; /* index: enum command_option */

/* What the value of an option may be for that verb, NULL behind the last; NULL: anything. command NULL:
 * for most verbs. */
const char *const *option_words(const struct command *command, enum command_option option);
/* The types that have a name (wire/rrtype.h), NULL behind the last. */
extern const char *const type_words[];
extern const size_t type_word_count;

/* An option that stood there, with its value (NULL for one that takes none), into in. False with ERR_USAGE and a sentence. */
MUST_CHECK bool option_take(enum command_option option, const char *value, int64_t now_s, struct invocation *in, struct err *err);
/* Once the verb is known: values whose meaning depends on it. */
MUST_CHECK bool option_settle(struct invocation *in, struct err *err);

#endif
