/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The matcher against a naive one that asks every entry, over thousands of random policies and names. The seed is fixed; a failure
 * names the round, which alone can be run again. */
#include "fixture.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 1500
#define NAMES_EACH 60
#define HITS_MAX 512

static uint64_t random_state;

static uint64_t random_next(void)
{
	uint64_t x = random_state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return random_state = x;
}

static unsigned below(unsigned bound)
{
	return (unsigned)(random_next() >> 20) % bound;
}

/* Few labels, so that names meet often. */
static const char *random_name(struct arena *arena, unsigned depth_max)
{
	static const char *const labels[] = {"a", "b", "c", "ab"};
	unsigned depth = below(depth_max + 1);
	if (depth == 0)
		return ".";
	char text[64] = "";
	for (unsigned i = 0; i < depth; i++) {
		if (i > 0)
			strcat(text, ".");
		strcat(text, labels[below(ARRAY_LEN(labels))]);
	}
	return arena_strdup(arena, text);
}

/* Understood alike by pcre2 and by POSIX. */
static const char *const expressions[] = {"^a\\.", "b$", "c", "^$", "a.*b", "^(a|b)\\.(a|b)$", "^[^.]*$"};

static regex_t compiled[ARRAY_LEN(expressions)];

static void random_entry(struct fixture *f, size_t list)
{
	enum match match = below(8) == 0 ? MATCH_REGEX : (enum match)below(3);
	const char *text = match == MATCH_REGEX ? expressions[below(ARRAY_LEN(expressions))] : random_name(&f->arena, 4);
	struct list_entry *e = fixture_entry(f, list, text, match);
	if (below(4) == 0)
		fixture_expires(f, e, NOW_S - 2 + (int64_t)below(5));
	if (below(5) == 0)
		fixture_lifted(f, e, NOW_S - 2 + (int64_t)below(5));
}

static void random_policy(struct fixture *f)
{
	static const char *const names[] = {"l0", "l1", "l2", "l3", "l4"};
	unsigned lists = 1 + below(ARRAY_LEN(names)), kinds = below(4);
	for (unsigned i = 0; i < lists; i++) {
		/* some rounds have blocks only, or nothing mandatory: the matcher's short cuts are for these */
		enum action action = kinds == 0 || below(2) == 0 ? ACTION_BLOCK : ACTION_ALLOW;
		enum mode mode = below(4) == 0 ? MODE_SHADOW : MODE_ENFORCE;
		(void)fixture_list(f, names[i], action, kinds > 1 && below(2) == 0, mode);
	}
	unsigned entries = below(24);
	for (unsigned i = 0; i < entries; i++)
		random_entry(f, below(lists));
	fixture_open(f);
}

/* --- the naive matcher --- */

struct naive {
	size_t list, line; /* line from 1; 0 = none */
};

static bool naive_matches(const struct list_entry *e, const struct name *name)
{
	if (e->match == MATCH_REGEX) {
		char text[NAME_TEXT_MAX];
		size_t i = 0;
		while (strcmp(e->text, expressions[i]) != 0)
			i++;
		bool yes = regexec(&compiled[i], name->labels == 0 ? "" : name_to_text(name, text), 0, NULL, 0) == 0;
		return yes;
	}
	struct name own;
	assert_true(name_from_wire(e->name, e->name_len, &own));
	bool equal = name_eq(name, &own), at_or_below = name_is_below_or_eq(name, &own);
	return e->match == MATCH_EXACT ? equal : e->match == MATCH_SUBTREE ? at_or_below : at_or_below && !equal;
}

static bool naive_in_force(const struct list_entry *e, int64_t now_s)
{
	const struct provenance *p = e->provenance;
	return p == NULL || ((p->expires == NULL || p->expires_s > now_s) && (p->lifted == NULL || p->lifted_s > now_s));
}

/* Smaller is better; the order of the table in saring-lists(5). */
static uint64_t naive_score(const struct fixture *f, size_t list, const struct list_entry *e)
{
	const struct settings_list *sl = &f->settings_lists[list];
	uint64_t rank = (uint64_t)(sl->mandatory ? 0 : 2) + (sl->action == ACTION_ALLOW ? 0 : 1);
	struct name own = {.labels = 0};
	if (e->match != MATCH_REGEX)
		assert_true(name_from_wire(e->name, e->name_len, &own));
	uint64_t specific = e->match == MATCH_REGEX ? 1000 : (127u - own.labels) * 4u + (unsigned)e->match;
	return rank << 48 | specific << 32 | (uint64_t)list << 16 | e->line;
}

static struct naive naive_best(const struct fixture *f, const struct name *name, int64_t now_s, bool with_shadow)
{
	struct naive best = {0, 0};
	uint64_t best_score = UINT64_MAX;
	for (size_t l = 0; l < f->settings.list_count; l++) {
		if (f->settings_lists[l].mode == MODE_SHADOW && !with_shadow)
			continue;
		for (size_t i = 0; i < f->lists[l].entry_count; i++) {
			const struct list_entry *e = &f->entries[l][i];
			if (!naive_in_force(e, now_s) || !naive_matches(e, name) || naive_score(f, l, e) >= best_score)
				continue;
			best_score = naive_score(f, l, e);
			best = (struct naive){l, e->line};
		}
	}
	return best;
}

/* --- comparing --- */

static void compare_verdict(struct fixture *f, const struct name *name, int64_t now_s)
{
	struct verdict v = verdict_at(f, name, now_s);
	struct naive best = naive_best(f, name, now_s, false), all = naive_best(f, name, now_s, true);
	assert_int_equal(v.kind == VERDICT_NONE, best.line == 0);
	if (best.line != 0) {
		struct policy_entry e;
		policy_entry(f->policy, v.entry, &e);
		assert_int_equal(v.list, best.list);
		assert_true(str_eq_c(e.list, f->settings_lists[best.list].name));
		assert_int_equal(e.line, best.line);
		assert_int_equal(v.kind == VERDICT_BLOCKED, f->settings_lists[best.list].action == ACTION_BLOCK);
		assert_int_equal(v.mandatory, f->settings_lists[best.list].mandatory);
	}
	bool shadowed =
	    all.line != 0 && f->settings_lists[all.list].mode == MODE_SHADOW && f->settings_lists[all.list].action == ACTION_BLOCK;
	assert_int_equal(v.shadowed, shadowed);
	if (shadowed)
		assert_int_equal(v.shadow_list, all.list);
}

/* All that match are there, each once, in order, the decider first. */
static void compare_explain(struct fixture *f, const struct name *name, int64_t now_s)
{
	struct policy_hit hits[HITS_MAX], few[3];
	size_t expected = 0;
	for (size_t l = 0; l < f->settings.list_count; l++)
		for (size_t i = 0; i < f->lists[l].entry_count; i++)
			expected += naive_matches(&f->entries[l][i], name);
	size_t count = policy_explain(f->policy, f->scratch, name, now_s, hits, HITS_MAX);
	assert_int_equal(count, expected);
	struct naive best = naive_best(f, name, now_s, false);
	uint64_t before = 0;
	for (size_t i = 0; i < count; i++) {
		struct policy_entry e;
		policy_entry(f->policy, hits[i].entry, &e);
		size_t l = (size_t)(e.list.ptr[1] - '0');
		const struct list_entry *entry = &f->entries[l][e.line - 1];
		bool decides = best.line != 0 && best.list == l && best.line == e.line;
		assert_true(naive_matches(entry, name));
		assert_int_equal(hits[i].why_not == WHY_DECIDES, decides);
		assert_int_equal(hits[i].why_not_text[0] == '\0', decides);
		bool out = !naive_in_force(entry, now_s) || f->settings_lists[l].mode == MODE_SHADOW;
		assert_int_equal(hits[i].why_not == WHY_LIFTED || hits[i].why_not == WHY_EXPIRED || hits[i].why_not == WHY_SHADOW,
				 out);
		if (decides) {
			assert_int_equal(i, 0);
			continue;
		}
		assert_true(naive_score(f, l, entry) > before);
		before = naive_score(f, l, entry);
	}
	assert_int_equal(policy_explain(f->policy, f->scratch, name, now_s, few, ARRAY_LEN(few)), count);
	for (size_t i = 0; i < MIN(count, ARRAY_LEN(few)); i++)
		assert_int_equal(few[i].entry, hits[i].entry);
}

/* Is there a name below that an allow entry at or below qname decides? Labels nobody named ("z") stand for all the others. */
static bool naive_allowed_below(struct fixture *f, const struct name *name, const struct name *qname, int64_t now_s, unsigned depth)
{
	static const char labels[][4] = {"\1a", "\1b", "\1c", "\2ab", "\1z"};
	if (depth == 0 || name->labels > 4)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct name child = {.labels = (uint8_t)(name->labels + 1)};
		size_t len = strlen(labels[i]);
		memcpy(child.wire, labels[i], len);
		memcpy(child.wire + len, name->wire, name->len);
		child.len = (uint8_t)(name->len + len);
		struct naive best = naive_best(f, &child, now_s, false);
		if (best.line != 0 && f->settings_lists[best.list].action == ACTION_ALLOW) {
			const struct list_entry *e = &f->entries[best.list][best.line - 1];
			struct name own;
			if (e->match != MATCH_REGEX && name_from_wire(e->name, e->name_len, &own) &&
			    name_is_below_or_eq(&own, qname))
				return true;
		}
		if (naive_allowed_below(f, &child, qname, now_s, depth - 1))
			return true;
	}
	return false;
}

/* NXDOMAIN never denies an allowed name below; NODATA is only said where an allow entry in force is below at all. */
static bool compare_answer(struct fixture *f, const struct name *name, int64_t now_s)
{
	struct verdict v = verdict_at(f, name, now_s);
	struct policy_answer a;
	if (v.kind != VERDICT_BLOCKED)
		return false;
	policy_answer(f->policy, &v, name, now_s, &a);
	if (a.answer == ANSWER_NXDOMAIN) {
		assert_false(naive_allowed_below(f, name, name, now_s, 3));
		return false;
	}
	assert_int_equal(a.answer, ANSWER_NODATA);
	for (size_t l = 0; l < f->settings.list_count; l++) {
		for (size_t i = 0; i < f->lists[l].entry_count; i++) {
			const struct list_entry *e = &f->entries[l][i];
			struct name own;
			if (f->settings_lists[l].action == ACTION_ALLOW && f->settings_lists[l].mode == MODE_ENFORCE &&
			    e->match != MATCH_REGEX && naive_in_force(e, now_s) && name_from_wire(e->name, e->name_len, &own) &&
			    name_is_below_or_eq(&own, name))
				return true;
		}
	}
	fail_msg("NODATA without an allow entry below");
	return false;
}

static void compare_counts(struct fixture *f, int64_t now_s)
{
	struct policy_info info;
	size_t entries = 0, in_force = 0;
	for (size_t l = 0; l < f->settings.list_count; l++) {
		struct policy_list list;
		size_t own = 0;
		for (size_t i = 0; i < f->lists[l].entry_count; i++)
			own += f->settings_lists[l].mode == MODE_ENFORCE && naive_in_force(&f->entries[l][i], now_s);
		policy_list(f->policy, (uint16_t)l, now_s, &list);
		assert_int_equal(list.in_force_count, own);
		assert_int_equal(list.entry_count, f->lists[l].entry_count);
		entries += list.entry_count;
		in_force += own;
	}
	policy_info(f->policy, now_s, &info);
	assert_int_equal(info.entry_count, entries);
	assert_int_equal(info.in_force_count, in_force);
}

static void random_policies_agree(void **state)
{
	(void)state;
	static struct fixture f;
	size_t blocked = 0, allowed = 0, shadowed = 0, nodata = 0;
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		assert_int_equal(regcomp(&compiled[i], expressions[i], REG_EXTENDED | REG_NOSUB), 0);
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		random_state = round * 0x9e3779b97f4a7c15ull;
		fixture_init(&f);
		random_policy(&f);
		for (int i = 0; i < NAMES_EACH; i++) {
			struct name name = name_of(random_name(&f.arena, 5));
			int64_t now_s = NOW_S - 1 + (int64_t)below(3);
			compare_verdict(&f, &name, now_s);
			if (i % 8 == 0)
				compare_explain(&f, &name, now_s);
			if (i % 16 == 0)
				nodata += compare_answer(&f, &name, now_s);
			struct verdict v = verdict_at(&f, &name, now_s);
			blocked += v.kind == VERDICT_BLOCKED;
			allowed += v.kind == VERDICT_ALLOWED;
			shadowed += v.shadowed;
		}
		compare_counts(&f, NOW_S);
		fixture_finish(&f);
	}
	for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
		regfree(&compiled[i]);
	/* the rounds met what they are for */
	assert_true(blocked > 5000 && allowed > 5000 && shadowed > 1000 && nodata > 50);
}

/* Enough names that the directory has many buckets and every look-up goes through it. */
static void many_names_are_each_found(void **state)
{
	(void)state;
	static struct fixture f;
	enum { COUNT = 20000 };
	fixture_init(&f);
	size_t l = fixture_list(&f, "many", ACTION_BLOCK, false, MODE_ENFORCE);
	struct list_entry *entries = arena_alloc(&f.arena, COUNT * sizeof(*entries));
	for (uint32_t i = 0; i < COUNT; i++) {
		struct name name = name_of(arena_printf(&f.arena, "n%u.d%u.example", i, i % 97));
		uint8_t *wire = arena_alloc(&f.arena, name.len);
		memcpy(wire, name.wire, name.len);
		entries[i] = (struct list_entry){
		    .text = "n", .match = MATCH_EXACT, .has_match = true, .name = wire, .name_len = name.len, .line = i + 1};
	}
	f.lists[l].entries = entries;
	f.lists[l].entry_count = COUNT;
	fixture_open(&f);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct name name = name_of(arena_printf(&f.arena, "n%u.d%u.example", i, i % 97));
		struct name other = name_of(arena_printf(&f.arena, "n%u.d%u.example", i, (i + 1) % 97));
		struct verdict v = verdict_at(&f, &name, NOW_S);
		struct policy_entry e;
		assert_int_equal(v.kind, VERDICT_BLOCKED);
		policy_entry(f.policy, v.entry, &e);
		assert_int_equal(e.line, i + 1);
		assert_int_equal(verdict_at(&f, &other, NOW_S).kind, VERDICT_NONE);
	}
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
