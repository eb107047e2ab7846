/* SPDX-License-Identifier: BSD-2-Clause
 *
 * test_commands.c - the command line, right and wrong. */
#include "saringctl/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_S 1767225600 /* 2026-01-01T00:00:00Z */
#define WORDS_MAX 12

struct parsed {
	struct invocation in;
	struct err err;
	char *argv[WORDS_MAX + 2];
	bool good;
};

/* getopt changes the order of argv and wants it writable. */
static void parse(struct parsed *p, const char *const words[WORDS_MAX])
{
	int argc = 0;
	memset(p, 0, sizeof(*p));
	p->argv[argc++] = base_strdup("saringctl");
	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		p->argv[argc++] = base_strdup(words[i]);
	p->good = commands_parse(argc, p->argv, NOW_S, &p->in, &p->err);
}

static void done(struct parsed *p)
{
	invocation_finish(&p->in);
	for (size_t i = 0; i < WORDS_MAX + 2; i++)
		free(p->argv[i]);
}

static void test_good(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *name; /* the row found */
		const char *operands[4];
	} cases[] = {
	    {{"status"}, "status", {NULL}},
	    {{"--json", "status"}, "status", {NULL}},
	    {{"status", "--json", "-s", "/tmp/s", "-c", "f.yaml"}, "status", {NULL}},
	    {{"check"}, "check", {NULL}},
	    {{"check", "f.yaml"}, "check", {"f.yaml"}},
	    {{"reload", "-cf.yaml"}, "reload", {NULL}},
	    {{"explain", "t.me"}, "explain", {"t.me"}},
	    {{"explain", "--type", "aaaa", "t.me", "--client", "192.0.2.1"}, "explain", {"t.me"}},
	    {{"--type=TYPE64", "explain", "t.me"}, "explain", {"t.me"}},
	    {{"list"}, "list", {NULL}},
	    {{"list", "show", "ads"}, "list show", {"ads"}},
	    {{"list", "--json", "show", "ads"}, "list show", {"ads"}},
	    {{"list", "add", "ads", "a.example", "b.example"}, "list add", {"ads", "a.example", "b.example"}},
	    {{"list", "add", "--reason", "why", "ads", "--force", "a.example"}, "list add", {"ads", "a.example"}},
	    {{"list", "add", "ads", "--", "-odd.example", "--json"}, "list add", {"ads", "-odd.example", "--json"}},
	    {{"list", "remove", "ads", "a.example"}, "list remove", {"ads", "a.example"}},
	    {{"list", "lift", "ads"}, "list lift", {"ads"}},
	    {{"list", "lift", "ads", "a.example", "--reason", "over"}, "list lift", {"ads", "a.example"}},
	    {{"list", "mode", "ads", "off"}, "list mode", {"ads", "off"}},
	    {{"cache"}, "cache", {NULL}},
	    {{"cache", "flush"}, "cache flush", {NULL}},
	    {{"cache", "flush", "example.com"}, "cache flush", {"example.com"}},
	    {{"upstream"}, "upstream", {NULL}},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parsed p;
		char name[COMMAND_NAME_MAX];
		size_t count = 0;
		parse(&p, cases[i].words);
		if (!p.good)
			fail_msg("case %zu: %s", i, p.err.text);
		assert_non_null(p.in.command);
		assert_string_equal(command_name(p.in.command, name, sizeof(name)), cases[i].name);
		for (; count < 4 && cases[i].operands[count] != NULL; count++) {
			assert_true(count < p.in.operand_count);
			assert_string_equal(p.in.operands[count], cases[i].operands[count]);
		}
		assert_int_equal(p.in.operand_count, count);
		done(&p);
	}
}

static void test_wrong(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *text; /* stands in the sentence */
	} cases[] = {
	    {{NULL}, "no verb"},
	    {{"--json"}, "no verb"},
	    {{"statsu"}, "did you mean 'status'?"},
	    {{"frobnicate"}, "unknown verb 'frobnicate'"},
	    {{"allow", "a.example", "--for", "soon"}, "--for: 'soon'"},
	    {{"list", "shwo", "ads"}, "did you mean 'list show'?"},
	    {{"list", "improt", "ads", "f"}, "unknown verb 'list improt'"},
	    {{"list", "import", "ads"}, "FILE"},
	    {{"list", "export", "ads", "--format", "host"}, "did you mean 'hosts'?"},
	    {{"cache", "flsh"}, "did you mean 'cache flush'?"},
	    {{"status", "now"}, "'status': unexpected 'now'"},
	    {{"check", "a", "b"}, "'check': unexpected 'b'"},
	    {{"explain"}, "'explain' needs NAME"},
	    {{"explain", ""}, "is empty"},
	    {{"list", "show"}, "'list show' needs LIST"},
	    {{"list", "add"}, "'list add' needs LIST NAME..."},
	    {{"list", "add", "ads"}, "'list add' needs LIST NAME..."},
	    {{"list", "remove", "ads"}, "'list remove' needs LIST NAME..."},
	    {{"list", "lift"}, "'list lift' needs LIST"},
	    {{"list", "mode", "ads"}, "'list mode' needs LIST enforce|shadow|off"},
	    {{"list", "mode", "ads", "off", "on"}, "unexpected 'on'"},
	    {{"status", "--jsno"}, "did you mean '--json'?"},
	    {{"status", "-x"}, "unknown option '-x'"},
	    {{"status", "--frobnicate=1"}, "unknown option '--frobnicate=1'"},
	    {{"status", "--json=yes"}, "'--json' takes no value"},
	    {{"status", "-c"}, "'-c' needs a value"},
	    {{"status", "--socket"}, "'--socket' needs a value"},
	    {{"status", "--socket="}, "--socket: the value is empty"},
	    {{"status", "--type", "A"}, "'status' has no option '--type'"},
	    {{"list", "remove", "ads", "a.example", "--force"}, "'list remove' has no option '--force'"},
	    {{"list", "lift", "ads", "--expires", "1d"}, "'list lift' has no option '--expires'"},
	    {{"explain", "t.me", "--type", "FROB"}, "--type: 'FROB'"},
	    {{"explain", "t.me", "--type", "TYPE70000"}, "--type: 'TYPE70000'"},
	    {{"explain", "t.me", "--client", "somebody"}, "--client: 'somebody'"},
	    {{"explain", "t.me", "--client", "192.0.2.1:53"}, "--client: '192.0.2.1:53'"},
	    {{"list", "add", "ads", "a.example", "--match", "prefix"}, "--match: 'prefix'"},
	    {{"list", "add", "ads", "a.example", "--match", "regex"}, "--match: 'regex'"},
	    {{"list", "add", "ads", "a.example", "--expires", "soon"}, "--expires: 'soon'"},
	    {{"list", "add", "ads", "a.example", "--expires", "2026-02-30"}, "--expires: '2026-02-30'"},
	    {{"list", "add", "ads", "a.example", "--expires", "0"}, "--expires: '0'"},
	    {{"list", "add", "ads", "a.example", "--expires", "-7d"}, "--expires: '-7d'"},
	    {{"list", "add", "ads", "a.example", "--expires", "9999w"}, "over a hundred years"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct parsed p;
		parse(&p, cases[i].words);
		if (p.good)
			fail_msg("case %zu was taken", i);
		assert_int_equal(p.err.code, ERR_USAGE);
		assert_int_equal(output_status(&p.err), STATUS_USAGE);
		if (strstr(p.err.text, cases[i].text) == NULL)
			fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].text, p.err.text);
		done(&p);
	}
}

static void test_values(void **state)
{
	static const char *const words[WORDS_MAX] = {"list",
						     "add",
						     "ads",
						     "a.example",
						     "--match=subdomains",
						     "--contact=mailto:a@example.net",
						     "--contact=mailto:b@example.net",
						     "--reason=first",
						     "--reason=second",
						     "--expires=7d"};
	struct parsed p;
	(void)state;
	parse(&p, words);
	assert_true(p.good);
	assert_true(p.in.has_match);
	assert_int_equal(p.in.match, MATCH_SUBDOMAINS);
	assert_int_equal(p.in.contact_count, 2);
	assert_string_equal(p.in.contact[1], "mailto:b@example.net");
	assert_string_equal(p.in.reason, "second"); /* the last one counts */
	assert_string_equal(p.in.expires, "2026-01-08T00:00:00Z");
	done(&p);
}

static void test_expires_as_given(void **state)
{
	static const char *const given[] = {"2027-01-31", "2027-01-31T12:30:00+07:00", "2001-01-01"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		const char *words[WORDS_MAX] = {"list", "add", "ads", "a.example", "--expires", given[i]};
		struct parsed p;
		parse(&p, words);
		assert_true(p.good);
		assert_string_equal(p.in.expires, given[i]);
		done(&p);
	}
}

static void test_client(void **state)
{
	static const char *const words[WORDS_MAX] = {"explain", "t.me", "--client", "2001:DB8:0::1"};
	struct parsed p;
	(void)state;
	parse(&p, words);
	assert_true(p.good);
	assert_string_equal(p.in.client, "2001:db8::1");
	done(&p);
}

/* A moment is told to the daemon as a time, however it was said. */
static void test_at(void **state)
{
	static const char *const given[][2] = {
	    {"2027-01-31", "2027-01-31T00:00:00Z"}, {"2027-01-31T12:30:00+07:00", "2027-01-31T05:30:00Z"},
	    {"+2d", "2026-01-03T00:00:00Z"},	    {"2d", "2026-01-03T00:00:00Z"},
	    {"-90m", "2025-12-31T22:30:00Z"},	    {"0", "2026-01-01T00:00:00Z"}};
	static const char *const refused[] = {"", "+", "-", "--1d", "now", "1", "2027-02-30", "+40000d", "-40000d"};
	struct parsed p;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		const char *words[WORDS_MAX] = {"explain", "t.me", "--at", given[i][0]};
		parse(&p, words);
		assert_true(p.good);
		assert_string_equal(p.in.at, given[i][1]);
		done(&p);
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *words[WORDS_MAX] = {"explain", "t.me", "--at", refused[i]};
		parse(&p, words);
		assert_false(p.good);
		assert_int_equal(p.err.code, ERR_USAGE);
		done(&p);
	}
}

/* The other word for a verb is that verb, with its options and its help. */
static void test_alias(void **state)
{
	static const char *const words[WORDS_MAX] = {"why", "t.me", "--offline", "--no-ask"};
	static const char *const wrong[WORDS_MAX] = {"why", "t.me", "--force"};
	struct parsed p;
	(void)state;
	parse(&p, words);
	assert_true(p.good && p.in.offline && p.in.no_ask);
	assert_string_equal(p.in.command->verb, "explain");
	assert_string_equal(p.in.group, "explain");
	assert_string_equal(p.in.operands[0], "t.me");
	done(&p);
	parse(&p, wrong);
	assert_false(p.good);
	done(&p);
	for (size_t i = 0; i < commands_count; i++) /* no word means two things */
		for (size_t k = 0; k < commands_count; k++)
			assert_true(commands_table[i].alias == NULL ||
				    strcmp(commands_table[i].alias, commands_table[k].verb) != 0);
}

static void test_contacts_are_bounded(void **state)
{
	static const char *const head[] = {"saringctl", "list", "add", "ads", "a.example"};
	char *argv[COMMANDS_CONTACT_MAX + ARRAY_LEN(head) + 2] = {NULL};
	int argc = (int)ARRAY_LEN(argv) - 1; /* with one contact too many */
	struct invocation in;
	struct err err = {.code = ERR_NONE};
	(void)state;
	for (int i = 0; i < argc; i++)
		argv[i] = base_strdup(i < (int)ARRAY_LEN(head) ? head[i] : "--contact=mailto:a@example.net");
	char *spare = argv[argc - 1];
	argv[argc - 1] = NULL;
	assert_true(commands_parse(argc - 1, argv, NOW_S, &in, &err));
	assert_int_equal(in.contact_count, COMMANDS_CONTACT_MAX);
	invocation_finish(&in);
	argv[argc - 1] = spare;
	assert_false(commands_parse(argc, argv, NOW_S, &in, &err));
	assert_int_equal(err.code, ERR_USAGE);
	invocation_finish(&in);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

/* A shell that has POSIXLY_CORRECT set must not change what a command line means. */
static void test_posixly_correct(void **state)
{
	static const char *const words[WORDS_MAX] = {"explain", "t.me", "--json"};
	struct parsed p;
	(void)state;
	assert_int_equal(setenv("POSIXLY_CORRECT", "1", 1), 0);
	parse(&p, words);
	assert_int_equal(unsetenv("POSIXLY_CORRECT"), 0);
	assert_true(p.good);
	assert_true(p.in.json);
	assert_int_equal(p.in.operand_count, 1);
	done(&p);
}

static void test_help_forgives_missing_operands(void **state)
{
	static const char *const words[WORDS_MAX] = {"list", "add", "--help"};
	static const char *const alone[WORDS_MAX] = {"--help"};
	static const char *const unknown[WORDS_MAX] = {"lsit", "--help"};
	struct parsed p;
	(void)state;
	parse(&p, words);
	assert_true(p.good && p.in.help);
	assert_string_equal(p.in.command->sub, "add");
	done(&p);
	parse(&p, alone);
	assert_true(p.good && p.in.help);
	assert_null(p.in.command);
	done(&p);
	parse(&p, unknown);
	assert_false(p.good);
	done(&p);
}

/* Every subverb's verb can be typed by itself: parse_verb counts on it. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		bool plain = false;
		for (size_t k = 0; k < commands_count; k++)
			plain = plain || (commands_table[k].sub == NULL && strcmp(commands_table[k].verb, c->verb) == 0);
		assert_true(plain);
		assert_true(c->min <= c->max);
		assert_non_null(c->summary);
		assert_true(c->run != NULL);
		assert_int_equal(c->options & OPTION_BITS_GLOBAL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_expires_as_given),
	    cmocka_unit_test(test_at),
	    cmocka_unit_test(test_alias),
	    cmocka_unit_test(test_client),
	    cmocka_unit_test(test_contacts_are_bounded),
	    cmocka_unit_test(test_posixly_correct),
	    cmocka_unit_test(test_help_forgives_missing_operands),
	    cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
