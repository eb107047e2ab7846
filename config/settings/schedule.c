/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/schedule.h"

void schedule_now(const struct settings *s, size_t group, int64_t now_s, struct group_now *ret)
{
	const struct settings_group *g = &s->groups[group];
	const struct list_mask all = list_mask_all(s->list_count);
	(void)now_s;
	*ret = (struct group_now){.lists = g->lists, .from_s = INT64_MIN, .until_s = SCHEDULE_NEVER};
	ret->all = list_mask_eq(&g->lists, &all);
}

int settings_group_find(const struct settings *s, struct str name)
{
	for (size_t i = 0; i < s->group_count; i++)
		if (str_eq_c(name, s->groups[i].name))
			return (int)i;
	return -1;
}

uint16_t settings_group_of_listener(const struct settings *s, const struct addr *listen)
{
	for (size_t g = 0; listen != NULL && g < s->group_count; g++)
		for (size_t i = 0; i < s->groups[g].client_count; i++)
			if (s->groups[g].clients[i].is_listener && addr_eq(&s->groups[g].clients[i].addr, listen))
				return (uint16_t)g;
	return 0;
}
