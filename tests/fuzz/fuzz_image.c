/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The image loader: any bytes at all, and the same bytes with magic, version, size and checksums made to fit, so that what lies
 * behind these is reached. Whatever opens is asked everything, and must not lead out of its bytes. */
#include <stdlib.h>
#include <string.h>

#include "policy/explain.h"
#include "policy/image_read.h"
#include "compile/image_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct policy *p, struct policy_scratch *scratch, const struct policy_question *q, const struct addr *address)
{
	static const int64_t times[] = {INT64_MIN, 1700000000, INT64_MAX};
	static struct policy_hit hits[8];
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct verdict v;
		struct policy_answer answer;
		if (policy_match(p, scratch, q, times[i], &v) && v.kind == VERDICT_BLOCKED)
			policy_answer(p, &v, q->name, true, times[i], &answer);
		if (policy_match_answer(p, address, q, times[i], &v) && v.kind == VERDICT_BLOCKED)
			policy_answer(p, &v, q->name, false, times[i], &answer);
		(void)policy_explain(p, scratch, q, times[i], hits, ARRAY_LEN(hits));
	}
}

static void use(const struct policy *p)
{
	static const char *const names[] = {".",
					    "me",
					    "x.t.me",
					    "fine.t.me",
					    "web.telegram.org",
					    "ads1.example",
					    "v6.example",
					    "log-7.example",
					    "own.example",
					    "my-tracker-1.org",
					    "lan.example",
					    "local.example",
					    "x12.net",
					    "good.bad.example"};
	struct policy_scratch *scratch = policy_scratch_create();
	struct policy_info info;
	struct addr client;
	must(addr_from_text(STR_LIT("192.0.2.9"), 0, &client));
	policy_info(p, 0, &info);
	for (size_t i = 0; i < info.list_count; i++) {
		struct policy_list list;
		policy_list(p, (uint16_t)i, 0, &list);
		must(list.in_force_count <= list.entry_count);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct name name;
		must(name_from_text(str_from(names[i]), &name, NULL));
		ask(p, scratch, &(struct policy_question){.name = &name, .type = 28, .client = &client}, &client);
	}
	policy_scratch_destroy(scratch);
}

static void open_and_use(const uint8_t *data, size_t size)
{
	struct policy *p = NULL;
	struct err err;
	if (policy_open_memory(data, size, NULL, 0, &p, &err))
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
	le_put_u32(sealed + IMAGE_H_BYTE_ORDER, IMAGE_BYTE_ORDER);
	le_put_u16(sealed + IMAGE_H_VERSION, IMAGE_VERSION);
	le_put_u64(sealed + IMAGE_H_TOTAL_SIZE, size);
	memset(sealed + IMAGE_H_BULK_HASH, 0, 16);
	sealed[IMAGE_H_TIER] = IMAGE_LIVE; /* each tier alone is a policy */
	image_seal(sealed, size);
	open_and_use(sealed, size);
	free(sealed);
	return 0;
}
