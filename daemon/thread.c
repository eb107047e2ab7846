/* SPDX-License-Identifier: BSD-2-Clause */
#include "thread.h"

#include <signal.h>
#include <stdio.h>

int thread_start(pthread_t *ret, const char *name, void *(*main)(void *arg), void *arg)
{
	sigset_t all, before;
	char shown[16]; /* pthread_setname_np(3) */

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(ret, NULL, main, arg);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)snprintf(shown, sizeof(shown), "%s", name);
	if (rc == 0)
		(void)pthread_setname_np(*ret, shown);
	return rc;
}
