/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pausing.h - who makes pauses (pauses.h), keeps them over a restart in `<state>/pauses`, and takes away those that are over. Each
 * change is a world of its own with the same policy: it is in force when every worker has adopted that. Main thread. */
#ifndef SARING_PAUSING_H
#define SARING_PAUSING_H

#include "base/base.h"
#include "base/err.h"
#include "generation.h"
#include "pauses.h"

#include <jansson.h>

#define PAUSING_FILE "pauses" /* in the state directory */

/* What the file of that state directory holds, those that are over too. NULL with err->code ERR_NONE: there is none. */
MUST_CHECK struct pauses *pausing_load(const char *state, struct err *err);

struct pausing;
/* Reads those of an earlier run, before the first world is published, which has them then. A file that is damaged is told of, and
 * none are in force. state: the directory, borrowed; NULL: nothing is kept, in tests. */
MUST_CHECK struct pausing *pausing_create(struct generations *generations, const char *state);
/* Takes NULL. Who still waits is told now: no world is adopted, and generations_collect is called, no more. */
void pausing_destroy(struct pausing *p);

/* Begin one, in place of one of the same things; pause is taken. done(arg) is called when it is in force everywhere. False: there
 * is no world yet, the group or list does not exist or is mandatory, or there are PAUSES_MAX; nothing was taken, and done is not
 * called.
 */
MUST_CHECK bool pausing_begin(struct pausing *p, struct pause *pause, void (*done)(void *arg), void *arg, struct err *err);
/* End those of the same things as `what` (of a name without a client: for whomever); NULL: all but names let through. *ret_ended:
 * an array of them, a new reference; with none done is not called. */
MUST_CHECK bool pausing_end(struct pausing *p, const struct pause *what, void (*done)(void *arg), void *arg, json_t **ret_ended,
			    struct err *err);
/* Why the last change would not be there after a restart; "" when it would. */
const char *pausing_unkept(const struct pausing *p);
/* Once a second: what is over goes, which the log says; and a clock that was set back moves the ends. */
void pausing_tick(struct pausing *p, int64_t now_s);

/* For status and explain. Each: {"scope", "target", "client", "since", "until", "by", "reason", "reference"}; until null: until it
 * is ended. New references. */
MUST_CHECK json_t *pausing_json(const struct pauses *p, int64_t now_s);
MUST_CHECK json_t *pausing_one_json(const struct pause *pause);

#endif
