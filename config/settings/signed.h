/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signed.h - what is remembered of a signed list, from one compile to the next, in <state>/signed/:
 *
 *      NAME.signed             this record: the newest serial of each key, what was last accepted, and whether what is there now is
 *                              refused. Replaced as a whole, and waited for
 *      NAME@HASH.list          the list's bytes as they were last accepted, by the hash that the record names
 *      NAME@HASH.minisig       and their signature: both are verified again before they are used
 *
 * A list's name has no `@`. saring-compile writes; saringd and saringctl look. What is in the record was verified: no stranger's
 * text stands in it but a sentence that says why it was refused, made safe. Any thread. */
#ifndef SARING_SETTINGS_SIGNED_H
#define SARING_SETTINGS_SIGNED_H

#include "base/err.h"
#include "settings/minisign.h"
#include "settings/settings.h"

#define SIGNED_DIR "signed" /* below state */
#define SIGNED_HASH_SIZE 32
#define SIGNED_KEYS_MAX 16 /* so many keys' serials are remembered; of more, those last used */
#define SIGNED_WHY_MAX 600

struct signed_key {
	char key[MINISIGN_KEY_TEXT_LEN + 1];
	uint64_t serial;
	uint8_t hash[SIGNED_HASH_SIZE]; /* of the text with that serial */
	int64_t accepted_at_s;		/* when that serial was first seen */
};

struct signed_record {
	struct signed_key keys[SIGNED_KEYS_MAX]; /* the last used first */
	size_t key_count;
	bool has_copy; /* of keys[0]'s text */
	uint8_t copy[SIGNED_HASH_SIZE];
	int64_t refused_since_s; /* 0: what is there is in force */
	char why[SIGNED_WHY_MAX];
};

/* For judging by it: all zeroes where there is none. False, and err, for one that cannot be read: what was accepted before is not
 * known then, and an older list must not pass for a new one. */
MUST_CHECK bool signed_record_read(const char *state, const char *list, struct signed_record *ret, struct err *err);
/* For telling of it: all zeroes where there is none, or none that can be read. The result says whether there was one. */
bool signed_record_load(const char *state, const char *list, struct signed_record *ret);
MUST_CHECK bool signed_record_parse(struct str text, struct signed_record *ret);
MUST_CHECK bool signed_record_save(const char *state, const char *list, const struct signed_record *record, struct err *err);

/* The newest serial of that key, NULL when it has signed nothing yet. */
const struct signed_key *signed_record_key(const struct signed_record *record, const char *key);
/* It is accepted: the serial is the key's newest, and the text is the last good one. Not refused any more. */
void signed_record_accept(struct signed_record *record, const char *key, uint64_t serial, const uint8_t hash[SIGNED_HASH_SIZE],
			  int64_t now_s);
void signed_record_refuse(struct signed_record *record, const char *why, int64_t now_s);

/* "<state>/signed/NAME@HASH.list" and "....minisig". Owned by the caller. */
MUST_CHECK char *signed_copy_path(const char *state, const char *list, const uint8_t hash[SIGNED_HASH_SIZE]);
MUST_CHECK char *signed_copy_signature_path(const char *state, const char *list, const uint8_t hash[SIGNED_HASH_SIZE]);
MUST_CHECK char *signed_record_path(const char *state, const char *list);

#endif
