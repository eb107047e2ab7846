/* SPDX-License-Identifier: BSD-2-Clause
 *
 * moments.h - moments and spans of time as people type them: 2027-01-31, 2027-01-31T12:00:00Z, 7d, +2d, -1h. The only place where
 * they are read from a command line. Any thread. */
#ifndef SARING_SARINGCTL_MOMENTS_H
#define SARING_SARINGCTL_MOMENTS_H

#include "base/base.h"
#include "base/err.h"

#define MOMENT_TEXT_MAX 32 /* of moment_text */

/* What a duration stands for, and what a date may be. */
enum moment_sense {
	MOMENT_PAST,  /* so long ago; behind 1970 */
	MOMENT_AHEAD, /* so long from now, a second at least */
	MOMENT_ANY,   /* so long from now, or with "-" so long ago */
	MOMENT_SPAN,  /* a duration, and nothing else */
};

/* what: how the sentence of a fault begins ("--expires", "DURATION"). now_s: wall clock, what a duration counts from. Durations are
 * of a hundred years at most. ret: seconds since 1970, of a span its seconds. False with ERR_USAGE. */
MUST_CHECK bool moment_parse(const char *what, enum moment_sense sense, const char *text, int64_t now_s, int64_t *ret_s,
			     struct err *err);
/* The same as text, which is how files and the daemon take moments: a date or a time stays as it was typed, else an RFC 3339 time.
 * ret has MOMENT_TEXT_MAX bytes. */
MUST_CHECK bool moment_text(const char *what, enum moment_sense sense, const char *text, int64_t now_s, char *ret, struct err *err);

#endif
