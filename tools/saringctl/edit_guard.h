/* SPDX-License-Identifier: BSD-2-Clause
 *
 * edit_guard.h - what is looked at before a list's file is touched: is a name too broad or protected to be blocked without --force,
 * and does what is said of it suffice block.require? Everything that is wrong is said on stderr. */
#ifndef SARING_SARINGCTL_EDIT_GUARD_H
#define SARING_SARINGCTL_EDIT_GUARD_H

#include "saringctl/edit_report.h"

/* Of `list add`, whose operands are names that were found good. list: as it stands, or NULL. ret_bad: how many were refused. */
MUST_CHECK bool edit_guard_names(const struct edit *e, const struct list *list, enum action action, size_t *ret_bad);
/* Of `list import`: entries on their way into the list. defaults: of the list's file, or NULL. */
MUST_CHECK bool edit_guard_entries(const struct edit *e, const struct edit_entry *entries, size_t count,
				   const struct provenance *defaults, enum action action, size_t *ret_bad);

#endif
