/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_data.h - the transparency report as data: what the text and the HTML page show, and what --format json prints.
 * saringctl(1) says what it has. report_text.c and report_html.c draw it; neither knows anything that is not in it. One thread. */
#ifndef SARING_SARINGCTL_REPORT_DATA_H
#define SARING_SARINGCTL_REPORT_DATA_H

#include "base/buf.h"
#include "saringctl/context.h"

#define REPORT_DUE_S (30 * 86400) /* a review is told of so long before it is due */
#define REPORT_CHANGES_MAX 500	  /* said one by one, the newest; all are counted */
#define REPORT_TOP_MAX 20	  /* entries that were hit most */

struct report_sources {
	const struct settings *settings;
	const json_t *orders;  /* report_orders.h */
	const json_t *records; /* of the audit log in the period, oldest first; NULL: it could not be read */
	const json_t *hits;    /* what the verb hits says; NULL: not counted */
	int64_t since_s, until_s, now_s;
};
MUST_CHECK json_t *report_data(const struct report_sources *sources); /* a new reference */

void report_text(const struct output *o, const json_t *report, struct buf *ret); /* safe for a terminal */
void report_html(const json_t *report, struct buf *ret);

#endif
