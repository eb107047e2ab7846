/* SPDX-License-Identifier: BSD-2-Clause
 *
 * review_rows.h - what is due to be looked at again, or about to end, as rows: one for all entries of a list that have their dates,
 * their authority, contacts and reference in common, so that a list of a million entries with one date is one row. One thread. */
#ifndef SARING_SARINGCTL_REVIEW_ROWS_H
#define SARING_SARINGCTL_REVIEW_ROWS_H

#include "import/source.h"
#include "settings/settings.h"

#define REVIEW_NAMES_MAX 3

struct review_row {
	const struct settings_list *list;
	int64_t at_s;		      /* the first of its dates that counts */
	bool review, ends;	      /* which of them do */
	struct provenance provenance; /* what holds for the entries; borrowed from the source */
	uint64_t entries;
	char *names[REVIEW_NAMES_MAX]; /* owned; the first of them */
	uint64_t hits;
	bool has_hits; /* false: not known */
};

struct review_rows {
	struct review_row *rows; /* owned; sorted by the date, then by the list */
	size_t count;
};

/* How often an entry was hit, as explain writes it; text, match. */
typedef uint64_t review_hits(void *arg, const char *entry, const char *match);

/* Add the list's rows: entries that are in force, or on trial, at now_s, whose review is not later than now_s + due_s, or that end
 * by then (of what is past its end nothing is said). hits NULL: not known. The source must outlive the rows. */
void review_rows_add(struct review_rows *r, const struct settings_list *list, const struct source *source, int64_t now_s,
		     int64_t due_s, review_hits *hits, void *arg);
/* Of a list that says no dates in saring.yaml, and has no place for them in its format, nothing needs to be read. */
bool review_rows_may(const struct settings_list *list, int64_t now_s, int64_t due_s);
void review_rows_sort(struct review_rows *r);
void review_rows_finish(struct review_rows *r);

#endif
