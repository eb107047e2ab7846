/* SPDX-License-Identifier: BSD-2-Clause
 *
 * carried.h - lists that still hold names which were lifted in them (list/lifts.h). One thread. */
#ifndef SARING_SARINGCTL_CARRIED_H
#define SARING_SARINGCTL_CARRIED_H

#include "list/lifts.h"
#include "saringctl/context.h"

/* "ads still holds 2 lifted names: t.me, telegram.me"; nothing when there is none. lifted: {"count", "names"}, or NULL. */
void carried_show(const struct output *o, const char *label, const char *list, const json_t *lifted);

/* What is lifted beside lists, of the state directory; the caller's to destroy. NULL, said in a note, when it cannot be read: then
 * names look as if they were in force that are not. */
MUST_CHECK struct lifts *carried_load(const struct context *ctx);

#endif
