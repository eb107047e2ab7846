/* SPDX-License-Identifier: BSD-2-Clause
 *
 * change.h - what the daemon is told of a change beside what to do, for the audit log (ctl/change.h draws it): the verb, the list,
 * the names, why, by which order, and when it was asked for. Every verb that changes something fills one in and passes it with its
 * request; edit_end does so for edits. One thread. */
#ifndef SARING_SARINGCTL_CHANGE_H
#define SARING_SARINGCTL_CHANGE_H

#include "saringctl/context.h"

struct change {
	char verb[COMMAND_NAME_MAX];
	const char *list; /* NULL: none, or not one alone */
	const char *const *names;
	size_t name_count;
	const char *reason, *reference; /* NULL: not said */
	const char *detail;		/* what else is to be known: "mode: shadow", "forced"; NULL: nothing */
	int64_t asked_at_ns;		/* CLOCK_MONOTONIC */
};

/* What the command line says of it: verb, reason, reference, --force, the time it was begun. All is borrowed. */
void change_init(struct change *ret, const struct context *ctx);
/* Puts "change" into args; NULL makes new ones. Returns args. What is too long is cut, and of too many names the first are said: a
 * request must not fail for its description. */
MUST_CHECK json_t *change_put(const struct change *c, json_t *args);

#endif
