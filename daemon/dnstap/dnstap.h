/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dnstap.h - queries and answers as they came and went, for a collector: rings of the workers (observe/frames.h), emptied by a
 * thread of its own that encodes (encode.h) and sends (output.h) what is in them.
 *
 * While dnstap is off there are no rings, and the thread rests, or was never made. Nobody who serves waits for a collector or a
 * disk. The functions here are the main thread's. */
#ifndef SARING_DNSTAP_DNSTAP_H
#define SARING_DNSTAP_DNSTAP_H

#include "base/base.h"
#include "observe/frames.h"
#include "settings/settings.h"

#include <sys/types.h>

#define DNSTAP_POLL_MS 20    /* so often empty rings are looked at */
#define DNSTAP_STOP_MS 3000  /* for what waits at the end */
#define DNSTAP_ERROR_MAX 512 /* longer ones are cut */

struct dnstap;
MUST_CHECK struct dnstap *dnstap_create(unsigned workers, gid_t group);
/* Takes NULL. No worker uses its seat any more. */
void dnstap_destroy(struct dnstap *d);
struct frames_seat *dnstap_seat(struct dnstap *d, unsigned worker);

void dnstap_follow(struct dnstap *d, const struct settings *settings);
/* Now and then: rings that nobody uses any more are freed. */
void dnstap_tick(struct dnstap *d);

struct dnstap_info {
	bool on;
	uint64_t sent;		      /* frames, to the socket or the file, or to both */
	uint64_t dropped;	      /* that had no room in a ring, or could not be sent to one of them */
	char error[DNSTAP_ERROR_MAX]; /* "": all is well */
};
void dnstap_info(struct dnstap *d, struct dnstap_info *ret);

#endif
