/* SPDX-License-Identifier: BSD-2-Clause
 *
 * schedule.h - which lists act for a group at a moment. A pure function of the settings and the wall clock. Any thread. */
#ifndef SARING_SETTINGS_SCHEDULE_H
#define SARING_SETTINGS_SCHEDULE_H

#include "settings/settings.h"

#define SCHEDULE_NEVER INT64_MAX

/* What holds from from_s up to, not at, until_s. */
struct group_now {
	struct list_mask lists; /* those that act, mandatory ones among them */
	bool all;		/* they are all there are */
	int64_t from_s, until_s;
};
/* group: < s->group_count. */
void schedule_now(const struct settings *s, size_t group, int64_t now_s, struct group_now *ret);
/* When the lists that act for it are next others, or SCHEDULE_NEVER, which may mean: not within two years. For reports. */
int64_t schedule_next_change(const struct settings *s, size_t group, int64_t now_s);

/* The group of that name, or -1. */
int settings_group_find(const struct settings *s, struct str name);
/* The group of who asks at an endpoint of listen: (NULL: not known), and that no prefix names; 0 when none names it. Any thread. */
uint16_t settings_group_of_listener(const struct settings *s, const struct addr *listen);

#endif
