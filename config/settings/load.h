/* SPDX-License-Identifier: BSD-2-Clause
 *
 * load.h - saring.yaml's text to struct settings. Every fault in the file is reported with its place, not only the first.
 * Cold path, any thread. */
#ifndef SARING_SETTINGS_LOAD_H
#define SARING_SETTINGS_LOAD_H

#include "base/err.h"
#include "base/str.h"
#include "settings/settings.h"

#define SETTINGS_PATH_DEFAULT "/etc/saring/saring.yaml"
#define SETTINGS_SOCKET_DEFAULT "/run/saring/control.sock"
#define SETTINGS_BYTES_MAX (16 * 1024 * 1024)
#define SETTINGS_NODES_MAX 1500000 /* a hundred thousand records as mappings are that many values */

/* Returns NULL and at least one error, or the settings (free with settings_destroy). */
MUST_CHECK struct settings *settings_load(const char *path, struct err_list *errors);
/* The same from text already read; path names it and is what relative paths are taken from. */
MUST_CHECK struct settings *settings_parse(struct str text, const char *path, struct err_list *errors);
/* For checks, which look on behind the first faulty file: never NULL. When errors were added, the settings are the defaults, with
 * those lists of the text that have a sound name and file, and their mode: enough to read them and to find what is wrong in them,
 * and never to be served. */
MUST_CHECK struct settings *settings_parse_faulty(struct str text, const char *path, struct err_list *errors);
void settings_destroy(struct settings *s); /* takes NULL */

/* Nameservers of a resolv.conf, those at which saringd itself listens left out, as settings_is_here has it. Fills at most max;
 * returns how many. A file that is absent gives none. */
size_t settings_resolv_conf(const char *path, const struct settings *s, struct endpoint *ret, size_t max, struct arena *arena);

/* Would saringd answer at this address itself? Equal to an address of `listen`, or loopback where `listen` has a wildcard of the
 * same family and port. */
bool settings_is_self(const struct settings *s, const struct addr *server);
/* The same, asking the kernel too: where `listen` has a wildcard, every address of this machine counts. */
bool settings_is_here(const struct settings *s, const struct addr *server);
/* What the text alone does not tell: an error for each server of s, of routes too, that settings_is_here but not settings_is_self,
 * or that is one of bound (where saringd is bound to, with the ports the kernel chose; wildcards as above). False when there is
 * one. */
bool settings_check_here(const struct settings *s, const struct addr *bound, size_t bound_count, struct err_list *errors);

#endif
