/* SPDX-License-Identifier: BSD-2-Clause
 *
 * progress.h - a line on the terminal's stderr while something lasts over a second: a bar where the end is known, else a wheel and
 * the seconds gone. A child process draws it, so that the work itself may block; where stderr is no terminal nothing is started. */
#ifndef SARING_SARINGCTL_PROGRESS_H
#define SARING_SARINGCTL_PROGRESS_H

#include "saringctl/output.h"

#include <sys/types.h>

struct progress {
	int fd;	   /* to the child; -1 when there is none */
	pid_t pid; /* of the child */
};

/* what: a literal, e.g. "compiling the lists". */
void progress_start(struct progress *p, const struct output *o, const char *what);
void progress_step(struct progress *p, uint64_t done, uint64_t total); /* total 0: unknown */
void progress_stop(struct progress *p);				       /* the line is gone when it returns */

#endif
