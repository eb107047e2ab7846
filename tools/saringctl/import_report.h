/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import_report.h - what a reader made of a list, for people: what was taken, changed and left out, and why, with lines. */
#ifndef SARING_SARINGCTL_IMPORT_REPORT_H
#define SARING_SARINGCTL_IMPORT_REPORT_H

#include "import/report.h"
#include "saringctl/output.h"

/* On stdout, indented by two. */
void import_report_show(const struct output *o, const struct report *r);

#endif
