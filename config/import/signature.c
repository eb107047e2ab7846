/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/signature.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"

#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "
#define ALGORITHM_SIZE 2
#define LINES 4

static_assert(SIGNATURE_SIZE == crypto_sign_BYTES && MINISIGN_KEY_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519");
static_assert(SIGNATURE_HASH_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

/* Without a carriage return: minisign takes such files too. */
static struct str cut_line(struct str *rest)
{
	struct str line = str_cut(rest, '\n');
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool starts(struct str *line, const char *head)
{
	if (!str_starts(*line, head))
		return false;
	line->ptr += strlen(head);
	line->len -= strlen(head);
	return true;
}

bool signature_parse(struct str text, const char *shown, struct signature *ret, struct err *err)
{
	uint8_t bytes[ALGORITHM_SIZE + MINISIGN_ID_SIZE + SIGNATURE_SIZE];
	struct signature s = {.comment_line = 3};
	struct str rest = text;
	struct str line[LINES];
	if (text.len > SIGNATURE_BYTES_MAX)
		return err_set_at(err, ERR_LIMIT, shown, 1, 1, "this is no signature: it has more than %d bytes",
				  SIGNATURE_BYTES_MAX);
	for (uint32_t i = 0; i < LINES; i++) {
		if (rest.ptr == NULL)
			return err_set_at(err, ERR_INPUT, shown, MAX(i, 1u), 1,
					  "this is no minisign signature: it ends after %u of 4 lines", i);
		line[i] = cut_line(&rest);
	}
	if (!starts(&line[0], UNTRUSTED))
		return err_set_at(err, ERR_INPUT, shown, 1, 1, "this is no minisign signature: the line should begin with '%s'",
				  UNTRUSTED);
	if (!base64_decode(line[1], bytes, sizeof(bytes)))
		return err_set_at(err, ERR_INPUT, shown, 2, 1, "this is no minisign signature: the line is not base64 of %zu bytes",
				  sizeof(bytes));
	s.prehashed = memcmp(bytes, "ED", ALGORITHM_SIZE) == 0;
	if (!s.prehashed && memcmp(bytes, "Ed", ALGORITHM_SIZE) != 0)
		return err_set_at(err, ERR_INPUT, shown, 2, 1, "the signature is of an algorithm that is not minisign's");
	if (!starts(&line[2], TRUSTED))
		return err_set_at(err, ERR_INPUT, shown, 3, 1, "this is no minisign signature: the line should begin with '%s'",
				  TRUSTED);
	if (!base64_decode(line[3], s.of_comment, sizeof(s.of_comment)))
		return err_set_at(err, ERR_INPUT, shown, 4, 1, "this is no minisign signature: the line is not base64 of %zu bytes",
				  sizeof(s.of_comment));
	if (str_trim(rest).len > 0)
		return err_set_at(err, ERR_INPUT, shown, 5, 1, "there is something behind the signature");
	memcpy(s.id, bytes + ALGORITHM_SIZE, sizeof(s.id));
	memcpy(s.of_text, bytes + ALGORITHM_SIZE + MINISIGN_ID_SIZE, sizeof(s.of_text));
	s.comment = line[2];
	*ret = s;
	return true;
}

static const unsigned char *octets(struct str text)
{
	return (const unsigned char *)(text.ptr != NULL ? text.ptr : "");
}

static bool good_text(const struct signature *s, const struct minisign_key *key, struct str list)
{
	uint8_t hash[crypto_generichash_BYTES_MAX];
	static_assert(sizeof(hash) == 64, "BLAKE2b-512");
	if (!s->prehashed)
		return crypto_sign_verify_detached(s->of_text, octets(list), list.len, key->bytes) == 0;
	return crypto_generichash(hash, sizeof(hash), octets(list), list.len, NULL, 0) == 0 &&
	       crypto_sign_verify_detached(s->of_text, hash, sizeof(hash), key->bytes) == 0;
}

static bool good_comment(const struct signature *s, const struct minisign_key *key)
{
	struct buf signed_text = {NULL, 0, 0};
	buf_add(&signed_text, s->of_text, sizeof(s->of_text));
	buf_add_str(&signed_text, s->comment);
	bool good = crypto_sign_verify_detached(s->of_comment, octets(buf_str(&signed_text)), signed_text.len, key->bytes) == 0;
	buf_finish(&signed_text);
	return good;
}

bool signature_verify(const struct signature *s, const struct minisign_key *key, struct str list, const char *shown,
		      struct err *err)
{
	char theirs[MINISIGN_ID_TEXT_MAX], ours[MINISIGN_ID_TEXT_MAX];
	must(sodium_init() >= 0);
	if (memcmp(s->id, key->id, sizeof(s->id)) != 0)
		return err_set_at(err, ERR_INPUT, shown, 2, 1, "the signature is of the key %s, not of %s, which saring.yaml names",
				  minisign_id_text(s->id, theirs), minisign_id_text(key->id, ours));
	if (!good_text(s, key, list))
		return err_set_at(err, ERR_INPUT, shown, 2, 1, "the signature is not of this list: one of them was altered");
	if (!good_comment(s, key))
		return err_set_at(err, ERR_INPUT, shown, 3, 1, "the trusted comment was altered");
	return true;
}

bool signature_serial(struct str comment, uint64_t *ret)
{
	static const char *const heads[] = {"serial:", "timestamp:"};
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct str rest = comment;
		for (size_t at = 0; at < comment.len;) {
			size_t end = at;
			while (end < comment.len && comment.ptr[end] != ' ' && comment.ptr[end] != '\t')
				end++;
			rest = (struct str){comment.ptr + at, end - at};
			if (starts(&rest, heads[i]))
				return str_to_u64(rest, ret) && *ret <= INT64_MAX;
			at = end + 1;
		}
	}
	return false;
}

void signature_hash(struct str text, uint8_t ret[SIGNATURE_HASH_SIZE])
{
	must(sodium_init() >= 0);
	must(crypto_generichash(ret, SIGNATURE_HASH_SIZE, octets(text), text.len, NULL, 0) == 0);
}
