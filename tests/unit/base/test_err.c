/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static void set_returns_false_and_takes_null(void **state)
{
	(void)state;
	struct err err;
	assert_false(err_set(NULL, ERR_INPUT, "x %d", 1));
	assert_false(err_set_at(NULL, ERR_INPUT, "f", 1, 2, "x"));
	assert_false(err_set_errno(NULL, ERR_IO, "x"));
	assert_false(err_context(NULL, "x"));
	assert_false(err_set(&err, ERR_LIMIT, "%s of %d", "more", 5));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(err.text, "more of 5");
	assert_string_equal(err.file, "");
	assert_int_equal(err.line, 0);
}

static void set_forgets_the_old_place(void **state)
{
	(void)state;
	struct err err;
	err_set_at(&err, ERR_INPUT, "a.yaml", 3, 4, "first");
	err_set(&err, ERR_INPUT, "second");
	assert_string_equal(err.file, "");
	assert_int_equal(err.line, 0);
	assert_int_equal(err.column, 0);
}

static void errno_is_named_and_kept(void **state)
{
	(void)state;
	struct err err;
	errno = ENOENT;
	assert_false(err_set_errno(&err, ERR_IO, "can't open '%s'", "x"));
	assert_string_equal(err.text, "can't open 'x': No such file or directory");
	assert_int_equal(errno, ENOENT);
	errno = 99999;
	err_set_errno(&err, ERR_IO, "odd");
	assert_string_equal(err.text, "odd: error 99999");
}

static void context_keeps_place_and_code(void **state)
{
	(void)state;
	struct err err;
	err_set_at(&err, ERR_NOT_FOUND, "a.yaml", 7, 9, "no such thing");
	assert_false(err_context(&err, "loading '%s'", "a"));
	assert_string_equal(err.text, "loading 'a': no such thing");
	assert_string_equal(err.file, "a.yaml");
	assert_int_equal(err.line, 7);
	assert_int_equal(err.column, 9);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	/* its own text as an argument */
	err_set(&err, ERR_INPUT, "in the list: %s", err.text);
	assert_string_equal(err.text, "in the list: loading 'a': no such thing");
}

static void long_texts_are_cut_not_spilled(void **state)
{
	(void)state;
	struct err err;
	char big[4096];
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set_at(&err, ERR_INPUT, big, 1, 1, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strlen(err.file), sizeof(err.file) - 1);
	err_context(&err, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_context(&err, "short");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "short: xxx", 10);
	errno = EIO;
	err_set_errno(&err, ERR_IO, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	/* a file name too long keeps its end */
	memcpy(big + sizeof(big) - 1 - 6, "/a.txt", 6);
	err_set_at(&err, ERR_INPUT, big, 1, 1, "t");
	assert_string_equal(err.file + strlen(err.file) - 6, "/a.txt");
}

static void format_forms(void **state)
{
	(void)state;
	struct err err;
	char buf[64];
	err_set(&err, ERR_INPUT, "t");
	assert_int_equal(err_format(&err, buf, sizeof(buf)), 1);
	assert_string_equal(buf, "t");
	err_set_at(&err, ERR_INPUT, "f", 0, 0, "t");
	err_format(&err, buf, sizeof(buf));
	assert_string_equal(buf, "f: t");
	err_set_at(&err, ERR_INPUT, "f", 2, 0, "t");
	err_format(&err, buf, sizeof(buf));
	assert_string_equal(buf, "f:2: t");
	err_set_at(&err, ERR_INPUT, "f", 2, 3, "t");
	assert_int_equal(err_format(&err, buf, sizeof(buf)), 8);
	assert_string_equal(buf, "f:2:3: t");
	err_format(&err, buf, 4);
	assert_string_equal(buf, "f:2");
}

static void list_keeps_order_and_is_bounded(void **state)
{
	(void)state;
	struct err_list list = {0};
	for (unsigned i = 0; i < ERR_LIST_MAX + 7; i++)
		err_list_add_at(&list, "f", i + 1, 1, "fault %u", i);
	assert_int_equal(list.count, ERR_LIST_MAX);
	assert_int_equal(list.swallowed, 7);
	assert_string_equal(list.items[0].text, "fault 0");
	assert_int_equal(list.items[0].code, ERR_INPUT);
	assert_int_equal(list.items[ERR_LIST_MAX - 1].line, ERR_LIST_MAX);

	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	err_list_print(&list, out);
	fclose(out);
	assert_memory_equal(text, "f:1:1: fault 0\nf:2:1: fault 1\n", 30);
	assert_non_null(strstr(text, "\n... and 7 more\n"));
	free(text);
	err_list_finish(&list);
	assert_null(list.items);
	struct err err;
	out = open_memstream(&text, &len);
	assert_non_null(out);
	err_set_at(&err, ERR_INPUT, "a\n\x1b[31m.yaml", 1, 2, "'%s'", "\"\\\r\x7f\xc2\x9b\xe2\x80\xae\xff\xc3\xa9");
	err_print(&err, out);
	fclose(out);
	assert_string_equal(text, "a\\010\\027[31m.yaml:1:2: '\"\\\\013\\127\\194\\155\\226\\128\\174\\255\xc3\xa9'\n");
	free(text);
	err_set(&err, ERR_IO, "again");
	err_list_add(&list, &err);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].code, ERR_IO);
	err_list_finish(&list);
	err_list_add(NULL, &err); /* nobody wants to know */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(set_returns_false_and_takes_null), cmocka_unit_test(set_forgets_the_old_place),
	    cmocka_unit_test(errno_is_named_and_kept),		cmocka_unit_test(context_keeps_place_and_code),
	    cmocka_unit_test(long_texts_are_cut_not_spilled),	cmocka_unit_test(format_forms),
	    cmocka_unit_test(list_keeps_order_and_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
