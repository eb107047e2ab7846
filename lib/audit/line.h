/* SPDX-License-Identifier: BSD-2-Clause
 *
 * line.h - one record of the audit log as a line of text, and the chain that the lines make.
 *
 *   {"seq":42, ... ,"prev":"<64 hex>","hash":"<64 hex>"}\n
 *
 * hash is the SHA-256 of the line's bytes before `,"hash":`; prev is the hash of the record before, zeroes in the very first. So
 * whoever changes a record must change every record after it, and the head that the daemon keeps and tells the journal. Anybody can
 * check a line without saring:
 *
 *   sed 's/,"hash":"[0-9a-f]*"}$//' | tr -d '\n' | sha256sum
 *
 * A line that is read is looked at as text, not as JSON: its bytes are what the hash is of. Any thread; nothing is kept. */
#ifndef SARING_AUDIT_LINE_H
#define SARING_AUDIT_LINE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"

#include <jansson.h>

#define AUDIT_HASH_HEX 64
#define AUDIT_LINE_MAX ((size_t)1024 * 1024) /* bytes of a record; the daemon writes far shorter ones */

struct audit_hash {
	char hex[AUDIT_HASH_HEX + 1];
};
extern const struct audit_hash audit_hash_none; /* zeroes: before the first record */
bool audit_hash_eq(const struct audit_hash *a, const struct audit_hash *b);
/* 64 lower-case hexadecimal digits, no more. */
MUST_CHECK bool audit_hash_from_text(struct str text, struct audit_hash *ret);

/* SHA-256, as sha256sum gives it. */
void audit_hash_bytes(struct str bytes, struct audit_hash *ret);

/* Append the record as a line, newline and all. record must be an object whose first member is "seq"; "prev" and "hash" are added
 * here. */
void audit_line_put(struct buf *out, const json_t *record, const struct audit_hash *prev, struct audit_hash *ret_hash);

enum audit_line_state {
	AUDIT_LINE_GOOD,
	AUDIT_LINE_ALTERED, /* it has the form, and another hash than it says */
	AUDIT_LINE_BROKEN,  /* it has not even the form */
};
struct audit_line {
	uint64_t seq; /* 0: not to be read */
	struct audit_hash prev, hash;
};
/* line: without its newline. ret is filled as far as can be read. */
enum audit_line_state audit_line_read(struct str line, struct audit_line *ret);

#endif
