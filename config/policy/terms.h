/* SPDX-License-Identifier: BSD-2-Clause
 *
 * terms.h - the words of a policy, shared by settings, lists and the compiled image. The values are written into images and
 * segments: never renumber. Any thread. */
#ifndef SARING_POLICY_TERMS_H
#define SARING_POLICY_TERMS_H

#include "base/base.h"
#include "base/str.h"

enum action { ACTION_BLOCK = 0, ACTION_ALLOW = 1 };

/* What an entry speaks for. The first three are said with a name; the others are what the entry is. */
enum match {
	MATCH_EXACT = 0,
	MATCH_SUBTREE = 1,    /* the name and all below it */
	MATCH_SUBDOMAINS = 2, /* all below it */
	MATCH_REGEX = 3,      /* a regular expression on the whole name */
	MATCH_PATTERN = 4,    /* a pattern with `*` (adblock, dnscrypt) */
	MATCH_ADDRESS = 5,    /* an address in an answer (rpz-ip) */
	MATCH_CLIENT = 6,     /* the client's address (rpz-client-ip) */
};

enum mode { MODE_ENFORCE = 0, MODE_SHADOW = 1, MODE_OFF = 2 };

/* Which extended DNS error a block carries: 15, 16, 17 (RFC 8914 §4.16-4.18). */
enum code { CODE_BLOCKED = 0, CODE_CENSORED = 1, CODE_FILTERED = 2 };

/* The sub-error of a structured DNS error (draft-ietf-dnsop-structured-dns-error, registry of sub-error codes); the number sent. */
enum sub_error {
	SUB_ERROR_NONE = 0, /* reserved there, and never sent */
	SUB_ERROR_MALWARE = 1,
	SUB_ERROR_PHISHING = 2,
	SUB_ERROR_SPAM = 3,
	SUB_ERROR_SPYWARE = 4,
	SUB_ERROR_NETWORK_POLICY = 5,
	SUB_ERROR_DNS_POLICY = 6,
};
#define SUB_ERROR_COUNT 7

enum answer {
	ANSWER_NXDOMAIN = 0,
	ANSWER_NODATA = 1,
	ANSWER_NULL = 2,
	ANSWER_REFUSED = 3,
	ANSWER_DROP = 4,
	ANSWER_ADDRESS = 5,
	/* only entries of imported lists say these */
	ANSWER_TRUNCATE = 6, /* rpz-tcp-only: TC over UDP, let through over TCP */
	ANSWER_LOCAL = 7,    /* the entry's own records */
};
#define ANSWER_SETTABLE 6 /* the first so many may stand in saring.yaml */

/* How a list is written. */
enum format {
	FORMAT_AUTO = 0,
	FORMAT_YAML = 1,
	FORMAT_HOSTS = 2,
	FORMAT_DOMAINS = 3,
	FORMAT_WILDCARD = 4,
	FORMAT_ADBLOCK = 5,
	FORMAT_DNSMASQ = 6,
	FORMAT_UNBOUND = 7,
	FORMAT_RPZ = 8,
};
#define FORMAT_COUNT 9

/* The words users write; index = value; NULL-terminated. */
extern const char *const action_words[];
extern const char *const match_words[];
extern const char *const match_settable_words[]; /* the first three */
extern const char *const mode_words[];
extern const char *const code_words[];
extern const char *const sub_error_words[]; /* the first is "none" */
extern const char *const answer_words[];    /* what explain shows */
extern const char *const answer_settable_words[];
extern const char *const format_words[];

/* May an answer with that code carry that sub-error? Spam and the like go with 15 and 17, policies with 15 alone, and nothing
 * with 16 (the draft's registry). SUB_ERROR_NONE goes with all. */
bool terms_sub_error_fits(enum sub_error sub_error, enum code code);

/* The index of word in words, or -1. */
int terms_find(const char *const *words, struct str word);

/* What a group of clients is answered for what it is blocked from. Packed 4- and 16-byte addresses; borrowed. */
struct own_answer {
	bool has_answer; /* else what the entry says */
	enum answer answer;
	bool has_addresses; /* else those of block: */
	const uint8_t *ipv4, *ipv6;
	size_t ipv4_count, ipv6_count;
};

#endif
