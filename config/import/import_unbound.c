/* SPDX-License-Identifier: BSD-2-Clause
 *
 * unbound.conf (unbound.conf(5)): local-zone and local-data, in the server: clause or before any.
 *
 * A zone is a rule for its name and all below it. The types that only say "blocked" (static, redirect, always_nxdomain,
 * always_null) take the list's answer, so that `answer:` rules it; those that say how (refuse, deny, nodata) keep their own;
 * transparent ones are allow rules, but where there is data for that very name: there Unbound answers the data, whichever line is
 * first, and the zone is no more than its place (left out, counted as an option). always_transparent passes over data. Data is for
 * its name alone, or for the whole zone when that is a redirect; an address that means nowhere is a block. */
#include "import/import_owner.h"
#include "import/import_rdata.h"
#include "import/segment_build.h"

#include <string.h>

#include "policy/cond.h"
#include "policy/records.h"
#include "wire/rdata_text.h"
#include "wire/rrtype.h"

enum zone { ZONE_BLOCK, ZONE_REDIRECT, ZONE_REFUSED, ZONE_DROP, ZONE_NODATA, ZONE_NO_A, ZONE_TRANSPARENT, ZONE_ALLOW, ZONE_OTHER };
static const struct {
	const char *word;
	enum zone zone;
} zone_types[] = {
    {"always_nxdomain", ZONE_BLOCK},
    {"always_null", ZONE_BLOCK},
    {"static", ZONE_BLOCK},
    {"redirect", ZONE_REDIRECT},
    {"inform_redirect", ZONE_REDIRECT},
    {"refuse", ZONE_REFUSED},
    {"always_refuse", ZONE_REFUSED},
    {"deny", ZONE_DROP},
    {"always_deny", ZONE_DROP},
    {"inform_deny", ZONE_DROP},
    {"always_nodata", ZONE_NODATA},
    {"block_a", ZONE_NO_A},
    {"transparent", ZONE_TRANSPARENT},
    {"typetransparent", ZONE_TRANSPARENT},
    {"always_transparent", ZONE_ALLOW},
    {"inform", ZONE_TRANSPARENT},
    {"nodefault", ZONE_OTHER}, /* housekeeping: no rule of anybody's */
    {"noview", ZONE_OTHER},
    {"ipset", ZONE_OTHER},
};

enum clause { CLAUSE_SERVER, CLAUSE_FORWARD, CLAUSE_OTHER };

struct unbound {
	struct import *im;
	enum clause clause;
	struct local_table local;    /* redirect zones and data */
	struct local_table own_data; /* the names that have data anywhere in the file; filled when zones may allow */
	bool is_search;		     /* the first of two passes: it fills own_data and does nothing else */
	struct owner owner;
	struct buf rdata, no_a; /* no_a: the condition of block_a */
	uint32_t line;
	struct str whole; /* the line, for samples */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct str *rest)
{
	while (rest->len > 0 && is_blank(rest->ptr[0])) {
		rest->ptr++;
		rest->len--;
	}
}

/* The next value: a word, or what stands in quotes. False at the end, at a comment, and at a quote without its other. */
static bool next_value(struct str *rest, struct str *ret)
{
	skip_blanks(rest);
	if (rest->len == 0 || rest->ptr[0] == '#')
		return false;
	if (rest->ptr[0] == '"' || rest->ptr[0] == '\'') {
		const char *end = memchr(rest->ptr + 1, rest->ptr[0], rest->len - 1);
		if (end == NULL)
			return false;
		*ret = (struct str){rest->ptr + 1, (size_t)(end - rest->ptr - 1)};
		*rest = (struct str){end + 1, (size_t)(rest->ptr + rest->len - end - 1)};
		return true;
	}
	*ret = rdata_text_word(rest);
	return true;
}

/* Has the zone's very name data of its own? The key is the name alone, as data has it. */
static bool has_own_data(struct unbound *u)
{
	struct import_rule key = u->owner.rule;
	key.subtree = false;
	if (key.match == MATCH_SUBTREE)
		key.match = MATCH_EXACT;
	return local_find(&u->own_data, &key) != NULL;
}

static void take_zone(struct unbound *u, struct str name, enum zone zone, struct str type)
{
	struct import_rule *rule = &u->owner.rule;
	if (u->is_search || !owner_read(u->im, name, true, u->line, &u->owner))
		return;
	if (rule->action == ACTION_BLOCK) {
		switch (zone) {
		case ZONE_REFUSED:
			rule->answer = ANSWER_REFUSED;
			break;
		case ZONE_DROP:
			rule->answer = ANSWER_DROP;
			break;
		case ZONE_NO_A:
			rule->cond = buf_str(&u->no_a);
			rule->answer = ANSWER_NODATA;
			break;
		case ZONE_NODATA:
			rule->answer = ANSWER_NODATA;
			break;
		case ZONE_TRANSPARENT:
			if (has_own_data(u)) {
				import_left_word(u->im, LEFT_OPTION, type, u->line, u->whole);
				return;
			}
			rule->action = ACTION_ALLOW;
			break;
		case ZONE_ALLOW:
			rule->action = ACTION_ALLOW;
			break;
		case ZONE_REDIRECT:
			if (rule->match == MATCH_SUBTREE) {
				rule->match = MATCH_EXACT; /* the key data for the name has */
				local_add(&u->local, rule)->is_zone = true;
				return;
			}
			break;
		case ZONE_BLOCK:
		case ZONE_OTHER:
			break;
		}
		rule->has_answer = zone == ZONE_REFUSED || zone == ZONE_DROP || zone == ZONE_NO_A || zone == ZONE_NODATA;
	}
	import_take(u->im, rule);
}

static void read_zone(struct unbound *u, struct str *rest)
{
	struct str name, type;
	if (!next_value(rest, &name) || !next_value(rest, &type)) {
		import_left(u->im, LEFT_SYNTAX, u->line, u->whole);
		rest->len = 0;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(zone_types); i++) {
		if (!str_eq_c(type, zone_types[i].word))
			continue;
		enum zone zone = zone_types[i].zone;
		if (zone == ZONE_OTHER)
			import_left_word(u->im, LEFT_OPTION, type, u->line, u->whole);
		else if ((zone == ZONE_ALLOW || zone == ZONE_TRANSPARENT) && !import_may_allow(u->im))
			import_left(u->im, LEFT_MAY_ALLOW, u->line, u->whole);
		else
			take_zone(u, name, zone, type);
		return;
	}
	import_left_word(u->im, LEFT_ACTION, type, u->line, u->whole);
}

/* data: "ads.example. 300 IN A 192.0.2.1" */
static void take_data(struct unbound *u, struct str data)
{
	struct rdata_text_head head;
	struct str name = rdata_text_word(&data);
	struct import_rule *rule = &u->owner.rule;
	if (name.len == 0 || !rdata_text_head(&data, &head)) {
		import_left(u->im, LEFT_SYNTAX, u->line, u->whole);
		return;
	}
	data = str_trim(data);
	if (head.other_class || !rdata_read(head.type, data, NULL, &u->rdata)) {
		import_left(u->im, LEFT_RECORD, u->line, u->whole);
		return;
	}
	if (!owner_read(u->im, name, false, u->line, &u->owner))
		return;
	if (u->is_search) {
		(void)local_add(&u->own_data, rule);
		return;
	}
	if (rule->action == ACTION_ALLOW) {
		import_take(u->im, rule);
		return;
	}
	struct local_owner *local = local_add(&u->local, rule);
	const struct record record = {
	    .type = head.type, .ttl_s = head.has_ttl ? head.ttl_s : RECORDS_TTL_UNSAID, .rdata = buf_str(&u->rdata)};
	if (rdata_is_nowhere(record.type, record.rdata))
		local->is_blocked = true;
	else if (!records_add(&local->records, &record))
		import_left(u->im, LEFT_RECORD, u->line, u->whole);
}

/* "forward-zone:" and its like begin a clause; what stands in there is not for the server. */
static bool begins_clause(struct unbound *u, struct str word)
{
	static const char *const others[] = {"auth-zone", "cachedb", "dnscrypt", "dnstap",	   "dynlib", "ipset",
					     "python",	  "redis",   "rpz",	 "remote-control", "view",   NULL};
	if (str_eq_c(word, "server"))
		u->clause = CLAUSE_SERVER;
	else if (str_eq_c(word, "forward-zone") || str_eq_c(word, "stub-zone"))
		u->clause = CLAUSE_FORWARD;
	else if (terms_find(others, word) >= 0)
		u->clause = CLAUSE_OTHER;
	else
		return false;
	return true;
}

/* The word before a colon, at the beginning of rest. */
static bool next_keyword(struct str *rest, struct str *ret)
{
	size_t len = 0;
	while (len < rest->len && ((rest->ptr[len] >= 'a' && rest->ptr[len] <= 'z') || rest->ptr[len] == '-' ||
				   (rest->ptr[len] >= '0' && rest->ptr[len] <= '9')))
		len++;
	if (len == 0 || len == rest->len || rest->ptr[len] != ':')
		return false;
	*ret = (struct str){rest->ptr, len};
	*rest = (struct str){rest->ptr + len + 1, rest->len - len - 1};
	return true;
}

/* One statement. What is not read of the line is left in *rest. */
static void read_statement(struct unbound *u, struct str *rest)
{
	struct str word, value;
	if (!next_keyword(rest, &word)) {
		import_left(u->im, LEFT_SYNTAX, u->line, u->whole);
		rest->len = 0;
		return;
	}
	if (u->clause == CLAUSE_SERVER && str_eq(word, STR_LIT("local-zone"))) {
		read_zone(u, rest);
		return;
	}
	if (u->clause == CLAUSE_SERVER && str_eq(word, STR_LIT("local-data"))) {
		if (next_value(rest, &value)) {
			take_data(u, value);
			return;
		}
		import_left(u->im, LEFT_SYNTAX, u->line, u->whole);
	} else if (begins_clause(u, word)) {
		if (u->clause == CLAUSE_SERVER)
			return;
		import_left_word(u->im, u->clause == CLAUSE_FORWARD ? LEFT_FORWARD : LEFT_OPTION, word, u->line, u->whole);
	} else {
		import_left_word(u->im, u->clause == CLAUSE_FORWARD ? LEFT_FORWARD : LEFT_OPTION, word, u->line, u->whole);
	}
	rest->len = 0;
}

static void read_line(struct unbound *u, struct str line)
{
	struct str rest = line;
	skip_blanks(&rest);
	if (rest.len == 0 || rest.ptr[0] == '#' || rest.ptr[0] == '!' || rest.ptr[0] == ';') {
		import_comment(u->im);
		return;
	}
	u->whole = str_trim(line);
	while (rest.len > 0) {
		read_statement(u, &rest);
		skip_blanks(&rest);
		if (rest.len > 0 && rest.ptr[0] == '#') {
			import_changed(u->im, CHANGE_INLINE_COMMENT, u->line, u->whole);
			return;
		}
	}
}

static void take_local(struct unbound *u)
{
	for (size_t i = 0; i < local_count(&u->local); i++) {
		const struct local_owner *local = &u->local.owners[i];
		struct import_rule *rule = &u->owner.rule;
		local_rule(&u->local, i, &u->owner);
		if (local->is_zone)
			rule->match = MATCH_SUBTREE;
		rule->records = buf_str(&local->records);
		rule->has_answer = rule->records.len > 0;
		rule->answer = rule->has_answer ? ANSWER_LOCAL : ANSWER_NXDOMAIN;
		if (local->is_zone || local->is_blocked || rule->has_answer)
			import_take(u->im, rule);
	}
}

static void read_all(struct unbound *u, struct str text)
{
	struct import_lines lines = {.rest = text};
	struct str line;
	u->clause = CLAUSE_SERVER;
	while (import_line(u->im, &lines, &line)) {
		u->line = lines.line;
		read_line(u, line);
	}
}

/* The first pass, into a segment nobody sees: only where a zone's allow rule may be taken at all. */
static void search(struct unbound *u, struct str text)
{
	struct import *im = u->im, scratch;
	if (!import_may_allow(im) || import_action(im) == ACTION_ALLOW)
		return;
	import_begin(&scratch, &im->settings, FORMAT_UNBOUND);
	scratch.has_nul = im->has_nul;
	u->im = &scratch;
	u->is_search = true;
	read_all(u, text);
	u->is_search = false;
	u->im = im;
	segment_destroy(import_end(&scratch));
}

void import_unbound(struct import *im, struct str text)
{
	static const uint16_t type_a[] = {RRTYPE_A};
	const struct cond no_a = {.types = type_a, .type_count = ARRAY_LEN(type_a)};
	struct unbound u = {.im = im};
	local_init(&u.local);
	local_init(&u.own_data);
	must(cond_compose(&no_a, &u.no_a));
	search(&u, text);
	read_all(&u, text);
	take_local(&u);
	buf_finish(&u.rdata);
	buf_finish(&u.no_a);
	local_finish(&u.own_data);
	local_finish(&u.local);
}
