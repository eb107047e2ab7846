/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What keeps a name blocked by what its answer leads to: a CNAME's target, or that of an HTTPS or SVCB record. While an entry of
 * its own blocked the name, no server was asked for it, so that this is known only once the lift is in force and was proved. */
#include "saringctl/lift.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 8 /* each lifts something; an answer that leads on and on is not followed for ever */

/* Names that answers lead to and that an entry blocks. Returns how many; ret is owned by the caller, who frees it. */
static size_t find_targets(const struct lifting *l, struct name **ret)
{
	size_t count = 0, cap = 0, k;
	const json_t *step;
	struct name *names = NULL;
	for (size_t i = 0; i < l->check_count; i++) {
		json_array_foreach(l->checks[i].target != NULL ? l->checks[i].steps : NULL, k, step)
		{
			struct name name;
			if (strcmp(field_text(step, "kind"), "address") == 0 ||
			    strcmp(field_text(step, "verdict"), "blocked") != 0 ||
			    !name_from_text(str_from(field_text(step, "target")), &name, NULL))
				continue;
			if (count == cap) {
				cap = cap * 2 + 16;
				names = base_realloc(names, cap * sizeof(*names));
			}
			name_copy(&names[count++], &name);
		}
	}
	*ret = names;
	return count;
}

/* Of names that no list has an entry of: something is lifted for their sake now. */
static void mark_known(struct lifting *l)
{
	for (size_t i = 0; i < l->check_count; i++) {
		for (size_t k = 0; l->unknown != NULL && l->checks[i].target != NULL && k < l->wanted_count; k++)
			l->unknown[k] &= !name_eq(&l->wanted[k], &l->checks[i].name);
	}
}

/* The lists have changed since they were read. */
static bool read_again(struct lifting *l, struct err *err)
{
	const struct settings *settings = l->blockers.settings;
	blockers_close(&l->blockers);
	return blockers_open(settings, SIZE_MAX, l->now_s, &l->blockers, err);
}

/* Further entries for the plan. False: there are none, or err says why not. */
static bool plan_further(struct lifting *l, const struct name *names, size_t count, struct err *err)
{
	const struct plan_wish wish = {
	    .names = names, .count = count, .list = SIZE_MAX, .closure = true, .force = l->ctx->in->force};
	const size_t before = l->plan.lift_count;
	char text[NAME_TEXT_MAX];
	if (!read_again(l, err))
		return false;
	plan_add_targets(&l->blockers, &wish, &l->plan);
	if (l->plan.too_many) {
		l->plan.lift_count = before;
		return err_set(err, ERR_LIMIT, "more than %d further entries would be lifted; --force lifts them all", CLOSURE_MAX);
	}
	for (size_t i = before; i < l->plan.lift_count; i++)
		lift_list_add(lift_list_of(l, l->plan.lift[i].list), name_to_text(&l->plan.lift[i].name, text));
	return l->plan.lift_count > before;
}

/* What was lifted in two turns is told as one. */
static void put_together(struct lifting *l)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->list_count; i++) {
		struct lift_list *from = &l->lists[i], *to = NULL;
		for (size_t k = 0; k < kept && to == NULL; k++) {
			if (l->lists[k].number == from->number && !l->lists[k].whole)
				to = &l->lists[k];
		}
		if (to == NULL || to->results == NULL || from->results == NULL) {
			l->lists[kept++] = *from;
			continue;
		}
		const size_t count = to->count + from->count;
		to->names = base_realloc(to->names, count * sizeof(to->names[0]));
		to->results = base_realloc(to->results, count * sizeof(to->results[0]));
		memcpy(to->names + to->count, from->names, from->count * sizeof(to->names[0]));
		memcpy(to->results + to->count, from->results, from->count * sizeof(to->results[0]));
		to->count = to->cap = count;
		free(from->names);
		free(from->results);
	}
	l->list_count = kept;
}

enum exit_status lift_follow(struct lifting *l, struct err *err)
{
	enum exit_status status = STATUS_DONE;
	bool more = true;
	for (unsigned round = 0; more && round < ROUNDS_MAX; round++) {
		struct name *names = NULL;
		const size_t count = find_targets(l, &names);
		more = count > 0 && plan_further(l, names, count, err);
		free(names);
		if (!more)
			break;
		mark_known(l);
		more = lift_write(l, err); /* else some of it may stand in the files: that much is put in force */
		status = lift_tell(l);
		more &= status == STATUS_DONE;
		if (status == STATUS_DONE)
			status = lift_prove(l);
	}
	put_together(l);
	return status;
}
