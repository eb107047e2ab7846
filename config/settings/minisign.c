/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/minisign.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/le.h"

#define HEAD "Ed"
#define HEAD_SIZE 2

bool minisign_key_from_text(struct str text, struct minisign_key *ret)
{
	uint8_t bytes[HEAD_SIZE + MINISIGN_ID_SIZE + MINISIGN_KEY_SIZE];
	static_assert((sizeof(bytes) + 2) / 3 * 4 == MINISIGN_KEY_TEXT_LEN, "base64");
	if (!base64_decode(text, bytes, sizeof(bytes)) || memcmp(bytes, HEAD, HEAD_SIZE) != 0)
		return false;
	memcpy(ret->id, bytes + HEAD_SIZE, sizeof(ret->id));
	memcpy(ret->bytes, bytes + HEAD_SIZE + MINISIGN_ID_SIZE, sizeof(ret->bytes));
	return true;
}

char *minisign_id_text(const uint8_t id[MINISIGN_ID_SIZE], char buf[MINISIGN_ID_TEXT_MAX])
{
	(void)snprintf(buf, MINISIGN_ID_TEXT_MAX, "%016" PRIX64, le_get_u64(id));
	return buf;
}
