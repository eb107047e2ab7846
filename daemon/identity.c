/* SPDX-License-Identifier: BSD-2-Clause */
#include "identity.h"

#include "base/hex.h"
#include "base/str.h"

#include <stdio.h>

#define TIME_TEXT_MAX 32

const char *identity_content(const uint8_t hash[16], char ret[IDENTITY_CONTENT_HEX])
{
	return hex_from_bytes(hash, 16, ret);
}

static void put(struct identity *identity, int which, const char *name, const char *value)
{
	(void)snprintf(identity->texts[which], IDENTITY_TEXT_MAX, "%s=%s", name, value);
}

static void put_number(struct identity *identity, int which, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put(identity, which, name, text);
}

void identity_make(const struct policy *policy, struct identity *ret)
{
	struct policy_info info;
	char hex[IDENTITY_CONTENT_HEX], compiled[TIME_TEXT_MAX];

	*ret = (struct identity){.texts = {""}};
	if (policy == NULL)
		return;
	policy_info(policy, 0, &info);
	str_from_time(info.compiled_at_s, compiled, sizeof(compiled));
	put_number(ret, IDENTITY_GENERATION, "generation", info.generation);
	put(ret, IDENTITY_CONTENT, "content", identity_content(info.content_hash, hex));
	put_number(ret, IDENTITY_LIFTS, "lifts", info.lift_count);
	put_number(ret, IDENTITY_ENTRIES, "entries", info.entry_count);
	put(ret, IDENTITY_COMPILED, "compiled", compiled);
}

const char *identity_in_force(const struct policy *policy, int64_t now_s, char ret[IDENTITY_TEXT_MAX])
{
	(void)snprintf(ret, IDENTITY_TEXT_MAX, "in-force=%zu", policy_in_force_count(policy, now_s));
	return ret;
}
