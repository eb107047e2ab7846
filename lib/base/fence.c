/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fence.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What is newer than the headers we are built with; the numbers are the kernel's for ever. */
#define ACCESS_REFER (UINT64_C(1) << 13)     /* ABI 2 */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define ACCESS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_BIND_TCP (UINT64_C(1) << 0)	     /* ABI 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT (UINT64_C(1) << 0) /* ABI 6: abstract Unix sockets of others */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)	  /* and signals to them */

/* struct landlock_ruleset_attr as it is by now; an older kernel takes as much of it as it knows. */
struct ruleset {
	uint64_t fs, net, scoped;
};

#define READS ((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))
#define WRITES                                                                                                       \
	((uint64_t)(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
		    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG))
/* Handled, and never allowed. */
#define NEVER                                                                                                  \
	((uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
		    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM))
/* Of a file that is no directory. */
#define OF_FILES ((uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE) | ACCESS_TRUNCATE)

static size_t known_size(unsigned abi)
{
	if (abi < 4)
		return offsetof(struct ruleset, net);
	return abi < 6 ? offsetof(struct ruleset, scoped) : sizeof(struct ruleset);
}

void fence_begin(struct fence *f, enum fence_net net)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	*f = (struct fence){.fd = -1};
	if (abi < 1)
		return;
	f->abi = (unsigned)abi;
	f->writes = WRITES | (abi >= 2 ? ACCESS_REFER : 0) | (abi >= 3 ? ACCESS_TRUNCATE : 0);
	struct ruleset all = {.fs = READS | f->writes | NEVER | (abi >= 5 ? ACCESS_IOCTL_DEV : 0),
			      .net = net == FENCE_NET_NONE ? NET_BIND_TCP | NET_CONNECT_TCP : 0,
			      .scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL};
	f->fd = (int)syscall(SYS_landlock_create_ruleset, &all, known_size(f->abi), 0);
}

static void allow(struct fence *f, const char *path, uint64_t access)
{
	struct stat st;
	int fd = f->fd < 0 ? -1 : open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		struct landlock_path_beneath_attr rule = {.allowed_access = S_ISDIR(st.st_mode) ? access : access & OF_FILES,
							  .parent_fd = fd};
		/* what the kernel refuses stays shut */
		(void)syscall(SYS_landlock_add_rule, f->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	close(fd);
}

void fence_read(struct fence *f, const char *path)
{
	allow(f, path, READS);
}

static void read_folder_of(struct fence *f, const char *path)
{
	char copy[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(copy))
		return;
	memcpy(copy, path, len + 1);
	const char *folder = dirname(copy);
	fence_read(f, strcmp(folder, "/") == 0 ? path : folder);
}

void fence_read_beside(struct fence *f, const char *path)
{
	char *real = realpath(path, NULL);

	read_folder_of(f, path);
	if (real != NULL && strcmp(real, path) != 0)
		read_folder_of(f, real);
	free(real);
}

void fence_write(struct fence *f, const char *path)
{
	allow(f, path, READS | f->writes);
}

unsigned fence_close(struct fence *f)
{
	bool stands =
	    f->fd >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, f->fd, 0) == 0;

	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	return stands ? f->abi : 0;
}
