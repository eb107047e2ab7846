/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/segment_diff.h"

#include "base/rand.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

const char *const segment_diff_words[SEGMENT_DIFF_KINDS] = {
    [SEGMENT_DIFF_ADDED] = "added",	  [SEGMENT_DIFF_REMOVED] = "removed", [SEGMENT_DIFF_LIFTED] = "lifted",
    [SEGMENT_DIFF_RESTORED] = "restored", [SEGMENT_DIFF_CHANGED] = "changed",
};

/* What holds for all entries of a class. */
struct shared {
	uint64_t seed; /* of the hash of its entries */
	uint64_t said; /* hash of the provenance */
	bool lifted;
};

struct item {
	uint64_t key;
	uint32_t number; /* of the entry in its segment */
	uint32_t class;
};

struct side {
	const struct segment *segment;
	struct shared *shared; /* owned; one for each class */
	struct item *items;    /* owned; by key, each key once */
	size_t count;
};

static uint64_t add_text(uint64_t hash, const char *text)
{
	return text == NULL ? hash * 31 + 7 : XXH3_64bits_withSeed(text, strlen(text) + 1, hash);
}

static uint64_t hash_provenance(uint64_t hash, const struct provenance *p)
{
	const char *const texts[] = {p->authority, p->reason,  p->reference, p->organization, p->language,    p->added,
				     p->review,	   p->expires, p->lifted,    p->lifted_by,    p->lift_reason, p->lift_reference};
	const int words[] = {p->has_code ? (int)p->code : -1, p->has_sub_error ? (int)p->sub_error : -1};
	hash = XXH3_64bits_withSeed(words, sizeof(words), hash);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		hash = add_text(hash, texts[i]);
	for (size_t i = 0; i < p->contact_count; i++)
		hash = add_text(hash, p->contact[i]);
	return hash;
}

static void share(const struct segment *s, uint32_t number, uint64_t secret, struct shared *ret)
{
	struct segment_class c;
	struct provenance own = {0};
	segment_class(s, number, &c);
	const enum match match = c.has_match || c.match > MATCH_SUBDOMAINS ? c.match : segment_unsaid_match(s);
	const uint8_t shape[] = {(uint8_t)match, c.subtree,   c.caseless,   (uint8_t)c.action,
				 c.has_action,	 c.important, c.has_answer, (uint8_t)(c.has_answer ? c.answer : 0)};
	ret->seed = XXH3_64bits_withSeed(shape, sizeof(shape), secret);
	if (c.cond.len > 0)
		ret->seed = XXH3_64bits_withSeed(c.cond.ptr, c.cond.len, ret->seed);
	if (c.records.len > 0)
		ret->seed = XXH3_64bits_withSeed(c.records.ptr, c.records.len, ret->seed);
	if (c.provenance != SEGMENT_NONE)
		segment_provenance(s, c.provenance, &own);
	ret->said = hash_provenance(hash_provenance(secret + c.shadow, segment_defaults(s)), &own);
	ret->lifted = own.lifted != NULL || segment_defaults(s)->lifted != NULL;
}

static uint64_t key_of(const struct segment_entry *e, uint64_t seed)
{
	if (e->wire != NULL)
		return XXH3_64bits_withSeed(e->wire, e->wire_len, seed);
	if (e->text.len > 0)
		return XXH3_64bits_withSeed(e->text.ptr, e->text.len, seed);
	uint8_t prefix[2 + sizeof(e->prefix.bytes)] = {(uint8_t)e->prefix.family, e->prefix.bits};
	memcpy(prefix + 2, e->prefix.bytes, sizeof(e->prefix.bytes));
	return XXH3_64bits_withSeed(prefix, sizeof(prefix), seed);
}

static int item_order(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static void side_make(const struct segment *segment, uint64_t secret, struct side *ret)
{
	size_t classes = segment_class_count(segment), count = segment_entry_count(segment), kept = 0;
	struct segment_cursor cursor = {0};
	struct segment_entry e;
	*ret = (struct side){.segment = segment,
			     .shared = base_alloc((classes + 1) * sizeof(*ret->shared)),
			     .items = base_alloc((count + 1) * sizeof(*ret->items))};
	for (size_t i = 0; i < classes; i++)
		share(segment, (uint32_t)i, secret, &ret->shared[i]);
	for (; ret->count < count && segment_next(segment, &cursor, &e); ret->count++)
		ret->items[ret->count] =
		    (struct item){.key = key_of(&e, ret->shared[e.class].seed), .number = (uint32_t)ret->count, .class = e.class};
	qsort(ret->items, ret->count, sizeof(*ret->items), item_order);
	for (size_t i = 0; i < ret->count; i++)
		if (kept == 0 || ret->items[kept - 1].key != ret->items[i].key)
			ret->items[kept++] = ret->items[i];
	ret->count = kept;
}

static void side_finish(struct side *s)
{
	free(s->shared);
	free(s->items);
}

/* ---- names ---- */

/* Numbers of the first entries of one kind. */
struct firsts {
	uint32_t numbers[SEGMENT_DIFF_NAMES_MAX];
	size_t count;
};

/* Keeps the lowest, in order. */
static void firsts_add(struct firsts *f, uint32_t number)
{
	size_t at = f->count;
	if (at == SEGMENT_DIFF_NAMES_MAX && number > f->numbers[at - 1])
		return;
	if (at == SEGMENT_DIFF_NAMES_MAX)
		at--;
	else
		f->count++;
	for (; at > 0 && f->numbers[at - 1] > number; at--)
		f->numbers[at] = f->numbers[at - 1];
	f->numbers[at] = number;
}

static char *text_of(const struct segment_entry *e)
{
	char text[NAME_TEXT_MAX];
	struct name name;
	if (e->wire != NULL)
		return base_strdup(name_from_wire(e->wire, e->wire_len, &name) ? name_to_text(&name, text) : "?");
	if (e->text.len > 0)
		return str_dup(e->text);
	return base_strdup(prefix_to_text(&e->prefix, text));
}

static void name_them(const struct segment *s, const struct firsts *f, char ***ret, size_t *ret_count)
{
	struct segment_cursor cursor = {0};
	struct segment_entry e;
	*ret = base_alloc((f->count + 1) * sizeof(**ret));
	*ret_count = 0;
	for (uint32_t number = 0; *ret_count < f->count && segment_next(s, &cursor, &e); number++)
		if (number == f->numbers[*ret_count])
			(*ret)[(*ret_count)++] = text_of(&e);
}

/* ---- the difference ---- */

struct found {
	struct segment_diff *diff;
	struct firsts firsts[SEGMENT_DIFF_KINDS];
};

static void note(struct found *f, enum segment_diff_kind kind, const struct item *item)
{
	f->diff->counts[kind]++;
	firsts_add(&f->firsts[kind], item->number);
}

static void compare(struct found *f, const struct shared *before, const struct shared *after, const struct item *item)
{
	if (before->lifted != after->lifted)
		note(f, after->lifted ? SEGMENT_DIFF_LIFTED : SEGMENT_DIFF_RESTORED, item);
	else if (before->said != after->said)
		note(f, SEGMENT_DIFF_CHANGED, item);
}

static void merge(struct found *f, const struct side *before, const struct side *after)
{
	size_t i = 0, j = 0;
	while (i < before->count || j < after->count) {
		const struct item *old = &before->items[i], *new = &after->items[j];
		if (j == after->count || (i < before->count && old->key < new->key)) {
			note(f, SEGMENT_DIFF_REMOVED, old);
			i++;
		} else if (i == before->count || new->key < old->key) {
			note(f, SEGMENT_DIFF_ADDED, new);
			j++;
		} else {
			compare(f, &before->shared[old->class], &after->shared[new->class], new);
			i++;
			j++;
		}
	}
}

size_t segment_diff_cost(const struct segment *before, const struct segment *after)
{
	return segment_entry_count(before) + segment_entry_count(after);
}

void segment_diff(const struct segment *before, const struct segment *after, struct segment_diff *ret)
{
	struct side old, new;
	uint64_t secret; /* the texts are strangers', who must not be able to make two that count as one */
	rand_bytes(&secret, sizeof(secret));
	*ret = (struct segment_diff){.counts = {0}};
	struct found *found = base_alloc(sizeof(*found));
	found->diff = ret;
	side_make(before, secret, &old);
	side_make(after, secret, &new);
	merge(found, &old, &new);
	for (size_t kind = 0; kind < SEGMENT_DIFF_KINDS; kind++)
		name_them(kind == SEGMENT_DIFF_REMOVED ? before : after, &found->firsts[kind], &ret->names[kind],
			  &ret->name_counts[kind]);
	side_finish(&old);
	side_finish(&new);
	free(found);
}

void segment_diff_finish(struct segment_diff *diff)
{
	for (size_t kind = 0; kind < SEGMENT_DIFF_KINDS; kind++) {
		for (size_t i = 0; i < diff->name_counts[kind]; i++)
			free(diff->names[kind][i]);
		free(diff->names[kind]);
	}
	*diff = (struct segment_diff){.counts = {0}};
}
