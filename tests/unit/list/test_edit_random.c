/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random documents (seeded) in random layout, with numbered comments everywhere: whatever is added, removed or lifted, every other
 * byte and every other comment stays, and adding followed by removing gives back the very text. */
#include "list/edit_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"

#define TODAY_S 1795392000 /* 2026-11-23 */
#define ROUNDS 1000
#define ITEMS_MAX 6
#define COMMENTS_MAX 64
#define FREE (-1) /* a comment that belongs to no item */

struct document {
	struct buf text;
	const char *eol;
	int items;
	bool flow, own_lines; /* own_lines: flow, one item a line */
	bool trailing_comma;
	bool after_scalar; /* a comment far to the right would belong to the block scalar before it, now or when what is between
			      goes */
	int owners[COMMENTS_MAX]; /* of comment i: the item it goes with, or FREE */
	int comments;
};

static bool chance(uint32_t percent)
{
	return rand_below(100) < percent;
}

static void put_comment(struct document *d, int owner)
{
	if (d->comments == COMMENTS_MAX)
		return;
	buf_printf(&d->text, "#<%d>%s", d->comments, chance(30) ? " \xe2\x80\x93 - x: [\xc3\xa9, {" : "");
	d->owners[d->comments++] = owner;
}

static void end_line(struct document *d, int owner)
{
	if (chance(30)) {
		buf_add_c(&d->text, chance(50) ? " " : "   ");
		put_comment(d, owner);
	}
	buf_add_c(&d->text, d->eol);
}

/* Blank lines and comments on lines of their own. */
static void put_between(struct document *d, int owner)
{
	while (chance(25)) {
		if (chance(40)) {
			buf_add_c(&d->text, d->eol);
			continue;
		}
		buf_printf(&d->text, "%*s", d->after_scalar ? 0 : (int)rand_below(6), "");
		put_comment(d, owner);
		buf_add_c(&d->text, d->eol);
	}
}

static void put_name(struct document *d, int item)
{
	char name[32];
	switch (rand_below(4)) {
	case 0:
		(void)snprintf(name, sizeof(name), "n%d.example", item);
		break;
	case 1:
		(void)snprintf(name, sizeof(name), "'n%d.example'", item);
		break;
	case 2:
		(void)snprintf(name, sizeof(name), "\"n%d.example\"", item);
		break;
	default:
		(void)snprintf(name, sizeof(name), "N%d.Example.", item);
		break;
	}
	buf_add_c(&d->text, name);
}

static void put_flow_mapping(struct document *d, int item)
{
	buf_add_c(&d->text, "{domain: ");
	put_name(d, item);
	if (chance(40))
		buf_add_c(&d->text, ", match: exact");
	if (chance(30))
		buf_printf(&d->text, ",%s      reason: \"a, ]}\"", d->eol);
	buf_add_c(&d->text, chance(20) ? ", }" : "}");
}

static void put_block_mapping(struct document *d, int item, int indent)
{
	buf_add_c(&d->text, "domain: ");
	put_name(d, item);
	end_line(d, item);
	if (chance(40)) {
		buf_printf(&d->text, "%*scontact:%s%*s- mailto:a@b.example", indent, "", d->eol, indent, "");
		end_line(d, item);
	}
	if (chance(30)) {
		buf_printf(&d->text, "%*s", indent, "");
		put_comment(d, item);
		buf_printf(&d->text, "%s%*smatch: exact", d->eol, indent, "");
		end_line(d, item);
	}
	bool scalar = chance(30);
	d->after_scalar |= scalar;
	if (scalar)
		buf_printf(&d->text, "%*sreason: |%s%*s  one # no comment%s", indent, "", d->eol, indent, "", d->eol);
}

static void put_block(struct document *d)
{
	int indent = (int)rand_below(3) * 2, gap = chance(80) ? 1 : 3;
	buf_add_c(&d->text, "entries:");
	end_line(d, FREE);
	for (int i = 0; i < d->items; i++) {
		put_between(d, FREE);
		buf_printf(&d->text, "%*s-%*s", indent, "", gap, "");
		if (chance(30)) {
			put_block_mapping(d, i, indent + 1 + gap);
			continue;
		}
		if (chance(30))
			put_flow_mapping(d, i);
		else
			put_name(d, i);
		end_line(d, i);
	}
}

static void put_flow(struct document *d)
{
	buf_add_c(&d->text, "entries: [");
	if (d->own_lines)
		end_line(d, FREE);
	for (int i = 0; i < d->items; i++) {
		bool comma = i + 1 < d->items || d->trailing_comma;
		if (d->own_lines) {
			put_between(d, FREE);
			buf_add_c(&d->text, "    ");
		}
		if (chance(30))
			put_flow_mapping(d, i);
		else
			put_name(d, i);
		buf_add_c(&d->text, comma ? "," : "");
		if (d->own_lines)
			end_line(d, i);
		else
			buf_add_c(&d->text, comma ? " " : "");
	}
	if (d->own_lines)
		put_between(d, FREE);
	buf_add_c(&d->text, "]");
	end_line(d, FREE);
}

static void make_document(struct document *d)
{
	*d = (struct document){.eol = chance(70) ? "\n" : "\r\n"};
	d->items = 1 + (int)rand_below(ITEMS_MAX);
	d->flow = chance(40);
	d->own_lines = d->flow && chance(60);
	d->trailing_comma = d->flow && chance(30);
	buf_add_c(&d->text, chance(20) ? "\xef\xbb\xbf" : "");
	put_between(d, FREE);
	if (chance(50)) {
		buf_add_c(&d->text, "title: 't\xc3\xa9'");
		end_line(d, FREE);
	}
	put_between(d, FREE);
	if (d->flow)
		put_flow(d);
	else
		put_block(d);
	put_between(d, FREE);
	if (chance(30)) {
		buf_add_c(&d->text, "review: 2017-08-14");
		end_line(d, FREE);
		put_between(d, FREE);
	}
	while (chance(30) && d->text.len > 0 && d->text.ptr[d->text.len - 1] == '\n')
		d->text.len -= strlen(d->eol);
	d->text.ptr[d->text.len] = '\0';
}

/* Is a what remains of b when bytes are taken out of it? */
static bool is_subsequence(struct str a, struct str b)
{
	size_t at = 0;
	for (size_t i = 0; i < b.len && at < a.len; i++)
		at += a.ptr[at] == b.ptr[i];
	return at == a.len;
}

static void check_comments(const struct document *d, const struct buf *after, int gone_item)
{
	for (int i = 0; i < d->comments; i++) {
		char tag[16];
		(void)snprintf(tag, sizeof(tag), "#<%d>", i);
		bool there = strstr(after->ptr, tag) != NULL, expected = gone_item == FREE || d->owners[i] != gone_item;
		if (there != expected)
			fail_msg("comment %s %s:\n%s\nbecame\n%s", tag, expected ? "lost" : "left", d->text.ptr, after->ptr);
	}
}

static struct list *parse(const struct document *d, const struct buf *text)
{
	struct err_list errors = {0};
	struct list *list = list_parse(buf_str(text), "l", "l", &errors);
	if (list == NULL)
		fail_msg("%u:%u: %s:\n%s\nfrom\n%s", errors.items[0].line, errors.items[0].column, errors.items[0].text, text->ptr,
			 d->text.ptr);
	err_list_finish(&errors);
	return list;
}

static void refused(const struct document *d, const struct err *err)
{
	fail_msg("refused: %u:%u: %s\n%s", err->line, err->column, err->text, d->text.ptr);
}

/* The names in order, but for one. */
static void check_names(const struct list *list, int items, int gone)
{
	size_t at = 0;
	for (int i = 0; i < items; i++) {
		char text[32], expected[NAME_TEXT_MAX];
		struct name name;
		if (i == gone)
			continue;
		(void)snprintf(text, sizeof(text), "n%d.example", i);
		assert_true(at < list->entry_count);
		assert_true(name_from_wire(list->entries[at].name, list->entries[at].name_len, &name));
		assert_string_equal(name_to_text(&name, expected), text);
		at++;
	}
}

static void remove_again(const struct document *d, const struct buf *added)
{
	const char *name = "new.example";
	struct edit_result result;
	struct err err = {0};
	struct buf text = {0};
	if (!edit_text_remove(buf_str(added), "l", &name, 1, &result, &text, &err))
		refused(d, &err);
	/* only the comma put after what was the last item may stay */
	if (d->own_lines && !d->trailing_comma)
		assert_true(is_subsequence(buf_str(&d->text), buf_str(&text)) && text.len <= d->text.len + 1);
	else if (!str_eq(buf_str(&text), buf_str(&d->text)))
		fail_msg("added and removed:\n%s\nbecame\n%s\nby\n%s", d->text.ptr, text.ptr, added->ptr);
	buf_finish(&text);
}

static void test_add(void **state)
{
	(void)state;
	rand_seed_for_test(1);
	for (int round = 0; round < ROUNDS; round++) {
		struct document d;
		struct edit_entry entry = {.name = "new.example", .reason = chance(30) ? "it's: \"so\" #1" : NULL};
		struct edit_result result;
		struct err err = {0};
		struct buf text = {0};
		make_document(&d);
		if (!edit_text_add(buf_str(&d.text), "l", &entry, 1, TODAY_S, &result, &text, &err))
			refused(&d, &err);
		struct list *list = parse(&d, &text);
		assert_int_equal(list->entry_count, d.items + 1);
		check_names(list, d.items, FREE);
		assert_string_equal(list->entries[d.items].text, "new.example");
		assert_int_equal(list->entries[d.items].line, result.line);
		if (!is_subsequence(buf_str(&d.text), buf_str(&text)))
			fail_msg("added:\n%s\nbecame\n%s", d.text.ptr, text.ptr);
		check_comments(&d, &text, FREE);
		remove_again(&d, &text);
		list_destroy(list);
		buf_finish(&text);
		buf_finish(&d.text);
	}
}

static void test_remove(void **state)
{
	(void)state;
	rand_seed_for_test(2);
	for (int round = 0; round < ROUNDS; round++) {
		struct document d;
		char name[32];
		const char *names[] = {name};
		struct edit_result result;
		struct err err = {0};
		struct buf text = {0};
		make_document(&d);
		int gone = (int)rand_below((uint32_t)d.items);
		(void)snprintf(name, sizeof(name), "n%d.example", gone);
		if (!edit_text_remove(buf_str(&d.text), "l", names, 1, &result, &text, &err))
			refused(&d, &err);
		struct list *list = parse(&d, &text);
		assert_int_equal(list->entry_count, d.items - 1);
		check_names(list, d.items, gone);
		if (d.items > 1 && !is_subsequence(buf_str(&text), buf_str(&d.text)))
			fail_msg("removed %s:\n%s\nbecame\n%s", name, d.text.ptr, text.ptr);
		if (d.own_lines || !d.flow) /* on one line comments are nobody's */
			check_comments(&d, &text, gone);
		list_destroy(list);
		buf_finish(&text);
		buf_finish(&d.text);
	}
}

static void test_lift(void **state)
{
	(void)state;
	rand_seed_for_test(3);
	for (int round = 0; round < ROUNDS; round++) {
		struct document d;
		char name[32];
		const char *names[] = {name};
		struct edit_result result;
		struct err err = {0};
		struct buf text = {0};
		make_document(&d);
		int lifted = (int)rand_below((uint32_t)d.items);
		bool whole = chance(20);
		(void)snprintf(name, sizeof(name), "n%d.example", lifted);
		if (!edit_text_lift(buf_str(&d.text), "l", names, whole ? 0 : 1,
				    chance(50) ? &(struct lift_how){.reason = "a: b"} : NULL, TODAY_S, &result, &text, &err))
			refused(&d, &err);
		struct list *list = parse(&d, &text);
		assert_int_equal(list->entry_count, d.items);
		check_names(list, d.items, FREE);
		assert_true((list->provenance.lifted != NULL) == whole);
		for (int i = 0; i < d.items; i++) {
			const struct provenance *p = list->entries[i].provenance;
			assert_true((p != NULL && p->lifted != NULL) == (!whole && i == lifted));
		}
		if (!is_subsequence(buf_str(&d.text), buf_str(&text)))
			fail_msg("lifted %s:\n%s\nbecame\n%s", name, d.text.ptr, text.ptr);
		check_comments(&d, &text, FREE);
		list_destroy(list);
		buf_finish(&text);
		buf_finish(&d.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_add),
	    cmocka_unit_test(test_remove),
	    cmocka_unit_test(test_lift),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
