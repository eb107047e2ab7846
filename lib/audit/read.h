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

struct audit_query {
	int64_t since_s, until_s; /* wall clock; 0: not said. until_s itself is in */
	uint64_t after_seq;	  /* only records with a higher number */
	const char *verb;	  /* NULL: any */
	size_t limit;		  /* the newest so many; 0: AUDIT_READ_LIMIT_MAX */
};
/* Oldest first: a new array. A log that is not there is an empty one. */
MUST_CHECK bool audit_read(const char *folder, const struct audit_query *query, json_t **ret, struct err *err);
/* "2026-11-26T15:00:00.123Z" to seconds; 0 when it is none. */
int64_t audit_time_s(const json_t *record);

#endif
