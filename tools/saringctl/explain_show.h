/* SPDX-License-Identifier: BSD-2-Clause
 *
 * explain_show.h - an explanation (saringctl(1), explain) for people. The document is the daemon's, with what cmd_query.c puts
 * beside it. One thread. */
#ifndef SARING_SARINGCTL_EXPLAIN_SHOW_H
#define SARING_SARINGCTL_EXPLAIN_SHOW_H

#include "saringctl/output.h"

/* at_given: the moment is not simply now, and is told. */
void explain_show(const struct output *o, const json_t *explained, bool at_given);
/* The message that stands in hex, as ldns prints it, and the extended errors in words: an array of lines. NULL when it is none. */
MUST_CHECK json_t *explain_decode(const char *hex);

#endif
