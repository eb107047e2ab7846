/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-fetch/enclose.h"

#include "base/base.h"
#include "base/confine.h"
#include "base/fence.h"
#include "base/sieve.h"

/* Libraries of the resolver are loaded when the first name is looked up, and read these; TLS reads whom it trusts. Of /etc only
 * what is named: the rest is other programs' business. */
static const char *const readable[] = {
    "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache",
    /* names */
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
    "/etc/networks", "/etc/hostname", "/etc/mdns.allow", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf",
    "/run/nscd", "/var/run/nscd",
    /* TLS */
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates", "/usr/share/pki", "/var/lib/ca-certificates",
    /* the rest of what libraries ask of a system */
    "/etc/localtime", "/usr/share/zoneinfo", "/usr/share/locale", "/dev/null", "/dev/urandom", "/dev/random", "/proc/sys/crypto",
    "/proc/self", "/sys/devices/system/cpu"};

void enclose(void)
{
	struct fence fence;
	if (confine_is_sanitized())
		return;
	fence_begin(&fence, FENCE_NET_ANY);
	for (size_t i = 0; i < ARRAY_LEN(readable); i++)
		fence_read(&fence, readable[i]);
	(void)fence_close(&fence);
	(void)sieve_apply(SIEVE_FETCHER);
}
