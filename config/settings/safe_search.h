/* SPDX-License-Identifier: BSD-2-Clause
 *
 * safe_search.h - search engines that answer with filtered results where their names lead to another host of theirs: one row each,
 * with the names and that host. What the engines themselves document; saring.yaml's `safe-search` switches rows. Const data; any
 * thread. */
#ifndef SARING_SETTINGS_SAFE_SEARCH_H
#define SARING_SETTINGS_SAFE_SEARCH_H

#include "base/base.h"
#include "wire/name.h"

enum safe_engine {
	SAFE_GOOGLE,
	SAFE_BING,
	SAFE_YOUTUBE,
	SAFE_YOUTUBE_MODERATE,
	SAFE_DUCKDUCKGO,
	SAFE_ECOSIA,
	SAFE_YANDEX,
	SAFE_PIXABAY,
	SAFE_ENGINES,
};
#define SAFE_BIT(engine) (UINT32_C(1) << (engine))
/* What `true` means: all, and of YouTube the strict one. */
#define SAFE_ALL ((SAFE_BIT(SAFE_ENGINES) - 1u) & ~SAFE_BIT(SAFE_YOUTUBE_MODERATE))
extern const char *const safe_search_words[]; /* by enum safe_engine; NULL behind the last */

/* The engine, of those in the mask, that a name (folded) is one of; SAFE_ENGINES: of none. A few compares for nearly all names. */
enum safe_engine safe_search_find(uint32_t mask, const struct name *name);
/* Is a question of that type led, or answered with nothing? Of others the name has what it has. */
bool safe_search_leads(uint16_t type);
/* Where its names lead. */
void safe_search_host(enum safe_engine engine, struct name *ret);

#endif
