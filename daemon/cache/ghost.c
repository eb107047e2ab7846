/* SPDX-License-Identifier: BSD-2-Clause */
#include "cache/ghost.h"

#include <string.h>

static uint32_t *line_of(const struct ghosts *g, uint64_t hash)
{
	return g->hashes + (((hash & UINT32_MAX) * g->lines) >> 32) * GHOST_LINE;
}

static uint32_t mark_of(uint64_t hash)
{
	uint32_t mark = (uint32_t)(hash >> 28);
	return mark != 0 ? mark : 1;
}

void ghost_fetch(const struct ghosts *g, uint64_t hash)
{
	__builtin_prefetch(line_of(g, hash), 1);
}

void ghost_add(struct ghosts *g, uint64_t hash)
{
	if (g->lines == 0)
		return;
	uint32_t *line = line_of(g, hash);
	memmove(line + 1, line, (GHOST_LINE - 1) * sizeof(*line));
	line[0] = mark_of(hash);
}

bool ghost_take(struct ghosts *g, uint64_t hash)
{
	if (g->lines == 0)
		return false;
	uint32_t *line = line_of(g, hash), mark = mark_of(hash);
	for (size_t i = 0; i < GHOST_LINE; i++) {
		if (line[i] != mark)
			continue;
		memmove(line + i, line + i + 1, (GHOST_LINE - 1 - i) * sizeof(*line));
		line[GHOST_LINE - 1] = 0;
		return true;
	}
	return false;
}
