/* SPDX-License-Identifier: BSD-2-Clause
 *
 * privs.h - who the daemon is once its ports are bound. Started as root it becomes the configured user for good; started as anybody
 * else it gives up whatever capabilities it was lent to bind (AmbientCapabilities= of the unit). Start-up only, before there are
 * threads. */
#ifndef SARING_PRIVS_H
#define SARING_PRIVS_H

#include "base/base.h"
#include "base/err.h"

#include <sys/types.h>

#define PRIVS_USER_DEFAULT "saring"
#define PRIVS_NAME_MAX 64

enum privs_plan {
	PRIVS_DROP,	 /* become uid and gid */
	PRIVS_STAY,	 /* not started as root: nothing to become */
	PRIVS_STAY_ROOT, /* the configuration says root */
	PRIVS_NO_USER,	 /* root, nothing was said, and the default user does not exist: root stays */
};

struct privs {
	enum privs_plan plan;
	uid_t uid; /* who the daemon will be */
	gid_t gid;
	char name[PRIVS_NAME_MAX];
};

/* What is to be done for `user` (NULL: not said in saring.yaml) by a process that runs as euid. Changes nothing.
 * False when a user is named that does not exist. */
MUST_CHECK bool privs_resolve(const char *user, uid_t euid, struct privs *ret, struct err *err);
/* Give up the capabilities that were lent to bind ports: what is called by a process that is not root. False: they are still there,
 * as the unit's system call filter forbids capset(2); then only the next program, which no longer inherits them, is without. */
bool privs_give_up(void);
/* Do it. Afterwards the process cannot get any right back: supplementary groups, saved ids and capabilities are gone too, which is
 * tried out, and no program it starts can gain any (no_new_privs). False leaves a process that should end. */
MUST_CHECK bool privs_drop(const struct privs *privs, struct err *err);
/* The group that may use the control socket: `group` (NULL: not said; then the default group where it exists, else `own`). */
MUST_CHECK bool privs_group(const char *group, gid_t own, gid_t *ret, struct err *err);

#endif
