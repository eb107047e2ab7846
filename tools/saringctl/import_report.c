/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/import_report.h"

#include <inttypes.h>
#include <stdio.h>

static void show_samples(const struct output *o, const struct report_count *c)
{
	for (size_t i = 0; i < MIN(c->count, (uint64_t)REPORT_SAMPLES); i++) {
		output_print(o, stdout, PAINT_NONE, "      line %u: %s", c->samples[i].line, c->samples[i].text);
		putchar('\n');
	}
}

static void show_words(const struct output *o, const struct report *r, enum left_reason reason)
{
	bool any = false;
	for (size_t i = 0; i < r->word_count; i++) {
		if (r->words[i].reason != reason)
			continue;
		output_print(o, stdout, PAINT_NONE, "%s%s %" PRIu64, any ? ", " : "      of them: ", r->words[i].word,
			     r->words[i].count);
		any = true;
	}
	if (any)
		putchar('\n');
}

static void show_taken(const struct output *o, const struct report *r)
{
	output_print(o, stdout, PAINT_NONE, "  taken     %" PRIu64, report_taken(r));
	for (size_t i = 0; i < ARRAY_LEN(r->taken); i++)
		if (r->taken[i] > 0)
			output_print(o, stdout, PAINT_NONE, ", %s %" PRIu64, match_words[i], r->taken[i]);
	if (r->taken_allow > 0)
		output_print(o, stdout, PAINT_NONE, "; allow rules %" PRIu64, r->taken_allow);
	putchar('\n');
}

void import_report_show(const struct output *o, const struct report *r)
{
	output_print(o, stdout, PAINT_NONE, "  read as   %s%s, %" PRIu64 " lines, %" PRIu64 " of them comments or blank",
		     format_words[r->format], r->detected ? " (detected)" : "", r->lines, r->comments);
	putchar('\n');
	show_taken(o, r);
	for (size_t i = 0; i < CHANGE_KIND_COUNT; i++) {
		if (r->changed[i].count == 0)
			continue;
		output_print(o, stdout, PAINT_NONE, "  changed   %" PRIu64 ": %s", r->changed[i].count, change_words[i]);
		putchar('\n');
		show_samples(o, &r->changed[i]);
	}
	for (size_t i = 0; i < LEFT_REASON_COUNT; i++) {
		if (r->left[i].count == 0)
			continue;
		output_print(o, stdout, PAINT_WARN, "  left out  %" PRIu64 ": %s", r->left[i].count, left_words[i]);
		putchar('\n');
		show_words(o, r, (enum left_reason)i);
		show_samples(o, &r->left[i]);
	}
}
