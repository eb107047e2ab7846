/* SPDX-License-Identifier: BSD-2-Clause
 *
 * export_rpz.c - a response policy zone. Owners are relative to the zone. */
#include "compile/export_entry.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "import/import_owner.h"
#include "policy/records.h"
#include "wire/reader.h"

bool export_rdata(uint16_t type, struct str rdata, struct buf *ret)
{
	/* a whole record, as ldns reads them: root owner, type, class, ttl, length */
	struct buf wire = {0};
	uint8_t head[11] = {0, (uint8_t)(type >> 8),	  (uint8_t)type,     0, LDNS_RR_CLASS_IN, 0, 0, 0,
			    0, (uint8_t)(rdata.len >> 8), (uint8_t)rdata.len};
	size_t at = 0;
	ldns_rr *rr = NULL;
	buf_add(&wire, head, sizeof(head));
	buf_add_str(&wire, rdata);
	bool good = ldns_wire2rr(&rr, (const uint8_t *)wire.ptr, wire.len, &at, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK;
	if (good) {
		char *word = ldns_rr_type2str((ldns_rr_type)type);
		buf_add_c(ret, word);
		free(word);
		for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
			char *text = ldns_rdf2str(ldns_rr_rdf(rr, i));
			good = good && text != NULL;
			buf_printf(ret, " %s", text == NULL ? "" : text);
			free(text);
		}
	}
	ldns_rr_free(rr);
	buf_finish(&wire);
	return good;
}

/* rpz-ip and rpz-client-ip owners: the prefix length, then octets or groups from the last to the first; zz for the longest run of
 * zero groups. */
static void put_prefix_owner(const struct prefix *p, const char *trigger, struct buf *ret)
{
	uint16_t groups[8];
	size_t run = 0, run_at = 8;
	if (p->family == AF_INET) {
		buf_printf(ret, "%u.%u.%u.%u.%u.%s", p->bits, p->bytes[3], p->bytes[2], p->bytes[1], p->bytes[0], trigger);
		return;
	}
	for (size_t i = 0; i < 8; i++)
		groups[i] = (uint16_t)(p->bytes[2 * i] << 8 | p->bytes[2 * i + 1]);
	for (size_t i = 0; i < 8; i++) {
		size_t n = 0;
		while (i + n < 8 && groups[i + n] == 0)
			n++;
		if (n > run) {
			run = n;
			run_at = i;
		}
	}
	buf_printf(ret, "%u", p->bits);
	for (size_t i = 8; i-- > 0;) {
		if (run > 1 && i >= run_at && i < run_at + run) {
			if (i == run_at)
				buf_add_c(ret, ".zz");
			continue;
		}
		buf_printf(ret, ".%x", groups[i]);
	}
	buf_printf(ret, ".%s", trigger);
}

/* The target of the CNAME that says it; NULL: none does. */
static const char *action_target(const struct export_entry *e)
{
	if (e->action == ACTION_ALLOW)
		return "rpz-passthru.";
	if (!e->has_answer)
		return ".";
	switch (e->answer) {
	case ANSWER_NXDOMAIN:
		return ".";
	case ANSWER_NODATA:
		return "*.";
	case ANSWER_DROP:
		return "rpz-drop.";
	case ANSWER_TRUNCATE:
		return "rpz-tcp-only.";
	case ANSWER_NULL:
	case ANSWER_REFUSED:
	case ANSWER_ADDRESS:
	case ANSWER_LOCAL:
		break;
	}
	return NULL;
}

static bool put_records(const char *owner, struct str records, struct buf *ret)
{
	struct record r;
	bool good = records_rcode(records) == 0 && records.len > 2;
	for (size_t at = 0; good && records_next(records, &at, &r);) {
		struct buf rdata = {0};
		good = export_rdata(r.type, r.rdata, &rdata);
		if (good && r.ttl_s == RECORDS_TTL_UNSAID)
			buf_printf(ret, "%s %s\n", owner, rdata.ptr);
		else if (good)
			buf_printf(ret, "%s %u %s\n", owner, r.ttl_s, rdata.ptr);
		buf_finish(&rdata);
	}
	return good;
}

static bool put_owner(const struct export_entry *e, const char *owner, struct buf *ret)
{
	if (e->action == ACTION_BLOCK && e->has_answer && e->answer == ANSWER_LOCAL)
		return put_records(owner, e->records, ret);
	const char *target = action_target(e);
	if (target != NULL)
		buf_printf(ret, "%s CNAME %s\n", owner, target);
	return target != NULL;
}

/* `x.rpz-ip` and its like are triggers of another kind than a name, whatever stands before. */
static bool is_trigger(const char *text)
{
	const char *dot = strrchr(text, '.'), *last = dot == NULL ? text : dot + 1;
	return strncmp(last, "rpz-", 4) == 0 && last[4] != '\0';
}

bool export_rpz(FILE *out, const struct export_entry *e, enum export_reason *ret_why)
{
	struct buf owner = {0}, lines = {0};
	bool good = true;
	*ret_why = EXPORT_CONDITION;
	if (e->cond.len > 0)
		return false;
	*ret_why = EXPORT_IMPORTANT;
	if (e->important)
		return false;
	*ret_why = EXPORT_ANSWER;
	switch (e->match) {
	case MATCH_EXACT:
		good = put_owner(e, e->text, &lines);
		break;
	case MATCH_SUBTREE:
	case MATCH_SUBDOMAINS:
		buf_printf(&owner, "*.%s", e->text);
		if (e->name->labels == 0)
			owner.ptr[1] = '\0'; /* the zone's own wildcard */
		good = (e->match == MATCH_SUBDOMAINS || put_owner(e, e->text, &lines)) && put_owner(e, owner.ptr, &lines);
		break;
	case MATCH_ADDRESS:
	case MATCH_CLIENT:
		put_prefix_owner(&e->prefix, e->match == MATCH_ADDRESS ? "rpz-ip" : "rpz-client-ip", &owner);
		good = put_owner(e, owner.ptr, &lines);
		break;
	case MATCH_PATTERN:
		good = put_owner(e, e->text, &lines);
		if (!e->subtree && owner_is_pattern(str_from(e->text)) && !is_trigger(e->text))
			break;
		*ret_why = EXPORT_PATTERN;
		good = false;
		break;
	case MATCH_REGEX:
		*ret_why = EXPORT_PATTERN;
		good = false;
		break;
	}
	if (e->name != NULL && ((e->name->labels == 0 && e->match != MATCH_SUBDOMAINS) || is_trigger(e->text))) {
		*ret_why = EXPORT_MATCH; /* the zone's own apex, or no name to the reader */
		good = false;
	}
	if (good)
		(void)fwrite(lines.ptr, 1, lines.len, out);
	buf_finish(&lines);
	buf_finish(&owner);
	return good;
}
