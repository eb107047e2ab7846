/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Response policy zones (draft-vixie-dnsop-dns-rpz): triggers are import_rpz_trigger.c's, this is what they lead to.
 *
 *      CNAME .               a block, with the list's answer (NXDOMAIN where nobody says otherwise)
 *      CNAME *.              NODATA
 *      CNAME rpz-passthru.   an allow rule; also a CNAME to the owner itself, as older zones have it
 *      CNAME rpz-drop.       no answer
 *      CNAME rpz-tcp-only.   TC over UDP
 *      anything else         local data; a CNAME to *.garden.example means the name asked put before garden.example
 *
 * An owner has one action or local data: what stands first counts. Local data may be spread over the file; the few owners that have
 * any are collected, and the zone is read once more to see which of them had an action before. */
#include "import/import_rpz_trigger.h"
#include "import/import_rpz_zone.h"
#include "import/import_rdata.h"
#include "import/segment_build.h"

#include <string.h>

#include "policy/records.h"
#include "wire/rrtype.h"

struct rpz {
	struct import *im;
	struct rpz_zone zone;
	struct local_table local;
	struct owner owner; /* of the record before; has_owner: it is one that counts */
	enum rpz_place place;
	bool has_owner, is_second;    /* the second reading: only what comes too late is looked for */
	struct buf rdata, left_owner; /* left_owner: the last one, when it was left out inside the zone */
	struct buf written;	      /* of owner.rule: the line it stood on is gone when the owner's next records come */
};

enum verdict { VERDICT_BLOCK, VERDICT_NODATA, VERDICT_PASS, VERDICT_DROP, VERDICT_TCP, VERDICT_UNKNOWN, VERDICT_BAD, VERDICT_DATA };

static bool is_word(struct str target, const char *word)
{
	if (target.len > 1 && target.ptr[target.len - 1] == '.')
		target.len--;
	return str_eq_nocase(target, str_from(word));
}

/* Is the target the owner's own name? */
static bool is_itself(const struct import_rule *rule, const struct name *target)
{
	struct name rest;
	if (rule->match == MATCH_EXACT)
		return name_eq(rule->name, target);
	return rule->match == MATCH_SUBDOMAINS && target->labels == rule->name->labels + 1 && target->wire[0] == 1 &&
	       target->wire[1] == '*' && name_suffix(target, rule->name->labels, &rest) && name_eq(rule->name, &rest);
}

/* What a CNAME means. The target as a name, when it is data, is left in r->rdata. */
static enum verdict verdict_of(struct rpz *r, struct str target, const struct import_rule *rule)
{
	struct name origin, name;
	bool has_origin = rpz_zone_origin(&r->zone, &origin);
	if (str_eq_c(target, "."))
		return VERDICT_BLOCK;
	if (str_eq_c(target, "*.") || (str_eq_c(target, "*") && !has_origin))
		return VERDICT_NODATA;
	if (is_word(target, "rpz-passthru"))
		return VERDICT_PASS;
	if (is_word(target, "rpz-drop"))
		return VERDICT_DROP;
	if (is_word(target, "rpz-tcp-only"))
		return VERDICT_TCP;
	if (target.len == 0 || !rdata_name(target, has_origin ? &origin : NULL, &name))
		return VERDICT_BAD;
	if (is_itself(rule, &name))
		return VERDICT_PASS;
	struct name last;
	if (name.labels > 0 && name_suffix(&name, 1, &last) && last.wire[0] > 4 && memcmp(last.wire + 1, "rpz-", 4) == 0)
		return VERDICT_UNKNOWN; /* an action of a later version, or a child of one */
	buf_reset(&r->rdata);
	buf_add(&r->rdata, name.wire, name.len);
	return VERDICT_DATA;
}

static void take_action(struct rpz *r, const struct rpz_record *record, enum verdict verdict)
{
	struct import_rule *rule = &r->owner.rule;
	enum action action = rule->action;
	struct local_owner *local = local_find(&r->local, rule);
	if (r->is_second) {
		if (local != NULL && record->line < local->line)
			local->is_lost = true;
		return;
	}
	if (local != NULL) {
		import_left(r->im, LEFT_RECORD, record->line, record->whole);
		return;
	}
	rule->line = record->line;
	rule->has_answer = action == ACTION_BLOCK && verdict != VERDICT_BLOCK && verdict != VERDICT_PASS;
	rule->answer = ANSWER_NXDOMAIN;
	if (verdict == VERDICT_PASS)
		rule->action = ACTION_ALLOW;
	else if (rule->has_answer)
		rule->answer = verdict == VERDICT_NODATA ? ANSWER_NODATA : verdict == VERDICT_DROP ? ANSWER_DROP : ANSWER_TRUNCATE;
	import_take(r->im, rule);
	rule->action = action;
	rule->has_answer = false;
}

/* r->rdata */
static void add_data(struct rpz *r, const struct rpz_record *record)
{
	if (r->is_second)
		return;
	if (r->owner.rule.action == ACTION_ALLOW) { /* an allow list has no data of its own */
		r->owner.rule.line = record->line;
		import_take(r->im, &r->owner.rule);
		return;
	}
	r->owner.rule.line = record->line;
	struct local_owner *local = local_add(&r->local, &r->owner.rule);
	const struct record added = {.type = record->type, .ttl_s = record->ttl_s, .rdata = buf_str(&r->rdata)};
	if (!records_add(&local->records, &added))
		import_left(r->im, LEFT_RECORD, record->line, record->whole);
}

static void read_cname(struct rpz *r, const struct rpz_record *record)
{
	enum verdict verdict = record->is_block ? VERDICT_BLOCK : verdict_of(r, record->rdata, &r->owner.rule);
	if (verdict == VERDICT_DATA)
		add_data(r, record);
	else if (verdict == VERDICT_UNKNOWN || verdict == VERDICT_BAD)
		import_left(r->im, verdict == VERDICT_BAD ? LEFT_RECORD : LEFT_ACTION, record->line, record->whole);
	else if (verdict == VERDICT_PASS && !import_may_allow(r->im))
		import_left(r->im, LEFT_MAY_ALLOW, record->line, record->whole);
	else
		take_action(r, record, verdict);
}

/* The owner of the record before once more. When that was left out, so is this, for the same reason. */
static bool find_same_owner(struct rpz *r, const struct rpz_record *record)
{
	if (record->is_orphan || (!r->has_owner && r->place != RPZ_INSIDE))
		import_left(r->im, record->is_orphan ? LEFT_SYNTAX : LEFT_OUT_OF_ZONE, record->line, record->whole);
	else if (r->has_owner || rpz_trigger_read(r->im, buf_str(&r->left_owner), record->line, &r->owner))
		return true;
	return false;
}

/* The record's owner -> r->owner. False when it, and with it the record, is left out. */
static bool find_owner(struct rpz *r, const struct rpz_record *record)
{
	struct str owner;
	if (record->same_owner)
		return find_same_owner(r, record);
	r->has_owner = false;
	r->place = rpz_zone_place(&r->zone, record->owner, &owner);
	switch (r->place) {
	case RPZ_OUTSIDE:
		import_left(r->im, LEFT_OUT_OF_ZONE, record->line, record->whole);
		return false;
	case RPZ_APEX:
		r->has_owner = true;
		return true;
	case RPZ_INSIDE:
		break;
	}
	r->has_owner = rpz_trigger_read(r->im, owner, record->line, &r->owner);
	if (!r->has_owner) {
		buf_reset(&r->left_owner);
		buf_add_str(&r->left_owner, owner);
	} else if (r->owner.rule.written.len > 0) {
		buf_reset(&r->written);
		buf_add_str(&r->written, r->owner.rule.written);
		r->owner.rule.written = buf_str(&r->written);
	}
	return r->has_owner;
}

static void read_record(struct rpz *r, const struct rpz_record *record)
{
	if (record->type == RRTYPE_SOA && !record->other_class && !record->same_owner) {
		rpz_zone_soa(&r->zone, record->owner);
		r->has_owner = true;
		r->place = RPZ_APEX;
		import_left(r->im, LEFT_NOT_POLICY, record->line, record->whole);
		return;
	}
	if (!find_owner(r, record))
		return;
	if (r->place == RPZ_APEX || record->other_class || rdata_is_barred(record->type)) {
		import_left(r->im, LEFT_NOT_POLICY, record->line, record->whole);
		return;
	}
	if (record->type == RRTYPE_CNAME) {
		read_cname(r, record);
		return;
	}
	struct name origin;
	bool has_origin = rpz_zone_origin(&r->zone, &origin);
	if (rdata_read(record->type, record->rdata, has_origin ? &origin : NULL, &r->rdata))
		add_data(r, record);
	else
		import_left(r->im, LEFT_RECORD, record->line, record->whole);
}

static void read_zone(struct rpz *r, struct str text)
{
	struct rpz_record record;
	rpz_zone_init(&r->zone, r->im, text);
	r->has_owner = false;
	r->place = RPZ_OUTSIDE;
	while (rpz_zone_next(&r->zone, &record))
		read_record(r, &record);
	rpz_zone_finish(&r->zone);
}

/* The second reading, into a segment nobody sees. */
static void read_again(struct rpz *r, struct str text)
{
	struct import *im = r->im, scratch;
	import_begin(&scratch, &im->settings, FORMAT_RPZ);
	scratch.has_nul = im->has_nul;
	r->im = &scratch;
	r->is_second = true;
	read_zone(r, text);
	r->im = im;
	segment_destroy(import_end(&scratch));
}

static void take_local(struct rpz *r)
{
	for (size_t i = 0; i < local_count(&r->local); i++) {
		const struct local_owner *local = &r->local.owners[i];
		local_rule(&r->local, i, &r->owner);
		r->owner.rule.has_answer = true;
		r->owner.rule.answer = ANSWER_LOCAL;
		r->owner.rule.records = buf_str(&local->records);
		if (local->is_lost)
			import_left(r->im, LEFT_RECORD, local->line, STR_LIT("local data of an owner that has an action"));
		else if (r->owner.rule.records.len > 0)
			import_take(r->im, &r->owner.rule);
	}
}

void import_rpz(struct import *im, struct str text)
{
	struct rpz r = {.im = im};
	local_init(&r.local);
	read_zone(&r, text);
	if (local_count(&r.local) > 0)
		read_again(&r, text);
	take_local(&r);
	buf_finish(&r.rdata);
	buf_finish(&r.left_owner);
	buf_finish(&r.written);
	local_finish(&r.local);
}
