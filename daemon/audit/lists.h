/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lists.h - what of the policy the audit log remembers, and what is another between two moments. A snapshot is JSON, as the head
 * keeps it over restarts:
 *
 *   {"readers": 3, "generation": 7, "policy": "<hex>", "config": "<sha256 of saring.yaml>",
 *    "lists": {"ads": {"content": "<hex>" | null, "entries": 11, "mode": "enforce"}, ...}}
 *
 * content is the hash by which saring-compile knows a list's text (segment.h); null for one in mode off, whose text is not looked
 * at. readers: of which version of the readers these hashes are; those of another cannot be compared. Main thread. */
#ifndef SARING_AUDIT_LISTS_H
#define SARING_AUDIT_LISTS_H

#include "base/base.h"
#include "base/str.h"

#include <jansson.h>

struct generation;

#define AUDIT_LISTS_NAMES_MAX 100 /* names of one kind, of one list, in a record */

/* config: the bytes of saring.yaml in force. A new reference. */
MUST_CHECK json_t *audit_lists_snapshot(const struct generation *g, struct str config);
/* Lists whose text or mode is another, that came or went: a new array of
 *   {"list", "content": {"before", "after"}, "mode": {...}, "entries": {...}, "added", "removed", "lifted", "restored", "changed",
 *    "names": {"added": [...], ...}}
 * with null for what is not there or not known. changes (may be NULL): what saring-compile said of them (jobs.h), which is checked.
 */
MUST_CHECK json_t *audit_lists_changed(const json_t *before, const json_t *after, const json_t *changes);
/* {"before": ..., "after": ...} of one member of two snapshots: a new reference. */
MUST_CHECK json_t *audit_lists_pair(const json_t *before, const json_t *after, const char *key);

#endif
