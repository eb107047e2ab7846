/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Edits of lists that are long enough for most of them not to be read again: the text and the lines told are as if they were. */
#include "list/edit_cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "list/doc.h"
#include "list/edit_text.h"

#define TODAY_S 1795392000 /* 2026-11-23 */
#define ROUNDS 120
#define ITEMS (4 * EDIT_CUT_MIN)

static bool chance(uint32_t percent)
{
	return rand_below(100) < percent;
}

static void put_item(struct buf *b, int number, const char *eol)
{
	switch (rand_below(5)) {
	case 0:
		buf_printf(b, "  - n%d.example # why%s", number, eol);
		break;
	case 1:
		buf_printf(b, "  - domain: n%d.example%s    reason: |%s      - not an item%s%s      either%s", number, eol, eol,
			   eol, eol, eol);
		break;
	case 2:
		buf_printf(b, "  -   {domain: 'n%d.example', reason: \"two%s       lines\"}%s", number, eol, eol);
		break;
	case 3:
		buf_printf(
		    b, "  - reason: d\xc3\xa9j\xc3\xa0 vu%s    domain:%s      n%d.example%s    contact: [mailto:a@b, mailto:c@d]%s",
		    eol, eol, number, eol, eol);
		break;
	default:
		buf_printf(b, "  - n%d.example%s", number, eol);
	}
	if (chance(10))
		buf_printf(b, "%s  # a remark%s", eol, eol);
}

static void put_list(struct buf *b, const char *eol)
{
	buf_printf(b, "%stitle: long%sentries:%s", chance(20) ? "\xef\xbb\xbf" : "", eol, eol);
	for (int i = 0; i < ITEMS; i++)
		put_item(b, i, eol);
	if (chance(50))
		buf_printf(b, "reason: after%s", eol);
}

/* The line that an entry of that name stands in, by a whole reading; 0: none. */
static uint32_t line_of(struct str text, const char *name, size_t *ret_count, bool *ret_lifted)
{
	struct err_list errors = {0};
	struct list *list = list_parse(text, "x", "x", &errors);
	uint32_t line = 0;
	assert_non_null(list);
	*ret_count = list->entry_count;
	for (size_t i = 0; i < list->entry_count; i++) {
		if (strcmp(list->entries[i].text, name) != 0)
			continue;
		line = list->entries[i].line;
		*ret_lifted = list->entries[i].provenance != NULL && list->entries[i].provenance->lifted != NULL;
	}
	list_destroy(list);
	return line;
}

static void lines_are_those_of_a_whole_reading(void **state)
{
	(void)state;
	rand_seed_for_test(7);
	for (int round = 0; round < ROUNDS; round++) {
		struct buf text = {0}, changed = {0};
		struct err err = {0};
		struct edit_result results[2];
		char old[32];
		size_t count = 0;
		bool lifted = false;
		put_list(&text, chance(30) ? "\r\n" : "\n");
		(void)snprintf(old, sizeof(old), "n%u.example", (unsigned)rand_below(ITEMS));
		const char *names[] = {old, "n7.example"};
		struct edit_entry entries[] = {{.name = "new.example", .reason = "because"}, {.name = old}};
		switch (rand_below(3)) {
		case 0:
			assert_true(edit_text_add(buf_str(&text), "x", entries, 2, TODAY_S, results, &changed, &err));
			assert_int_equal(results[0].line, line_of(buf_str(&changed), "new.example", &count, &lifted));
			assert_int_equal(results[1].line, line_of(buf_str(&changed), old, &count, &lifted));
			assert_int_equal(count, ITEMS + 1);
			assert_int_equal(results[1].outcome, EDIT_ALREADY);
			break;
		case 1:
			assert_true(edit_text_lift(buf_str(&text), "x", names, 2, &(struct lift_how){.reason = "why"}, TODAY_S,
						   results, &changed, &err));
			assert_int_equal(results[0].line, line_of(buf_str(&changed), old, &count, &lifted));
			assert_true(lifted);
			assert_int_equal(results[1].line, line_of(buf_str(&changed), "n7.example", &count, &lifted));
			assert_true(lifted);
			assert_int_equal(count, ITEMS);
			break;
		default:
			assert_true(edit_text_remove(buf_str(&text), "x", names, 2, results, &changed, &err));
			assert_int_equal(line_of(buf_str(&changed), old, &count, &lifted), 0);
			assert_int_equal(count, strcmp(old, "n7.example") == 0 ? ITEMS - 1 : ITEMS - 2);
		}
		buf_finish(&text);
		buf_finish(&changed);
	}
}

/* One edit, whose outcome is looked at before it is trusted. */
struct rig {
	struct buf text, changed;
	struct edit_doc d;
	struct splices s;
	struct edit_cut cut;
};

static bool rig_find(struct rig *r, const char *head, const char *tail)
{
	struct err err = {0};
	*r = (struct rig){.text = {0}};
	buf_add_c(&r->text, head);
	for (int i = 0; i < ITEMS; i++)
		buf_printf(&r->text, "  - n%d.example\n", i);
	buf_add_c(&r->text, tail);
	assert_true(edit_doc_open(&r->d, buf_str(&r->text), "x", &err));
	splices_init(&r->s, buf_str(&r->text));
	splice_lines_below(&r->s, r->d.items[ITEMS - 1]->begin, STR_LIT("  - new.example\n"));
	splices_apply(&r->s, &r->changed);
	return edit_cut_find(&r->d, &r->s, buf_str(&r->changed), &r->cut);
}

static void rig_finish(struct rig *r)
{
	splices_finish(&r->s);
	edit_doc_finish(&r->d);
	buf_finish(&r->text);
	buf_finish(&r->changed);
}

static void what_is_left_alone_is_cut_out(void **state)
{
	(void)state;
	struct rig r;
	struct buf rest = {0};
	assert_true(rig_find(&r, "entries:\n", ""));
	assert_true(r.cut.end - r.cut.first > ITEMS - 8);
	edit_cut_apply(&r.cut, buf_str(&r.changed), &rest);
	assert_int_equal(rest.len + (r.cut.to - r.cut.from), r.changed.len);
	assert_string_equal(rest.ptr,
			    "entries:\n  - n0.example\n  - n1.example\n  - n254.example\n  - n255.example\n  - new.example\n");
	buf_finish(&rest);
	rig_finish(&r);
}

/* A text that is not what the edit says it is: the run is not taken on trust. */
static void a_changed_run_is_not_cut(void **state)
{
	(void)state;
	struct rig r;
	assert_true(rig_find(&r, "entries:\n", ""));
	r.changed.ptr[r.cut.at + 4] = 'x';
	assert_false(edit_cut_find(&r.d, &r.s, buf_str(&r.changed), &r.cut));
	r.changed.ptr[r.cut.at + 4] = 'n';
	assert_true(edit_cut_find(&r.d, &r.s, buf_str(&r.changed), &r.cut));
	splice_insert(&r.s, r.cut.from + 6, "#");
	assert_false(edit_cut_find(&r.d, &r.s, buf_str(&r.changed), &r.cut));
	rig_finish(&r);
}

/* Limits of the whole list, and layouts whose lines say nothing alone. */
static void some_lists_are_read_whole(void **state)
{
	(void)state;
	struct err err = {0};
	struct buf text = {0}, changed = {0};
	struct edit_result result;
	const struct edit_entry regex = {.name = "^one-more", .is_regex = true};
	const struct edit_entry name = {.name = "new.example"};
	buf_add_c(&text, "entries:\n");
	for (int i = 0; i < LIST_REGEX_MAX; i++)
		buf_printf(&text, "  - regex: '^a%d'\n", i);
	assert_false(edit_text_add(buf_str(&text), "x", &regex, 1, TODAY_S, &result, &changed, &err));
	assert_true(edit_text_add(buf_str(&text), "x", &name, 1, TODAY_S, &result, &changed, &err));
	assert_int_equal(result.line, LIST_REGEX_MAX + 2);
	buf_reset(&text);
	buf_reset(&changed);
	buf_add_c(&text, "entries: [");
	for (int i = 0; i < ITEMS; i++)
		buf_printf(&text, "\n  - n%d.example,", i);
	buf_add_c(&text, "\n]\n");
	err = (struct err){0};
	assert_false(edit_text_add(buf_str(&text), "x", &name, 1, TODAY_S, &result, &changed, &err));
	buf_reset(&text);
	buf_reset(&changed);
	buf_add_c(&text, "entries:\n");
	for (int i = 0; i < ITEMS; i++)
		buf_printf(&text, "  -\n    n%d.example\n", i);
	assert_true(edit_text_add(buf_str(&text), "x", &name, 1, TODAY_S, &result, &changed, &err));
	assert_int_equal(result.line, 2 * ITEMS + 2);
	buf_finish(&text);
	buf_finish(&changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_those_of_a_whole_reading),
	    cmocka_unit_test(what_is_left_alone_is_cut_out),
	    cmocka_unit_test(a_changed_run_is_not_cut),
	    cmocka_unit_test(some_lists_are_read_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
