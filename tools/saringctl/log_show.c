/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/log_show.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 48 /* of a column: what is longer pushes its own line only */

enum {
	COLUMN_TIME,
	COLUMN_CLIENT,
	COLUMN_NAME,
	COLUMN_TYPE,
	COLUMN_VERDICT,
	COLUMN_ENTRY,
	COLUMN_RCODE,
	COLUMN_TOOK,
	COLUMN_SERVER
};

static const struct column columns[LOG_COLUMNS] = {
    [COLUMN_TIME] = {"TIME", false, false},	  [COLUMN_CLIENT] = {"CLIENT", false, false},
    [COLUMN_NAME] = {"NAME", false, true},	  [COLUMN_TYPE] = {"TYPE", false, false},
    [COLUMN_VERDICT] = {"VERDICT", false, false}, [COLUMN_ENTRY] = {"LIST", false, true},
    [COLUMN_RCODE] = {"RCODE", false, false},	  [COLUMN_TOOK] = {"TOOK", true, false},
    [COLUMN_SERVER] = {"UPSTREAM", false, false}};

char *log_took(int64_t us, char buf[LOG_TOOK_MAX])
{
	if (us < 1000)
		(void)snprintf(buf, LOG_TOOK_MAX, "%lld us", (long long)us);
	else if (us < 1000000)
		(void)snprintf(buf, LOG_TOOK_MAX, "%.1f ms", (double)us / 1000);
	else
		(void)snprintf(buf, LOG_TOOK_MAX, "%.1f s", (double)us / 1000000);
	return buf;
}

/* What became of it: what an entry made of it, or else where its answer came from. */
static const char *verdict_of(const json_t *query)
{
	const char *verdict = field_text(query, "verdict");
	return strcmp(verdict, "none") == 0 ? field_text(query, "fate") : verdict;
}

static enum paint paint_of(const char *verdict)
{
	static const struct {
		const char *word;
		enum paint paint;
	} paints[] = {{"blocked", PAINT_BAD},  {"would-block", PAINT_WARN}, {"allowed", PAINT_GOOD},
		      {"refused", PAINT_WARN}, {"dropped", PAINT_WARN},	    {"failed", PAINT_WARN}};
	for (size_t i = 0; i < ARRAY_LEN(paints); i++)
		if (strcmp(verdict, paints[i].word) == 0)
			return paints[i].paint;
	return PAINT_NONE;
}

/* "ads: ads.example.com"; an entry that says nothing beside the name asked is left out. Owned by the caller. */
static char *entry_of(const json_t *query)
{
	const char *list = field_text(query, "list"), *entry = field_text(query, "entry");
	char *text = NULL;
	bool says = entry[0] != '\0' && strcmp(entry, field_text(query, "name")) != 0;
	must(asprintf(&text, "%s%s%s", list, says ? ": " : "", says ? entry : "") >= 0);
	return text;
}

static const char *or_dash(const char *text)
{
	return text[0] == '\0' ? "-" : text;
}

struct cells {
	char time[32], took[LOG_TOOK_MAX];
	char *entry; /* owned */
	const char *texts[LOG_COLUMNS];
};

static void cells_fill(struct cells *c, const json_t *query)
{
	(void)snprintf(c->time, sizeof(c->time), "%.23s", field_text(query, "time")); /* to the millisecond */
	c->entry = entry_of(query);
	c->texts[COLUMN_TIME] = c->time;
	c->texts[COLUMN_CLIENT] = or_dash(field_text(query, "client"));
	c->texts[COLUMN_NAME] = or_dash(field_text(query, "name"));
	c->texts[COLUMN_TYPE] = or_dash(field_text(query, "type"));
	c->texts[COLUMN_VERDICT] = verdict_of(query);
	c->texts[COLUMN_ENTRY] = or_dash(c->entry);
	c->texts[COLUMN_RCODE] = or_dash(field_text(query, "rcode"));
	c->texts[COLUMN_TOOK] = log_took(field_int(query, "took_us"), c->took);
	c->texts[COLUMN_SERVER] = or_dash(field_text(query, "upstream"));
}

void log_show_table(const struct output *o, const json_t *queries)
{
	size_t i;
	const json_t *query;
	struct table *t = table_create(o, columns, LOG_COLUMNS);
	json_array_foreach(queries, i, query)
	{
		struct cells c;
		cells_fill(&c, query);
		table_row(t);
		for (size_t k = 0; k < LOG_COLUMNS; k++)
			table_cell(t, k, k == COLUMN_VERDICT ? paint_of(c.texts[k]) : PAINT_NONE, c.texts[k]);
		free(c.entry);
	}
	table_finish(t);
}

static void put_line(const struct output *o, struct log_lines *lines, const char *const texts[LOG_COLUMNS], enum paint paint)
{
	for (size_t k = 0; k < LOG_COLUMNS; k++) {
		int width = (int)MIN(strlen(texts[k]), (size_t)WIDTH_MAX);
		lines->widths[k] = MAX(lines->widths[k], width);
		if (k == LOG_COLUMNS - 1)
			output_print(o, stdout, PAINT_NONE, "%s", texts[k]);
		else if (columns[k].right)
			output_print(o, stdout, PAINT_NONE, "%*s ", lines->widths[k], texts[k]);
		else
			output_print(o, stdout, k == COLUMN_VERDICT ? paint : PAINT_NONE, "%-*s ", lines->widths[k], texts[k]);
	}
	putchar('\n');
}

void log_show_line(const struct output *o, struct log_lines *lines, const json_t *query)
{
	struct cells c;
	if (!lines->begun) { /* wide enough for what is usual, so that columns seldom move */
		static const int usual[LOG_COLUMNS] = {23, 15, 30, 5, 11, 16, 8, 8, 0};
		memcpy(lines->widths, usual, sizeof(usual));
		lines->begun = true;
	}
	cells_fill(&c, query);
	put_line(o, lines, c.texts, paint_of(c.texts[COLUMN_VERDICT]));
	free(c.entry);
}
