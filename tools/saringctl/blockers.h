/* SPDX-License-Identifier: BSD-2-Clause
 *
 * blockers.h - which entries of which lists block some names, or belong to those that do: all lists of saring.yaml, in any format,
 * gone through at once. Read from the files, with the daemon or without; what it has kept of them is used where it can be. Cold
 * path; one owner. */
#ifndef SARING_SARINGCTL_BLOCKERS_H
#define SARING_SARINGCTL_BLOCKERS_H

#include "base/intern.h"
#include "import/source.h"
#include "list/lifts.h"
#include "saringctl/output.h"
#include "settings/settings.h"
#include "wire/name.h"

/* What an entry has to do with the names that are looked for; the first that holds. */
enum relation {
	RELATION_SAME,	 /* it is of that very name, whatever its match */
	RELATION_PARENT, /* of a name above, and covers it */
	RELATION_CHILD,	 /* of a name below */
	RELATION_ORDER,	 /* of a list and reference that is looked for: the same order */
	RELATION_DOMAIN, /* of a list and registrable domain that is looked for */
	RELATION_TARGET, /* it covers what the answer of a name leads to (plan_add_targets) */
};
extern const char *const relation_words[];

struct blocker {
	size_t list; /* in saring.yaml */
	struct name name;
	enum match match;
	bool below;	/* names below are blocked by it, or by another entry of the list and the name */
	uint32_t class; /* in the list's segment */
	uint32_t line;
	enum relation relation;
	bool sibling; /* whatever else it is: of an order, or a registrable domain of its list, that is looked for */
	bool wide;    /* blocker_is_wide; filled by who keeps it */
};

/* A public suffix (libpsl), or the root: names that have nothing to do with one another lie below. */
bool blocker_is_wide(const struct name *name);

/* All lists that are not off, opened. */
struct blockers {
	const struct settings *settings;
	struct source *sources; /* owned; segment NULL: off, or it cannot be read */
	struct lifts *lifts;	/* owned */
	char *lifts_path;	/* owned */
	int64_t now_s;
};
/* False, and err, when the file of lifts cannot be read. A list that cannot be is left out: who compiles it will say so. `also`: a
 * list that is opened though it be off (SIZE_MAX: none). */
MUST_CHECK bool blockers_open(const struct settings *settings, size_t also, int64_t now_s, struct blockers *ret, struct err *err);
void blockers_close(struct blockers *b);
/* Is the list edited in place, as a YAML file is? False for one whose lifts stand beside it. */
bool blockers_editable(const struct blockers *b, size_t list);

/* What is looked for. */
struct lookout {
	struct intern names;		 /* wire forms: of wanted names and of those above them */
	struct buf flags;		 /* u8 for each */
	struct intern orders;		 /* list number and reference */
	struct intern domains;		 /* list number and name */
	uint64_t own[1024], below[1024]; /* bits by hash: of names; of wanted names and domains */
};
void lookout_init(struct lookout *l);
void lookout_finish(struct lookout *l);
void lookout_name(struct lookout *l, const struct name *name);
/* Is the entry, which has a name, of one of the names? */
bool lookout_wants(const struct lookout *l, const struct segment_entry *e);
/* That blocker's siblings: entries of its list that are of the same order, or of the same registrable domain. */
void lookout_siblings(struct lookout *l, const struct blockers *b, const struct blocker *of);

/* Every entry in force that blocks and is looked for, in the order of lists and lines. found is called for each; false ends it. */
typedef bool blocker_found(void *arg, const struct blocker *blocker);
void blockers_walk(const struct blockers *b, const struct lookout *l, blocker_found *found, void *arg);

/* Every entry of one list whatever it does, in force or not: for whoever looks for a name or an expression in it. */
struct listed {
	const struct segment_entry *entry;
	enum match match;
	enum action action;
};
typedef bool listed_found(void *arg, const struct listed *listed);
void blockers_list(const struct blockers *b, size_t list, listed_found *found, void *arg);

#endif
