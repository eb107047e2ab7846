/* SPDX-License-Identifier: BSD-2-Clause
 *
 * world.h - what fetch.c asks of the world in force (struct fetch_config), which it does not know itself: its tests have
 * none. Main thread. */
#ifndef SARING_FETCH_WORLD_H
#define SARING_FETCH_WORLD_H

#include "base/base.h"
#include "settings/settings.h"

/* generations: struct generations; a world has been published. Valid until the event loop is next returned to. */
const struct settings *fetch_world_settings(void *generations, uint64_t *ret_serial);
/* Was the list of that number in those settings read from its copy? */
bool fetch_world_is_read(void *generations, size_t list);

#endif
