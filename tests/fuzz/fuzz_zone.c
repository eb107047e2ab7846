/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time zones: the octets are a file of tzdata, and a rule of POSIX's TZ. What is taken has offsets of at most a day or so at any
 * time, and between two changes always the same one. */
#include <stdint.h>

#include "settings/zone.h"

#define OFFSET_MAX_S (27 * 3600)
#define CHANGES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct time_zone *z)
{
	static const int64_t times[] = {INT64_MIN, -4000000000, -1, 0, 1700000000, 4000000000, INT64_MAX};
	int64_t at_s = 1700000000;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const int32_t offset = zone_offset(z, times[i]);
		const int64_t next_s = zone_next_change(z, times[i]);
		must(offset >= -OFFSET_MAX_S && offset <= OFFSET_MAX_S && (next_s > times[i] || next_s == ZONE_NEVER));
	}
	for (unsigned i = 0; i < CHANGES_MAX; i++) {
		const int64_t next_s = zone_next_change(z, at_s);
		if (next_s == ZONE_NEVER)
			break;
		must(zone_offset(z, at_s) == zone_offset(z, next_s - 1) &&
		     zone_offset(z, at_s) == zone_offset(z, at_s + (next_s - at_s) / 2));
		at_s = next_s;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	const struct time_zone *file = zone_from_bytes(data, size, &arena);
	const struct time_zone *rule = zone_from_rule((struct str){(const char *)data, size}, &arena);
	if (file != NULL)
		check(file);
	if (rule != NULL)
		check(rule);
	arena_finish(&arena);
	return 0;
}
