/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verify.h - is the audit log what was written? Looks at every line of every file, at how they hang together, and whether they end
 * where the head says. Each damage is told with its file, line and record number:
 *
 *   altered      a line's bytes are not those its hash is of
 *   broken       a line that is no record at all
 *   torn         the last line has no end: the daemon was killed while it wrote (and says so itself when it comes again)
 *   missing      numbers that are not there
 *   order        a record stands before an earlier one, or is there twice
 *   chain        a record does not continue the one before: one of the two was written anew
 *   truncated    the log ends before the record that the head names
 *   head         the head is not there, is none, or names another hash
 *
 * What whoever may write the folder could still do is to write all anew, head and all: against that stands what the daemon told the
 * journal (audit.head lines). Any thread. */
#ifndef SARING_AUDIT_VERIFY_H
#define SARING_AUDIT_VERIFY_H

#include "audit/folder.h"

#define AUDIT_DAMAGES_MAX 1000 /* told; more are counted */

enum audit_damage_kind {
	AUDIT_ALTERED,
	AUDIT_BROKEN,
	AUDIT_TORN,
	AUDIT_MISSING,
	AUDIT_ORDER,
	AUDIT_CHAIN,
	AUDIT_TRUNCATED,
	AUDIT_HEAD_BAD,
};
extern const char *const audit_damage_words[]; /* "altered", ... */

struct audit_damage {
	enum audit_damage_kind kind;
	const char *file; /* borrowed until the callback returns */
	uint32_t line;	  /* from 1; 0: of no line */
	uint64_t seq;	  /* 0: of no record */
	char text[256];	  /* one sentence */
};
typedef void audit_damaged(void *arg, const struct audit_damage *damage);

struct audit_verdict {
	uint64_t records, damages;
	size_t files;
	uint64_t first_seq, last_seq;
	struct audit_hash last_hash;
	bool behind; /* the head is one record behind, as a kill between the two writes leaves it: no damage */
};
/* path: a folder, with its head; or one file, which is looked at by itself. False: it could not be read at all. */
MUST_CHECK bool audit_verify(const char *path, audit_damaged *damaged, void *arg, struct audit_verdict *ret, struct err *err);

#endif
