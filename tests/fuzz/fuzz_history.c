/* SPDX-License-Identifier: BSD-2-Clause
 * Any bytes as the file of figures over time: as they are, and with a good checksum put before them. What is taken can be written,
 * and is then taken again as the same; percentiles of it are numbers. */
#include "observe/history.h"

#include "base/be.h"
#include "observe/hits.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct history *h)
{
	struct history_bucket all = {.number = -1};
	for (unsigned span = 0; span < HISTORY_SPANS; span++) {
		for (size_t i = 0; i < history_buckets[span]; i++) {
			const struct history_bucket *b = history_slot(h, span, i);
			must(b->number < 0 || history_at(h, span, b->number) == b);
			if (b->number >= 0)
				history_add(&all, b);
		}
	}
	double median = history_percentile_us(&all, 0.5), late = history_percentile_us(&all, 0.99);
	must(median >= 0 && late >= median && late < 1e9);
}

static void check(struct str bytes)
{
	struct err err = {0};
	struct buf first = {0}, second = {0};
	struct history *h = history_read(bytes, &err), *again;
	if (h == NULL) {
		must(err.text[0] != '\0');
		return;
	}
	look(h);
	history_write(h, &first);
	again = history_read(buf_str(&first), &err);
	must(again != NULL);
	history_write(again, &second);
	must(second.len == first.len && memcmp(first.ptr, second.ptr, first.len) == 0);
	history_destroy(h);
	history_destroy(again);
	buf_finish(&first);
	buf_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf sealed = {0};
	uint8_t head[16] = "SARSTAT1";
	check((struct str){(const char *)data, size});
	be_put_u64(head + 8, hits_sum(data, size));
	buf_add(&sealed, head, sizeof(head));
	buf_add(&sealed, data, size);
	check(buf_str(&sealed));
	buf_finish(&sealed);
	return 0;
}
