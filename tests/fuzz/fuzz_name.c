/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names, three ways from any bytes:
 * - as text: what name_from_text takes is a name in folded wire form, whose text gives the same name again, and ldns the same wire;
 * - as wire: what name_from_wire takes has a text, which gives the same name folded, to us and to ldns; and one for people, in
 *   which nothing steers, which does so too;
 * - as a name within a message, from each of its first places: name_read, name_skip and ldns agree on where it ends and what it is.
 */
#include <stdbool.h> /* before ldns, which otherwise makes a bool of its own */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "base/base.h"
#include "wire/name.h"

#define PLACES_MAX 64
#define HEADER_LEN 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sound(const struct name *name)
{
	struct name again;
	uint8_t offsets[NAME_LABELS_MAX + 1];
	must(name_from_wire(name->wire, name->len, &again));
	must(again.labels == name->labels && name_eq(&again, name));
	must(name_offsets(name, offsets) == name->labels + 1u && offsets[name->labels] + 1u == name->len);
}

/* The text of a name is plain ASCII, and ldns makes the same wire of it. */
static void check_text(const struct name *name)
{
	char text[NAME_TEXT_MAX];
	struct name again, folded = *name;
	struct err err = {0};
	must(name_to_text(name, text) == text && strlen(text) < sizeof(text));
	for (const char *p = text; *p != '\0'; p++)
		must(*p > 0x20 && *p < 0x7f);
	must(name_from_text(str_from(text), &again, &err));
	name_fold(&folded);
	must(name_eq(&again, &folded));
	ldns_rdf *rdf = ldns_dname_new_frm_str(text);
	must(rdf != NULL && ldns_rdf_size(rdf) == name->len && memcmp(ldns_rdf_data(rdf), name->wire, name->len) == 0);
	ldns_rdf_deep_free(rdf);
}

/* For people there may be letters above ASCII in it, and it means the same. */
static void check_unicode(const struct name *name)
{
	char text[NAME_TEXT_MAX], clean[4 * NAME_TEXT_MAX];
	struct name again, folded = *name;
	struct err err = {0};
	must(name_to_unicode(name, text) == text && strlen(text) < sizeof(text));
	must(strcmp(str_clean(str_from(text), true, clean, sizeof(clean)), text) == 0);
	must(name_from_text(str_from(text), &again, &err));
	name_fold(&folded);
	must(name_eq(&again, &folded));
}

static void as_text(struct str text)
{
	struct name name, folded;
	struct err err = {0};
	if (!name_from_text(text, &name, &err)) {
		must(err.text[0] != '\0' && str_is_utf8(str_from(err.text)));
		return;
	}
	check_sound(&name);
	folded = name;
	name_fold(&folded);
	must(name_eq(&name, &folded));
	check_text(&name);
	check_unicode(&name);
}

static void as_wire(const uint8_t *data, size_t size)
{
	struct name name;
	if (!name_from_wire(data, size, &name))
		return;
	check_sound(&name);
	check_text(&name);
	check_unicode(&name);
	for (unsigned labels = 0; labels <= name.labels; labels++) {
		struct name suffix, folded = name;
		must(name_suffix(&name, labels, &suffix));
		check_sound(&suffix);
		name_fold(&folded);
		name_fold(&suffix);
		must(name_is_below_or_eq(&folded, &suffix));
	}
}

static void in_message(const uint8_t *data, size_t size, size_t at)
{
	struct rd r = rd_init(data, size), skip = r, plain = r;
	struct name name, spelled;
	r.pos = skip.pos = plain.pos = at;
	bool read = name_read(&r, &name), is_plain = name_read_plain(&plain, &spelled);
	must(read == rd_ok(&r) && is_plain == rd_ok(&plain));
	must(!is_plain || (read && name_eq(&name, &spelled) && plain.pos == r.pos && r.pos == at + name.len));
	if (!read)
		return;
	must(name_skip(&skip) && skip.pos == r.pos && r.pos <= size);
	check_sound(&name);
	ldns_rdf *rdf = NULL;
	size_t pos = at;
	must(ldns_wire2dname(&rdf, data, size, &pos) == LDNS_STATUS_OK && pos == r.pos);
	must(ldns_rdf_size(rdf) == name.len && memcmp(ldns_rdf_data(rdf), name.wire, name.len) == 0);
	ldns_rdf_deep_free(rdf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_text((struct str){(const char *)data, size});
	as_wire(data, size);
	for (size_t at = HEADER_LEN; at < size && at < HEADER_LEN + PLACES_MAX; at++)
		in_message(data, size, at);
	return 0;
}
