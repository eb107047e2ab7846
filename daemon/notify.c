/* SPDX-License-Identifier: BSD-2-Clause */
#include "notify.h"

#include "base/clock.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

void notify_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void notify_reloading(void)
{
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_ns() / 1000);
}

void notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void notify_status(const char *text)
{
	(void)sd_notifyf(0, "STATUS=%s", text);
}

void notify_extend(int64_t extend_ms)
{
	(void)sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRId64, extend_ms * 1000);
}

void notify_watchdog(void)
{
	if (sd_watchdog_enabled(0, NULL) > 0)
		(void)sd_notify(0, "WATCHDOG=1");
}
