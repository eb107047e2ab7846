/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log_fixture.h - a folder with an audit log in it, made record by record. */
#ifndef SARING_TESTS_AUDIT_LOG_FIXTURE_H
#define SARING_TESTS_AUDIT_LOG_FIXTURE_H

#include "audit/folder.h"

struct log_fixture {
	char folder[64];
	uint64_t seq;
	struct audit_hash hash;
	struct buf text; /* of audit.jsonl, not written yet */
};
void log_fixture_make(struct log_fixture *f);
void log_fixture_remove(struct log_fixture *f);
/* One record more; extra (may be NULL) is JSON text of more members. */
void log_fixture_add(struct log_fixture *f, const char *verb, const char *time, const char *extra);
/* What was added becomes a full file. */
void log_fixture_rotate(struct log_fixture *f);
void log_fixture_write(struct log_fixture *f); /* audit.jsonl, and the head */
void log_fixture_put(const struct log_fixture *f, const char *file, const void *bytes, size_t len);

#endif
