/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/zone.h"

#include "base/file.h"
#include "wire/reader.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S INT64_C(86400)
#define TRANSITIONS_MAX 4096 /* a file has some 200 */
#define TYPES_MAX 256
#define OFFSET_MAX_S (26 * 3600) /* RFC 8536 §3.2: -25 to 26 hours */
#define RULE_TIME_MAX_H 167	 /* RFC 8536 §3.3.1 */
#define NAME_LEN_MAX_ZONE 64
#define LOCALTIME "/etc/localtime"
#define TIME_MAX_S (INT64_C(1) << 40) /* no clock is that wrong: 35,000 years */

/* When a year's daylight saving time begins, or ends, by the clock on the wall before it does. */
struct change {
	enum { CHANGE_WEEKDAY, CHANGE_JULIAN, CHANGE_DAY } kind;
	unsigned month, week,
	    day; /* WEEKDAY: week 5 is the last; day 0 is Sunday. JULIAN: 1 to 365, never 29 February. DAY: 0 to 365 */
	int32_t time_s;
};

/* What POSIX's TZ says. */
struct rule {
	int32_t standard_s, saving_s; /* east of UTC */
	bool saves;
	struct change begins, ends;
};

struct transition {
	int64_t at_s;
	int32_t offset_s; /* from then on */
};

struct time_zone {
	int32_t first_s; /* before all transitions */
	const struct transition *transitions;
	size_t count;
	bool has_rule; /* behind the last transition */
	struct rule rule;
};

/* --- days --- */

int64_t zone_day_of(int64_t year, unsigned month, unsigned day)
{
	const int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
	const int64_t of_era = y - era * 400, of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t floor_day(int64_t s)
{
	return s >= 0 ? s / DAY_S : -((-s + DAY_S - 1) / DAY_S);
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t year_of(int64_t at_s)
{
	const int64_t day = floor_day(at_s);
	int64_t year = 1970 + day * 400 / 146097;
	while (zone_day_of(year, 1, 1) > day)
		year--;
	while (zone_day_of(year + 1, 1, 1) <= day)
		year++;
	return year;
}

/* --- rules --- */

static int64_t change_day(const struct change *c, int64_t year)
{
	const int64_t first = zone_day_of(year, 1, 1);
	switch (c->kind) {
	case CHANGE_JULIAN:
		return first + c->day - 1 + (is_leap(year) && c->day >= 60);
	case CHANGE_DAY:
		return first + c->day;
	case CHANGE_WEEKDAY:
		break;
	}
	const int64_t month = zone_day_of(year, c->month, 1);
	const int64_t next = c->month == 12 ? zone_day_of(year + 1, 1, 1) : zone_day_of(year, c->month + 1, 1);
	const unsigned weekday = (unsigned)((month % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
	int64_t day = month + (c->day + 7 - weekday) % 7 + 7 * ((int64_t)c->week - 1);
	while (day >= next)
		day -= 7;
	return day;
}

/* The two events of a year. Those of one year may lie among those of another. */
static void rule_events(const struct rule *r, int64_t year, struct transition ret[2])
{
	ret[0] = (struct transition){change_day(&r->begins, year) * DAY_S + r->begins.time_s - r->standard_s, r->saving_s};
	ret[1] = (struct transition){change_day(&r->ends, year) * DAY_S + r->ends.time_s - r->saving_s, r->standard_s};
}

/* The last event tells, which may be one that a year put off into the next one. Where the end of one year's is the beginning of the
 * next one's it is saved all the time. */
static int32_t rule_offset(const struct rule *r, int64_t at_s)
{
	const int64_t year = year_of(at_s);
	struct transition last = {INT64_MIN, r->standard_s};
	for (int64_t y = year - 2; r->saves && y <= year + 1; y++) {
		struct transition events[2];
		rule_events(r, y, events);
		for (unsigned i = 0; i < 2; i++) {
			const bool later = events[i].at_s > last.at_s || (events[i].at_s == last.at_s && i == 0);
			if (events[i].at_s <= at_s && later)
				last = events[i];
		}
	}
	return last.offset_s;
}

static int64_t rule_next(const struct rule *r, int64_t at_s)
{
	const int64_t year = year_of(at_s);
	int64_t next_s = ZONE_NEVER;
	for (int64_t y = year - 2; r->saves && y <= year + 2; y++) {
		struct transition events[2];
		rule_events(r, y, events);
		for (unsigned i = 0; i < 2; i++)
			if (events[i].at_s > at_s && events[i].at_s < next_s)
				next_s = events[i].at_s;
	}
	return next_s;
}

/* --- POSIX's text --- */

static bool take_number(struct str *at, unsigned max, unsigned *ret)
{
	size_t digits = 0;
	*ret = 0;
	for (; digits < at->len && digits < 4 && at->ptr[digits] >= '0' && at->ptr[digits] <= '9'; digits++)
		*ret = *ret * 10 + (unsigned)(at->ptr[digits] - '0');
	at->ptr += digits;
	at->len -= digits;
	return digits > 0 && *ret <= max;
}

static bool take_char(struct str *at, char c)
{
	if (at->len == 0 || at->ptr[0] != c)
		return false;
	at->ptr++;
	at->len--;
	return true;
}

/* [+-]HOURS[:MINUTES[:SECONDS]] */
static bool take_time(struct str *at, unsigned hours_max, int32_t *ret_s)
{
	const bool minus = take_char(at, '-');
	unsigned hours, minutes = 0, seconds = 0;
	if (!minus)
		(void)take_char(at, '+');
	if (!take_number(at, hours_max, &hours) ||
	    (take_char(at, ':') && (!take_number(at, 59, &minutes) || (take_char(at, ':') && !take_number(at, 59, &seconds)))))
		return false;
	*ret_s = (int32_t)(hours * 3600 + minutes * 60 + seconds) * (minus ? -1 : 1);
	return true;
}

/* What it is called: three letters or more, or anything in <>. */
static bool take_label(struct str *at)
{
	size_t len = 0;
	if (take_char(at, '<')) {
		while (len < at->len && at->ptr[len] != '>')
			len++;
		if (len == at->len)
			return false;
		at->ptr += len + 1;
		at->len -= len + 1;
		return len >= 3;
	}
	while (len < at->len && ((at->ptr[len] | 0x20) >= 'a' && (at->ptr[len] | 0x20) <= 'z'))
		len++;
	at->ptr += len;
	at->len -= len;
	return len >= 3;
}

static bool take_change(struct str *at, struct change *ret)
{
	*ret = (struct change){.kind = CHANGE_DAY, .time_s = 7200};
	if (!take_char(at, ','))
		return false;
	if (take_char(at, 'M')) {
		ret->kind = CHANGE_WEEKDAY;
		if (!take_number(at, 12, &ret->month) || !take_char(at, '.') || !take_number(at, 5, &ret->week) ||
		    !take_char(at, '.') || !take_number(at, 6, &ret->day) || ret->month == 0 || ret->week == 0)
			return false;
	} else {
		if (take_char(at, 'J'))
			ret->kind = CHANGE_JULIAN;
		if (!take_number(at, 365, &ret->day) || (ret->kind == CHANGE_JULIAN && ret->day == 0))
			return false;
	}
	return !take_char(at, '/') || take_time(at, RULE_TIME_MAX_H, &ret->time_s);
}

static bool rule_parse(struct str text, struct rule *ret)
{
	int32_t west_s;
	*ret = (struct rule){.saves = false};
	if (!take_label(&text) || !take_time(&text, 24, &west_s))
		return false;
	ret->standard_s = -west_s;
	if (text.len == 0)
		return true;
	ret->saves = true;
	ret->saving_s = ret->standard_s + 3600;
	if (!take_label(&text))
		return false;
	if (text.len > 0 && text.ptr[0] != ',') {
		if (!take_time(&text, 24, &west_s))
			return false;
		ret->saving_s = -west_s;
	}
	return take_change(&text, &ret->begins) && take_change(&text, &ret->ends) && text.len == 0;
}

const struct time_zone *zone_from_rule(struct str rule, struct arena *arena)
{
	struct rule parsed;
	if (!rule_parse(rule, &parsed))
		return NULL;
	struct time_zone *z = arena_alloc(arena, sizeof(*z));
	*z = (struct time_zone){.first_s = parsed.standard_s, .has_rule = true, .rule = parsed};
	return z;
}

/* --- files --- */

struct counts {
	uint32_t ut, standard, leap, times, types, chars;
	uint8_t version;
};

static bool read_counts(struct rd *r, struct counts *ret)
{
	const uint8_t *magic = rd_bytes(r, 4);
	if (magic == NULL || memcmp(magic, "TZif", 4) != 0)
		return false;
	ret->version = rd_u8(r);
	rd_skip(r, 15);
	ret->ut = rd_u32(r);
	ret->standard = rd_u32(r);
	ret->leap = rd_u32(r);
	ret->times = rd_u32(r);
	ret->types = rd_u32(r);
	ret->chars = rd_u32(r);
	return rd_ok(r) && ret->times <= TRANSITIONS_MAX && ret->types >= 1 && ret->types <= TYPES_MAX && ret->chars <= 4096 &&
	       ret->leap <= 4096 && ret->standard <= TYPES_MAX && ret->ut <= TYPES_MAX;
}

static int64_t read_time(struct rd *r, size_t size)
{
	const uint64_t high = size == 8 ? rd_u32(r) : 0, low = rd_u32(r);
	return size == 8 ? (int64_t)(high << 32 | low) : (int64_t)(int32_t)low;
}

/* One block, whose times have `size` bytes. */
static bool read_block(struct rd *r, const struct counts *c, size_t size, struct arena *arena, struct time_zone *z)
{
	struct transition *transitions = arena_alloc(arena, (c->times + 1) * sizeof(*transitions));
	int32_t offsets[TYPES_MAX];
	for (uint32_t i = 0; i < c->times; i++) {
		transitions[i].at_s = read_time(r, size);
		if (i > 0 && transitions[i].at_s <= transitions[i - 1].at_s)
			return false;
	}
	const uint8_t *types = rd_bytes(r, c->times);
	for (uint32_t i = 0; i < c->types; i++) {
		offsets[i] = (int32_t)rd_u32(r);
		rd_skip(r, 2); /* whether it is saved; what it is called */
		if (offsets[i] < -OFFSET_MAX_S || offsets[i] > OFFSET_MAX_S)
			return false;
	}
	rd_skip(r, c->chars + c->leap * (size + 4) + c->standard + c->ut);
	if (!rd_ok(r))
		return false;
	for (uint32_t i = 0; i < c->times; i++) {
		if (types[i] >= c->types)
			return false;
		transitions[i].offset_s = offsets[types[i]];
	}
	z->first_s = offsets[0];
	z->transitions = transitions;
	z->count = c->times;
	return true;
}

/* Behind the second block a rule for what comes later stands between two line breaks; it may be empty. */
static bool read_footer(struct rd *r, struct time_zone *z)
{
	const size_t left = rd_left(r);
	const char *text = (const char *)rd_bytes(r, left);
	const char *end = text == NULL || left < 2 || text[0] != '\n' ? NULL : memchr(text + 1, '\n', left - 1);
	if (end == NULL)
		return false;
	z->has_rule = end > text + 1;
	return !z->has_rule || rule_parse((struct str){text + 1, (size_t)(end - text - 1)}, &z->rule);
}

const struct time_zone *zone_from_bytes(const void *bytes, size_t len, struct arena *arena)
{
	struct rd r = rd_init(bytes, len);
	struct counts c;
	struct time_zone *z = arena_alloc(arena, sizeof(*z));
	if (!read_counts(&r, &c) || !read_block(&r, &c, 4, arena, z))
		return NULL;
	if (c.version < '2')
		return z;
	if (!read_counts(&r, &c) || !read_block(&r, &c, 8, arena, z) || !read_footer(&r, z))
		return NULL;
	return z;
}

static const struct time_zone *zone_utc(struct arena *arena)
{
	return zone_from_rule(STR_LIT("UTC0"), arena);
}

static const struct time_zone *load_file(const char *path, struct arena *arena, struct err *err)
{
	struct buf bytes = {0};
	const struct time_zone *z = NULL;
	if (file_read(path, ZONE_FILE_MAX, &bytes, err)) {
		z = zone_from_bytes(bytes.ptr, bytes.len, arena);
		if (z == NULL)
			(void)err_set(err, ERR_INPUT, "'%s' is no time zone's file", path);
	}
	buf_finish(&bytes);
	return z;
}

/* Of a file below the folder, and nowhere else. */
static bool name_is_sound(struct str name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+/";
	bool sound = name.len > 0 && name.len <= NAME_LEN_MAX_ZONE && name.ptr[0] != '/' && name.ptr[0] != '.';
	for (size_t i = 0; i < name.len && sound; i++)
		sound = strchr(allowed, name.ptr[i]) != NULL && name.ptr[i] != '\0' &&
			!(name.ptr[i] == '/' && i + 1 < name.len && (name.ptr[i + 1] == '.' || name.ptr[i + 1] == '/'));
	return sound;
}

const struct time_zone *zone_load(struct str name, struct arena *arena, struct err *err)
{
	char shown[128], path[sizeof(ZONE_FOLDER) + 1 + NAME_LEN_MAX_ZONE];
	struct err why = {.code = ERR_NONE};
	if (str_eq_c(name, "UTC"))
		return zone_utc(arena);
	(void)str_escape(name, true, shown, sizeof(shown));
	if (!name_is_sound(name)) {
		(void)err_set(err, ERR_INPUT, "'%s' is not the name of a time zone such as Asia/Jakarta", shown);
		return NULL;
	}
	(void)snprintf(path, sizeof(path), ZONE_FOLDER "/%.*s", (int)name.len, name.ptr);
	const struct time_zone *z = load_file(path, arena, &why);
	if (z == NULL)
		(void)err_set(err, ERR_INPUT, "the time zone '%s' can't be read: %s", shown, why.text);
	return z;
}

const struct time_zone *zone_system(struct arena *arena)
{
	const char *text = getenv("TZ");
	const struct time_zone *z = NULL;
	if (text != NULL && text[0] == ':')
		text++;
	if (text == NULL)
		z = load_file(LOCALTIME, arena, NULL);
	else if (text[0] == '/') /* a file of this form, wherever it lies: tzset(3) */
		z = load_file(text, arena, NULL);
	else if ((z = zone_load(str_from(text), arena, NULL)) == NULL)
		z = zone_from_rule(str_from(text), arena);
	return z != NULL ? z : zone_utc(arena);
}

/* --- asking --- */

/* How many transitions are not behind at_s. */
static size_t passed(const struct time_zone *z, int64_t at_s)
{
	size_t low = 0, high = z->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (z->transitions[middle].at_s <= at_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int32_t zone_offset(const struct time_zone *zone, int64_t at_s)
{
	at_s = MIN(MAX(at_s, -TIME_MAX_S), TIME_MAX_S);
	const size_t count = passed(zone, at_s);
	if (count == zone->count && zone->has_rule)
		return rule_offset(&zone->rule, at_s);
	return count == 0 ? zone->first_s : zone->transitions[count - 1].offset_s;
}

int64_t zone_next_change(const struct time_zone *zone, int64_t at_s)
{
	if (at_s < -TIME_MAX_S || at_s > TIME_MAX_S)
		return ZONE_NEVER;
	const size_t count = passed(zone, at_s);
	if (count < zone->count)
		return zone->transitions[count].at_s;
	return zone->has_rule ? rule_next(&zone->rule, at_s) : ZONE_NEVER;
}
