/* SPDX-License-Identifier: BSD-2-Clause
 *
 * provenance.h - the keys that say who, why and until when, bound in one place: under a list in saring.yaml, at the top of a YAML
 * list and in an entry of one. Cold path, any thread. */
#ifndef SARING_SETTINGS_PROVENANCE_H
#define SARING_SETTINGS_PROVENANCE_H

#include "base/arena.h"
#include "base/err.h"
#include "settings/settings.h"
#include "settings/yaml.h"

#define PROVENANCE_CONTACT_MAX 16
#define PROVENANCE_TEXT_MAX 4096 /* bytes of a reason, authority, reference or contact */

/* Where the keys stand: `lifted` and what is said of the lifting belong to lists and entries, not to saring.yaml. */
enum provenance_place { PROVENANCE_IN_SETTINGS, PROVENANCE_IN_LIST };

/* The keys, NULL-terminated, for the "did you mean" of callers. */
const char *const *provenance_keys(enum provenance_place place);

/* The keys that `block.require` may name, and what of those in `required` (a bit for each, by its place in require_words) is not
 * said there. */
extern const char *const require_words[]; /* NULL-terminated */
uint32_t provenance_missing(const struct provenance *provenance, uint32_t required);
/* The words of those bits, with ", " between them. Returns buf. */
char *provenance_require_text(uint32_t bits, char *buf, size_t size);

/* Bind one member of a mapping (member->key is its key) if that is a provenance key. Strings are copied into the arena, so that the
 * tree may go before the provenance does.
 * shown      names the file in errors
 * ret        changed only where the member says something good
 * errors     one added for each fault, at the place of the value
 * ret_known  whether the key is a provenance key here; when not, nothing else was done and the result is true
 * Returns false when an error was added. */
MUST_CHECK bool provenance_bind(const struct yaml_node *member, enum provenance_place place, const char *shown, struct arena *arena,
				struct provenance *ret, struct err_list *errors, bool *ret_known);

/* Does the sub-error that the mapping says go with its code (terms_sub_error_fits)? code: what holds when the mapping says none;
 * NULL: nobody knows yet, and then nothing is at fault. False: an error was added, at the place of `sub-error`. A pair that comes
 * together from different files is no fault of either: then the sub-error is left out of what is sent (compile_rules.c). */
MUST_CHECK bool provenance_codes_fit(const struct yaml_node *mapping, const enum code *code, const char *shown,
				     struct err_list *errors);

#endif
