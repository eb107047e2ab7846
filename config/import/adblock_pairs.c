/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/adblock_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "policy/records.h"
#include "wire/rrtype.h"

static bool holds(struct str text, const char *piece)
{
	return memmem(text.ptr, text.len, piece, strlen(piece)) != NULL;
}

/* Call each for every rule of the text with an option of that name. Nearly all lists have no `$` at all. */
static void each_rule(struct adblock_pairs *p, struct str text, const char *word,
		      void (*each)(struct adblock_pairs *p, const struct adblock_rule *rule))
{
	if (text.len == 0)
		return;
	const char *at = text.ptr, *end = text.ptr + text.len;
	while (at < end && (at = memchr(at, '$', (size_t)(end - at))) != NULL) {
		const char *before = memrchr(text.ptr, '\n', (size_t)(at - text.ptr));
		const char *begin = before == NULL ? text.ptr : before + 1;
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop == NULL ? end : stop;
		struct str line = {begin, (size_t)(stop - begin)};
		struct adblock_rule rule;
		bool cut;
		at = stop;
		if (!holds(line, word) || line.len > IMPORT_LINE_MAX || memchr(line.ptr, '\0', line.len) != NULL ||
		    adblock_line(line, &line, &cut) != ADBLOCK_RULE)
			continue;
		adblock_rule(line, &rule);
		each(p, &rule);
	}
}

static const struct buf *key_of(struct adblock_pairs *p, const struct adblock_rule *rule, bool whole)
{
	buf_reset(&p->key);
	adblock_key(rule, whole, &p->key);
	return &p->key;
}

/* --- $badfilter --- */

static void add_bad(struct adblock_pairs *p, const struct adblock_rule *rule)
{
	if (!rule->badfilter || rule->why == LEFT_MODIFIER)
		return;
	const struct buf *key = key_of(p, rule, false);
	(void)intern_add(&p->bad, key->ptr, key->len, NULL);
}

bool adblock_is_bad(struct adblock_pairs *p, const struct adblock_rule *rule)
{
	uint32_t number;
	if (p->bad.count == 0)
		return false;
	const struct buf *key = key_of(p, rule, false);
	return intern_find(&p->bad, key->ptr, key->len, &number);
}

/* --- $dnsrewrite --- */

/* What an exception and a rewrite it means have alike. rewrite NULL: whatever it says. */
static const struct buf *except_key(struct adblock_pairs *p, const struct adblock_rule *rule, bool important,
				    const struct adblock_rewrite *rewrite)
{
	const char flags[] = {rule->caret ? '^' : '-', rule->regex ? '/' : '-', important ? '!' : '-', rewrite == NULL ? '*' : '='};
	uint32_t len = (uint32_t)rule->pattern.len;
	buf_reset(&p->key);
	buf_add(&p->key, flags, sizeof(flags));
	buf_add(&p->key, &len, sizeof(len));
	buf_add_str(&p->key, rule->pattern);
	if (rewrite != NULL) {
		const uint16_t head[] = {(uint16_t)rewrite->answer, rewrite->rcode, rewrite->type};
		buf_add(&p->key, head, sizeof(head));
		buf_add_str(&p->key, buf_str(&rewrite->rdata));
	}
	return &p->key;
}

static void add_except(struct adblock_pairs *p, const struct adblock_rule *rule)
{
	struct adblock_rewrite rewrite = {.rcode = 0};
	if (rule->allow && rule->rewrite.ptr != NULL && !rule->badfilter && rule->why == LEFT_REASON_COUNT &&
	    !adblock_is_bad(p, rule) && adblock_rewrite(rule->rewrite, &rewrite)) {
		const struct buf *key = except_key(p, rule, rule->important, rule->rewrite.len == 0 ? NULL : &rewrite);
		(void)intern_add(&p->excepts, key->ptr, key->len, NULL);
	}
	adblock_rewrite_finish(&rewrite);
}

bool adblock_is_excepted(struct adblock_pairs *p, const struct adblock_rule *rule, const struct adblock_rewrite *rewrite)
{
	uint32_t number;
	if (p->excepts.count == 0)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		bool important = (i & 1) != 0;
		if (rule->important && !important)
			continue; /* what is important is taken away by an exception that is, and by no other */
		const struct buf *key = except_key(p, rule, important, (i & 2) != 0 ? rewrite : NULL);
		if (intern_find(&p->excepts, key->ptr, key->len, &number))
			return true;
	}
	return false;
}

static struct adblock_group *group_add(struct adblock_pairs *p, const struct adblock_rule *rule, bool *ret_new)
{
	const struct buf *key = key_of(p, rule, true);
	uint32_t number = intern_add(&p->groups, key->ptr, key->len, ret_new);
	if (*ret_new && number == p->group_cap) {
		p->group_cap = MAX((size_t)16, p->group_cap * 2);
		p->group = base_realloc(p->group, p->group_cap * sizeof(p->group[0]));
	}
	if (*ret_new)
		p->group[number] = (struct adblock_group){.taken = false};
	return &p->group[number];
}

static void put(struct adblock_group *group, const struct adblock_rewrite *rewrite)
{
	struct record record = {.type = rewrite->type, .ttl_s = RECORDS_TTL_UNSAID, .rdata = buf_str(&rewrite->rdata)};
	if (rewrite->answer != ANSWER_LOCAL)
		return;
	if (rewrite->rcode != RCODE_NOERROR)
		records_set_rcode(&group->records, rewrite->rcode);
	else if (!records_add(&group->records, &record))
		return; /* it is told of when its line is read: adblock_group_of won't find it */
}

/* A code, or another name, ends the search for more; what records were found before it are not sent. */
static void add_rewrite(struct adblock_pairs *p, const struct adblock_rule *rule)
{
	struct adblock_rewrite rewrite = {.rcode = 0};
	bool is_new = false;
	if (!rule->allow && rule->rewrite.ptr != NULL && !rule->badfilter && rule->why == LEFT_REASON_COUNT &&
	    !adblock_is_bad(p, rule) && adblock_rewrite(rule->rewrite, &rewrite) && !adblock_is_excepted(p, rule, &rewrite)) {
		struct adblock_group *group = group_add(p, rule, &is_new);
		bool alone = adblock_rewrite_alone(&rewrite);
		if (alone && !group->alone) {
			buf_reset(&group->records);
			put(group, &rewrite);
			group->alone = true;
			group->first = rewrite; /* and what it owns */
			return;
		}
		if (!group->alone)
			put(group, &rewrite);
	}
	adblock_rewrite_finish(&rewrite);
}

struct adblock_group *adblock_group_of(struct adblock_pairs *p, const struct adblock_rule *rule,
				       const struct adblock_rewrite *rewrite)
{
	uint32_t number = 0;
	const struct buf *key = key_of(p, rule, true);
	if (!intern_find(&p->groups, key->ptr, key->len, &number))
		return NULL;
	struct adblock_group *group = &p->group[number];
	if (group->alone)
		return adblock_rewrite_eq(&group->first, rewrite) ? group : NULL;
	if (rewrite->answer != ANSWER_LOCAL)
		return group;
	struct record record;
	for (size_t at = 0; records_next(buf_str(&group->records), &at, &record);) {
		if (record.type == rewrite->type && str_eq(record.rdata, buf_str(&rewrite->rdata)))
			return group;
	}
	return NULL;
}

enum answer adblock_group_answer(const struct adblock_group *group, struct str *ret_records)
{
	*ret_records = (struct str){NULL, 0};
	if (group->alone && group->first.answer != ANSWER_LOCAL)
		return group->first.answer;
	if (group->records.len == 0)
		return ANSWER_NODATA;
	*ret_records = buf_str(&group->records);
	return ANSWER_LOCAL;
}

/* --- */

void adblock_pairs_init(struct adblock_pairs *p, struct str text, bool may_allow)
{
	*p = (struct adblock_pairs){.group = NULL};
	intern_init(&p->bad);
	intern_init(&p->excepts);
	intern_init(&p->groups);
	each_rule(p, text, "badfilter", add_bad);
	if (may_allow)
		each_rule(p, text, "dnsrewrite", add_except);
	each_rule(p, text, "dnsrewrite", add_rewrite);
}

void adblock_pairs_finish(struct adblock_pairs *p)
{
	for (uint32_t i = 0; i < p->groups.count; i++) {
		adblock_rewrite_finish(&p->group[i].first);
		buf_finish(&p->group[i].records);
	}
	free(p->group);
	buf_finish(&p->key);
	intern_finish(&p->bad);
	intern_finish(&p->excepts);
	intern_finish(&p->groups);
	*p = (struct adblock_pairs){.group = NULL};
}
