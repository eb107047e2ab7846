/* SPDX-License-Identifier: BSD-2-Clause
 *
 * export_formats.c - the formats that have no words for conditions or records: hosts, domains, wildcard, dnsmasq, unbound. */
#include "compile/export_entry.h"

#include <arpa/inet.h>
#include <string.h>

#include "policy/records.h"
#include "wire/rrtype.h"

bool export_hosts(FILE *out, const struct export_entry *e, enum export_reason *ret_why)
{
	if (!export_plain(e, ret_why))
		return false;
	*ret_why = EXPORT_MATCH;
	if (e->match != MATCH_EXACT || strchr(e->text, '.') == NULL)
		return false;
	(void)fprintf(out, "0.0.0.0 %s\n", e->text);
	return true;
}

/* A top-level domain alone is taken for a slip where it stands without a mark. */
static bool put_marked(FILE *out, const struct export_entry *e, bool dot_is_subtree, enum export_reason *ret_why)
{
	bool single = strchr(e->text, '.') == NULL;
	*ret_why = EXPORT_MATCH;
	if (e->match == MATCH_EXACT && !single)
		(void)fprintf(out, "%s\n", e->text);
	else if (e->match == MATCH_SUBDOMAINS)
		(void)fprintf(out, "*.%s\n", e->text);
	else if (e->match == MATCH_SUBTREE && dot_is_subtree && !single)
		(void)fprintf(out, ".%s\n", e->text);
	else if (e->match == MATCH_SUBTREE && !single)
		(void)fprintf(out, "%s\n*.%s\n", e->text, e->text);
	else
		return false;
	return true;
}

bool export_domains(FILE *out, const struct export_entry *e, enum export_reason *ret_why)
{
	return export_plain(e, ret_why) && put_marked(out, e, true, ret_why);
}

bool export_wildcard(FILE *out, const struct export_entry *e, enum export_reason *ret_why)
{
	struct export_entry simple = *e;
	if (e->match != MATCH_PATTERN)
		return export_plain(e, ret_why) && put_marked(out, e, false, ret_why);
	simple.match = MATCH_ADDRESS; /* the rest of what a plain entry must be */
	if (!export_plain(&simple, ret_why) && *ret_why != EXPORT_MATCH)
		return false;
	*ret_why = EXPORT_PATTERN;
	if (e->subtree || strchr(e->text, '.') == NULL)
		return false;
	(void)fprintf(out, "%s\n", e->text);
	return true;
}

/* One address, of one family each, and nothing else? */
static bool only_addresses(struct str records, char v4[INET_ADDRSTRLEN], char v6[INET6_ADDRSTRLEN])
{
	struct record r;
	v4[0] = v6[0] = '\0';
	if (records_rcode(records) != 0)
		return false;
	for (size_t at = 0; records_next(records, &at, &r);) {
		bool is_a = r.type == RRTYPE_A && r.rdata.len == 4 && v4[0] == '\0';
		bool is_aaaa = r.type == RRTYPE_AAAA && r.rdata.len == 16 && v6[0] == '\0';
		if ((!is_a && !is_aaaa) || r.ttl_s != RECORDS_TTL_UNSAID)
			return false;
		if (is_a)
			(void)inet_ntop(AF_INET, r.rdata.ptr, v4, INET_ADDRSTRLEN);
		else
			(void)inet_ntop(AF_INET6, r.rdata.ptr, v6, INET6_ADDRSTRLEN);
	}
	return v4[0] != '\0' || v6[0] != '\0';
}

bool export_dnsmasq(FILE *out, const struct export_entry *e, enum export_reason *ret_why)
{
	struct export_entry simple = *e;
	char v4[INET_ADDRSTRLEN] = "", v6[INET6_ADDRSTRLEN] = "";
	if (e->match == MATCH_ADDRESS && e->has_answer && e->answer == ANSWER_NXDOMAIN && e->action == e->list_action &&
	    e->cond.len == 0) {
		(void)fprintf(out, "bogus-nxdomain=%s\n", e->text);
		return true;
	}
	if (e->has_answer && e->answer == ANSWER_LOCAL) {
		if (!only_addresses(e->records, v4, v6)) {
			*ret_why = EXPORT_ANSWER;
			return false;
		}
		simple.has_answer = false;
	}
	if (e->match == MATCH_PATTERN ? !export_plain_pattern(&simple, ret_why) : !export_plain(&simple, ret_why))
		return false;
	if (e->match != MATCH_SUBTREE && !(e->match == MATCH_PATTERN && e->subtree)) {
		*ret_why = e->match == MATCH_PATTERN ? EXPORT_PATTERN : EXPORT_MATCH;
		return false;
	}
	if (!e->has_answer) {
		(void)fprintf(out, "address=/%s/#\n", e->text);
		return true;
	}
	if (v4[0] != '\0')
		(void)fprintf(out, "address=/%s/%s\n", e->text, v4);
	if (v6[0] != '\0')
		(void)fprintf(out, "address=/%s/%s\n", e->text, v6);
	return true;
}

/* The zone type that says this answer; NULL when none does. */
static const char *zone_type(const struct export_entry *e)
{
	if (e->action == ACTION_ALLOW)
		return "always_transparent";
	if (!e->has_answer)
		return "always_nxdomain";
	switch (e->answer) {
	case ANSWER_REFUSED:
		return "always_refuse";
	case ANSWER_DROP:
		return "always_deny";
	case ANSWER_NODATA:
		return "always_nodata";
	case ANSWER_NXDOMAIN:
	case ANSWER_NULL:
	case ANSWER_ADDRESS:
	case ANSWER_TRUNCATE:
	case ANSWER_LOCAL:
		break;
	}
	return NULL;
}

static bool put_local_data(FILE *out, const struct export_entry *e)
{
	struct buf line = {0};
	struct record r;
	bool good = records_rcode(e->records) == 0;
	for (size_t at = 0; good && records_next(e->records, &at, &r);) {
		struct buf rdata = {0};
		good = export_rdata(r.type, r.rdata, &rdata) && memchr(rdata.ptr, '\'', rdata.len) == NULL;
		if (good && r.ttl_s == RECORDS_TTL_UNSAID)
			buf_printf(&line, "local-data: '%s. %s'\n", e->text, rdata.ptr);
		else if (good)
			buf_printf(&line, "local-data: '%s. %u %s'\n", e->text, r.ttl_s, rdata.ptr);
		buf_finish(&rdata);
	}
	if (good && line.len > 0)
		(void)fwrite(line.ptr, 1, line.len, out);
	good = good && line.len > 0;
	buf_finish(&line);
	return good;
}

bool export_unbound(FILE *out, const struct export_entry *e, enum export_reason *ret_why)
{
	struct export_entry simple = *e;
	simple.has_answer = false;
	simple.list_action = e->action; /* allow can be said */
	bool is_pattern = e->match == MATCH_PATTERN;
	if (is_pattern ? !export_plain_pattern(&simple, ret_why) : !export_plain(&simple, ret_why))
		return false;
	bool is_alone = e->match == MATCH_EXACT || (is_pattern && !e->subtree); /* local-data speaks for these */
	*ret_why = EXPORT_ANSWER;
	if (is_alone && e->action == ACTION_BLOCK && e->has_answer && e->answer == ANSWER_LOCAL)
		return put_local_data(out, e);
	const char *type = zone_type(e);
	if (type == NULL)
		return false;
	*ret_why = is_pattern ? EXPORT_PATTERN : EXPORT_MATCH;
	if (e->match == MATCH_SUBTREE || (is_pattern && e->subtree))
		(void)fprintf(out, "local-zone: \"%s.\" %s\n", e->text, type);
	else if (is_alone && e->action == ACTION_BLOCK && !e->has_answer)
		(void)fprintf(out, "local-data: \"%s. A 0.0.0.0\"\n", e->text);
	else
		return false;
	return true;
}
