/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rule.h - what compile.c makes of settings and lists, and image_write.c makes an image of. Write half only. */
#ifndef SARING_POLICY_RULE_H
#define SARING_POLICY_RULE_H

#include "base/buf.h"
#include "base/err.h"
#include "policy/image.h"
#include "policy/intern.h"
#include "policy/terms.h"

/* An entry, ready to be placed. */
struct rule {
	uint64_t hash; /* set by image_write */
	int64_t until_s;
	const uint8_t *wire;	   /* borrowed from the list; NULL for a regular expression */
	uint32_t text, provenance; /* numbers */
	uint32_t line, column;
	uint32_t order; /* among all, as read */
	uint16_t list;
	uint8_t name_len, labels;
	enum match match;
	enum rank rank;
	bool shadow;
};

struct rule_list {
	uint32_t name, file, title; /* strings */
	enum action action;
	enum mode mode;
	enum answer answer;
	bool mandatory;
	int64_t changed_at_s;
};

/* Everything but the index. */
struct rules {
	struct rule *items; /* owned */
	size_t count;
	struct rule_list *lists; /* owned */
	size_t list_count;
	struct intern strings;
	struct buf provenance; /* records as in the image */
	struct buf contacts;
	struct buf ipv4, ipv6;
	uint32_t ttl_s;
	uint32_t generation;
	int64_t now_s;
};

/* Appends the image to ret; sorts rules->items. False only when something does not fit the format's numbers. */
MUST_CHECK bool image_write(struct rules *rules, struct buf *ret, struct err *err);

/* Compute both checksums of an image of at least IMAGE_HEADER_SIZE bytes; tests and fuzzing use it on images they damaged. */
void image_seal(uint8_t *image, size_t len);

#endif
