/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The steps of a batch (match.h): after prepare, after fetch, after fetch_records, and in one, the answer is the same, and it is
 * the naive one. Names of 1 to 126 labels, most more than hashes are kept of; octets that the codec might take for ends of labels.
 */
#include "dice.h"
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 150
#define NAMES_EACH 60
#define ENTRIES_MAX 30
#define LISTS 3

/* --- asking in every way --- */

static struct verdict same_for(const struct policy *policy, struct policy_scratch *scratch, const struct name *name,
			       const struct list_mask *acts)
{
	const struct policy_question question = {.name = name, .type = 1, .lists = acts};
	struct policy_prepared prepared[3];
	struct verdict at_once, v;
	memset(prepared, 0xa5, sizeof(prepared)); /* nothing is taken that no step has written */
	bool decided = policy_match(policy, scratch, &question, NOW_S, &at_once);
	for (size_t steps = 0; steps < ARRAY_LEN(prepared); steps++) {
		struct policy_prepared *p = &prepared[steps];
		policy_prepare(policy, name, p);
		if (steps > 0)
			policy_fetch(policy, name, p);
		if (steps > 1)
			policy_fetch_records(policy, p);
		memset(&v, 0x5a, sizeof(v));
		assert_int_equal(policy_match_prepared(policy, scratch, &question, p, NOW_S, &v), decided);
		assert_memory_equal(&v, &at_once, sizeof(v));
		assert_int_equal(policy_match_prepared(policy, scratch, &question, p, NOW_S, &v), decided); /* again */
		assert_memory_equal(&v, &at_once, sizeof(v));
	}
	return at_once;
}

static struct verdict same_in_every_way(const struct policy *policy, struct policy_scratch *scratch, const struct name *name)
{
	return same_for(policy, scratch, name, NULL);
}

/* --- random names against a naive matcher --- */

struct entry {
	struct name name;
	enum match match;
};
struct list {
	enum action action;
	enum mode mode;
	bool mandatory;
	struct entry entries[ENTRIES_MAX];
	size_t count;
};
static struct list lists[LISTS];

/* The last of a long row of labels, few of them different, below one of few ends: names meet often. */
static void random_name(char *ret, unsigned labels_max)
{
	unsigned labels = 1 + below(labels_max), kinds = below(4) == 0 ? 2 : 1;
	char *at = ret;
	for (unsigned i = 1; i < labels; i++)
		at += sprintf(at, "%c.", (int)('a' + below(kinds)));
	(void)sprintf(at, "%c", (int)('x' + below(2)));
}

/* Around 16 and 64 things change; elsewhere anything. */
static unsigned random_depth(void)
{
	static const unsigned depths[] = {4, 15, 16, 17, 63, 64, 65, 126};
	return depths[below(ARRAY_LEN(depths))];
}

static void random_list(struct fixture *f, size_t n, bool plain)
{
	static const char *const words[] = {"exact", "subtree", "subdomains"};
	static char text[ENTRIES_MAX * 320];
	char name[8], own[NAME_TEXT_MAX];
	char *at = text + sprintf(text, "entries:\n  - {domain: list%zu.example}\n", n);
	struct list *l = &lists[n];
	unsigned wanted = below(ENTRIES_MAX);
	*l = (struct list){.action = plain || below(2) == 0 ? ACTION_BLOCK : ACTION_ALLOW,
			   .mode = !plain && below(4) == 0 ? MODE_SHADOW : MODE_ENFORCE,
			   .mandatory = !plain && below(3) == 0};
	for (unsigned i = 0; i < wanted; i++) {
		struct entry *e = &l->entries[l->count];
		random_name(own, random_depth());
		*e = (struct entry){.name = name_of(own), .match = (enum match)below(3)};
		bool twice = false;
		for (size_t j = 0; j < l->count; j++)
			twice |= name_eq(&l->entries[j].name, &e->name);
		if (twice)
			continue;
		at += sprintf(at, "  - {domain: %s, match: %s}\n", own, words[e->match]);
		l->count++;
	}
	(void)snprintf(name, sizeof(name), "l%zu", n);
	(void)fixture_add(f, &(struct fixture_list){.name = name,
						    .text = text,
						    .has_action = true,
						    .action = l->action,
						    .mandatory = l->mandatory,
						    .bulk = n > 0,
						    .mode = l->mode});
}

struct naive {
	const struct entry *entry;
	size_t list;
	uint64_t score;
};

static struct naive naive_best(const struct name *name, const struct list_mask *acts)
{
	struct naive best = {NULL, 0, UINT64_MAX};
	for (size_t l = 0; l < LISTS; l++) {
		if (acts != NULL && !list_mask_has(acts, l))
			continue;
		for (size_t i = 0; i < lists[l].count && lists[l].mode == MODE_ENFORCE; i++) {
			const struct entry *e = &lists[l].entries[i];
			bool whole = name_eq(name, &e->name);
			if (!name_is_below_or_eq(name, &e->name) || (e->match == MATCH_EXACT && !whole) ||
			    (e->match == MATCH_SUBDOMAINS && whole))
				continue;
			uint64_t rank = (lists[l].mandatory ? 0u : 2u) + (lists[l].action == ACTION_BLOCK);
			uint64_t score = rank << 32 | (uint64_t)(127u - e->name.labels) << 16 | (uint64_t)e->match << 8 | l;
			if (score < best.score)
				best = (struct naive){e, l, score};
		}
	}
	return best;
}

static void deep_names_agree(void **state)
{
	(void)state;
	static struct fixture f;
	size_t found[2] = {0, 0}, none = 0;
	char text[NAME_TEXT_MAX];
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		random_state = round * 0x9e3779b97f4a7c15ull;
		fixture_init(&f);
		for (size_t i = 0; i < LISTS; i++)
			random_list(&f, i, round % 3 == 0);
		fixture_open(&f);
		for (unsigned i = 0; i < NAMES_EACH; i++) {
			random_name(text, random_depth());
			struct name name = name_of(text);
			const struct list_mask some = {{below(8)}}, *acts = below(2) == 0 ? &some : NULL;
			struct naive best = naive_best(&name, acts);
			struct verdict v = same_for(f.policy, f.scratch, &name, acts);
			assert_int_equal(v.kind == VERDICT_NONE, best.entry == NULL);
			none += best.entry == NULL;
			if (best.entry == NULL)
				continue;
			assert_int_equal(v.kind == VERDICT_BLOCKED, lists[best.list].action == ACTION_BLOCK);
			assert_int_equal(v.list, best.list);
			assert_int_equal(v.labels, best.entry->name.labels);
			assert_int_equal(v.mandatory, lists[best.list].mandatory);
			found[name.labels >= POLICY_HASHES_MAX]++;
		}
		fixture_finish(&f);
	}
	/* the rounds met what they are for */
	assert_true(found[0] > 500 && found[1] > 500 && none > 500);
}

/* --- odd octets --- */

/* Every pair of octets in a label, of which some look like what the codec puts between labels: only the very name is found. */
static void odd_octets_are_told_apart(void **state)
{
	(void)state;
	static const uint8_t octets[] = {0, 1, 2, '.', '-', '_', 'a', 0x7f, 0x80, 0xff};
	enum { COUNT = ARRAY_LEN(octets) };
	static struct fixture f;
	struct buf text = {NULL, 0, 0};
	size_t blocked = 0;
	fixture_init(&f);
	buf_add_c(&text, "entries:\n");
	for (size_t i = 0; i < COUNT * COUNT; i += 2) /* every other is in the list */
		buf_printf(&text, "  - 'a\\%03u\\%03ub.example'\n", octets[i / COUNT], octets[(i + i / COUNT % 2) % COUNT]);
	fixture_policy(&f, &(struct fixture_list){.name = "odd", .text = text.ptr, .bulk = true}, 1, NOW_S);
	for (size_t i = 0; i < COUNT * COUNT; i++) {
		const char wire[] = {4,	  'a', (char)octets[i / COUNT], (char)octets[i % COUNT], 'b', 7, 'e', 'x', 'a', 'm', 'p',
				     'l', 'e'};
		struct name name = name_of_wire(wire, sizeof(wire));
		bool listed = (i % COUNT + i / COUNT) % 2 == 0;
		struct verdict v = same_in_every_way(f.policy, f.scratch, &name);
		assert_int_equal(v.kind, listed ? VERDICT_BLOCKED : VERDICT_NONE);
		blocked += listed;
	}
	assert_int_equal(blocked, COUNT * COUNT / 2);
	/* labels are labels: one "a._b" is not a and _b */
	struct name one = name_of_wire("\4a._b\7example", 13), two = name_of_wire("\1a\2_b\7example", 13);
	assert_int_equal(same_in_every_way(f.policy, f.scratch, &one).kind, VERDICT_BLOCKED);
	assert_int_equal(same_in_every_way(f.policy, f.scratch, &two).kind, VERDICT_NONE);
	buf_finish(&text);
	fixture_finish(&f);
}

/* --- what need not be kept --- */

/* A rest longer than is kept of it, long labels, the root. */
static void names_that_do_not_fit(void **state)
{
	(void)state;
	static struct fixture f;
	char text[1200], long_name[256], other[256];
	size_t at = 0;
	while (at < 240)
		at += (size_t)snprintf(long_name + at, sizeof(long_name) - at, "q%zux7zj9-%c%czw.", at, (int)('a' + at % 26), 'k');
	long_name[at - 1] = '\0';
	(void)snprintf(other, sizeof(other), "%s", long_name);
	other[0] = 'p';
	(void)snprintf(text, sizeof(text), "entries:\n  - %s\n  - {domain: ., match: exact}\n", long_name);
	fixture_init(&f);
	fixture_policy(&f, &(struct fixture_list){.name = "long", .text = text, .bulk = true}, 1, NOW_S);
	struct name there = name_of(long_name), not = name_of(other), root = name_of(".");
	assert_int_equal(same_in_every_way(f.policy, f.scratch, &there).kind, VERDICT_BLOCKED);
	assert_int_equal(same_in_every_way(f.policy, f.scratch, &not ).kind, VERDICT_NONE);
	assert_int_equal(same_in_every_way(f.policy, f.scratch, &root).kind, VERDICT_BLOCKED);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(deep_names_agree),
	    cmocka_unit_test(odd_octets_are_told_apart),
	    cmocka_unit_test(names_that_do_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
