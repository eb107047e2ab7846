/* SPDX-License-Identifier: BSD-2-Clause
 *
 * segment_build.h - what a segment is made of, for import*.c and segment*.c alone. Everybody else sees segment.h.
 *
 * The entries as bytes, one after the other (varint: LEB128):
 *
 *      varint  zigzag(line - line of the entry before) * 2 + has_more
 *      varint  class
 *      names:      u8 length, u8 labels, the wire form
 *      texts:      varint length, bytes
 *      addresses:  u8 family (4, 6), u8 prefix bits, 16 bytes
 *      has_more:   varint column, varint length, bytes as written
 *
 * SEGMENT_SLACK zeroes follow the last one, so that a reader may load a few bytes more than a name has. */
#ifndef SARING_IMPORT_SEGMENT_BUILD_H
#define SARING_IMPORT_SEGMENT_BUILD_H

#include "base/arena.h"
#include "base/file.h"
#include "import/import.h"
#include "list/list.h"
#include "import/segment.h"

#define SEGMENT_SLACK 16
#define SEGMENT_ENTRY_HEAD 10 /* bytes at most of the first two varints */

struct segment {
	uint8_t key[16];
	struct segment_settings settings;
	enum format format;
	enum match unsaid_match;
	bool has_action;
	enum action action;
	const char *title;
	struct provenance defaults;
	struct provenance *provenances; /* in the arena once the segment is whole */
	size_t provenance_count;
	struct segment_class *classes; /* owned */
	size_t class_count;
	struct report report;

	const uint8_t *entries; /* into `own` or into the map */
	size_t entries_len;	/* without the slack */
	size_t entry_count;
	uint8_t *own;	     /* owned; NULL when the entries are mapped */
	struct file_map map; /* owned */
	struct arena arena;  /* strings and slices of the above that are not in the map */
};

struct import {
	struct segment *segment; /* being made; segment->own has `cap` bytes */
	struct segment_settings settings;
	size_t cap;
	uint32_t line;	      /* of the entry before */
	uint32_t plain_class; /* what import_take_name gives; SEGMENT_NONE: not made yet */
	uint32_t last_class;  /* that import_take gave last; SEGMENT_NONE: none */
	struct segment_class last_shape;
	uint32_t *slots; /* owned; open addressing over the classes, number + 1 */
	size_t slot_count, class_cap, provenance_cap;
	const struct provenance *last_provenance; /* as the reader gave it */
	struct provenance *provenances;		  /* owned */
	size_t regex_count, pattern_count;
	bool has_nul; /* somewhere in the text */
};

/* A new segment to be filled; then what was filled. import_end may be called once. */
void import_begin(struct import *im, const struct segment_settings *settings, enum format format);
struct segment *import_end(struct import *im);
/* So many bytes of entries are to come, more or less. What is not used costs nothing but addresses. */
void import_expect(struct import *im, size_t bytes);
/* The text as a reader wants it: without its BOM, which is counted. */
void import_text(struct import *im, struct str text, void (*reader)(struct import *im, struct str text));
/* Is it what no format is: a page, a picture, a compressed file? Looks at the beginning. */
bool import_refuse(struct str text, const char **ret_why);
void import_run(struct import *im, struct str text);	      /* the reader of im's format over it */
void import_list(struct import *im, const struct list *list); /* segment_yaml.c: a YAML list's */
void import_provenance(struct import *im, const struct provenance *said, uint32_t *ret);
/* A copy whose texts live as long as the segment. previous (may be NULL): texts equal to its own are shared. */
void import_provenance_copy(struct import *im, const struct provenance *said, const struct provenance *previous,
			    struct provenance *ret);

static inline uint8_t *varint_put(uint8_t *p, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*p++ = (uint8_t)(value | 0x80);
	*p++ = (uint8_t)value;
	return p;
}

/* NULL past the end, or when it is longer than any that is written. */
static inline const uint8_t *varint_get(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	uint64_t value = 0;
	for (unsigned shift = 0; p < end && shift < 63; shift += 7) {
		uint8_t octet = *p++;
		value |= (uint64_t)(octet & 0x7f) << shift;
		if (octet < 0x80) {
			*ret = value;
			return p;
		}
	}
	return NULL;
}

#endif
