/* SPDX-License-Identifier: BSD-2-Clause
 *
 * operands.h - what the verb table says of a verb's operands ("LIST enforce|shadow|off", "[NAME...]") taken apart: for checking
 * what stands there, and for completing it. Any thread. */
#ifndef SARING_SARINGCTL_OPERANDS_H
#define SARING_SARINGCTL_OPERANDS_H

#include "base/base.h"
#include "base/str.h"

#define OPERANDS_MAX 8	     /* of one verb */
#define OPERAND_WORDS_MAX 16 /* of one operand */

/* What may stand at a place; several bits where the table has | between capitals. */
enum operand_kind {
	OPERAND_FILE = 1 << 0, /* FILE, PATH, SOCKET */
	OPERAND_LIST = 1 << 1, /* the name of a list */
	OPERAND_WORD = 1 << 2, /* one of fixed words */
	OPERAND_VERB = 1 << 3,
	OPERAND_GROUP = 1 << 4, /* the name of a group */
};

struct operand {
	struct str text;     /* "enforce|shadow|off", without brackets and dots; borrowed */
	unsigned kinds;	     /* of enum operand_kind; 0: whatever it is, nobody can list it */
	bool optional, many; /* [ ]; ... */
};

/* operands: of a struct command. Returns how many ret holds. */
size_t operands_split(const char *operands, struct operand ret[OPERANDS_MAX]);
/* The kinds of one such text. */
unsigned operand_kinds(struct str text);
/* The fixed words of an operand, each on its own in buf (which is as long as text), NULL behind them. Returns how many. */
size_t operand_words(struct str text, char *buf, size_t size, const char *ret[OPERAND_WORDS_MAX + 1]);

#endif
