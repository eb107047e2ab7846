/* SPDX-License-Identifier: BSD-2-Clause
 *
 * who.h - who runs this, for the record. One thread. */
#ifndef SARING_SARINGCTL_WHO_H
#define SARING_SARINGCTL_WHO_H

#include "base/base.h"

#include <sys/types.h>

/* The person's login: behind sudo who called it, else whom the session belongs to (the kernel's loginuid), else the user this runs
 * as; "uid N" where that one has no name. Owned by the caller. */
MUST_CHECK char *who_login(void);
/* Whom the session belongs to; false where it is nobody's, or the kernel keeps no such number. */
MUST_CHECK bool who_session(uid_t *ret);

#endif
