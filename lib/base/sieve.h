/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sieve.h - which system calls a short-lived program may still make, whatever a stranger's bytes make it do (seccomp(2)).
 *
 * What is not let through fails as if the kernel did not have it (ENOSYS): a C library that is newer than this list then does
 * without, as it would on an older kernel. What has a say in its arguments fails with EPERM where these are wrong. And what no
 * library does by itself, only somebody who has taken the program over (run another, look into others' memory, mount, load
 * modules), ends the process with SIGSYS, which its parent sees and logs. It holds for the rest of the process's life. Before there
 * are threads. */
#ifndef SARING_BASE_SIEVE_H
#define SARING_BASE_SIEVE_H

#include "base/base.h"

enum sieve {
	SIEVE_READER,  /* saring-compile: files and memory; no socket, no code mapped any more, no thread */
	SIEVE_FETCHER, /* saring-fetch: sockets of the Internet and those of the resolver, threads; no file is made or changed */
};

/* False, and nothing has changed: the kernel has no filters, or we may have none. */
bool sieve_apply(enum sieve which);

#endif
