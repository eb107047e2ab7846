/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/name.h"

#include <assert.h>

#define LABEL_MAX 63
#define LABEL_TYPE 0xc0u /* the two high bits of a length octet: 11 a pointer, 00 a length, 01 and 10 nothing that is in use */
#define POINTER_BITS 0x3fffu
#define MESSAGE_HEADER 12 /* a pointer never leads into the header */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Follow the pointer whose first octet was just read. limit is where the name, or the last piece of it, begins: only what lies
 * wholly before may be pointed to, so that each step goes back and a loop cannot be. False when it is not allowed. */
static bool follow(struct rd *at, uint8_t high, size_t *limit)
{
	size_t target = (high & (POINTER_BITS >> 8)) << 8 | rd_u8(at);
	if (!rd_ok(at) || target < MESSAGE_HEADER || target >= *limit)
		return false;
	*limit = target;
	at->pos = target;
	return true;
}

bool name_read(struct rd *r, struct name *ret)
{
	struct rd at = *r;
	size_t limit = at.pos, end = 0; /* end: past the first pointer */
	size_t len = 0;
	unsigned labels = 0, hops = 0;
	for (;;) {
		uint8_t octet = rd_u8(&at);
		if (!rd_ok(&at))
			break;
		if ((octet & LABEL_TYPE) == LABEL_TYPE) {
			if (hops++ == 0)
				end = at.pos + 1;
			if (hops > NAME_HOPS_MAX || !follow(&at, octet, &limit))
				break;
			continue;
		}
		const uint8_t *label = rd_bytes(&at, octet);
		/* the root's octet must still fit after a label */
		if (octet > LABEL_MAX || label == NULL || len + 1 + octet + (octet > 0 ? 1u : 0u) > NAME_LEN_MAX)
			break;
		ret->wire[len++] = octet;
		if (octet == 0) {
			ret->len = (uint8_t)len;
			ret->labels = (uint8_t)labels;
			r->pos = hops > 0 ? end : at.pos;
			return true;
		}
		memcpy(ret->wire + len, label, octet);
		len += octet;
		labels++;
	}
	r->bad = true;
	return false;
}

bool name_read_plain(struct rd *r, struct name *ret)
{
	const uint8_t *at = r->base + r->pos;
	size_t left = MIN(rd_left(r), (size_t)NAME_LEN_MAX), len = 0;
	unsigned labels = 0;
	while (len < left && at[len] != 0 && at[len] <= LABEL_MAX) {
		len += 1u + at[len];
		labels++;
	}
	if (len >= left || at[len] != 0) {
		r->bad = true;
		return false;
	}
	ret->len = (uint8_t)++len;
	ret->labels = (uint8_t)labels;
	memcpy(ret->wire, at, len);
	r->pos += len;
	return true;
}

bool name_skip(struct rd *r)
{
	size_t start = r->pos;
	for (;;) {
		uint8_t octet = rd_u8(r);
		if ((octet & LABEL_TYPE) == LABEL_TYPE) {
			rd_skip(r, 1);
			return rd_ok(r);
		}
		rd_skip(r, octet);
		if (octet > LABEL_MAX || !rd_ok(r) || r->pos - start > NAME_LEN_MAX)
			break;
		if (octet == 0)
			return true;
	}
	r->bad = true;
	return false;
}

/* Length octets are at most 63, below 'A': so folding and comparing may go over them as over letters.
 * Eight octets at once: those from 'A' to 'Z' get the bit that tells a small letter. Sums of seven-bit parts do not run over. */
static uint64_t lower_word(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, high = ones << 7;
	uint64_t low = word & ~high;
	uint64_t from_a = low + ones * (0x80 - 'A'), past_z = low + ones * (0x80 - ('Z' + 1));
	return word | ((from_a & ~past_z & ~word & high) >> 2);
}

/* Whole words, into the slack. */
void name_fold(struct name *name)
{
	static_assert(NAME_SLACK >= sizeof(uint64_t), "a name's last word fits");
	for (size_t i = 0; i < name->len; i += sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, name->wire + i, sizeof(word));
		word = lower_word(word);
		memcpy(name->wire + i, &word, sizeof(word));
	}
}

bool name_eq(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

bool name_eq_nocase(const struct name *a, const struct name *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (lower(a->wire[i]) != lower(b->wire[i]))
			return false;
	return true;
}

size_t name_suffix_at(const struct name *name, unsigned labels)
{
	size_t pos = 0;
	for (unsigned skip = name->labels - labels; skip > 0; skip--)
		pos += 1u + name->wire[pos];
	return pos;
}

bool name_is_below_or_eq(const struct name *name, const struct name *zone)
{
	if (zone->labels > name->labels)
		return false;
	size_t pos = name_suffix_at(name, zone->labels);
	return name->len - pos == zone->len && memcmp(name->wire + pos, zone->wire, zone->len) == 0;
}

size_t name_offsets(const struct name *name, uint8_t ret[NAME_LABELS_MAX + 1])
{
	size_t pos = 0, count = 0;
	for (; count < name->labels; count++) {
		ret[count] = (uint8_t)pos;
		pos += 1u + name->wire[pos];
	}
	ret[count++] = (uint8_t)pos;
	return count;
}

bool name_suffix(const struct name *name, unsigned labels, struct name *ret)
{
	if (labels > name->labels)
		return false;
	size_t pos = name_suffix_at(name, labels);
	struct name suffix = {.len = (uint8_t)(name->len - pos), .labels = (uint8_t)labels};
	memcpy(suffix.wire, name->wire + pos, suffix.len);
	*ret = suffix;
	return true;
}

bool name_from_wire(const uint8_t *wire, size_t len, struct name *ret)
{
	size_t pos = 0;
	unsigned labels = 0;
	if (len == 0 || len > NAME_LEN_MAX)
		return false;
	while (wire[pos] != 0) {
		if (wire[pos] > LABEL_MAX || len - pos - 1 <= wire[pos])
			return false;
		pos += 1u + wire[pos];
		labels++;
	}
	if (pos + 1 != len)
		return false;
	ret->len = (uint8_t)len;
	ret->labels = (uint8_t)labels;
	memcpy(ret->wire, wire, len);
	return true;
}

void name_write(struct wr *w, const struct name *name)
{
	wr_bytes(w, name->wire, name->len);
}
