/* SPDX-License-Identifier: BSD-2-Clause
 *
 * list_source.h - what a list is called by its format, and what its reader made of it, for people and for programs. One thread. */
#ifndef SARING_SARINGCTL_LIST_SOURCE_H
#define SARING_SARINGCTL_LIST_SOURCE_H

#include "base/err.h"
#include "import/source.h"
#include "saringctl/output.h"

#include <jansson.h>

/* "an adblock list", "a hosts file": what a list of that format is called. */
const char *list_source_called(enum format format);

/* {"name", "file", "report"}: what was taken, changed and left out of one list; see report_to_json. A new reference. */
MUST_CHECK json_t *list_source_report_json(const struct settings_list *list, const struct segment *segment);
/* The same for people, a few lines: counts, then for each reason the first lines that were left out. Nothing of a YAML list, of
 * which nothing is ever left out. */
void list_source_report(const struct output *o, const struct settings_list *list, const struct segment *segment);

#endif
