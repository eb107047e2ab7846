/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the lists have of names that were to be unblocked and of which nothing is in force: entries that were lifted before, entries
 * that do not block now, or none at all. */
#include "saringctl/lift.h"

#include "list/list.h"

#include <stdlib.h>
#include <string.h>

/* How the daemon sees an entry of a name, whatever became of it. */
struct known {
	struct lifting *lift;
	size_t list;
	struct lookout lookout;
	struct intern names; /* wire forms */
	struct buf numbers;  /* u32 for each: the wanted name */
	bool *lifted;	     /* owned; for each wanted name: some list has it lifted */
};

static bool is_lifted(const struct known *k, const struct segment_entry *e, const struct name *name)
{
	const struct blockers *b = &k->lift->blockers;
	const struct segment *segment = b->sources[k->list].segment;
	const struct settings_list *list = &b->settings->lists[k->list];
	struct segment_class class;
	struct provenance own = {.authority = NULL};
	segment_class(segment, e->class, &class);
	if (class.provenance != SEGMENT_NONE)
		segment_provenance(segment, class.provenance, &own);
	const struct provenance p =
	    list_provenance(class.provenance == SEGMENT_NONE ? NULL : &own, segment_defaults(segment), &list->provenance);
	return (p.lifted != NULL && p.lifted_s <= b->now_s) || lifts_find(b->lifts, list->name, name, ACTION_BLOCK) != NULL;
}

static bool on_known(void *arg, const struct listed *listed)
{
	struct known *k = arg;
	const struct segment_entry *e = listed->entry;
	struct name name;
	char text[NAME_TEXT_MAX];
	uint32_t number, wanted;
	if (e->wire == NULL || listed->match > MATCH_SUBDOMAINS || !lookout_wants(&k->lookout, e) ||
	    !intern_find(&k->names, e->wire, e->wire_len, &number) || !name_from_wire(e->wire, e->wire_len, &name))
		return true;
	memcpy(&wanted, k->numbers.ptr + (size_t)number * sizeof(wanted), sizeof(wanted));
	k->lift->unknown[wanted] = false;
	k->lift->idle[wanted] = !k->lifted[wanted];
	if (listed->action != ACTION_BLOCK || !is_lifted(k, e, &name))
		return true;
	k->lifted[wanted] = true;
	k->lift->idle[wanted] = false;
	lift_list_add(lift_list_of(k->lift, k->list), name_to_text(&name, text));
	return true;
}

/* Is something lifted that blocked the name: an entry of it, or one above it? */
static bool has_lift(const struct lifting *l, const struct name *name)
{
	for (size_t i = 0; i < l->plan.lift_count; i++) {
		const struct blocker *b = &l->plan.lift[i];
		if (name_eq(name, &b->name) || (b->below && name_is_below_or_eq(name, &b->name)))
			return true;
	}
	return false;
}

void lift_look_up(struct lifting *l)
{
	struct known k = {.lift = l, .lifted = base_alloc((l->wanted_count + 1) * sizeof(bool))};
	bool any = false;
	l->unknown = base_alloc((l->wanted_count + 1) * sizeof(bool));
	l->idle = base_alloc((l->wanted_count + 1) * sizeof(bool));
	intern_init(&k.names);
	lookout_init(&k.lookout);
	for (uint32_t i = 0; i < l->wanted_count; i++) {
		bool is_new = false;
		if (has_lift(l, &l->wanted[i]))
			continue;
		(void)intern_add(&k.names, l->wanted[i].wire, l->wanted[i].len, &is_new);
		if (!is_new)
			continue;
		buf_add(&k.numbers, &i, sizeof(i));
		lookout_name(&k.lookout, &l->wanted[i]);
		l->unknown[i] = any = true;
	}
	for (k.list = 0; any && k.list < l->blockers.settings->list_count; k.list++)
		blockers_list(&l->blockers, k.list, on_known, &k);
	intern_finish(&k.names);
	lookout_finish(&k.lookout);
	buf_finish(&k.numbers);
	free(k.lifted);
}
