/* SPDX-License-Identifier: BSD-2-Clause
 *
 * record.h - the parts of an audit record as JSON; audit.c puts them together. Main thread. */
#ifndef SARING_AUDIT_RECORD_H
#define SARING_AUDIT_RECORD_H

#include "audit/who.h"

/* {"verb", "by", "uid", "login", "on_behalf_of", "pid", "list", "names", "name_count", "reason", "reference", "detail"}. verb: when
 * the change (may be NULL) names none. A new reference. */
MUST_CHECK json_t *audit_record_begin(const char *verb, const struct audit_who *who, const json_t *change);
/* "file", "owner", "mtime": of a file that somebody changed; null for what cannot be looked at. */
void audit_record_file(json_t *record, const char *path);
/* "policy", "config" and "lifts" (where they are others) and "generation", of two snapshots (lists.h); before may be NULL. */
void audit_record_policy(json_t *record, const json_t *before, const json_t *after);
/* Members of more, which is taken and may be NULL. */
void audit_record_more(json_t *record, json_t *more);
/* "outcome", and "error" where there is one. */
void audit_record_outcome(json_t *record, const char *error);
/* "effect_ms": from when it was asked for until now. A time that change says and that cannot be is not believed. */
void audit_record_effect(json_t *record, const json_t *change, int64_t arrived_ns);

/* Is a change that somebody announced about this list's change (lists.h)? It is when it names the list, or a name that changed in
 * it: a lift may reach over several lists. */
bool audit_record_is_about(const json_t *announced, const json_t *changed);
/* Does it say that saring.yaml was written? */
bool audit_record_wrote_config(const json_t *announced);
/* Does it say what may have been written to the file of lifts? */
bool audit_record_wrote_lifts(const json_t *announced);
/* "beyond": names that came, went or were lifted in the lists without being announced, where all that was announced is known by
 * name; absent when there are none. */
void audit_record_beyond(json_t *record, const json_t *announced, const json_t *lists);

#endif
