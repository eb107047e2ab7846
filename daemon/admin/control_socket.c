/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/control.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_MODE 0660

/* Is what lies at the address a socket that nobody listens on any more? Nothing there is fine too. */
static bool clear_stale(const struct sockaddr_un *address, struct err *err)
{
	struct stat st;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? true : err_set_errno(err, ERR_IO, "looking at %s", address->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_EXISTS, "%s is in the way: it is no socket", address->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, ERR_IO, "opening a Unix socket");
	int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	int why = errno;
	close(fd);
	if (rc == 0 || why == EAGAIN) /* EAGAIN: its queue is full, so it is somebody's */
		return err_set(err, ERR_EXISTS, "another saringd answers at %s", address->sun_path);
	errno = why;
	if (why != ECONNREFUSED)
		return err_set_errno(err, ERR_IO, "trying %s", address->sun_path);
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return err_set_errno(err, ERR_IO, "removing the old socket %s", address->sun_path);
	return true;
}

/* Nobody may connect before the owner is right: it is made with no right for others, and opened last. */
static bool bind_guarded(struct control_socket *s, uid_t owner, gid_t group, struct err *err)
{
	const char *path = s->address.sun_path;
	mode_t before = umask(0177);
	int rc = bind(s->fd, (const struct sockaddr *)&s->address, sizeof(s->address));
	int why = errno;
	umask(before);
	errno = why;
	struct stat st;
	if (rc < 0 || lstat(path, &st) < 0)
		return err_set_errno(err, ERR_IO, "making the control socket %s", path);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if ((st.st_uid != owner || st.st_gid != group) && lchown(path, st.st_uid == owner ? (uid_t)-1 : owner, group) < 0)
		return err_set_errno(err, ERR_IO, "giving the control socket %s to group %u", path, (unsigned)group);
	if (chmod(path, SOCKET_MODE) < 0 || listen(s->fd, CONTROL_BACKLOG) < 0)
		return err_set_errno(err, ERR_IO, "opening the control socket %s", path);
	return true;
}

bool control_socket_open(const char *path, uid_t owner, gid_t group, struct control_socket *ret, struct err *err)
{
	struct control_socket s = {.fd = -1, .address = {.sun_family = AF_UNIX}};
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof(s.address.sun_path))
		return err_set(err, ERR_INPUT, "the control socket's path '%s' is too long: a Unix socket's has at most %zu bytes",
			       path, sizeof(s.address.sun_path) - 1);
	memcpy(s.address.sun_path, path, len + 1);
	if (!clear_stale(&s.address, err))
		return false;
	s.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s.fd < 0)
		return err_set_errno(err, ERR_IO, "opening a Unix socket");
	if (!bind_guarded(&s, owner, group, err)) {
		control_socket_close(&s);
		return false;
	}
	*ret = s;
	return true;
}

void control_socket_close(struct control_socket *s)
{
	struct stat st;
	if (s->fd < 0)
		return;
	if (s->ino != 0 && lstat(s->address.sun_path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		(void)unlink(s->address.sun_path);
	close(s->fd);
	s->fd = -1;
}
