/* SPDX-License-Identifier: BSD-2-Clause
 *
 * name.h - domain names (RFC 1035 §3.1, RFC 9499): uncompressed wire form, by value, at most 255 octets and 127 labels.
 *
 * Any octet may stand in a label (RFC 2181 §11): one label "t.me" is not the name t.me, so everything compares wire form, never
 * text. Look-ups use the folded form: A-Z become a-z, nothing else does (RFC 4343). Any thread; nothing allocates. */
#ifndef SARING_WIRE_NAME_H
#define SARING_WIRE_NAME_H

#include "base/base.h"
#include "base/err.h"
#include "base/str.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define NAME_LEN_MAX 255
#define NAME_LABELS_MAX 127
#define NAME_TEXT_MAX 1025   /* every octet as \DDD, dots, and the NUL */
#define NAME_SLACK 16	     /* octets after wire, of any value, so that whole words may be loaded from it */
#define NAME_POINTER 0xc000u /* the two high bits of a pointer (RFC 1035 §4.1.4) */
#define NAME_HOPS_MAX 64     /* compression pointers followed for one name */

struct name {
	uint8_t len;	/* octets, root included: 1..255 */
	uint8_t labels; /* without the root: 0..127 */
	uint8_t wire[NAME_LEN_MAX + NAME_SLACK];
};

/* Read a name at r, following compression pointers, which must go strictly backwards (to before where the name begins and before
 * every earlier target), not into the header, and be at most NAME_HOPS_MAX; case is kept. False, and r->bad, on anything RFC 1035
 * does not allow; ret is then undefined. */
MUST_CHECK bool name_read(struct rd *r, struct name *ret);
/* The same for a name that must stand there whole: a pointer is an error. For a query's question, before which nothing stands. */
MUST_CHECK bool name_read_plain(struct rd *r, struct name *ret);
/* Go past a name without reading through its pointers. */
MUST_CHECK bool name_skip(struct rd *r);
/* As an assignment, but of the octets in use alone: names are large and mostly empty. */
static inline void name_copy(struct name *to, const struct name *from)
{
	to->len = from->len;
	to->labels = from->labels;
	memcpy(to->wire, from->wire, from->len);
}
void name_fold(struct name *name);
bool name_eq(const struct name *a, const struct name *b);	 /* octet for octet */
bool name_eq_nocase(const struct name *a, const struct name *b); /* RFC 4343 */
/* Is `name` equal to zone or below it? Both folded. */
bool name_is_below_or_eq(const struct name *name, const struct name *zone);

/* Offsets in wire of each label, left to right, then of the root: labels + 1 of them. Returns labels + 1. */
size_t name_offsets(const struct name *name, uint8_t ret[NAME_LABELS_MAX + 1]);
/* Where in wire the suffix of the last `labels` labels begins; labels is at most name's. */
size_t name_suffix_at(const struct name *name, unsigned labels);
/* The suffix of the last `labels` labels. */
MUST_CHECK bool name_suffix(const struct name *name, unsigned labels, struct name *ret);
/* Is wire[0..len) one whole uncompressed folded-or-not name? Fills ret. */
MUST_CHECK bool name_from_wire(const uint8_t *wire, size_t len, struct name *ret);

/* Presentation form, no final dot ("." for the root); octets outside 0x21..0x7e, and . \ " ( ) ; @ $ inside labels, are escaped
 * as \DDD or \X (RFC 1035 §5.1). Returns buf. */
char *name_to_text(const struct name *name, char buf[NAME_TEXT_MAX]);
/* The same for people: A-labels as the U-labels they stand for, where name_from_text makes the very same name of them. */
char *name_to_unicode(const struct name *name, char buf[NAME_TEXT_MAX]);
/* What people and lists write -> folded wire form: any case, with or without a final dot, escapes, U-labels (IDNA2008
 * non-transitional, and plain punycode where IDNA refuses, e.g. emoji). Blanks, empty labels, lengths over the limits are errors.
 * err->text says which; no place is set. */
MUST_CHECK bool name_from_text(struct str text, struct name *ret, struct err *err);

/* Uncompressed. */
void name_write(struct wr *w, const struct name *name);

/* Writer with compression (RFC 1035 §4.1.4): remembers the names written to one message. */
#define NAME_PACKER_MAX 48
/* Octets looked at for the sake of compression; past that names are spelled out, which is never wrong. A stranger's server chooses
 * the names, and could have each of thousands compared with all that were written; those of no honest message get there. */
#define NAME_PACKER_WORK_MAX 262144u
struct name_packer {
	uint32_t work;
	uint16_t offsets[NAME_PACKER_MAX]; /* of suffixes in the message */
	uint8_t labels[NAME_PACKER_MAX];   /* of each, so that few need be compared */
	uint8_t lens[NAME_PACKER_MAX];
	uint8_t tags[NAME_PACKER_MAX];
	uint8_t count;
};
void name_packer_init(struct name_packer *p);
/* Remember the name that stands uncompressed at offset (e.g. the question's at 12). */
void name_packer_note(struct name_packer *p, const struct wr *w, size_t offset);
void name_write_packed(struct wr *w, struct name_packer *p, const struct name *name);

#endif
