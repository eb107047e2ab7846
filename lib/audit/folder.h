/* SPDX-License-Identifier: BSD-2-Clause
 *
 * folder.h - the files of an audit log: which there are, in which order, and what the head says.
 *
 *   audit-000000000001.jsonl   the oldest that is kept, named by its first record's number; full
 *   audit-000000004711.jsonl
 *   audit.jsonl                that which is written to
 *   head.json                  {"seq": N, "hash": "...", ...}: where the log must end; what is kept of lists belongs to the daemon
 *
 * Any thread; nothing is kept. */
#ifndef SARING_AUDIT_FOLDER_H
#define SARING_AUDIT_FOLDER_H

#include "audit/line.h"
#include "base/err.h"

#include <jansson.h>

#define AUDIT_FILE "audit.jsonl"
#define AUDIT_HEAD "head.json"
#define AUDIT_FILE_BYTES_MAX ((size_t)2 << 30) /* of one that is read */
#define AUDIT_HEAD_BYTES_MAX ((size_t)4 << 20)

struct audit_folder {
	char **paths; /* owned; oldest first */
	size_t count;
};
/* An absent folder is an error, an empty one is not. audit_folder_finish ret. */
MUST_CHECK bool audit_folder_list(const char *folder, struct audit_folder *ret, struct err *err);
void audit_folder_finish(struct audit_folder *f);
/* The path of a full file whose first record has that number. Appended. */
void audit_folder_full_path(const char *folder, uint64_t first_seq, struct buf *ret);

struct audit_head {
	uint64_t seq;
	struct audit_hash hash;
	json_t *root; /* owned: all that stands there */
};
/* ERR_NOT_FOUND: there is none. ERR_INPUT: it is none. audit_head_finish ret. */
MUST_CHECK bool audit_head_read(const char *folder, struct audit_head *ret, struct err *err);
void audit_head_finish(struct audit_head *head);

#endif
