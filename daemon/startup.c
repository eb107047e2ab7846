/* SPDX-License-Identifier: BSD-2-Clause */
#include "startup.h"

#include "base/file.h"
#include "base/log.h"
#include "settings/load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 262144 /* more sockets than all workers can ever use */
#define STATE_LOCK "saringd.lock"

void startup_complain(const struct err *err, const struct err_list *errors)
{
	if (errors && errors->count > 0) {
		err_list_print(errors, stderr);
		return;
	}
	if (!err)
		return;
	err_print(err, stderr);
}

bool startup_read_settings(const char *path, struct buf *ret_bytes, struct settings **ret_boot, struct settings **ret_first)
{
	struct err err = {0};
	struct err_list errors = {0};
	if (!file_read(path, (size_t)SETTINGS_BYTES_MAX, ret_bytes, &err)) {
		startup_complain(&err, NULL);
		return false;
	}
	*ret_boot = settings_parse(buf_str(ret_bytes), path, &errors);
	*ret_first = *ret_boot ? settings_parse(buf_str(ret_bytes), path, &errors) : NULL;
	if (!*ret_first)
		startup_complain(NULL, &errors);
	err_list_finish(&errors);
	return *ret_first != NULL;
}

void startup_say_user(const struct privs *p, const char *configured)
{
	switch (p->plan) {
	case PRIVS_DROP:
		log_info("user name=\"%s\" uid=%u gid=%u", p->name, (unsigned)p->uid, (unsigned)p->gid);
		break;
	case PRIVS_STAY:
		log_debug("user uid=%u configured=\"%s\" text=\"not started as root: the user stays\"", (unsigned)p->uid,
			  configured ? configured : "");
		break;
	case PRIVS_STAY_ROOT:
		log_warning("user.root text=\"saringd keeps root's rights, as saring.yaml says (user)\"");
		break;
	case PRIVS_NO_USER:
		log_warning("user.root text=\"there is no user %s to become, so saringd keeps root's rights; name one in "
			    "saring.yaml (user)\"",
			    PRIVS_USER_DEFAULT);
		break;
	}
}

void startup_ignore_signals(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	/* What rotates logs or asks for figures of other servers sends these. */
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
}

void startup_raise_limits(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	rlim_t wanted = MIN(files.rlim_max, (rlim_t)FILES_MAX);
	if (files.rlim_cur >= wanted)
		return;
	files.rlim_cur = wanted;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_debug("limit.files error=\"%s\"", strerror(errno));
}

size_t startup_files(void)
{
	struct rlimit files;
	return getrlimit(RLIMIT_NOFILE, &files) < 0 ? 1024 : (size_t)MIN(files.rlim_cur, (rlim_t)FILES_MAX);
}

unsigned startup_cores(unsigned max)
{
	cpu_set_t set;
	long cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 1 ? 1 : (unsigned)MIN(cores, (long)max);
}

/* "a/b/c" -> "a/b", "/c" -> "/", "c" -> ".". */
static bool parent_of(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');
	int n = !slash ? snprintf(buf, size, ".") : snprintf(buf, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return n > 0 && (size_t)n < size;
}

bool startup_own_dir(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *err)
{
	struct stat st;
	char parent[PATH_MAX];
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? true : err_set(err, ERR_INPUT, "%s is not a directory", path);
	if (errno != ENOENT)
		return err_set_errno(err, ERR_IO, "looking at %s", path);
	if (!parent_of(path, parent, sizeof(parent)))
		return err_set(err, ERR_LIMIT, "the path %s is too long", path);
	/* The way to it is for everybody to go; only the last one is ours alone. */
	if (!file_mkdirs(parent, 0755, err))
		return false;
	if (mkdir(path, 0700) < 0)
		return err_set_errno(err, ERR_IO, "making the directory %s", path);
	if (stat(path, &st) < 0 ||
	    ((st.st_uid != uid || st.st_gid != gid) && lchown(path, st.st_uid == uid ? (uid_t)-1 : uid, gid) < 0) ||
	    chmod(path, mode) < 0)
		return err_set_errno(err, ERR_IO, "setting the owner and mode of %s", path);
	return true;
}

bool startup_own_parent(const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *err)
{
	char parent[PATH_MAX];
	if (!parent_of(path, parent, sizeof(parent)))
		return err_set(err, ERR_LIMIT, "the path %s is too long", path);
	return startup_own_dir(parent, mode, uid, gid, err);
}

bool startup_lock_state(const char *state, int *ret_fd, struct err *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", state, STATE_LOCK);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, ERR_LIMIT, "the path %s is too long", state);
	/* Not for writing: it holds no disk up that is to become read-only, and one that is has no need to be written. */
	int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* No reason not to serve by what was compiled before. A file that can't be made by us can't be by another saringd either.
	 */
	if (fd < 0 && (errno == EROFS || errno == ENOSPC || errno == EDQUOT)) {
		log_warning("state.unwritable path=\"%s\" error=\"%s\" text=\"it is used without a lock\"", state, strerror(errno));
		return true;
	}
	if (fd < 0)
		return err_set_errno(err, ERR_IO, "the state directory %s must be writable for the user saringd runs as", state);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		bool taken = errno == EWOULDBLOCK;
		(void)(taken ? err_set(err, ERR_EXISTS, "another saringd uses the state directory %s", state)
			     : err_set_errno(err, ERR_IO, "locking %s", path));
		close(fd);
		return false;
	}
	*ret_fd = fd;
	return true;
}
