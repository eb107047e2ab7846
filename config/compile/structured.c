/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/structured.h"

#include <string.h>
#include <strings.h>

#include "compile/extra_text.h"

/* Bytes as they stand in the object, quotes and commas of the array included; together with the names they are at most
 * IMAGE_STRUCTURED_MAX. */
#define CONTACTS_MAX 400
#define JUSTIFICATION_MAX 320
#define ORGANIZATION_MAX 200
#define LANGUAGE_MAX 35
#define NAMES_MAX 45 /* {"c":[],"j":"","s":6,"o":"","l":""} and a little */
static_assert(CONTACTS_MAX + JUSTIFICATION_MAX + ORGANIZATION_MAX + LANGUAGE_MAX + NAMES_MAX <= IMAGE_STRUCTURED_MAX,
	      "the image takes every object");

#define ELLIPSIS "\xe2\x80\xa6" /* U+2026 */

/* What RFC 3986 lets stand in a URI: the rest would have to be percent-encoded, and none of it needs an escape in JSON. */
static bool is_uri_character(char c)
{
	static const char marks[] = "-._~:/?#[]@!$&'()*+,;=%";
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(marks, c) != NULL);
}

/* Clients take two schemes, and ignore others. */
static bool is_contact(const char *text)
{
	static const char *const schemes[] = {"mailto:", "tel:"};
	size_t len = 0;
	for (size_t i = 0; i < ARRAY_LEN(schemes) && len == 0; i++) {
		if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
			len = strlen(schemes[i]);
	}
	if (len == 0 || text[len] == '\0')
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		if (!is_uri_character(*p))
			return false;
	}
	return true;
}

static size_t add_contacts(struct buf *b, const char *const *contacts, size_t count)
{
	const size_t start = b->len;
	size_t added = 0;
	for (size_t i = 0; i < count; i++) {
		if (!is_contact(contacts[i]) || b->len - start + strlen(contacts[i]) + 3 > CONTACTS_MAX)
			continue;
		buf_printf(b, "%s\"%s\"", added == 0 ? "" : ",", contacts[i]);
		added++;
	}
	return added;
}

/* One character of a string as JSON has it (RFC 8259 §7), the shortest way. */
static size_t escaped(struct str character, char ret[8])
{
	const unsigned char c = (unsigned char)character.ptr[0];
	if (c == '"' || c == '\\') {
		ret[0] = '\\';
		ret[1] = (char)c;
		return 2;
	}
	if (c < 0x20)
		return (size_t)snprintf(ret, 8, "\\u%04x", c);
	memcpy(ret, character.ptr, character.len);
	return character.len;
}

/* `text` between quotes in at most max bytes, without these; what is longer ends with an ellipsis. */
static void add_string(struct buf *b, struct str text, size_t max)
{
	buf_add_c(b, "\"");
	const size_t start = b->len;
	size_t fits = start; /* the end of the longest beginning that leaves room for the ellipsis */
	while (text.len > 0) {
		uint32_t c = 0;
		char piece[8];
		size_t len = str_utf8_first(text, &c);
		must(len > 0); /* extra_text_line let nothing else pass */
		size_t piece_len = escaped((struct str){text.ptr, len}, piece);
		if (b->len - start + piece_len > max) {
			b->len = fits;
			buf_add_c(b, ELLIPSIS);
			break;
		}
		buf_add(b, piece, piece_len);
		if (b->len - start + sizeof(ELLIPSIS) - 1 <= max)
			fits = b->len;
		text = (struct str){text.ptr + len, text.len - len};
	}
	buf_add_c(b, "\"");
}

static void add_name(struct buf *b, const char *name)
{
	buf_printf(b, "%s\"%s\":", b->ptr[b->len - 1] == '{' ? "" : ",", name);
}

/* In one line each; empty when there is nothing to say. */
struct texts {
	struct buf justification, organization;
};

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0);
}

static void texts_take(struct texts *t, const struct provenance *said, const struct settings *block)
{
	struct buf authority = {0}, reference = {0};
	extra_text_line(&authority, said->authority);
	extra_text_line(&reference, said->reference);
	extra_text_line(&t->organization, said->organization != NULL ? said->organization : block->organization);
	if (t->organization.len == 0)
		buf_add_str(&t->organization, buf_str(&authority));
	extra_text_line(&t->justification, said->reason);
	if (t->justification.len == 0) {
		if (!same(&authority, &t->organization))
			buf_add_str(&t->justification, buf_str(&authority));
		if (reference.len > 0)
			buf_printf(&t->justification, t->justification.len > 0 ? " (%.*s)" : "%.*s", (int)reference.len,
				   reference.ptr);
	}
	buf_finish(&authority);
	buf_finish(&reference);
}

static const char *language_of(const struct provenance *said, const struct settings *block)
{
	if (said->language != NULL)
		return said->language;
	return block->language != NULL ? block->language : STRUCTURED_UNDETERMINED;
}

bool structured_compose(const struct provenance *said, enum code code, const struct settings *block, enum structured_form form,
			struct buf *ret)
{
	const size_t start = ret->len;
	struct texts t = {0};
	struct buf contacts = {0};
	texts_take(&t, said, block);
	if (add_contacts(&contacts, said->contact, said->contact_count) == 0)
		(void)add_contacts(&contacts, block->contact, block->contact_count);
	const bool has_j = form == STRUCTURED_WHOLE && t.justification.len > 0;
	const bool has_o = form != STRUCTURED_LEAST && t.organization.len > 0;
	const bool has_s = said->sub_error != SUB_ERROR_NONE && terms_sub_error_fits(said->sub_error, code);
	const bool good = contacts.len > 0 || has_j || has_s;
	if (good) {
		buf_add_c(ret, "{");
		if (contacts.len > 0) {
			add_name(ret, "c");
			buf_printf(ret, "[%s]", contacts.ptr);
		}
		if (has_j) {
			add_name(ret, "j");
			add_string(ret, buf_str(&t.justification), JUSTIFICATION_MAX);
		}
		if (has_s) {
			add_name(ret, "s");
			buf_printf(ret, "%d", (int)said->sub_error);
		}
		if (has_o) {
			add_name(ret, "o");
			add_string(ret, buf_str(&t.organization), ORGANIZATION_MAX);
		}
		if (has_j || has_o) {
			add_name(ret, "l");
			add_string(ret, str_from(language_of(said, block)), LANGUAGE_MAX);
		}
		buf_add_c(ret, "}");
		must(ret->len - start <= IMAGE_STRUCTURED_MAX);
	}
	buf_finish(&contacts);
	buf_finish(&t.justification);
	buf_finish(&t.organization);
	return good;
}
