/* SPDX-License-Identifier: BSD-2-Clause
 *
 * daemon.h - saringd as a whole: start, reload, stop. daemon.c is the only file that sees all modules. */
#ifndef SARING_DAEMON_H
#define SARING_DAEMON_H

#include "base/base.h"

struct daemon_options {
	const char *config_path;
	char *const *argv; /* of the process: it may have to start itself anew */
	bool debug;	   /* -v: the debug log, whatever saring.yaml says */
};

/* Serve until SIGTERM or SIGINT. Returns the exit status: 0, or 1 when the start failed (which was said on stderr). */
MUST_CHECK int daemon_run(const struct daemon_options *options);

#endif
