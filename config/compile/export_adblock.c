/* SPDX-License-Identifier: BSD-2-Clause
 *
 * export_adblock.c - AdGuard's DNS filtering syntax. It folds case in expressions, so that one with upper case in it, which is no
 * use here anyway, is left out. */
#include "compile/export_entry.h"

#include <string.h>

#include "base/str.h"
#include "policy/cond.h"
#include "policy/records.h"
#include "wire/reader.h"
#include "wire/rrtype.h"

/* The first option is put behind `$`, the others behind a comma. */
static void put_option(struct buf *b, const char *text)
{
	buf_add_c(b, memchr(b->ptr == NULL ? "" : b->ptr, '$', b->len) == NULL ? "$" : ",");
	buf_add_c(b, text);
}

static void put_types(struct rd *rd, const char *negate, bool *ret_first, struct buf *options)
{
	char word[RRTYPE_TEXT_MAX];
	for (unsigned n = rd_u8(rd); n > 0; n--) {
		if (*ret_first)
			put_option(options, "dnstype=");
		else
			buf_add_c(options, "|");
		*ret_first = false;
		buf_printf(options, "%s%s", negate, rrtype_to_text(rd_u16(rd), word));
	}
}

static void put_clients(struct rd *rd, const char *negate, bool *ret_first, struct buf *options)
{
	for (unsigned n = rd_u16(rd); n > 0; n--) {
		uint8_t bytes[ADDR_WIDE_LEN];
		char text[ADDR_TEXT_MAX];
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = rd_u8(rd);
		const struct prefix p = prefix_from_wide(bytes, rd_u8(rd));
		if (*ret_first)
			put_option(options, "client=");
		else
			buf_add_c(options, "|");
		*ret_first = false;
		buf_printf(options, "%s%s", negate, prefix_to_text(&p, text));
	}
}

/* The groups of cond.h, in its order. False when a name in it can't be written. */
static bool put_condition(struct str cond, struct buf *options)
{
	struct rd rd = rd_init((const uint8_t *)cond.ptr, cond.len);
	bool first = true, good = true;
	if (cond.len == 0)
		return true;
	put_types(&rd, "", &first, options);
	put_types(&rd, "~", &first, options);
	first = true;
	put_clients(&rd, "", &first, options);
	put_clients(&rd, "~", &first, options);
	first = true;
	for (unsigned n = rd_u16(&rd); n > 0 && good; n--) {
		struct name name;
		char text[NAME_TEXT_MAX];
		size_t len = rd_u8(&rd);
		struct rd wire = rd_sub(&rd, len);
		good = rd_ok(&rd) && name_read(&wire, &name) && export_simple_name(name_to_text(&name, text));
		if (!good)
			break;
		if (first)
			put_option(options, "denyallow=");
		buf_printf(options, "%s%s", first ? "" : "|", text);
		first = false;
	}
	return good && rd_ok(&rd);
}

/* The pattern in front of the options. False: no words for it. */
static bool put_pattern(const struct export_entry *e, struct buf *b)
{
	switch (e->match) {
	case MATCH_EXACT:
		buf_printf(b, "|%s^", e->text);
		return export_simple_name(e->text) && strlen(e->text) >= 3;
	case MATCH_SUBTREE:
		buf_printf(b, "||%s^", e->text);
		return export_simple_name(e->text);
	case MATCH_SUBDOMAINS:
		buf_printf(b, "||*.%s^", e->text);
		return export_simple_name(e->text);
	case MATCH_PATTERN:
		buf_printf(b, "%s%s^", e->subtree ? "||" : "|", e->text);
		return true;
	case MATCH_REGEX:
		buf_printf(b, "/%s/", e->text);
		for (const char *p = e->text; *p != '\0'; p++)
			if (*p < 0x20 || *p > 0x7e) /* the names it is asked about have no such character */
				return false;
			else if ((*p >= 'A' && *p <= 'Z' && !(p > e->text && p[-1] == '\\')) || (*p == '$' && p[1] != '\0'))
				return e->caseless && *p != '$';
		return true;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		break;
	}
	return false;
}

static const char *rewrite_word(enum answer answer)
{
	switch (answer) {
	case ANSWER_NXDOMAIN:
		return "dnsrewrite=NXDOMAIN";
	case ANSWER_REFUSED:
		return "dnsrewrite=REFUSED";
	case ANSWER_NODATA:
		return "dnsrewrite=NOERROR";
	case ANSWER_NULL:
	case ANSWER_DROP:
	case ANSWER_ADDRESS:
	case ANSWER_TRUNCATE:
	case ANSWER_LOCAL:
		break;
	}
	return NULL;
}

/* One rule for each record: readers combine those of one pattern. Types whose text has blanks or commas are not tried. */
static bool put_rewrites(const struct export_entry *e, const struct buf *rule, FILE *out)
{
	struct buf lines = {0};
	struct record r;
	bool good = records_rcode(e->records) == 0 && e->records.len > 2;
	for (size_t at = 0; good && records_next(e->records, &at, &r);) {
		struct buf rdata = {0}, line = {0};
		good = (r.type == RRTYPE_A || r.type == RRTYPE_AAAA || r.type == RRTYPE_CNAME) && r.ttl_s == RECORDS_TTL_UNSAID &&
		       export_rdata(r.type, r.rdata, &rdata);
		/* a comma in a target would begin another option */
		if (good && r.type == RRTYPE_CNAME)
			good = export_simple_name(rdata.ptr + strlen("CNAME "));
		if (good) {
			char *value = strchr(rdata.ptr, ' ');
			struct str text = value == NULL ? STR_LIT("") : str_from(value + 1);
			if (r.type == RRTYPE_CNAME && text.len > 1 && text.ptr[text.len - 1] == '.')
				text.len--;
			buf_add_str(&line, buf_str(rule));
			put_option(&line, "dnsrewrite=NOERROR;");
			buf_printf(&line, "%s;%.*s\n",
				   r.type == RRTYPE_A	   ? "A"
				   : r.type == RRTYPE_AAAA ? "AAAA"
							   : "CNAME",
				   (int)text.len, text.ptr);
			buf_add_str(&lines, buf_str(&line));
		}
		buf_finish(&line);
		buf_finish(&rdata);
	}
	if (good)
		(void)fwrite(lines.ptr, 1, lines.len, out);
	buf_finish(&lines);
	return good;
}

bool export_adblock(FILE *out, const struct export_entry *e, enum export_reason *ret_why)
{
	struct buf rule = {0};
	bool good;
	if (e->action == ACTION_ALLOW && e->list_action == ACTION_BLOCK)
		buf_add_c(&rule, "@@");
	*ret_why = e->action == ACTION_BLOCK && e->list_action == ACTION_ALLOW ? EXPORT_ALLOW : EXPORT_MATCH;
	good = *ret_why == EXPORT_MATCH && put_pattern(e, &rule);
	if (good && e->important)
		put_option(&rule, "important");
	if (good) {
		*ret_why = EXPORT_CONDITION;
		good = put_condition(e->cond, &rule);
	}
	if (good && e->has_answer && e->action == ACTION_BLOCK) {
		*ret_why = EXPORT_ANSWER;
		if (e->answer == ANSWER_LOCAL) {
			good = put_rewrites(e, &rule, out);
			buf_finish(&rule);
			return good;
		}
		good = rewrite_word(e->answer) != NULL;
		if (good)
			put_option(&rule, rewrite_word(e->answer));
	}
	if (good)
		(void)fprintf(out, "%s\n", rule.ptr);
	buf_finish(&rule);
	return good;
}
