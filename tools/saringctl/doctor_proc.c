/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/doctor.h"

#include "base/str.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENING 0x0a /* TCP_LISTEN */

/* "0100007F", or four such words: each a number in the host's order of what lies in memory in the network's. */
static bool parse_host(const char *hex, struct addr *ret)
{
	size_t words = strlen(hex) / 8;
	uint32_t host[4] = {0};
	if (strlen(hex) != 8 && strlen(hex) != 32)
		return false;
	for (size_t i = 0; i < words; i++) {
		char one[9] = "";
		memcpy(one, hex + 8 * i, 8);
		host[i] = (uint32_t)strtoul(one, NULL, 16);
	}
	memset(ret, 0, sizeof(*ret));
	if (words == 1) {
		ret->len = sizeof(ret->in);
		ret->in.sin_family = AF_INET;
		memcpy(&ret->in.sin_addr, host, 4);
	} else {
		ret->len = sizeof(ret->in6);
		ret->in6.sin6_family = AF_INET6;
		memcpy(&ret->in6.sin6_addr, host, 16);
	}
	return true;
}

/* "   0: 00000000:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 12345 ..." */
static bool parse_socket(const char *line, bool tcp, uint16_t port, struct proc_socket *ret)
{
	char host[40];
	unsigned at, state;
	// the kernel writes these, of a width that is given here. NOLINTNEXTLINE(cert-err34-c)
	if (sscanf(line, " %*u: %39[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*d %" SCNu64, host, &at, &state,
		   &ret->inode) != 4)
		return false;
	if (at != port || (tcp && state != LISTENING) || !parse_host(host, &ret->addr))
		return false;
	addr_set_port(&ret->addr, port);
	return true;
}

size_t proc_sockets(bool tcp, uint16_t port, struct proc_socket *ret, size_t max, bool *ret_known)
{
	const char *const paths[] = {tcp ? "/proc/net/tcp" : "/proc/net/udp", tcp ? "/proc/net/tcp6" : "/proc/net/udp6"};
	size_t count = 0;
	char line[512];
	*ret_known = false;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		FILE *f = fopen(paths[i], "re");
		if (f == NULL)
			continue; /* no IPv6 here, or no /proc */
		*ret_known = true;
		while (count < max && fgets(line, sizeof(line), f) != NULL) {
			if (parse_socket(line, tcp, port, &ret[count]))
				count++;
		}
		(void)fclose(f);
	}
	return count;
}

static bool holds(const char *pid, uint64_t inode)
{
	char folder[64], wanted[64];
	bool found = false;
	(void)snprintf(folder, sizeof(folder), "/proc/%.20s/fd", pid);
	(void)snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	DIR *d = opendir(folder);
	if (d == NULL)
		return false;
	for (const struct dirent *e; !found && (e = readdir(d)) != NULL;) {
		char target[64];
		ssize_t len = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		found = len > 0 && (size_t)len == strlen(wanted) && memcmp(target, wanted, (size_t)len) == 0;
	}
	(void)closedir(d);
	return found;
}

static void name_process(const char *pid, char *name, size_t size)
{
	char path[64], comm[32], program[256];
	(void)snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	proc_line(path, comm, sizeof(comm));
	(void)snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
	ssize_t len = readlink(path, program, sizeof(program) - 1);
	program[len > 0 ? len : 0] = '\0';
	const char *slash = strrchr(program, '/');
	/* the kernel keeps fifteen letters of a name; the program has them all */
	bool longer = slash != NULL && strlen(comm) == 15 && strncmp(slash + 1, comm, 15) == 0;
	(void)snprintf(name, size, "%s", longer ? slash + 1 : comm);
}

bool proc_holder(uint64_t inode, pid_t prefer, pid_t *ret_pid, char *name, size_t size)
{
	char found[32] = "";
	(void)snprintf(found, sizeof(found), "%ld", (long)prefer);
	bool is = prefer > 0 && holds(found, inode);
	DIR *d = is ? NULL : opendir("/proc");
	for (const struct dirent *e; d != NULL && !is && (e = readdir(d)) != NULL;) {
		if (!isdigit((unsigned char)e->d_name[0]) || !holds(e->d_name, inode))
			continue;
		(void)snprintf(found, sizeof(found), "%.20s", e->d_name);
		is = true;
	}
	if (d != NULL)
		(void)closedir(d);
	if (!is)
		return false;
	name_process(found, name, size);
	*ret_pid = (pid_t)strtol(found, NULL, 10);
	return true;
}

void proc_line(const char *path, char *ret, size_t size)
{
	FILE *f = fopen(path, "re");
	ret[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(ret, (int)size, f) == NULL)
		ret[0] = '\0';
	(void)fclose(f);
	ret[strcspn(ret, "\n")] = '\0';
}

int64_t proc_number(const char *path, const char *key)
{
	char line[256];
	size_t len = strlen(key);
	int64_t number = -1;
	FILE *f = fopen(path, "re");
	while (f != NULL && number < 0 && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, len) == 0 && line[len] == ':')
			number = strtoll(line + len + 1, NULL, 10);
	}
	if (f != NULL)
		(void)fclose(f);
	return number;
}

bool proc_limit(pid_t pid, const char *what, uint64_t *ret_soft)
{
	char path[64], line[256];
	bool found = false;
	(void)snprintf(path, sizeof(path), "/proc/%ld/limits", (long)pid);
	FILE *f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, what, strlen(what)) != 0)
			continue;
		struct str rest = str_trim(str_from(line + strlen(what)));
		struct str soft = str_cut(&rest, ' ');
		found = str_eq_c(soft, "unlimited") || str_to_u64(soft, ret_soft);
		if (str_eq_c(soft, "unlimited"))
			*ret_soft = UINT64_MAX;
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}
