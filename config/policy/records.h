/* SPDX-License-Identifier: BSD-2-Clause
 *
 * records.h - an entry's own records (ANSWER_LOCAL): RPZ local data, adblock's $dnsrewrite, dnsmasq's address=/x/1.2.3.4, unbound's
 * local-data. Importers compose the bytes, the daemon reads them. The owner is the name asked.
 *
 *      u16 rcode              0, or what $dnsrewrite says; then no records follow
 *      { u16 type, u32 ttl_s, u16 len, rdata }...
 *
 * Big-endian; rdata in wire form, names in it uncompressed. ttl_s UINT32_MAX: not said, block.ttl counts. A CNAME stands alone (it
 * is for every type); a CNAME whose target is `*.rest` means the name asked put before rest (RPZ). No type of the question among
 * the records: NODATA. Sorted by type, then rdata, without doubles. */
#ifndef SARING_POLICY_RECORDS_H
#define SARING_POLICY_RECORDS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/str.h"
#include "wire/name.h"

#define RECORDS_LEN_MAX 16384
#define RECORDS_TTL_UNSAID UINT32_MAX

struct record {
	uint16_t type;
	uint32_t ttl_s;
	struct str rdata;
};
/* Add one to bytes that are empty or were composed before. False: over the limit, or a CNAME beside others (nothing is added). */
MUST_CHECK bool records_add(struct buf *bytes, const struct record *record);
void records_set_rcode(struct buf *bytes, uint16_t rcode);
/* How records are sorted; 0: the same type and rdata. And is it a name, whole, as a CNAME's rdata must be? */
int records_order(const struct record *a, const struct record *b);
bool records_is_name(struct str rdata);
/* Is it well-formed? (Lengths, order, a CNAME's target; not every type's rdata.) */
MUST_CHECK bool records_verify(struct str bytes);
uint16_t records_rcode(struct str bytes);
/* The record after position *at (start with 0), or false at the end. */
bool records_next(struct str bytes, size_t *at, struct record *ret);

#endif
