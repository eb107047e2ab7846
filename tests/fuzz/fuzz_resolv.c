/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as /etc/resolv.conf: every server taken from it is an address that can be asked, none is ourselves, none there twice,
 * and no more than there is room for. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "settings/load.h"

#define DNS_PORT 53

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct settings *s, const char *path, size_t max)
{
	struct endpoint found[SETTINGS_SERVERS_MAX];
	struct arena arena = {0};
	size_t count = settings_resolv_conf(path, s, found, max, &arena);
	must(count <= max);
	for (size_t i = 0; i < count; i++) {
		must(addr_port(&found[i].addr) == DNS_PORT && !addr_is_any(&found[i].addr));
		must(!settings_is_self(s, &found[i].addr) && found[i].line > 0);
		must(strncmp(found[i].text, "dns://", 6) == 0 && str_is_utf8(str_from(found[i].text)));
		for (size_t n = 0; n < i; n++)
			must(!addr_eq(&found[n].addr, &found[i].addr));
	}
	arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct settings *s;
	static int memory_fd;
	static char path[32];
	if (s == NULL) {
		struct err_list errors = {0};
		s = settings_parse(STR_LIT("listen: [dns://192.0.2.53, 'dns://[::]:53']\n"), "/nowhere/saring.yaml", &errors);
		memory_fd = memfd_create("resolv.conf", MFD_CLOEXEC);
		must(s != NULL && memory_fd >= 0);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", memory_fd);
	}
	must(ftruncate(memory_fd, 0) == 0 && pwrite(memory_fd, data, size, 0) == (ssize_t)size);
	check(s, path, SETTINGS_SERVERS_MAX);
	check(s, path, size % 3);
	return 0;
}
