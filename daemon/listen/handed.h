/* SPDX-License-Identifier: BSD-2-Clause
 *
 * handed.h - sockets that outlive a process. The service manager hands some over at the start (sd_listen_fds(3)): those of a
 * .socket unit, which it opened itself (LISTENER_PASSED), and those that an earlier saringd opened and gave it to keep
 * (LISTENER_KEPT): what has come by them since then waits in the kernel, and nothing is lost by a restart. Main thread, before
 * there are others.
 *
 * What is kept has a name that begins with HANDED_KEPT and holds protocol and address: by it those that are served no longer are
 * taken out of the store again. */
#ifndef SARING_LISTEN_HANDED_H
#define SARING_LISTEN_HANDED_H

#include "base/base.h"
#include "listen/socket.h"

#define HANDED_KEPT "saringd-" /* no .socket unit may name its sockets like that (FileDescriptorName=) */

/* All that were handed over and can be served, each once; owned array. Others are closed, with a warning. The environment forgets
 * them: no child takes them for its own. */
struct listener *handed_take(size_t *ret_count);
/* Give the manager those that we opened (LISTENER_OPENED). True when one listens to us, or everything there is comes from it
 * already: then a successor can be reckoned with. */
bool handed_keep(const struct listener *listeners, size_t count);
/* The manager shall keep the sockets of l's protocol and address no longer. */
void handed_drop(const struct listener *l);
/* Become saringd anew, with these sockets as if the manager had handed them over, and the environment variable `mark` set. Returns
 * only when that cannot be done. */
void handed_exec(char *const *argv, const struct listener *listeners, size_t count, const char *mark);

#endif
