/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signature.h - a minisign signature: read, and verified over the very bytes of a list that are then parsed. Format as minisign
 * (jedisct1.github.io/minisign) has it:
 *
 *      untrusted comment: <anything>
 *      base64(algorithm "Ed" or "ED", 8 bytes of the key's number, 64 bytes: signature of the text, or with "ED" of its
 * BLAKE2b-512) trusted comment: <text> base64(64 bytes: signature of the signature above and the trusted comment's text)
 *
 * The trusted comment says how new it is: `serial:N` where it has one, else `timestamp:N`, which minisign writes by itself. Tools
 * only (house law 1); any thread. */
#ifndef SARING_IMPORT_SIGNATURE_H
#define SARING_IMPORT_SIGNATURE_H

#include "base/err.h"
#include "base/str.h"
#include "settings/minisign.h"

#define SIGNATURE_BYTES_MAX 16384 /* of a signature's file; minisign's own limits come to less */
#define SIGNATURE_SIZE 64
#define SIGNATURE_HASH_SIZE 32 /* of a text, for telling whether it is the same */

struct signature {
	bool prehashed;
	uint8_t id[MINISIGN_ID_SIZE];
	uint8_t of_text[SIGNATURE_SIZE], of_comment[SIGNATURE_SIZE];
	struct str comment; /* the trusted one; borrowed from the text */
	uint32_t comment_line;
};

/* shown: the file as messages name it; err has the place. */
MUST_CHECK bool signature_parse(struct str text, const char *shown, struct signature *ret, struct err *err);
/* Is it this key's, of this list, and the comment too? err has the place. */
MUST_CHECK bool signature_verify(const struct signature *s, const struct minisign_key *key, struct str list, const char *shown,
				 struct err *err);
/* The number of a trusted comment: of its first word `serial:N`, else of its first `timestamp:N`; words end at blanks and tabs. */
MUST_CHECK bool signature_serial(struct str comment, uint64_t *ret);
void signature_hash(struct str text, uint8_t ret[SIGNATURE_HASH_SIZE]);

#endif
