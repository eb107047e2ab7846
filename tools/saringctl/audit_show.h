/* SPDX-License-Identifier: BSD-2-Clause
 *
 * audit_show.h - records of the audit log: where they come from, and how they look to people. One thread. */
#ifndef SARING_SARINGCTL_AUDIT_SHOW_H
#define SARING_SARINGCTL_AUDIT_SHOW_H

#include "audit/read.h"
#include "saringctl/context.h"

/* Where the configuration's audit log lies. Owned by the caller; NULL when the configuration has faults, which was said.
 * cmd_audit.c */
MUST_CHECK char *audit_folder_path(struct context *ctx);
/* Records of the daemon, or of its files when it is down (which is noted). On failure all was said. cmd_audit.c */
MUST_CHECK bool audit_fetch_records(struct context *ctx, const struct audit_query *query, json_t **ret,
				    enum exit_status *ret_status);

/* On stdout. */
void audit_show_table(const struct output *o, const json_t *records);
void audit_show_line(const struct output *o, const json_t *record);

/* "root for anna", "refresh", ...: who it was. Owned by the caller. */
MUST_CHECK char *audit_show_who(const json_t *record);

#endif
