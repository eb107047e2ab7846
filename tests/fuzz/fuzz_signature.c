/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as the file of a signature: either an error with a place, or a trusted comment that lies within the text, on a line of
 * its own, and that no key of ours has signed. And as the record of a signed list: what is read is within its bounds, and written
 * and read again it is the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/signature.h"
#include "settings/signed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_signature(struct str text)
{
	static const struct minisign_key key = {.id = {1}, .bytes = {9}};
	struct err err = {.code = ERR_NONE};
	struct signature s;
	uint64_t serial = 0;
	if (!signature_parse(text, "x.minisig", &s, &err)) {
		must(err.code != ERR_NONE && err.text[0] != '\0' && err.line >= 1 && err.column == 1);
		return;
	}
	must(s.comment.ptr >= text.ptr && s.comment.ptr + s.comment.len <= text.ptr + text.len);
	must(s.comment.len == 0 || memchr(s.comment.ptr, '\n', s.comment.len) == NULL);
	must(!signature_verify(&s, &key, STR_LIT("entries: []\n"), "x.minisig", &err) && err.line >= 2);
	if (signature_serial(s.comment, &serial))
		must(serial <= INT64_MAX);
}

static void check_record(struct str text)
{
	static char dir[] = "/tmp/saring-fuzz-signed-XXXXXX";
	static bool made;
	struct signed_record r, back;
	if (!signed_record_parse(text, &r))
		return;
	must(r.key_count <= SIGNED_KEYS_MAX && strlen(r.why) < sizeof(r.why) && str_is_utf8(str_from(r.why)));
	for (size_t i = 0; i < r.key_count; i++) {
		struct minisign_key key;
		must(minisign_key_from_text(str_from(r.keys[i].key), &key));
	}
	char sub[64];
	struct err err;
	must(made || mkdtemp(dir) != NULL);
	(void)snprintf(sub, sizeof(sub), "%s/" SIGNED_DIR, dir);
	must(made || mkdir(sub, 0700) == 0);
	made = true;
	must(signed_record_save(dir, "a", &r, &err) && signed_record_load(dir, "a", &back));
	must(r.refused_since_s == 0 || strcmp(r.why, back.why) == 0);
	must(back.key_count == r.key_count && memcmp(back.keys, r.keys, sizeof(r.keys)) == 0 && back.has_copy == r.has_copy);
	char *path = signed_record_path(dir, "a");
	(void)unlink(path);
	free(path);
	(void)rmdir(sub);
	(void)rmdir(dir);
	made = false;
	memcpy(strrchr(dir, '-') + 1, "XXXXXX", 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str text = {(const char *)data, size};
	check_signature(text);
	check_record(text);
	return 0;
}
