/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/report_part.h"

#include "outlets.h"

static void put_count(json_t *object, const char *key, uint64_t count)
{
	report_put(object, key, json_integer((json_int_t)MIN(count, (uint64_t)INT64_MAX)));
}

json_t *report_query_log(struct outlets *outlets)
{
	struct outlets_info info;
	json_t *object = json_object();

	outlets_info(outlets, &info);
	report_put(object, "enabled", json_boolean(info.queries.on));
	report_put_str(object, "file", str_from(info.file));
	put_count(object, "rows", info.queries.rows);
	put_count(object, "bytes", info.queries.bytes);
	put_count(object, "written", info.queries.written);
	put_count(object, "dropped", info.queries.dropped);
	report_put_str(object, "error", str_from(info.queries.error));
	return object;
}

json_t *report_dnstap(struct outlets *outlets)
{
	struct outlets_info info;
	json_t *object = json_object();

	outlets_info(outlets, &info);
	report_put(object, "enabled", json_boolean(info.dnstap.on));
	put_count(object, "sent", info.dnstap.sent);
	put_count(object, "dropped", info.dnstap.dropped);
	report_put_str(object, "error", str_from(info.dnstap.error));
	return object;
}
