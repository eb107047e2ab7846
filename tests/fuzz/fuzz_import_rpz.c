/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz_import_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_import_text(import_rpz, FORMAT_RPZ, data, size);
	return 0;
}
