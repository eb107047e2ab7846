/* SPDX-License-Identifier: BSD-2-Clause
 *
 * str.h - slices of text (pointer and length, not terminated), and text to numbers with units.
 * A struct str borrows; it is valid as long as what it points into. Any thread. */
#ifndef SARING_BASE_STR_H
#define SARING_BASE_STR_H

#include "base/base.h"

struct str {
	const char *ptr;
	size_t len;
};

#define STR_LIT(s) ((struct str){(s), sizeof(s) - 1})
struct str str_from(const char *text); /* NULL gives the empty slice */
bool str_eq(struct str a, struct str b);
bool str_eq_c(struct str a, const char *b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, const char *prefix);
struct str str_trim(struct str s); /* blanks, tabs, CR, LF at both ends */
/* Cut at the first sep: returns the head, *rest becomes the tail (ptr NULL when sep is absent: no more). */
struct str str_cut(struct str *rest, char sep);
MUST_CHECK char *str_dup(struct str s); /* terminated; owned by the caller */

/* Decimal digits only, no sign, no blanks. False on anything else or overflow. */
MUST_CHECK bool str_to_u64(struct str s, uint64_t *ret);
/* "500ms 10s 5m 2h 1d 2w" -> milliseconds. A number without a unit is refused, but "0" is taken. */
MUST_CHECK bool str_to_duration_ms(struct str s, int64_t *ret_ms);
/* "64KiB 64MiB 1GiB", "0", and plain bytes "4096" -> bytes. */
MUST_CHECK bool str_to_size(struct str s, uint64_t *ret_bytes);
/* The other way, in the largest unit that is exact: 90000 -> "90s". */
void str_from_duration_ms(int64_t ms, char *buf, size_t size);
void str_from_size(uint64_t bytes, char *buf, size_t size);

/* "2017-07-14" (start of that day, UTC) or an RFC 3339 time -> seconds since the epoch. ret_is_date may be NULL. */
MUST_CHECK bool str_to_time(struct str s, int64_t *ret_s, bool *ret_is_date);
/* "2026-01-01T00:00:00Z"; size >= 21. What is later than STR_TIME_MAX_S is shown as that. */
#define STR_TIME_MAX_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z: the last second that RFC 3339 has a text for */
void str_from_time(int64_t s, char *buf, size_t size);
/* "2026-01-01"; size >= 11. */
void str_from_date(int64_t s, char *buf, size_t size);

/* The nearest of `count` words to `word` by edit distance, or NULL when none is near enough to be meant. */
const char *str_nearest(struct str word, const char *const *words, size_t count);

/* Text safe to print on a terminal or in a log: bytes below 0x20, 0x7f and above, `"` and `\` become \DDD or \" \\.
 * Always terminates; cut text ends in "...". Returns buf. UTF-8 that is valid and printable passes when keep_utf8. */
char *str_escape(struct str s, bool keep_utf8, char *buf, size_t size);
/* The same, but `"` and `\` stay as they are: for a line that people read, and not within quotes. What is clean already stays. */
char *str_clean(struct str s, bool keep_utf8, char *buf, size_t size);
/* In place: each byte of what str_clean would change (keep_utf8) becomes `?`. */
void str_mask(char *text, size_t len);
bool str_is_utf8(struct str s);
/* The character that s begins with, and how long it is; 0 when s is empty, or does not begin with valid UTF-8. */
size_t str_utf8_first(struct str s, uint32_t *ret);
/* Does it steer rather than show? Controls (C0, DEL, C1), marks that turn the direction of text, invisible ones, separators of
 * lines and paragraphs, tags, and what is no character. */
bool str_is_hidden(uint32_t c);

#endif
