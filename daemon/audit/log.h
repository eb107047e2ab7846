/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log.h - the one writer of the audit log: appends records, keeps the head, begins new files, and bears what disks do.
 *
 * A record is on the disk when audit_log_append returns (fdatasync), and then the head is (file_replace); each head is told the
 * journal, too, as audit.head. A disk that is full or read-only stops nothing: the record is lost and counted, `lost` says so, and
 * the first record that can be written again is one that tells of the gap. What is found at the start - a torn last line, a log
 * that ends before its head, a last record that was altered - is told in findings, which the caller appends as records: nothing is
 * hidden, and nothing that was written is written anew. audit/line.h and audit/folder.h draw the files. Main thread; blocks for the
 * disk. */
#ifndef SARING_AUDIT_LOG_H
#define SARING_AUDIT_LOG_H

#include "audit/folder.h"
#include "base/base.h"

#define AUDIT_FOLDER_MODE 0750
#define AUDIT_FILE_MODE 0640

struct audit_log;
/* folder is made when it is not there. Never fails: what is in the way is in the state. */
MUST_CHECK struct audit_log *audit_log_open(const char *folder);
void audit_log_close(struct audit_log *log); /* takes NULL */
/* A file is full at size bytes, 0: never; of the full ones the newest keep are kept, 0: all. */
void audit_log_configure(struct audit_log *log, uint64_t size, unsigned keep);

/* Append: "seq" and "time" are put before what record (taken) has, the chain behind it. kept (borrowed, may be NULL for the same as
 * before) is what the head remembers beside: members of its object. False: it is lost, and counted. */
bool audit_log_append(struct audit_log *log, json_t *record, const json_t *kept);
/* When something was lost, or the head could not be written: try again. Does nothing otherwise. */
void audit_log_mend(struct audit_log *log);

/* Records to be appended for what was found at the start (or since): a new array, each time only what is new; NULL for none. */
json_t *audit_log_findings(struct audit_log *log);
/* What the head remembered when the log was opened; borrowed, NULL for none. */
const json_t *audit_log_kept(const struct audit_log *log);

struct audit_log_state {
	uint64_t seq; /* of the last record; 0: none */
	struct audit_hash hash;
	uint64_t lost;	   /* records, and not told of yet */
	const char *error; /* why the last write failed; "" when it did not */
};
void audit_log_state(const struct audit_log *log, struct audit_log_state *ret);

#endif
