/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import_real.h - readers over real lists, where the environment variable SARING_LISTS names a folder of them (NAME.gz). */
#ifndef TESTS_LIST_IMPORT_REAL_H
#define TESTS_LIST_IMPORT_REAL_H

#include "import_fixture.h"

/* Skips the test, and says so, when SARING_LISTS is not set or the list is not there. */
struct segment *import_real(import_reader *reader, enum format format, const char *name, const struct segment_settings *settings);

#endif
