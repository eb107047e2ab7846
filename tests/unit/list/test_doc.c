/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "settings/load.h"

static struct list *parse_good(const char *text)
{
	struct err_list errors = {0};
	struct list *list = list_parse(str_from(text), "/lists/l.yaml", "l.yaml", &errors);
	if (list == NULL)
		fail_msg("refused: %s", errors.items[0].text);
	err_list_finish(&errors);
	return list;
}

static void check_name(const struct list_entry *entry, const char *expected)
{
	struct name name;
	char text[NAME_TEXT_MAX];
	assert_true(name_from_wire(entry->name, entry->name_len, &name));
	assert_string_equal(name_to_text(&name, text), expected);
}

static void test_whole(void **state)
{
	(void)state;
	struct list *list = parse_good("\xef\xbb\xbf"
				       "title: ' A title '\n"
				       "action: allow\n"
				       "authority: Ministry\n"
				       "reason: because\n"
				       "code: censored\n"
				       "reference: https://example.com/order\n"
				       "contact: [mailto:a@example.com, mailto:b@example.com]\n"
				       "added: 2017-07-14\n"
				       "review: 2017-08-14\n"
				       "expires: 2018-07-14T12:00:00+02:00\n"
				       "entries:\n"
				       "  - T.me.\n"
				       "  - domain: \"web.telegram.org\" # one\n"
				       "    match: exact\n"
				       "    reason: other\n"
				       "    lifted: 2017-08-10\n"
				       "    lift-reason: settled\n"
				       "    lifted-by: court\n"
				       "    lift-reference: 7/2017\n"
				       "  - {domain: caf\xc3\xa9.example, match: subdomains, mode: shadow}\n"
				       "  - regex: '^ads?[0-9]*\\.'\n"
				       "    mode: enforce\n"
				       "    sub-error: malware\n"
				       "    code: filtered\n");
	assert_string_equal(list->path, "/lists/l.yaml");
	assert_string_equal(list->shown, "l.yaml");
	assert_string_equal(list->title, "A title");
	assert_true(list->has_action);
	assert_int_equal(list->action, ACTION_ALLOW);
	assert_string_equal(list->provenance.authority, "Ministry");
	assert_int_equal(list->provenance.code, CODE_CENSORED);
	assert_int_equal(list->provenance.contact_count, 2);
	assert_int_equal(list->provenance.added_s, 1499990400);
	assert_int_equal(list->provenance.expires_s, 1531562400);
	assert_int_equal(list->entry_count, 4);
	const struct list_entry *e = list->entries;
	assert_string_equal(e[0].text, "T.me.");
	check_name(&e[0], "t.me");
	assert_int_equal(e[0].match, MATCH_SUBTREE);
	assert_false(e[0].has_match);
	assert_null(e[0].provenance);
	assert_int_equal(e[0].line, 12);
	assert_int_equal(e[0].column, 5);
	check_name(&e[1], "web.telegram.org");
	assert_int_equal(e[1].match, MATCH_EXACT);
	assert_true(e[1].has_match);
	assert_string_equal(e[1].provenance->reason, "other");
	assert_string_equal(e[1].provenance->lift_reason, "settled");
	assert_string_equal(e[1].provenance->lifted_by, "court");
	assert_string_equal(e[1].provenance->lift_reference, "7/2017");
	assert_int_equal(e[1].mode, MODE_ENFORCE);
	assert_int_equal(e[1].line, 13);
	assert_int_equal(e[1].column, 13);
	check_name(&e[2], "xn--caf-dma.example");
	assert_string_equal(e[2].text, "caf\xc3\xa9.example");
	assert_int_equal(e[2].match, MATCH_SUBDOMAINS);
	assert_null(e[2].provenance);
	assert_int_equal(e[2].mode, MODE_SHADOW);
	assert_int_equal(e[3].mode, MODE_ENFORCE);
	assert_int_equal(e[3].provenance->sub_error, SUB_ERROR_MALWARE);
	assert_int_equal(e[3].match, MATCH_REGEX);
	assert_false(e[3].has_match);
	assert_null(e[3].name);
	assert_string_equal(e[3].text, "^ads?[0-9]*\\.");
	assert_int_equal(e[3].provenance->code, CODE_FILTERED);
	list_destroy(list);
}

static void test_empty(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "# nothing\n", "entries:\n", "entries: ~", "entries: []", "title: t", "{}"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct list *list = parse_good(texts[i]);
		assert_int_equal(list->entry_count, 0);
		assert_false(list->has_action);
		list_destroy(list);
	}
	list_destroy(NULL);
}

/* Together they may come out so, but no file says it. */
static void test_codes_of_two_places(void **state)
{
	(void)state;
	list_destroy(parse_good("sub-error: spam\nentries:\n  - {domain: a.com, code: censored}\n"));
	list_destroy(parse_good("entries:\n  - {domain: a.com, sub-error: network-policy}\n"));
}

static void test_words_of_yaml_stay_names(void **state)
{
	(void)state;
	struct list *list = parse_good("entries: [1.0, no, null, 2017-07-14, 0x1f, true]\n");
	static const char *const names[] = {"1.0", "no", "null", "2017-07-14", "0x1f", "true"};
	assert_int_equal(list->entry_count, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		check_name(&list->entries[i], names[i]);
	list_destroy(list);
}

static void test_escapes(void **state)
{
	(void)state;
	/* one label "t.me", and a '*' that is meant */
	struct list *list = parse_good("entries: ['t\\.me.x', '\\*.x', '0/25.2.0.192.in-addr.arpa', _dmarc.x]\n");
	assert_int_equal(list->entries[0].name_len, 8);
	assert_memory_equal(list->entries[0].name, "\4t.me\1x", 8);
	assert_memory_equal(list->entries[1].name, "\1*\1x", 5);
	list_destroy(list);
}

struct bad {
	const char *text;
	struct {
		uint32_t line, column;
		const char *says;
	} faults[6]; /* to the first line 0 */
};

static const struct bad bads[] = {
    {"- t.me\n", {{1, 1, "entries"}}},
    {"t.me\n", {{1, 1, "entries"}}},
    {"entires: []\nactoin: block\nfoo: 1\n", {{1, 1, "'entries'"}, {2, 1, "'action'"}, {3, 1, "'foo'"}}},
    {"entries: {a: b}\n", {{1, 10, "a mapping"}}},
    {"entries: t.me\n", {{1, 10, "a list"}}},
    {"title: [a]\naction: deny\nentries: []\n", {{1, 8, "title"}, {2, 9, "deny"}}},
    {"title:\naction: [block]\n", {{1, 7, "title"}, {2, 9, "action"}}},
    {"added: soon\nlifted: 2017-13-01\n", {{1, 8, "soon"}, {2, 9, "2017-13-01"}}},
    {"code: bad\ncontact: {a: b}\n", {{1, 7, "bad"}, {2, 10, "contact"}}},
    {"entries:\n  - [a]\n  - a..b\n  - a b\n", {{2, 5, "a list"}, {3, 5, "a..b"}, {4, 5, "a b"}}},
    {"entries:\n  -\n  - ''\n  - a.com\n", {{2, 4, "missing"}, {3, 5, "missing"}}},
    {"entries:\n  - '*.x.org'\n  - domain: '*.y.org'\n  - a*.com\n",
     {{2, 5, "match: subdomains"}, {3, 13, "match: subdomains"}, {4, 5, "regex"}}},
    {"entries:\n  - http://t.me/\n  - t.me/a\n  - t.me:53\n  - a@t.me:1.\n",
     {{2, 5, "scheme"}, {3, 5, "path"}, {4, 5, "port"}, {5, 5, "port"}}},
    {"entries:\n  - reason: x\n  - {}\n", {{2, 5, "'domain'"}, {3, 5, "'domain'"}}},
    {"entries:\n  - domain: a.com\n    regex: b\n", {{3, 5, "not both"}}},
    {"entries:\n  - regex: b\n    match: exact\n", {{3, 5, "'match'"}}},
    {"entries:\n  - domain: a.com\n    match: regex\n  - domain: b.com\n    match: sub\n", {{3, 12, "'regex:'"}, {5, 12, "'sub'"}}},
    {"entries:\n  - domain: [a.com]\n  - regex: {a: b}\n  - domain:\n",
     {{2, 13, "'domain'"}, {3, 12, "'regex'"}, {4, 12, "missing"}}},
    {"entries:\n  - regex: ''\n", {{2, 12, "every name"}}},
    {"entries:\n  - domian: a.com\n", {{2, 5, "'domain'"}, {2, 5, "'domain'"}}},
    {"entries:\n  - domain: a.com\n    reson: x\n    title: y\n", {{3, 5, "'reason'"}, {4, 5, "title"}}},
    {"entries:\n  - domain: a.com\n    domain: b.com\n", {{3, 5, "again"}}},
    {"entries:\n  - a.com\nentries:\n  - b.com\n", {{3, 1, "again"}}},
    /* what stands again hides nothing, and is looked at itself */
    {"entries:\n  - a..b\nentries:\n  - c\n  - d..e\n  - f\n", {{2, 5, ""}, {3, 1, "again"}, {5, 5, ""}}},
    {"entries:\n  - regex: f\nentries:\n  - regex: f\nentries:\n  - {regex: f, reason: g}\n  - regex: g\n",
     {{3, 1, "again"}, {5, 1, "again"}}},
    {"title: a\naction: block\naction: deny\nentries:\n  - a..b\n", {{3, 1, "again"}, {3, 9, ""}, {5, 5, ""}}},
    {"entries:\n  - domain: a.com\n    domain: b..com\n    match: all\n    match: most\n    code: x\n",
     {{3, 5, "again"}, {3, 13, ""}, {4, 12, ""}, {5, 5, "again"}, {5, 12, ""}, {6, 11, ""}}},
    /* codes and sub-errors: wherever they stand, and only what one file says of both */
    {"sub-error: spam\ncode: censored\n", {{1, 12, "takes none"}}},
    {"entries:\n  - {domain: a.com, sub-error: spam}\n  - {domain: b.com, sub-error: none}\ncode: censored\n",
     {{2, 32, "'code: censored'"}}},
    {"code: censored\nentries:\n  - {domain: a.com, code: filtered, sub-error: dns-policy}\n"
     "  - {domain: b.com, code: filtered, sub-error: spam}\n",
     {{3, 48, "alone"}}},
    {"mode: shadow\nentries:\n  - {domain: a.com, mode: off}\n  - {domain: a.com, mode: [shadow]}\n",
     {{1, 1, "'mode'"}, {3, 27, "enforce, shadow"}, {4, 27, "'mode'"}}},
    {"entries: [a.com\n", {{2, 1, ""}}},
    {"entries: [*a]\n", {{1, 11, "alias"}}},
    {"entries:\n  - caf\xc3\xa9..x # \xe2\x80\x93\n  - {domain: \xc3\xa9..y}\n", {{2, 5, ""}, {3, 14, ""}}},
};

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		struct err_list errors = {0};
		size_t expected = 0;
		assert_null(list_parse(str_from(bads[i].text), "/l.yaml", "l.yaml", &errors));
		for (size_t k = 0; k < ARRAY_LEN(bads[i].faults) && bads[i].faults[k].line != 0; k++, expected++) {
			if (k >= errors.count)
				fail_msg("'%s': only %zu faults", bads[i].text, errors.count);
			const struct err *err = &errors.items[k];
			assert_string_equal(err->file, "l.yaml");
			if (err->line != bads[i].faults[k].line || err->column != bads[i].faults[k].column ||
			    strstr(err->text, bads[i].faults[k].says) == NULL)
				fail_msg("'%s': fault %zu is %u:%u: %s", bads[i].text, k, err->line, err->column, err->text);
		}
		assert_int_equal(errors.count, expected);
		err_list_finish(&errors);
	}
}

/* More faults than an err_list keeps are still faults. */
static void test_many_faults(void **state)
{
	(void)state;
	struct buf text = {0};
	struct err_list errors = {0};
	buf_add_c(&text, "entries:\n");
	for (int i = 0; i < ERR_LIST_MAX + 5; i++)
		buf_add_c(&text, "- a..b\n");
	assert_null(list_parse(buf_str(&text), "/l", "l", &errors));
	assert_int_equal(errors.count, ERR_LIST_MAX);
	assert_int_equal(errors.swallowed, 5);
	/* and a list parsed with an error list that is full already */
	assert_null(list_parse(STR_LIT("entries: [a..b]"), "/l", "l", &errors));
	struct list *list = list_parse(STR_LIT("entries: [a.b]"), "/l", "l", &errors);
	assert_non_null(list);
	list_destroy(list);
	err_list_finish(&errors);
	buf_finish(&text);
}

static bool regexes_pass(unsigned count, int len)
{
	struct buf text = {0};
	struct err_list errors = {0};
	buf_add_c(&text, "entries:\n");
	for (unsigned i = 0; i < count; i++)
		buf_printf(&text, "  - regex: '%0*d'\n", len, 1);
	struct list *list = list_parse(buf_str(&text), "/l", "l", &errors);
	bool ok = list != NULL;
	if (!ok)
		assert_int_equal(errors.count, 1);
	list_destroy(list);
	err_list_finish(&errors);
	buf_finish(&text);
	return ok;
}

static void test_regex_limits(void **state)
{
	(void)state;
	assert_true(regexes_pass(LIST_REGEX_MAX, 8));
	assert_false(regexes_pass(LIST_REGEX_MAX + 3, 8));
	assert_true(regexes_pass(1, LIST_REGEX_LEN_MAX));
	assert_false(regexes_pass(1, LIST_REGEX_LEN_MAX + 1));
}

static void test_shared_provenance(void **state)
{
	(void)state;
	struct list *list = parse_good("entries:\n"
				       "  - {domain: a.com, added: 2017-01-01, contact: [a]}\n"
				       "  - {domain: b.com, added: 2017-01-01, contact: [a]}\n"
				       "  - {domain: c.com, added: 2017-01-02, contact: [a]}\n"
				       "  - {domain: d.com, added: 2017-01-02, contact: [b]}\n"
				       "  - e.com\n");
	assert_ptr_equal(list->entries[0].provenance, list->entries[1].provenance);
	assert_ptr_not_equal(list->entries[1].provenance, list->entries[2].provenance);
	assert_ptr_not_equal(list->entries[2].provenance, list->entries[3].provenance);
	assert_string_equal(list->entries[3].provenance->contact[0], "b");
	assert_null(list->entries[4].provenance);
	list_destroy(list);
}

static void test_provenance(void **state)
{
	(void)state;
	const char *contact[] = {"mailto:a@example.com"};
	struct provenance entry = {.reason = "entry", .expires = "2019-01-01", .expires_s = 1546300800};
	struct provenance file = {.reason = "file",
				  .authority = "file",
				  .has_code = true,
				  .code = CODE_FILTERED,
				  .expires = "2018-01-01",
				  .expires_s = 1514764800};
	struct provenance defaults = {.reason = "defaults",
				      .reference = "defaults",
				      .contact = contact,
				      .contact_count = 1,
				      .has_code = true,
				      .code = CODE_CENSORED,
				      .added = "2016-01-01",
				      .added_s = 1451606400};
	struct provenance all = list_provenance(&entry, &file, &defaults);
	assert_string_equal(all.reason, "entry");
	assert_string_equal(all.authority, "file");
	assert_string_equal(all.reference, "defaults");
	assert_int_equal(all.contact_count, 1);
	assert_int_equal(all.code, CODE_FILTERED);
	assert_int_equal(all.expires_s, 1546300800);
	assert_int_equal(all.added_s, 1451606400);
	assert_null(all.lifted);
	/* lifted by either, and by whoever did so first */
	file.lifted = "2017-08-10";
	file.lifted_s = 1502323200;
	file.lift_reason = "file";
	assert_int_equal(list_provenance(&entry, &file, &defaults).lifted_s, 1502323200);
	assert_int_equal(list_provenance(NULL, &file, NULL).lifted_s, 1502323200);
	entry.lifted = "2099-01-01";
	entry.lifted_s = 4070908800;
	assert_string_equal(list_provenance(&entry, &file, &defaults).lift_reason, "file");
	entry.lifted_s = 1;
	entry.lift_reason = NULL;
	assert_null(list_provenance(&entry, &file, &defaults).lift_reason);
	assert_null(list_provenance(NULL, NULL, NULL).reason);
}

static void test_load(void **state)
{
	(void)state;
	char path[] = "/tmp/test_list_doc.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "entries: [t.me]\n", 16), 16);
	close(fd);
	struct err_list errors = {0};
	struct list *list = list_load(path, "shown", &errors);
	assert_non_null(list);
	assert_string_equal(list->path, path);
	list_destroy(list);
	unlink(path);
	assert_null(list_load(path, "shown", &errors));
	assert_int_equal(errors.count, 1);
	assert_int_equal(errors.items[0].code, ERR_NOT_FOUND);
	err_list_finish(&errors);
}

/* The worked example that is shipped: eleven names in force, all that a user would want to know. */
static void test_telegram(void **state)
{
	(void)state;
	static const char *const names[] = {"t.me",
					    "telegram.me",
					    "telegram.org",
					    "core.telegram.org",
					    "desktop.telegram.org",
					    "macos.telegram.org",
					    "web.telegram.org",
					    "venus.web.telegram.org",
					    "pluto.web.telegram.org",
					    "flora.web.telegram.org",
					    "flora-1.web.telegram.org"};
	struct err_list errors = {0};
	struct list *list = list_load(SOURCE_ROOT "/config/lists/telegram-2017.yaml", "telegram-2017.yaml", &errors);
	assert_non_null(list);
	assert_int_equal(list->entry_count, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		check_name(&list->entries[i], names[i]);
		assert_int_equal(list->entries[i].match, MATCH_SUBTREE);
	}
	const struct provenance *p = &list->provenance;
	assert_int_equal(list->action, ACTION_BLOCK);
	assert_int_equal(p->code, CODE_CENSORED);
	assert_true(p->authority != NULL && p->reason != NULL && p->reference != NULL && p->contact_count > 0 && p->review != NULL);
	assert_string_equal(p->added, "2017-07-14");
	assert_null(p->lifted);
	assert_null(p->expires);
	list_destroy(list);
	err_list_finish(&errors);
}

/* Named by saring.yaml, a list is returned with its faults, for what else there is to say of it. */
static void test_named(void **state)
{
	(void)state;
	static const char text[] = "title: 1\nentries:\n  - a..b\n  - c.example\n  - {regex: '(', code: x}\n  - {regex: ''}\n"
				   "  - {domain: [d]}\nentries: [e]\n";
	char dir[] = "/tmp/saring-doc-XXXXXX", path[64], config[64];
	struct err_list errors = {0};
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/l.yaml", dir);
	(void)snprintf(config, sizeof(config), "%s/saring.yaml", dir);
	assert_true(file_replace(path, text, strlen(text), 0600, NULL));
	struct settings *s = settings_parse(STR_LIT("lists: [{name: l, file: l.yaml}, {name: m, file: m.yaml}]"), config, &errors);
	assert_non_null(s);
	struct list *list = list_load_named(s, 0, &errors);
	assert_non_null(list);
	assert_int_equal(errors.count, 5);
	for (size_t i = 0; i < errors.count; i++)
		assert_string_equal(errors.items[i].file, path);
	assert_string_equal(list->shown, path);
	assert_int_equal(list->entry_count, 2);
	assert_string_equal(list->entries[0].text, "c.example");
	assert_int_equal(list->entries[1].match, MATCH_REGEX);
	assert_string_equal(list->entries[1].text, "(");
	list_destroy(list);
	err_list_finish(&errors);
	assert_null(list_load_named(s, 1, &errors));
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.items[0].file, config);
	err_list_finish(&errors);
	settings_destroy(s);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_codes_of_two_places),
	    cmocka_unit_test(test_words_of_yaml_stay_names),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_many_faults),
	    cmocka_unit_test(test_regex_limits),
	    cmocka_unit_test(test_shared_provenance),
	    cmocka_unit_test(test_provenance),
	    cmocka_unit_test(test_load),
	    cmocka_unit_test(test_named),
	    cmocka_unit_test(test_telegram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
