/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hosts_files.h - the operator's own records of a world (settings/locals.h): those of saring.yaml, and the hosts files that it
 * names (settings/hosts.h), which are followed: a file that changes is read again within a second or so, without a reload. A file
 * that is not there has no names, and is waited for. Main thread. */
#ifndef SARING_HOSTS_FILES_H
#define SARING_HOSTS_FILES_H

#include "base/base.h"
#include "settings/locals.h"
#include "settings/settings.h"

struct generations;
struct hosts_files;
MUST_CHECK struct hosts_files *hosts_files_create(void);
void hosts_files_destroy(struct hosts_files *h); /* takes NULL */
/* Reads the files, tells the log of what is wrong in them, and remembers what they looked like. What is returned is the caller's;
 * NULL: there are no records. */
struct locals *hosts_files_read(struct hosts_files *h, const struct settings *settings);
/* Once a second or so: where a file has another look than when it was read last, a new world is published with its records, of
 * which all else stays. */
void hosts_files_follow(struct hosts_files *h, struct generations *generations);

#endif
