/* SPDX-License-Identifier: BSD-2-Clause */
#include "rebuild/images.h"

#include "base/log.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIVE_PREFIX "policy-"
#define BULK_PREFIX "bulk-"
#define BULK_DIGITS 32
#define IMAGE_SUFFIX ".img"
#define TEMPORARY_TAIL 7 /* ".XXXXXX", which saring-compile puts behind "." and the name */

/* What stands between prefix and suffix; NULL for another name. */
static struct str middle_of(const char *file_name, const char *prefix)
{
	size_t before = strlen(prefix), after = strlen(IMAGE_SUFFIX), len = strlen(file_name);
	if (len <= before + after || strncmp(file_name, prefix, before) != 0 || strcmp(file_name + len - after, IMAGE_SUFFIX) != 0)
		return (struct str){NULL, 0};
	return (struct str){file_name + before, len - before - after};
}

bool images_number(const char *file_name, uint32_t *ret)
{
	struct str digits = middle_of(file_name, LIVE_PREFIX);
	uint64_t number;
	if (!digits.ptr || digits.ptr[0] == '0' || !str_to_u64(digits, &number) || number == 0 || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static bool is_bulk(const char *file_name)
{
	struct str digits = middle_of(file_name, BULK_PREFIX);
	return digits.ptr && digits.len == BULK_DIGITS && strspn(digits.ptr, "0123456789abcdef") == BULK_DIGITS;
}

/* ".policy-42.img.a1b2c3" */
static bool is_temporary(const char *file_name)
{
	char name[64];
	size_t len = strlen(file_name);
	uint32_t number;
	if (file_name[0] != '.' || len < TEMPORARY_TAIL + 2 || len >= sizeof(name) || file_name[len - TEMPORARY_TAIL] != '.')
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(len - TEMPORARY_TAIL - 1), file_name + 1);
	return images_number(name, &number) || is_bulk(name);
}

/* Who put anything else under an image's name keeps it; it is no image. */
static bool is_file(DIR *dir, const char *file_name)
{
	struct stat st;
	return fstatat(dirfd(dir), file_name, &st, 0) == 0 ? S_ISREG(st.st_mode) : errno == ENOENT; /* a link to nowhere may go */
}

bool images_newest(const char *state, uint32_t *ret, struct err *err)
{
	DIR *dir = opendir(state);
	if (!dir)
		return err_set_errno(err, ERR_IO, "opening the state directory %s", state);
	uint32_t newest = 0, number;
	for (struct dirent *entry; (entry = readdir(dir));) {
		bool live = images_number(entry->d_name, &number);
		if (!live && !is_bulk(entry->d_name))
			continue;
		if (!is_file(dir, entry->d_name))
			log_warning("policy.passed-over file=\"%s/%s\" text=\"it has an image's name and is no regular file\"",
				    state, entry->d_name);
		else if (live && number > newest)
			newest = number;
	}
	closedir(dir);
	if (newest == UINT32_MAX)
		return err_set(err, ERR_LIMIT, "%s holds an image of the last possible generation; remove it", state);
	*ret = newest;
	return true;
}

bool images_path(const char *state, uint32_t number, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/" LIVE_PREFIX "%u" IMAGE_SUFFIX, state, number);
	return n > 0 && (size_t)n < size;
}

static void drop(DIR *dir, const char *file_name)
{
	if (is_file(dir, file_name) && unlinkat(dirfd(dir), file_name, 0) < 0)
		log_warning("policy.remove-failed file=\"%s\" error=\"%s\"", file_name, strerror(errno));
}

void images_keep_only(const char *state, uint32_t number, const char *bulk_file)
{
	DIR *dir = opendir(state);
	if (!dir)
		return;
	uint32_t found;
	for (struct dirent *entry; (entry = readdir(dir));) {
		const char *name = entry->d_name;
		if (is_temporary(name) || (images_number(name, &found) && found != number) ||
		    (is_bulk(name) && strcmp(name, bulk_file) != 0))
			drop(dir, name);
	}
	closedir(dir);
}

void images_drop_bulk(const char *state, const char *but)
{
	DIR *dir = opendir(state);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (is_bulk(entry->d_name) && strcmp(entry->d_name, but) != 0)
			drop(dir, entry->d_name);
	closedir(dir);
}
