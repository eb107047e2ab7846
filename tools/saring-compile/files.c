/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-compile/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "policy/image.h"
#include "compile/image_write.h"

#define COMPARE_STEP ((size_t)1024 * 1024)
#define KEY_HEX 32
#define SEGMENT_TAIL ".seg"
#define TEMPORARY_HEAD ".segment."
#define ASIDE_TAIL ".directory"

void files_beside(const char *output, const char *name, struct buf *ret)
{
	const char *slash = strrchr(output, '/');
	if (slash != NULL)
		buf_add(ret, output, (size_t)(slash - output) + 1);
	else
		buf_add_c(ret, "./");
	buf_add_c(ret, name);
}

void files_bulk_path(const char *output, const uint8_t hash[16], struct buf *ret)
{
	files_beside(output, "bulk-", ret);
	hex_add(ret, hash, 16);
	buf_add_c(ret, ".img");
}

bool files_header_of(const void *image, size_t len, struct files_header *ret)
{
	const uint8_t *h = image;
	if (len < IMAGE_HEADER_SIZE || memcmp(h + IMAGE_H_MAGIC, IMAGE_MAGIC, IMAGE_MAGIC_LEN) != 0 ||
	    le_get_u32(h + IMAGE_H_BYTE_ORDER) != IMAGE_BYTE_ORDER || le_get_u16(h + IMAGE_H_VERSION) != IMAGE_VERSION ||
	    !image_header_good(h, IMAGE_HEADER_SIZE))
		return false;
	memcpy(ret->body_hash, h + IMAGE_H_BODY_HASH, sizeof(ret->body_hash));
	memcpy(ret->bulk_hash, h + IMAGE_H_BULK_HASH, sizeof(ret->bulk_hash));
	ret->entries = le_get_u32(h + IMAGE_H_ENTRY_COUNT);
	ret->bytes = (size_t)le_get_u64(h + IMAGE_H_TOTAL_SIZE);
	return true;
}

bool files_header_read(const char *path, struct files_header *ret)
{
	uint8_t header[IMAGE_HEADER_SIZE];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool ok = pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) && files_header_of(header, sizeof(header), ret) &&
		  fstat(fd, &st) == 0 && (uint64_t)st.st_size == ret->bytes;
	close(fd);
	return ok;
}

/* Headers may differ: the time of the compile stands in them. */
static bool same_body(const char *path, const uint8_t *image, size_t len)
{
	struct files_header there = {.entries = 0}, new = {.entries = 0};
	if (!files_header_read(path, &there) || !files_header_of(image, len, &new) || there.bytes != len ||
	    memcmp(there.body_hash, new.body_hash, sizeof(new.body_hash)) != 0)
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *step = base_alloc(COMPARE_STEP);
	size_t at = IMAGE_HEADER_SIZE;
	while (fd >= 0 && at < len) {
		ssize_t n = pread(fd, step, MIN(COMPARE_STEP, len - at), (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || memcmp(step, image + at, (size_t)n) != 0)
			break;
		at += (size_t)n;
	}
	free(step);
	if (fd >= 0)
		close(fd);
	return at == len;
}

/* A directory cannot be replaced by a file. Whoever put it where an image belongs finds it beside, with all that is in it. */
static void step_aside(const char *path)
{
	struct buf aside = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	struct stat st;
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return;
	buf_printf(&aside, "%s" ASIDE_TAIL, path);
	if (rename(path, aside.ptr) == 0) { /* fails over one that holds something: then the write says what is in the way */
		(void)err_set(&err, ERR_EXISTS, "a directory stood where the image '%s' belongs: it is called '%s' now", path,
			      aside.ptr);
		err_print(&err, stderr);
	}
	buf_finish(&aside);
}

/* The temporary name is the image's with a point before and six characters behind: saringd clears such away. */
bool files_write(const char *path, const void *image, size_t len, struct err *err)
{
	struct buf temporary = {NULL, 0, 0};
	const char *slash = strrchr(path, '/');
	files_beside(path, ".", &temporary);
	buf_add_c(&temporary, slash == NULL ? path : slash + 1);
	buf_add_c(&temporary, ".XXXXXX");
	step_aside(path);
	int fd = mkostemp(temporary.ptr, O_CLOEXEC);
	bool ok = fd >= 0 && file_write_all(fd, image, len) && fchmod(fd, IMAGE_MODE) == 0 && rename(temporary.ptr, path) == 0;
	if (!ok)
		err_set_errno(err, ERR_IO, "can't write '%s'", path);
	if (!ok && fd >= 0)
		(void)unlink(temporary.ptr);
	if (fd >= 0)
		close(fd);
	buf_finish(&temporary);
	return ok;
}

bool files_write_bulk(const char *path, const void *image, size_t len, bool *ret_new, struct err *err)
{
	if (same_body(path, image, len))
		return true;
	*ret_new = files_write(path, image, len, err);
	return *ret_new;
}

static int key_order(const void *left, const void *right)
{
	return memcmp(left, right, KEY_HEX);
}

/* The keys as file names have them, in order: a thousand lists are looked for among a thousand files at every edit. Owned by the
 * caller. */
static char *names_of(const uint8_t (*keys)[16], size_t count)
{
	char *names = base_alloc(count * KEY_HEX + 1);
	for (size_t i = 0; i < count; i++)
		(void)hex_from_bytes(keys[i], sizeof(keys[i]), names + i * KEY_HEX);
	qsort(names, count, KEY_HEX, key_order);
	return names;
}

void files_sweep_segments(const char *dir, const uint8_t (*keys)[16], size_t count)
{
	DIR *d = opendir(dir);
	if (d == NULL)
		return;
	char *used = names_of(keys, count);
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		size_t len = strlen(e->d_name);
		bool segment = len == KEY_HEX + strlen(SEGMENT_TAIL) && strcmp(e->d_name + KEY_HEX, SEGMENT_TAIL) == 0;
		bool temporary = strncmp(e->d_name, TEMPORARY_HEAD, strlen(TEMPORARY_HEAD)) == 0;
		if (temporary || (segment && bsearch(e->d_name, used, count, KEY_HEX, key_order) == NULL))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	free(used);
	closedir(d);
}
