/* SPDX-License-Identifier: BSD-2-Clause
 *
 * file.h - whole files: read, replace atomically, lock, map. Cold path, any thread. */
#ifndef SARING_BASE_FILE_H
#define SARING_BASE_FILE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/* Read path whole into ret (appended; owned by the caller). Refuses what is not a regular file, without waiting for it, and more
 * than limit bytes. */
MUST_CHECK bool file_read(const char *path, size_t limit, struct buf *ret, struct err *err);
/* The same from a descriptor, which may be a pipe too. */
MUST_CHECK bool file_read_fd(int fd, const char *name, size_t limit, struct buf *ret, struct err *err);

/* Put bytes in place of path: temporary file in the same directory, owner and mode of the old file kept (else `mode`), fsync,
 * rename, fsync of the directory. A symbolic link stays; its target is replaced. Refused when the owner can't be kept. On failure
 * the old file is untouched and no temporary stays; only a failing fsync of the directory is told when the new file is there
 * already. Killed in the middle it leaves the temporary one, ".NAME.saring-XXXXXX", for file_sweep. */
MUST_CHECK bool file_replace(const char *path, const void *bytes, size_t len, mode_t mode, struct err *err);

/* Remove what file_replace left beside path when it was killed. The caller must know that nobody is replacing path just now: it
 * holds file_lock(path), and so does everyone else who does, or all who do are one process. What can't be removed stays. */
void file_sweep(const char *path);

/* The three for a directory that someone less trusted than the caller may write to: nothing in it is followed. dir: from
 * file_lock_directory, which holds that lock; name: of a file in it; shown: for messages. Replaced is a regular file or none; the
 * new one has the directory's owner and group (refused when its owner cannot be that) and this mode. */
MUST_CHECK bool file_lock_directory(const char *dir, const char *shown, int64_t wait_ms, int *ret_fd, struct err *err);
MUST_CHECK bool file_replace_in(int dir, const char *name, const char *shown, const void *bytes, size_t len, mode_t mode,
				struct err *err);
void file_sweep_in(int dir, const char *name);

/* Every byte, from where fd stands; errno says why not. */
MUST_CHECK bool file_write_all(int fd, const void *bytes, size_t len);

/* An exclusive advisory lock for edits of `path`. The lock lies on the path's directory entry's own directory (flock on the
 * directory), since the file itself is replaced by rename. Waits at most wait_ms. ret_fd: close it to unlock. */
MUST_CHECK bool file_lock(const char *path, int64_t wait_ms, int *ret_fd, struct err *err);

/* A file mapped read-only and private. addr is NULL when not mapped. */
struct file_map {
	const void *addr;
	size_t len;
};
MUST_CHECK bool file_map_open(const char *path, struct file_map *ret, struct err *err);
void file_map_close(struct file_map *map);

/* "dir of base" + "/" + path, or path itself when absolute. Owned by the caller. */
MUST_CHECK char *file_path_beside(const char *base, const char *path);

/* mkdir -p. Directories made get `mode`. */
MUST_CHECK bool file_mkdirs(const char *path, mode_t mode, struct err *err);

#endif
