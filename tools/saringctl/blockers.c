/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Millions of entries are gone through: of nearly all no suffix has its bit in the small filter, and nothing more is asked. */
#include "saringctl/blockers.h"

#include "base/file.h"
#include "compile/compile.h"
#include "list/list.h"

#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_WANTED 1u
#define FLAG_ABOVE 2u
#define SEGMENTS_DIR "segments" /* saring-compile's */
#define ORDER_OF_LIST_MAX                                                                                      \
	1000 /* a reference that saring.yaml gives for more entries than these is the collection's, no order's \
	      */

const char *const relation_words[] = {"same", "parent", "child", "same-order", "same-domain", "target", NULL};

/* ---- the lists ---- */

bool blockers_open(const struct settings *settings, size_t also, int64_t now_s, struct blockers *ret, struct err *err)
{
	struct err_list errors = {0};
	struct buf segments = {NULL, 0, 0}, path = {NULL, 0, 0};
	buf_printf(&segments, "%s/" SEGMENTS_DIR, settings->state);
	buf_printf(&path, "%s/" LIFTS_FILE, settings->state);
	*ret = (struct blockers){.settings = settings,
				 .sources = base_alloc((settings->list_count + 1) * sizeof(struct source)),
				 .now_s = now_s,
				 .lifts_path = base_strdup(path.ptr)};
	ret->lifts = lifts_load(path.ptr, &errors);
	const bool good = ret->lifts != NULL;
	if (!good)
		*err = errors.items[0];
	err_list_finish(&errors);
	for (size_t i = 0; good && i < settings->list_count; i++) {
		if (settings->lists[i].mode == MODE_OFF && i == also)
			source_check(settings, i, &ret->sources[i], &errors);
		else
			source_open(settings, i, segments.ptr, NULL, &ret->sources[i], &errors);
		if (ret->sources[i].refused) /* what was last good is in force */
			(void)!source_open_last_good(settings, i, segments.ptr, &ret->sources[i]);
		err_list_finish(&errors);
	}
	buf_finish(&segments);
	buf_finish(&path);
	return good;
}

void blockers_close(struct blockers *b)
{
	for (size_t i = 0; b->sources != NULL && i < b->settings->list_count; i++)
		source_close(&b->sources[i]);
	free(b->sources);
	free(b->lifts_path);
	lifts_destroy(b->lifts);
	*b = (struct blockers){.settings = NULL};
}

bool blockers_editable(const struct blockers *b, size_t list)
{
	const struct segment *segment = b->sources[list].segment;
	if (b->settings->lists[list].url != NULL || b->settings->lists[list].key != NULL)
		return false;
	return segment == NULL ? source_format(&b->settings->lists[list]) == FORMAT_YAML : segment_format(segment) == FORMAT_YAML;
}

/* ---- what is looked for ---- */

void lookout_init(struct lookout *l)
{
	memset(l, 0, sizeof(*l));
	intern_init(&l->names);
	intern_init(&l->orders);
	intern_init(&l->domains);
}

void lookout_finish(struct lookout *l)
{
	intern_finish(&l->names);
	intern_finish(&l->orders);
	intern_finish(&l->domains);
	buf_finish(&l->flags);
}

/* Of each suffix of a name one number, made from the right, so that all of them cost one pass: [0] of the whole name. Behind the
 * name eight octets may be read (segment.h, name.h). Returns how many labels there are. */
static size_t suffix_hashes(const uint8_t *wire, uint64_t ret[NAME_LABELS_MAX + 1])
{
	uint8_t places[NAME_LABELS_MAX + 1] = {0};
	size_t labels = 0;
	for (size_t at = 0; wire[at] != 0; at += wire[at] + 1u)
		places[labels++] = (uint8_t)at;
	uint64_t hash = 0x9e3779b97f4a7c15u;
	ret[labels] = hash;
	for (size_t i = labels; i-- > 0;) {
		const uint8_t *label = wire + places[i];
		for (size_t at = 0, len = label[0] + 1u; at < len; at += 8) {
			uint64_t octets;
			memcpy(&octets, label + at, sizeof(octets));
			octets &= len - at >= 8 ? UINT64_MAX : ((uint64_t)1 << 8 * (len - at)) - 1;
			hash = (hash ^ octets) * 0xff51afd7ed558ccdu;
			hash ^= hash >> 32;
		}
		ret[i] = hash;
	}
	return labels;
}

#define BITS_WORDS ARRAY_LEN(((struct lookout *)NULL)->own)

static bool bits_have(const uint64_t bits[BITS_WORDS], uint64_t hash)
{
	return (bits[hash / 64 % BITS_WORDS] >> hash % 64 & 1) != 0;
}

static void bits_add(uint64_t bits[BITS_WORDS], const struct name *name)
{
	uint64_t hashes[NAME_LABELS_MAX + 1];
	(void)suffix_hashes(name->wire, hashes);
	bits[hashes[0] / 64 % BITS_WORDS] |= (uint64_t)1 << hashes[0] % 64;
}

static void flag(struct lookout *l, const struct name *name, unsigned bit)
{
	bool is_new = false;
	const uint32_t number = intern_add(&l->names, name->wire, name->len, &is_new);
	if (is_new)
		(void)buf_grow(&l->flags, 1); /* zeroed */
	must(l->flags.ptr != NULL);
	l->flags.ptr[number] = (char)((unsigned char)l->flags.ptr[number] | bit);
	bits_add(l->own, name);
	if (bit == FLAG_WANTED)
		bits_add(l->below, name);
}

void lookout_name(struct lookout *l, const struct name *name)
{
	struct name above;
	flag(l, name, FLAG_WANTED);
	for (unsigned labels = name->labels; labels-- > 0;) {
		must(name_suffix(name, labels, &above));
		flag(l, &above, FLAG_ABOVE);
	}
}

static unsigned flags_of(const struct lookout *l, const uint8_t *wire, size_t len)
{
	uint32_t number;
	return intern_find(&l->names, wire, len, &number) ? (unsigned char)l->flags.ptr[number] : 0;
}

bool lookout_wants(const struct lookout *l, const struct segment_entry *e)
{
	uint64_t hashes[NAME_LABELS_MAX + 1];
	(void)suffix_hashes(e->wire, hashes);
	return bits_have(l->own, hashes[0]) && (flags_of(l, e->wire, e->wire_len) & FLAG_WANTED) != 0;
}

/* A key of a list's own things. */
static void put_key(struct buf *key, size_t list, const void *bytes, size_t len)
{
	const uint32_t number = (uint32_t)list;
	buf_reset(key);
	buf_add(key, &number, sizeof(number));
	buf_add(key, bytes, len);
}

/* The reference of a class, when it may be that of an order: said in the list itself, or in saring.yaml of a list of so many
 * entries as an order has. */
static const char *order_of(const struct blockers *b, size_t list, const struct segment_class *class)
{
	const struct segment *segment = b->sources[list].segment;
	struct provenance own = {.authority = NULL};
	if (class->provenance != SEGMENT_NONE)
		segment_provenance(segment, class->provenance, &own);
	const struct provenance said =
	    list_provenance(class->provenance == SEGMENT_NONE ? NULL : &own, segment_defaults(segment), NULL);
	if (said.reference != NULL)
		return said.reference;
	return segment_entry_count(segment) <= ORDER_OF_LIST_MAX ? b->settings->lists[list].provenance.reference : NULL;
}

static bool registrable(const struct name *name, struct name *ret)
{
	char text[NAME_TEXT_MAX];
	const char *domain = psl_registrable_domain(psl_builtin(), name_to_text(name, text));
	return domain != NULL && name_from_text(str_from(domain), ret, NULL);
}

void lookout_siblings(struct lookout *l, const struct blockers *b, const struct blocker *of)
{
	struct buf key = {NULL, 0, 0};
	struct segment_class class;
	struct name domain;
	segment_class(b->sources[of->list].segment, of->class, &class);
	const char *order = order_of(b, of->list, &class);
	if (order != NULL && order[0] != '\0') {
		put_key(&key, of->list, order, strlen(order));
		(void)intern_add(&l->orders, key.ptr, key.len, NULL);
	}
	if (registrable(&of->name, &domain)) {
		put_key(&key, of->list, domain.wire, domain.len);
		(void)intern_add(&l->domains, key.ptr, key.len, NULL);
		bits_add(l->below, &domain);
	}
	buf_finish(&key);
}

/* ---- the walk ---- */

/* What holds for all entries of a class. */
struct class_seen {
	bool blocks; /* names, now */
	bool order;  /* of one that is looked for */
	enum match match;
};

struct walk {
	const struct blockers *b;
	const struct lookout *l;
	size_t list;
	struct class_seen *classes; /* owned */
	struct buf key;
};

static void see_class(struct walk *w, uint32_t number)
{
	const struct segment *segment = w->b->sources[w->list].segment;
	const struct settings_list *settings = &w->b->settings->lists[w->list];
	struct segment_class class;
	struct provenance own = {.authority = NULL};
	segment_class(segment, number, &class);
	if (class.provenance != SEGMENT_NONE)
		segment_provenance(segment, class.provenance, &own);
	const struct provenance p =
	    list_provenance(class.provenance == SEGMENT_NONE ? NULL : &own, segment_defaults(segment), &settings->provenance);
	const enum action action = class.has_action ? class.action : compile_list_action(segment, settings);
	struct class_seen *seen = &w->classes[number];
	seen->match = compile_entry_match(segment, &class, settings);
	seen->blocks = action == ACTION_BLOCK && seen->match <= MATCH_SUBDOMAINS && !class.shadow &&
		       (p.lifted == NULL || p.lifted_s > w->b->now_s) && (p.expires == NULL || p.expires_s > w->b->now_s);
	const char *order = seen->blocks && w->l->orders.count > 0 ? order_of(w->b, w->list, &class) : NULL;
	uint32_t unused;
	if (order != NULL) {
		put_key(&w->key, w->list, order, strlen(order));
		seen->order = intern_find(&w->l->orders, w->key.ptr, w->key.len, &unused);
	}
}

/* False: it has nothing to do with what is looked for. */
static bool relate(struct walk *w, const struct segment_entry *e, const struct class_seen *class, struct blocker *ret)
{
	uint64_t hashes[NAME_LABELS_MAX + 1];
	const size_t labels = suffix_hashes(e->wire, hashes);
	const unsigned own = bits_have(w->l->own, hashes[0]) ? flags_of(w->l, e->wire, e->wire_len) : 0;
	bool below = false, domain = false;
	for (size_t i = 0, at = 0; i < labels; at += e->wire[at] + 1u, i++) {
		const uint8_t *wire = e->wire + at;
		const size_t len = e->wire_len - at;
		uint32_t unused;
		if (!bits_have(w->l->below, hashes[i]))
			continue;
		below |= i > 0 && (flags_of(w->l, wire, len) & FLAG_WANTED) != 0;
		put_key(&w->key, w->list, wire, len);
		domain |= intern_find(&w->l->domains, w->key.ptr, w->key.len, &unused);
	}
	ret->sibling = class->order || domain;
	if ((own & FLAG_WANTED) != 0)
		ret->relation = RELATION_SAME;
	else if ((own & FLAG_ABOVE) != 0 && class->match != MATCH_EXACT)
		ret->relation = RELATION_PARENT;
	else if (below)
		ret->relation = RELATION_CHILD;
	else if (ret->sibling)
		ret->relation = class->order ? RELATION_ORDER : RELATION_DOMAIN;
	else
		return false;
	return true;
}

bool blocker_is_wide(const struct name *name)
{
	char text[NAME_TEXT_MAX];
	return name->labels <= 1 || psl_is_public_suffix(psl_builtin(), name_to_text(name, text)) != 0;
}

/* False: found said to end. */
static bool walk_list(struct walk *w, blocker_found *found, void *arg)
{
	const struct segment *segment = w->b->sources[w->list].segment;
	const uint32_t classes = (uint32_t)segment_class_count(segment);
	struct segment_cursor cursor = {0};
	struct segment_entry e;
	struct blocker one = {.list = w->list};
	bool go_on = true;
	w->classes = base_alloc(((size_t)classes + 1) * sizeof(w->classes[0]));
	for (uint32_t i = 0; i < classes; i++)
		see_class(w, i);
	while (go_on && segment_next(segment, &cursor, &e)) {
		const struct class_seen *class = &w->classes[e.class];
		if (e.wire == NULL || !class->blocks || !relate(w, &e, class, &one) ||
		    !name_from_wire(e.wire, e.wire_len, &one.name) ||
		    lifts_find(w->b->lifts, w->b->settings->lists[w->list].name, &one.name, ACTION_BLOCK) != NULL)
			continue;
		one.match = class->match;
		one.below = class->match != MATCH_EXACT;
		one.class = e.class;
		one.line = e.line;
		go_on = found(arg, &one);
	}
	free(w->classes);
	w->classes = NULL;
	return go_on;
}

void blockers_walk(const struct blockers *b, const struct lookout *l, blocker_found *found, void *arg)
{
	struct walk w = {.b = b, .l = l};
	for (w.list = 0; w.list < b->settings->list_count; w.list++) {
		if (b->settings->lists[w.list].mode == MODE_ENFORCE && b->sources[w.list].segment != NULL &&
		    !walk_list(&w, found, arg))
			break;
	}
	buf_finish(&w.key);
}

void blockers_list(const struct blockers *b, size_t list, listed_found *found, void *arg)
{
	const struct segment *segment = b->sources[list].segment;
	const struct settings_list *settings = &b->settings->lists[list];
	struct segment_cursor cursor = {0};
	struct segment_entry e;
	if (segment == NULL)
		return;
	const uint32_t count = (uint32_t)segment_class_count(segment);
	struct listed *classes = base_alloc(((size_t)count + 1) * sizeof(*classes));
	for (uint32_t i = 0; i < count; i++) {
		struct segment_class class;
		segment_class(segment, i, &class);
		classes[i] = (struct listed){.entry = &e,
					     .match = compile_entry_match(segment, &class, settings),
					     .action = class.has_action ? class.action : compile_list_action(segment, settings)};
	}
	while (segment_next(segment, &cursor, &e) && found(arg, &classes[e.class]))
		;
	free(classes);
}
