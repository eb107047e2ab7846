/* SPDX-License-Identifier: BSD-2-Clause
 *
 * name_pack.c - the half of name.h that writes names with compression.
 *
 * Every place is looked at again before it is pointed to: a place remembered from a record that was cut off since is either gone
 * or, when other bytes stand there now, does not compare equal. The tag keeps comparisons few. */
#include "wire/name.h"

#include <assert.h>

#define POINTER_BITS 0x3fffu

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Each pointer we write leads to a place that was remembered: so no name of ours takes more hops than our own reader follows. */
static_assert(NAME_PACKER_MAX < NAME_HOPS_MAX, "a name we write must be one we read");
static_assert(NAME_PACKER_MAX <= 64, "a bit for each in `rejected`");

/* offsets and tags of each suffix but the root, left to right */
struct suffixes {
	uint8_t offsets[NAME_LABELS_MAX + 1];
	uint8_t tags[NAME_LABELS_MAX];
};

static void suffixes_of(const struct name *name, struct suffixes *ret)
{
	name_offsets(name, ret->offsets);
	uint32_t hash = 0x811c9dc5u; /* FNV-1a from the right: each label adds to what stands behind it. A sieve, no more */
	for (unsigned i = name->labels; i-- > 0;) {
		for (size_t at = ret->offsets[i]; at < ret->offsets[i + 1]; at++)
			hash = (hash ^ lower(name->wire[at])) * 0x01000193u;
		ret->tags[i] = (uint8_t)(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24);
	}
}

void name_packer_init(struct name_packer *p)
{
	p->count = 0;
	p->work = 0;
}

static void remember(struct name_packer *p, size_t offset, uint8_t labels, uint8_t len, uint8_t tag)
{
	if (offset > POINTER_BITS || p->count >= NAME_PACKER_MAX)
		return;
	p->offsets[p->count] = (uint16_t)offset;
	p->labels[p->count] = labels;
	p->lens[p->count] = len;
	p->tags[p->count] = tag;
	p->count++;
}

/* The first `count` suffixes of name, which now stands at offset. */
static void remember_suffixes(struct name_packer *p, const struct name *name, const struct suffixes *s, unsigned count,
			      size_t offset)
{
	for (unsigned i = 0; i < count; i++)
		remember(p, offset + s->offsets[i], (uint8_t)(name->labels - i), (uint8_t)(name->len - s->offsets[i]), s->tags[i]);
}

void name_packer_note(struct name_packer *p, const struct wr *w, size_t offset)
{
	struct rd r = {.base = w->base, .len = w->pos, .pos = offset, .bad = offset > w->pos};
	struct name name;
	struct suffixes s;
	size_t start = r.pos;
	if (w->full || !name_read(&r, &name) || r.pos - start != name.len)
		return;
	suffixes_of(&name, &s);
	remember_suffixes(p, &name, &s, name.labels, offset);
}

/* Does the name at offset, so far written, equal the suffix of `name` at `from`? Spelled out there in the same case, as an owner is
 * that stands in the question, it costs next to nothing. */
static bool stands_at(const struct wr *w, struct name_packer *p, size_t offset, const struct name *name, size_t from)
{
	size_t len = name->len - from;
	if (w->pos - offset >= len && memcmp(w->base + offset, name->wire + from, len) == 0)
		return true;
	p->work += (uint32_t)len; /* of ours each pointer stands behind a label: there are no more steps than octets */
	struct rd r = {.base = w->base, .len = w->pos, .pos = offset};
	struct name there;
	if (!name_read(&r, &there) || there.len != len)
		return false;
	for (size_t i = 0; i < there.len; i++)
		if (lower(there.wire[i]) != lower(name->wire[from + i]))
			return false;
	return true;
}

/* The remembered place of name's longest suffix that may stand there, places in `rejected` left out; -1 when there is none. */
static int longest_candidate(const struct name_packer *p, const struct name *name, const struct suffixes *s, uint64_t rejected)
{
	int best = -1;
	unsigned best_labels = 0;
	for (unsigned i = 0; i < p->count; i++) {
		if (p->labels[i] <= best_labels || p->labels[i] > name->labels || (rejected & UINT64_C(1) << i) != 0)
			continue;
		unsigned skip = (unsigned)name->labels - p->labels[i];
		if (p->lens[i] != name->len - s->offsets[skip] || p->tags[i] != s->tags[skip])
			continue;
		best = (int)i;
		best_labels = p->labels[i];
	}
	return best;
}

/* The remembered place where the whole name stands, looked for without a hash: most owners were written before. One comparison
 * only, as many names may be of one length; -1: not found so. */
static int whole_name(const struct wr *w, struct name_packer *p, const struct name *name)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->lens[i] == name->len && p->labels[i] == name->labels)
			return stands_at(w, p, p->offsets[i], name, 0) ? p->offsets[i] : -1;
	return -1;
}

void name_write_packed(struct wr *w, struct name_packer *p, const struct name *name)
{
	while (p->count > 0 && p->offsets[p->count - 1] >= w->pos)
		p->count--; /* of a record that was cut off */
	if (UNLIKELY(p->work > NAME_PACKER_WORK_MAX)) {
		name_write(w, name);
		return;
	}
	int whole = whole_name(w, p, name);
	if (whole >= 0) {
		wr_u16(w, (uint16_t)(NAME_POINTER | (unsigned)whole));
		return;
	}
	struct suffixes s;
	suffixes_of(name, &s);
	uint64_t rejected = 0;
	int found;
	while ((found = longest_candidate(p, name, &s, rejected)) >= 0 &&
	       !stands_at(w, p, p->offsets[found], name, s.offsets[name->labels - p->labels[found]]))
		rejected |= UINT64_C(1) << found; /* tags are equal by chance only */

	size_t start = w->pos;
	unsigned own = name->labels; /* labels that must be spelled out */
	if (found < 0) {
		wr_bytes(w, name->wire, name->len);
	} else {
		own -= p->labels[found];
		unsigned pointer = NAME_POINTER | p->offsets[found];
		uint8_t *room = wr_room(w, s.offsets[own] + 2u);
		if (room == NULL)
			return;
		memcpy(room, name->wire, s.offsets[own]);
		be_put_u16(room + s.offsets[own], (uint16_t)pointer);
	}
	if (!w->full)
		remember_suffixes(p, name, &s, own, start);
}
