/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lifts.h - what was lifted in lists that cannot be edited here: a list of a url, or of another format than YAML. Such a lift
 * outranks the name in its list, whatever match it has there, until the list drops the name; it is compiled into the live tier
 * (policy/image.h). They stand in one file in the state directory, LIFTS_FILE, which only programs write: saringctl those that are
 * new or taken back, saring-compile those whose list has dropped the name. What has ended stays on record. saring-lists(5), LIFTS.
 *
 * Each change takes the state directory's lock, reads the file, and replaces it atomically, following no link: root writes here in
 * a directory of the daemon's user. The file's owner is the directory's, whoever writes: both can go on with it. Tools only. */
#ifndef SARING_LIST_LIFTS_H
#define SARING_LIST_LIFTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/intern.h"
#include "policy/terms.h"
#include "settings/identity.h"
#include "settings/settings.h"
#include "wire/name.h"

#define LIFTS_MAX 100000 /* on record; of those that have ended the oldest are forgotten beyond */

struct lift {
	const char *list;    /* as saring.yaml calls it */
	const char *text;    /* the entry's name */
	const uint8_t *name; /* the same in folded wire form */
	uint8_t name_len;
	enum action action;	      /* which entries of that name it lifts: those that block, or those that allow */
	struct provenance provenance; /* lifted, lifted_by, lift_reason, lift_reference */
	const char *dropped;	      /* when its list was first seen without the name; NULL: it was not */
	const char *restored;	      /* when the lift was taken back; NULL: it was not */
};
struct lifts {
	struct arena arena;
	struct lift *items; /* owned; in the order of the file */
	size_t count, cap;
	uint8_t hash[16]; /* lifts_hash of the file; zeroes when there is none */
	/* those in force: list, action and name, and for each its place in items (u32) */
	struct intern held;
	struct buf places;
};

static inline bool lift_holds(const struct lift *l)
{
	return l->dropped == NULL && l->restored == NULL;
}

/* Every fault is reported with its place; NULL when there was one. */
MUST_CHECK struct lifts *lifts_parse(struct str text, const char *shown, struct err_list *errors);
/* A file that is not there holds none. */
MUST_CHECK struct lifts *lifts_load(const char *path, struct err_list *errors);
void lifts_destroy(struct lifts *lifts); /* takes NULL */
/* The lift in force of that list's entries of that name that do so, or NULL. */
const struct lift *lifts_find(const struct lifts *lifts, const char *list, const struct name *name, enum action action);
/* What an entry's provenance says once it is lifted so; the texts are borrowed from the lift. */
void lift_note(const struct lift *l, struct provenance *ret);
/* The file's text; appended. */
void lifts_text(const struct lifts *lifts, struct buf *ret);

/* One to be made or ended. */
struct lift_wanted {
	const char *list;
	struct name name;
	enum action action;
	bool done; /* filled: it was made, or ended; false: it stood there already, or not at all */
};
/* Who lifts, why, by what order; NULL: not said. */
struct lift_how {
	const char *by, *reason, *reference;
};
/* Make those that are not in force already. */
MUST_CHECK bool lifts_add(const char *path, struct lift_wanted *wanted, size_t count, const struct lift_how *how, int64_t now_s,
			  struct err *err);
/* End those that are in force: their list dropped them, or they were taken back. */
enum lift_end { LIFT_DROPPED, LIFT_RESTORED };
MUST_CHECK bool lifts_end(const char *path, struct lift_wanted *wanted, size_t count, enum lift_end end, int64_t now_s,
			  struct err *err);

#endif
