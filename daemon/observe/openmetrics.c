/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/openmetrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define LABELS_MAX 4
#define WEIGHT_MAX 1000

const char *const openmetrics_content_types[] = {
    [OPENMETRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
    [OPENMETRICS_1_0] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/* ---- what a reader wants ---- */

/* "0.75" in thousandths; what is no weight weighs nothing. */
static unsigned weight(struct str text)
{
	unsigned value = 0, unit = WEIGHT_MAX;
	bool dot = false;

	if (text.len == 0)
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '.' && !dot) {
			dot = true;
			continue;
		}
		if (c < '0' || c > '9' || (!dot && i > 0))
			return 0;
		if (dot)
			unit /= 10;
		value += (unsigned)(c - '0') * unit;
	}
	return MIN(value, (unsigned)WEIGHT_MAX);
}

/* One media range with its parameters. */
struct range {
	struct str type, version;
	unsigned weight;
};

static struct range range_of(struct str text)
{
	struct range r = {.weight = WEIGHT_MAX};

	r.type = str_trim(str_cut(&text, ';'));
	while (text.ptr != NULL) {
		struct str value = str_cut(&text, ';');
		struct str key = str_trim(str_cut(&value, '='));
		value = str_trim(value.ptr == NULL ? (struct str){"", 0} : value);
		if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
			value = (struct str){value.ptr + 1, value.len - 2};
		if (str_eq_nocase(key, STR_LIT("q")))
			r.weight = weight(value);
		else if (str_eq_nocase(key, STR_LIT("version")))
			r.version = value;
	}
	return r;
}

enum openmetrics_format openmetrics_choose(struct str accept)
{
	unsigned plain = 0, open = 0;

	while (accept.ptr != NULL) {
		struct range r = range_of(str_cut(&accept, ','));
		if (str_eq_nocase(r.type, STR_LIT("application/openmetrics-text"))) {
			if (r.version.ptr == NULL || str_eq_c(r.version, "1.0.0"))
				open = MAX(open, r.weight);
		} else if (str_eq_nocase(r.type, STR_LIT("text/plain"))) {
			if (r.version.ptr == NULL || str_eq_c(r.version, "0.0.4"))
				plain = MAX(plain, r.weight);
		}
	}
	return open > 0 && open >= plain ? OPENMETRICS_1_0 : OPENMETRICS_TEXT;
}

/* ---- writing ---- */

static bool ends_with(const char *name, const char *tail)
{
	size_t len = strlen(name), tail_len = strlen(tail);
	return len > tail_len && strcmp(name + len - tail_len, tail) == 0;
}

static const char *suffix(enum openmetrics_type type)
{
	switch (type) {
	case OPENMETRICS_COUNTER:
		return "_total";
	case OPENMETRICS_INFO:
		return "_info";
	case OPENMETRICS_GAUGE:
	case OPENMETRICS_HISTOGRAM:
		break;
	}
	return "";
}

static const char *type_word(const struct openmetrics *om, enum openmetrics_type type)
{
	switch (type) {
	case OPENMETRICS_COUNTER:
		return "counter";
	case OPENMETRICS_INFO:
		return om->format == OPENMETRICS_1_0 ? "info" : "gauge";
	case OPENMETRICS_HISTOGRAM:
		return "histogram";
	case OPENMETRICS_GAUGE:
		break;
	}
	return "gauge";
}

void openmetrics_family(struct openmetrics *om, enum openmetrics_type type, const char *name, const char *help)
{
	const char *tail = om->format == OPENMETRICS_1_0 ? "" : suffix(type);

	om->type = type;
	om->name = name;
	buf_printf(om->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, tail, help, name, tail, type_word(om, type));
	if (om->format == OPENMETRICS_1_0 && type != OPENMETRICS_INFO) {
		const char *unit = ends_with(name, "_seconds") ? "seconds" : ends_with(name, "_bytes") ? "bytes" : NULL;
		if (unit != NULL)
			buf_printf(om->out, "# UNIT %s %s\n", name, unit);
	}
}

/* Of a piece of a label's value: what stands for it, where it is not itself. */
static const char *escaped(size_t len, uint32_t c)
{
	if (c == '\\')
		return "\\\\";
	if (c == '"')
		return "\\\"";
	if (c == '\n')
		return "\\n";
	return len == 0 || str_is_hidden(c) ? "?" : NULL;
}

static void add_value(struct buf *out, struct str value)
{
	while (value.len > 0) {
		uint32_t c = 0;
		size_t len = str_utf8_first(value, &c);
		const char *instead = escaped(len, c);
		len = MAX(len, (size_t)1);
		if (instead != NULL)
			buf_add_c(out, instead);
		else
			buf_add(out, value.ptr, len);
		value = (struct str){value.ptr + len, value.len - len};
	}
}

static void begin_sample(struct openmetrics *om, const char *tail, const struct openmetrics_label *labels, size_t count)
{
	buf_add_c(om->out, om->name);
	buf_add_c(om->out, tail);
	for (size_t i = 0; i < count; i++) {
		buf_add_c(om->out, i == 0 ? "{" : ",");
		buf_add_c(om->out, labels[i].name);
		buf_add_c(om->out, "=\"");
		add_value(om->out, labels[i].value);
		buf_add_c(om->out, "\"");
	}
	buf_add_c(om->out, count > 0 ? "} " : " ");
}

void openmetrics_count(struct openmetrics *om, const struct openmetrics_label *labels, size_t count, uint64_t value)
{
	begin_sample(om, suffix(om->type), labels, count);
	buf_printf(om->out, "%" PRIu64 "\n", value);
}

void openmetrics_real(struct openmetrics *om, const struct openmetrics_label *labels, size_t count, double value)
{
	begin_sample(om, suffix(om->type), labels, count);
	buf_printf(om->out, "%.9g\n", isfinite(value) ? value : 0.0);
}

void openmetrics_text(struct openmetrics *om, const char *value)
{
	begin_sample(om, suffix(om->type), OPENMETRICS_BARE);
	buf_printf(om->out, "%s\n", value);
}

void openmetrics_latency(struct openmetrics *om, const struct openmetrics_label *labels, size_t count,
			 const struct latency_sum *latency)
{
	struct openmetrics_label all[LABELS_MAX];
	uint64_t so_far = 0;

	must(count < LABELS_MAX && om->type == OPENMETRICS_HISTOGRAM);
	for (size_t i = 0; i < count; i++)
		all[i] = labels[i];
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		so_far += latency->counts[i];
		all[count] = (struct openmetrics_label){"le", str_from(i < LATENCY_BOUNDS ? latency_bounds_s[i] : "+Inf")};
		begin_sample(om, "_bucket", all, count + 1);
		buf_printf(om->out, "%" PRIu64 "\n", so_far);
	}
	begin_sample(om, "_sum", labels, count);
	buf_printf(om->out, "%" PRIu64 ".%06" PRIu64 "\n", latency->sum_us / 1000000, latency->sum_us % 1000000);
	begin_sample(om, "_count", labels, count);
	buf_printf(om->out, "%" PRIu64 "\n", so_far);
}

void openmetrics_counter(struct openmetrics *om, const char *name, const char *help, uint64_t value)
{
	openmetrics_family(om, OPENMETRICS_COUNTER, name, help);
	openmetrics_count(om, OPENMETRICS_BARE, value);
}

void openmetrics_gauge(struct openmetrics *om, const char *name, const char *help, uint64_t value)
{
	openmetrics_family(om, OPENMETRICS_GAUGE, name, help);
	openmetrics_count(om, OPENMETRICS_BARE, value);
}

void openmetrics_gauge_real(struct openmetrics *om, const char *name, const char *help, double value)
{
	openmetrics_family(om, OPENMETRICS_GAUGE, name, help);
	openmetrics_real(om, OPENMETRICS_BARE, value);
}

void openmetrics_end(struct openmetrics *om)
{
	if (om->format == OPENMETRICS_1_0)
		buf_add_c(om->out, "# EOF\n");
}
