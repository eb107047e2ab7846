/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/list_source.h"

#include "ctl/proto.h"
#include "saringctl/import_report.h"

const char *list_source_called(enum format format)
{
	switch (format) {
	case FORMAT_AUTO:
		return "a list of unknown format";
	case FORMAT_YAML:
		return "a YAML list";
	case FORMAT_HOSTS:
		return "a hosts file";
	case FORMAT_DOMAINS:
		return "a list of domains";
	case FORMAT_WILDCARD:
		return "a list of wildcards";
	case FORMAT_ADBLOCK:
		return "an adblock list";
	case FORMAT_DNSMASQ:
		return "a dnsmasq configuration";
	case FORMAT_UNBOUND:
		return "an unbound configuration";
	case FORMAT_RPZ:
		return "a response policy zone";
	}
	return "";
}

json_t *list_source_report_json(const struct settings_list *list, const struct segment *segment)
{
	json_t *one = json_pack("{s:o, s:o, s:o}", "name", ctl_text(str_from(list->name)), "file",
				ctl_text(str_from(list->file_shown)), "report", report_to_json(segment_report(segment)));
	must(one != NULL);
	return one;
}

void list_source_report(const struct output *o, const struct settings_list *list, const struct segment *segment)
{
	if (segment_format(segment) == FORMAT_YAML)
		return;
	output_print(o, stdout, PAINT_HEAD, "%s", list->name);
	output_print(o, stdout, PAINT_NONE, ": %s", list->file_shown);
	putchar('\n');
	import_report_show(o, segment_report(segment));
}
