/* SPDX-License-Identifier: BSD-2-Clause */
#include "pauses.h"

#include <stdlib.h>
#include <string.h>

const char *const pause_scope_words[] = {"all", "group", "list", "client", "name", NULL};
static_assert(ARRAY_LEN(pause_scope_words) == PAUSE_SCOPE_COUNT + 1, "a word for each scope");

struct pauses *pauses_create(void)
{
	struct pauses *p = base_alloc(sizeof(*p));
	*p = (struct pauses){.count = 0};
	return p;
}

void pause_finish(struct pause *pause)
{
	free(pause->target);
	free(pause->by);
	free(pause->reason);
	free(pause->reference);
	*pause = (struct pause){.scope = PAUSE_ALL};
}

void pauses_destroy(struct pauses *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++)
		pause_finish(&p->all[i]);
	free(p->all);
	free(p);
}

static char *copy_text(const char *text)
{
	return text == NULL ? NULL : base_strdup(text);
}

static void note_kinds(struct pauses *p)
{
	p->has_clients = p->has_names = false;
	for (size_t i = 0; i < p->count; i++) {
		p->has_clients |= p->all[i].scope == PAUSE_CLIENT;
		p->has_names |= p->all[i].scope == PAUSE_NAME;
	}
}

struct pauses *pauses_copy(const struct pauses *from, int64_t now_s)
{
	struct pauses *p = pauses_create();
	for (size_t i = 0; from != NULL && i < from->count; i++) {
		struct pause copy = from->all[i];
		if (pause_is_over(&copy, now_s))
			continue;
		copy.target = copy_text(copy.target);
		copy.by = copy_text(copy.by);
		copy.reason = copy_text(copy.reason);
		copy.reference = copy_text(copy.reference);
		must(pauses_put(p, &copy));
	}
	return p;
}

bool pause_is_same(const struct pause *a, const struct pause *b)
{
	const bool one_target =
	    a->target == b->target || (a->target != NULL && b->target != NULL && strcmp(a->target, b->target) == 0);
	if (a->scope != b->scope || !one_target || a->has_client != b->has_client)
		return false;
	return !a->has_client || prefix_eq(&a->client, &b->client);
}

bool pauses_put(struct pauses *p, struct pause *pause)
{
	size_t at = 0;
	while (at < p->count && !pause_is_same(&p->all[at], pause))
		at++;
	if (at == PAUSES_MAX)
		return false;
	if (at == p->count) {
		p->all = base_realloc(p->all, (p->count + 1) * sizeof(*p->all));
		p->count++;
	} else {
		pause_finish(&p->all[at]);
	}
	p->all[at] = *pause;
	*pause = (struct pause){.scope = PAUSE_ALL};
	note_kinds(p);
	return true;
}

void pauses_remove(struct pauses *p, size_t at)
{
	pause_finish(&p->all[at]);
	p->count--;
	memmove(&p->all[at], &p->all[at + 1], (p->count - at) * sizeof(*p->all));
	note_kinds(p);
}

/* ---- the readers' ---- */

struct list_mask pauses_mandatory(const struct settings *s)
{
	struct list_mask mask = {{0}};
	for (size_t i = 0; i < s->list_count; i++)
		if (s->lists[i].mandatory)
			list_mask_add(&mask, i);
	return mask;
}

static bool is_of_group(const struct pause *pause, const struct settings *s, size_t group)
{
	return group < s->group_count && strcmp(pause->target, s->groups[group].name) == 0;
}

static void take_list(const struct pause *pause, const struct settings *s, struct group_now *now)
{
	for (size_t i = 0; i < s->list_count; i++)
		if (!s->lists[i].mandatory && strcmp(s->lists[i].name, pause->target) == 0)
			list_mask_remove(&now->lists, i);
}

static void leave_mandatory(const struct settings *s, struct group_now *now)
{
	const struct list_mask mandatory = pauses_mandatory(s);
	for (size_t w = 0; w < ARRAY_LEN(now->lists.words); w++)
		now->lists.words[w] &= mandatory.words[w];
}

static bool is_whole(const struct pause *pause, const struct settings *s, size_t group)
{
	return pause->scope == PAUSE_ALL || (pause->scope == PAUSE_GROUP && is_of_group(pause, s, group));
}

const struct pause *pauses_whole(const struct pauses *p, const struct settings *s, size_t group, int64_t now_s)
{
	const struct pause *last = NULL;
	for (size_t i = 0; i < p->count; i++)
		if (is_whole(&p->all[i], s, group) && pause_holds(&p->all[i], now_s) &&
		    (last == NULL || p->all[i].until_s > last->until_s))
			last = &p->all[i];
	return last;
}

const struct pause *pauses_of_list(const struct pauses *p, const char *list, int64_t now_s)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->all[i].scope == PAUSE_LIST && strcmp(p->all[i].target, list) == 0 && pause_holds(&p->all[i], now_s))
			return &p->all[i];
	return NULL;
}

void pauses_apply(const struct pauses *p, const struct settings *s, size_t group, int64_t now_s, struct group_now *now)
{
	if (p->count > 0)
		now->from_s = now_s;
	for (size_t i = 0; i < p->count; i++) {
		const struct pause *pause = &p->all[i];
		const bool whole = is_whole(pause, s, group);
		if ((!whole && pause->scope != PAUSE_LIST) || pause_is_over(pause, now_s))
			continue;
		if (!pause_holds(pause, now_s)) { /* the clock was set back */
			now->until_s = MIN(now->until_s, pause->since_s);
			continue;
		}
		if (whole)
			leave_mandatory(s, now);
		else
			take_list(pause, s, now);
		now->until_s = MIN(now->until_s, pause->until_s);
	}
	const struct list_mask all = list_mask_all(s->list_count);
	now->all = list_mask_eq(&now->lists, &all);
}

void pauses_lists_now(const struct pauses *p, const struct settings *s, size_t group, int64_t now_s, struct group_now *ret)
{
	if (s->group_count > 0)
		schedule_now(s, group, now_s, ret);
	else
		*ret = (struct group_now){
		    .lists = list_mask_all(s->list_count), .all = true, .from_s = INT64_MIN, .until_s = SCHEDULE_NEVER};
	if (p != NULL)
		pauses_apply(p, s, group, now_s, ret);
}

static bool relieves(const struct pause *pause, const struct name *name, const struct addr *client)
{
	if (pause->has_client && (client == NULL || !prefix_holds(&pause->client, client)))
		return false;
	switch (pause->scope) {
	case PAUSE_CLIENT:
		return true;
	case PAUSE_NAME:
		return name != NULL && name_is_below_or_eq(name, &pause->name);
	case PAUSE_ALL:
	case PAUSE_GROUP:
	case PAUSE_LIST:
		break;
	}
	return false;
}

const struct pause *pauses_relieve(const struct pauses *p, const struct name *name, const struct addr *client, int64_t now_s)
{
	const struct pause *last = NULL;
	for (size_t i = 0; i < p->count; i++) {
		const struct pause *pause = &p->all[i];
		if (pause_holds(pause, now_s) && relieves(pause, name, client) && (last == NULL || pause->until_s > last->until_s))
			last = pause;
	}
	return last;
}

int64_t pauses_all_until(const struct pauses *p, int64_t now_s)
{
	for (size_t i = 0; p != NULL && i < p->count; i++)
		if (p->all[i].scope == PAUSE_ALL && pause_holds(&p->all[i], now_s))
			return p->all[i].until_s;
	return 0;
}
