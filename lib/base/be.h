/* SPDX-License-Identifier: BSD-2-Clause
 *
 * be.h - big-endian numbers at any place in memory, aligned or not: what goes over the wire. The caller knows that they lie within
 * its bytes; wire/reader.h and writer.h know it for packets. */
#ifndef SARING_BASE_BE_H
#define SARING_BASE_BE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void be_put_u16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void be_put_u32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void be_put_u64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t be_get_u16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline uint32_t be_get_u32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline uint64_t be_get_u64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

#endif
