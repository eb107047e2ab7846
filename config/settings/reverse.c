/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/reverse.h"

#include <stdio.h>
#include <string.h>

/* The name of the first `units` units (octets, or half octets) of an address. */
static void name_of(const uint8_t *bytes, bool is_v4, unsigned units, struct name *ret)
{
	static const uint8_t v4[] = "\7in-addr\4arpa", v6[] = "\3ip6\4arpa"; /* and the root: the literals' own NUL */
	uint8_t wire[NAME_LEN_MAX];
	size_t len = 0;
	for (unsigned unit = units; unit-- > 0;) {
		char text[4];
		unsigned value = is_v4 ? bytes[unit] : unit % 2 == 0 ? bytes[unit / 2] >> 4 : bytes[unit / 2] & 15u;
		int count = snprintf(text, sizeof(text), is_v4 ? "%u" : "%x", value);
		wire[len++] = (uint8_t)count;
		memcpy(wire + len, text, (size_t)count);
		len += (size_t)count;
	}
	memcpy(wire + len, is_v4 ? v4 : v6, is_v4 ? sizeof(v4) : sizeof(v6));
	len += is_v4 ? sizeof(v4) : sizeof(v6);
	must(name_from_wire(wire, len, ret));
}

void reverse_of_address(const uint8_t *bytes, size_t len, struct name *ret)
{
	name_of(bytes, len == 4, len == 4 ? 4 : 32, ret);
}

size_t reverse_of_prefix(const struct prefix *prefix, struct name ret[REVERSE_ZONES_MAX])
{
	bool is_v4 = prefix->family == AF_INET;
	unsigned width = is_v4 ? 8 : 4, units = (prefix->bits + width - 1u) / width, spare = units * width - prefix->bits;
	uint8_t bytes[16];
	memcpy(bytes, prefix->bytes, sizeof(bytes));
	/* The last unit counts up from where the prefix leaves it; its host bits are zero. */
	for (unsigned i = 0; i < 1u << spare; i++) {
		unsigned at = units - 1u;
		if (units > 0 && is_v4)
			bytes[at] = (uint8_t)(prefix->bytes[at] + i);
		else if (units > 0)
			bytes[at / 2] = (uint8_t)(prefix->bytes[at / 2] + (i << (at % 2 == 0 ? 4 : 0)));
		name_of(bytes, is_v4, units, &ret[i]);
	}
	return (size_t)1 << spare;
}
