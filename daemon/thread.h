/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thread.h - a thread beside the main one: a worker, or a writer that may block. Signals are the main thread's alone. Main thread.
 */
#ifndef SARING_THREAD_H
#define SARING_THREAD_H

#include "base/base.h"

#include <pthread.h>

/* main(arg) runs under that name (at most 15 bytes are shown). Returns 0, or the error number of why it does not. */
MUST_CHECK int thread_start(pthread_t *ret, const char *name, void *(*main)(void *arg), void *arg);

#endif
