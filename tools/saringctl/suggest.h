/* SPDX-License-Identifier: BSD-2-Clause
 *
 * suggest.h - "did you mean": what is nearest to a word that is none. One thread. */
#ifndef SARING_SARINGCTL_SUGGEST_H
#define SARING_SARINGCTL_SUGGEST_H

#include "base/err.h"
#include "base/str.h"

/* The formatted sentence as the error, and behind it "; did you mean 'HEAD WORD'?" where one of words (count of them, all that may
 * stand there) is near enough to typed, in any case. head (may be ""): what stands before the word where it is typed. Returns
 * false. */
bool suggest(struct err *err, enum err_code code, struct str typed, const char *const *words, size_t count, const char *head,
	     const char *fmt, ...) PRINTF_LIKE(7, 8);
/* The same for words that end in NULL: "; did you mean" or, where none is near, "; one of A, B, C". */
bool suggest_word(struct err *err, const char *typed, const char *const *words, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* A word of words (NULL behind the last) that is typed, or NULL. */
const char *suggest_find(const char *const *words, const char *typed);

#endif
