/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One pass over everything an image holds but the names themselves, so that match.c and explain.c need not doubt it. The checksum
 * finds accidents; this finds what a compiler with a bug, or somebody who can compute checksums, would have put there. Nothing here
 * trusts a number before it looked. RECORDS, COLD and FILTER are too large to be gone through at every start: image_find.c reads
 * them within their bounds. */
#include "policy/cond.h"
#include "policy/image_read.h"
#include "policy/records.h"

static bool damaged(struct err *err, const char *what, size_t index)
{
	return err_set(err, ERR_INPUT, "the image is not sound: %s %zu", what, index);
}

static bool string_is_good(const struct image *im, uint32_t id)
{
	return id == IMAGE_NONE || id < im->sections[IMAGE_STRING_ENDS].count;
}

/* u32 after u32 none of which is less than the one before, from nought up to `last`. */
static bool is_ascending(const struct image_section *s, size_t last)
{
	uint32_t before = 0;
	bool good = s->count > 0 && le_get_u32(s->base) == 0;
	for (size_t i = 0; i < s->count; i++) {
		uint32_t now = le_get_u32(s->base + 4 * i);
		good &= now >= before;
		before = now;
	}
	return good && before == last;
}

static bool strings_verify(const struct image *im, struct err *err)
{
	const struct image_section *ends = &im->sections[IMAGE_STRING_ENDS], *bytes = &im->sections[IMAGE_STRINGS];
	size_t before = 0;
	if (ends->count >= IMAGE_NONE)
		return damaged(err, "string count", ends->count);
	for (size_t i = 0; i < ends->count; i++) {
		size_t end = le_get_u32(ends->base + 4 * i);
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

static bool list_settings_are_good(const struct image *im, const uint8_t *r)
{
	return string_is_good(im, le_get_u32(r + IMAGE_LIST_NAME)) && string_is_good(im, le_get_u32(r + IMAGE_LIST_FILE)) &&
	       string_is_good(im, le_get_u32(r + IMAGE_LIST_TITLE)) && r[IMAGE_LIST_ACTION] <= ACTION_ALLOW &&
	       r[IMAGE_LIST_MODE] <= MODE_SHADOW && r[IMAGE_LIST_MANDATORY] <= 1 && r[IMAGE_LIST_FORMAT] < FORMAT_COUNT;
}

static bool lists_verify(const struct image *im, struct err *err)
{
	const struct image_section *lists = &im->sections[IMAGE_LISTS], *untils = &im->sections[IMAGE_UNTILS];
	size_t next = 0;
	uint64_t entries = 0;
	if (lists->count > UINT16_MAX)
		return damaged(err, "list count", lists->count);
	for (size_t i = 0; i < lists->count; i++) {
		const uint8_t *r = image_at(im, IMAGE_LISTS, i);
		size_t first = le_get_u32(r + IMAGE_LIST_UNTIL_FIRST), count = le_get_u32(r + IMAGE_LIST_UNTIL_COUNT);
		if (!list_settings_are_good(im, r))
			return damaged(err, "a setting of list", i);
		if (i > 0 && le_get_u16(r + IMAGE_LIST_ORDER) <= le_get_u16(r - IMAGE_LIST_SIZE + IMAGE_LIST_ORDER))
			return damaged(err, "the place of list", i);
		if (first != next || count > untils->count - next || count > le_get_u32(r + IMAGE_LIST_ENTRY_COUNT) ||
		    le_get_u32(r + IMAGE_LIST_LIFTS) > le_get_u32(r + IMAGE_LIST_ENTRY_COUNT))
			return damaged(err, "the ends of list", i);
		for (size_t j = first; j + 1 < first + count; j++) {
			if (le_get_i64(untils->base + 8 * j) > le_get_i64(untils->base + 8 * (j + 1)))
				return damaged(err, "the order of ends of list", i);
		}
		next += count;
		entries += le_get_u32(r + IMAGE_LIST_ENTRY_COUNT);
	}
	if (next != untils->count)
		return damaged(err, "ends after list", lists->count);
	return entries == im->entry_count || damaged(err, "the entries of all lists:", (size_t)entries);
}

static bool provenance_verify(const struct image *im, struct err *err)
{
	static const uint8_t strings[] = {IMAGE_PROV_AUTHORITY,	     IMAGE_PROV_REASON,	      IMAGE_PROV_REFERENCE,
					  IMAGE_PROV_ADDED,	     IMAGE_PROV_REVIEW,	      IMAGE_PROV_EXPIRES,
					  IMAGE_PROV_LIFTED,	     IMAGE_PROV_LIFTED_BY,    IMAGE_PROV_LIFT_REASON,
					  IMAGE_PROV_LIFT_REFERENCE, IMAGE_PROV_ORGANIZATION, IMAGE_PROV_LANGUAGE};
	const struct image_section *records = &im->sections[IMAGE_PROVENANCE], *contacts = &im->sections[IMAGE_CONTACTS];
	for (size_t i = 0; i < contacts->count; i++) {
		uint32_t id = le_get_u32(contacts->base + 4 * i);
		if (id == IMAGE_NONE || !string_is_good(im, id))
			return damaged(err, "contact", i);
	}
	for (size_t i = 0; i < records->count; i++) {
		const uint8_t *r = image_at(im, IMAGE_PROVENANCE, i);
		for (size_t j = 0; j < ARRAY_LEN(strings); j++) {
			if (!string_is_good(im, le_get_u32(r + strings[j])))
				return damaged(err, "a string of provenance", i);
		}
		size_t first = le_get_u32(r + IMAGE_PROV_CONTACT_FIRST), count = le_get_u16(r + IMAGE_PROV_CONTACT_COUNT);
		if (count > IMAGE_CONTACTS_MAX || first > contacts->count || count > contacts->count - first)
			return damaged(err, "the contacts of provenance", i);
		if (r[IMAGE_PROV_CODE] > CODE_FILTERED || r[IMAGE_PROV_SUB_ERROR] >= SUB_ERROR_COUNT ||
		    !terms_sub_error_fits((enum sub_error)r[IMAGE_PROV_SUB_ERROR], (enum code)r[IMAGE_PROV_CODE]))
			return damaged(err, "the code of provenance", i);
		if ((le_get_u32(r + IMAGE_PROV_EXPIRES) == IMAGE_NONE && le_get_i64(r + IMAGE_PROV_EXPIRES_S) != IMAGE_FOREVER) ||
		    (le_get_u32(r + IMAGE_PROV_LIFTED) == IMAGE_NONE && le_get_i64(r + IMAGE_PROV_LIFTED_S) != IMAGE_FOREVER))
			return damaged(err, "the times of provenance", i);
	}
	return true;
}

/* After lists and provenance. */
static bool reviews_verify(const struct image *im, struct err *err)
{
	const struct image_section *s = &im->sections[IMAGE_REVIEWS];
	for (size_t i = 0; i < s->count; i++) {
		const uint8_t *r = image_at(im, IMAGE_REVIEWS, i);
		const uint32_t provenance = le_get_u32(r + IMAGE_REVIEW_PROVENANCE), count = le_get_u32(r + IMAGE_REVIEW_COUNT);
		const uint16_t list = le_get_u16(r + IMAGE_REVIEW_LIST);
		if (list >= im->sections[IMAGE_LISTS].count || provenance >= im->sections[IMAGE_PROVENANCE].count ||
		    le_get_u32(image_at(im, IMAGE_PROVENANCE, provenance) + IMAGE_PROV_REVIEW) == IMAGE_NONE)
			return damaged(err, "review", i);
		if (count == 0 || count > le_get_u32(image_at(im, IMAGE_LISTS, list) + IMAGE_LIST_ENTRY_COUNT))
			return damaged(err, "the entries of review", i);
		if (i > 0 && le_get_i64(r - IMAGE_REVIEW_SIZE + IMAGE_REVIEW_AT) > le_get_i64(r + IMAGE_REVIEW_AT))
			return damaged(err, "the order of review", i);
	}
	return true;
}

/* Bytes after their length, at a place of CONDS or DATA. */
static bool bytes_at(const struct image *im, enum image_section_id id, uint32_t place, struct str *ret)
{
	const struct image_section *s = &im->sections[id];
	if (s->count < 4 || place > s->count - 4)
		return false;
	uint32_t len = le_get_u32(s->base + place);
	*ret = (struct str){(const char *)s->base + place + 4, len};
	return len <= s->count - 4 - place;
}

/* What rules share is looked at once, when they stand together. */
struct seen {
	uint32_t cond, data;
};

static bool parts_are_good(const struct image *im, const uint8_t *r, struct seen *seen)
{
	uint32_t cond = le_get_u32(r + IMAGE_RULE_COND), data = le_get_u32(r + IMAGE_RULE_DATA);
	struct str bytes;
	if (cond != IMAGE_NONE && cond != seen->cond && (!bytes_at(im, IMAGE_CONDS, cond, &bytes) || !cond_verify(bytes)))
		return false;
	if (data != IMAGE_NONE && data != seen->data && (!bytes_at(im, IMAGE_DATA, data, &bytes) || !records_verify(bytes)))
		return false;
	*seen = (struct seen){cond, data};
	return data != IMAGE_NONE || r[IMAGE_RULE_ANSWER] != ANSWER_LOCAL;
}

/* A rule's pattern is one that says it is this rule's. */
static bool pattern_is_good(const struct image *im, const uint8_t *r, uint32_t rule)
{
	unsigned match = r[IMAGE_RULE_MATCH];
	uint32_t pattern = le_get_u32(r + IMAGE_RULE_PATTERN);
	if (match != MATCH_REGEX && match != MATCH_PATTERN)
		return pattern == IMAGE_NONE;
	if (pattern >= im->sections[IMAGE_PATTERNS].count)
		return false;
	const uint8_t *p = image_at(im, IMAGE_PATTERNS, pattern);
	return le_get_u32(p + IMAGE_PATTERN_RULE) == rule &&
	       ((le_get_u32(p + IMAGE_PATTERN_FLAGS) & IMAGE_PATTERN_REGEX) != 0) == (match == MATCH_REGEX);
}

static bool rule_is_good(const struct image *im, uint32_t rule, struct seen *seen)
{
	const uint8_t *r = image_rule(im, rule);
	unsigned rank = r[IMAGE_RULE_RANK] & ~IMAGE_SHADOW, list = le_get_u16(r + IMAGE_RULE_LIST);
	uint32_t extra = le_get_u32(r + IMAGE_RULE_EXTRA_TEXT);
	if (rank >= RANK_COUNT)
		return false;
	if (r[IMAGE_RULE_MATCH] == IMAGE_MATCH_BELOW)
		return true;			     /* read for its rank and its end only */
	if (r[IMAGE_RULE_MATCH] == IMAGE_MATCH_LIFT) /* its list may be of the other tier */
		return im->tier == IMAGE_LIVE && (r[IMAGE_RULE_RANK] & IMAGE_SHADOW) == 0 &&
		       le_get_u32(r + IMAGE_RULE_PROVENANCE) < im->sections[IMAGE_PROVENANCE].count;
	if (r[IMAGE_RULE_MATCH] > MATCH_CLIENT || r[IMAGE_RULE_ANSWER] > ANSWER_LOCAL || r[IMAGE_RULE_CODE] > CODE_FILTERED ||
	    (im->ranks >> rank & 1u) == 0)
		return false;
	if (list >= im->sections[IMAGE_LISTS].count ||
	    le_get_u32(r + IMAGE_RULE_PROVENANCE) >= im->sections[IMAGE_PROVENANCE].count)
		return false;
	const uint8_t *l = image_at(im, IMAGE_LISTS, list);
	if (le_get_u16(r + IMAGE_RULE_ORDER) != le_get_u16(l + IMAGE_LIST_ORDER) ||
	    rank_mandatory(rank) != (l[IMAGE_LIST_MANDATORY] != 0) ||
	    ((r[IMAGE_RULE_RANK] & IMAGE_SHADOW) == 0 && l[IMAGE_LIST_MODE] == MODE_SHADOW))
		return false;
	if (!string_is_good(im, extra) || (extra != IMAGE_NONE && image_string(im, extra).len > IMAGE_EXTRA_TEXT_MAX))
		return false;
	for (size_t form = 0; form < IMAGE_STRUCTURED_FORMS; form++) {
		uint32_t text = le_get_u32(r + IMAGE_RULE_STRUCTURED + 4 * form);
		if (!string_is_good(im, text) || (text != IMAGE_NONE && image_string(im, text).len > IMAGE_STRUCTURED_MAX))
			return false;
	}
	return parts_are_good(im, r, seen) && pattern_is_good(im, r, rule);
}

static bool rules_verify(const struct image *im, struct err *err)
{
	struct seen seen = {IMAGE_NONE, IMAGE_NONE};
	size_t count = im->sections[IMAGE_RULES].count;
	if (count >= IMAGE_NONE)
		return damaged(err, "rule count", count);
	for (size_t i = 0; i < count; i++) {
		if (!rule_is_good(im, (uint32_t)i, &seen))
			return damaged(err, "rule", i);
	}
	return true;
}

/* May a come before b in a set? By rank; among those that speak for a name by what they say, then by list. */
static bool set_is_in_order(const uint8_t *a, const uint8_t *b)
{
	unsigned ra = a[IMAGE_RULE_RANK] & ~IMAGE_SHADOW, rb = b[IMAGE_RULE_RANK] & ~IMAGE_SHADOW;
	if (ra != rb)
		return ra < rb;
	if (a[IMAGE_RULE_MATCH] != b[IMAGE_RULE_MATCH])
		return a[IMAGE_RULE_MATCH] < b[IMAGE_RULE_MATCH];
	return le_get_u16(a + IMAGE_RULE_ORDER) <= le_get_u16(b + IMAGE_RULE_ORDER);
}

static bool sets_verify(const struct image *im, struct err *err)
{
	const struct image_section *dir = &im->sections[IMAGE_SET_DIR], *sets = &im->sections[IMAGE_SETS];
	if (sets->count >= IMAGE_NONE || !is_ascending(dir, sets->count))
		return damaged(err, "set count", dir->count);
	for (size_t i = 0; i < sets->count; i++) {
		if (le_get_u32(sets->base + 4 * i) >= im->sections[IMAGE_RULES].count)
			return damaged(err, "set member", i);
		unsigned match = image_rule(im, le_get_u32(sets->base + 4 * i))[IMAGE_RULE_MATCH];
		if (match > MATCH_SUBDOMAINS && match != MATCH_PATTERN && match != IMAGE_MATCH_BELOW && match != IMAGE_MATCH_LIFT)
			return damaged(err, "match of set member", i);
	}
	for (size_t set = 0; set + 1 < dir->count; set++) {
		size_t first = le_get_u32(dir->base + 4 * set), end = le_get_u32(dir->base + 4 * (set + 1));
		for (size_t i = first; i + 1 < end; i++) {
			if (!set_is_in_order(image_rule(im, le_get_u32(sets->base + 4 * i)),
					     image_rule(im, le_get_u32(sets->base + 4 * (i + 1)))))
				return damaged(err, "order of set", set);
		}
	}
	return true;
}

static bool patterns_verify(const struct image *im, struct err *err)
{
	size_t count = im->sections[IMAGE_PATTERNS].count;
	unsigned before = 0;
	if (count >= IMAGE_NONE || im->general_count > count)
		return damaged(err, "pattern count", count);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *p = image_at(im, IMAGE_PATTERNS, i);
		uint32_t rule = le_get_u32(p + IMAGE_PATTERN_RULE), text = le_get_u32(p + IMAGE_PATTERN_TEXT);
		if (rule >= im->sections[IMAGE_RULES].count || le_get_u32(image_rule(im, rule) + IMAGE_RULE_PATTERN) != i ||
		    text == IMAGE_NONE || !string_is_good(im, text) || !string_is_good(im, le_get_u32(p + IMAGE_PATTERN_WRITTEN)) ||
		    le_get_u32(p + IMAGE_PATTERN_NEED) > 0xffffffu ||
		    le_get_u32(p + IMAGE_PATTERN_FLAGS) > (IMAGE_PATTERN_REGEX | IMAGE_PATTERN_CASELESS | IMAGE_PATTERN_SUBTREE))
			return damaged(err, "pattern", i);
		unsigned rank = image_rule(im, rule)[IMAGE_RULE_RANK] & ~IMAGE_SHADOW;
		if (i < im->general_count && rank < before)
			return damaged(err, "rank of pattern", i);
		before = rank;
	}
	return true;
}

static bool addresses_verify(const struct image *im, struct err *err)
{
	size_t count = im->sections[IMAGE_ADDRESSES].count;
	if (count >= IMAGE_NONE || im->answer_count > count)
		return damaged(err, "address count", count);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *a = image_at(im, IMAGE_ADDRESSES, i), *b = a - IMAGE_ADDRESS_SIZE;
		uint32_t rule = le_get_u32(a + IMAGE_ADDRESS_RULE);
		unsigned bits = a[IMAGE_ADDRESS_BITS];
		if (rule >= im->sections[IMAGE_RULES].count ||
		    image_rule(im, rule)[IMAGE_RULE_MATCH] != (i < im->answer_count ? MATCH_ADDRESS : MATCH_CLIENT) || bits > 128 ||
		    !addr_bits_are_zero(a + IMAGE_ADDRESS_BYTES, bits, 128) ||
		    !string_is_good(im, le_get_u32(a + IMAGE_ADDRESS_WRITTEN)))
			return damaged(err, "address", i);
		if (i > 0 && i != im->answer_count &&
		    (bits > b[IMAGE_ADDRESS_BITS] ||
		     (bits == b[IMAGE_ADDRESS_BITS] && memcmp(a + IMAGE_ADDRESS_BYTES, b + IMAGE_ADDRESS_BYTES, 16) < 0)))
			return damaged(err, "the order at address", i);
	}
	return im->sections[IMAGE_IPV4].count <= UINT16_MAX && im->sections[IMAGE_IPV6].count <= UINT16_MAX
		   ? true
		   : damaged(err, "addresses for answers:", im->sections[IMAGE_IPV4].count);
}

static bool lifts_verify(const struct image *im, struct err *err)
{
	const struct image_section *lifts = &im->sections[IMAGE_LIFTS];
	for (size_t i = 0; i < lifts->count; i++) {
		const uint8_t *lift = image_at(im, IMAGE_LIFTS, i);
		uint32_t rule = le_get_u32(lift + IMAGE_LIFT_RULE), name = le_get_u32(lift + IMAGE_LIFT_NAME);
		if (rule >= im->sections[IMAGE_RULES].count || image_rule(im, rule)[IMAGE_RULE_MATCH] != IMAGE_MATCH_LIFT ||
		    name == IMAGE_NONE || !string_is_good(im, name))
			return damaged(err, "lift", i);
	}
	return true;
}

static bool index_verify(const struct image *im, struct err *err)
{
	if (im->bits > IMAGE_BITS_MAX || im->sections[IMAGE_DIR].count != ((size_t)1 << im->bits) + 1)
		return damaged(err, "bucket count", im->sections[IMAGE_DIR].count);
	if (!is_ascending(&im->sections[IMAGE_DIR], im->sections[IMAGE_RECORDS].count))
		return damaged(err, "directory of names,", im->sections[IMAGE_DIR].count);
	size_t groups = (((size_t)1 << im->bits) + IMAGE_COLD_BUCKETS - 1) / IMAGE_COLD_BUCKETS;
	if (im->sections[IMAGE_COLD_DIR].count != groups + 1 ||
	    !is_ascending(&im->sections[IMAGE_COLD_DIR], im->sections[IMAGE_COLD].count))
		return damaged(err, "directory of lines,", im->sections[IMAGE_COLD_DIR].count);
	if (im->sections[IMAGE_FILTER].count > UINT32_MAX || (im->name_count > 0 && im->sections[IMAGE_FILTER].count == 0))
		return damaged(err, "filter of", im->sections[IMAGE_FILTER].count);
	return true;
}

bool image_verify(const struct image *im, struct err *err)
{
	if (im->ranks >= 1u << RANK_COUNT)
		return damaged(err, "ranks", im->ranks);
	return strings_verify(im, err) && lists_verify(im, err) && provenance_verify(im, err) && reviews_verify(im, err) &&
	       rules_verify(im, err) && sets_verify(im, err) && patterns_verify(im, err) && addresses_verify(im, err) &&
	       lifts_verify(im, err) && index_verify(im, err);
}
