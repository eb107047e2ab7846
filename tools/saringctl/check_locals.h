/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check_locals.h - what `check` says of the operator's own records (settings/locals.h), as the daemon's log does: lines of hosts
 * files that are passed over, files that cannot be read, and CNAMEs that lead in a circle. HOSTS_TOLD_MAX lines of each file are
 * told, and in the last of them how many there are. */
#ifndef SARING_SARINGCTL_CHECK_LOCALS_H
#define SARING_SARINGCTL_CHECK_LOCALS_H

#include "compile/compile.h"
#include "settings/settings.h"

/* settings: without faults. Adds to the array, which is the caller's (free), what it finds as WARNING_LEFT_OUT or _UNREACHABLE;
 * files are borrowed from the settings. */
void check_locals(const struct settings *settings, struct policy_warning **warnings, size_t *count);

#endif
