/* SPDX-License-Identifier: BSD-2-Clause
 *
 * child.h - the short-lived processes we start: saring-compile for a rebuild, saring-fetch and saring-compile --probe for a fetch.
 * A child gets the file descriptors named for it and no other, no blocked or ignored signals, and nothing of what the service
 * manager gave us. Main thread. */
#ifndef SARING_CHILD_H
#define SARING_CHILD_H

#include "base/base.h"
#include "base/err.h"

#include <sys/types.h>

#define CHILD_FD_NULL (-1) /* in place of a descriptor: /dev/null */

/* argv ends with NULL; argv[0] is shown, program is what runs. fds[i] becomes the child's descriptor i: each is at least `count`,
 * so that no dup2 hits one that is still needed. Of the three standard ones, those not in fds are ours. */
MUST_CHECK bool child_start(const char *program, const char *const *argv, const int *fds, size_t count, pid_t *ret,
			    struct err *err);
/* Kill it, if it is still there, and take it away. Short: nobody outlives SIGKILL for long. pid 0: nothing. */
void child_end(pid_t pid);
/* Where `name` is: beside this program (a build directory), else in libexec; "" when nowhere. Call before the user is changed:
 * /proc/self/exe cannot be read after. */
void child_find(const char *name, char *buf, size_t size);

#endif
