/* SPDX-License-Identifier: BSD-2-Clause
 *
 * probe.h - what is in a file that was just fetched? Asked of saring-compile --probe, since no list text is read in this
 * process (house law 1). Main thread. */
#ifndef SARING_FETCH_PROBE_H
#define SARING_FETCH_PROBE_H

#include "base/base.h"
#include "base/err.h"
#include "fetch/guard.h"

#define FETCH_PROBE_S 300		/* how long it may take */
#define FETCH_PROBE_OUTPUT_MAX 1048576u /* 1 MiB */

struct event_base;
struct fetch_probe;

struct fetch_probe_what {
	const char *compiler, *file, *format;
	bool may_allow;
	/* of a list with a key; key NULL for others */
	const char *key, *signature, *state, *list;
};
/* counts NULL: it could not be found out, and err says why. Borrowed until the callback returns; the probe is gone by then. */
typedef void fetch_probe_done(void *arg, const struct fetch_counts *counts, const struct err *err);
MUST_CHECK struct fetch_probe *fetch_probe_start(struct event_base *base, const struct fetch_probe_what *what,
						 fetch_probe_done *done, void *arg, struct err *err);
void fetch_probe_cancel(struct fetch_probe *probe); /* no callback; takes NULL */

#endif
