/* SPDX-License-Identifier: BSD-2-Clause
 *
 * groups.h - the part of load.h that knows groups: of saring.yaml: what their keys take, and what follows from them once the whole
 * file is bound. Cold path, any thread. */
#ifndef SARING_SETTINGS_GROUPS_H
#define SARING_SETTINGS_GROUPS_H

#include "settings/settings.h"
#include "settings/values.h"

#define SETTINGS_GROUP_DEFAULT "default" /* the name of the group of all others */

/* Rows of type CLIENTS. */
MUST_CHECK bool groups_bind_clients(const struct values *v, const struct schema_key *row, const char *key,
				    const struct yaml_node *node, void *object);
/* items: s->group_count groups as bound, one for each item of `node` (groups: of the file), with room for one more. lists: is
 * bound, and listen:. Faults are added at their places. Puts the default group in front. */
void groups_finish(const struct values *v, const struct yaml_node *node, struct settings *s, struct settings_group *items);

#endif
