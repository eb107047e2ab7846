/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cond_bytes.h - lengths in a condition's bytes, for cond.c, which reads them, and cond_compose.c, which writes them. */
#ifndef SARING_POLICY_COND_BYTES_H
#define SARING_POLICY_COND_BYTES_H

#include "base/base.h"

#define ADDRESS_LEN 16
#define CLIENT_LEN (ADDRESS_LEN + 1) /* and its bits */
#define V4_BITS 96		     /* of the mapped form, before the v4 address's own */

static const uint8_t mapped_head[V4_BITS / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

#endif
