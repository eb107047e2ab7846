/* SPDX-License-Identifier: BSD-2-Clause
 *
 * notify.h - what the service manager is told: readiness, reloads, status, life signs (sd_notify(3)). Every call does nothing when
 * nobody asked to be told. Main thread. */
#ifndef SARING_NOTIFY_H
#define SARING_NOTIFY_H

#include "base/base.h"

void notify_ready(void);
/* A reload begins; notify_ready ends it. MONOTONIC_USEC goes along, which Type=notify-reload of systemd 253 and later wants. */
void notify_reloading(void);
void notify_stopping(void);
void notify_status(const char *text);
/* The start takes its time: do not give up on it for another extend_ms. */
void notify_extend(int64_t extend_ms);
/* All is well; sent only when the service manager waits for it. */
void notify_watchdog(void);

#endif
