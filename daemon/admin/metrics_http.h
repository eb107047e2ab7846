/* SPDX-License-Identifier: BSD-2-Clause
 *
 * metrics_http.h - the endpoint of metrics: evhttp on the main thread's loop, and the bounds it has none for. saringd(8), METRICS,
 * is the manual.
 *
 * One request for each connection, which is closed then. From being accepted to its answer being taken it has METRICS_DEADLINE_MS,
 * however it is dripped; METRICS_CONNECTIONS_MAX are served at a time, and those beyond are closed at once, and counted. A head may
 * have METRICS_HEAD_MAX bytes, a body is refused, and no more than METRICS_READ_MAX bytes that were not looked at yet are read from
 * anybody.
 *
 * What saring.yaml wants listened on is staged (bound, so that an error has its place and nothing has changed yet), and then
 * adopted or unstaged. An endpoint that stays as it was goes on listening. Main thread. */
#ifndef SARING_ADMIN_METRICS_HTTP_H
#define SARING_ADMIN_METRICS_HTTP_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "observe/openmetrics.h"
#include "settings/settings.h"

struct event_base;

#define METRICS_CONNECTIONS_MAX 16
#define METRICS_DEADLINE_MS 10000
#define METRICS_HEAD_MAX 8192
#define METRICS_READ_MAX 16384

struct metrics_http_stats {
	size_t connections; /* open now */
	uint64_t requests, refused, overdue;
	uint64_t build_us; /* that the last text took */
};

struct metrics_http;
MUST_CHECK struct metrics_http *metrics_http_create(void);
void metrics_http_destroy(struct metrics_http *m); /* takes NULL; cuts what is under way */

/* Bind what settings want and is not listened on yet. On failure nothing is staged. config_path: for the place in the error. */
MUST_CHECK bool metrics_http_stage(struct metrics_http *m, const struct settings *settings, struct err *err);
/* Serve what was staged, and no longer what those settings did not want. Nothing when nothing is staged, or before
 * metrics_http_serve.
 */
void metrics_http_adopt(struct metrics_http *m);
void metrics_http_unstage(struct metrics_http *m);

/* From now on there is something to tell: write is called for each request that wants the figures. */
void metrics_http_serve(struct metrics_http *m, struct event_base *base, void (*write)(void *arg, struct openmetrics *om),
			void *arg);

size_t metrics_http_endpoints(const struct metrics_http *m);
/* "http://127.0.0.1:9953/metrics", with the port the kernel gave. */
const char *metrics_http_endpoint(const struct metrics_http *m, size_t i);
void metrics_http_stats(struct metrics_http *m, struct metrics_http_stats *ret);

#endif
