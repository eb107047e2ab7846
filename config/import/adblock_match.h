/* SPDX-License-Identifier: BSD-2-Clause
 *
 * adblock_match.h - the pattern of an adblock rule, which was made for addresses of pages, as what it means for a name alone.
 *
 *      ||d^         the name and all below it; ||d, with a name that has an end like names have, too
 *      |d^  ://d^   the name
 *      *.d^ ||*.d^  all below it
 *      .d^          the name and all below it
 *      d^   d|      any name that ends so: the pattern *d
 *      |d   ://d    any name that begins so: d*;  /d. too
 *      ||d.  ||d-   any name that has a label, or more, that begins so
 *      d            any name that holds it: *d*
 *      *            in between: any characters, dots too
 *      /d/          a regular expression
 *
 * For import_adblock.c. One thread. */
#ifndef SARING_IMPORT_ADBLOCK_MATCH_H
#define SARING_IMPORT_ADBLOCK_MATCH_H

#include "import/adblock_rule.h"
#include "import/import.h"

struct adblock_match {
	struct import_rule rule; /* match, has_match, name or text, subtree, caseless; points into this struct: never copy it */
	struct name name;
	char pattern[IMPORT_PATTERN_LEN_MAX + 1];
};
/* False: it is left out, and counted. */
MUST_CHECK bool adblock_match(struct import *im, const struct adblock_rule *rule, uint32_t line, struct adblock_match *ret);

/* Does it look like a whole name: two labels or more, none with a hyphen at its edge, the last one of letters or punycode? What
 * stands alone in a line is a name then, and else a piece of one. */
bool adblock_is_domain(struct str text);

#endif
