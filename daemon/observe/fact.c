/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/fact.h"

#include <string.h>

const char *const fact_verdict_words[] = {
    [FACT_NONE] = "none", [FACT_ALLOWED] = "allowed", [FACT_BLOCKED] = "blocked", [FACT_WOULD_BLOCK] = "would-block"};

enum privacy fact_privacy(const struct fact *f, enum privacy privacy)
{
	return MAX(f->privacy, privacy);
}

const char *fact_entry(const struct fact *f, enum privacy privacy, char buf[HITS_TEXT_MAX])
{
	if (f->hit == NULL || (f->hit->match == MATCH_CLIENT && privacy != PRIVACY_FULL))
		return NULL;
	return hit_text(f->hit, buf);
}

bool fact_client(const struct fact *f, enum privacy privacy, uint8_t ret[ADDR_WIDE_LEN], unsigned *ret_bits)
{
	unsigned bits = 0;

	switch (privacy) {
	case PRIVACY_FULL:
		bits = ADDR_WIDE_LEN * 8;
		break;
	case PRIVACY_ANONYMOUS:
		bits = addr_wide_is_v4(f->address) ? ADDR_WIDE_V4_BITS + PRIVACY_IPV4_BITS : PRIVACY_IPV6_BITS;
		break;
	case PRIVACY_NAMES:
	case PRIVACY_NONE:
		return false;
	}
	memcpy(ret, f->address, ADDR_WIDE_LEN);
	addr_bits_clear(ret, bits, ADDR_WIDE_LEN * 8);
	*ret_bits = bits;
	return true;
}
