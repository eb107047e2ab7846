/* SPDX-License-Identifier: BSD-2-Clause
 *
 * control.h - the control socket: a Unix stream socket that speaks ctl/proto.h, and who may say what on it.
 *
 * The socket is bound early (while the daemon may still be root, to give it the right owner) and served once there is something to
 * serve. Who a peer is the kernel says (SO_PEERCRED, SO_PEERGROUPS), not the peer. Every connection is bounded: CTL_REQUEST_MAX
 * bytes of request, CTL_IDLE_MS to send it, CONTROL_WRITE_MS to take the reply, CONTROL_CONNECTIONS_MAX in all - at the limit the
 * one that has idled longest goes. A stream of replies (commands.h) has no deadline, but goes likewise when nobody has read of it
 * for CONTROL_WRITE_MS; of one there is one frame at a time. A malformed frame is answered and closes the connection. Main thread;
 * nothing blocks. */
#ifndef SARING_ADMIN_CONTROL_H
#define SARING_ADMIN_CONTROL_H

#include "admin/commands.h"
#include "base/base.h"
#include "base/err.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define CONTROL_CONNECTIONS_MAX 64
#define CONTROL_WRITE_MS 30000
#define CONTROL_BACKLOG 64
#define CONTROL_GROUPS_MAX 65536 /* of one peer: what Linux allows */

struct event_base;

struct control_socket {
	int fd; /* -1: none */
	struct sockaddr_un address;
	dev_t dev; /* what was bound: only that is removed in the end */
	ino_t ino;
};
/* Bind path (mode 0660, owner:group) and listen. A socket left behind is replaced; one that is answered on is an error, as is
 * anything that is no socket. */
MUST_CHECK bool control_socket_open(const char *path, uid_t owner, gid_t group, struct control_socket *ret, struct err *err);
void control_socket_close(struct control_socket *s); /* and remove it; may be called for none */

/* What a peer may do. groups: its supplementary ones. */
enum command_right control_right(uid_t daemon_uid, gid_t control_group, uid_t uid, gid_t gid, const gid_t *groups,
				 size_t group_count);

struct control;
/* Serve s, which stays the caller's to close. */
MUST_CHECK struct control *control_create(struct event_base *base, const struct control_socket *s, gid_t group,
					  struct commands *commands);
/* Closes all connections; replies that are under way are given what the socket's buffer takes at once. No command may be under way.
 */
void control_destroy(struct control *c); /* takes NULL */
size_t control_connections(const struct control *c);

#endif
