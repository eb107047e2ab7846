/* SPDX-License-Identifier: BSD-2-Clause
 *
 * metrics.h - what the daemon knows as families of figures: saringd(8), METRICS, is their manual. Pure, as admin/report.h is: all
 * comes in as arguments. Nothing is told of clients or of names asked for, and how many samples there are is bounded by the
 * configuration: some 270, 23 for each server, at most 11 for each list. Main thread. */
#ifndef SARING_ADMIN_METRICS_H
#define SARING_ADMIN_METRICS_H

#include "admin/metrics_http.h"
#include "admin/report.h"
#include "base/base.h"
#include "observe/openmetrics.h"
#include "rebuild/rebuild.h"

struct fetch;
struct observer;

struct metrics_source {
	struct report_source report;
	struct fetch *fetch;		 /* NULL: nothing is fetched */
	const struct observer *observer; /* NULL: nothing is counted */
	struct rebuild_figures rebuild;
	struct metrics_http_stats http;
	size_t tcp_connections, review_due;
	int64_t started_at_ms; /* wall clock */
};

void metrics_write(const struct metrics_source *source, struct openmetrics *om);

/* The parts of it. */
void metrics_write_lists(const struct metrics_source *source, struct openmetrics *om);	 /* metrics_lists.c */
void metrics_write_process(const struct metrics_source *source, struct openmetrics *om); /* metrics_process.c */

#endif
