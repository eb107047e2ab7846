/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import.h - what the readers of list formats share. Each format is one function from text to calls of import_take (an entry),
 * import_left (something left out, and why) and import_changed (taken, but not as written). They go to a segment (segment.h) and
 * a report (report.h). A reader never fails on content: a line it can't use is left out, counted and sampled. Tools only (house
 * law 1). One thread. */
#ifndef SARING_IMPORT_IMPORT_H
#define SARING_IMPORT_IMPORT_H

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "import/report.h"
#include "policy/terms.h"
#include "settings/settings.h"
#include "wire/name.h"

#define IMPORT_LINE_MAX 1048576	 /* bytes; a longer line is left out whole */
#define IMPORT_REGEX_MAX 512	 /* regular expressions of one list */
#define IMPORT_REGEX_LEN_MAX 255 /* bytes */
#define IMPORT_PATTERN_MAX 20000 /* patterns with `*` */

/* One entry as it was found. Everything is borrowed for the call. Zeroes mean: not said. */
struct import_rule {
	enum match match; /* with has_match false: not said, settings' `match:`, else the format's own, is meant (names only) */
	bool has_match;
	const struct name *name; /* EXACT, SUBTREE, SUBDOMAINS: folded */
	struct str text; /* REGEX: the expression; PATTERN: labels and `*`, lower case, e.g. "log-*.example.com", "ads.*"; `*` is
			    any run of characters, dots too; the whole name must match */
	bool subtree;	 /* PATTERN: or any name above it, on a label boundary (||ads*.example^) */
	bool caseless;	 /* REGEX: folded before matching (the subject is lower case anyway) */
	struct prefix prefix; /* ADDRESS, CLIENT */
	enum action action;
	bool important;	 /* adblock */
	bool shadow;	 /* YAML: counted and never acted on, whatever the list's mode */
	bool has_answer; /* else the list's */
	enum answer answer;
	struct str cond;		     /* cond.h; may be empty */
	struct str records;		     /* records.h; for ANSWER_LOCAL */
	const struct provenance *provenance; /* YAML only; NULL: nothing of its own */
	struct str written;		     /* what explain shows, when it is not the name's own text; UTF-8 */
	uint32_t line, column;
};

struct import; /* segment.c's builder; see segment.h */
void import_take(struct import *im, const struct import_rule *rule);
/* The quick way for the plain formats: a name with nothing said. written as above. */
void import_take_name(struct import *im, const struct name *name, struct str written, uint32_t line);
/* what: the line or the part of it; kept as a sample, escaped. Counted per reason. */
void import_left(struct import *im, enum left_reason reason, uint32_t line, struct str what);
/* The same with a word to count apart by: an adblock modifier's name. */
void import_left_word(struct import *im, enum left_reason reason, struct str word, uint32_t line, struct str what);
void import_changed(struct import *im, enum change_kind change, uint32_t line, struct str what);
/* Count a line that is a comment, or blank. */
void import_comment(struct import *im);
/* A block list's own allow rules count only with may-allow (or when the list's action is allow). A reader asks before it takes one;
 * when not, import_left(LEFT_MAY_ALLOW). */
bool import_may_allow(const struct import *im);
/* The list's own action: what a rule that does not say is. ALLOW for a list of allow entries. */
enum action import_action(const struct import *im);

/* The readers. text is the whole file, BOM cut, any bytes. They count lines (import_line) and see to NUL, CR and length there. */
struct import_lines {
	struct str rest;
	uint32_t line; /* of the one given last, from 1 */
};
/* The next line without its LF or CRLF; false at the end. Lines that are too long or hold NUL are left out and not given; every
 * line is counted. */
bool import_line(struct import *im, struct import_lines *lines, struct str *ret);
/* Names as lists write them -> folded wire form. Cuts one trailing dot, folds, converts U-labels (counts the changes), and says
 * what is wrong with the others: an IP literal, a URL, a path, an empty label, a single label (refused unless single_label), ...
 * Calls import_left itself; true when ret is good. underscores and edge hyphens are accepted. Fast for plain ASCII. */
MUST_CHECK bool import_name(struct import *im, struct str text, bool single_label, uint32_t line, struct name *ret);

/* The same for a token in a line that is read anyway: the name that begins at `at`, up to a blank or the end. Only for what is
 * plain ASCII with two labels at least, and nothing that must be left out; ret_end is then where it ends. False, and nothing
 * counted: cut the token and ask import_name. */
MUST_CHECK bool import_name_quick(struct import *im, const char *at, const char *end, uint32_t line, struct name *ret,
				  const char **ret_end);
/* A pattern: names' characters, dots and `*`, lower-cased into ret. Runs of `*` become one. Left out here (LEFT_PATTERN, LEFT_URL,
 * ...) when it has no IMPORT_PATTERN_LETTERS letters or digits, or is none. */
#define IMPORT_PATTERN_LEN_MAX 253
#define IMPORT_PATTERN_LETTERS 3
MUST_CHECK bool import_pattern(struct import *im, struct str text, uint32_t line, char ret[IMPORT_PATTERN_LEN_MAX + 1],
			       struct str *ret_text);
/* An address, or a CIDR range, or something that was meant as one: "1.2.3.4", "::1", "[::1]:53", "fe80::1%lo0", "10.0.0.0/8". */
bool import_is_address(struct str text);

void import_hosts(struct import *im, struct str text);
void import_domains(struct import *im, struct str text);
void import_wildcard(struct import *im, struct str text);
void import_adblock(struct import *im, struct str text);
void import_dnsmasq(struct import *im, struct str text);
void import_unbound(struct import *im, struct str text);
void import_rpz(struct import *im, struct str text);

/* What auto takes it for; FORMAT_AUTO when it is no list at all (then ret_why says what it looks like: "an HTML page", "a
 * hosts.deny file", "binary data", "compressed data (gzip)", "a list of IP addresses", "text of some other kind"). Looks at
 * the first lines that say something. */
enum format import_detect(struct str text, const char **ret_why);

#endif
