/* SPDX-License-Identifier: BSD-2-Clause
 *
 * terms.h - the words of a policy, shared by settings, lists and the compiled image. The values are written into images: never
 * renumber. Any thread. */
#ifndef SARING_POLICY_TERMS_H
#define SARING_POLICY_TERMS_H

#include "base/base.h"
#include "base/str.h"

enum action { ACTION_BLOCK = 0, ACTION_ALLOW = 1 };

enum match { MATCH_EXACT = 0, MATCH_SUBTREE = 1, MATCH_SUBDOMAINS = 2, MATCH_REGEX = 3 };

enum mode { MODE_ENFORCE = 0, MODE_SHADOW = 1, MODE_OFF = 2 };

/* Which extended DNS error a block carries: 15, 16, 17 (RFC 8914 §4.16-4.18). */
enum code { CODE_BLOCKED = 0, CODE_CENSORED = 1, CODE_FILTERED = 2 };

enum answer { ANSWER_NXDOMAIN = 0, ANSWER_NODATA = 1, ANSWER_NULL = 2, ANSWER_REFUSED = 3, ANSWER_DROP = 4, ANSWER_ADDRESS = 5 };

/* The words users write; index = value; NULL-terminated. */
extern const char *const action_words[];
extern const char *const match_words[]; /* "regex" is said by its own key, but shown by this word */
extern const char *const mode_words[];
extern const char *const code_words[];
extern const char *const answer_words[];

/* The index of word in words, or -1. */
int terms_find(const char *const *words, struct str word);

#endif
