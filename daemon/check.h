/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check.h - saringd -t: are the configuration and every list good? saring-compile finds out, as it does for a daemon that serves;
 * nothing is opened, nobody is disturbed. Waits for it: for a process that does nothing else. */
#ifndef SARING_CHECK_H
#define SARING_CHECK_H

#include "base/base.h"

/* Errors go to stderr, and that there is none to stdout. debug: log everything. Returns the exit status: 0, or 1. */
MUST_CHECK int check_run(const char *config_path, bool debug);

#endif
