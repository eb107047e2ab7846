/* SPDX-License-Identifier: BSD-2-Clause
 *
 * read.h - records of the audit log as JSON, from the end of it: the last so many, those since a time, those after a number. Reads
 * backwards, so that a long log costs no more than what is wanted of it. A line that is no JSON is left out here; verify.h tells of
 * it. Any thread. */
#ifndef SARING_AUDIT_READ_H
#define SARING_AUDIT_READ_H

#include "audit/folder.h"

#define AUDIT_READ_LIMIT_MAX 100000
#define AUDIT_READ_BYTES_MAX ((size_t)32 << 20) /* of records in one answer: older ones are left out */
#define AUDIT_BACK_S 86400			/* the clock may have been put back by so much in between */

/* Where to go on with what is older: the file, by its first record's number, and how many of its bytes are still to be looked at.
 * It stays right when the file is full meanwhile, and when records are added. file 0: there is nothing more, or the newest. */
struct audit_place {
	uint64_t file;
	int64_t end;
};

struct audit_query {
	int64_t since_s, until_s; /* wall clock; 0: not said. until_s itself is in */
	uint64_t after_seq;	  /* only records with a higher number */
	const char *verb;	  /* NULL: any */
	size_t limit;		  /* the newest so many; 0: AUDIT_READ_LIMIT_MAX */
	size_t scan_max;	  /* look at no more bytes than that, and a line; 0: at all */
	struct audit_place from;  /* only what is before; file 0: from the end */
};
/* Oldest first: a new array. A log that is not there is an empty one. ret_next: where to go on, when scan_max was in the way; file
 * 0 otherwise. */
MUST_CHECK bool audit_read_page(const char *folder, const struct audit_query *query, json_t **ret, struct audit_place *ret_next,
				struct err *err);
/* The same, for who wants no more than that. */
MUST_CHECK bool audit_read(const char *folder, const struct audit_query *query, json_t **ret, struct err *err);
/* "2026-11-26T15:00:00.123Z" to seconds; 0 when it is none. */
int64_t audit_time_s(const json_t *record);

#endif
