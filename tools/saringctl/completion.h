/* SPDX-License-Identifier: BSD-2-Clause
 *
 * completion.h - what the shells complete of saringctl, written for each of them from the tables of verbs and options: the tables
 * in the shell's own words, and a reader of them. A script holds all fixed words; the names of lists it asks for as it is used
 * ('saringctl complete lists'). One thread. */
#ifndef SARING_SARINGCTL_COMPLETION_H
#define SARING_SARINGCTL_COMPLETION_H

#include "saringctl/options.h"

#include <stdio.h>

void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void completion_fish(FILE *out);

/* ---- for these three ---- */

/* Is the row offered? */
bool completion_shows(const struct command *command);
/* "show add remove" */
void completion_put_subverbs(FILE *out, const char *verb);
/* The operands without brackets, those that may be repeated with "..." behind, "-" for what nobody can list: "LIST -..." */
void completion_put_operands(FILE *out, const struct command *command);
/* What the value of an option may be, said as an operand is: "exact|subtree", "FILE"; nothing where nobody can list it. command
 * NULL: with any verb. */
void completion_put_value(FILE *out, const struct command *command, enum command_option option);
/* Are they others with that verb than with any? */
bool completion_has_own_words(const struct command *command, enum command_option option);
/* Text within '' of a POSIX shell, and of fish. */
void completion_put_quoted(FILE *out, const char *text, bool fish);

#endif
