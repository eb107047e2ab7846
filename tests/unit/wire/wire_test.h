/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wire_test.h - bytes for tests: from hexadecimal text, and built piece by piece. */
#ifndef SARING_TESTS_WIRE_TEST_H
#define SARING_TESTS_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "wire/name.h"
#include "wire/writer.h"

/* "12 34ab" -> bytes; blanks are skipped. The block is exactly as long as the message, so that ASan sees a read past its end. */
static inline uint8_t *unhex(const char *text, size_t *ret_len)
{
	size_t len = 0;
	uint8_t *bytes = malloc(strlen(text) / 2 + 1);
	assert_non_null(bytes);
	for (const char *p = text; *p != '\0';) {
		if (*p == ' ') {
			p++;
			continue;
		}
		char pair[3] = {p[0], p[1], '\0'}, *end;
		bytes[len++] = (uint8_t)strtoul(pair, &end, 16);
		assert_ptr_equal(end, pair + 2);
		p += 2;
	}
	*ret_len = len;
	uint8_t *exact = malloc(len > 0 ? len : 1);
	assert_non_null(exact);
	memcpy(exact, bytes, len);
	free(bytes);
	return exact;
}

/* The same bytes in a block that ends with them. */
static inline uint8_t *exact_copy(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static inline struct name name_of(const char *text)
{
	struct name name;
	struct err err;
	if (!name_from_text(str_from(text), &name, &err))
		fail_msg("%s", err.text);
	return name;
}

#endif
