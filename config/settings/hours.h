/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hours.h - the part of values.h that knows days, hours, dates and time zones: rows of type DAYS, HOURS, DATES and TIME_ZONE. Cold
 * path, any thread. */
#ifndef SARING_SETTINGS_HOURS_H
#define SARING_SETTINGS_HOURS_H

#include "settings/values.h"

MUST_CHECK bool hours_bind(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			   void *object);

#endif
