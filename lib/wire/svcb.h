/* SPDX-License-Identifier: BSD-2-Clause
 *
 * svcb.h - the form of SVCB and HTTPS RDATA (RFC 9460 §2.2, §8). Any thread; nothing allocates.
 *
 *   | priority 2 | TargetName, uncompressed | { key 2 | length 2 | value } ... keys ascending */
#ifndef SARING_WIRE_SVCB_H
#define SARING_WIRE_SVCB_H

#include "base/base.h"
#include "wire/reader.h"

/* Is rdata, a reader over the RDATA alone, such a record's? A record that breaks its form makes its whole RRset one to be rejected.
 * Keys must ascend, each once, those of `mandatory` be there, and the values of the keys that RFC 9460 and 9461 define have their
 * form; others may be anything. Of AliasMode (priority 0), whose parameters nobody reads, only the keys are looked at. Linear. */
MUST_CHECK bool svcb_is_sound(struct rd rdata);

#endif
