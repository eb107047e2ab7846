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

/* The same for a verb whose replies have no end: on_result(arg, result) is called for each (borrowed), until it returns false,
 * which makes this return true; or until the daemon closes the connection or says that it could not be done. timeout_ms: for the
 * first reply, and for each from its first byte to its last; between two any time may pass. */
typedef bool ctl_result(void *arg, json_t *result);
MUST_CHECK bool ctl_follow(const char *socket_path, const char *verb, json_t *args, int64_t timeout_ms, ctl_result *on_result,
			   void *arg, struct err_list *errors, struct err *err);

#endif
