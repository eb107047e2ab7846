/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import_fixture.h - one reader over a text, and what came of it in readable lines:
 *
 *      1: block unsaid ads.example
 *      2: block subtree ads.example
 *      3: allow subdomains x.example important answer nodata type A,AAAA not-type TXT client 192.0.2.0/24 not-client ::1 deny-allow
 * y.example 4: block pattern ads*.example subtree 5: block regex ^ads caseless 6: block address 192.0.2.0/24 7: block exact
 * x.example answer local records 1/-/c0000201 written "X" format hosts lines 9 comments 1 taken 7 allow 1 changed case 1: 3
 * "Ads.Example" left ip 2: 5 "1.2.3.4", 6 "::1" word unknown-modifier popup 3
 *
 * A record of `records` is type/ttl/rdata; rcodes stand as rcode=N. Entries stand in the order in which the reader took them. */
#ifndef TESTS_LIST_IMPORT_FIXTURE_H
#define TESTS_LIST_IMPORT_FIXTURE_H

#include "import/import.h"
#include "import/segment.h"

typedef void import_reader(struct import *im, struct str text);

/* settings NULL: a block list without may-allow. Owned by the caller (free). */
char *import_fixture(import_reader *reader, enum format format, struct str text, const struct segment_settings *settings);
/* The segment itself. */
struct segment *import_fixture_segment(import_reader *reader, enum format format, struct str text,
				       const struct segment_settings *settings);
char *import_fixture_show(const struct segment *segment);
/* Fails the test unless the lines for the entries alone (no report) are `expected`. */
void import_fixture_entries(import_reader *reader, enum format format, const char *text, const struct segment_settings *settings,
			    const char *expected);
/* Every golden/<folder>/NAME.txt against NAME.expected beside it. A name that starts with "allow-" is read with action allow, one
 * with "may-allow-" with may-allow. With SARING_GOLDEN_UPDATE set the expected ones are written instead. At least one must be
 * there. */
void import_fixture_golden(const char *folder, import_reader *reader, enum format format);

#endif
