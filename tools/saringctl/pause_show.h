/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pause_show.h - pauses in words, as the daemon tells of them (admin/call.h). One thread. */
#ifndef SARING_SARINGCTL_PAUSE_SHOW_H
#define SARING_SARINGCTL_PAUSE_SHOW_H

#include "base/buf.h"
#include "saringctl/output.h"

/* "the group 'kids'" */
void pause_show_what(struct buf *b, const json_t *pause);
/* "the group 'kids' until 2026-11-26T20:00:00Z" */
void pause_show_add(struct buf *b, const json_t *pause);
/* What came of `pause` and `allow`; of several, with the last what stays and whether it is kept. */
void pause_show_begun(const struct output *o, const json_t *reply, bool last);
/* And of `resume`. */
void pause_show_ended(const struct output *o, const json_t *reply, bool last);
/* Of status: each on a line. */
void pause_show_status(const struct output *o, const json_t *pauses);

#endif
