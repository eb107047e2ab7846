/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-compile/retire.h"

#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "policy/codec.h"

/* The lifts of one list, in order of the hashes of their names. */
struct asked {
	uint64_t hash;
	const struct lift *lift;
	bool there;
};

static int asked_order(const void *left, const void *right)
{
	const struct asked *a = left, *b = right;
	return (a->hash > b->hash) - (a->hash < b->hash);
}

static size_t gather(const struct lifts *lifts, const char *list, struct asked *ret)
{
	size_t count = 0;
	for (size_t i = 0; i < lifts->count; i++) {
		const struct lift *l = &lifts->items[i];
		if (lift_holds(l) && strcmp(l->list, list) == 0)
			ret[count++] = (struct asked){name_hash(l->name, l->name_len), l, false};
	}
	if (count > 0)
		qsort(ret, count, sizeof(ret[0]), asked_order);
	return count;
}

static void see(struct asked *asked, size_t count, const struct segment_entry *e, enum action action)
{
	const uint64_t hash = name_hash(e->wire, e->wire_len);
	size_t low = 0, high = count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (asked[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < count && asked[low].hash == hash; low++) {
		const struct lift *l = asked[low].lift;
		if (l->action == action && l->name_len == e->wire_len && memcmp(l->name, e->wire, e->wire_len) == 0)
			asked[low].there = true;
	}
}

/* Which of them the list still has, whatever the match. */
static void look(const struct settings_list *list, const struct segment *segment, struct asked *asked, size_t count)
{
	const uint32_t classes = (uint32_t)segment_class_count(segment);
	const enum action listed = compile_list_action(segment, list);
	enum action *actions = base_alloc(((size_t)classes + 1) * sizeof(*actions));
	struct segment_cursor cursor = {0};
	struct segment_entry entry;
	for (uint32_t i = 0; i < classes; i++) {
		struct segment_class class;
		segment_class(segment, i, &class);
		actions[i] = class.has_action ? class.action : listed;
	}
	while (segment_next(segment, &cursor, &entry)) {
		if (entry.wire != NULL)
			see(asked, count, &entry, actions[entry.class]);
	}
	free(actions);
}

/* Appended to ret: the names that this list has dropped. */
static size_t find_dropped(const struct settings_list *list, const struct source *source, const struct lifts *lifts,
			   struct asked *asked, struct lift_wanted *ret)
{
	size_t dropped = 0;
	/* A copy that is missing, or cannot be read, says nothing of what the list holds. */
	if (source->segment == NULL || source->missing)
		return 0;
	const size_t count = gather(lifts, list->name, asked);
	if (count > 0)
		look(list, source->segment, asked, count);
	for (size_t i = 0; i < count; i++) {
		if (asked[i].there)
			continue;
		ret[dropped].list = list->name;
		ret[dropped].action = asked[i].lift->action;
		must(name_from_wire(asked[i].lift->name, asked[i].lift->name_len, &ret[dropped].name));
		dropped++;
	}
	return dropped;
}

/* Ends them in memory alone. */
static void end_here(struct lifts *lifts, const struct lift_wanted *dropped, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		/* found where it stands, to be changed there */
		const struct lift *l = lifts_find(lifts, dropped[i].list, &dropped[i].name, dropped[i].action);
		if (l != NULL)
			lifts->items[l - lifts->items].dropped = l->provenance.lifted;
	}
}

static struct lifts *load(const char *path, bool own, struct err_list *errors)
{
	struct err_list own_errors = {0};
	struct lifts *lifts = lifts_load(path, &own_errors);
	const bool unread = lifts == NULL && own_errors.items[0].line == 0;
	if (unread && !own)
		lifts = base_alloc(sizeof(*lifts));
	for (size_t i = 0; lifts == NULL && i < own_errors.count; i++)
		err_list_add(errors, &own_errors.items[i]);
	err_list_finish(&own_errors);
	return lifts;
}

struct lifts *retire(const struct settings *settings, const struct source *sources, bool own, int64_t now_s,
		     struct err_list *errors)
{
	struct buf path = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	size_t count = 0;
	buf_printf(&path, "%s/" LIFTS_FILE, settings->state);
	struct lifts *lifts = load(path.ptr, own, errors);
	if (lifts == NULL || lifts->count == 0) {
		buf_finish(&path);
		return lifts;
	}
	struct asked *asked = base_alloc(lifts->count * sizeof(*asked));
	struct lift_wanted *dropped = base_alloc(lifts->count * sizeof(*dropped));
	for (size_t i = 0; i < settings->list_count; i++)
		count += find_dropped(&settings->lists[i], &sources[i], lifts, asked, dropped + count);
	if (count > 0 && !own) {
		end_here(lifts, dropped, count);
	} else if (count > 0 && lifts_end(path.ptr, dropped, count, LIFT_DROPPED, now_s, &err)) {
		lifts_destroy(lifts);
		lifts = load(path.ptr, own, errors);
	} else if (count > 0) {
		(void)err_context(&err, "names that their lists have dropped stay lifted");
		err_print(&err, stderr);
	}
	free(asked);
	free(dropped);
	buf_finish(&path);
	return lifts;
}
