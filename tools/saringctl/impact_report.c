/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/impact_report.h"

#include "base/str.h"
#include "ctl/proto.h"

#include <stdlib.h>

#define SHOWN_LINES 20 /* of each kind, for people */

static const char *const care_words[CARE_COUNT] = {
    [CARE_LIST_HOST] = "list host",
    [CARE_ROUTE] = "route",
    [CARE_PROTECTED] = "protected",
};

/* Of all queries, in percent. */
static double share(const struct impact_told *t, uint64_t queries)
{
	return t->day.queries == 0 ? 0 : 100.0 * (double)queries / (double)t->day.queries;
}

static json_t *name_json(const struct name *name)
{
	char text[NAME_TEXT_MAX];
	return ctl_text(str_from(name_to_text(name, text)));
}

/* ---- for programs ---- */

static json_t *names_json(const struct impact_told *t, const struct impact_sum *sum)
{
	json_t *all = json_array();
	for (size_t i = 0; i < MIN(sum->name_count, (size_t)IMPACT_SHOWN); i++) {
		const struct day_name *n = &t->day.names[sum->names[i]];
		json_t *one = json_pack("{s:o, s:I, s:I, s:I}", "name", name_json(&n->name), "queries", (json_int_t)n->count,
					"error", (json_int_t)n->error, "clients", (json_int_t)n->clients);
		must(one != NULL && json_array_append_new(all, one) == 0);
	}
	return all;
}

static json_t *entries_json(const struct impact *im)
{
	json_t *all = json_array();
	for (size_t i = 0; i < im->top_count; i++) {
		json_t *one = json_pack("{s:o, s:s, s:I}", "entry", name_json(&im->top[i].name), "match",
					match_words[im->top[i].match], "queries_at_most", (json_int_t)im->top[i].most);
		must(one != NULL && json_array_append_new(all, one) == 0);
	}
	return all;
}

static json_t *traffic_json(const struct impact_told *t)
{
	if (!t->has_day)
		return json_null();
	const struct impact_sum *sum = &t->sum;
	json_t *hit = json_pack("{s:I, s:I, s:f, s:f, s:I, s:I, s:o, s:o}", "queries_at_least", (json_int_t)sum->least,
				"queries_at_most", (json_int_t)sum->most, "percent_at_least", share(t, sum->least),
				"percent_at_most", share(t, sum->most), "clients", (json_int_t)t->clients, "name_count",
				(json_int_t)sum->name_count, "names", names_json(t, sum), "entries", entries_json(&t->impact));
	must(hit != NULL);
	json_t *all = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "since", t->day.since, "until", t->day.until, "sampled",
				(json_int_t)t->day.sampled, "lost", (json_int_t)t->day.lost, "queries", (json_int_t)t->day.queries,
				"clients", (json_int_t)t->day.clients, "hit", hit);
	must(all != NULL);
	return all;
}

static json_t *suffixes_json(const struct impact *im)
{
	json_t *all = json_array();
	for (size_t i = 0; i < MIN(im->suffix_count, (size_t)IMPACT_SHOWN); i++)
		must(json_array_append_new(all, name_json(&im->suffixes[i])) == 0);
	return all;
}

/* Those hit; the first are kept in ret, all are counted. */
struct popular_hit {
	struct name name, by;
	uint32_t rank;
};
static size_t popular_hits(const struct impact_told *t, struct popular_hit ret[IMPACT_SHOWN])
{
	struct popular_cursor cursor = {0};
	struct popular_hit one;
	size_t count = 0;
	while (t->has_popular && popular_next(&t->popular, &cursor, &one.name, &one.rank)) {
		if (!covered_is(&t->impact.covered, &one.name, &one.by))
			continue;
		if (count < IMPACT_SHOWN)
			ret[count] = one;
		count++;
	}
	return count;
}

static json_t *popular_json(const struct impact_told *t, size_t *ret_count)
{
	struct popular_hit *hits = base_alloc(IMPACT_SHOWN * sizeof(*hits));
	json_t *all = json_array();
	*ret_count = popular_hits(t, hits);
	for (size_t i = 0; i < MIN(*ret_count, (size_t)IMPACT_SHOWN); i++) {
		json_t *one = json_pack("{s:o, s:I, s:o}", "name", name_json(&hits[i].name), "rank", (json_int_t)hits[i].rank,
					"entry", name_json(&hits[i].by));
		must(one != NULL && json_array_append_new(all, one) == 0);
	}
	free(hits);
	return all;
}

static json_t *cares_json(const struct impact *im)
{
	json_t *all = json_array();
	struct name by;
	for (size_t i = 0; i < im->care_count; i++) {
		const struct care_name *c = &im->cares[i];
		if (!covered_is(&im->covered, &c->name, &by))
			continue;
		json_t *one = json_pack("{s:o, s:s, s:o, s:o}", "name", name_json(&c->name), "why", care_words[c->why], "list",
					ctl_text(str_from(c->list)), "entry", name_json(&by));
		must(one != NULL && json_array_append_new(all, one) == 0);
	}
	return all;
}

static void report_json(const struct impact_told *t)
{
	const struct impact *im = &t->impact;
	size_t popular_count;
	json_t *popular = popular_json(t, &popular_count);
	json_t *left = json_pack("{s:I, s:I, s:I}", "allow", (json_int_t)im->left_allow, "no_longer_in_force",
				 (json_int_t)im->left_over, "no_names", (json_int_t)im->left_other);
	must(left != NULL);
	json_t *all =
	    json_pack("{s:I, s:o, s:o, s:I, s:o, s:o, s:I, s:o}", "names", (json_int_t)im->names, "left_out", left, "traffic",
		      traffic_json(t), "public_suffix_count", (json_int_t)im->suffix_count, "public_suffixes", suffixes_json(im),
		      "popular", popular, "popular_count", (json_int_t)popular_count, "own", cares_json(im));
	must(all != NULL);
	output_json(all);
	json_decref(all);
}

/* ---- for people ---- */

static void show_entries(const struct output *o, const struct impact *im)
{
	char figure[FIGURE_MAX];
	output_print(o, stdout, PAINT_HEAD, "%s", figure_count((int64_t)im->names, "name", "names", figure));
	if (im->left_allow + im->left_over + im->left_other > 0)
		output_print(
		    o, stdout, PAINT_NONE, " (left out: %llu that allow, %llu no longer in force, %llu patterns or addresses)",
		    (unsigned long long)im->left_allow, (unsigned long long)im->left_over, (unsigned long long)im->left_other);
	putchar('\n');
}

static void show_hit_names(const struct output *o, const struct impact_told *t, const struct impact_sum *sum)
{
	static const struct column columns[] = {{"QUERIES", true, false}, {"CLIENTS", true, false}, {"NAME", false, true}};
	char text[NAME_TEXT_MAX];
	if (sum->name_count == 0)
		return;
	fputs("\nNames that were asked for most, of those hit:\n", stdout);
	struct table *table = table_create(o, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < MIN(sum->name_count, (size_t)SHOWN_LINES); i++) {
		const struct day_name *n = &t->day.names[sum->names[i]];
		table_row(table);
		table_number(table, 0, (int64_t)n->count);
		table_number(table, 1, (int64_t)n->clients);
		table_cell(table, 2, PAINT_NONE, name_to_text(&n->name, text));
	}
	table_finish(table);
	if (sum->name_count > SHOWN_LINES)
		printf("... and %zu more\n", sum->name_count - SHOWN_LINES);
}

static void show_hit_entries(const struct output *o, const struct impact *im)
{
	static const struct column columns[] = {{"AT MOST", true, false}, {"MATCH", false, false}, {"ENTRY", false, true}};
	char text[NAME_TEXT_MAX];
	if (im->top_count == 0)
		return;
	fputs("\nEntries that would hit most, in queries:\n", stdout);
	struct table *table = table_create(o, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < MIN(im->top_count, (size_t)SHOWN_LINES); i++) {
		table_row(table);
		table_number(table, 0, (int64_t)im->top[i].most);
		table_cell(table, 1, PAINT_NONE, match_words[im->top[i].match]);
		table_cell(table, 2, PAINT_NONE, name_to_text(&im->top[i].name, text));
	}
	table_finish(table);
}

static void show_traffic(const struct output *o, const struct impact_told *t)
{
	if (!t->has_day)
		return;
	const struct impact_sum *sum = &t->sum;
	output_linef(o, "traffic", "%llu queries of about %llu clients since %s", (unsigned long long)t->day.queries,
		     (unsigned long long)t->day.clients, t->day.since);
	if (sum->least == sum->most)
		output_linef(o, "would hit", "%llu queries (%.2f %% of all), of about %llu clients", (unsigned long long)sum->most,
			     share(t, sum->most), (unsigned long long)t->clients);
	else
		output_linef(o, "would hit", "%llu to %llu queries (%.2f to %.2f %% of all), of about %llu clients or more",
			     (unsigned long long)sum->least, (unsigned long long)sum->most, share(t, sum->least),
			     share(t, sum->most), (unsigned long long)t->clients);
	show_hit_names(o, t, sum);
	show_hit_entries(o, &t->impact);
}

static void show_suffixes(const struct output *o, const struct impact *im)
{
	char text[NAME_TEXT_MAX];
	if (im->suffix_count == 0)
		return;
	putchar('\n');
	output_print(o, stdout, PAINT_BAD, "Public suffixes");
	output_print(o, stdout, PAINT_NONE, ", below which all names would be blocked:");
	for (size_t i = 0; i < MIN(im->suffix_count, (size_t)SHOWN_LINES); i++)
		output_print(o, stdout, PAINT_NONE, " %s", name_to_text(&im->suffixes[i], text));
	if (im->suffix_count > SHOWN_LINES)
		output_print(o, stdout, PAINT_NONE, " ... and %zu more", im->suffix_count - SHOWN_LINES);
	putchar('\n');
}

static void show_popular(const struct output *o, const struct impact_told *t)
{
	static const struct column columns[] = {{"RANK", true, false}, {"NAME", false, true}, {"ENTRY", false, true}};
	struct popular_hit *hits = base_alloc(IMPACT_SHOWN * sizeof(*hits));
	const size_t count = popular_hits(t, hits);
	char text[NAME_TEXT_MAX];
	if (count > 0) {
		putchar('\n');
		output_print(o, stdout, PAINT_WARN, "Popular names:");
		putchar('\n');
		struct table *table = table_create(o, columns, ARRAY_LEN(columns));
		for (size_t i = 0; i < MIN(count, (size_t)SHOWN_LINES); i++) {
			table_row(table);
			table_number(table, 0, hits[i].rank);
			table_cell(table, 1, PAINT_NONE, name_to_text(&hits[i].name, text));
			table_cell(table, 2, PAINT_NONE, name_to_text(&hits[i].by, text));
		}
		table_finish(table);
		if (count > SHOWN_LINES)
			printf("... and %zu more\n", count - SHOWN_LINES);
	}
	free(hits);
}

static void show_cares(const struct output *o, const struct impact *im)
{
	char name[NAME_TEXT_MAX], entry[NAME_TEXT_MAX];
	struct name by;
	bool first = true;
	for (size_t i = 0; i < im->care_count; i++) {
		const struct care_name *c = &im->cares[i];
		if (!covered_is(&im->covered, &c->name, &by))
			continue;
		if (first)
			putchar('\n');
		first = false;
		output_print(o, stdout, PAINT_BAD, "%s", name_to_text(&c->name, name));
		switch (c->why) {
		case CARE_LIST_HOST:
			output_print(o, stdout, PAINT_NONE, ", from which the list '%s' is fetched,", c->list);
			break;
		case CARE_ROUTE:
			output_print(o, stdout, PAINT_NONE, ", a zone that has servers of its own here,");
			break;
		case CARE_PROTECTED:
			output_print(o, stdout, PAINT_NONE, ", which is protected,");
			break;
		case CARE_COUNT:
			break;
		}
		output_print(o, stdout, PAINT_NONE, " would be blocked by the entry %s", name_to_text(&by, entry));
		putchar('\n');
	}
}

void impact_report(const struct output *o, const struct impact_told *told)
{
	if (o->json) {
		report_json(told);
		return;
	}
	show_entries(o, &told->impact);
	show_traffic(o, told);
	show_suffixes(o, &told->impact);
	show_popular(o, told);
	show_cares(o, &told->impact);
}
