/* SPDX-License-Identifier: BSD-2-Clause
 *
 * export_entry.h - inside export: one entry with everything resolved, and the formats' writers. */
#ifndef SARING_COMPILE_EXPORT_ENTRY_H
#define SARING_COMPILE_EXPORT_ENTRY_H

#include "compile/export.h"

struct export_entry {
	enum match match; /* resolved */
	enum action action, list_action;
	bool important, shadow, caseless, subtree, has_answer;
	bool no_more_regexes; /* YAML: it has as many as its reader takes */
	enum answer answer;
	struct str cond, records;
	const struct name *name; /* NULL: none */
	const char *text;	 /* of the name, no final dot; or the expression, the pattern; terminated */
	struct prefix prefix;
	const struct provenance *provenance; /* its own; NULL: none */
};

/* Writes the lines of one entry. False: the format has no words for it, *ret_why says what for; nothing was written then. */
typedef bool export_writer(FILE *out, const struct export_entry *e, enum export_reason *ret_why);
export_writer export_yaml, export_hosts, export_domains, export_wildcard, export_adblock, export_dnsmasq, export_unbound,
    export_rpz;

/* What the plain formats ask first: an ordinary entry of the list's own action, with nothing special about it. */
bool export_plain(const struct export_entry *e, enum export_reason *ret_why);
/* The same of an entry that is a pattern: one that dnsmasq's, Unbound's and RPZ's readers take for that pattern. */
bool export_plain_pattern(const struct export_entry *e, enum export_reason *ret_why);
/* A pattern as a regular expression that means the same: "ads*.x" -> "^ads.*\.x$". */
void export_pattern_regex(const struct export_entry *e, struct buf *ret);
/* The octets of a name's text that are not letters, digits, '-', '_' or '.': such a name (escapes) only YAML and RPZ can hold. */
bool export_simple_name(const char *text);
/* Records in presentation form, "TYPE RDATA" (ldns; RFC 3597 §5 for what it doesn't know). False when it can't be shown. */
bool export_rdata(uint16_t type, struct str rdata, struct buf *ret);

#endif
