/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tally.h - which entry a fact is of, and the hits of entries (observe/hits.h) that come of it, kept in the state directory. A fact
 * names its entry by a rule of the world it was judged by: tally_enter that world, which is cheap when it is the one entered, and
 * ask. Facts come from observer.c, which has them in order, and says when a world is to be left. Main thread. */
#ifndef SARING_TALLY_H
#define SARING_TALLY_H

#include "base/base.h"
#include "base/str.h"
#include "generation.h"
#include "observe/hits.h"
#include "observe/tap.h"
#include "policy/ident.h"
#include "settings/settings.h"
#include "wire/name.h"

/* So much of the hits a crash may lose; the table then says that it is inexact since the next start. */
#define TALLY_SAVE_S 600
#define TALLY_FILE "hits" /* in the state directory */

struct tally;
/* Reads the hits of an earlier run; a file that is damaged is told of, and counting begins anew. Both are borrowed for its whole
 * life; state NULL: hits are not kept. */
MUST_CHECK struct tally *tally_create(const struct generations *generations, const char *state);
void tally_destroy(struct tally *t); /* takes NULL; saves */
void tally_tick(struct tally *t);    /* once a second or so: saves when it is time to */

void tally_enter(struct tally *t, uint64_t serial);
void tally_leave(struct tally *t); /* before a policy is closed: what is known of it is borrowed */

/* All of these are of the world entered, whose policy may be gone already. */
const struct settings *tally_settings(const struct tally *t);			 /* NULL: gone */
struct str tally_list_name(const struct tally *t, uint16_t list);		 /* ptr NULL: there is none, or it is gone */
const struct hit *tally_find(struct tally *t, const struct policy_spoke *spoke); /* NULL: it never acted */
/* The entry of f has acted; name: of the question, or what the answer held. */
void tally_take(struct tally *t, const struct tap_fact *f, const struct name *name);

/* Facts were left out at that time. */
void tally_inexact(struct tally *t, int64_t at_s);
struct hits *tally_hits(struct tally *t);

#endif
