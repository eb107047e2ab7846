/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The matcher against a naive one that asks every entry, over thousands of random policies and names: both tiers, YAML and adblock
 * lists, every match, conditions, ends, shadow. The seed is fixed; a failure names the round, which alone can be run again. */
#include "dice.h"
#include "fixture.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 1500
#define NAMES_EACH 50
#define ENTRIES_MAX 24 /* of a list */
#define HITS_MAX 256
#define TYPE_A 1
#define TYPE_AAAA 28

/* --- what is in force, as the test knows it --- */

struct entry {
	char line[512]; /* as written */
	enum match match;
	char text[128]; /* name, expression, pattern */
	bool subtree;	/* of a pattern */
	enum action action;
	bool important, shadow;
	int64_t until_s;
	bool lifted;		 /* the entry says so itself, be it at a time to come */
	int64_t lift_s;		 /* a lift beside the list: from then on it says nothing */
	unsigned type, not_type; /* 0: not said */
	int client;		 /* 1: 192.0.2.0/24 only, -1: all others only */
	char deny_allow[128];
};

struct list {
	bool adblock, mandatory;
	enum action action;
	enum mode mode;
	struct entry entries[ENTRIES_MAX];
	size_t count;
};

/* A lift beside a list that cannot be edited. */
struct lifted {
	size_t list;
	char text[128];
	enum action action;
	int64_t at_s;
};

static struct list lists[5];
static struct lifted lifts[6];
static size_t lift_count;
static size_t list_count;

/* Understood alike by pcre2 and by POSIX. */
static const char *const expressions[] = {"^a\\.", "ab\\.", "\\.ex\\.n", "^(a|b)\\.(a|c)", "^[abc]+\\.ex"};
static regex_t compiled[ARRAY_LEN(expressions)];

/* Few labels, so that names meet often. */
static void random_name(char *ret, size_t size, unsigned depth_max)
{
	static const char *const labels[] = {"a", "b", "c", "ab"}, *const ends[] = {"ex.org", "ex.net"};
	unsigned depth = below(depth_max + 1);
	size_t used = 0;
	for (unsigned i = 0; i < depth; i++)
		used += (size_t)snprintf(ret + used, size - used, "%s.", labels[below(ARRAY_LEN(labels))]);
	(void)snprintf(ret + used, size - used, "%s", ends[below(ARRAY_LEN(ends))]);
}

/* on_trial: in a list that is on trial as a whole `mode` would change nothing, and make doubles. */
static void random_yaml(struct entry *e, bool on_trial)
{
	static const char *const words[] = {"exact", "subtree", "subdomains"};
	char said[128] = "", time[32], text[sizeof(e->text)];
	if (below(6) == 0) {
		e->match = MATCH_REGEX;
		(void)snprintf(text, sizeof(text), "%s", expressions[below(ARRAY_LEN(expressions))]);
		(void)snprintf(e->line, sizeof(e->line), "  - {regex: '%s'", text);
	} else {
		e->match = (enum match)below(3);
		random_name(text, sizeof(text), 3);
		if (below(20) == 0)
			(void)snprintf(text, sizeof(text), "%s", below(2) == 0 ? "." : "org");
		(void)snprintf(e->line, sizeof(e->line), "  - {domain: '%s', match: %s", text, words[e->match]);
	}
	memcpy(e->text, text, sizeof(text));
	e->shadow = !on_trial && below(5) == 0;
	strcat(said, e->shadow ? ", mode: shadow" : "");
	for (int key = 0; key < 2; key++) {
		if (below(4) != 0)
			continue;
		int64_t until_s = NOW_S - 2 + (int64_t)below(5);
		str_from_time(until_s, time, sizeof(time));
		e->until_s = MIN(e->until_s, until_s);
		e->lifted |= key == 1;
		(void)snprintf(said + strlen(said), sizeof(said) - strlen(said), ", %s: %s", key == 0 ? "expires" : "lifted", time);
	}
	strcat(e->line, said);
	strcat(e->line, "}");
}

static void random_body(struct entry *e, char *body, size_t size)
{
	static const char *const patterns[] = {"a*.ex.org", "*b.a.ex.net", "a*b.ex*", "*b.ex.*", "a.*.ex.org"};
	switch (below(8)) {
	case 0:
		e->match = MATCH_REGEX;
		(void)snprintf(e->text, sizeof(e->text), "%s", expressions[below(ARRAY_LEN(expressions))]);
		(void)snprintf(body, size, "/%s/", e->text);
		return;
	case 1:
	case 2:
		e->match = MATCH_PATTERN;
		e->subtree = below(2) == 0;
		(void)snprintf(e->text, sizeof(e->text), "%s", patterns[below(ARRAY_LEN(patterns))]);
		(void)snprintf(body, size, "%s%s", e->subtree ? "||" : "|", e->text);
		if (e->text[strlen(e->text) - 1] != '*')
			strcat(body, "^");
		return;
	default:
		e->match = (enum match)below(3);
		random_name(e->text, sizeof(e->text), 3);
		(void)snprintf(body, size, "%s%s^",
			       e->match == MATCH_EXACT	   ? "|"
			       : e->match == MATCH_SUBTREE ? "||"
							   : "||*.",
			       e->text);
	}
}

static void add_option(char *options, const char *option)
{
	strcat(options, options[0] == '\0' ? "$" : ",");
	strcat(options, option);
}

/* In a mandatory list nothing is more important than the rest: it would make doubles. */
static void random_adblock(struct entry *e, bool mandatory)
{
	char body[160], options[160] = "", option[140];
	random_body(e, body, sizeof(body));
	if (below(5) == 0)
		e->action = ACTION_ALLOW;
	if (below(5) == 0 && !mandatory) {
		e->important = true;
		add_option(options, "important");
	}
	if (below(5) == 0) {
		bool not = below(2) == 0;
		*(not ? &e->not_type : &e->type) = TYPE_AAAA;
		add_option(options, not ? "dnstype=~AAAA" : "dnstype=AAAA");
	}
	if (below(6) == 0) {
		e->client = below(2) == 0 ? 1 : -1;
		add_option(options, e->client > 0 ? "client=192.0.2.0/24" : "client=~192.0.2.0/24");
	}
	if (below(6) == 0 && e->match <= MATCH_SUBDOMAINS) {
		random_name(e->deny_allow, sizeof(e->deny_allow), 2);
		(void)snprintf(option, sizeof(option), "denyallow=%s", e->deny_allow);
		add_option(options, option);
	}
	(void)snprintf(e->line, sizeof(e->line), "%s%s%s", e->action == ACTION_ALLOW ? "@@" : "", body, options);
}

static bool is_double(const struct list *l, const struct entry *e)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->entries[i].line, e->line) == 0)
			return true;
	return false;
}

static void random_list(struct fixture *f, size_t n, unsigned kinds)
{
	struct list *l = &lists[n];
	struct buf text = {NULL, 0, 0};
	char name[24];
	unsigned wanted = below(ENTRIES_MAX);
	*l = (struct list){.adblock = below(2) == 0};
	/* some rounds have blocks only, or nothing mandatory: the matcher's short cuts are for these */
	l->action = kinds == 0 || below(2) == 0 || l->adblock ? ACTION_BLOCK : ACTION_ALLOW;
	l->mandatory = kinds > 1 && below(3) == 0;
	l->mode = below(4) == 0 ? MODE_SHADOW : MODE_ENFORCE;
	for (unsigned i = 0; i < wanted; i++) {
		struct entry *e = &l->entries[l->count];
		*e = (struct entry){.until_s = INT64_MAX, .lift_s = INT64_MAX, .action = l->action};
		if (l->adblock)
			random_adblock(e, l->mandatory);
		else
			random_yaml(e, l->mode == MODE_SHADOW);
		if (!is_double(l, e))
			l->count++;
	}
	buf_add_c(&text, l->adblock ? "! a list\n" : l->count > 0 ? "entries:\n" : "entries: []\n");
	for (size_t i = 0; i < l->count; i++)
		buf_printf(&text, "%s\n", l->entries[i].line);
	(void)snprintf(name, sizeof(name), "l%zu", n);
	(void)fixture_add(f, &(struct fixture_list){.name = name,
						    .text = text.ptr,
						    .format = l->adblock ? FORMAT_ADBLOCK : FORMAT_YAML,
						    .has_action = true,
						    .action = l->action,
						    .mandatory = l->mandatory,
						    .may_allow = true,
						    .bulk = l->adblock || below(3) == 0,
						    .mode = l->mode});
	buf_finish(&text);
}

/* A lift is of a list, a name and an action: every entry of that name that does so is silent. */
static void apply_lift(size_t list, const char *text, enum action action, int64_t lift_s)
{
	const struct name name = name_of(text);
	for (size_t i = 0; i < lists[list].count; i++) {
		struct entry *e = &lists[list].entries[i];
		if (e->match > MATCH_SUBDOMAINS || e->action != action)
			continue;
		const struct name own = name_of(e->text);
		if (name_eq(&own, &name))
			e->lift_s = MIN(e->lift_s, lift_s);
	}
}

/* Is the name of lift i lifted in its list by an earlier one? */
static bool is_lifted(size_t i)
{
	const struct name name = name_of(lifts[i].text);
	for (size_t k = 0; k < i; k++) {
		const struct name other = name_of(lifts[k].text);
		if (lifts[k].list == lifts[i].list && name_eq(&name, &other)) {
			lifts[i] = lifts[k];
			return true;
		}
	}
	return false;
}

/* Of names that are there, mostly; in every other round. */
static void random_lifts(struct fixture *f)
{
	struct buf lines = {NULL, 0, 0};
	lift_count = below(2) == 0 ? 0 : below(ARRAY_LEN(lifts) + 1);
	for (size_t i = 0; i < lift_count; i++) {
		struct lifted *lift = &lifts[i];
		const size_t list = below((unsigned)list_count);
		const struct list *l = &lists[list];
		const struct entry *e = l->count > 0 ? &l->entries[below((unsigned)l->count)] : NULL;
		char time[32];
		*lift = (struct lifted){
		    .list = list, .action = below(4) == 0 ? ACTION_ALLOW : ACTION_BLOCK, .at_s = NOW_S - 2 + (int64_t)below(4)};
		if (e != NULL && e->match <= MATCH_SUBDOMAINS && below(8) != 0)
			memcpy(lift->text, e->text, sizeof(lift->text));
		else
			random_name(lift->text, sizeof(lift->text), 3);
		if (is_lifted(i))
			continue;
		str_from_time(lift->at_s, time, sizeof(time));
		buf_printf(&lines, "l%zu %s %s%s\n", list, lift->text, time, lift->action == ACTION_ALLOW ? " allow" : "");
		apply_lift(list, lift->text, lift->action, lift->at_s);
	}
	if (lift_count > 0)
		fixture_lifts(f, lines.ptr);
	buf_finish(&lines);
}

static void random_policy(struct fixture *f)
{
	unsigned kinds = below(4);
	list_count = 1 + below(ARRAY_LEN(lists));
	for (size_t i = 0; i < list_count; i++)
		random_list(f, i, kinds);
	random_lifts(f);
	fixture_open(f);
}

/* --- the naive matcher --- */

struct asked {
	struct name name;
	char text[NAME_TEXT_MAX];
	uint16_t type;
	int client; /* 0: not known, 1: in 192.0.2.0/24, -1: another */
	int64_t now_s;
	bool masked; /* only some lists act for who asks */
	struct list_mask acts;
};

/* Backtracking over every way to take a star. */
static bool naive_glob(const char *pattern, const char *text)
{
	if (*pattern == '\0')
		return *text == '\0';
	if (*pattern == '*')
		return naive_glob(pattern + 1, text) || (*text != '\0' && naive_glob(pattern, text + 1));
	return *pattern == *text && naive_glob(pattern + 1, text + 1);
}

static bool naive_matches(const struct entry *e, const struct asked *q)
{
	if (e->match == MATCH_REGEX) {
		size_t i = 0;
		while (strcmp(e->text, expressions[i]) != 0)
			i++;
		return regexec(&compiled[i], q->text, 0, NULL, 0) == 0;
	}
	if (e->match == MATCH_PATTERN) {
		for (const char *at = q->text; at != NULL; at = strchr(at, '.')) {
			at += *at == '.';
			if (naive_glob(e->text, at))
				return true;
			if (!e->subtree)
				break;
		}
		return false;
	}
	struct name own = name_of(e->text);
	bool equal = name_eq(&q->name, &own), at_or_below = name_is_below_or_eq(&q->name, &own);
	return e->match == MATCH_EXACT ? equal : e->match == MATCH_SUBTREE ? at_or_below : at_or_below && !equal;
}

static bool naive_condition(const struct entry *e, const struct asked *q)
{
	if ((e->type != 0 && e->type != q->type) || (e->not_type != 0 && e->not_type == q->type))
		return false;
	if (e->client != 0 && e->client != q->client)
		return false;
	if (e->deny_allow[0] == '\0')
		return true;
	struct name other = name_of(e->deny_allow);
	return !name_is_below_or_eq(&q->name, &other);
}

static bool naive_acts(size_t list, const struct asked *q)
{
	return !q->masked || list_mask_has(&q->acts, list);
}

static bool naive_speaks(const struct entry *e, const struct asked *q)
{
	return q->now_s < e->until_s && q->now_s < e->lift_s && naive_condition(e, q) && naive_matches(e, q);
}

static bool naive_shadow(size_t list, size_t line)
{
	return lists[list].mode == MODE_SHADOW || lists[list].entries[line].shadow;
}

/* Smaller is better; the order of match.h. */
static uint64_t naive_score(size_t list, size_t line)
{
	const struct list *l = &lists[list];
	const struct entry *e = &l->entries[line];
	bool allows = e->action == ACTION_ALLOW, has_name = e->match <= MATCH_SUBDOMAINS;
	uint64_t rank = l->mandatory ? 0 : e->important || (allows && l->action == ACTION_ALLOW) ? 2 : 4;
	uint64_t specific = has_name ? (127u - name_of(e->text).labels) * 4u + (unsigned)e->match : 1000;
	return (rank + !allows) << 48 | specific << 32 | (uint64_t)list << 16 | line;
}

struct naive {
	const struct entry *entry; /* NULL: none */
	size_t list, line;
	uint64_t score;
};

static struct naive naive_best(const struct asked *q, bool with_shadow)
{
	struct naive best = {NULL, 0, 0, UINT64_MAX};
	for (size_t l = 0; l < list_count; l++) {
		for (size_t i = 0; i < lists[l].count; i++) {
			const struct entry *e = &lists[l].entries[i];
			if (naive_shadow(l, i) && !with_shadow)
				continue;
			if (naive_score(l, i) < best.score && naive_acts(l, q) && naive_speaks(e, q))
				best = (struct naive){e, l, i, naive_score(l, i)};
		}
	}
	return best;
}

/* --- comparing --- */

static struct policy_question question_of(const struct asked *q, struct addr *client)
{
	assert_true(addr_from_text(str_from(q->client > 0 ? "192.0.2.77" : "198.51.100.1"), 0, client));
	return (struct policy_question){
	    .name = &q->name, .type = q->type, .client = q->client == 0 ? NULL : client, .lists = q->masked ? &q->acts : NULL};
}

static struct verdict compare_verdict(struct fixture *f, const struct asked *q)
{
	struct addr client;
	struct policy_question question = question_of(q, &client);
	struct verdict v, fetched;
	struct policy_prepared prepared;
	struct naive best = naive_best(q, false), all = naive_best(q, true);
	(void)policy_match(f->policy, f->scratch, &question, q->now_s, &v);
	assert_int_equal(v.kind == VERDICT_NONE, best.entry == NULL);
	if (best.entry != NULL) {
		assert_int_equal(v.list, best.list);
		assert_int_equal(v.kind == VERDICT_BLOCKED, best.entry->action == ACTION_BLOCK);
		assert_int_equal(v.mandatory, lists[best.list].mandatory);
		assert_int_equal(v.labels, best.entry->match <= MATCH_SUBDOMAINS ? name_of(best.entry->text).labels : 0);
	}
	bool shadowed = all.entry != NULL && naive_shadow(all.list, all.line) && all.entry->action == ACTION_BLOCK;
	assert_int_equal(v.shadowed, shadowed);
	if (shadowed)
		assert_int_equal(v.shadow_list, all.list);
	/* the batch's way gives the same, however far it was gone */
	for (int steps = 0; steps < 3; steps++) {
		policy_prepare(f->policy, &q->name, &prepared);
		if (steps > 0)
			policy_fetch(f->policy, &q->name, &prepared);
		if (steps > 1)
			policy_fetch_records(f->policy, &prepared);
		(void)policy_match_prepared(f->policy, f->scratch, &question, &prepared, q->now_s, &fetched);
		assert_memory_equal(&v, &fetched, sizeof(v));
	}
	return v;
}

/* For whoever must find out why. */
static void print_all(const struct asked *q, const struct policy_hit *hits, size_t count)
{
	print_message("%s type %u client %d now %+d\n", q->text, q->type, q->client, (int)(q->now_s - NOW_S));
	for (size_t l = 0; l < list_count; l++)
		for (size_t i = 0; i < lists[l].count; i++)
			if (naive_matches(&lists[l].entries[i], q))
				print_message("expected l%zu:%zu %s\n", l, i + 2, lists[l].entries[i].line);
	for (size_t i = 0; i < count; i++)
		print_message("got %.*s:%u %s\n", (int)hits[i].entry.list.len, hits[i].entry.list.ptr, hits[i].entry.line,
			      hits[i].why_not_text);
}

/* All that match are there, each once, in order, the decider first. */
static void compare_explain(struct fixture *f, const struct asked *q)
{
	static struct policy_hit hits[HITS_MAX], few[2];
	struct addr client;
	struct policy_question question = question_of(q, &client);
	struct naive best = naive_best(q, false);
	size_t expected = 0;
	uint64_t before = 0;
	for (size_t l = 0; l < list_count; l++)
		for (size_t i = 0; i < lists[l].count; i++)
			expected += naive_matches(&lists[l].entries[i], q);
	size_t count = policy_explain(f->policy, f->scratch, &question, q->now_s, hits, HITS_MAX);
	if (count != expected)
		print_all(q, hits, count);
	assert_int_equal(count, expected);
	for (size_t i = 0; i < count; i++) {
		const struct policy_entry *got = &hits[i].entry;
		size_t l = (size_t)(got->list.ptr[1] - '0'), line = got->line - 2;
		assert_true(l < list_count && line < lists[l].count);
		const struct entry *e = &lists[l].entries[line];
		assert_true(naive_matches(e, q));
		assert_int_equal(got->action, e->action);
		assert_int_equal(got->match, e->match);
		assert_int_equal(got->mode, naive_shadow(l, line) ? MODE_SHADOW : MODE_ENFORCE);
		bool decides = best.entry == e, ended = q->now_s >= e->until_s || q->now_s >= e->lift_s;
		assert_int_equal(hits[i].why_not == WHY_DECIDES, decides);
		assert_int_equal(hits[i].why_not_text[0] == '\0', decides);
		assert_int_equal(hits[i].why_not == WHY_LIFTED || hits[i].why_not == WHY_EXPIRED, ended);
		assert_int_equal(hits[i].why_not == WHY_SHADOW, !ended && naive_shadow(l, line));
		const bool silent = ended || naive_shadow(l, line) || !naive_condition(e, q);
		assert_int_equal(hits[i].why_not == WHY_CONDITION, !ended && !naive_shadow(l, line) && !naive_condition(e, q));
		assert_int_equal(hits[i].why_not == WHY_GROUP, !silent && !naive_acts(l, q));
		if (decides) {
			assert_int_equal(i, 0);
			continue;
		}
		assert_true(naive_score(l, line) >= before);
		before = naive_score(l, line);
	}
	assert_int_equal(policy_explain(f->policy, f->scratch, &question, q->now_s, few, ARRAY_LEN(few)), count);
	for (size_t i = 0; i < MIN(count, ARRAY_LEN(few)); i++)
		assert_true(few[i].entry.line == hits[i].entry.line && str_eq(few[i].entry.list, hits[i].entry.list));
}

/* The name that all an entry matches is at or below; "" when nobody can tell. */
static const char *naive_root(const struct entry *e)
{
	if (e->match <= MATCH_SUBDOMAINS)
		return e->text;
	const char *star = e->match == MATCH_PATTERN ? strrchr(e->text, '*') : NULL;
	const char *dot = star == NULL ? NULL : strchr(star, '.');
	return dot == NULL ? "" : dot + 1;
}

/* Is there an entry in force that allows something below qname, and that what blocks qname and all below does not outrank? */
static bool naive_allow_below(const struct asked *q, const struct naive *block)
{
	bool covers = block->entry->match == MATCH_SUBTREE || block->entry->match == MATCH_SUBDOMAINS;
	for (size_t l = 0; l < list_count; l++) {
		for (size_t i = 0; i < lists[l].count; i++) {
			const struct entry *e = &lists[l].entries[i];
			const char *root = naive_root(e);
			if (naive_shadow(l, i) || e->action != ACTION_ALLOW || q->now_s >= e->until_s || root[0] == '\0')
				continue;
			struct name own = name_of(root);
			if (name_is_below_or_eq(&own, &q->name) && (own.labels > q->name.labels || e->match != MATCH_EXACT) &&
			    (!covers || naive_score(l, i) >> 48 < block->score >> 48))
				return true;
		}
	}
	for (size_t l = 0; l < list_count && !covers; l++) {
		for (size_t i = 0; i < lists[l].count; i++) {
			const struct entry *e = &lists[l].entries[i];
			if (naive_shadow(l, i) || !e->lifted || e->action != ACTION_BLOCK || e->match > MATCH_SUBDOMAINS)
				continue;
			const struct name own = name_of(e->text);
			if (name_is_below_or_eq(&own, &q->name) && own.labels > q->name.labels)
				return true;
		}
	}
	/* what was lifted below a name that is blocked by itself is not denied by it either, whenever that was */
	for (size_t i = 0; i < lift_count && !covers; i++) {
		const struct name own = name_of(lifts[i].text);
		if (lifts[i].action == ACTION_BLOCK && lists[lifts[i].list].mode != MODE_OFF &&
		    name_is_below_or_eq(&own, &q->name) && own.labels > q->name.labels)
			return true;
	}
	return false;
}

static bool compare_answer(struct fixture *f, const struct asked *q, const struct verdict *v)
{
	struct policy_answer a;
	if (v->kind != VERDICT_BLOCKED)
		return false;
	struct naive best = naive_best(q, false);
	policy_answer(f->policy, v, &q->name, true, q->now_s, &a);
	assert_int_equal(a.owner_labels, v->labels);
	int64_t left_s = best.entry->until_s == INT64_MAX ? UINT32_MAX : best.entry->until_s - q->now_s - 1;
	assert_int_equal(a.left_s, left_s);
	assert_int_equal(a.ttl_s, MIN(left_s, (int64_t)10));
	bool below_it = naive_allow_below(q, &best);
	assert_int_equal(a.answer, below_it ? ANSWER_NODATA : ANSWER_NXDOMAIN);
	return below_it;
}

/* Would it be blocked if nothing had been lifted? */
static bool was_blocked(const struct asked *q)
{
	int64_t kept[ARRAY_LEN(lists)][ENTRIES_MAX];
	for (size_t l = 0; l < list_count; l++) {
		for (size_t i = 0; i < lists[l].count; i++) {
			kept[l][i] = lists[l].entries[i].lift_s;
			lists[l].entries[i].lift_s = INT64_MAX;
		}
	}
	const struct naive best = naive_best(q, false);
	for (size_t l = 0; l < list_count; l++)
		for (size_t i = 0; i < lists[l].count; i++)
			lists[l].entries[i].lift_s = kept[l][i];
	return best.entry != NULL && best.entry->action == ACTION_BLOCK;
}

static void compare_counts(struct fixture *f)
{
	struct policy_info info;
	size_t entries = 0, in_force = 0;
	for (size_t l = 0; l < list_count; l++) {
		struct policy_list list;
		size_t own = 0;
		for (size_t i = 0; i < lists[l].count; i++)
			own += !naive_shadow(l, i) && NOW_S < lists[l].entries[i].until_s && NOW_S < lists[l].entries[i].lift_s;
		policy_list(f->policy, (uint16_t)l, NOW_S, &list);
		assert_true(list.name.len == 2 && list.name.ptr[1] == (char)('0' + l));
		assert_int_equal(list.entry_count, lists[l].count);
		assert_int_equal(list.in_force_count, own);
		assert_int_equal(list.action, lists[l].action);
		assert_int_equal(list.format, lists[l].adblock ? FORMAT_ADBLOCK : FORMAT_YAML);
		entries += list.entry_count;
		in_force += own;
	}
	policy_info(f->policy, NOW_S, &info);
	assert_int_equal(info.list_count, list_count);
	assert_int_equal(info.entry_count, entries);
	assert_int_equal(info.in_force_count, in_force);
	assert_int_equal(info.bytes, f->images[0].len + f->images[1].len);
}

static void random_policies_agree(void **state)
{
	(void)state;
	static struct fixture f;
	static struct asked q;
	size_t blocked = 0, allowed = 0, shadowed = 0, nodata = 0, lifted = 0;
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		assert_int_equal(regcomp(&compiled[i], expressions[i], REG_EXTENDED | REG_NOSUB), 0);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		random_state = round * 0x9e3779b97f4a7c15ull;
		fixture_init(&f);
		random_policy(&f);
		for (int i = 0; i < NAMES_EACH; i++) {
			random_name(q.text, sizeof(q.text), 4);
			q.name = name_of(q.text);
			q.type = below(2) == 0 ? TYPE_A : TYPE_AAAA;
			q.client = (int)below(3) - 1;
			q.now_s = NOW_S - 1 + (int64_t)below(3);
			q.masked = below(2) == 0;
			q.acts = (struct list_mask){{below(256)}};
			struct verdict v = compare_verdict(&f, &q);
			if (i % 8 == 0)
				compare_explain(&f, &q);
			nodata += compare_answer(&f, &q, &v);
			blocked += v.kind == VERDICT_BLOCKED;
			allowed += v.kind == VERDICT_ALLOWED;
			shadowed += v.shadowed;
			lifted += lift_count > 0 && v.kind != VERDICT_BLOCKED && was_blocked(&q);
		}
		compare_counts(&f);
		fixture_finish(&f);
	}
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		regfree(&compiled[i]);
	/* the rounds met what they are for */
	assert_true(blocked > 2000 && allowed > 2000 && shadowed > 500 && nodata > 50 && lifted > 100);
}

/* Enough names that the directory has many buckets and every look-up goes through it. */
static void many_names_are_each_found(void **state)
{
	(void)state;
	static struct fixture f;
	enum { COUNT = 20000 };
	struct buf text = {NULL, 0, 0};
	fixture_init(&f);
	for (uint32_t i = 0; i < COUNT; i++)
		buf_printf(&text, "0.0.0.0 n%u.d%u.example\n", i, i % 97);
	fixture_policy(&f, &(struct fixture_list){.name = "many", .text = text.ptr, .format = FORMAT_HOSTS}, 1, NOW_S);
	for (uint32_t i = 0; i < COUNT; i++) {
		char hit[64], miss[64];
		struct policy_hit told;
		(void)snprintf(hit, sizeof(hit), "n%u.d%u.example", i, i % 97);
		(void)snprintf(miss, sizeof(miss), "n%u.d%u.example", i, (i + 1) % 97);
		assert_int_equal(verdict_of(&f, hit).kind, VERDICT_BLOCKED);
		assert_int_equal(verdict_of(&f, miss).kind, VERDICT_NONE);
		if (i % 16 != 0)
			continue;
		struct name name = name_of(hit);
		struct policy_question q = {.name = &name, .type = TYPE_A};
		assert_int_equal(policy_explain(f.policy, f.scratch, &q, NOW_S, &told, 1), 1);
		assert_int_equal(told.entry.line, i + 1);
		assert_true(str_eq_c(told.entry.entry, hit));
	}
	buf_finish(&text);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_policies_agree),
	    cmocka_unit_test(many_names_are_each_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
