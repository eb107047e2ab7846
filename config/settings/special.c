/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/special.h"

#include <assert.h>
#include <string.h>

/* Zones of reverse look-ups are many of a kind: 16.172 to 31.172, 64.100 to 127.100. */
#define EMPTY(name, source) {name, source, SPECIAL_EMPTY, SPECIAL_ALWAYS},
#define OF_172(n) EMPTY(#n ".172.in-addr.arpa", "RFC 6303")
#define OF_100(n) EMPTY(#n ".100.in-addr.arpa", "RFC 7793")
#define EIGHT_OF_100(a, b, c, d, e, f, g, h) OF_100(a) OF_100(b) OF_100(c) OF_100(d) OF_100(e) OF_100(f) OF_100(g) OF_100(h)
#define ZEROS_15 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
#define DENY(name, source) {name, source, SPECIAL_DENIED, SPECIAL_ON_WISH},

/* clang-format off */
const struct special specials[] = {
    {"localhost", "RFC 6761", SPECIAL_LOCALHOST, SPECIAL_ALWAYS},
    {"invalid", "RFC 6761", SPECIAL_DENIED, SPECIAL_ALWAYS},
    {"test", "RFC 6761", SPECIAL_DENIED, SPECIAL_OUTSIDE},
    {"onion", "RFC 7686", SPECIAL_DENIED, SPECIAL_ALWAYS},
    {"local", "RFC 6762", SPECIAL_DENIED, SPECIAL_ALWAYS},
    {"alt", "RFC 9476", SPECIAL_DENIED, SPECIAL_ALWAYS},
    EMPTY("home.arpa", "RFC 8375")
    {"resolver.arpa", "RFC 9462", SPECIAL_RESOLVER, SPECIAL_ALWAYS},
    EMPTY("service.arpa", "RFC 9665")
    {"6tisch.arpa", "RFC 9031", SPECIAL_DENIED, SPECIAL_ALWAYS},
    {"eap-noob.arpa", "RFC 9140", SPECIAL_DENIED, SPECIAL_ALWAYS},
    EMPTY("10.in-addr.arpa", "RFC 6303")
    OF_172(16) OF_172(17) OF_172(18) OF_172(19)
    OF_172(20) OF_172(21) OF_172(22) OF_172(23)
    OF_172(24) OF_172(25) OF_172(26) OF_172(27)
    OF_172(28) OF_172(29) OF_172(30) OF_172(31)
    EMPTY("168.192.in-addr.arpa", "RFC 6303")
    EIGHT_OF_100(64, 65, 66, 67, 68, 69, 70, 71)
    EIGHT_OF_100(72, 73, 74, 75, 76, 77, 78, 79)
    EIGHT_OF_100(80, 81, 82, 83, 84, 85, 86, 87)
    EIGHT_OF_100(88, 89, 90, 91, 92, 93, 94, 95)
    EIGHT_OF_100(96, 97, 98, 99, 100, 101, 102, 103)
    EIGHT_OF_100(104, 105, 106, 107, 108, 109, 110, 111)
    EIGHT_OF_100(112, 113, 114, 115, 116, 117, 118, 119)
    EIGHT_OF_100(120, 121, 122, 123, 124, 125, 126, 127)
    EMPTY("0.in-addr.arpa", "RFC 6303")
    {"127.in-addr.arpa", "RFC 6303", SPECIAL_LOOPBACK, SPECIAL_ALWAYS},
    EMPTY("254.169.in-addr.arpa", "RFC 6303")
    EMPTY("2.0.192.in-addr.arpa", "RFC 6303")
    EMPTY("100.51.198.in-addr.arpa", "RFC 6303")
    EMPTY("113.0.203.in-addr.arpa", "RFC 6303")
    EMPTY("255.255.255.255.in-addr.arpa", "RFC 6303")
    EMPTY("0." ZEROS_15 "0." ZEROS_15 "ip6.arpa", "RFC 6303")
    {"1." ZEROS_15 "0." ZEROS_15 "ip6.arpa", "RFC 6303", SPECIAL_LOOPBACK, SPECIAL_ALWAYS},
    EMPTY("d.f.ip6.arpa", "RFC 6303")
    EMPTY("8.e.f.ip6.arpa", "RFC 6303") EMPTY("9.e.f.ip6.arpa", "RFC 6303")
    EMPTY("a.e.f.ip6.arpa", "RFC 6303") EMPTY("b.e.f.ip6.arpa", "RFC 6303")
    EMPTY("8.b.d.0.1.0.0.2.ip6.arpa", "RFC 6303")
    /* What a browser or a phone asks to learn whether it may go round this server ... */
    DENY("use-application-dns.net", "Firefox canary") DENY("mask.icloud.com", "iCloud Private Relay")
    DENY("mask-h2.icloud.com", "iCloud Private Relay")
    /* ... and what is used in private without being reserved for it. */
    DENY("intranet", "RFC 6762 appendix G") DENY("internal", "RFC 6762 appendix G") DENY("private", "RFC 6762 appendix G")
    DENY("corp", "RFC 6762 appendix G") DENY("home", "RFC 6762 appendix G") DENY("lan", "RFC 6762 appendix G")
};
/* clang-format on */
const size_t special_count = ARRAY_LEN(specials);
static_assert(ARRAY_LEN(specials) <= SPECIAL_MAX, "more rows than switches");

/* Where the label of `text` that ends before `end` begins. */
static size_t label_at(const char *text, size_t end)
{
	while (end > 0 && text[end - 1] != '.')
		end--;
	return end;
}

/* Is name at or below the row's? Label by label from the right: the row's text needs no second form for that. Returns the row's
 * labels, 0 when it is not. The rows hold no escapes. */
static unsigned labels_shared(const struct special *row, const struct name *name, const uint8_t *offsets)
{
	unsigned taken = 0;

	for (size_t end = strlen(row->name); end > 0;) {
		size_t at = label_at(row->name, end), len = end - at;
		if (taken == name->labels)
			return 0;
		const uint8_t *label = name->wire + offsets[name->labels - 1u - taken];
		if (label[0] != len || memcmp(label + 1, row->name + at, len) != 0)
			return 0;
		taken++;
		end = at > 0 ? at - 1 : 0;
	}
	return taken;
}

/* A hash over labels from the right, so that it grows by one label at a time. */
static uint32_t hash_label(uint32_t hash, const uint8_t *label)
{
	for (size_t i = 0; i <= label[0]; i++)
		hash = (hash ^ label[i]) * 16777619u; /* FNV-1a: rows and table are fixed, nobody gains by a collision */
	return hash ^ hash >> 15;
}

static size_t slot_of(uint32_t hash)
{
	return (hash ^ hash >> 11) % SPECIAL_SLOTS;
}

/* The hash of a row, whose text has no escapes. */
static uint32_t hash_row(const char *text)
{
	uint32_t hash = 0;

	for (size_t end = strlen(text); end > 0;) {
		size_t at = label_at(text, end);
		uint8_t label[64] = {(uint8_t)(end - at)};
		memcpy(label + 1, text + at, end - at);
		hash = hash_label(hash, label);
		end = at > 0 ? at - 1 : 0;
	}
	return hash;
}

void special_index_make(const bool on[SPECIAL_MAX], struct special_index *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < special_count; i++) {
		size_t len = strlen(specials[i].name), slot = slot_of(hash_row(specials[i].name));
		uint8_t end[SPECIAL_END_LEN];
		memcpy(end, specials[i].name + len - SPECIAL_END_LEN, SPECIAL_END_LEN); /* no row is shorter */
		ret->ends[special_end(end)] |= on[i];
		while (ret->slots[slot] != 0)
			slot = (slot + 1) % SPECIAL_SLOTS;
		ret->slots[slot] = (uint8_t)(i + 1);
	}
}

int special_find(const struct special_index *index, const struct name *name, const bool *on)
{
	uint8_t offsets[NAME_LABELS_MAX + 1];
	uint32_t hash = 0;
	int best = -1;

	(void)name_offsets(name, offsets);
	for (unsigned labels = 1; labels <= MIN((unsigned)name->labels, SPECIAL_LABELS_MAX); labels++) {
		hash = hash_label(hash, name->wire + offsets[name->labels - labels]);
		for (size_t slot = slot_of(hash); index->slots[slot] != 0; slot = (slot + 1) % SPECIAL_SLOTS) {
			int row = index->slots[slot] - 1;
			if ((on == NULL || on[row]) && labels_shared(&specials[row], name, offsets) == labels)
				best = row; /* of the longest so far */
		}
	}
	return best;
}
