/* SPDX-License-Identifier: BSD-2-Clause */
#include "import_real.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

struct segment *import_real(import_reader *reader, enum format format, const char *name, const struct segment_settings *settings)
{
	const char *dir = getenv("SARING_LISTS");
	struct buf path = {0}, command = {0}, text = {0};
	char chunk[65536];
	buf_printf(&path, "%s/%s.gz", dir == NULL ? "" : dir, name);
	if (dir == NULL || access(path.ptr, R_OK) != 0) {
		print_message("SARING_LISTS names no folder with %s.gz: skipped\n", name);
		buf_finish(&path);
		skip();
	}
	buf_printf(&command, "gzip -dc '%s'", path.ptr);
	FILE *pipe = popen(command.ptr, "r"); /* NOLINT(cert-env33-c): a test's own command */
	assert_non_null(pipe);
	for (size_t got; (got = fread(chunk, 1, sizeof(chunk), pipe)) > 0;)
		buf_add(&text, chunk, got);
	assert_int_equal(pclose(pipe), 0);
	struct segment *segment = import_fixture_segment(reader, format, buf_str(&text), settings);
	buf_finish(&path);
	buf_finish(&command);
	buf_finish(&text);
	return segment;
}
