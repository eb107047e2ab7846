/* SPDX-License-Identifier: BSD-2-Clause
 *
 * le.h - little-endian numbers at any place in memory, aligned or not: what our own files are made of. The caller knows that they
 * lie within its bytes; what a stranger sent is read by wire/reader.h. */
#ifndef SARING_BASE_LE_H
#define SARING_BASE_LE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void le_put_u16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void le_put_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void le_put_u64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t le_get_u16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t le_get_u32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t le_get_u64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline int64_t le_get_i64(const uint8_t *p)
{
	return (int64_t)le_get_u64(p);
}

#endif
