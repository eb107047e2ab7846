/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pauses.h - what does not act for a while: all lists, those of a group, one list, those for a client, or those for a name that is
 * let through (`saringctl allow`). Mandatory lists act on. A part of each world (generation.h): immutable once published, and ended
 * by the clock on every worker for itself, on the second.
 *
 * To the matcher a pause is nothing new: it is one more reason for a list not to be in the mask that a question is asked with
 * (policy/list_mask.h). pausing.h is who makes and keeps them. It is not: a schedule, which the settings say (settings/schedule.h).
 * Any thread reads; the main thread makes. */
#ifndef SARING_PAUSES_H
#define SARING_PAUSES_H

#include "base/addr.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "settings/schedule.h"
#include "settings/settings.h"
#include "wire/name.h"

#define PAUSES_MAX 256
#define PAUSES_FOREVER INT64_MAX  /* until somebody ends it */
#define PAUSES_TEXT_BYTES_MAX 255 /* of each text */
#define PAUSES_FILE_MAX ((size_t)4 << 20)

enum pause_scope { PAUSE_ALL, PAUSE_GROUP, PAUSE_LIST, PAUSE_CLIENT, PAUSE_NAME };
#define PAUSE_SCOPE_COUNT 5
extern const char *const pause_scope_words[]; /* "all", "group", "list", "client", "name", NULL */

struct pause {
	enum pause_scope scope;
	char *target; /* owned; a group's or list's name, a client's prefix, a name (no final dot); NULL: PAUSE_ALL */
	bool has_client;
	struct prefix client;	       /* PAUSE_CLIENT; PAUSE_NAME for one client alone */
	struct name name;	       /* PAUSE_NAME: it and all below */
	int64_t since_s, until_s;      /* wall clock; not at until_s any more */
	char *by, *reason, *reference; /* owned; who, and what was said; NULL: nothing */
};

struct pauses {
	size_t count;
	bool has_clients, has_names;
	struct pause *all; /* owned */
};

/* None. Owned by the caller. */
MUST_CHECK struct pauses *pauses_create(void);
void pauses_destroy(struct pauses *p); /* takes NULL */
/* Those of `from` (NULL: none) that are not over at now_s. */
MUST_CHECK struct pauses *pauses_copy(const struct pauses *from, int64_t now_s);
/* Of the same things; how long and why does not matter. */
bool pause_is_same(const struct pause *a, const struct pause *b);
void pause_finish(struct pause *pause);
/* Takes what pause has, in place of one of the same things. False, and nothing is taken: there are PAUSES_MAX. */
MUST_CHECK bool pauses_put(struct pauses *p, struct pause *pause);
void pauses_remove(struct pauses *p, size_t at);

/* ---- the readers' ---- */

/* Is that one over? */
static inline bool pause_is_over(const struct pause *pause, int64_t now_s)
{
	return now_s >= pause->until_s;
}
/* Is it in force? Not before it began either: a clock that is set back must not prolong it. */
static inline bool pause_holds(const struct pause *pause, int64_t now_s)
{
	return now_s >= pause->since_s && now_s < pause->until_s;
}
/* Of the lists that act for a group (settings_group, or 0 without groups), those that pauses of everything, of the group and of
 * lists leave; until_s becomes the end of one, when that is sooner. now: as schedule_now gave it. */
void pauses_apply(const struct pauses *p, const struct settings *s, size_t group, int64_t now_s, struct group_now *now);
/* What acts for a group by its schedule and by pauses (NULL: none); without groups, for everybody. */
void pauses_lists_now(const struct pauses *p, const struct settings *s, size_t group, int64_t now_s, struct group_now *ret);
/* The pause of everything, or of the group, that is in force and ends last; NULL: none. Borrowed. */
const struct pause *pauses_whole(const struct pauses *p, const struct settings *s, size_t group, int64_t now_s);
/* That of the list. */
const struct pause *pauses_of_list(const struct pauses *p, const char *list, int64_t now_s);
/* Is who asks (NULL: not known), or the name asked (folded; NULL: only the client is looked at), relieved of all but mandatory
 * lists? The pause that does so and ends last; NULL: none. Borrowed. */
const struct pause *pauses_relieve(const struct pauses *p, const struct name *name, const struct addr *client, int64_t now_s);
/* The lists that nothing takes out. */
struct list_mask pauses_mandatory(const struct settings *s);
/* When blocking as a whole is back: PAUSES_FOREVER, or 0 when it is not paused. */
int64_t pauses_all_until(const struct pauses *p, int64_t now_s);

/* ---- the file (pauses_file.c) ---- */

/* As JSON, in `<state>/pauses`: times are seconds since 1970. */
void pauses_write(const struct pauses *p, struct buf *ret);
/* NULL with a sentence when it is none. Those that are over are in it. */
MUST_CHECK struct pauses *pauses_read(struct str text, struct err *err);
/* Is what target says fit for the scope? Fills in client and name of a pause whose scope, target and client text are known. client:
 * NULL: not said. */
MUST_CHECK bool pause_fill(struct pause *pause, struct str target, struct str client, struct err *err);

#endif
