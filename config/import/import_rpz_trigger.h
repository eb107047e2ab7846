/* SPDX-License-Identifier: BSD-2-Clause
 *
 * import_rpz_trigger.h - owners of a response policy zone, the zone's name cut off, as what they match (draft-vixie-dnsop-dns-rpz
 * §4):
 *
 *      ads.example, *.ads.example      the name asked; with `*` elsewhere a pattern, as lists use it
 *      24.0.2.0.192.rpz-ip             an address in the answer: 192.0.2.0/24
 *      48.zz.db8.2001.rpz-client-ip    the client's address: 2001:db8::/48
 *      ... .rpz-nsip, ... .rpz-nsdname    left out: a forwarder never sees delegations
 *
 * Tools only. One thread. */
#ifndef SARING_IMPORT_IMPORT_RPZ_TRIGGER_H
#define SARING_IMPORT_IMPORT_RPZ_TRIGGER_H

#include "import/import_owner.h"

/* False when it is left out; it is counted then. */
MUST_CHECK bool rpz_trigger_read(struct import *im, struct str owner, uint32_t line, struct owner *ret);
/* "24.0.2.0.192", "48.zz.db8.2001". Refused: bits behind the length, leading zeros, more than one zz. */
MUST_CHECK bool rpz_trigger_prefix(struct str text, struct prefix *ret);

#endif
