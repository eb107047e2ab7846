/* SPDX-License-Identifier: BSD-2-Clause
 *
 * str_num.c - the half of str.h that turns text into numbers, durations, sizes and times, and back. */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

bool str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t n = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.ptr[i] - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return true;
}

/* Units, smallest first. */
struct unit {
	const char *word;
	uint64_t factor;
};
static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000},
};
static const struct unit size_units[] = {{"", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}};

/* "12unit" -> 12 * factor, at most max. */
static bool with_unit(struct str s, const struct unit *units, size_t count, uint64_t max, uint64_t *ret)
{
	size_t digits = 0;
	while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
		digits++;
	uint64_t n;
	if (!str_to_u64((struct str){s.ptr, digits}, &n))
		return false;
	struct str word = {s.ptr + digits, s.len - digits};
	for (size_t i = 0; i < count; i++) {
		if (!str_eq_c(word, units[i].word))
			continue;
		if (n > max / units[i].factor)
			return false;
		*ret = n * units[i].factor;
		return true;
	}
	return false;
}

bool str_to_duration_ms(struct str s, int64_t *ret_ms)
{
	uint64_t ms = 0;
	if (!str_eq_c(s, "0") && !with_unit(s, duration_units, ARRAY_LEN(duration_units), INT64_MAX, &ms))
		return false;
	*ret_ms = (int64_t)ms;
	return true;
}

bool str_to_size(struct str s, uint64_t *ret_bytes)
{
	return with_unit(s, size_units, ARRAY_LEN(size_units), UINT64_MAX, ret_bytes);
}

static const struct unit *largest_exact(uint64_t n, const struct unit *units, size_t count, size_t zero)
{
	if (n == 0)
		return &units[zero];
	size_t i = count - 1;
	while (i > 0 && n % units[i].factor != 0)
		i--;
	return &units[i];
}

void str_from_duration_ms(int64_t ms, char *buf, size_t size)
{
	uint64_t n = ms < 0 ? (uint64_t)0 - (uint64_t)ms : (uint64_t)ms;
	const struct unit *unit = largest_exact(n, duration_units, ARRAY_LEN(duration_units), 1);
	(void)snprintf(buf, size, "%s%llu%s", ms < 0 ? "-" : "", (unsigned long long)(n / unit->factor), unit->word);
}

void str_from_size(uint64_t bytes, char *buf, size_t size)
{
	const struct unit *unit = largest_exact(bytes, size_units, ARRAY_LEN(size_units), 0);
	(void)snprintf(buf, size, "%llu%s", (unsigned long long)(bytes / unit->factor), unit->word);
}

/* Times: the proleptic Gregorian calendar, UTC. timegm and gmtime would take a day like February 30 for March 2. */

#define DAY_S 86400
#define TIME_MIN_S INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t month_days(int64_t year, int64_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 1970-01-01 to the first of January of a year in 0..9999. */
static int64_t year_start(int64_t year)
{
	int64_t before = year - 1 + 400; /* whole years before it, counted from 400 years earlier to keep divisions positive */
	int64_t leaps = before / 4 - before / 100 + before / 400;
	/* the same sum for 1970 is 2369 years and 574 leap days */
	return (before - 2369) * 365 + leaps - 574;
}

/* `len` digits at *s, which goes past them. */
static bool take_digits(struct str *s, size_t len, int64_t *ret)
{
	uint64_t n;
	if (s->len < len || !str_to_u64((struct str){s->ptr, len}, &n))
		return false;
	s->ptr += len;
	s->len -= len;
	*ret = (int64_t)n;
	return true;
}

/* One character of `set` at *s, which goes past it. Returns it, or NUL. */
static char take_one(struct str *s, const char *set)
{
	if (s->len == 0 || s->ptr[0] == '\0' || strchr(set, s->ptr[0]) == NULL)
		return '\0';
	char c = s->ptr[0];
	s->ptr++;
	s->len--;
	return c;
}

static bool take_date(struct str *s, int64_t *ret_s)
{
	int64_t year, month, day;
	if (!take_digits(s, 4, &year) || !take_one(s, "-") || !take_digits(s, 2, &month) || !take_one(s, "-") ||
	    !take_digits(s, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return false;
	int64_t days = year_start(year) + day - 1;
	for (int64_t m = 1; m < month; m++)
		days += month_days(year, m);
	*ret_s = days * DAY_S;
	return true;
}

/* RFC 3339 §5.6: partial-time and time-offset. *ret_s is the day on entry, the moment on return. */
static bool take_time(struct str *s, int64_t *ret_s)
{
	int64_t hour, minute, second, offset_h = 0, offset_m = 0;
	if (!take_digits(s, 2, &hour) || !take_one(s, ":") || !take_digits(s, 2, &minute) || !take_one(s, ":") ||
	    !take_digits(s, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (take_one(s, ".")) {
		if (!take_one(s, "0123456789"))
			return false;
		while (take_one(s, "0123456789"))
			;
	}
	char sign = take_one(s, "Zz+-");
	if (sign == '\0')
		return false;
	if (sign == '+' || sign == '-') {
		if (!take_digits(s, 2, &offset_h) || !take_one(s, ":") || !take_digits(s, 2, &offset_m) || offset_h > 23 ||
		    offset_m > 59)
			return false;
	}
	int64_t offset_s = (offset_h * 60 + offset_m) * 60;
	int64_t minute_s = *ret_s + (hour * 60 + minute) * 60 - (sign == '-' ? -offset_s : offset_s);
	/* a leap second ends a day of UTC, nothing else */
	if (second == 60 && (minute_s + 60) % DAY_S != 0)
		return false;
	*ret_s = minute_s + second;
	return true;
}

bool str_to_time(struct str s, int64_t *ret_s, bool *ret_is_date)
{
	int64_t t;
	if (!take_date(&s, &t))
		return false;
	bool is_date = s.len == 0;
	if (!is_date && (!take_one(&s, "Tt ") || !take_time(&s, &t) || s.len > 0))
		return false;
	*ret_s = t;
	if (ret_is_date != NULL)
		*ret_is_date = is_date;
	return true;
}

struct civil {
	int year, month, day, hour, minute, second;
};

static struct civil civil_from(int64_t t)
{
	t = MAX(MIN(t, STR_TIME_MAX_S), TIME_MIN_S);
	int64_t since = t - TIME_MIN_S; /* not negative */
	int64_t second = since % DAY_S;
	int64_t days = since / DAY_S + year_start(0);
	int64_t year = since / DAY_S / 366; /* never too late, at most some twenty years too early */
	while (days >= year_start(year + 1))
		year++;
	int64_t left = days - year_start(year), month = 1;
	while (left >= month_days(year, month))
		left -= month_days(year, month++);
	return (struct civil){(int)year,	 (int)month, (int)left + 1, (int)(second / 3600), (int)(second / 60 % 60),
			      (int)(second % 60)};
}

void str_from_time(int64_t s, char *buf, size_t size)
{
	struct civil c = civil_from(s);
	(void)snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

void str_from_date(int64_t s, char *buf, size_t size)
{
	struct civil c = civil_from(s);
	(void)snprintf(buf, size, "%04d-%02d-%02d", c.year, c.month, c.day);
}
