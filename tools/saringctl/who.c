/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/who.h"

#include "base/str.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGINUID_MAX 32
#define LOGIN_MAX 256

/* NULL when that user has no name. */
static char *name_of(uid_t uid)
{
	const struct passwd *p = getpwuid(uid);
	return p == NULL || p->pw_name[0] == '\0' || !str_is_utf8(str_from(p->pw_name)) ? NULL : base_strdup(p->pw_name);
}

/* sudo's word counts only where sudo made us root: anybody can set a variable. */
static char *behind_sudo(void)
{
	const char *said = getenv("SUDO_USER");
	if (geteuid() != 0 || said == NULL || said[0] == '\0' || strlen(said) > LOGIN_MAX || !str_is_utf8(str_from(said)))
		return NULL;
	for (const char *p = said; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return NULL;
	}
	return base_strdup(said);
}

/* -1 as a number: no session. */
bool who_session(uid_t *ret)
{
	uint64_t uid = UINT32_MAX;
	FILE *f = fopen("/proc/self/loginuid", "re");
	if (f == NULL)
		return false;
	char line[LOGINUID_MAX] = "";
	bool good = fgets(line, sizeof(line), f) != NULL && str_to_u64(str_trim(str_from(line)), &uid) && uid < UINT32_MAX;
	(void)fclose(f);
	if (good)
		*ret = (uid_t)uid;
	return good;
}

static char *of_session(void)
{
	uid_t uid;
	return who_session(&uid) ? name_of(uid) : NULL;
}

char *who_login(void)
{
	char *who = behind_sudo();
	if (who == NULL)
		who = of_session();
	if (who == NULL)
		who = name_of(geteuid());
	if (who != NULL)
		return who;
	char text[32];
	(void)snprintf(text, sizeof(text), "uid %lu", (unsigned long)geteuid());
	return base_strdup(text);
}
