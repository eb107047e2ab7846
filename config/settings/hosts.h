/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hosts.h - a hosts(5) file of this machine to local records. It is the operator's text, as resolv.conf is, read by saringd itself:
 * small and bounded, and no list's reader (import/import_hosts.c reads what strangers publish in that form, in saring-compile).
 * localhost and what is below it are left to RFC 6761, multicast addresses to nobody. A line that cannot be read is told of and
 * passed over. Cold path, any thread. */
#ifndef SARING_SETTINGS_HOSTS_H
#define SARING_SETTINGS_HOSTS_H

#include "base/arena.h"
#include "settings/locals.h"

#define HOSTS_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define HOSTS_TOLD_MAX 20 /* faults of one file that are told; the rest is counted */

/* Records, of one or of several files. Begins as {0}; free with hosts_finish. */
struct hosts {
	struct arena arena; /* what the records' slices are of */
	struct locals_record *items;
	size_t count, cap;
	size_t faults; /* of the file read last */
};
/* told: each fault with its line, from 1, and column; may be NULL. source: the records'. */
typedef void hosts_told(void *arg, uint32_t line, uint32_t column, const char *text);
void hosts_read(struct hosts *h, struct str text, uint16_t source, hosts_told *told, void *arg);
void hosts_finish(struct hosts *h);

#endif
