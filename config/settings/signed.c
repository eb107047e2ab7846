/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The record's text, a line for each thing:
 *
 *      saring signed list, version 1
 *      key RW... SERIAL HASH TIME          as many as there are
 *      copy HASH
 *      refused TIME WHY */
#include "settings/signed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hex.h"

#define HEAD "saring signed list, version 1"
#define BYTES_MAX 8192
#define FILE_MODE 0640

/* ---- files ---- */

char *signed_record_path(const char *state, const char *list)
{
	struct buf path = {NULL, 0, 0};
	buf_printf(&path, "%s/" SIGNED_DIR "/%s.signed", state, list);
	return path.ptr;
}

static char *copy_path(const char *state, const char *list, const uint8_t hash[SIGNED_HASH_SIZE], const char *tail)
{
	struct buf path = {NULL, 0, 0};
	buf_printf(&path, "%s/" SIGNED_DIR "/%s@", state, list);
	hex_add(&path, hash, SIGNED_HASH_SIZE);
	buf_add_c(&path, tail);
	return path.ptr;
}

char *signed_copy_path(const char *state, const char *list, const uint8_t hash[SIGNED_HASH_SIZE])
{
	return copy_path(state, list, hash, ".list");
}

char *signed_copy_signature_path(const char *state, const char *list, const uint8_t hash[SIGNED_HASH_SIZE])
{
	return copy_path(state, list, hash, ".minisig");
}

/* ---- read ---- */

static bool time_get(struct str text, int64_t *ret)
{
	uint64_t value = 0;
	if (!str_to_u64(text, &value) || value > INT64_MAX)
		return false;
	*ret = (int64_t)value;
	return true;
}

static bool key_get(struct str line, struct signed_record *r)
{
	struct minisign_key key;
	struct str text = str_cut(&line, ' '), serial = str_cut(&line, ' '), hash = str_cut(&line, ' ');
	if (r->key_count == SIGNED_KEYS_MAX || !minisign_key_from_text(text, &key))
		return false;
	struct signed_key *k = &r->keys[r->key_count++];
	memcpy(k->key, text.ptr, text.len);
	k->key[text.len] = '\0';
	return str_to_u64(serial, &k->serial) && hex_to_bytes(hash, k->hash, SIGNED_HASH_SIZE) && time_get(line, &k->accepted_at_s);
}

static bool refused_get(struct str line, struct signed_record *r)
{
	struct str since = str_cut(&line, ' ');
	if (!time_get(since, &r->refused_since_s) || line.len >= sizeof(r->why) || !str_is_utf8(line) ||
	    (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL))
		return false;
	if (line.len > 0)
		memcpy(r->why, line.ptr, line.len);
	return true;
}

bool signed_record_parse(struct str text, struct signed_record *ret)
{
	struct signed_record r = {.key_count = 0};
	bool good = str_eq_c(str_cut(&text, '\n'), HEAD);
	while (good && text.len > 0) {
		struct str line = str_cut(&text, '\n'), word = str_cut(&line, ' ');
		if (str_eq_c(word, "key"))
			good = key_get(line, &r);
		else if (str_eq_c(word, "copy"))
			good = r.has_copy = hex_to_bytes(line, r.copy, SIGNED_HASH_SIZE);
		else
			good = str_eq_c(word, "refused") && refused_get(line, &r);
	}
	if (good)
		*ret = r;
	return good;
}

/* False, and err, when there is one that cannot be read. */
static bool load(const char *state, const char *list, struct signed_record *ret, bool *ret_there, struct err *err)
{
	struct buf text = {NULL, 0, 0};
	struct err why = {.code = ERR_NONE};
	char *path = signed_record_path(state, list);
	*ret = (struct signed_record){.key_count = 0};
	*ret_there = file_read(path, BYTES_MAX, &text, &why);
	bool good = *ret_there ? signed_record_parse(buf_str(&text), ret) || err_set(&why, ERR_INPUT, "'%s' is damaged", path)
			       : why.code == ERR_NOT_FOUND;
	if (!good && err != NULL) {
		*err = why;
		(void)err_context(err, "what was accepted before is not known (put it back, or remove it to begin anew)");
	}
	buf_finish(&text);
	free(path);
	return good;
}

bool signed_record_read(const char *state, const char *list, struct signed_record *ret, struct err *err)
{
	bool there;
	return load(state, list, ret, &there, err);
}

bool signed_record_load(const char *state, const char *list, struct signed_record *ret)
{
	bool there;
	return load(state, list, ret, &there, NULL) && there;
}

/* ---- write ---- */

bool signed_record_save(const char *state, const char *list, const struct signed_record *r, struct err *err)
{
	struct buf text = {NULL, 0, 0};
	char *path = signed_record_path(state, list);
	buf_add_c(&text, HEAD "\n");
	for (size_t i = 0; i < r->key_count; i++) {
		buf_printf(&text, "key %s %llu ", r->keys[i].key, (unsigned long long)r->keys[i].serial);
		hex_add(&text, r->keys[i].hash, SIGNED_HASH_SIZE);
		buf_printf(&text, " %lld\n", (long long)r->keys[i].accepted_at_s);
	}
	if (r->has_copy) {
		buf_add_c(&text, "copy ");
		hex_add(&text, r->copy, SIGNED_HASH_SIZE);
		buf_add_c(&text, "\n");
	}
	if (r->refused_since_s != 0)
		buf_printf(&text, "refused %lld %s\n", (long long)r->refused_since_s, r->why);
	bool ok = file_replace(path, text.ptr, text.len, FILE_MODE, err);
	buf_finish(&text);
	free(path);
	return ok;
}

/* ---- what it says ---- */

const struct signed_key *signed_record_key(const struct signed_record *r, const char *key)
{
	for (size_t i = 0; i < r->key_count; i++)
		if (strcmp(r->keys[i].key, key) == 0)
			return &r->keys[i];
	return NULL;
}

void signed_record_accept(struct signed_record *r, const char *key, uint64_t serial, const uint8_t hash[SIGNED_HASH_SIZE],
			  int64_t now_s)
{
	struct signed_key k = {.serial = serial, .accepted_at_s = now_s};
	const struct signed_key *known = signed_record_key(r, key);
	size_t at = known != NULL ? (size_t)(known - r->keys) : MIN(r->key_count, (size_t)SIGNED_KEYS_MAX - 1);
	if (known != NULL && known->serial == serial)
		k.accepted_at_s = known->accepted_at_s;
	(void)snprintf(k.key, sizeof(k.key), "%s", key);
	memcpy(k.hash, hash, sizeof(k.hash));
	/* to the front; what stood before it moves one place on */
	memmove(&r->keys[1], &r->keys[0], at * sizeof(r->keys[0]));
	r->keys[0] = k;
	r->key_count = MAX(r->key_count, at + 1);
	r->has_copy = true;
	memcpy(r->copy, hash, sizeof(r->copy));
	r->refused_since_s = 0;
	r->why[0] = '\0';
}

void signed_record_refuse(struct signed_record *r, const char *why, int64_t now_s)
{
	if (r->refused_since_s == 0)
		r->refused_since_s = MAX(now_s, (int64_t)1);
	(void)str_clean(str_from(why), true, r->why, sizeof(r->why));
}
