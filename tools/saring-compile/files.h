/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.h - the files beside the image: the bulk tier's, named after its content, and the kept segments. */
#ifndef SARING_COMPILE_FILES_H
#define SARING_COMPILE_FILES_H

#include "base/buf.h"
#include "base/err.h"

#define IMAGE_MODE 0640

/* "<dir of output>/<name>"; name may be "". Appended to ret. */
void files_beside(const char *output, const char *name, struct buf *ret);
/* The bulk image of that body hash, beside output. */
void files_bulk_path(const char *output, const uint8_t hash[16], struct buf *ret);

/* What an image's header says, when it is a good one of this version. */
struct files_header {
	uint8_t body_hash[16], bulk_hash[16];
	size_t entries, bytes;
};
MUST_CHECK bool files_header_of(const void *image, size_t len, struct files_header *ret);
MUST_CHECK bool files_header_read(const char *path, struct files_header *ret);

/* Put an image there, by rename. Unlike file_replace nothing waits for the disk: what a crash leaves half-written has a wrong hash,
 * is refused, and compiled again from the lists, which were waited for. */
MUST_CHECK bool files_write(const char *path, const void *image, size_t len, struct err *err);
/* Put the bulk image there, unless a file of the very same body is there already: the daemon then goes on with the one it has.
 * ret_new: it was written. */
MUST_CHECK bool files_write_bulk(const char *path, const void *image, size_t len, bool *ret_new, struct err *err);

/* Remove every segment in dir whose key is not among the count keys, and what a run that was killed left half-written. */
void files_sweep_segments(const char *dir, const uint8_t (*keys)[16], size_t count);

#endif
