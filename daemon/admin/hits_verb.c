/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hits_verb.c - the verbs "hits" and "traffic": what entries have done, and the sketches that say what they would. */
#include "admin/call.h"
#include "admin/report.h"
#include "base/clock.h"
#include "wire/name.h"

#include <stdlib.h>

static bool has_observer(const struct commands *c, struct call *call)
{
	struct err err = {0};
	if (c->config.observer)
		return true;
	(void)err_set(&err, ERR_INPUT, "nothing is counted here");
	call_fail(call, &err, NULL);
	return false;
}

void call_hits(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	struct str list;
	if (!arg_text(args, "list", &list, &err)) {
		call_fail(call, &err, NULL);
		return;
	}
	if (has_observer(c, call))
		call_ok(call, report_hits(c->config.observer, list));
}

static void traffic_clients(struct commands *c, const json_t *wanted, struct call *call)
{
	const size_t count = json_array_size(wanted);
	struct name *names = base_alloc((count + 1) * sizeof(names[0]));
	struct err err = {0};
	bool good = json_is_array(wanted) || err_set(&err, ERR_USAGE, "the argument 'names' is an array of names");
	for (size_t i = 0; i < count && good; i++) {
		const char *text = json_string_value(json_array_get(wanted, i));
		good = text ? arg_name(str_from(text), &names[i], &err) : err_set(&err, ERR_USAGE, "one of the names is not text");
	}
	if (good)
		call_ok(call, report_traffic_clients(c->config.observer, names, count, clock_wall_s()));
	else
		call_fail(call, &err, NULL);
	free(names);
}

void call_traffic(struct commands *c, json_t *args, struct call *call)
{
	struct err err = {0};
	const json_t *top = json_object_get(args, "top"), *names = json_object_get(args, "names");
	if (top && !json_is_null(top) && (!json_is_integer(top) || json_integer_value(top) < 0)) {
		(void)err_set(&err, ERR_USAGE, "the argument 'top' is a number of names");
		call_fail(call, &err, NULL);
		return;
	}
	if (!has_observer(c, call))
		return;
	if (names && !json_is_null(names))
		traffic_clients(c, names, call);
	else
		call_ok(call, report_traffic(c->config.observer, json_is_integer(top) ? (size_t)json_integer_value(top) : SIZE_MAX,
					     clock_wall_s()));
}
