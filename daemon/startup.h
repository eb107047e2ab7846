/* SPDX-License-Identifier: BSD-2-Clause
 *
 * startup.h - steps of the start that need nothing of the daemon's own: saring.yaml, signals, limits, directories, the lock on the
 * state, and how a failed start is told. Before there are threads. */
#ifndef SARING_STARTUP_H
#define SARING_STARTUP_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "privs.h"
#include "settings/settings.h"

#include <sys/types.h>

/* Every fault as FILE:LINE:COLUMN: text on stderr, one a line; err alone when the list is empty. Either may be NULL. */
void startup_complain(const struct err *err, const struct err_list *errors);
/* The file is read once, and its bytes are parsed twice: one result is kept for life, the other goes into the first world. False
 * was said already; ret_boot may be there all the same. */
MUST_CHECK bool startup_read_settings(const char *path, struct buf *ret_bytes, struct settings **ret_boot,
				      struct settings **ret_first);
void startup_say_user(const struct privs *privs, const char *configured);
/* Those that a process dies of, though they mean nothing here. */
void startup_ignore_signals(void);
/* As many open files as we may have, up to a bound. */
void startup_raise_limits(void);
size_t startup_files(void); /* so many */
/* How many cores this process may use, at most max, at least 1. */
unsigned startup_cores(unsigned max);
/* Make path with that owner and mode where it does not exist. One that exists is left as it is: it is somebody's decision. */
MUST_CHECK bool startup_own_dir(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *err);
/* The same for the directory that path lies in. */
MUST_CHECK bool startup_own_parent(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *err);
/* One saringd for each state directory: two would remove each other's images. The lock lasts as long as *ret_fd is open. A
 * directory that can't be written is said in the log and used; without a lock file in it *ret_fd stays as it is. */
MUST_CHECK bool startup_lock_state(const char *state, int *ret_fd, struct err *err);

#endif
