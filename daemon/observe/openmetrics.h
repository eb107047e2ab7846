/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openmetrics.h - figures as text that Prometheus and others read, in the older text format (version 0.0.4) or as
 * OpenMetrics 1.0.0, and which of the two a reader wants. Knows how figures are written, not which there are (admin/metrics.h).
 *
 * The two differ in what a counter's family is called (OpenMetrics: without the `_total` of its samples), in the type `info`, which
 * the older one does not have, in UNIT lines, and in the `# EOF` at the end. Samples are called alike in both. Any thread. */
#ifndef SARING_OBSERVE_OPENMETRICS_H
#define SARING_OBSERVE_OPENMETRICS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"
#include "observe/latency.h"

enum openmetrics_format { OPENMETRICS_TEXT, OPENMETRICS_1_0 };
extern const char *const openmetrics_content_types[]; /* by format */

/* What a request with that Accept header gets (ptr NULL: it has none): OpenMetrics where it names it and likes it at least as much
 * as the older format. RFC 9110 §12.5.1, as far as media types and their weights go. */
enum openmetrics_format openmetrics_choose(struct str accept);

enum openmetrics_type { OPENMETRICS_COUNTER, OPENMETRICS_GAUGE, OPENMETRICS_HISTOGRAM, OPENMETRICS_INFO };

struct openmetrics {
	enum openmetrics_format format;
	struct buf *out; /* borrowed */
	enum openmetrics_type type;
	const char *name; /* of the family being written, without _total or _info; borrowed */
};

struct openmetrics_label {
	const char *name;
	struct str value; /* any bytes: they are escaped, and what is no UTF-8 or would steer a terminal is masked */
};
#define OPENMETRICS_LABELS(...)                            \
	((const struct openmetrics_label[]){__VA_ARGS__}), \
	    (sizeof((const struct openmetrics_label[]){__VA_ARGS__}) / sizeof(struct openmetrics_label))
#define OPENMETRICS_BARE NULL, 0

/* A family begins; its samples follow. name: as above. help: one line, without a backslash or a quotation mark. */
void openmetrics_family(struct openmetrics *om, enum openmetrics_type type, const char *name, const char *help);
void openmetrics_count(struct openmetrics *om, const struct openmetrics_label *labels, size_t count, uint64_t value);
void openmetrics_real(struct openmetrics *om, const struct openmetrics_label *labels, size_t count, double value);
/* One that is text already, without labels: nine digits are too few for the milliseconds of a date. */
void openmetrics_text(struct openmetrics *om, const char *value);
/* Of a histogram: its buckets, which add up, their sum and their count. At most three labels. */
void openmetrics_latency(struct openmetrics *om, const struct openmetrics_label *labels, size_t count,
			 const struct latency_sum *latency);
/* A family of one sample. */
void openmetrics_counter(struct openmetrics *om, const char *name, const char *help, uint64_t value);
void openmetrics_gauge(struct openmetrics *om, const char *name, const char *help, uint64_t value);
void openmetrics_gauge_real(struct openmetrics *om, const char *name, const char *help, double value);
void openmetrics_end(struct openmetrics *om);

#endif
