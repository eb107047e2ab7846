/* SPDX-License-Identifier: BSD-2-Clause
 *
 * identity.h - is it still the same file? What stat tells that a change of content cannot leave alone. Written into images, so that
 * a daemon that starts, and a compile after an edit, see without reading it that a list has not changed. Any thread. */
#ifndef SARING_SETTINGS_IDENTITY_H
#define SARING_SETTINGS_IDENTITY_H

#include "base/base.h"
#include "base/str.h"
#include "settings/settings.h"

#include <time.h>

/* Zeroes: there is no such file, or it was changed so shortly before it was read (SOURCE_RACY_MS) that a second change might show
 * the same times: such an identity equals none. */
struct source_identity {
	uint64_t device, inode, size;
	int64_t mtime_ns, ctime_ns;
};
#define SOURCE_IDENTITY_SIZE 40
#define SOURCE_RACY_MS 20 /* coarser than the kernel's clock tick for timestamps */
#define SOURCE_AHEAD_S 60 /* a file from further ahead is of before the clock was put back: it is not being changed now */

/* Of what the readers of lists make of a text: raised whenever the same text is read otherwise than before, or kept otherwise. What
 * an older saring-compile left, segments and images, is then made anew, though no list has changed. */
#define SOURCE_READERS_VERSION 4

/* XXH3-128 of saring.yaml's bytes and of the version of the readers: what an image was made by. */
void source_config_hash(struct str bytes, uint8_t ret[16]);

/* The file of lifts (list/lifts.h) in the state directory, and XXH3-128 of its bytes; zeroes for none at all. */
#define LIFTS_FILE "lifts.yaml"
#define LIFTS_BYTES_MAX ((size_t)64 * 1024 * 1024)
void lifts_hash(struct str bytes, uint8_t ret[16]);

/* Was a file that changed at `changed` changed so shortly before `now`, by the kernel's clock, that its times prove nothing? */
bool source_is_fresh(const struct timespec *changed, const struct timespec *now);
/* False when path can't be looked at, or is no regular file. */
MUST_CHECK bool source_identify(const char *path, struct source_identity *ret);
/* The same of a list's file, and of its signature with it where it has a key: of the two as one. Without the signature's file it is
 * the list's with none. */
MUST_CHECK bool source_identify_list(const struct settings_list *list, struct source_identity *ret);
/* Never true for one that is all zeroes. */
bool source_same(const struct source_identity *a, const struct source_identity *b);

#endif
