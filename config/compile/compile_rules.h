/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_rules.h - what entries have in common, each once: strings, provenance, conditions, records, and the rules made of them.
 * For the compiler only. One owner. */
#ifndef SARING_COMPILE_COMPILE_RULES_H
#define SARING_COMPILE_COMPILE_RULES_H

#include "import/segment.h"
#include "compile/image_write.h"
#include "base/intern.h"
#include "settings/settings.h"

struct rules {
	const struct settings *settings;
	struct intern strings;
	struct intern conds, data;
	struct intern records;		 /* IMAGE_RULE_SIZE each; their numbers are the rules' */
	struct intern provenance_seen;	 /* what is in provenance, same numbers */
	struct buf provenance, contacts; /* sections */
};

/* The list that is being walked. */
struct rules_list {
	const struct settings_list *settings;
	const struct segment *segment;
	enum action action;
	enum answer answer;
	uint16_t number; /* in the image */
	uint16_t order;	 /* in saring.yaml */
};

void rules_init(struct rules *r, const struct settings *settings);
void rules_finish(struct rules *r);
/* The number of a string, IMAGE_NONE for NULL. */
uint32_t rules_string(struct rules *r, const char *text);
uint32_t rules_string_of(struct rules *r, struct str text);
/* The action and the rank of a class of that list. */
enum action rules_action(const struct rules_list *list, const struct segment_class *class);
enum rank rules_rank(const struct rules_list *list, const struct segment_class *class);
/* The rule of a class of that list. pattern: number in PATTERNS, or IMAGE_NONE. */
uint32_t rules_add(struct rules *r, const struct rules_list *list, const struct segment_class *class, uint32_t pattern);
/* Are the names above an entry with this rule told that an allow entry lies below? */
bool rules_tell_above(const uint8_t *record);
/* The rule that tells it, for an allow rule. */
uint32_t rules_add_below(struct rules *r, uint32_t allow);
/* Is it a rule of something that was blocked, and lifted, be it at a time to come? */
bool rules_lifted(const struct rules *r, uint32_t rule);
/* The same for what was lifted below, and is stronger than nothing. */
uint32_t rules_add_lifted_below(struct rules *r);
/* The rule of a lift that outranks the list at that place in saring.yaml. */
struct lift;
uint32_t rules_add_lift(struct rules *r, const struct lift *lift, uint16_t order);
/* Did anything not fit the format's numbers? */
bool rules_full(const struct rules *r);
size_t rules_count(const struct rules *r);
/* Its record as in the image; valid until the next rule is added. */
static inline const uint8_t *rules_get(const struct rules *r, uint32_t rule)
{
	return (const uint8_t *)r->records.bytes.ptr + (size_t)rule * IMAGE_RULE_SIZE;
}
static inline int64_t rules_until(const uint8_t *record)
{
	return (int64_t)le_get_u64(record + IMAGE_RULE_UNTIL);
}
/* Since when an entry with that rule is not in force: its end, or IMAGE_NEVER for one that only would block. */
int64_t rules_end(const uint8_t *record);
/* Does an entry with that rule say when it was lifted, or will be? */
bool rules_says_lifted(const struct rules *r, const uint8_t *record);
/* The order within a name's set, line apart: rank, then match, then list. */
static inline uint32_t rules_key(const uint8_t *record)
{
	return ((uint32_t)record[IMAGE_RULE_RANK] & ~IMAGE_SHADOW) << 24 | (uint32_t)record[IMAGE_RULE_MATCH] << 16 |
	       le_get_u16(record + IMAGE_RULE_ORDER);
}
/* Moves all of it into the sections RULES, CONDS, DATA, PROVENANCE, CONTACTS, STRING_ENDS, STRINGS. */
void rules_write(struct rules *r, struct image_parts *ret);

#endif
