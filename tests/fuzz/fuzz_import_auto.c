/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as a list of which nobody says how it is written: a segment or errors, never both; and what it was taken for gives the
 * same entries when it is said. */
#include "import/segment.h"

static size_t count_entries(const struct segment *s)
{
	struct segment_cursor cursor = {0};
	struct segment_entry entry;
	size_t count = 0;
	while (segment_next(s, &cursor, &entry))
		count++;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str text = {(const char *)data, size};
	struct segment_settings how = {.format = FORMAT_AUTO};
	struct err_list errors = {NULL, 0, 0};
	struct segment *s = segment_import(text, &how, "/list", "list", &errors);
	must((s == NULL) == (errors.count > 0));
	if (s != NULL) {
		const struct report *r = segment_report(s);
		must(r->detected && r->format == segment_format(s) && r->format != FORMAT_AUTO && r->bytes == size);
		must(count_entries(s) == segment_entry_count(s) && report_taken(r) == segment_entry_count(s));
		how.format = segment_format(s);
		struct segment *again = segment_import(text, &how, "/list", "list", &errors);
		must(again != NULL && segment_entry_count(again) == segment_entry_count(s) && errors.count == 0);
		segment_destroy(again);
	}
	segment_destroy(s);
	err_list_finish(&errors);
	return 0;
}
