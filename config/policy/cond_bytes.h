/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cond_bytes.h - lengths in a condition's bytes, for cond.c, which reads them, and cond_compose.c, which writes them. */
#ifndef SARING_POLICY_COND_BYTES_H
#define SARING_POLICY_COND_BYTES_H

#include "base/addr.h"

#define ADDRESS_LEN ADDR_WIDE_LEN
#define CLIENT_LEN (ADDRESS_LEN + 1) /* and its bits */

#endif
