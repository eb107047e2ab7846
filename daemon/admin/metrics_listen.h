/* SPDX-License-Identifier: BSD-2-Clause
 *
 * metrics_listen.h - a TCP socket that listens where `metrics: {listen: ...}` says. Main thread. */
#ifndef SARING_ADMIN_METRICS_LISTEN_H
#define SARING_ADMIN_METRICS_LISTEN_H

#include "base/addr.h"
#include "base/base.h"
#include "base/err.h"
#include "settings/settings.h"

struct metrics_endpoint {
	int fd;			       /* listening, not blocking; -1: none */
	struct addr said;	       /* in saring.yaml */
	struct addr bound;	       /* the same with the port the kernel gave */
	char text[ADDR_TEXT_MAX + 24]; /* "http://127.0.0.1:9953/metrics" */
};

/* The error has the place of the endpoint in the file at config_path. */
MUST_CHECK bool metrics_endpoint_open(const struct endpoint *said, const char *config_path, struct metrics_endpoint *ret,
				      struct err *err);
void metrics_endpoint_close(struct metrics_endpoint *e);

#endif
