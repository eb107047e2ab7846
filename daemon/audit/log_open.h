/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log_open.h - the audit log as log.c and log_open.c see it: how it is taken up where an earlier run left it. For no one else. */
#ifndef SARING_AUDIT_LOG_OPEN_H
#define SARING_AUDIT_LOG_OPEN_H

#include "audit/log.h"

#include <sys/types.h>

#define AUDIT_TIME_MAX 32

struct audit_log {
	char *folder, *path; /* owned; path: of the file that is written to */
	int fd;		     /* -1: not open, as it is between two records */
	bool known;	     /* what it was when it was last closed: */
	dev_t dev;
	ino_t ino;
	uint64_t size;	    /* of that file, in whole lines */
	uint64_t first_seq; /* of that file; 0: it is empty */
	uint64_t seq;
	struct audit_hash hash;
	uint64_t limit;
	unsigned keep;
	bool taken_up; /* seq and hash are known from the disk */
	bool rotated;  /* old files may go */
	bool head_stale;
	uint64_t lost;
	char lost_since[AUDIT_TIME_MAX], lost_error[256], error[256];
	json_t *findings, *kept; /* owned; NULL for none */
};

void audit_log_time(char buf[AUDIT_TIME_MAX]); /* now, with milliseconds */
/* Takes finding, and says it in the log. */
void audit_log_find(struct audit_log *log, json_t *finding);
/* What stands behind the last newline of the open file is cut off, and told. False: it cannot be. */
MUST_CHECK bool audit_log_cut_torn(struct audit_log *log);
/* The first time: where does the log end, by itself and by its head? Fills seq, hash, kept. Always: first_seq. False: it cannot be
 * read. */
MUST_CHECK bool audit_log_take_up(struct audit_log *log);
MUST_CHECK bool audit_log_first_line(const char *path, struct audit_line *ret);

#endif
