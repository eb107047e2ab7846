/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fetch_child.h - the two kinds of short-lived process a fetch needs: saring-fetch, and saring-compile --probe. A child gets three
 * file descriptors and no other, and nothing of what the service manager gave us. Main thread. */
#ifndef SARING_FETCH_CHILD_H
#define SARING_FETCH_CHILD_H

#include "base/base.h"
#include "base/err.h"

#include <sys/types.h>

/* argv ends with NULL; argv[0] is shown, program is what runs. in -1: /dev/null. stderr is ours. */
MUST_CHECK bool fetch_child_start(const char *program, const char *const *argv, int in, int out, pid_t *ret, struct err *err);
/* Kill it, if it is still there, and take it away. Short: nobody outlives SIGKILL for long. pid 0: nothing. */
void fetch_child_end(pid_t pid);
/* Where `name` is: beside this program (a build directory), else in libexec; "" when nowhere. Call before the user is changed. */
void fetch_child_find(const char *name, char *buf, size_t size);

#endif
