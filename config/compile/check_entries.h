/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check_entries.h - entries with what holds for them, and all that are in force by name and by text: what check.c judges by. One
 * owner. */
#ifndef SARING_COMPILE_CHECK_ENTRIES_H
#define SARING_COMPILE_CHECK_ENTRIES_H

#include "import/source.h"
#include "compile/check_table.h"
#include "policy/image.h"
#include "base/intern.h"

/* What holds for a class of a list. */
struct info {
	const struct settings_list *settings;
	struct provenance own; /* of the entry itself */
	const char *expires;   /* of whatever level said it; NULL: not said */
	int64_t expires_s, until_s;
	size_t list;
	enum match match;
	enum rank rank;
	enum mode mode; /* the entry's own, or the list's */
	bool lifted, has_own;
	bool bare; /* holds for every question, with an answer that says no more than the list's */
};

/* Of the lists that are checked; those in mode off are not. */
struct check_entries {
	const struct settings *settings;
	const struct source *sources;
	int64_t now_s;
	struct buf infos;    /* struct info */
	struct buf traits;   /* struct check_trait, same numbers */
	struct intern kinds; /* of info: what makes two entries of one name the same */
	uint32_t **info_of;  /* owned; by list, by class: number + 1, 0 = not yet */
	uint32_t *lines;     /* owned; by entry */
	uint16_t *lists;     /* owned; by entry */
	struct check_table table;
	struct intern texts;   /* expressions, patterns, addresses in force */
	struct buf text_first; /* u32: the first entry of each */
};

/* An entry with what holds for it. */
struct checked {
	struct segment_entry entry;
	const struct info *info;
	uint32_t info_number, seq;
};

/* Walks all lists. settings and sources are borrowed. */
void check_entries_init(struct check_entries *c, const struct settings *settings, const struct source *sources, int64_t now_s);
void check_entries_finish(struct check_entries *c);
bool check_entries_has(const struct check_entries *c, size_t list);
/* The list's next entry. seq, from 0, goes through all lists. */
bool check_entries_next(struct check_entries *c, size_t list, struct segment_cursor *cursor, uint32_t *seq, struct checked *ret);
/* The first entry in force that is the same expression, pattern or address, of the same kind. */
MUST_CHECK bool check_entries_first(const struct check_entries *c, const struct checked *e, uint32_t *ret_seq);

static inline const struct info *info_get(const struct check_entries *c, uint32_t number)
{
	return (const struct info *)(const void *)c->infos.ptr + number;
}
static inline const struct check_trait *trait_get(const struct check_entries *c, uint32_t number)
{
	return (const struct check_trait *)(const void *)c->traits.ptr + number;
}

#endif
