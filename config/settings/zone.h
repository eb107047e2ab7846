/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zone.h - time zones: how far the clock on the wall is from UTC at a moment, and when that changes next. Of the system's tzdata
 * (RFC 8536), read once; without TZ, tzset and what else the C library keeps for the whole process. Leap seconds are not known: a
 * file of `right/` is read as if it had none. Immutable once made; any thread. */
#ifndef SARING_SETTINGS_ZONE_H
#define SARING_SETTINGS_ZONE_H

#include "base/arena.h"
#include "base/base.h"
#include "base/err.h"
#include "base/str.h"

#define ZONE_NEVER INT64_MAX
#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_FILE_MAX (256 * 1024)

struct time_zone; /* opaque */

/* "Asia/Jakarta". UTC needs no file. NULL: err is set. */
MUST_CHECK const struct time_zone *zone_load(struct str name, struct arena *arena, struct err *err);
/* The system's: of the environment's TZ (a name, or a rule as "CET-1CEST,M3.5.0,M10.5.0/3"), else of /etc/localtime, else UTC. */
MUST_CHECK const struct time_zone *zone_system(struct arena *arena);
/* The bytes of a file of tzdata. NULL: it is none. */
MUST_CHECK const struct time_zone *zone_from_bytes(const void *bytes, size_t len, struct arena *arena);
/* A rule of POSIX's TZ. NULL: it is none. */
MUST_CHECK const struct time_zone *zone_from_rule(struct str rule, struct arena *arena);

/* Seconds east of UTC. */
int32_t zone_offset(const struct time_zone *zone, int64_t at_s);
/* The first second behind at_s at which the offset may be another, or ZONE_NEVER. */
int64_t zone_next_change(const struct time_zone *zone, int64_t at_s);

/* Days since 1970-01-01, and back. */
int64_t zone_day_of(int64_t year, unsigned month, unsigned day);

#endif
