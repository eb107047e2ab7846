/* SPDX-License-Identifier: BSD-2-Clause
 *
 * client.h - a blocking caller of the control socket, for saringctl and tests. One call, one connection. */
#ifndef SARING_CTL_CLIENT_H
#define SARING_CTL_CLIENT_H

#include "base/base.h"
#include "base/err.h"

#include <jansson.h>

/* Ask `verb` of the daemon at socket_path and wait for its answer.
 * args        borrowed; may be NULL
 * timeout_ms  for the whole call
 * ret_result  owned by the caller (json_decref)
 * errors      what the daemon lists besides the one sentence (e.g. every fault of a bad configuration); may be NULL
 * err->code: ERR_UNREACHABLE when nobody listens there (saringctl exits 3), ERR_DENIED, or what the daemon said. */
MUST_CHECK bool ctl_call(const char *socket_path, const char *verb, json_t *args, int64_t timeout_ms, json_t **ret_result,
			 struct err_list *errors, struct err *err);

#endif
