/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The image loader: any bytes at all, and the same bytes with size and checksums made to fit, so that what lies behind the
 * checksums is reached. Whatever opens is asked everything. */
#include <stdlib.h>
#include <string.h>

#include "policy/explain.h"
#include "policy/image.h"
#include "policy/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct policy *p, struct policy_scratch *scratch, const struct name *name)
{
	static const int64_t times[] = {INT64_MIN, 0, 1700000000, INT64_MAX};
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct verdict v;
		struct policy_answer answer;
		struct policy_hit hits[8];
		if (policy_match(p, scratch, name, times[i], &v))
			policy_answer(p, &v, name, times[i], &answer);
		(void)policy_explain(p, scratch, name, times[i], hits, ARRAY_LEN(hits));
	}
}

static void use(const struct policy *p)
{
	static const char *const names[] = {".", "me", "t.me", "x.t.me", "web.telegram.org", "ads1.example"};
	struct policy_scratch *scratch = policy_scratch_create();
	struct policy_info info;
	policy_info(p, 0, &info);
	for (size_t i = 0; i < info.list_count; i++) {
		struct policy_list list;
		policy_list(p, (uint16_t)i, 0, &list);
		must(list.in_force_count <= list.entry_count);
	}
	for (uint32_t i = 0; i < info.entry_count; i++) {
		struct policy_entry e;
		policy_entry(p, i, &e);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct name name;
		must(name_from_text(str_from(names[i]), &name, NULL));
		ask(p, scratch, &name);
	}
	for (size_t i = 0; i < MIN(p->names.names.count, (size_t)16); i++) { /* names it does hold */
		const uint8_t *r = image_at(&p->names.names, i);
		struct name name;
		must(name_from_wire(p->sections[IMAGE_WIRE].base + image_u32(r + IMAGE_NAME_WIRE), r[IMAGE_NAME_LEN], &name));
		ask(p, scratch, &name);
	}
	policy_scratch_destroy(scratch);
}

static void open_and_use(const uint8_t *data, size_t size)
{
	struct policy *p = NULL;
	struct err err;
	if (policy_open_memory(data, size, &p, &err))
		use(p);
	policy_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_and_use(data, size);
	if (size < IMAGE_HEADER_SIZE)
		return 0;
	uint8_t *sealed = malloc(size);
	must(sealed != NULL);
	memcpy(sealed, data, size);
	memcpy(sealed + IMAGE_H_MAGIC, IMAGE_MAGIC, IMAGE_MAGIC_LEN);
	image_put_u64(sealed + IMAGE_H_TOTAL_SIZE, size);
	image_seal(sealed, size);
	open_and_use(sealed, size);
	free(sealed);
	return 0;
}
