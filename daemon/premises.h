/* SPDX-License-Identifier: BSD-2-Clause
 *
 * premises.h - what saringd takes hold of once, while it may still be root, and keeps until it ends: the sockets that queries come
 * by, the control socket, the state directory and its lock, who it is, and which programs it can start. All of it is as saring.yaml
 * said at the start; no reload changes it. The steps themselves are startup.h's and privs.h's. Main thread, before there are
 * others. */
#ifndef SARING_PREMISES_H
#define SARING_PREMISES_H

#include "admin/control.h"
#include "base/base.h"
#include "base/err.h"
#include "listen/sockets.h"
#include "privs.h"
#include "settings/settings.h"

#include <limits.h>
#include <sys/types.h>

struct premises {
	struct privs privs;
	gid_t control_group;
	char compiler[PATH_MAX];
	char fetcher[PATH_MAX]; /* "": there is none */
	unsigned worker_count;
	struct sockets sockets; /* of all workers */
	bool has_successor;	/* and they outlive us */
	const char **listen;	/* owned; as text: sockets.addrs, with the ports the kernel gave */
	struct control_socket control;
	int state_lock; /* -1: none */
};

void premises_init(struct premises *p);
/* The last thing it does is to stop being root. argv: of the process, which may have to start itself anew; then this does not
 * return. False: premises_close is due all the same. */
MUST_CHECK bool premises_open(struct premises *p, const struct settings *boot, char *const *argv, struct err *err);
/* Also for what was only initialized. When nothing that uses them is left; the control socket may be closed before. */
void premises_close(struct premises *p);

#endif
