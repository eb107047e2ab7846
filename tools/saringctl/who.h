/* SPDX-License-Identifier: BSD-2-Clause
 *
 * who.h - who runs this, for the record. One thread. */
#ifndef SARING_SARINGCTL_WHO_H
#define SARING_SARINGCTL_WHO_H

#include "base/base.h"

/* The person's login: behind sudo who called it, else whom the session belongs to (the kernel's loginuid), else the user this runs
 * as; "uid N" where that one has no name. Owned by the caller. */
MUST_CHECK char *who_login(void);

#endif
