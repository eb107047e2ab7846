/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hash table of names, open-addressed, at most half full. Every name above one with records is in it too, without any: what
 * RFC 4592 §2.2.2 calls an empty non-terminal, which ends a wildcard's reach. */
#include "settings/locals.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "settings/reverse.h"
#include "wire/rrtype.h"

#define HASH_ODD 0x9e3779b97f4a7c15ull
#define NO_ITEM UINT32_MAX

struct node {
	const uint8_t *name;
	uint64_t hash;
	uint32_t first, count; /* of rrs; while building: the head of its chain of items */
	uint32_t count_far;    /* of them, those that clients elsewhere are told */
	uint8_t len, labels;
	bool has_star;	  /* `*` stands below it, with records */
	bool from_config; /* saring.yaml has it: hosts files say nothing of it */
};

struct locals {
	struct arena arena; /* names, rdata, sources */
	struct node *nodes;
	size_t node_count, node_cap;
	uint32_t *slots; /* a node's number + 1; 0: free */
	size_t slot_count;
	struct locals_rr *rrs;
	size_t rr_count;
	const char **sources;
	size_t source_count;
	struct locals_counts counts;
	struct locals_sieve sieve; /* all: has stars */
};

/* ---- the table ---- */

/* Of whole words; not keyed, since who chooses what is in the table is the operator, and a probe ends at the first free slot. */
static uint64_t hash_wire(const uint8_t *wire, size_t len)
{
	uint64_t hash = len * HASH_ODD, word;
	for (; len >= sizeof(word); wire += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, wire, sizeof(word));
		hash = (hash ^ word) * HASH_ODD;
		hash ^= hash >> 32;
	}
	word = 0;
	for (size_t i = 0; i < len; i++)
		word = word << 8 | wire[i];
	hash = (hash ^ word) * HASH_ODD;
	return hash ^ hash >> 29;
}

static const struct node *find(const struct locals *l, const uint8_t *wire, size_t len)
{
	uint64_t hash = hash_wire(wire, len);
	for (size_t slot = hash & (l->slot_count - 1); l->slots[slot] != 0; slot = (slot + 1) & (l->slot_count - 1)) {
		const struct node *n = &l->nodes[l->slots[slot] - 1];
		if (n->hash == hash && n->len == len && memcmp(n->name, wire, len) == 0)
			return n;
	}
	return NULL;
}

/* The same for a look-up: most names are not there. */
static inline const struct node *look_up(const struct locals *l, const uint8_t *wire, size_t len)
{
	return locals_sieve_has(&l->sieve, wire, len) ? find(l, wire, len) : NULL;
}

static void put_slot(struct locals *l, size_t node)
{
	size_t slot = l->nodes[node].hash & (l->slot_count - 1);
	while (l->slots[slot] != 0)
		slot = (slot + 1) & (l->slot_count - 1);
	l->slots[slot] = (uint32_t)node + 1;
}

static void grow(struct locals *l)
{
	l->node_cap = l->node_cap == 0 ? 64 : l->node_cap * 2;
	l->nodes = base_realloc(l->nodes, l->node_cap * sizeof(*l->nodes));
	free(l->slots);
	l->slot_count = l->node_cap * 2;
	l->slots = base_alloc(l->slot_count * sizeof(*l->slots));
	for (size_t i = 0; i < l->node_count; i++)
		put_slot(l, i);
}

static unsigned count_labels(const uint8_t *wire)
{
	unsigned labels = 0;
	for (; *wire != 0; wire += *wire + 1)
		labels++;
	return labels;
}

/* The number of the name's node, which is made when it is not there, with all above it. name stays where it is. */
static size_t make(struct locals *l, const uint8_t *name, size_t len)
{
	size_t made = SIZE_MAX;
	for (;;) {
		const struct node *there = find(l, name, len);
		if (there != NULL)
			return made == SIZE_MAX ? (size_t)(there - l->nodes) : made;
		if (l->node_count == l->node_cap)
			grow(l);
		struct node *n = &l->nodes[l->node_count];
		*n = (struct node){.name = name,
				   .hash = hash_wire(name, len),
				   .first = NO_ITEM,
				   .len = (uint8_t)len,
				   .labels = (uint8_t)count_labels(name)};
		put_slot(l, l->node_count);
		if (made == SIZE_MAX)
			made = l->node_count;
		l->node_count++;
		if (len <= 1)
			return made; /* the root */
		size_t step = (size_t)name[0] + 1;
		name += step;
		len -= step;
	}
}

/* ---- building ---- */

/* Records while they are put together: chained at their nodes, each new one in front. */
struct build {
	struct locals *l;
	struct locals_rr *items;
	uint32_t *next;
	size_t count, cap;
};

static void add(struct build *b, struct str name, const struct locals_rr *rr)
{
	struct locals *l = b->l;
	size_t at = make(l, (const uint8_t *)arena_strndup(&l->arena, name.ptr, name.len), name.len);
	if (b->count == b->cap) {
		b->cap = b->cap == 0 ? 64 : b->cap * 2;
		b->items = base_realloc(b->items, b->cap * sizeof(*b->items));
		b->next = base_realloc(b->next, b->cap * sizeof(*b->next));
	}
	b->items[b->count] = *rr;
	b->next[b->count] = l->nodes[at].first;
	l->nodes[at].first = (uint32_t)b->count++;
	l->nodes[at].from_config |= rr->source == 0 && !rr->made;
}

static bool is_loopback(uint16_t type, struct str rdata)
{
	static const uint8_t six[16] = {[15] = 1};
	return type == RRTYPE_A ? (uint8_t)rdata.ptr[0] == 127 : memcmp(rdata.ptr, six, sizeof(six)) == 0;
}

static bool is_address(uint16_t type)
{
	return type == RRTYPE_A || type == RRTYPE_AAAA;
}

static bool is_wild(struct str name)
{
	return name.len > 1 && name.ptr[0] == 1 && name.ptr[1] == '*';
}

static struct locals_rr rr_of(struct locals *l, const struct locals_record *r)
{
	return (struct locals_rr){.type = r->type,
				  .len = (uint16_t)r->rdata.len,
				  .ttl_s = r->ttl_s,
				  .rdata = (const uint8_t *)arena_strndup(&l->arena, r->rdata.ptr, r->rdata.len),
				  .line = r->line,
				  .source = r->source,
				  .near = r->source != 0 && is_address(r->type) && is_loopback(r->type, r->rdata)};
}

static bool has_items(const struct locals *l, struct str name, bool from_config)
{
	const struct node *n = find(l, (const uint8_t *)name.ptr, name.len);
	return n != NULL && n->first != NO_ITEM && (!from_config || n->from_config);
}

/* Does an address name a host? Not where it means nowhere, and localhost's own is answered by RFC 6303. */
static bool names_host(const struct locals_record *r)
{
	static const uint8_t zero[16], six[16] = {[15] = 1}, four[4] = {127, 0, 0, 1};
	if (!is_address(r->type) || is_wild(r->name) || r->second)
		return false;
	return memcmp(r->rdata.ptr, zero, r->rdata.len) != 0 &&
	       memcmp(r->rdata.ptr, r->type == RRTYPE_A ? four : six, r->rdata.len) != 0;
}

/* The PTRs that follow from addresses: the first name of each, unless somebody says otherwise. */
static void add_reverse(struct build *b, const struct locals_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct locals_record *r = &records[i];
		struct name reverse;
		if (!names_host(r) || (r->source != 0 && has_items(b->l, r->name, true)))
			continue;
		reverse_of_address((const uint8_t *)r->rdata.ptr, r->rdata.len, &reverse);
		struct str owner = {(const char *)reverse.wire, reverse.len};
		if (has_items(b->l, owner, false))
			continue;
		struct locals_rr rr = {.type = RRTYPE_PTR,
				       .len = (uint16_t)r->name.len,
				       .ttl_s = r->ttl_s,
				       .rdata = (const uint8_t *)arena_strndup(&b->l->arena, r->name.ptr, r->name.len),
				       .line = r->line,
				       .source = r->source,
				       .made = true,
				       .near = r->source != 0 && is_loopback(r->type, r->rdata)};
		add(b, owner, &rr);
		b->l->counts.made++;
	}
}

static void add_all(struct build *b, const struct locals_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct locals_record *r = &records[i];
		if (r->source != 0 && has_items(b->l, r->name, true))
			continue;
		struct locals_rr rr = rr_of(b->l, r);
		add(b, r->name, &rr);
		if (r->source == 0)
			b->l->counts.records++;
		else
			b->l->counts.hosts++;
	}
}

/* Those that all are told come first; then by type, and as they were written. */
static int compare_rrs(const void *a, const void *b)
{
	const struct locals_rr *x = a, *y = b;
	if (x->near != y->near)
		return x->near ? 1 : -1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

/* Two hosts files, or lines, that say the same. */
static size_t drop_doubles(struct locals_rr *rrs, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		bool twice = false;
		for (size_t j = kept; j > 0 && !twice && rrs[j - 1].type == rrs[i].type; j--)
			twice = rrs[j - 1].len == rrs[i].len && memcmp(rrs[j - 1].rdata, rrs[i].rdata, rrs[i].len) == 0;
		if (!twice)
			rrs[kept++] = rrs[i];
	}
	return kept;
}

/* All records of one type have one TTL (RFC 2181 §5.2): the least that was said. */
static void even_ttls(struct locals_rr *rrs, size_t count)
{
	for (size_t from = 0, to; from < count; from = to) {
		uint32_t least = rrs[from].ttl_s;
		for (to = from; to < count && rrs[to].type == rrs[from].type && rrs[to].near == rrs[from].near; to++)
			least = MIN(least, rrs[to].ttl_s);
		for (size_t i = from; i < to; i++)
			rrs[i].ttl_s = least;
	}
}

/* Each node's records side by side. */
static void lay_out(struct build *b)
{
	struct locals *l = b->l;
	l->rrs = base_alloc(MAX(b->count, (size_t)1) * sizeof(*l->rrs));
	for (size_t i = 0; i < l->node_count; i++) {
		struct node *n = &l->nodes[i];
		struct locals_rr *to = l->rrs + l->rr_count;
		size_t count = 0;
		for (uint32_t at = n->first; at != NO_ITEM; at = b->next[at])
			to[count++] = b->items[at];
		if (count > 1)
			qsort(to, count, sizeof(*to), compare_rrs);
		count = count > 1 && !n->from_config ? drop_doubles(to, count) : count;
		even_ttls(to, count);
		n->first = (uint32_t)l->rr_count;
		n->count = (uint32_t)count;
		for (n->count_far = 0; n->count_far < n->count && !to[n->count_far].near;)
			n->count_far++;
		l->rr_count += count;
		l->counts.names += count > 0;
	}
}

static void note_stars(struct locals *l)
{
	for (size_t i = 0; i < l->node_count; i++) {
		const struct node *n = &l->nodes[i];
		if (n->count == 0 || !is_wild((struct str){(const char *)n->name, n->len}))
			continue;
		const struct node *above = find(l, n->name + 2, n->len - 2u);
		l->nodes[above - l->nodes].has_star = true;
		l->sieve.all = true;
	}
}

/* So many bits for each name, or a few more, that other names seldom hit one. */
#define SIEVE_BITS 16u

static void put_bit(struct locals_sieve *sieve, const uint8_t *wire, size_t len)
{
	if (len < LOCALS_SIEVE_LEN)
		return;
	const uint64_t bit = locals_sieve_bit(sieve, wire, len);
	sieve->bits[bit / 64] |= (uint64_t)1 << bit % 64;
}

static void make_sieve(struct locals *l)
{
	unsigned order = 10;
	while (((size_t)1 << order) < l->node_count * SIEVE_BITS)
		order++;
	l->sieve.shift = 64 - order;
	l->sieve.bits = base_alloc(((size_t)1 << order) / 8);
	for (size_t i = 0; i < l->node_count; i++)
		put_bit(&l->sieve, l->nodes[i].name, l->nodes[i].len);
}

struct locals *locals_build(const struct locals_record *records, size_t count, const struct locals_record *hosts, size_t host_count,
			    const char *const *sources, size_t source_count)
{
	if (count == 0 && host_count == 0)
		return NULL;
	struct locals *l = base_alloc(sizeof(*l));
	struct build b = {.l = l};
	l->sources = arena_alloc(&l->arena, source_count * sizeof(*l->sources));
	for (size_t i = 0; i < source_count; i++)
		l->sources[i] = arena_strdup(&l->arena, sources[i]);
	l->source_count = source_count;
	grow(l);
	add_all(&b, records, count);
	add_all(&b, hosts, host_count);
	add_reverse(&b, records, count);
	add_reverse(&b, hosts, host_count);
	lay_out(&b);
	note_stars(l);
	make_sieve(l);
	free(b.items);
	free(b.next);
	return l;
}

void locals_destroy(struct locals *l)
{
	if (l == NULL)
		return;
	arena_finish(&l->arena);
	free(l->nodes);
	free(l->slots);
	free(l->sieve.bits);
	free(l->rrs);
	free(l);
}

/* ---- look-up ---- */

const struct locals_sieve *locals_sieve(const struct locals *l)
{
	return l == NULL ? NULL : &l->sieve;
}

static void take(const struct locals *l, const struct node *n, bool near, struct locals_found *ret)
{
	ret->rrs = l->rrs + n->first;
	ret->count = near ? n->count : n->count_far;
}

/* The labels of the nearest name above, of at most so many, that a wildcard stands under; 0: there is none. */
static unsigned star_above(const struct locals *l, const struct name *name, const uint8_t *offsets, unsigned labels)
{
	for (; l->sieve.all && labels > 0; labels--) {
		size_t at = offsets[name->labels - labels];
		const struct node *n = look_up(l, name->wire + at, name->len - at);
		if (n != NULL && n->has_star)
			return labels;
	}
	return 0;
}

/* name itself is not in the table (RFC 4592 §3.3.1: the closest encloser's wildcard, and no other's). */
static void find_wild(const struct locals *l, const struct name *name, const uint8_t *offsets, bool near, struct locals_found *ret)
{
	struct name star = {.wire = {1, '*'}};
	const struct node *n = NULL;
	unsigned labels = name->labels;
	while (labels > 1 && n == NULL) {
		size_t at = offsets[name->labels - --labels];
		n = look_up(l, name->wire + at, name->len - at);
	}
	if (n == NULL)
		return;
	if (n->has_star) {
		memcpy(star.wire + 2, n->name, n->len);
		take(l, find(l, star.wire, n->len + 2u), near, ret);
		ret->kind = LOCALS_HERE;
		ret->zone_labels = labels;
		return;
	}
	ret->zone_labels = star_above(l, name, offsets, labels);
	ret->kind = ret->zone_labels > 0 ? LOCALS_DENIED : LOCALS_NONE;
}

void locals_find(const struct locals *l, const struct name *name, bool near, struct locals_found *ret)
{
	uint8_t offsets[NAME_LABELS_MAX + 1];
	const struct node *n = look_up(l, name->wire, name->len);

	*ret = (struct locals_found){.kind = LOCALS_NONE};
	if (n == NULL && !l->sieve.all)
		return;
	if (l->sieve.all)
		(void)name_offsets(name, offsets);
	if (n == NULL) {
		find_wild(l, name, offsets, near, ret);
		return;
	}
	take(l, n, near, ret);
	ret->zone_labels = name->labels > 0 ? star_above(l, name, offsets, name->labels - 1u) : 0;
	if (ret->zone_labels > 0) {
		ret->kind = LOCALS_HERE;
		return;
	}
	ret->zone_labels = name->labels;
	ret->kind = ret->count > 0 ? LOCALS_HERE : name->labels > 0 ? LOCALS_ABOVE : LOCALS_NONE;
}

const struct locals_rr *locals_of_type(const struct locals_found *found, uint16_t type)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->rrs[i].type == type)
			return &found->rrs[i];
	return NULL;
}

/* ---- for people ---- */

const char *locals_source(const struct locals *l, uint16_t source)
{
	return source < l->source_count ? l->sources[source] : "";
}

void locals_counts(const struct locals *l, struct locals_counts *ret)
{
	*ret = (struct locals_counts){.names = 0};
	if (l != NULL)
		*ret = l->counts;
}

bool locals_next(const struct locals *l, struct locals_walk *at, struct name *ret_owner, const struct locals_rr **ret)
{
	if (l == NULL)
		return false;
	while (at->node < l->node_count && at->rr == l->nodes[at->node].count) {
		at->node++;
		at->rr = 0;
	}
	if (at->node == l->node_count)
		return false;
	const struct node *n = &l->nodes[at->node];
	must(name_from_wire(n->name, n->len, ret_owner));
	*ret = &l->rrs[n->first + at->rr++];
	return true;
}
