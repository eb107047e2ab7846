/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fence.h - which files a short-lived program may still reach, whatever a stranger's bytes make it do (landlock(7)). Inside of it
 * only what was named can be opened; what is open already stays so. It holds for the rest of the process's life and for its
 * children. A kernel without landlock, or with less of it, gives no fence, or a lower one: the caller is told, and goes on. One
 * thread.
 *
 *   fence_begin, then fence_read and fence_write for each path, then fence_close. */
#ifndef SARING_BASE_FENCE_H
#define SARING_BASE_FENCE_H

#include "base/base.h"

struct fence {
	int fd;	      /* -1: there is none */
	unsigned abi; /* which the kernel has; 0: none */
	uint64_t writes;
};

enum fence_net { FENCE_NET_NONE, FENCE_NET_ANY }; /* TCP, which it knows from ABI 4 on */

void fence_begin(struct fence *f, enum fence_net net);
/* Path, or what is below it. One that does not exist is no opening. */
void fence_read(struct fence *f, const char *path);
/* The folder that path lies in, and if it is a link that of what it leads to: who replaces a file makes a new one there. Of what
 * lies in the root of all, the file alone. */
void fence_read_beside(struct fence *f, const char *path);
/* Read, write, make and remove below path. Nothing in it can be run, and no device be made. */
void fence_write(struct fence *f, const char *path);
/* From here on it stands. Returns the ABI; 0: there is no fence. */
unsigned fence_close(struct fence *f);

#endif
