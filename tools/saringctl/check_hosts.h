/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check_hosts.h - what `check` says of the hosts files that a configuration names (settings/hosts.h): lines that the daemon passes
 * over, and files that it cannot read. HOSTS_TOLD_MAX of each file are told, and in the last of them how many there are. */
#ifndef SARING_SARINGCTL_CHECK_HOSTS_H
#define SARING_SARINGCTL_CHECK_HOSTS_H

#include "compile/compile.h"
#include "settings/settings.h"

/* Adds them to the array, which is the caller's (free), as WARNING_LEFT_OUT; files are borrowed from the settings. */
void check_hosts(const struct settings *settings, struct policy_warning **warnings, size_t *count);

#endif
