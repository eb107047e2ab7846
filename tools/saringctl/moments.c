/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/moments.h"

#include "base/str.h"

#include <string.h>

#define SPAN_MAX_S ((int64_t)100 * 366 * 86400)

static bool refused(const char *what, enum moment_sense sense, const char *text, struct err *err)
{
	if (sense == MOMENT_SPAN)
		return err_set(err, ERR_USAGE, "%s: '%s' is no duration, such as 30d, of at most a hundred years", what, text);
	return err_set(err, ERR_USAGE, "%s: '%s' is no date (2027-01-31), no time (2027-01-31T12:00:00Z) and no duration (%s)",
		       what, text, sense == MOMENT_ANY ? "+7d, -1h" : "7d");
}

bool moment_parse(const char *what, enum moment_sense sense, const char *text, int64_t now_s, int64_t *ret_s, struct err *err)
{
	int64_t ms, time_s;
	must(text != NULL);
	if (sense != MOMENT_SPAN && str_to_time(str_from(text), &time_s, NULL)) {
		if (sense == MOMENT_PAST && time_s <= 0)
			return refused(what, sense, text, err);
		*ret_s = time_s;
		return true;
	}
	bool back = sense == MOMENT_PAST || (sense == MOMENT_ANY && text[0] == '-');
	bool is_signed = sense == MOMENT_ANY && (text[0] == '-' || text[0] == '+');
	if (!str_to_duration_ms(str_from(is_signed ? text + 1 : text), &ms) || (sense == MOMENT_AHEAD && ms < 1000))
		return refused(what, sense, text, err);
	if (ms / 1000 > SPAN_MAX_S)
		return err_set(err, ERR_USAGE, "%s: '%s' is over a hundred years", what, text);
	int64_t s = sense == MOMENT_SPAN ? ms / 1000 : now_s + (back ? -ms : ms) / 1000;
	if (sense == MOMENT_PAST && s <= 0)
		return refused(what, sense, text, err);
	*ret_s = s;
	return true;
}

bool moment_text(const char *what, enum moment_sense sense, const char *text, int64_t now_s, char *ret, struct err *err)
{
	int64_t time_s;
	if (!moment_parse(what, sense, text, now_s, &time_s, err))
		return false;
	bool typed = str_to_time(str_from(text), &time_s, NULL);
	if (typed && strlen(text) >= MOMENT_TEXT_MAX)
		return err_set(err, ERR_USAGE, "%s: '%s' is longer than any time", what, text);
	if (typed)
		memcpy(ret, text, strlen(text) + 1);
	else
		str_from_time(time_s, ret, MOMENT_TEXT_MAX);
	return true;
}
