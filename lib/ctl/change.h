/* SPDX-License-Identifier: BSD-2-Clause
 *
 * change.h - what somebody says of a change that is asked for: the argument "change" of the verbs that change things. It is what
 * the audit log is told beside what the daemon sees for itself, and it is no more than a claim: who asks, the kernel says.
 *
 *   "change": {"verb": "list lift", "list": "ads", "names": ["a.example", ...], "name_count": 1, "detail": "forced",
 *              "reason": "...", "reference": "...", "asked_at_ns": N, "login_uid": N}
 *
 * Every member but "verb" may be absent, or null. names: at most CTL_CHANGE_NAMES_MAX; name_count is how many there really are.
 * asked_at_ns: CLOCK_MONOTONIC when the command began, the same for every process of a machine.
 * login_uid: who logged in to the session the command was given in, for a daemon that is not let see other users' processes.
 * Any thread; nothing is kept. */
#ifndef SARING_CTL_CHANGE_H
#define SARING_CTL_CHANGE_H

#include "base/base.h"
#include "base/err.h"

#include <jansson.h>

#define CTL_CHANGE_VERB_MAX 64	   /* bytes */
#define CTL_CHANGE_LIST_MAX 256	   /* bytes */
#define CTL_CHANGE_NAME_MAX 1100   /* bytes of one name: 255 octets, each as \DDD, and of an expression somewhat more */
#define CTL_CHANGE_NAMES_MAX 1000  /* names said; more are only counted */
#define CTL_CHANGE_TEXT_MAX 2048   /* bytes of a reason, a reference, a detail */
#define CTL_CHANGE_BYTES_MAX 49152 /* of the whole as JSON: it must fit a request beside what the verb needs */

/* Is it one? Absent and null are good. */
MUST_CHECK bool ctl_change_good(const json_t *change, struct err *err);

#endif
