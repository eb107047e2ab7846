/* SPDX-License-Identifier: BSD-2-Clause
 *
 * who.h - who changes something, for the audit log: what the kernel says of a peer of the control socket, or what the daemon did by
 * itself and why. Main thread. */
#ifndef SARING_AUDIT_WHO_H
#define SARING_AUDIT_WHO_H

#include "base/base.h"

#include <jansson.h>
#include <sys/types.h>

struct audit_who {
	const char *by; /* a literal: "control", "refresh", "signal", "daemon", "file" */
	bool is_person; /* uid is somebody's */
	uid_t uid;
	pid_t pid; /* 0: none */
	bool has_login_uid;
	bool login_seen; /* /proc/PID/loginuid could be read, whatever stood in it; else the peer's word is taken */
	bool login_said; /* and was */
	uid_t login_uid; /* who logged in to the session that this comes from (sudo, su) */
};

/* Of a peer that the kernel named (SO_PEERCRED). Reads /proc/PID/loginuid, now: the process may be gone later. */
void audit_who_of_peer(uid_t uid, pid_t pid, struct audit_who *ret);
/* What the peer says of itself in its `change` (may be NULL), where we were not let look (ProtectProc=invisible). Only who may
 * change things is asked: root, who could write anything into any loginuid, and our own user, whose processes are seen. */
void audit_who_said(struct audit_who *who, const json_t *change);
/* "by", "uid", "login", "on_behalf_of", "pid". Asks the system for the names of users. */
void audit_who_put(const struct audit_who *who, json_t *record);
/* {"uid", "login"}: a new reference. */
MUST_CHECK json_t *audit_user_json(uid_t uid);
/* What stands in a loginuid file; false for none (not set is 4294967295). */
MUST_CHECK bool audit_login_uid_parse(const char *text, uid_t *ret);

#endif
