/* SPDX-License-Identifier: BSD-2-Clause
 *
 * guard.h - is it wise to block this? Whole public suffixes, the names of block.protect, and the hosts that lists are fetched from.
 * What `list add` and `list import` refuse without --force, `check` warns of, and `impact` shows. It decides nothing at run time.
 *
 * A name of block.protect stands for itself and all below it: an entry touches it that would block any of that. A list's host
 * stands for itself alone. Immutable once made; any thread. */
#ifndef SARING_COMPILE_GUARD_H
#define SARING_COMPILE_GUARD_H

#include "policy/terms.h"
#include "settings/settings.h"
#include "wire/name.h"

enum guard_kind {
	GUARD_NOTHING,
	GUARD_ROOT,	 /* every name there is */
	GUARD_TOP,	 /* a top-level domain */
	GUARD_SUFFIX,	 /* a public suffix, under which anyone may register */
	GUARD_PROTECTED, /* a name of block.protect, or one below it */
	GUARD_LIST_HOST, /* a list is fetched from there */
};

struct guard_finding {
	enum guard_kind kind;
	struct name name; /* GUARD_PROTECTED, GUARD_LIST_HOST: the name that is to be kept */
	const char *list; /* GUARD_LIST_HOST: whose; borrowed from the settings */
};

struct guard;
MUST_CHECK struct guard *guard_create(const struct settings *settings); /* which it does not keep, but for the names of lists */
void guard_destroy(struct guard *guard);				/* takes NULL */

/* The host of a url, when it is a name. */
MUST_CHECK bool guard_url_host(const char *url, struct name *ret);
/* Is it more than one name's owner can mean? Of exact entries only a top-level domain, or a registry's suffix, is probably a slip:
 * whoever blocks exactly blogspot.com means it. */
enum guard_kind guard_broad(const struct name *name, enum match match);
/* Does an entry for this name that blocks touch what is to be kept? Cheap enough to be asked of millions. */
bool guard_kept(const struct guard *guard, const uint8_t *wire, size_t len, enum match match, struct guard_finding *ret);
/* The next of all names that are to be kept, from *at = 0 on: for expressions, which are tried on them. */
bool guard_next(const struct guard *guard, size_t *at, struct guard_finding *ret);
/* Why not: "all names below the public suffix co.uk would be blocked". finding is of the entry for that name. Returns buf. */
#define GUARD_TEXT_MAX 640
char *guard_text(const struct guard_finding *finding, const char *entry, enum match match, char buf[GUARD_TEXT_MAX]);

#endif
