/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/local.h"

#include <string.h>
#include <unistd.h>

#define ANY_PORT 53 /* connect takes none that is 0 */

bool local_has(const struct addr *a)
{
	struct addr to = *a, from;
	bool local = false;

	if (addr_is_loopback(a))
		return true;
	addr_set_port(&to, ANY_PORT);
	memset(&from, 0, sizeof(from));
	from.len = sizeof(from.in6);
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (connect(fd, &to.sa, to.len) == 0 && getsockname(fd, &from.sa, &from.len) == 0)
		local = addr_same_host(&from, a);
	(void)close(fd);
	return local;
}
