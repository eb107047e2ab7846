/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report.h - what a reader made of a list: counts of what was taken, changed and left out, by reason, with the first few lines of
 * each. Kept in the segment, so that a check needs no second reading. */
#ifndef SARING_IMPORT_REPORT_H
#define SARING_IMPORT_REPORT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"
#include "policy/terms.h"

#include <jansson.h>

/* Taken, but not as written. */
enum change_kind {
	CHANGE_IDN,	       /* "idn": a U-label became an A-label */
	CHANGE_CASE,	       /* "case" */
	CHANGE_TRAILING_DOT,   /* "trailing-dot" */
	CHANGE_LEADING_DOT,    /* "leading-dot": .x is x and its subdomains */
	CHANGE_BOM,	       /* "bom" */
	CHANGE_CRLF,	       /* "crlf" */
	CHANGE_NO_CARET,       /* "no-caret": ||x without ^ is taken as ||x^ */
	CHANGE_INLINE_COMMENT, /* "inline-comment" cut off */
	CHANGE_KIND_COUNT,
};
extern const char *const change_words[];

enum left_reason {
	LEFT_BAD_NAME,	     /* "bad-name" */
	LEFT_EMPTY_LABEL,    /* "empty-label" */
	LEFT_SINGLE_LABEL,   /* "single-label": would be a whole top-level domain */
	LEFT_IP,	     /* "ip": an address where a name belongs */
	LEFT_URL,	     /* "url" */
	LEFT_PATH,	     /* "path": a rule for part of a site */
	LEFT_LOCALHOST,	     /* "localhost": localhost, broadcasthost, ip6-..., 0.0.0.0: never blocked */
	LEFT_COSMETIC,	     /* "cosmetic" */
	LEFT_BROWSER,	     /* "browser-only": content types, $third-party, $domain=... */
	LEFT_MODIFIER,	     /* "unknown-modifier" */
	LEFT_MAY_ALLOW,	     /* "may-allow": an allow rule of a block list */
	LEFT_FORWARD,	     /* "forward": a dnsmasq server= or unbound forward with an address */
	LEFT_OPTION,	     /* "option": a line of the program's configuration that is no rule */
	LEFT_BADFILTER,	     /* "badfilter": rules another rule took away, and that rule */
	LEFT_PATTERN,	     /* "pattern": one that can't be kept: no literal at all, or too many */
	LEFT_REGEX,	     /* "regex": refused by pcre2, too long, or too many */
	LEFT_CLIENT,	     /* "client": a client named by something else than an address */
	LEFT_ACTION,	     /* "action": an action that is not known */
	LEFT_NOT_APPLICABLE, /* "not-applicable": rpz-nsip, rpz-nsdname: a forwarder never sees them */
	LEFT_OUT_OF_ZONE,    /* "out-of-zone" */
	LEFT_NOT_POLICY,     /* "not-policy": SOA, NS, DNSSEC records at an apex */
	LEFT_RECORD,	     /* "record": a record that does not parse, or can't stand beside the others */
	LEFT_SYNTAX,	     /* "syntax": not a line of this format */
	LEFT_TOO_LONG,	     /* "too-long": a line */
	LEFT_NOT_TEXT,	     /* "not-text": a line with NUL or other control bytes */
	LEFT_REASON_COUNT,
};
extern const char *const left_words[];

#define REPORT_SAMPLES 3
#define REPORT_SAMPLE_LEN 96 /* bytes, escaped, and the NUL */
#define REPORT_WORDS 64	     /* different words counted apart; more go as "..." */
struct report_sample {
	uint32_t line;
	char text[REPORT_SAMPLE_LEN];
};
struct report_count {
	uint64_t count;
	struct report_sample samples[REPORT_SAMPLES]; /* the first; MIN(count, REPORT_SAMPLES) of them */
};
struct report_word {
	char word[32];
	enum left_reason reason;
	uint64_t count;
};
struct report {
	enum format format;		 /* what it was read as */
	bool detected;			 /* by auto */
	uint64_t bytes, lines, comments; /* comments: and blank lines */
	uint64_t taken[7];		 /* by enum match; unsaid ones under what the format means */
	uint64_t taken_allow;		 /* of them allow rules */
	struct report_count changed[CHANGE_KIND_COUNT], left[LEFT_REASON_COUNT];
	struct report_word words[REPORT_WORDS];
	size_t word_count;
};
uint64_t report_taken(const struct report *r); /* in all */
uint64_t report_left(const struct report *r);

/* As bytes, deterministic, for the segment; and back. */
void report_write(const struct report *r, struct buf *ret);
MUST_CHECK bool report_read(struct str bytes, struct report *ret);
/* {"format": "hosts", "detected": true, "bytes": .., "lines": .., "comments": .., "taken": {"total": .., "exact": .., .., "allow":
 * ..}, "changed": [{"kind": "case", "count": 3, "samples": [{"line": 7, "text": "..."}]}], "left_out": [{"reason": .., "count": ..,
 * "samples":
 *  [..], "words": {"popup": 3}}]}. Owned by the caller. */
json_t *report_to_json(const struct report *r);

#endif
