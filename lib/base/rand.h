/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rand.h - unpredictable bytes (getrandom through arc4random_buf): query IDs, ports, 0x20 bits, hash keys. Any thread.
 *
 * Each thread draws some hundred bytes at a time, as glibc 2.36 makes a system call of every draw; each byte is given out once and
 * wiped then, and a fork's child begins anew. Tests may seed a deterministic sequence. */
#ifndef SARING_BASE_RAND_H
#define SARING_BASE_RAND_H

#include "base/base.h"

void rand_bytes(void *buf, size_t len);
uint32_t rand_u32(void);
uint32_t rand_below(uint32_t bound);	/* uniform in 0..bound-1; bound > 0 */
void rand_seed_for_test(uint64_t seed); /* 0 = back to the kernel's. Not while other threads run. */

#endif
