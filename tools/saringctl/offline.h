/* SPDX-License-Identifier: BSD-2-Clause
 *
 * offline.h - what the daemon would say, without one: saring-explain, a program of the daemon's own code, makes a world of the
 * files and answers one request of the control protocol. It is looked for beside this program, else in libexec. One thread. */
#ifndef SARING_SARINGCTL_OFFLINE_H
#define SARING_SARINGCTL_OFFLINE_H

#include "base/base.h"
#include "base/err.h"

#include <jansson.h>

/* As ctl_call: verb with args (borrowed; may be NULL), by the configuration at config. Errors are those of the configuration and
 * its lists, with their places. */
MUST_CHECK bool offline_call(const char *config, const char *verb, json_t *args, json_t **ret_result, struct err_list *errors,
			     struct err *err);

#endif
