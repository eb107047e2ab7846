/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The texts of an entry, one a line, as the object of a structured DNS error: reason, authority, reference, organization, language
 * of block:, and contacts. Whatever they are, what comes out is minified I-JSON of our names, whole, and no longer than an image
 * takes; or nothing. */
#include <stdlib.h>
#include <string.h>

#include "compile/ijson.h"
#include "compile/structured.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *next_line(struct arena *arena, struct str *rest)
{
	if (rest->len == 0)
		return NULL;
	const struct str line = str_cut(rest, '\n');
	return arena_strndup(arena, line.ptr, line.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct str rest = {(const char *)data, size};
	if (size < 2 || memchr(data, '\0', size) != NULL || !str_is_utf8(rest))
		return 0; /* YAML is neither */
	const enum code code = (enum code)(data[0] % 3);
	struct provenance said = {.has_sub_error = true, .sub_error = (enum sub_error)(data[1] % SUB_ERROR_COUNT)};
	(void)str_cut(&rest, '\n');
	said.reason = next_line(&arena, &rest);
	said.authority = next_line(&arena, &rest);
	said.reference = next_line(&arena, &rest);
	said.organization = next_line(&arena, &rest);
	const char *contact[16];
	while (said.contact_count < ARRAY_LEN(contact) && rest.len > 0)
		contact[said.contact_count++] = next_line(&arena, &rest);
	said.contact = contact;
	const struct settings block = {.organization = said.authority};
	size_t before = SIZE_MAX;
	for (enum structured_form form = STRUCTURED_WHOLE; form < STRUCTURED_FORMS; form++) {
		struct buf text = {0};
		bool good = structured_compose(&said, code, &block, form, &text);
		must(good == (text.len > 0) && text.len <= IMAGE_STRUCTURED_MAX && text.len <= before);
		must(!good || ijson_fault(buf_str(&text)) == NULL);
		before = text.len;
		buf_finish(&text);
	}
	arena_finish(&arena);
	return 0;
}
