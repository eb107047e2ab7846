/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mutate_message.h - a mutator that knows what a DNS message is: it adds, doubles, moves and removes whole records, points owners
 * and names in RDATA to earlier names, and sets the counts to what is there. A fuzzer that changes octets alone seldom gets past
 * the counts. One time in four it does what the fuzzer would do, so that nothing is left out.
 *
 * A target whose input is `front` octets of its own and a message defines
 *     size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
 *     { return mutate_message(data, size, max, seed, front); }
 * libFuzzer calls it; standalone.c does too, a few times for each file, always with the same seeds. */
#ifndef SARING_FUZZ_MUTATE_MESSAGE_H
#define SARING_FUZZ_MUTATE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's, or standalone.c's: octets at random. Returns the new length. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Change data in place; it has room for max. Returns the new length, at most max. The same for the same seed and input, as far as
 * LLVMFuzzerMutate is. */
size_t mutate_message(uint8_t *data, size_t size, size_t max, unsigned seed, size_t front);

#endif
