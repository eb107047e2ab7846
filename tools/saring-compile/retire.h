/* SPDX-License-Identifier: BSD-2-Clause
 *
 * retire.h - the lifts of this compilation (list/lifts.h), and those among them whose list has dropped the name: they have done
 * what they were for, and a name that comes back later is blocked again.
 *
 * A list is asked only when it was read for this compilation: the others are what they were when they were last asked. What ends is
 * written to the file before the image is, which does not hold it: killed in between, the next compilation comes to the same. */
#ifndef SARING_COMPILE_RETIRE_H
#define SARING_COMPILE_RETIRE_H

#include "import/source.h"
#include "list/lifts.h"

/* Those of the state directory that settings name. own: it is this compilation's, and those that end are ended in the file; where
 * that fails, they hold on, and stderr says why. Otherwise nothing is written, and a file that cannot be read is somebody else's.
 * NULL: errors say why. */
MUST_CHECK struct lifts *retire(const struct settings *settings, const struct source *sources, bool own, int64_t now_s,
				struct err_list *errors);

#endif
