/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/check_entries.h"

#include <stdlib.h>

#include "list/list.h"
#include "policy/codec.h"
#include "compile/compile.h"

bool check_entries_has(const struct check_entries *c, size_t list)
{
	return c->sources[list].segment != NULL && c->settings->lists[list].mode != MODE_OFF;
}

static uint32_t kind_of(struct check_entries *c, const struct info *info, const struct segment_class *class)
{
	struct buf key = {NULL, 0, 0};
	const uint8_t shape[] = {(uint8_t)info->match, (uint8_t)info->rank, (uint8_t)info->mode, info->bare};
	const uint32_t len = (uint32_t) class->cond.len;
	buf_add(&key, shape, sizeof(shape));
	buf_add(&key, &len, sizeof(len));
	buf_add_str(&key, class->cond);
	buf_add_str(&key, class->records);
	uint32_t number = intern_add(&c->kinds, key.ptr, key.len, NULL);
	buf_finish(&key);
	return number;
}

static uint32_t info_add(struct check_entries *c, size_t list, uint32_t number)
{
	const struct settings_list *sl = &c->settings->lists[list];
	const struct segment *s = c->sources[list].segment;
	struct segment_class class;
	segment_class(s, number, &class);
	struct info info = {.settings = sl, .list = list, .has_own = class.provenance != SEGMENT_NONE};
	if (info.has_own)
		segment_provenance(s, class.provenance, &info.own);
	const struct provenance p = list_provenance(info.has_own ? &info.own : NULL, segment_defaults(s), &sl->provenance);
	info.match = compile_entry_match(s, &class, sl);
	info.rank = compile_entry_rank(s, &class, sl);
	info.mode = class.shadow ? MODE_SHADOW : sl->mode;
	info.bare = class.cond.len == 0 && class.records.len == 0;
	info.lifted = p.lifted != NULL && p.lifted_s <= c->now_s;
	info.expires = p.expires;
	info.expires_s = p.expires == NULL ? IMAGE_FOREVER : p.expires_s;
	info.until_s = MIN(info.expires_s, p.lifted == NULL ? IMAGE_FOREVER : p.lifted_s);
	const struct check_trait trait = {.kind = kind_of(c, &info, &class), .until_s = info.until_s};
	buf_add(&c->infos, &info, sizeof(info));
	buf_add(&c->traits, &trait, sizeof(trait));
	return (uint32_t)(c->infos.len / sizeof(info)) - 1;
}

bool check_entries_next(struct check_entries *c, size_t list, struct segment_cursor *cursor, uint32_t *seq, struct checked *ret)
{
	if (!segment_next(c->sources[list].segment, cursor, &ret->entry))
		return false;
	uint32_t *number = &c->info_of[list][ret->entry.class];
	if (*number == 0)
		*number = info_add(c, list, ret->entry.class) + 1;
	ret->info_number = *number - 1;
	ret->info = info_get(c, ret->info_number);
	ret->seq = (*seq)++;
	return true;
}

/* What an entry without a name is, as bytes: equal for equal ones of one kind. */
static void text_key(const struct check_entries *c, const struct checked *e, struct buf *ret)
{
	const struct check_trait *trait = trait_get(c, e->info_number);
	const struct prefix *p = &e->entry.prefix;
	buf_reset(ret);
	buf_add(ret, &trait->kind, sizeof(trait->kind));
	buf_add_str(ret, e->entry.text);
	if (e->info->match >= MATCH_ADDRESS) {
		buf_add(ret, &p->family, sizeof(p->family));
		buf_add(ret, &p->bits, sizeof(p->bits));
		buf_add(ret, p->bytes, sizeof(p->bytes));
	}
}

/* An entry in force. */
static void keep(struct check_entries *c, const struct checked *e, struct items *items, struct buf *key)
{
	bool is_new = false;
	if (e->entry.wire != NULL) {
		items_add(items, (struct item){.hash = name_hash(e->entry.wire, e->entry.wire_len),
					       .wire = e->entry.wire,
					       .rule = e->info_number,
					       .line = e->seq});
		return;
	}
	text_key(c, e, key);
	(void)intern_add(&c->texts, key->ptr, key->len, &is_new);
	if (is_new)
		buf_add(&c->text_first, &e->seq, sizeof(e->seq));
}

static void fill(struct check_entries *c)
{
	struct items items = {NULL, 0, 0};
	struct buf key = {NULL, 0, 0};
	struct checked e;
	size_t total = 0;
	uint32_t seq = 0;
	for (size_t i = 0; i < c->settings->list_count; i++)
		total += check_entries_has(c, i) ? segment_entry_count(c->sources[i].segment) : 0;
	c->lines = base_realloc(NULL, (total + 1) * sizeof(c->lines[0]));
	c->lists = base_realloc(NULL, (total + 1) * sizeof(c->lists[0]));
	items_reserve(&items, total + 1);
	for (size_t i = 0; i < c->settings->list_count; i++) {
		struct segment_cursor cursor = {0};
		if (!check_entries_has(c, i))
			continue;
		c->info_of[i] = base_alloc((segment_class_count(c->sources[i].segment) + 1) * sizeof(c->info_of[i][0]));
		while (check_entries_next(c, i, &cursor, &seq, &e)) {
			c->lines[e.seq] = e.entry.line;
			c->lists[e.seq] = (uint16_t)i;
			if (!e.info->lifted && e.info->until_s > c->now_s)
				keep(c, &e, &items, &key);
		}
	}
	buf_finish(&key);
	check_table_make(&items, total, (const struct check_trait *)(const void *)c->traits.ptr, &c->table);
}

bool check_entries_first(const struct check_entries *c, const struct checked *e, uint32_t *ret_seq)
{
	struct buf key = {NULL, 0, 0};
	uint32_t number = 0;
	text_key(c, e, &key);
	bool is_there = intern_find(&c->texts, key.ptr, key.len, &number);
	if (is_there)
		memcpy(ret_seq, c->text_first.ptr + (size_t)number * sizeof(*ret_seq), sizeof(*ret_seq));
	buf_finish(&key);
	return is_there;
}

void check_entries_init(struct check_entries *c, const struct settings *settings, const struct source *sources, int64_t now_s)
{
	*c = (struct check_entries){.settings = settings, .sources = sources, .now_s = now_s};
	c->info_of = base_alloc((settings->list_count + 1) * sizeof(c->info_of[0]));
	intern_init(&c->kinds);
	intern_init(&c->texts);
	fill(c);
}

void check_entries_finish(struct check_entries *c)
{
	check_table_finish(&c->table);
	intern_finish(&c->kinds);
	intern_finish(&c->texts);
	buf_finish(&c->infos);
	buf_finish(&c->traits);
	buf_finish(&c->text_first);
	for (size_t i = 0; i < c->settings->list_count; i++)
		free(c->info_of[i]);
	free(c->info_of);
	free(c->lines);
	free(c->lists);
}
