/* SPDX-License-Identifier: BSD-2-Clause
 *
 * whole.h - the part of load.h that looks at saring.yaml as a whole, once every key of it is bound (bind.h): values that are good
 * alone and not together, and what follows from several: where a list's copy and signature lie, a route for each zone, what a group
 * has that says nothing itself. Cold path, any thread. */
#ifndef SARING_SETTINGS_WHOLE_H
#define SARING_SETTINGS_WHOLE_H

#include "settings/bind.h"

/* root: what s was bound to, and arrays with it. Faults are added to the values' errors, each at its place; s may have any by
 * then. */
void whole_finish(const struct values *v, const struct yaml_node *root, struct settings *s, const struct bind_arrays *arrays);

#endif
