/* SPDX-License-Identifier: BSD-2-Clause
 *
 * outlets.h - where finished queries leave the process, when the settings say so: the query log (qlog/qlog.h) and dnstap
 * (dnstap/dnstap.h). What may be told of a client is decided here (log.privacy), so that what may not leave is not even queued.
 * Main thread. */
#ifndef SARING_OUTLETS_H
#define SARING_OUTLETS_H

#include "base/base.h"
#include "dnstap/dnstap.h"
#include "generation.h"
#include "observer.h"
#include "qlog/qlog.h"

#include <sys/types.h>

struct outlets_config {
	struct observer *observer;
	const struct generations *generations;
	unsigned workers;
	gid_t group; /* of files */
};

struct outlets;
MUST_CHECK struct outlets *outlets_create(const struct outlets_config *config);
void outlets_destroy(struct outlets *o); /* takes NULL; when the workers have ended, and before the observer */

struct frames_seat *outlets_seat(struct outlets *o, unsigned worker); /* for that worker */

/* Act by the world in force: at each publication, and cheap at any other time. */
void outlets_follow(struct outlets *o);

struct outlets_info {
	struct qlog_info queries;
	struct dnstap_info dnstap;
	const char *file; /* of the query log; borrowed until the next world */
};
void outlets_info(struct outlets *o, struct outlets_info *ret);

#endif
