/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import_owner.h - the names that dnsmasq's, Unbound's and RPZ's rules stand under, `*` in every place included, and the table that
 * collects what several lines say of one of them: local data. For import_{dnsmasq,unbound,rpz}.c. One thread. */
#ifndef SARING_IMPORT_IMPORT_OWNER_H
#define SARING_IMPORT_IMPORT_OWNER_H

#include "base/buf.h"
#include "import/import.h"
#include "base/intern.h"

/* A name as a rule's left side. rule points into the struct itself and into the text: never copy it. */
struct owner {
	struct import_rule rule; /* match, has_match, name or text or prefix, subtree, action, written, line are filled */
	struct name name;
	char pattern[IMPORT_PATTERN_LEN_MAX + 1];
};
/* below: the rule speaks for the name and all below it (dnsmasq, Unbound), else for the name alone (RPZ).
 *
 *      ads.example     the name, as `below` says; one label is enough: who writes such a rule means it
 *      *.ads.example   all below it
 *      *ads.example, ads.*, paypal.*.example    a pattern, with `below` for what is under it too
 *      *               left out: nothing would be left
 *
 * False when it is left out; it is counted then. */
MUST_CHECK bool owner_read(struct import *im, struct str text, bool below, uint32_t line, struct owner *ret);

/* Does a pattern's text, as import_pattern gives it, stand for that pattern here too? Not when it would be a name, all below one,
 * or lose a final dot. */
bool owner_is_pattern(struct str text);

/* What is known of an owner that was met in local data. */
struct local_owner {
	struct buf records; /* records.h */
	uint32_t line;	    /* where it was met first */
	bool is_zone;	    /* Unbound: a zone of type redirect: the records are for all below it too */
	bool is_blocked;    /* an address that means nowhere was among its data */
	bool is_lost;	    /* something before it decides: nothing is taken */
};
struct local_table {
	struct intern keys;	    /* number = index of owners */
	struct local_owner *owners; /* owned; in the order met */
	size_t cap;
	struct buf key;
};
void local_init(struct local_table *t);
void local_finish(struct local_table *t);
/* The owner's place: found, or made. Valid until the next one is made. Matters of an owner: match, name, text, subtree, prefix. */
struct local_owner *local_add(struct local_table *t, const struct import_rule *owner);
struct local_owner *local_find(struct local_table *t, const struct import_rule *owner); /* or NULL */
size_t local_count(const struct local_table *t);
/* Number i's name back. Points into ret and into the table, as long as neither changes. */
void local_rule(const struct local_table *t, size_t i, struct owner *ret);

#endif
