/* SPDX-License-Identifier: BSD-2-Clause
 *
 * doctor_system.c - the machine: its clock, what it lets a process have, memory, disk, IPv6. */
#include "saringctl/doctor.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define YEAR_2026_S INT64_C(1767225600)
#define YEAR_2100_S INT64_C(4102444800)
#define FILES_TCP 8192			 /* twice the connections that saringd takes at most: it uses half of its files for them */
#define FILES_OWN 128			 /* logs, lists, the control socket */
#define RECEIVE_BUFFER (4 * 1024 * 1024) /* what saringd wants of each socket (listen/sockets.h) */
#define DISK_WARNING (256 * 1024 * 1024ULL)
#define DISK_PROBLEM (32 * 1024 * 1024ULL)
#define ZONES "/usr/share/zoneinfo"

static void judge_clock(struct doctor *d)
{
	struct timex t = {.modes = 0};
	char now[32];
	int64_t now_s = clock_wall_s();
	str_from_time(now_s, now, sizeof(now));
	int state = adjtimex(&t);
	if (now_s < YEAR_2026_S || now_s > YEAR_2100_S) {
		doctor_find(d, HEALTH_PROBLEM, "clock", "it is %s here: entries expire and schedules begin by that", now);
		doctor_remedy(d, "timedatectl set-ntp true   # or chrony, ntpsec");
	} else if (state < 0) {
		doctor_find(d, HEALTH_UNKNOWN, "clock", "%s; whether it is kept right cannot be seen", now);
	} else if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0) {
		doctor_find(d, HEALTH_WARNING, "clock", "%s; nobody keeps it right, and entries expire by it", now);
		doctor_remedy(d, "timedatectl set-ntp true   # or chrony, ntpsec; in a container that is its host's matter");
	} else {
		doctor_find(d, HEALTH_OK, "clock", "%s, kept right", now);
	}
	if (access(ZONES "/UTC", R_OK) == 0) {
		doctor_find(d, HEALTH_OK, "time zones", "%s is there", ZONES);
	} else {
		doctor_find(d, HEALTH_WARNING, "time zones", "%s is not there: schedules know UTC alone", ZONES);
		doctor_remedy(d, "apt-get install tzdata");
	}
}

static void judge_files(struct doctor *d)
{
	uint64_t soft = 0;
	uint64_t workers = (uint64_t)field_int(d->status, "workers"),
		 listeners = json_array_size(json_object_get(d->status, "listen"));
	uint64_t need = workers * listeners * 2 + FILES_TCP + FILES_OWN;
	if (d->pid == 0) {
		doctor_find(d, HEALTH_UNKNOWN, "open files", "saringd does not run; its unit has LimitNOFILE");
	} else if (!proc_limit(d->pid, "Max open files", &soft)) {
		doctor_find(d, HEALTH_UNKNOWN, "open files", "/proc/%ld/limits cannot be read", (long)d->pid);
	} else if (soft < need) {
		doctor_find(d, HEALTH_WARNING, "open files",
			    "saringd may have %llu open; for all TCP connections that it takes it needs %llu",
			    (unsigned long long)soft, (unsigned long long)need);
		doctor_remedy(d, "systemctl edit saringd   # [Service] LimitNOFILE=65536");
	} else {
		doctor_find(d, HEALTH_OK, "open files", "saringd may have %llu open, and needs %llu at most",
			    (unsigned long long)soft, (unsigned long long)need);
	}
}

static void judge_receive_buffer(struct doctor *d)
{
	char line[64];
	uint64_t most;
	proc_line("/proc/sys/net/core/rmem_max", line, sizeof(line));
	int64_t dropped = field_int(json_object_get(d->status, "counters"), "rxq_dropped");
	if (!str_to_u64(str_from(line), &most)) {
		doctor_find(d, dropped > 0 ? HEALTH_WARNING : HEALTH_UNKNOWN, "receive buffer",
			    "net.core.rmem_max cannot be read here; %lld datagrams were dropped", (long long)dropped);
		return;
	}
	bool small = most < RECEIVE_BUFFER / 2;
	doctor_find(d, dropped > 0 && small ? HEALTH_WARNING : HEALTH_OK, "receive buffer",
		    "net.core.rmem_max is %llu, saringd wants %d; %lld datagrams were dropped", (unsigned long long)most,
		    RECEIVE_BUFFER, (long long)dropped);
	if (dropped > 0 && small)
		doctor_remedy(d,
			      "printf 'net.core.rmem_max=%d\\n' > /etc/sysctl.d/60-saring.conf && sysctl --system\n"
			      "systemctl restart saringd",
			      RECEIVE_BUFFER);
}

static void judge_memory(struct doctor *d)
{
	char wants[FIGURE_MAX], has[FIGURE_MAX];
	int64_t available = proc_number("/proc/meminfo", "MemAvailable");
	const json_t *cache = json_object_get(d->status, "cache");
	int64_t image = field_int(json_object_get(d->status, "policy"), "bytes");
	/* what the cache holds already is no more to be had; a rebuild has two policies for a moment */
	int64_t want = (int64_t)d->s->cache_size - field_int(cache, "bytes") + image;
	if (available < 0) {
		doctor_find(d, HEALTH_UNKNOWN, "memory", "/proc/meminfo cannot be read");
		return;
	}
	available *= 1024;
	want = MAX(want, 0);
	doctor_find(d,
		    want > available	   ? HEALTH_PROBLEM
		    : want > available / 2 ? HEALTH_WARNING
					   : HEALTH_OK,
		    "memory", "the cache may still grow, and a policy be built: %s; there are %s",
		    figure_bytes((uint64_t)want, wants), figure_bytes((uint64_t)available, has));
	if (want > available / 2)
		doctor_remedy(d, "cache: {size: %s}   # in saring.yaml, or less", figure_bytes(d->s->cache_size / 4, wants));
}

static void judge_disk(struct doctor *d)
{
	struct statvfs v;
	char room[FIGURE_MAX];
	if (statvfs(d->s->state, &v) != 0) {
		doctor_find(d, HEALTH_UNKNOWN, "disk", "%s cannot be looked at", d->s->state);
		return;
	}
	uint64_t bytes = (uint64_t)v.f_bavail * v.f_frsize;
	enum health state = bytes < DISK_PROBLEM || (v.f_files > 0 && v.f_favail == 0) ? HEALTH_PROBLEM
			    : bytes < DISK_WARNING				       ? HEALTH_WARNING
										       : HEALTH_OK;
	doctor_find(d, state, "disk", "%s are free for %s%s", figure_bytes(bytes, room), d->s->state,
		    v.f_files > 0 && v.f_favail == 0 ? ", and no file more" : "");
	if (state != HEALTH_OK)
		doctor_remedy(d,
			      "Names are blocked without it, but the audit log, counts and fetched lists need room.\ndu -sh %s/*",
			      d->s->state);
}

/* An address of another scope than this machine's or this link's. */
static bool has_global_ipv6(void)
{
	char line[128];
	bool found = false;
	FILE *f = fopen("/proc/net/if_inet6", "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		unsigned scope = 0xff;
		// the kernel writes it, two digits. NOLINTNEXTLINE(cert-err34-c)
		found = sscanf(line, "%*s %*x %*x %x", &scope) == 1 && scope == 0;
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static void judge_ipv6(struct doctor *d)
{
	bool here = access("/proc/net/if_inet6", R_OK) == 0, wanted = false, open4 = false, open6 = false;
	for (size_t i = 0; i < d->s->listen_count; i++) {
		const struct addr *a = &d->s->listen[i].addr;
		bool is6 = a->sa.sa_family == AF_INET6, far = !addr_is_loopback(a);
		wanted = wanted || is6;
		open4 = open4 || (!is6 && far);
		open6 = open6 || (is6 && far);
	}
	if (wanted && !here) {
		doctor_find(d, HEALTH_PROBLEM, "IPv6", "'listen' has an IPv6 address, and this machine has no IPv6");
		doctor_remedy(d, "Leave it out of 'listen' in saring.yaml, or: sysctl net.ipv6.conf.all.disable_ipv6=0");
	} else if (open4 && !open6 && has_global_ipv6()) {
		doctor_find(d, HEALTH_WARNING, "IPv6",
			    "clients are served over IPv4 alone; where a router announces another DNS server over IPv6, they pass "
			    "by the filter");
		doctor_remedy(d, "listen: [..., \"dns://[::]:53\"]   # in saring.yaml, with clients.allow; and let the router "
				 "announce it (RDNSS)");
	} else {
		doctor_find(d, HEALTH_OK, "IPv6", "%s",
			    wanted  ? "listened at"
			    : !here ? "this machine has none"
				    : "not listened at");
	}
}

void doctor_system(struct doctor *d)
{
	judge_clock(d);
	judge_files(d);
	judge_receive_buffer(d);
	judge_memory(d);
	judge_disk(d);
	judge_ipv6(d);
}
