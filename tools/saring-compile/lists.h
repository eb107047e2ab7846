/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lists.h - the lists of a run, each as a segment: kept from an earlier run where the images in force know the file as it is, else
 * read anew. What is no good does not fall out of force by that: a signed list goes on as it was last good, and the copy of a url
 * list is empty until it is fetched again. One thread. */
#ifndef SARING_COMPILE_LISTS_H
#define SARING_COMPILE_LISTS_H

#include "base/base.h"

struct run; /* saring-compile/run.h */

/* Open the sources of all lists but those in mode off; r->segments is set. Faults are added to the run's errors, or where another
 * text stands in for what is faulty, said on stderr. Returns whether the bulk image in force can stay as it is: r->bulk is then its
 * header, and lists of its tier may not be open. Otherwise r->bulk is zeroes. */
MUST_CHECK bool lists_open(struct run *r);

/* Read all of them for their faults alone, those in mode off too: such a one keeps nobody from reloading, and is closed again. */
void lists_check(struct run *r);

#endif
