/* SPDX-License-Identifier: BSD-2-Clause
 *
 * adblock_rule.h - one line of AdGuard's DNS filtering syntax, taken apart: is it a rule, what is its pattern, what are its
 * options. Nothing is judged here but whether a name server can do what the options ask for. For import_adblock.c and adblock_*.c.
 * Slices are borrowed from the line. Any thread. */
#ifndef SARING_IMPORT_ADBLOCK_RULE_H
#define SARING_IMPORT_ADBLOCK_RULE_H

#include "base/buf.h"
#include "base/str.h"
#include "import/report.h"

enum adblock_line {
	ADBLOCK_COMMENT, /* or blank, or a header */
	ADBLOCK_COSMETIC,
	ADBLOCK_RULE,
};
/* What a line is. ret_text: without blanks and comment; ret_cut: there was a comment behind a blank. */
enum adblock_line adblock_line(struct str line, struct str *ret_text, bool *ret_cut);

#define ADBLOCK_BITS 128 /* options whose value is not looked at: number, and 64 + number with `~` before it */

struct adblock_rule {
	struct str text;    /* the whole */
	struct str pattern; /* without `@@` and options, and without the separator at its end */
	bool caret;	    /* which was there: a `^`, or what means the same at the end, a slash and a star */
	bool regex;	    /* pattern is what stands between the slashes */
	bool allow, important, badfilter;
	struct str dnstype, client, denyallow, rewrite, ctag, domain; /* values; ptr NULL: not said */
	uint8_t bits[ADBLOCK_BITS / 8];
	enum left_reason why; /* a name server can't do that; LEFT_REASON_COUNT: it can */
	struct str word;      /* the option */
};
void adblock_rule(struct str text, struct adblock_rule *ret);
/* Does it speak for some questions only, so that its pattern may be everything? */
bool adblock_is_restricted(const struct adblock_rule *rule);

/* Appends what makes two rules the same. For $badfilter the types, the names left alone and the rewrite do not count
 * (whole false); for rules whose rewrites go together all but the rewrite counts. */
void adblock_key(const struct adblock_rule *rule, bool whole, struct buf *ret);

/* The next part of an option's value, up to a separator that no backslash stands before. False at the end. */
bool adblock_part(struct str *rest, char separator, struct str *ret);
/* Appends a value with `\,` and `\$` as the comma and the dollar they mean. */
void adblock_unescape(struct str value, struct buf *ret);

#endif
