/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of special names: sound in itself, looked up as a slow look-up would, and switched row by row by saring.yaml. */
#include "settings/load.h"
#include "settings/special.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

static struct special_index table;

static int set_up(void **state)
{
	(void)state;
	bool all[SPECIAL_MAX];
	for (size_t i = 0; i < SPECIAL_MAX; i++)
		all[i] = true;
	special_index_make(all, &table);
	return 0;
}

static struct name name_of(const char *text)
{
	struct name name;
	struct err err;
	if (!name_from_text(str_from(text), &name, &err))
		fail_msg("%s: %s", text, err.text);
	return name;
}

/* As the pipeline does it. */
static int find(const char *text, const bool *on)
{
	struct name name = name_of(text);
	int row = special_find(&table, &name, on);
	if (row >= 0)
		assert_true(special_may_be(&table, &name));
	return row;
}

static int row_of(const char *text)
{
	for (size_t i = 0; i < special_count; i++)
		if (strcmp(specials[i].name, text) == 0)
			return (int)i;
	fail_msg("no row %s", text);
	return -1;
}

static void every_row_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < special_count; i++) {
		const char *text = specials[i].name;
		struct name name = name_of(text);
		char back[NAME_TEXT_MAX], longer[NAME_TEXT_MAX + 8];
		assert_string_equal(name_to_text(&name, back), text); /* folded, without escapes or a final dot */
		assert_true(name.labels <= SPECIAL_LABELS_MAX && strlen(text) >= SPECIAL_END_LEN);
		assert_true(specials[i].source[0] != '\0');
		assert_int_equal(find(text, NULL), i);
		snprintf(longer, sizeof(longer), "a.b.%s", text);
		assert_int_equal(find(longer, NULL), i);
		snprintf(longer, sizeof(longer), "x%s", text); /* beside it: the front label is longer */
		assert_int_not_equal(find(longer, NULL), i);
		struct name above;
		if (name.labels > 1 && name_suffix(&name, name.labels - 1u, &above))
			assert_int_equal(special_find(&table, &above, NULL), -1);
	}
}

static void edges(void **state)
{
	(void)state;
	static const char *const not_special[] = {
	    "15.172.in-addr.arpa",
	    "1.15.172.in-addr.arpa",
	    "32.172.in-addr.arpa",
	    "172.in-addr.arpa",
	    "1.172.in-addr.arpa",
	    "160.172.in-addr.arpa",
	    "63.100.in-addr.arpa",
	    "128.100.in-addr.arpa",
	    "1.63.100.in-addr.arpa",
	    "6.100.in-addr.arpa",
	    "11.in-addr.arpa",
	    "9.in-addr.arpa",
	    "in-addr.arpa",
	    "167.192.in-addr.arpa",
	    "169.192.in-addr.arpa",
	    "253.169.in-addr.arpa",
	    "1.0.192.in-addr.arpa",
	    "254.255.255.255.in-addr.arpa",
	    "255.255.255.in-addr.arpa",
	    "0.0.192.in-addr.arpa",
	    "170.0.0.192.in-addr.arpa",
	    "171.0.0.192.in-addr.arpa",
	    "ip6.arpa",
	    "d.ip6.arpa",
	    "f.ip6.arpa",
	    "c.f.ip6.arpa",
	    "7.e.f.ip6.arpa",
	    "c.e.f.ip6.arpa",
	    "e.f.ip6.arpa",
	    "9.b.d.0.1.0.0.2.ip6.arpa",
	    "b.d.0.1.0.0.2.ip6.arpa",
	    "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
	    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
	    "ipv4only.arpa",
	    "arpa",
	    "example",
	    "example.com",
	    "example.net",
	    "example.org",
	    "www.example.com",
	    "notlocalhost",
	    "localhost.example",
	    "onion.example",
	    ".",
	    "com",
	    "icloud.com",
	    "www.icloud.com",
	    "xmask.icloud.com",
	    "homearpa",
	    "resolver.example",
	};
	for (size_t i = 0; i < ARRAY_LEN(not_special); i++)
		if (find(not_special[i], NULL) != -1)
			fail_msg("%s was found", not_special[i]);
	for (int i = 16; i <= 31; i++) {
		char text[64];
		snprintf(text, sizeof(text), "1.2.%d.172.in-addr.arpa", i);
		assert_true(find(text, NULL) >= 0);
	}
	for (int i = 64; i <= 127; i++) {
		char text[64];
		snprintf(text, sizeof(text), "%d.100.in-addr.arpa", i);
		assert_true(find(text, NULL) >= 0);
	}
	/* labels are compared, not text */
	struct name odd = {.len = 0};
	assert_true(name_from_wire((const uint8_t *)"\11home.arpa", 11, &odd));
	assert_int_equal(special_find(&table, &odd, NULL), -1);
}

/* ---- against a look-up that anybody can follow ---- */

static int find_slowly(const struct name *name, const bool *on)
{
	int best = -1;
	unsigned labels = 0;
	for (size_t i = 0; i < special_count; i++) {
		struct name row = name_of(specials[i].name);
		if ((on == NULL || on[i]) && name_is_below_or_eq(name, &row) && row.labels > labels) {
			best = (int)i;
			labels = row.labels;
		}
	}
	return best;
}

/* A row, with labels taken off its front, put before it, or changed. */
static struct name near_a_row(void)
{
	static const char *const labels[] = {"0",	"1",   "10",   "16",  "31",   "32",    "64",   "100", "127",
					     "128",	"168", "172",  "192", "d",    "f",     "e",    "8",   "arpa",
					     "in-addr", "ip6", "home", "lan", "_dns", "xn--a", "local"};
	char text[NAME_TEXT_MAX];
	struct name name;
	struct err err;
	do {
		const char *row = specials[below((unsigned)special_count)].name;
		for (unsigned cut = below(3); cut > 0 && strchr(row, '.') != NULL; cut--)
			row = strchr(row, '.') + 1;
		text[0] = '\0';
		for (unsigned more = below(4); more > 0; more--) {
			strcat(text, labels[below(ARRAY_LEN(labels))]);
			strcat(text, ".");
		}
		strcat(text, row);
		if (below(4) == 0)
			text[below((unsigned)strlen(text))] = (char)('a' + below(26));
	} while (!name_from_text(str_from(text), &name, &err));
	return name;
}

static void as_a_slow_look_up_finds(void **state)
{
	(void)state;
	unsigned found = 0;
	random_state = 20170714;
	for (int round = 0; round < 4000; round++) {
		struct name name = near_a_row();
		bool on[SPECIAL_MAX];
		for (size_t i = 0; i < SPECIAL_MAX; i++)
			on[i] = below(3) != 0;
		int want = find_slowly(&name, NULL);
		assert_int_equal(special_find(&table, &name, NULL), want);
		if (want >= 0)
			assert_true(special_may_be(&table, &name));
		assert_int_equal(special_find(&table, &name, on), find_slowly(&name, on));
		found += want >= 0;
	}
	assert_true(found > 500 && found < 3500);
}

/* ---- saring.yaml ---- */

static struct settings *parse(const char *text)
{
	struct err_list errors = {0};
	struct settings *s = settings_parse(str_from(text), "/s.yaml", &errors);
	if (s == NULL)
		err_list_print(&errors, stderr);
	assert_non_null(s);
	return s;
}

static void switches(void **state)
{
	(void)state;
	struct settings *s = parse("");
	for (size_t i = 0; i < special_count; i++)
		assert_int_equal(s->special_on[i], specials[i].when != SPECIAL_ON_WISH);
	/* rows that are off make no ordinary name look like one that is on */
	struct name com = name_of("www.mask.icloud.com"), net = name_of("use-application-dns.net"), onion = name_of("x.onion");
	assert_false(special_may_be(&s->special, &com) || special_may_be(&s->special, &net));
	assert_true(special_may_be(&s->special, &onion));
	settings_destroy(s);
	/* one by one, whichever it is */
	for (size_t i = 0; i < special_count; i++) {
		bool on_wish = specials[i].when == SPECIAL_ON_WISH;
		char text[256];
		snprintf(text, sizeof(text), "names: {%s: [%s]}\n", on_wish ? "deny" : "forward", specials[i].name);
		s = parse(text);
		for (size_t j = 0; j < special_count; j++)
			assert_int_equal(s->special_on[j], (specials[j].when != SPECIAL_ON_WISH) != (i == j));
		settings_destroy(s);
	}
	s = parse("names: {forward: [HOME.arpa., test, test], deny: [LAN, mask.icloud.com.], dotless: nodata}\n");
	assert_false(s->special_on[row_of("home.arpa")] || s->special_on[row_of("test")]);
	assert_true(s->special_on[row_of("lan")] && s->special_on[row_of("mask.icloud.com")] && s->special_on[row_of("onion")]);
	assert_int_equal(s->dotless, DOTLESS_NODATA);
	settings_destroy(s);
}

static void check_fault(const char *text, const char *expected)
{
	struct err_list errors = {0};
	char *lines = NULL;
	size_t len = 0;
	assert_null(settings_parse(str_from(text), "/s.yaml", &errors));
	FILE *out = open_memstream(&lines, &len);
	assert_non_null(out);
	err_list_print(&errors, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(lines, expected);
	free(lines);
	err_list_finish(&errors);
}

static void faults(void **state)
{
	(void)state;
	check_fault("names: {forward: [home.arp]}\n",
		    "/s.yaml:1:19: 'forward' takes no name 'home.arp'; did you mean 'home.arpa'?\n");
	check_fault("names: {forward: [example.com, 32.172.in-addr.arpa]}\n",
		    "/s.yaml:1:19: 'forward' takes no name 'example.com'; saring.yaml(5) has a table of those it takes\n"
		    "/s.yaml:1:32: 'forward' takes no name '32.172.in-addr.arpa'; did you mean '22.172.in-addr.arpa'?\n");
	/* a row of the other kind is none of this one */
	check_fault("names: {forward: [lan], deny: [onion]}\n",
		    "/s.yaml:1:19: 'forward' needs no name 'lan': it is asked of upstream servers unless 'deny' has it\n"
		    "/s.yaml:1:32: 'deny' needs no name 'onion': it is answered here unless 'forward' has it\n");
	check_fault("names: {forward: local}\n", "/s.yaml:1:18: 'forward' takes a list of names, not text\n");
	check_fault("names: {forward: [[local]]}\n", "/s.yaml:1:19: 'forward' takes a name in each item, not a list\n");
	check_fault("names: {dotless: yes}\n", "/s.yaml:1:18: 'yes' is not one of forward, nodata\n");
}

/* Of those that are many of a kind, the manual has the first and the last; of whole IPv6 addresses, the ends. */
static bool is_abridged(const char *name)
{
	int n = atoi(name);
	return strstr(name, "0.0.0.0.") != NULL || (strstr(name, ".172.in-addr.arpa") != NULL && n > 16 && n < 31) ||
	       (strstr(name, ".100.in-addr.arpa") != NULL && n > 64 && n < 127);
}

static void the_manual_has_them(void **state)
{
	(void)state;
	FILE *f = fopen(SOURCE_ROOT "/config/saring.yaml.5", "r");
	assert_non_null(f);
	static char manual[256 * 1024];
	size_t len = fread(manual, 1, sizeof(manual) - 1, f);
	assert_int_equal(fclose(f), 0);
	assert_true(len > 1000 && len < sizeof(manual) - 1);
	for (size_t i = 0; i < special_count; i++) {
		char row[256];
		if (is_abridged(specials[i].name))
			continue;
		if (specials[i].when == SPECIAL_ON_WISH)
			snprintf(row, sizeof(row), "\n.Ql %s", specials[i].name);
		else
			snprintf(row, sizeof(row), "\n.It %s Ta %s Ta ", specials[i].name, specials[i].source);
		if (strstr(manual, row) == NULL)
			fail_msg("saring.yaml(5) has no %s", specials[i].name);
	}
}

/* ---- what else the section `server` and `clients` take ---- */

#define SECRET "0123456789abcdefFEDCBA9876543210"

static void secrets(void **state)
{
	(void)state;
	struct settings *s = parse("server: {cookie-secrets: [" SECRET ", '00000000000000000000000000000001']}\n");
	assert_int_equal(s->cookie_secret_count, 2);
	struct siphash_key want =
	    siphash_key_from((const uint8_t *)"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10");
	assert_memory_equal(&s->cookie_secrets[0], &want, sizeof(want));
	settings_destroy(s);
	s = parse("");
	assert_int_equal(s->cookie_secret_count, 0);
	assert_true(s->cookies);
	settings_destroy(s);
	/* what is wrong with one is said without saying it */
#define WRONG ": 'cookie-secrets' takes secrets of 32 hexadecimal digits, as `openssl rand -hex 16` makes them\n"
	check_fault("server: {cookie-secrets: [0123456789abcdefFEDCBA987654321g]}\n", "/s.yaml:1:27" WRONG);
	check_fault("server: {cookie-secrets: [" SECRET "0]}\n", "/s.yaml:1:27" WRONG);
	check_fault("server: {cookie-secrets: [0123456789abcdefFEDCBA987654321, x]}\n", "/s.yaml:1:27" WRONG "/s.yaml:1:60" WRONG);
	check_fault("server: {cookie-secrets: " SECRET "}\n", "/s.yaml:1:26: 'cookie-secrets' takes a list of secrets, not text\n");
	check_fault("server: {cookie-secrets: {" SECRET ": 1}}\n",
		    "/s.yaml:1:26: 'cookie-secrets' takes a list of secrets, not a mapping\n");
	check_fault("server: {cookie-secrets: [[" SECRET "]]}\n",
		    "/s.yaml:1:27: 'cookie-secrets' takes text in each item, not a list\n");
	check_fault("server: {cookie-secrets: []}\n", "/s.yaml:1:26: 'cookie-secrets' has 0 values; 1 to 8 are taken\n");
	char many[64 * 10] = "server: {cookie-secrets: [" SECRET;
	for (int i = 0; i < 8; i++)
		strcat(many, ", " SECRET);
	strcat(many, "]}\n");
	check_fault(many, "/s.yaml:1:26: 'cookie-secrets' has 9 values; 1 to 8 are taken\n");
}

static void rates(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t rate;
	} good[] = {{"1/s", 1}, {"1000/s", 1000}, {"1000000000/s", 1000000000}, {"off", 0}};
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char text[128];
		snprintf(text, sizeof(text), "clients: {rate: %s}\n", good[i].text);
		struct settings *s = parse(text);
		assert_int_equal(s->rate, good[i].rate);
		settings_destroy(s);
	}
	static const char *const bad[] = {"0/s",  "1000", "1000/m", "/s", "-1/s", "1.5/s", "1000000001/s", "99999999999999999999/s",
					  "1 /s", "on",	  "s"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[128], want[256];
		snprintf(text, sizeof(text), "clients: {rate: '%s'}\n", bad[i]);
		snprintf(want, sizeof(want),
			 "/s.yaml:1:17: '%s' is not a rate: queries a second from 1/s to 1000000000/s, or off\n", bad[i]);
		check_fault(text, want);
	}
	check_fault("clients: {rate: [1/s]}\n", "/s.yaml:1:17: 'rate' takes a rate such as 1000/s, or off, not a list\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_row_is_found),
	    cmocka_unit_test(edges),
	    cmocka_unit_test(as_a_slow_look_up_finds),
	    cmocka_unit_test(switches),
	    cmocka_unit_test(faults),
	    cmocka_unit_test(the_manual_has_them),
	    cmocka_unit_test(secrets),
	    cmocka_unit_test(rates),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
