/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as the Accept header of whoever comes to the endpoint of metrics, and as a label's value: what is written for that is
 * one line of UTF-8 whose quotation marks are where they belong. */
#include <stdint.h>
#include <string.h>

#include "observe/openmetrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char before[] = "x{l=\"", after[] = "\"} 1\n";
	struct str any = {(const char *)data, size};
	enum openmetrics_format format = openmetrics_choose(any);
	struct buf text = {0};
	struct openmetrics om = {.format = format, .out = &text, .type = OPENMETRICS_GAUGE, .name = "x"};

	must(format == OPENMETRICS_TEXT || format == OPENMETRICS_1_0);
	openmetrics_count(&om, OPENMETRICS_LABELS({"l", any}), 1);
	must(text.len >= strlen(before) + strlen(after) && strncmp(text.ptr, before, strlen(before)) == 0);
	must(strcmp(text.ptr + text.len - strlen(after), after) == 0 && str_is_utf8(buf_str(&text)));
	for (size_t i = strlen(before); i < text.len - strlen(after); i++) {
		must(text.ptr[i] != '"' && text.ptr[i] != '\n');
		if (text.ptr[i] != '\\')
			continue;
		i++;
		must(i < text.len - strlen(after) && (text.ptr[i] == '\\' || text.ptr[i] == '"' || text.ptr[i] == 'n'));
	}
	buf_finish(&text);
	return 0;
}
