/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/fact.h"

const char *const fact_verdict_words[] = {
    [FACT_NONE] = "none", [FACT_ALLOWED] = "allowed", [FACT_BLOCKED] = "blocked", [FACT_WOULD_BLOCK] = "would-block"};

const char *fact_entry(const struct fact *f, char buf[HITS_TEXT_MAX])
{
	return f->hit == NULL ? NULL : hit_text(f->hit, buf);
}
