/* SPDX-License-Identifier: BSD-2-Clause
 *
 * segment.h - one list, read once: its entries in the order of the file, in a compact form that the compiler walks. A segment
 * depends on the list's bytes, its format and the few settings in struct segment_key, on nothing else; it is kept in the state
 * directory under the hash of those, so that a list that did not change is never parsed again. Tools only.
 *
 * A file: magic, version, key, a checksum of the rest (XXH3-128), counts; the table of classes (what many entries share: action,
 * match, answer, condition, records, provenance); the entries; the report. segment.c draws it. A file that is damaged or of another
 * version is simply made anew. */
#ifndef SARING_IMPORT_SEGMENT_H
#define SARING_IMPORT_SEGMENT_H

#include "base/buf.h"
#include "base/err.h"
#include "import/import.h"
#include "import/report.h"
#include "settings/identity.h"
#include "settings/settings.h"

#define SEGMENT_VERSION SOURCE_READERS_VERSION

/* What holds for many entries. */
struct segment_class {
	enum match match;
	bool has_match; /* names only: false = settings' match, else the segment's unsaid_match */
	bool subtree;	/* PATTERN: see import.h */
	bool caseless;
	enum action action;
	bool has_action; /* false: the list's own action (a block rule of an allow list does not exist) */
	bool important, shadow, has_answer;
	enum answer answer;
	struct str cond, records;
	uint32_t provenance; /* number; SEGMENT_NONE: none of its own */
};
#define SEGMENT_NONE UINT32_MAX

struct segment_entry {
	uint32_t class;
	uint32_t line, column;
	const uint8_t *wire; /* folded name; NULL for what has none. A few octets more may be read (8, at least) */
	uint8_t wire_len, labels;
	struct str text;      /* regular expression, pattern */
	struct prefix prefix; /* ADDRESS, CLIENT */
	struct str written;   /* empty: the name's own text, or `text` */
};

struct segment; /* opaque; immutable once made */

struct segment_cursor {
	size_t at;
	uint32_t line;
};
/* The next entry; start with a zeroed cursor. Slices are borrowed from the segment. Fast: the compiler walks millions. */
bool segment_next(const struct segment *s, struct segment_cursor *cursor, struct segment_entry *ret);

size_t segment_entry_count(const struct segment *s);
size_t segment_class_count(const struct segment *s);
void segment_class(const struct segment *s, uint32_t class, struct segment_class *ret);
/* The entry's own provenance, and the file's defaults (YAML). Strings live as long as the segment. */
void segment_provenance(const struct segment *s, uint32_t number, struct provenance *ret);
const struct provenance *segment_defaults(const struct segment *s);
const char *segment_title(const struct segment *s);		/* NULL: not said */
bool segment_action(const struct segment *s, enum action *ret); /* does the file say its action? */
enum format segment_format(const struct segment *s);
enum match segment_unsaid_match(const struct segment *s); /* YAML: subtree; hosts, domains: exact */
const struct report *segment_report(const struct segment *s);
void segment_key_of(const struct segment *s, uint8_t ret[16]);
void segment_destroy(struct segment *s); /* takes NULL */

/* What a segment depends on besides the text. */
struct segment_settings {
	enum format format; /* FORMAT_AUTO: detect */
	enum action action; /* of the list, as saring.yaml says it; BLOCK when it does not */
	bool may_allow;
	bool is_signed; /* the text was verified by a key: its segment is no other list's */
};
/* The name it is kept under: XXH3-128 of the text, the settings above and SEGMENT_VERSION. Who publishes a list can make its text
 * have any such hash, and so another's name; so a signed list's is of a hash that nobody can aim at (BLAKE2b), and it is never
 * given the segment of a list that is not signed. */
void segment_key(struct str text, const struct segment_settings *settings, uint8_t ret[16]);
bool segment_is_for(const struct segment *s, const struct segment_settings *settings);

/* Read a list's text. Content never fails but for two: a YAML list with faults, and a text that is no list (an HTML page, binary
 * data, ...): then errors has it, under the name `shown`, and NULL is returned. path: for messages of the YAML reader. */
MUST_CHECK struct segment *segment_import(struct str text, const struct segment_settings *settings, const char *path,
					  const char *shown, struct err_list *errors);
/* For files: <dir>/<key in hex>.seg. Load returns NULL, without an error, when there is none that is good. */
MUST_CHECK struct segment *segment_load(const char *dir, const uint8_t key[16]);
MUST_CHECK bool segment_save(const struct segment *s, const char *dir, struct err *err); /* err may be NULL */

#endif
