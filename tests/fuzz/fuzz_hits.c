/* SPDX-License-Identifier: BSD-2-Clause
 * Any bytes as the file of hits: as they are, and with a good checksum put before them. What is taken can be written, and is then
 * taken again as the same. */
#include "observe/hits.h"

#include "base/be.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str bytes)
{
	struct err err = {0};
	struct buf first = {0}, second = {0};
	struct hits_info info, again_info;
	char text[HITS_TEXT_MAX];
	bool complete = false, again_complete = false;
	struct hits *h = hits_read(bytes, &complete, &err), *again;
	const struct hit *hit;
	size_t cursor = 0;
	if (h == NULL) {
		must(err.text[0] != '\0');
		return;
	}
	hits_info(h, &info);
	must(info.count <= HITS_MAX);
	while ((hit = hits_next(h, &cursor)) != NULL) {
		must(strlen(hit_text(hit, text)) < sizeof(text) && hits_list_name(h, hit->list).len > 0);
		(void)hits_until(h, hit);
	}
	hits_write(h, complete, &first);
	again = hits_read(buf_str(&first), &again_complete, &err);
	must(again != NULL && again_complete == complete);
	hits_info(again, &again_info);
	must(memcmp(&info, &again_info, sizeof(info)) == 0);
	hits_write(again, complete, &second);
	must(second.len == first.len);
	hits_destroy(h);
	hits_destroy(again);
	buf_finish(&first);
	buf_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf sealed = {0};
	uint8_t head[16] = "SARHITS2";
	check((struct str){(const char *)data, size});
	be_put_u64(head + 8, hits_sum(data, size));
	buf_add(&sealed, head, sizeof(head));
	buf_add(&sealed, data, size);
	check(buf_str(&sealed));
	buf_finish(&sealed);
	return 0;
}
