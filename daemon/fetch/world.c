/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/world.h"

#include "generation.h"
#include "policy/match.h"
#include "signed.h"

const struct settings *fetch_world_settings(void *generations, uint64_t *ret_serial)
{
	const struct generation *g = generation_current(generations);
	*ret_serial = g->serial;
	return g->settings;
}

/* A list whose copy could not be read has no time in the image, as one that was never fetched. Those in mode off are not in it. */
bool fetch_world_is_read(void *generations, size_t list)
{
	const struct generation *g = generation_current(generations);
	const struct settings *s = g->settings;
	struct policy_info info;
	struct policy_list found;
	size_t at = 0;
	policy_info(g->policy, 0, &info);
	for (size_t i = 0; i < list; i++)
		at += s->lists[i].mode != MODE_OFF;
	if (s->lists[list].mode == MODE_OFF || at >= info.list_count)
		return true;
	policy_list(g->policy, (uint16_t)at, 0, &found);
	return (found.changed_at_s != 0 && !signed_is_refused(s, &s->lists[list])) || !str_eq_c(found.name, s->lists[list].name);
}
