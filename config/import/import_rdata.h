/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import_rdata.h - the right side of local data: presentation form (RFC 1035 §5.1, RFC 3597 §5) to wire form. Addresses and names
 * are read here, the other types that local data has by ldns, which is never shown an owner; any further type in its generic form.
 * Tools only. One thread. */
#ifndef SARING_IMPORT_IMPORT_RDATA_H
#define SARING_IMPORT_IMPORT_RDATA_H

#include "base/buf.h"
#include "base/str.h"
#include "wire/name.h"

#define RDATA_TEXT_MAX 65536 /* bytes of presentation form */

/* text: one line, without comments and parentheses. origin: what relative names are put before; NULL: the root. What ret held is
 * gone; names in it are not compressed. False when it does not parse, or is for a type that is no data (SOA, RRSIG, ANY, ...). */
MUST_CHECK bool rdata_read(uint16_t type, struct str text, const struct name *origin, struct buf *ret);
/* A name in RDATA, folded; `*` is a label like any other. */
MUST_CHECK bool rdata_name(struct str text, const struct name *origin, struct name *ret);
/* Is it an address that means nowhere: 0.0.0.0, ::, 127.0.0.1, ::1? */
bool rdata_is_nowhere(uint16_t type, struct str rdata);
/* Types that never are local data: a zone's own, DNSSEC's, and those that are only asked for. */
bool rdata_is_barred(uint16_t type);

#endif
