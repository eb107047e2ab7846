/* SPDX-License-Identifier: BSD-2-Clause */
#include "privs.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(leak_sanitizer)
#define PRIVS_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PRIVS_SANITIZED 1
#endif

#define LOOKUP_BYTES 16384 /* for a line of passwd or group */

static void plan_stay(struct privs *ret, enum privs_plan plan, uid_t uid)
{
	*ret = (struct privs){.plan = plan, .uid = uid, .gid = getegid()};
	snprintf(ret->name, sizeof(ret->name), uid == 0 ? "root" : "%u", (unsigned)uid);
}

bool privs_resolve(const char *user, uid_t euid, struct privs *ret, struct err *err)
{
	if (euid != 0) {
		plan_stay(ret, PRIVS_STAY, euid);
		return true;
	}
	const char *name = user ? user : PRIVS_USER_DEFAULT;
	char bytes[LOOKUP_BYTES];
	struct passwd entry, *found = NULL;
	int rc = getpwnam_r(name, &entry, bytes, sizeof(bytes), &found);
	if (!found && user) {
		errno = rc;
		return rc != 0 ? err_set_errno(err, ERR_IO, "looking up the user '%s'", user)
			       : err_set(err, ERR_NOT_FOUND, "the user '%s' does not exist on this machine", user);
	}
	if (!found || strlen(name) >= sizeof(ret->name)) {
		plan_stay(ret, PRIVS_NO_USER, 0);
		return true;
	}
	if (entry.pw_uid == 0) {
		plan_stay(ret, PRIVS_STAY_ROOT, 0);
		return true;
	}
	*ret = (struct privs){.plan = PRIVS_DROP, .uid = entry.pw_uid, .gid = entry.pw_gid};
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return true;
}

/* A unit's AmbientCapabilities= would go on to every program this process starts. */
bool privs_give_up(void)
{
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	struct __user_cap_data_struct left[_LINUX_CAPABILITY_U32S_3] = {{0}};
	if (syscall(SYS_capset, &head, none) == 0)
		return true;
	if (syscall(SYS_capget, &head, left) != 0)
		return false;
	/* What is inheritable is no right, and comes to none: no program started gains any (privs_drop). */
	for (size_t i = 0; i < ARRAY_LEN(left); i++)
		if ((left[i].permitted | left[i].effective) != 0)
			return false;
	return true;
}

static bool become(const struct privs *p, struct err *err)
{
	if (initgroups(p->name, p->gid) < 0)
		return err_set_errno(err, ERR_IO, "taking the groups of user '%s'", p->name);
	if (setresgid(p->gid, p->gid, p->gid) < 0 || setresuid(p->uid, p->uid, p->uid) < 0)
		return err_set_errno(err, ERR_IO, "becoming user '%s'", p->name);
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0 || ruid != p->uid || euid != p->uid ||
	    suid != p->uid || rgid != p->gid || egid != p->gid || sgid != p->gid)
		return err_set(err, ERR_INTERNAL, "becoming user '%s' did not take", p->name);
	if (!privs_give_up())
		return err_set(err, ERR_INTERNAL, "capabilities could not be given up after becoming user '%s'", p->name);
	if (setuid(0) == 0 || seteuid(0) == 0 || (p->gid != 0 && setegid(0) == 0))
		return err_set(err, ERR_INTERNAL, "root's rights could be taken back after becoming user '%s'", p->name);
#ifdef PRIVS_SANITIZED
	/* The leak checker attaches to its own process, which the kernel refuses after a change of user. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
	return true;
}

bool privs_drop(const struct privs *privs, struct err *err)
{
	bool ok = true;
	switch (privs->plan) {
	case PRIVS_DROP:
		ok = become(privs, err);
		break;
	case PRIVS_STAY:
		(void)privs_give_up(); /* who could not has started anew already, or has said so */
		break;
	case PRIVS_STAY_ROOT:
	case PRIVS_NO_USER:
		break;
	}
	if (ok && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(err, ERR_IO, "giving up new rights for programs started (no_new_privs)");
	return ok;
}

bool privs_group(const char *group, gid_t own, gid_t *ret, struct err *err)
{
	char bytes[LOOKUP_BYTES];
	struct group entry, *found = NULL;
	int rc = getgrnam_r(group ? group : PRIVS_USER_DEFAULT, &entry, bytes, sizeof(bytes), &found);
	if (!found && group) {
		errno = rc;
		return rc != 0 ? err_set_errno(err, ERR_IO, "looking up the group '%s'", group)
			       : err_set(err, ERR_NOT_FOUND, "the group '%s' does not exist on this machine", group);
	}
	*ret = found ? entry.gr_gid : own;
	return true;
}
