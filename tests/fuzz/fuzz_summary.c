/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes as what saring-compile says to the daemon: the summary of a compile, and the report of a probe. It reads lists that
 * strangers wrote, so its words are taken for a stranger's: what is made of them is whole, and a list is judged only as the rules
 * have it. */
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "fetch/guard.h"
#include "jobs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_summary(struct str text)
{
	struct job_result r = {.bulk = job_bulk_words[JOB_BULK_NONE]};
	if (job_summary_parse(text, &r)) {
		bool known = false;
		for (size_t i = 0; job_bulk_words[i] != NULL; i++)
			known = known || r.bulk == job_bulk_words[i];
		must(known && (r.ok || r.errors.count > 0) && r.errors.count <= ERR_LIST_MAX);
	}
	for (size_t i = 0; i < r.errors.count; i++)
		must(memchr(r.errors.items[i].text, '\0', sizeof(r.errors.items[i].text)) != NULL);
	job_result_finish(&r);
}

static void check_probe(struct str text)
{
	static const struct fetch_rules rules[] = {
	    {.force = true}, {.max_change_percent = 50}, {.max_change_percent = 50, .compare = true, .old_taken = 1000}};
	struct fetch_counts counts;
	char why[FETCH_WHY_MAX];
	if (!fetch_counts_parse(text, &counts))
		return;
	must(memchr(counts.why, '\0', sizeof(counts.why)) != NULL && memchr(counts.format, '\0', sizeof(counts.format)) != NULL);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		why[0] = '\0';
		bool taken = fetch_judge(&counts, &rules[i], why);
		must(taken ? !counts.refused : why[0] != '\0');
		must(!rules[i].force || taken == !counts.refused);
		must(memchr(why, '\0', sizeof(why)) != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	check_summary(text);
	check_probe(text);
	return 0;
}
