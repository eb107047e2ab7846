/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quote.h - text as a YAML scalar on one line: plain where every YAML reader takes it for that text, else in quotes. Cold path. */
#ifndef SARING_LIST_QUOTE_H
#define SARING_LIST_QUOTE_H

#include "base/arena.h"
#include "base/str.h"

/* In the arena. flow: it will stand inside [] or {}. NULL when text is not UTF-8, which YAML cannot hold. */
MUST_CHECK const char *quote_yaml(struct arena *arena, struct str text, bool flow);

#endif
