/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/who.h"

#include "base/str.h"
#include "ctl/proto.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSWD_BYTES_MAX 16384

bool audit_login_uid_parse(const char *text, uid_t *ret)
{
	uint64_t number;
	if (!str_to_u64(str_trim(str_from(text)), &number) || number >= UINT32_MAX)
		return false;
	*ret = (uid_t)number;
	return true;
}

static bool read_login_uid(pid_t pid, bool *ret_seen, uid_t *ret)
{
	char path[64], text[32] = "";
	(void)snprintf(path, sizeof(path), "/proc/%d/loginuid", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	*ret_seen = n > 0;
	return n > 0 && audit_login_uid_parse(text, ret);
}

void audit_who_of_peer(uid_t uid, pid_t pid, struct audit_who *ret)
{
	*ret = (struct audit_who){.by = "control", .is_person = true, .uid = uid, .pid = pid};
	ret->has_login_uid = pid > 0 && read_login_uid(pid, &ret->login_seen, &ret->login_uid);
}

void audit_who_said(struct audit_who *who, const json_t *change)
{
	const json_t *said = json_object_get(change, "login_uid");
	if (!who->is_person || who->login_seen || !json_is_integer(said))
		return;
	json_int_t uid = json_integer_value(said);
	if (uid < 0 || uid >= UINT32_MAX)
		return;
	who->has_login_uid = who->login_said = true;
	who->login_uid = (uid_t)uid;
}

static json_t *login_of(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char *buf = base_alloc(PASSWD_BYTES_MAX);
	json_t *login =
	    getpwuid_r(uid, &entry, buf, PASSWD_BYTES_MAX, &found) == 0 && found ? ctl_text(str_from(entry.pw_name)) : json_null();
	free(buf);
	return login;
}

json_t *audit_user_json(uid_t uid)
{
	json_t *user = json_pack("{s:I, s:o}", "uid", (json_int_t)uid, "login", login_of(uid));
	must(user);
	return user;
}

void audit_who_put(const struct audit_who *who, json_t *record)
{
	bool on_behalf = who->is_person && who->has_login_uid && who->login_uid != who->uid;
	json_t *behalf = on_behalf ? audit_user_json(who->login_uid) : json_null();
	must(!on_behalf || !who->login_said || json_object_set_new(behalf, "said", json_true()) == 0);
	must(json_object_set_new(record, "by", json_string(who->by)) == 0);
	must(json_object_set_new(record, "uid", who->is_person ? json_integer((json_int_t)who->uid) : json_null()) == 0);
	must(json_object_set_new(record, "login", who->is_person ? login_of(who->uid) : json_null()) == 0);
	must(json_object_set_new(record, "on_behalf_of", behalf) == 0);
	must(json_object_set_new(record, "pid", who->pid > 0 ? json_integer((json_int_t)who->pid) : json_null()) == 0);
}
