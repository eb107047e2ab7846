/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/line.h"

#include "ctl/proto.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HASH_KEY ",\"hash\":\""
#define PREV_KEY ",\"prev\":\""
#define SEQ_KEY "{\"seq\":"
#define END "\"}"

const struct audit_hash audit_hash_none = {"0000000000000000000000000000000000000000000000000000000000000000"};

bool audit_hash_eq(const struct audit_hash *a, const struct audit_hash *b)
{
	return memcmp(a->hex, b->hex, AUDIT_HASH_HEX) == 0;
}

bool audit_hash_from_text(struct str text, struct audit_hash *ret)
{
	if (text.len != AUDIT_HASH_HEX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!((text.ptr[i] >= '0' && text.ptr[i] <= '9') || (text.ptr[i] >= 'a' && text.ptr[i] <= 'f')))
			return false;
	memcpy(ret->hex, text.ptr, AUDIT_HASH_HEX);
	ret->hex[AUDIT_HASH_HEX] = '\0';
	return true;
}

void audit_hash_bytes(struct str bytes, struct audit_hash *ret)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	(void)crypto_hash_sha256(digest, (const unsigned char *)bytes.ptr, bytes.len);
	(void)sodium_bin2hex(ret->hex, sizeof(ret->hex), digest, sizeof(digest));
}

void audit_line_put(struct buf *out, const json_t *record, const struct audit_hash *prev, struct audit_hash *ret_hash)
{
	char *text = ctl_json(record, JSON_COMPACT);
	size_t len = strlen(text), start = out->len;
	must(len > strlen(SEQ_KEY) && memcmp(text, SEQ_KEY, strlen(SEQ_KEY)) == 0);
	buf_add(out, text, len - 1); /* less its brace */
	free(text);
	buf_printf(out, PREV_KEY "%s\"", prev->hex);
	audit_hash_bytes((struct str){out->ptr + start, out->len - start}, ret_hash);
	buf_printf(out, HASH_KEY "%s" END "\n", ret_hash->hex);
}

/* Takes KEY and a hash off the end of *line. */
static bool take_hash(struct str *line, const char *key, const char *end, struct audit_hash *ret)
{
	size_t key_len = strlen(key), tail = key_len + AUDIT_HASH_HEX + strlen(end);
	if (line->len < tail || memcmp(line->ptr + line->len - strlen(end), end, strlen(end)) != 0 ||
	    memcmp(line->ptr + line->len - tail, key, key_len) != 0 ||
	    !audit_hash_from_text((struct str){line->ptr + line->len - tail + key_len, AUDIT_HASH_HEX}, ret))
		return false;
	line->len -= tail;
	return true;
}

static uint64_t seq_of(struct str line)
{
	uint64_t seq = 0;
	if (!str_starts(line, SEQ_KEY))
		return 0;
	struct str rest = {line.ptr + strlen(SEQ_KEY), line.len - strlen(SEQ_KEY)};
	struct str digits = str_cut(&rest, ',');
	return rest.ptr && str_to_u64(digits, &seq) ? seq : 0;
}

enum audit_line_state audit_line_read(struct str line, struct audit_line *ret)
{
	struct str rest = line;
	struct audit_hash found;
	*ret = (struct audit_line){.seq = seq_of(line), .prev = audit_hash_none, .hash = audit_hash_none};
	if (!take_hash(&rest, HASH_KEY, END, &ret->hash))
		return AUDIT_LINE_BROKEN;
	const struct str hashed = rest;
	if (!take_hash(&rest, PREV_KEY, "\"", &ret->prev) || ret->seq == 0)
		return AUDIT_LINE_BROKEN;
	audit_hash_bytes(hashed, &found);
	return audit_hash_eq(&found, &ret->hash) ? AUDIT_LINE_GOOD : AUDIT_LINE_ALTERED;
}
