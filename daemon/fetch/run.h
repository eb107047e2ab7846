/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run.h - one download: saring-fetch asked, and what it sends written to a file. It runs behind its socket under a user of
 * its own where there is such a socket (saring-fetch.socket), else as a child of ours. Nothing it says is believed: sizes, kinds
 * and order of frames are checked. Main thread; nothing here waits. */
#ifndef SARING_FETCH_RUN_H
#define SARING_FETCH_RUN_H

#include "base/base.h"
#include "base/err.h"
#include "ctl/download.h"

#define FETCH_HASH_SIZE 16
#define FETCH_GRACE_S 30 /* what saring-fetch may take over its own time before it is given up */
#define FETCH_LEAVE_S 5	 /* and to be gone after its last word */

struct event_base;
struct fetch_run;

struct fetch_run_result {
	struct download_end end;       /* end.error "" when it went well */
	uint64_t bytes;		       /* in the file; status 200 */
	uint8_t hash[FETCH_HASH_SIZE]; /* XXH3-128 of them */
};
typedef void fetch_run_done(void *arg, const struct fetch_run_result *result);

struct fetch_run_config {
	struct event_base *base;
	const char *program;	 /* saring-fetch; "" when there is none */
	const char *socket_path; /* used where it exists */
	const char *file;	 /* made anew; left there in every case, for the caller to take or remove */
	struct download_request request;
	fetch_run_done *done; /* called once, from the event loop, unless cancelled; the run is gone by then */
	void *arg;
};
/* All of config may go once this returns. */
MUST_CHECK struct fetch_run *fetch_run_start(const struct fetch_run_config *config, struct err *err);
/* No callback. Takes NULL. */
void fetch_run_cancel(struct fetch_run *run);
void fetch_run_progress(const struct fetch_run *run, struct download_progress *ret);

#endif
