/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_lists.h - the sections LISTS and UNTILS, and what of settings a list's rules depend on. For the compiler only. */
#ifndef SARING_COMPILE_COMPILE_LISTS_H
#define SARING_COMPILE_COMPILE_LISTS_H

#include "import/source.h"
#include "compile/compile_rules.h"

/* IMAGE_LIST_SETTINGS: of all that settings say of this list and of block:, but for its file's content. */
void lists_settings_hash(const struct settings *settings, const struct settings_list *list, uint8_t ret[16]);
/* The same without where the list lies, but with what is in it: equal on two machines that have the same list. What is hashed here
 * must be a part of what lists_settings_hash and the segment's key cover, by which a compiled list is taken over as it is. */
void lists_meaning_hash(const struct settings *settings, const struct settings_list *list, const uint8_t content_key[16],
			uint8_t ret[16]);
void lists_put_identity(const struct source_identity *identity, uint8_t ret[SOURCE_IDENTITY_SIZE]);
void lists_get_identity(const uint8_t bytes[SOURCE_IDENTITY_SIZE], struct source_identity *ret);

/* Appends the list's record; what is counted is filled by lists_count. */
void lists_add(struct rules *rules, const struct rules_list *list, const struct source *source, struct image_parts *ret);
/* entries: for each rule how many it has. Fills the counts, the header's too, and UNTILS. */
void lists_count(const struct rules *rules, const uint32_t *entries, struct image_parts *ret);
/* Fills REVIEWS. */
void lists_reviews(const struct rules *rules, const uint32_t *entries, struct image_parts *ret);

#endif
