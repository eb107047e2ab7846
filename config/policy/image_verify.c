/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One pass over everything an image holds, so that match.c and explain.c need not doubt it. The checksum finds accidents; this
 * finds what a compiler with a bug, or somebody who can compute checksums, would have put there. Nothing here trusts a number
 * before it looked. */
#include "policy/image.h"

#include <stdlib.h>

static bool damaged(struct err *err, const char *what, size_t index)
{
	return err_set(err, ERR_INPUT, "the image is not sound: %s %zu", what, index);
}

static bool string_is_good(const struct policy *p, uint32_t id)
{
	return id == IMAGE_NONE || id < p->sections[IMAGE_STRING_ENDS].count;
}

static bool strings_verify(const struct policy *p, struct err *err)
{
	const struct image_section *ends = &p->sections[IMAGE_STRING_ENDS], *bytes = &p->sections[IMAGE_STRINGS];
	size_t before = 0;
	if (ends->count >= IMAGE_NONE)
		return damaged(err, "string count", ends->count);
	for (size_t i = 0; i < ends->count; i++) {
		size_t end = image_u32(image_at(ends, i));
		if (end < before || end > bytes->count)
			return damaged(err, "string", i);
		if (!str_is_utf8((struct str){(const char *)bytes->base + before, end - before}))
			return damaged(err, "text of string", i);
		before = end;
	}
	if (before != bytes->count)
		return damaged(err, "bytes after string", ends->count);
	return true;
}

static bool lists_verify(const struct policy *p, struct err *err)
{
	const struct image_section *lists = &p->sections[IMAGE_LISTS], *untils = &p->sections[IMAGE_UNTILS];
	size_t next = 0;
	if (lists->count > UINT16_MAX)
		return damaged(err, "list count", lists->count);
	for (size_t i = 0; i < lists->count; i++) {
		const uint8_t *r = image_at(lists, i);
		size_t first = image_u32(r + IMAGE_LIST_UNTIL_FIRST), count = image_u32(r + IMAGE_LIST_UNTIL_COUNT);
		if (!string_is_good(p, image_u32(r + IMAGE_LIST_NAME)) || !string_is_good(p, image_u32(r + IMAGE_LIST_FILE)) ||
		    !string_is_good(p, image_u32(r + IMAGE_LIST_TITLE)))
			return damaged(err, "a string of list", i);
		if (r[IMAGE_LIST_ACTION] > ACTION_ALLOW || r[IMAGE_LIST_MODE] > MODE_SHADOW || r[IMAGE_LIST_MANDATORY] > 1 ||
		    r[IMAGE_LIST_ANSWER] > ANSWER_ADDRESS)
			return damaged(err, "a setting of list", i);
		if (first != next || count > untils->count - next)
			return damaged(err, "the ends of list", i);
		for (size_t j = first; j + 1 < first + count; j++) {
			if (image_i64(image_at(untils, j)) > image_i64(image_at(untils, j + 1)))
				return damaged(err, "the order of ends of list", i);
		}
		next += count;
	}
	if (next != untils->count)
		return damaged(err, "ends after list", lists->count);
	return true;
}

static bool provenance_verify(const struct policy *p, struct err *err)
{
	static const uint8_t strings[] = {IMAGE_PROV_AUTHORITY, IMAGE_PROV_REASON,  IMAGE_PROV_REFERENCE, IMAGE_PROV_ADDED,
					  IMAGE_PROV_REVIEW,	IMAGE_PROV_EXPIRES, IMAGE_PROV_LIFTED,	  IMAGE_PROV_EXTRA_TEXT};
	const struct image_section *records = &p->sections[IMAGE_PROVENANCE], *contacts = &p->sections[IMAGE_CONTACTS];
	for (size_t i = 0; i < contacts->count; i++) {
		uint32_t id = image_u32(image_at(contacts, i));
		if (id == IMAGE_NONE || !string_is_good(p, id))
			return damaged(err, "contact", i);
	}
	for (size_t i = 0; i < records->count; i++) {
		const uint8_t *r = image_at(records, i);
		for (size_t j = 0; j < ARRAY_LEN(strings); j++) {
			if (!string_is_good(p, image_u32(r + strings[j])))
				return damaged(err, "a string of provenance", i);
		}
		if (image_string(p, image_u32(r + IMAGE_PROV_EXTRA_TEXT)).len > IMAGE_EXTRA_TEXT_MAX)
			return damaged(err, "the short text of provenance", i);
		size_t first = image_u32(r + IMAGE_PROV_CONTACT_FIRST), count = image_u16(r + IMAGE_PROV_CONTACT_COUNT);
		if (count > IMAGE_CONTACTS_MAX || first > contacts->count || count > contacts->count - first)
			return damaged(err, "the contacts of provenance", i);
		if (r[IMAGE_PROV_CODE] > CODE_FILTERED)
			return damaged(err, "the code of provenance", i);
		if ((image_u32(r + IMAGE_PROV_EXPIRES) == IMAGE_NONE && image_i64(r + IMAGE_PROV_EXPIRES_S) != IMAGE_FOREVER) ||
		    (image_u32(r + IMAGE_PROV_LIFTED) == IMAGE_NONE && image_i64(r + IMAGE_PROV_LIFTED_S) != IMAGE_FOREVER))
			return damaged(err, "the times of provenance", i);
	}
	return true;
}

/* The name of a record: within WIRE, one whole name, folded, with the hash and the labels the record says. */
static bool name_verify(const struct policy *p, const uint8_t *r, struct name *ret)
{
	const struct image_section *wire = &p->sections[IMAGE_WIRE];
	size_t pos = image_u32(r + IMAGE_NAME_WIRE), len = r[IMAGE_NAME_LEN];
	if (pos > wire->count || len > wire->count - pos || !name_from_wire(wire->base + pos, len, ret) || ret->len != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (ret->wire[i] >= 'A' && ret->wire[i] <= 'Z') /* a label's length is below these */
			return false;
	}
	return ret->labels == r[IMAGE_NAME_LABELS] && image_hash(&p->key, ret->wire, len) == image_u64(r + IMAGE_NAME_HASH);
}

/* In order of (hash, wire), no name twice. */
static bool names_ordered(const struct policy *p, const uint8_t *a, const uint8_t *b)
{
	uint64_t ha = image_u64(a + IMAGE_NAME_HASH), hb = image_u64(b + IMAGE_NAME_HASH);
	if (ha != hb)
		return ha < hb;
	const uint8_t *wire = p->sections[IMAGE_WIRE].base;
	size_t la = a[IMAGE_NAME_LEN], lb = b[IMAGE_NAME_LEN];
	int order = memcmp(wire + image_u32(a + IMAGE_NAME_WIRE), wire + image_u32(b + IMAGE_NAME_WIRE), MIN(la, lb));
	return order < 0 || (order == 0 && la < lb);
}

static bool table_verify(const struct policy *p, const struct image_table *t, const char *what, uint64_t ret_labels[2],
			 struct err *err)
{
	struct name name;
	if (t->names.count >= IMAGE_NONE || t->bits > IMAGE_BITS_MAX || t->dir.count != ((size_t)1 << t->bits) + 1)
		return damaged(err, what, t->dir.count);
	for (size_t i = 0; i < t->names.count; i++) {
		const uint8_t *r = image_at(&t->names, i);
		if (!name_verify(p, r, &name) || (i > 0 && !names_ordered(p, image_at(&t->names, i - 1), r)))
			return damaged(err, what, i);
		ret_labels[name.labels / 64] |= (uint64_t)1 << (name.labels % 64);
	}
	/* The directory is what the names' order makes it: each bucket begins where the first hash of it, or of a later one, lies.
	 */
	size_t place = 0;
	for (size_t bucket = 0; bucket < t->dir.count; bucket++) {
		while (place < t->names.count &&
		       image_bucket(image_u64(image_at(&t->names, place) + IMAGE_NAME_HASH), t->bits) < bucket)
			place++;
		if (image_u32(image_at(&t->dir, bucket)) != place)
			return damaged(err, what, bucket);
	}
	return true;
}

/* NAMES' runs of entries cover all entries with a name, in order, none twice. */
static bool runs_verify(const struct policy *p, struct err *err)
{
	size_t next = 0;
	for (size_t i = 0; i < p->names.names.count; i++) {
		const uint8_t *r = image_at(&p->names.names, i);
		size_t first = image_u32(r + IMAGE_NAME_FIRST), count = image_u32(r + IMAGE_NAME_COUNT);
		if (first != next || count == 0 || count > p->pattern_first - next)
			return damaged(err, "the entries of name", i);
		for (size_t j = first; j < first + count; j++) {
			if (image_u32(image_record(p, IMAGE_ENTRIES, j) + IMAGE_ENTRY_NAME) != i)
				return damaged(err, "the name of entry", j);
		}
		next += count;
	}
	if (next != p->pattern_first)
		return damaged(err, "no name for entry", next);
	return true;
}

static bool entry_verify(const struct policy *p, size_t i)
{
	const uint8_t *cold = image_record(p, IMAGE_COLD, i), *hot = image_record(p, IMAGE_ENTRIES, i);
	uint32_t provenance = image_u32(cold + IMAGE_COLD_PROVENANCE), text = image_u32(cold + IMAGE_COLD_TEXT);
	bool is_pattern = i >= p->pattern_first;
	if (hot[IMAGE_ENTRY_MATCH] > MATCH_REGEX || (hot[IMAGE_ENTRY_MATCH] == MATCH_REGEX) != is_pattern ||
	    (is_pattern && image_u32(hot + IMAGE_ENTRY_NAME) != IMAGE_NONE))
		return false;
	if (provenance >= p->sections[IMAGE_PROVENANCE].count || text == IMAGE_NONE || !string_is_good(p, text))
		return false;
	struct image_entry e = image_entry(p, i);
	if (e.list >= p->sections[IMAGE_LISTS].count)
		return false;
	const uint8_t *list = image_record(p, IMAGE_LISTS, e.list);
	if (e.rank != (unsigned)rank_of((enum action)list[IMAGE_LIST_ACTION], list[IMAGE_LIST_MANDATORY] != 0) ||
	    e.shadow != (list[IMAGE_LIST_MODE] == MODE_SHADOW))
		return false;
	const uint8_t *prov = image_record(p, IMAGE_PROVENANCE, provenance);
	return e.until_s == MIN(image_i64(prov + IMAGE_PROV_EXPIRES_S), image_i64(prov + IMAGE_PROV_LIFTED_S));
}

/* Entries of one name, and regular expressions among themselves, stand best first: the matcher stops at the first that serves. */
static bool entries_ordered(const struct policy *p, size_t i)
{
	struct image_entry a = image_entry(p, i), b = image_entry(p, i + 1);
	if (a.name != b.name)
		return true;
	if (a.rank != b.rank)
		return a.rank < b.rank;
	if (a.match != b.match)
		return a.match < b.match;
	if (a.list != b.list)
		return a.list < b.list;
	return image_u32(image_record(p, IMAGE_COLD, i) + IMAGE_COLD_LINE) <=
	       image_u32(image_record(p, IMAGE_COLD, i + 1) + IMAGE_COLD_LINE);
}

static bool entries_verify(const struct policy *p, unsigned ranks, struct err *err)
{
	const size_t count = p->sections[IMAGE_ENTRIES].count, list_count = p->sections[IMAGE_LISTS].count;
	unsigned seen = 0;
	if (count >= IMAGE_NONE || p->sections[IMAGE_COLD].count != count)
		return damaged(err, "entry count", count);
	for (size_t i = 0; i < count; i++) {
		if (!entry_verify(p, i))
			return damaged(err, "entry", i);
		if (i > 0 && !entries_ordered(p, i - 1))
			return damaged(err, "the order at entry", i);
		seen |= 1u << image_entry(p, i).rank;
	}
	if (seen != ranks)
		return damaged(err, "ranks", ranks);

	uint32_t *counts = base_alloc((list_count + 1) * 2 * sizeof(uint32_t)); /* entries, and those that end, for each list */
	for (size_t i = 0; i < count; i++) {
		struct image_entry e = image_entry(p, i);
		counts[2 * (size_t)e.list]++;
		counts[2 * (size_t)e.list + 1] += e.until_s != IMAGE_FOREVER;
	}
	size_t list = 0;
	while (list < list_count && image_u32(image_record(p, IMAGE_LISTS, list) + IMAGE_LIST_ENTRY_COUNT) == counts[2 * list] &&
	       image_u32(image_record(p, IMAGE_LISTS, list) + IMAGE_LIST_UNTIL_COUNT) == counts[2 * list + 1])
		list++;
	free(counts);
	return list == list_count || damaged(err, "the entries of list", list);
}

bool image_verify(const struct policy *p, unsigned ranks, struct err *err)
{
	uint64_t labels[2] = {0, 0}, below_labels[2] = {0, 0};
	if (!strings_verify(p, err) || !lists_verify(p, err) || !provenance_verify(p, err))
		return false;
	if (!table_verify(p, &p->names, "name", labels, err) || !table_verify(p, &p->below, "ancestor", below_labels, err))
		return false;
	if (labels[0] != p->label_counts[0] || labels[1] != p->label_counts[1])
		return damaged(err, "label counts of names", p->names.names.count);
	if (p->sections[IMAGE_BELOW_TIMES].count != p->below.names.count)
		return damaged(err, "times of ancestors", p->sections[IMAGE_BELOW_TIMES].count);
	if (p->sections[IMAGE_NAME_DIR].count > IMAGE_NONE || p->sections[IMAGE_IPV4].count > UINT16_MAX ||
	    p->sections[IMAGE_IPV6].count > UINT16_MAX)
		return damaged(err, "addresses", p->sections[IMAGE_IPV4].count);
	return runs_verify(p, err) && entries_verify(p, ranks, err);
}
