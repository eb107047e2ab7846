/* SPDX-License-Identifier: BSD-2-Clause
 *
 * metrics_lists.c - the families that have a sample for each list. Each list is looked up once, however many families tell of it.
 */
#include "admin/metrics.h"

#include "fetch/fetch.h"

#include <stdlib.h>

/* A list as saring.yaml names it, and what is known of it. */
struct row {
	const struct settings_list *said;
	struct policy_list list; /* when there */
	bool there;		 /* in the image: those in mode off are not */
	uint64_t blocked, would_block;
};

static void count_row(const struct report_source *s, unsigned number, struct row *row)
{
	for (size_t w = 0; number < SETTINGS_LISTS_MAX && w < s->worker_count; w++) {
		row->blocked += atomic_load_explicit(&s->counters[w]->list_blocked[number], memory_order_relaxed);
		row->would_block += atomic_load_explicit(&s->counters[w]->list_shadowed[number], memory_order_relaxed);
	}
}

static struct row *gather(const struct report_source *s, size_t *ret_count)
{
	const struct generation *g = s->generation;
	const size_t count = g->settings->list_count;
	struct row *rows = base_alloc((count + 1) * sizeof(*rows));
	struct policy_info info;
	size_t at = 0;

	policy_info(g->policy, s->now_s, &info);
	for (size_t i = 0; i < count; i++) {
		struct row *row = &rows[i];
		row->said = &g->settings->lists[i];
		row->there = row->said->mode != MODE_OFF &&
			     report_find_list(g, info.list_count, str_from(row->said->name), s->now_s, &at, &row->list);
		int number =
		    row->there ? g->list_numbers[at - 1] : generation_list_number(s->generations, str_from(row->said->name));
		if (number >= 0)
			count_row(s, (unsigned)number, row);
	}
	*ret_count = count;
	return rows;
}

/* ---- one sample ---- */

static struct openmetrics_label list_label(const char *name)
{
	return (struct openmetrics_label){"list", str_from(name)};
}

static void write_info(struct openmetrics *om, const struct row *row)
{
	const struct settings_list *said = row->said;
	enum action action = row->there ? row->list.action : said->has_action ? said->action : ACTION_BLOCK;

	openmetrics_count(om,
			  OPENMETRICS_LABELS(list_label(said->name), {"action", str_from(action_words[action])},
					     {"mode", str_from(mode_words[said->mode])},
					     {"mandatory", str_from(said->mandatory ? "true" : "false")}),
			  1);
}

/* Of a list that is not loaded, no figure is known; of one whose copy never came, no time. */
static void write_entries(struct openmetrics *om, const struct row *row)
{
	if (row->there)
		openmetrics_count(om, OPENMETRICS_LABELS(list_label(row->said->name)), row->list.entry_count);
}

static void write_in_force(struct openmetrics *om, const struct row *row)
{
	if (row->there)
		openmetrics_count(om, OPENMETRICS_LABELS(list_label(row->said->name)), row->list.in_force_count);
}

static void write_changed(struct openmetrics *om, const struct row *row)
{
	if (row->there && row->list.changed_at_s > 0)
		openmetrics_count(om, OPENMETRICS_LABELS(list_label(row->said->name)), (uint64_t)row->list.changed_at_s);
}

static void write_blocked(struct openmetrics *om, const struct row *row)
{
	openmetrics_count(om, OPENMETRICS_LABELS(list_label(row->said->name)), row->blocked);
}

static void write_would_block(struct openmetrics *om, const struct row *row)
{
	openmetrics_count(om, OPENMETRICS_LABELS(list_label(row->said->name)), row->would_block);
}

static const struct {
	enum openmetrics_type type;
	const char *name, *help;
	void (*write)(struct openmetrics *om, const struct row *row);
} families[] = {
    {OPENMETRICS_INFO, "saring_list", "The lists, as saring.yaml has them.", write_info},
    {OPENMETRICS_GAUGE, "saring_list_entries", "Entries of a list.", write_entries},
    {OPENMETRICS_GAUGE, "saring_list_entries_in_force", "Of them, those that are neither lifted, expired nor on trial.",
     write_in_force},
    {OPENMETRICS_GAUGE, "saring_list_changed_timestamp_seconds", "When the list's file was last changed, or fetched anew.",
     write_changed},
    {OPENMETRICS_COUNTER, "saring_list_blocked", "Queries blocked by an entry of a list.", write_blocked},
    {OPENMETRICS_COUNTER, "saring_list_would_block", "Queries that an entry on trial would have blocked.", write_would_block},
};

/* ---- lists that are fetched ---- */

static void write_came(struct openmetrics *om, const struct fetch_figures *f)
{
	if (f->fetched_at_s > 0)
		openmetrics_count(om, OPENMETRICS_LABELS(list_label(f->list)), (uint64_t)f->fetched_at_s);
}

static void write_asked(struct openmetrics *om, const struct fetch_figures *f)
{
	if (f->checked_at_s > 0)
		openmetrics_count(om, OPENMETRICS_LABELS(list_label(f->list)), (uint64_t)f->checked_at_s);
}

static void write_failed(struct openmetrics *om, const struct fetch_figures *f)
{
	if (f->failed_at_s > 0)
		openmetrics_count(om, OPENMETRICS_LABELS(list_label(f->list)), (uint64_t)f->failed_at_s);
}

static void write_failures(struct openmetrics *om, const struct fetch_figures *f)
{
	openmetrics_count(om, OPENMETRICS_LABELS(list_label(f->list)), f->failures);
}

static void write_current(struct openmetrics *om, const struct fetch_figures *f)
{
	openmetrics_count(om, OPENMETRICS_LABELS(list_label(f->list)), f->is_current ? 1 : 0);
}

static const struct {
	const char *name, *help;
	void (*write)(struct openmetrics *om, const struct fetch_figures *figures);
} fetch_families[] = {
    {"saring_list_fetch_up_to_date", "1 for a list with a url whose copy is what its server had when it was last asked.",
     write_current},
    {"saring_list_fetch_success_timestamp_seconds", "When what is in its copy came.", write_came},
    {"saring_list_fetch_checked_timestamp_seconds", "When its server was last asked.", write_asked},
    {"saring_list_fetch_failure_timestamp_seconds", "When the last fetch failed or was refused, until one goes well.",
     write_failed},
    {"saring_list_fetch_failures", "Fetches in a row that failed or were refused.", write_failures},
};

void metrics_write_lists(const struct metrics_source *source, struct openmetrics *om)
{
	size_t count;
	struct row *rows = gather(&source->report, &count);
	struct fetch_figures figures;

	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		openmetrics_family(om, families[f].type, families[f].name, families[f].help);
		for (size_t i = 0; i < count; i++)
			families[f].write(om, &rows[i]);
	}
	free(rows);
	for (size_t f = 0; f < ARRAY_LEN(fetch_families); f++) {
		openmetrics_family(om, OPENMETRICS_GAUGE, fetch_families[f].name, fetch_families[f].help);
		for (size_t i = 0; source->fetch != NULL && fetch_figures(source->fetch, i, &figures); i++)
			fetch_families[f].write(om, &figures);
	}
}
