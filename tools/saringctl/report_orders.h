/* SPDX-License-Identifier: BSD-2-Clause
 *
 * report_orders.h - the lists as orders: what stands under the same words (who, why, by which paper, since and until when) in one
 * list is one order, with how many entries it has. Read from the lists' files, as list show reads them. One thread. */
#ifndef SARING_SARINGCTL_REPORT_ORDERS_H
#define SARING_SARINGCTL_REPORT_ORDERS_H

#include "list/lifts.h"
#include "saringctl/context.h"

#define REPORT_ORDERS_MAX 5000 /* of all lists; more are counted */
#define REPORT_NAMES_MAX 20    /* names of an order that are said */

/* {"orders": [...], "left_out": N, "entries": N, "lists": [{"list", "title", "mode", "action", "entries", "error"}, ...]}: a new
 * reference. An order is {"list", "title", "action", "mode", "state", "authority", "reason", "reference", "contact", "code",
 * "added", "review", "expires", "lifted", "lifted_by", "lift_reason", "lift_reference", "added_s", "review_s", "expires_s",
 * "lifted_s", "entries", "names", "hits", "would_block"}; hits are null when they are not counted. state: "in force", "lifted",
 * "expired", "shadow", "off". lifts: those beside lists, NULL: not known.
 * hits (may be NULL): what the verb hits says. A list that cannot be read has its error, and no orders.
 */
MUST_CHECK json_t *report_orders(const struct settings *settings, const struct lifts *lifts, const json_t *hits, int64_t now_s);

#endif
