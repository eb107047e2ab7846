/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lists.h - what of the policy the audit log remembers, and what is another between two moments. A snapshot is JSON, as the head
 * keeps it over restarts:
 *
 *   {"readers": 3, "generation": 7, "policy": "<hex>", "config": "<sha256 of saring.yaml>", "lifts": "<hex>",
 *    "lists": {"ads": {"content": "<hex>" | null, "entries": 11, "mode": "enforce",
 *                      "lifts": {"count": 1, "names": {"a.example": "2026-11-26T15:00:00Z"} | null}}, ...}}
 *
 * content is the hash by which saring-compile knows a list's text (segment.h); null for one in mode off, whose text is not looked
 * at. lifts: the hash of the file of lifts (saring-lists(5), LIFTS), and of each list that has any those that hold; names is null
 * when the policy has more than AUDIT_LISTS_LIFTS_MAX of them. readers: of which version of the readers these hashes are; those of
 * another cannot be compared. Main thread. */
#ifndef SARING_AUDIT_LISTS_H
#define SARING_AUDIT_LISTS_H

#include "base/base.h"
#include "base/str.h"

#include <jansson.h>

struct generation;
struct policy;

#define AUDIT_LISTS_NAMES_MAX 100  /* names of one kind, of one list, in a record */
#define AUDIT_LISTS_LIFTS_MAX 2000 /* lifts that a snapshot has by name */

/* config: the bytes of saring.yaml in force. A new reference. */
MUST_CHECK json_t *audit_lists_snapshot(const struct generation *g, struct str config);
/* Lists whose text, mode or lifts are others, that came or went: a new array of
 *   {"list", "content": {"before", "after"}, "mode": {...}, "entries": {...}, "added", "removed", "lifted", "restored", "dropped",
 *    "changed", "names": {"added": [...], ...}, "lifts": {"before", "after"}}
 * with null for what is not there or not known. dropped: lifts that ended as the list has that name no more; "lifts", how many
 * hold, is there only where they changed. changes (may be NULL): what saring-compile said of the lists' texts (jobs.h), which is
 * checked. policy: of the snapshot after. */
MUST_CHECK json_t *audit_lists_changed(const json_t *before, const json_t *after, const json_t *changes,
				       const struct policy *policy);
/* Two changes of one list, one after the other, as one: a new reference. */
MUST_CHECK json_t *audit_lists_join(const json_t *first, const json_t *second);
/* Did nothing of the list change but its lifts? And: did the lifts of any of these lists change? */
bool audit_lists_only_lifts(const json_t *change);
bool audit_lists_have_lifts(const json_t *changed);
/* {"before": ..., "after": ...} of one member of two snapshots: a new reference. */
MUST_CHECK json_t *audit_lists_pair(const json_t *before, const json_t *after, const char *key);

#endif
