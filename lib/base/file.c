/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rand.h"

#define READ_STEP ((size_t)64 * 1024)
#define LOCK_STEP_MS 10
#define TEMPORARY_MARK "saring-" /* so that no file of somebody else has such a name */
#define TEMPORARY_TAIL 6	 /* of mkostemp */

static enum err_code code_of_errno(void)
{
	if (errno == ENOENT)
		return ERR_NOT_FOUND;
	return errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_IO;
}

/* O_NONBLOCK: to open a FIFO would wait for its writer. Files know nothing of it. */
static int open_for_reading(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		err_set_errno(err, code_of_errno(), "can't open '%s'", path);
	return fd;
}

bool file_read_fd(int fd, const char *name, size_t limit, struct buf *ret, struct err *err)
{
	size_t start = ret->len, got = 0;
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_set_errno(err, ERR_IO, "can't read '%s'", name);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_IO, "can't read '%s': it is a directory", name);
	for (;;) {
		/* one byte over the limit tells a file that is too long from one that just fits */
		size_t step = MIN(READ_STEP, limit - got);
		if (step < READ_STEP)
			step++;
		char *room = buf_grow(ret, step);
		ssize_t n = read(fd, room, step);
		int saved = errno;
		size_t kept = n > 0 ? (size_t)n : 0;
		ret->len = start + got + kept;
		ret->ptr[ret->len] = '\0';
		got += kept;
		if (n == 0)
			return true;
		if (n < 0 && saved == EINTR)
			continue;
		if (n > 0 && got <= limit)
			continue;
		ret->len = start;
		ret->ptr[start] = '\0';
		if (n > 0)
			return err_set(err, ERR_LIMIT, "'%s' is longer than %zu bytes", name, limit);
		errno = saved;
		return err_set_errno(err, ERR_IO, "can't read '%s'", name);
	}
}

bool file_read(const char *path, size_t limit, struct buf *ret, struct err *err)
{
	int fd = open_for_reading(path, err);
	if (fd < 0)
		return false;
	struct stat st;
	bool ok = true;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		ok = err_set(err, ERR_IO, "can't read '%s': it is not a regular file", path);
	ok = ok && file_read_fd(fd, path, limit, ret, err);
	close(fd);
	return ok;
}

/* What path means when it is a symbolic link: its target is edited and locked, the link stays. Owned by the caller. */
static char *resolved(const char *path)
{
	char *real = realpath(path, NULL);
	return real != NULL ? real : base_strdup(path);
}

/* "." when there is no slash. Owned by the caller. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		return base_strdup(".");
	return str_dup((struct str){path, slash == path ? 1 : (size_t)(slash - path)});
}

bool file_write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* Fill the temporary file. old is NULL when nothing is there yet. */
static bool fill_temporary(int fd, const char *path, const void *bytes, size_t len, const struct stat *old, mode_t mode,
			   struct err *err)
{
	struct stat st;
	if (!file_write_all(fd, bytes, len) || fstat(fd, &st) != 0)
		return err_set_errno(err, ERR_IO, "can't write '%s'", path);
	if (old != NULL && (old->st_uid != st.st_uid || old->st_gid != st.st_gid) && fchown(fd, old->st_uid, old->st_gid) != 0)
		return err_set_errno(err, ERR_DENIED, "can't write '%s': its owner could not be kept", path);
	if (fchmod(fd, (old != NULL ? old->st_mode : mode) & 07777) != 0 || fsync(fd) != 0)
		return err_set_errno(err, ERR_IO, "can't write '%s'", path);
	return true;
}

static bool sync_directory(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* a directory that may be written but not read, or a file system without such a sync, is no reason to fail */
	if (fd < 0)
		return true;
	bool ok = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP;
	if (!ok)
		err_set_errno(err, ERR_IO, "written, but the directory '%s' could not be synced to disk", dir);
	close(fd);
	return ok;
}

bool file_replace(const char *path, const void *bytes, size_t len, mode_t mode, struct err *err)
{
	bool ok = false;
	int fd = -1;
	struct stat old;
	struct buf temporary = {0};
	char *real = resolved(path);
	char *dir = directory_of(real);
	const char *slash = strrchr(real, '/');

	bool exists = stat(real, &old) == 0;
	if (!exists && errno != ENOENT) {
		err_set_errno(err, code_of_errno(), "can't write '%s'", path);
		goto out;
	}
	if (exists && !S_ISREG(old.st_mode)) {
		err_set(err, ERR_IO, "can't write '%s': it is not a regular file", path);
		goto out;
	}
	buf_printf(&temporary, "%s/.%s." TEMPORARY_MARK "XXXXXX", dir, slash == NULL ? real : slash + 1);
	fd = mkostemp(temporary.ptr, O_CLOEXEC);
	if (fd < 0) {
		err_set_errno(err, code_of_errno(), "can't write in '%s'", dir);
		goto out;
	}
	ok = fill_temporary(fd, path, bytes, len, exists ? &old : NULL, mode, err);
	if (ok && rename(temporary.ptr, real) != 0)
		ok = err_set_errno(err, ERR_IO, "can't replace '%s'", path);
	if (!ok)
		(void)unlink(temporary.ptr);
	else
		ok = sync_directory(dir, err);
out:
	if (fd >= 0)
		close(fd);
	buf_finish(&temporary);
	free(dir);
	free(real);
	return ok;
}

/* ".NAME.saring-a1b2c3" */
static bool is_temporary_of(const char *file_name, const char *name)
{
	size_t len = strlen(name), mark = strlen(TEMPORARY_MARK);
	return strlen(file_name) == 1 + len + 1 + mark + TEMPORARY_TAIL && file_name[0] == '.' &&
	       memcmp(file_name + 1, name, len) == 0 && file_name[1 + len] == '.' &&
	       memcmp(file_name + 1 + len + 1, TEMPORARY_MARK, mark) == 0;
}

static void sweep(DIR *dir, const char *name)
{
	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		struct stat st;
		if (is_temporary_of(e->d_name, name) && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

void file_sweep(const char *path)
{
	char *real = resolved(path);
	char *directory = directory_of(real);
	const char *slash = strrchr(real, '/');
	sweep(opendir(directory), slash == NULL ? real : slash + 1);
	free(directory);
	free(real);
}

void file_sweep_in(int dir, const char *name)
{
	const int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* one that is read from its beginning */
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && stream == NULL)
		close(fd);
	sweep(stream, name);
}

/* A new file beside name. Nobody else's is opened. */
static int open_temporary_in(int dir, const char *name, struct buf *ret_name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	for (unsigned attempt = 0; attempt < 100; attempt++) {
		char tail[TEMPORARY_TAIL + 1] = "";
		for (size_t i = 0; i < TEMPORARY_TAIL; i++)
			tail[i] = letters[rand_below(sizeof(letters) - 1)];
		buf_reset(ret_name);
		buf_printf(ret_name, ".%s." TEMPORARY_MARK "%s", name, tail);
		const int fd = openat(dir, ret_name->ptr, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* As the directory's owner would have made it. */
static bool fill_as_directory(int fd, const struct stat *dir, const char *shown, const void *bytes, size_t len, mode_t mode,
			      struct err *err)
{
	struct stat st;
	if (!file_write_all(fd, bytes, len) || fstat(fd, &st) != 0)
		return err_set_errno(err, ERR_IO, "can't write '%s'", shown);
	if ((st.st_uid != dir->st_uid || st.st_gid != dir->st_gid) && fchown(fd, dir->st_uid, dir->st_gid) != 0 &&
	    st.st_uid != dir->st_uid)
		return err_set_errno(err, ERR_DENIED, "can't write '%s': it would not belong to its directory's owner", shown);
	if (fchmod(fd, mode) != 0 || fsync(fd) != 0)
		return err_set_errno(err, ERR_IO, "can't write '%s'", shown);
	return true;
}

bool file_replace_in(int dir, const char *name, const char *shown, const void *bytes, size_t len, mode_t mode, struct err *err)
{
	struct stat own, old;
	struct buf temporary = {0};
	if (fstat(dir, &own) != 0)
		return err_set_errno(err, ERR_IO, "can't look at the directory of '%s'", shown);
	if (fstatat(dir, name, &old, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(old.st_mode))
		return err_set(err, ERR_IO, "can't write '%s': it is not a regular file", shown);
	const int fd = open_temporary_in(dir, name, &temporary);
	bool ok = fd >= 0 || err_set_errno(err, code_of_errno(), "can't write beside '%s'", shown);
	ok = ok && fill_as_directory(fd, &own, shown, bytes, len, mode, err);
	if (ok && renameat(dir, temporary.ptr, dir, name) != 0)
		ok = err_set_errno(err, ERR_IO, "can't replace '%s'", shown);
	if (!ok && fd >= 0)
		(void)unlinkat(dir, temporary.ptr, 0);
	if (ok && fsync(dir) != 0 && errno != EINVAL && errno != ENOTSUP)
		ok = err_set_errno(err, ERR_IO, "written, but the directory of '%s' could not be synced to disk", shown);
	if (fd >= 0)
		close(fd);
	buf_finish(&temporary);
	return ok;
}

bool file_lock_directory(const char *dir, const char *shown, int64_t wait_ms, int *ret_fd, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = false;
	if (fd < 0)
		return err_set_errno(err, code_of_errno(), "can't open the directory '%s'", dir);
	/* flock cannot wait for a limited time, and a signal would be the whole process's matter: so it is asked now and then. What
	 * was slept is counted, not the clock asked: tests own the clock. */
	for (int64_t waited_ms = 0; !ok; waited_ms += LOCK_STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			ok = true;
		} else if (errno != EWOULDBLOCK && errno != EINTR) {
			err_set_errno(err, ERR_IO, "can't lock the directory '%s'", dir);
			break;
		} else if (waited_ms >= wait_ms) {
			err_set(err, ERR_LIMIT, "'%s' is being changed by someone else", shown);
			break;
		} else {
			(void)nanosleep(&(struct timespec){.tv_nsec = LOCK_STEP_MS * 1000000L}, NULL);
		}
	}
	if (ok)
		*ret_fd = fd;
	else
		close(fd);
	return ok;
}

bool file_lock(const char *path, int64_t wait_ms, int *ret_fd, struct err *err)
{
	char *real = resolved(path);
	char *dir = directory_of(real);
	const bool ok = file_lock_directory(dir, path, wait_ms, ret_fd, err);
	free(dir);
	free(real);
	return ok;
}

bool file_map_open(const char *path, struct file_map *ret, struct err *err)
{
	int fd = open_for_reading(path, err);
	if (fd < 0)
		return false;
	struct stat st;
	bool ok = false;
	if (fstat(fd, &st) != 0) {
		err_set_errno(err, ERR_IO, "can't read '%s'", path);
	} else if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_IO, "can't map '%s': it is not a regular file", path);
	} else if (st.st_size == 0) {
		*ret = (struct file_map){"", 0}; /* mmap refuses to map nothing */
		ok = true;
	} else {
		void *addr = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (addr != MAP_FAILED) {
			*ret = (struct file_map){addr, (size_t)st.st_size};
			ok = true;
		} else {
			err_set_errno(err, ERR_IO, "can't map '%s'", path);
		}
	}
	close(fd);
	return ok;
}

void file_map_close(struct file_map *map)
{
	if (map->addr != NULL && map->len > 0)
		(void)munmap((void *)(uintptr_t)map->addr, map->len);
	*map = (struct file_map){0};
}

char *file_path_beside(const char *base, const char *path)
{
	const char *slash = strrchr(base, '/');
	if (path[0] == '/' || slash == NULL)
		return base_strdup(path);
	struct buf b = {0};
	buf_add(&b, base, (size_t)(slash - base) + 1);
	buf_add_c(&b, path);
	return b.ptr;
}

bool file_mkdirs(const char *path, mode_t mode, struct err *err)
{
	char *copy = base_strdup(path);
	bool ok = true;
	for (char *p = copy; ok && *p != '\0';) {
		p += strspn(p, "/");
		p += strcspn(p, "/");
		char end = *p;
		*p = '\0';
		struct stat st;
		/* what is there already may be out of our right to create; so it is looked at first */
		if (copy[0] != '\0' && stat(copy, &st) != 0 && mkdir(copy, mode) != 0 && errno != EEXIST)
			ok = err_set_errno(err, code_of_errno(), "can't make the directory '%s'", copy);
		else if (copy[0] != '\0' && stat(copy, &st) == 0 && !S_ISDIR(st.st_mode))
			ok = err_set(err, ERR_EXISTS, "can't make the directory '%s': a file of that name is there", copy);
		*p = end;
	}
	free(copy);
	return ok;
}
