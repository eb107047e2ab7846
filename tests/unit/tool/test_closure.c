/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a lift finds: above, below, siblings, other lists, and no further than it may. */
#include "saringctl/closure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_S 1700000000
#define LISTS_MAX 8
#define MANY 1002 /* entries: more than are lifted unasked, and than an order has */

struct fixture {
	struct settings settings;
	struct settings_list lists[LISTS_MAX];
	struct source sources[LISTS_MAX];
	struct blockers blockers;
	struct buf found;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->settings.lists = f->lists;
	f->blockers = (struct blockers){
	    .settings = &f->settings, .sources = f->sources, .lifts = calloc(1, sizeof(struct lifts)), .now_s = NOW_S};
	assert_non_null(f->blockers.lifts);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < f->settings.list_count; i++)
		source_close(&f->sources[i]);
	lifts_destroy(f->blockers.lifts);
	buf_finish(&f->found);
	free(f);
	return 0;
}

static struct settings_list *add(struct fixture *f, const char *name, enum format format, const char *text)
{
	struct err_list errors = {NULL, 0, 0};
	const size_t n = f->settings.list_count++;
	f->lists[n] =
	    (struct settings_list){.name = name, .file = "/nowhere", .file_shown = name, .format = format, .may_allow = true};
	const struct segment_settings how = source_settings(&f->lists[n]);
	f->sources[n].segment = segment_import(str_from(text), &how, "/nowhere", name, &errors);
	err_list_print(&errors, stderr);
	assert_non_null(f->sources[n].segment);
	return &f->lists[n];
}

static const char *text_of(struct fixture *f, const struct blocker *items, size_t count)
{
	char text[NAME_TEXT_MAX];
	buf_reset(&f->found);
	for (size_t i = 0; i < count; i++)
		buf_printf(&f->found, "%s%s:%s:%s%s", i > 0 ? " " : "", f->lists[items[i].list].name,
			   name_to_text(&items[i].name, text), relation_words[items[i].relation], items[i].wide ? "!" : "");
	return f->found.ptr == NULL ? "" : f->found.ptr;
}

static struct plan make(struct fixture *f, const char *name, struct plan_wish wish)
{
	struct name names[1];
	struct plan plan;
	assert_true(name_from_text(str_from(name), &names[0], NULL));
	wish.names = names;
	wish.count = 1;
	plan_make(&f->blockers, &wish, &plan);
	plan_look_round(&f->blockers, &wish, &plan);
	return plan;
}

static const struct plan_wish anywhere = {.list = SIZE_MAX}, closed = {.list = SIZE_MAX, .closure = true};

static void expect(struct fixture *f, const char *name, struct plan_wish wish, const char *lift, const char *left)
{
	struct plan plan = make(f, name, wish);
	assert_string_equal(text_of(f, plan.lift, plan.lift_count), lift);
	assert_string_equal(text_of(f, plan.left, plan.left_count), left);
	plan_finish(&plan);
}

static void three_lists(struct fixture *f)
{
	(void)add(f, "order", FORMAT_YAML, "reference: order 7\nentries: [t.me, telegram.org, web.telegram.org]\n");
	(void)add(f, "hosts", FORMAT_HOSTS, "0.0.0.0 web.telegram.org\n0.0.0.0 a.web.telegram.org\n0.0.0.0 other.example\n");
	(void)add(f, "adblock", FORMAT_ADBLOCK, "||t.me^\n||cdn.t.me^\n@@||telegram.org^\n||unrelated.example^\n");
}

static void test_named_and_left(void **state)
{
	struct fixture *f = *state;
	three_lists(f);
	expect(f, "web.telegram.org", anywhere, "order:web.telegram.org:same hosts:web.telegram.org:same",
	       "order:t.me:same-order order:telegram.org:parent hosts:a.web.telegram.org:child");
	struct plan_wish one = anywhere;
	one.list = 1;
	expect(f, "web.telegram.org", one, "hosts:web.telegram.org:same",
	       "order:telegram.org:parent order:web.telegram.org:same hosts:a.web.telegram.org:child");
	expect(f, "nobody.example", anywhere, "", "");
	/* what lies above a name that is in no list itself */
	expect(f, "x.unrelated.example", anywhere, "", "adblock:unrelated.example:parent");
	expect(f, "x.web.telegram.org", anywhere, "", "order:telegram.org:parent order:web.telegram.org:parent"); /* hosts: exact */
}

static void test_siblings(void **state)
{
	struct fixture *f = *state;
	three_lists(f);
	/* t.me -> its order -> telegram.org, web -> what lies below those in other lists */
	expect(f, "t.me", closed,
	       "order:t.me:same adblock:t.me:same order:telegram.org:same-order order:web.telegram.org:same-order "
	       "adblock:cdn.t.me:child "
	       "hosts:web.telegram.org:same hosts:a.web.telegram.org:child",
	       "");
}

/* One service's name in somebody else's list is lifted there; what else that list holds is another's affair. */
static void test_other_orders_stay(void **state)
{
	struct fixture *f = *state;
	(void)add(f, "order", FORMAT_YAML, "reference: order 7\nentries: [t.me, service.example]\n");
	(void)add(f, "malware", FORMAT_YAML,
		  "reference: about malware\nentries: [sub.service.example, bank.example, other.example, x.hoster.example]\n");
	(void)add(f, "hosters", FORMAT_YAML, "reference: abuse 1\nentries: [hoster.example, unrelated.example]\n");
	expect(f, "t.me", closed, "order:t.me:same order:service.example:same-order malware:sub.service.example:child", "");
	/* a parent is lifted for the sake of what lies below it, and nothing else that does */
	expect(f, "good.hoster.example", closed, "hosters:hoster.example:parent", "");
}

static void test_what_does_not_act_is_no_blocker(void **state)
{
	struct fixture *f = *state;
	struct err_list errors = {NULL, 0, 0};
	(void)add(
	    f, "mine", FORMAT_YAML,
	    "entries:\n  - {domain: a.example, lifted: 2020-01-01}\n  - {domain: a.example, match: exact, expires: 2020-01-01}\n"
	    "  - {domain: a.example, mode: shadow}\n  - regex: '^a'\n");
	add(f, "shadow", FORMAT_DOMAINS, "a.example\n")->mode = MODE_SHADOW;
	(void)add(f, "allows", FORMAT_ADBLOCK, "@@||a.example^\n");
	(void)add(f, "beside", FORMAT_DOMAINS, "a.example\n");
	lifts_destroy(f->blockers.lifts);
	f->blockers.lifts = lifts_parse(STR_LIT("lifts: [{list: beside, domain: a.example, lifted: 2020-01-01}]"), "l", &errors);
	assert_non_null(f->blockers.lifts);
	expect(f, "a.example", closed, "", "");
}

static void test_same_domain(void **state)
{
	struct fixture *f = *state;
	(void)add(f, "ads", FORMAT_DOMAINS, "ads.shop.co.uk\nstats.shop.co.uk\nshop.com\nx.other.co.uk\n");
	(void)add(f, "more", FORMAT_DOMAINS, "pix.shop.co.uk\n");
	expect(f, "ads.shop.co.uk", closed, "ads:ads.shop.co.uk:same ads:stats.shop.co.uk:same-domain",
	       ""); /* of the same list only */
}

static void test_wide_ones_are_left(void **state)
{
	struct fixture *f = *state;
	struct plan_wish forced = closed;
	forced.force = true;
	(void)add(f, "wide", FORMAT_ADBLOCK, "||github.io^\n||me.github.io^\n||com^\n");
	expect(f, "me.github.io", closed, "wide:me.github.io:same", "wide:github.io:parent!");
	expect(f, "me.github.io", forced, "wide:me.github.io:same wide:github.io:parent!", "");
	expect(f, "github.io", anywhere, "wide:github.io:same!", "wide:me.github.io:child"); /* who names it means it */
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	struct buf text = {NULL, 0, 0}, plain = {NULL, 0, 0};
	struct plan_wish forced = closed;
	forced.force = true;
	buf_add_c(&text, "reference: order 7\nentries:\n");
	for (unsigned i = 0; i < MANY; i++) {
		buf_printf(&text, "  - n%u.d%u.example\n", i, i);
		buf_printf(&plain, "p%u.e%u.example\n", i, i);
	}
	(void)add(f, "order", FORMAT_YAML, text.ptr);
	struct plan plan = make(f, "n0.d0.example", closed);
	assert_true(plan.too_many);
	plan_finish(&plan);
	plan = make(f, "n0.d0.example", forced);
	assert_true(!plan.too_many && plan.lift_count == MANY);
	plan_finish(&plan);
	plan = make(f, "n0.d0.example", anywhere);
	assert_int_equal(plan.lift_count, 1);
	assert_int_equal(plan.left_count + plan.left_more, MANY - 1);
	plan_finish(&plan);
	/* a reference that saring.yaml gives for a collection is no order of its entries */
	add(f, "collection", FORMAT_DOMAINS, plain.ptr)->provenance.reference = "https://lists.example";
	expect(f, "p0.e0.example", closed, "collection:p0.e0.example:same", "");
	/* of a short list it is */
	add(f, "short", FORMAT_DOMAINS, "x.a.example\ny.b.example\n")->provenance.reference = "order 9";
	expect(f, "x.a.example", closed, "short:x.a.example:same short:y.b.example:same-order", "");
	buf_finish(&text);
	buf_finish(&plain);
}

/* One name, two entries: both are lifted, and names below are forgotten too. */
static void test_two_entries_of_a_name(void **state)
{
	struct fixture *f = *state;
	(void)add(f, "rpz", FORMAT_RPZ, "$TTL 60\n@ SOA n. h. 1 1 1 1 1\n@ NS n.\nt.me CNAME .\n*.t.me CNAME .\n");
	struct plan plan = make(f, "t.me", anywhere);
	assert_int_equal(plan.lift_count, 1);
	assert_true(plan.lift[0].below && plan.left_count == 0);
	plan_finish(&plan);
}

/* What an answer leads to: what covers that, and nothing beside it. */
static void test_targets(void **state)
{
	struct fixture *f = *state;
	struct plan_wish wish = closed;
	struct name target;
	struct plan plan;
	(void)add(f, "a", FORMAT_YAML,
		  "reference: order 7\nentries: [front.example, x.tracker.net, tracker.net, y.tracker.net, {domain: "
		  "x.tracker.net, match: subdomains}, a.x.tracker.net, net]\n");
	(void)add(f, "b", FORMAT_YAML,
		  "entries: [{domain: x.tracker.net, match: subdomains}, {domain: tracker.net, match: exact}]\n");
	(void)add(f, "c", FORMAT_HOSTS, "0.0.0.0 x.tracker.net\n0.0.0.0 tracker.net\n");
	assert_true(name_from_text(STR_LIT("x.tracker.net"), &target, NULL));
	plan = (struct plan){.lift = NULL};
	wish.names = &target;
	wish.count = 1;
	plan_add_targets(&f->blockers, &wish, &plan);
	assert_string_equal(text_of(f, plan.lift, plan.lift_count),
			    "a:x.tracker.net:target a:tracker.net:target c:x.tracker.net:target");
	assert_string_equal(text_of(f, plan.left, plan.left_count), "a:net:target!");
	/* once more there is nothing more */
	plan_add_targets(&f->blockers, &wish, &plan);
	assert_int_equal(plan.lift_count, 3);
	assert_int_equal(plan.left_count, 1);
	plan_finish(&plan);
	wish.force = true;
	plan_add_targets(&f->blockers, &wish, &plan);
	assert_string_equal(text_of(f, plan.lift, plan.lift_count),
			    "a:x.tracker.net:target a:tracker.net:target a:net:target! c:x.tracker.net:target");
	assert_int_equal(plan.left_count, 0);
	plan_finish(&plan);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_named_and_left),
	    TEST(test_siblings),
	    TEST(test_other_orders_stay),
	    TEST(test_targets),
	    TEST(test_what_does_not_act_is_no_blocker),
	    TEST(test_same_domain),
	    TEST(test_wide_ones_are_left),
	    TEST(test_bounds),
	    TEST(test_two_entries_of_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
