/* SPDX-License-Identifier: BSD-2-Clause
 *
 * list_signed.h - lists with a key, as people hear of them: whose signature, which serial, and what is refused since when and why.
 */
#ifndef SARING_SARINGCTL_LIST_SIGNED_H
#define SARING_SARINGCTL_LIST_SIGNED_H

#include "saringctl/context.h"

/* Of the daemon's rows (verb list): a line for each signed list on stdout, and a note for each that is refused on stderr. */
void list_signed_show(const struct output *o, const json_t *lists);
/* The notes alone. */
void list_signed_note(const struct output *o, const json_t *lists);
/* A sentence why a signed list is not changed here. Always false. */
bool list_signed_refuse(const struct settings_list *list, struct err *err);
/* "key 0123456789ABCDEF, serial 12", of a list's record in the state directory; without the serial where that can't be read.
 * Returns buf. */
char *list_signed_text(const struct settings *settings, const struct settings_list *list, char *buf, size_t size);

#endif
