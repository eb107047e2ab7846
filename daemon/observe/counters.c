/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/counters.h"

#include "wire/rrtype.h"

const char *const counter_names[COUNTER_COUNT] = {
#define X(upper, lower) [COUNTER_##upper] = #lower,
    COUNTERS_TABLE(X)
#undef X
};

const char *const counter_type_names[COUNTER_TYPE_COUNT] = {[COUNTER_TYPE_OTHER] = "other",
#define X(name) [COUNTER_TYPE_##name] = #name,
							    COUNTER_TYPES_TABLE(X)
#undef X
};

const uint8_t counter_type_places[COUNTER_TYPES_KNOWN] = {
#define X(name) [RRTYPE_##name] = COUNTER_TYPE_##name,
    COUNTER_TYPES_TABLE(X)
#undef X
};

void counters_sum(const struct counters *const *blocks, size_t n, uint64_t ret[COUNTER_COUNT])
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		ret[i] = 0;
		for (size_t b = 0; b < n; b++)
			ret[i] += atomic_load_explicit(&blocks[b]->values[i], memory_order_relaxed);
	}
}
