/* SPDX-License-Identifier: BSD-2-Clause
 *
 * source.h - from a list in saring.yaml to its segment: look at the file, take the kept segment when the text is the same, read the
 * text otherwise. Tools only. */
#ifndef SARING_IMPORT_SOURCE_H
#define SARING_IMPORT_SOURCE_H

#include "base/err.h"
#include "import/segment.h"
#include "settings/identity.h"
#include "settings/signed.h"
#include "settings/settings.h"

struct source {
	struct segment *segment; /* NULL: mode off, or errors say why */
	struct source_identity identity;
	int64_t changed_at_s;	 /* the file's mtime; 0 when there is no file */
	bool kept;		 /* the segment was there already */
	bool missing;		 /* a url list that was never fetched: an empty segment, no error */
	uint8_t content_key[16]; /* segment_key */
	/* Of a list with a key that was read anew: what the signature said of it. */
	bool accepted, refused;
	uint64_t serial;
	uint8_t signed_hash[SIGNED_HASH_SIZE];
	bool unjudged; /* its record cannot be read: an error of a list with a url, too, as nothing can take its place */
};
/* segments: directory of kept segments, NULL to keep none. known_key (may be NULL): the segment key for that identity as an earlier
 * image recorded it: then the text is not even read. A file that cannot be read is an error at its place in saring.yaml; what is
 * wrong in a url list's copy is told of the copy's path. A damaged kept segment is made anew. Writing one that fails is no error.
 */
void source_open(const struct settings *settings, size_t index, const char *segments, const uint8_t known_key[16],
		 struct source *ret, struct err_list *errors);
/* A list with a key is an error, and refused, unless its text has a good signature that is no older than what was accepted before.
 * source_open_keep is for saring-compile alone: the text is kept as the last good one (signed_list.h), too; that it was accepted is
 * the caller's to remember. */
void source_open_keep(const struct settings *settings, size_t index, const char *segments, const uint8_t known_key[16],
		      struct source *ret, struct err_list *errors);
/* The last good text of a list with a key, in place of what source_open refused: identity and what was refused stay. False when
 * there is none. */
MUST_CHECK bool source_open_last_good(const struct settings *settings, size_t index, const char *segments, struct source *ret);
/* And the copy of a list with a url whose key has signed nothing here yet: what was fetched before the list had that key. False
 * when there is no such copy. */
MUST_CHECK bool source_open_unsigned(const struct settings *settings, size_t index, const char *segments, struct source *ret);
/* The same for one in mode off too, and nothing is kept: for a check of what could be put in force. */
void source_check(const struct settings *settings, size_t index, struct source *ret, struct err_list *errors);
/* A url list as if it had never been fetched: for one whose copy cannot be used. */
void source_open_empty(const struct settings *settings, size_t index, struct source *ret);
void source_close(struct source *source);

#define SOURCE_BYTES_MAX ((size_t)1024 * 1024 * 1024) /* of an imported list; YAML: LIST_BYTES_MAX */

/* How a list is read: as saring.yaml says; where it does not, a file (not a url) called .yaml or .yml is YAML, whatever stands in
 * it, so that its faults are told as a YAML list's. FORMAT_AUTO: its content tells. */
enum format source_format(const struct settings_list *list);
struct segment_settings source_settings(const struct settings_list *list);

#endif
