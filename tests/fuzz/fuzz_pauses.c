/* SPDX-License-Identifier: BSD-2-Clause
 * Any bytes as the file of pauses. What is taken can be written, and is then taken again as the same; and can be asked about,
 * whatever it holds. */
#include "pauses.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct pauses *p)
{
	struct settings s = {.list_count = 0};
	struct addr client;
	struct name name;
	struct group_now now;

	must(addr_from_text(str_from("192.0.2.7"), 0, &client) && name_from_text(str_from("a.b.example"), &name, NULL));
	for (size_t i = 0; i < p->count; i++) {
		const struct pause *pause = &p->all[i];
		must(!(pause_holds(pause, pause->since_s) && pause_is_over(pause, pause->since_s)));
		must(!pause_holds(pause, pause->since_s - 1));
		must(pauses_relieve(p, &name, &client, pause->since_s) == NULL || p->has_clients || p->has_names);
		pauses_lists_now(p, &s, 0, pause->since_s, &now);
		must(now.until_s > pause->since_s);
		struct pauses *left = pauses_copy(p, pause->since_s);
		must(left->count <= p->count);
		pauses_destroy(left);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {.code = ERR_NONE};
	struct buf first = {0}, second = {0};
	struct pauses *p = pauses_read((struct str){(const char *)data, size}, &err);

	if (p == NULL) {
		must(err.code != ERR_NONE && err.text[0] != '\0');
		return 0;
	}
	must(p->count <= PAUSES_MAX);
	ask(p);
	pauses_write(p, &first);
	struct pauses *again = pauses_read(buf_str(&first), &err);
	must(again != NULL && again->count == p->count);
	pauses_write(again, &second);
	must(second.len == first.len && memcmp(first.ptr, second.ptr, first.len) == 0);
	pauses_destroy(p);
	pauses_destroy(again);
	buf_finish(&first);
	buf_finish(&second);
	return 0;
}
