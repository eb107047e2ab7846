/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/compile_lifts.h"

#include <string.h>

#include "list/lifts.h"

static bool find_list(const struct settings *s, const char *name, uint16_t *ret_order)
{
	for (size_t i = 0; i < s->list_count; i++) {
		if (strcmp(s->lists[i].name, name) == 0 && s->lists[i].mode != MODE_OFF) {
			*ret_order = (uint16_t)i;
			return true;
		}
	}
	return false;
}

/* Names above are told that something below may be asked for, as those above an allow entry are: NXDOMAIN for a name that is
 * blocked by itself would deny what was lifted below it (RFC 8020). A block that covers what is below stays what it is; so does one
 * of the lifted name itself, by another entry or for what its CNAME leads to. */
static void add_name(struct rules *rules, struct items *items, const struct lift *lift, uint32_t rule)
{
	const uint64_t hash = name_hash(lift->name, lift->name_len);
	items_add(items, (struct item){.hash = hash, .wire = lift->name, .rule = rule});
	if (lift->action == ACTION_BLOCK)
		items_add_above(items, lift->name, lift->name_len, false, rules_add_lifted_below(rules));
}

void lifts_compile(const struct compile_input *input, struct rules *rules, struct items *items, uint32_t counts[CODEC_LENGTHS_SIZE],
		   struct image_parts *ret)
{
	for (size_t i = 0; i < input->lifts->count; i++) {
		const struct lift *lift = &input->lifts->items[i];
		uint16_t order = 0;
		if (!lift_holds(lift) || !find_list(input->settings, lift->list, &order))
			continue;
		const uint32_t rule = rules_add_lift(rules, lift, order), text = rules_string(rules, lift->text);
		uint8_t *record = buf_grow(&ret->sections[IMAGE_LIFTS], IMAGE_LIFT_SIZE);
		le_put_u32(record + IMAGE_LIFT_RULE, rule);
		le_put_u32(record + IMAGE_LIFT_NAME, text);
		codec_count(lift->name, lift->name_len, counts);
		add_name(rules, items, lift, rule);
	}
}
