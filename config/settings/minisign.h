/* SPDX-License-Identifier: BSD-2-Clause
 *
 * minisign.h - the public key of a signed list, as minisign writes it: base64 of "Ed", the key's number, the Ed25519 key. What is
 * signed by it, and how that is verified, is import/signature.h's: in this process nothing of a list's is read. Pure; any thread.
 */
#ifndef SARING_SETTINGS_MINISIGN_H
#define SARING_SETTINGS_MINISIGN_H

#include "base/base.h"
#include "base/str.h"

#define MINISIGN_ID_SIZE 8
#define MINISIGN_KEY_SIZE 32
#define MINISIGN_KEY_TEXT_LEN 56
#define MINISIGN_ID_TEXT_MAX 17

struct minisign_key {
	uint8_t id[MINISIGN_ID_SIZE];
	uint8_t bytes[MINISIGN_KEY_SIZE];
};

MUST_CHECK bool minisign_key_from_text(struct str text, struct minisign_key *ret);
/* The key's number as minisign shows it: 16 hexadecimal digits. Returns buf. */
char *minisign_id_text(const uint8_t id[MINISIGN_ID_SIZE], char buf[MINISIGN_ID_TEXT_MAX]);

#endif
