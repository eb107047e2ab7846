/* SPDX-License-Identifier: BSD-2-Clause
 *
 * carried.h - which lists still hold names that were lifted in them, for people. One thread. */
#ifndef SARING_SARINGCTL_CARRIED_H
#define SARING_SARINGCTL_CARRIED_H

#include "saringctl/output.h"

/* "ads still holds 2 lifted names: t.me, telegram.me"; nothing when there is none. lifted: {"count", "names"}, or NULL. */
void carried_show(const struct output *o, const char *label, const char *list, const json_t *lifted);

#endif
