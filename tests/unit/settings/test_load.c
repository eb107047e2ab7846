/* SPDX-License-Identifier: BSD-2-Clause
 * Good files: what every key becomes, and what holds when it is not said. */
#include "settings/load.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"

static struct settings *load_good(struct str text, const char *path)
{
	struct err_list errors = {0};
	struct settings *s = settings_parse(text, path, &errors);
	if (s == NULL)
		err_list_print(&errors, stderr);
	assert_int_equal(errors.count, 0);
	assert_non_null(s);
	err_list_finish(&errors);
	return s;
}

static void check_defaults(const struct settings *s)
{
	char text[ADDR_TEXT_MAX];
	assert_int_equal(s->listen_count, 2);
	assert_string_equal(s->listen[0].text, "dns://127.0.0.1:53");
	assert_string_equal(s->listen[1].text, "dns://[::1]:53");
	assert_int_equal(s->workers, 0);
	assert_null(s->user);
	assert_int_equal(s->allow_count, 2);
	assert_string_equal(prefix_to_text(&s->allow[0], text), "127.0.0.0/8");
	assert_string_equal(prefix_to_text(&s->allow[1], text), "::1/128");
	assert_int_equal(s->others, OTHERS_REFUSE);
	assert_int_equal(s->server_count, 0);
	assert_int_equal(s->strategy, STRATEGY_FASTEST);
	assert_int_equal(s->timeout_ms, 2000);
	assert_int_equal(s->route_count, 0);
	assert_int_equal(s->cache_size, 64 * 1024 * 1024);
	assert_int_equal(s->min_ttl_s, 0);
	assert_int_equal(s->max_ttl_s, 86400);
	assert_int_equal(s->max_negative_ttl_s, 3600);
	assert_int_equal(s->serve_stale_s, 86400);
	assert_true(s->prefetch);
	assert_int_equal(s->block_answer, ANSWER_NXDOMAIN);
	assert_int_equal(s->address_count, 0);
	assert_int_equal(s->block_ttl_s, 10);
	assert_null(s->organization);
	assert_null(s->language);
	assert_int_equal(s->contact_count, 0);
	assert_int_equal(s->list_count, 0);
	assert_string_equal(s->control_socket, SETTINGS_SOCKET_DEFAULT);
	assert_null(s->control_group);
	assert_string_equal(s->state, "/var/lib/saring");
	assert_int_equal(s->log_level, LOG_LEVEL_INFO);
	assert_int_equal(s->audit_size, 64 << 20);
	assert_int_equal(s->audit_keep, 0);
	assert_false(s->query_log || s->query_log_blocked_only);
	assert_string_equal(s->query_log_file, "/var/lib/saring/queries.db");
	assert_int_equal(s->query_log_retention_s, 30 * 86400);
	assert_int_equal(s->query_log_bytes, 1 << 30);
	assert_null(s->dnstap_socket);
	assert_null(s->dnstap_file);
	assert_int_equal(s->dnstap_messages, 1u << DNSTAP_CLIENT_QUERY | 1u << DNSTAP_CLIENT_RESPONSE);
	assert_true(s->dnstap_bytes);
}

static void test_defaults(void **state)
{
	(void)state;
	static const char *const texts[] = {"",
					    "# nothing\n",
					    "{}",
					    "---\n",
					    "clients:\nupstream: ~\ncache: null\nblock:\nlists:\ncontrol: {}\nlog:\n",
					    "upstream: {routes: }\nlists: []\n"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct settings *s = load_good(str_from(texts[i]), "/etc/saring/saring.yaml");
		check_defaults(s);
		assert_string_equal(s->path, "/etc/saring/saring.yaml");
		settings_destroy(s);
	}
}

static const char whole[] =
    "listen: [127.0.0.2, 127.0.0.2:0, dns://192.0.2.1:5353, \"dns://[::1]\", \"[2001:DB8::1]:54\"]\n"
    "workers: 3\n"
    "user: nobody\n"
    "clients: {allow: [192.0.2.0/24, 2001:db8::1], others: drop}\n"
    "upstream:\n"
    "  servers: [9.9.9.9, \"dns://[2620:fe::fe]:53\"]\n"
    "  strategy: spread\n"
    "  timeout: 500ms\n"
    "  routes:\n"
    "    - zone: Corp.Example.\n"
    "      servers: [dns://192.0.2.53]\n"
    "    - servers: [192.0.2.54:54, 192.0.2.55]\n"
    "      zone: b\xc3\xbc"
    "cher.example\n"
    "cache: {size: 1GiB, min-ttl: 5s, max-ttl: 1w, max-negative-ttl: 10m, serve-stale: 0s, prefetch: false}\n"
    "block:\n"
    "  answer: address\n"
    "  addresses: [192.0.2.80, \"2001:db8::80\"]\n"
    "  ttl: 0\n"
    "  organization: Example ISP\n"
    "  contact: [\"mailto:a@example.net\", tel:+1]\n"
    "  language: pt-BR\n"
    "lists:\n"
    "  - {name: a, file: lists/a.yaml}\n"
    "  - name: b.B_9-\n"
    "    file: /srv/b.yaml\n"
    "    format: yaml\n"
    "    action: allow\n"
    "    match: exact\n"
    "    answer: null\n"
    "    mandatory: true\n"
    "    mode: shadow\n"
    "    authority: The Authority\n"
    "    reason: >\n"
    "      in words\n"
    "      of two lines\n"
    "    code: censored\n"
    "    reference: https://example.net/1\n"
    "    contact: mailto:b@example.net\n"
    "    added: 2017-07-14\n"
    "    review: 2017-08-14T00:00:00Z\n"
    "    expires: 2018-07-14\n"
    "control: {socket: run/c.sock, group: adm}\n"
    "state: ../state\n"
    "log: {level: debug}\n";

static void check_network(const struct settings *s)
{
	static const char *const listen[] = {"dns://127.0.0.2:53", "dns://127.0.0.2:0", "dns://192.0.2.1:5353", "dns://[::1]:53",
					     "dns://[2001:db8::1]:54"};
	char text[NAME_TEXT_MAX];
	assert_int_equal(s->listen_count, ARRAY_LEN(listen));
	for (size_t i = 0; i < ARRAY_LEN(listen); i++)
		assert_string_equal(s->listen[i].text, listen[i]);
	assert_int_equal(s->listen[2].line, 1);
	assert_int_equal(s->listen[2].column, 34);
	assert_int_equal(s->workers, 3);
	assert_string_equal(s->user, "nobody");
	assert_int_equal(s->allow_count, 2);
	assert_int_equal(s->allow[0].bits, 24);
	assert_int_equal(s->allow[1].bits, 128);
	assert_int_equal(s->others, OTHERS_DROP);
	assert_int_equal(s->server_count, 2);
	assert_string_equal(s->servers[0].text, "dns://9.9.9.9:53");
	assert_string_equal(s->servers[1].text, "dns://[2620:fe::fe]:53");
	assert_int_equal(s->strategy, STRATEGY_SPREAD);
	assert_int_equal(s->timeout_ms, 500);
	assert_int_equal(s->route_count, 2);
	assert_string_equal(name_to_text(&s->routes[0].zone, text), "corp.example");
	assert_int_equal(s->routes[0].server_count, 1);
	assert_string_equal(name_to_text(&s->routes[1].zone, text), "xn--bcher-kva.example");
	assert_int_equal(s->routes[1].server_count, 2);
	assert_string_equal(s->routes[1].servers[0].text, "dns://192.0.2.54:54");
}

static void check_lists(const struct settings *s)
{
	assert_int_equal(s->list_count, 2);
	const struct settings_list *a = &s->lists[0], *b = &s->lists[1];
	assert_string_equal(a->name, "a");
	assert_string_equal(a->file, "/srv/saring/lists/a.yaml");
	assert_string_equal(a->file_shown, "lists/a.yaml");
	assert_false(a->has_action || a->has_match || a->has_answer || a->mandatory);
	assert_int_equal(a->mode, MODE_ENFORCE);
	assert_null(a->provenance.reason);
	assert_false(a->provenance.has_code);
	assert_int_equal(a->line, 23);
	assert_int_equal(a->column, 5);
	assert_string_equal(b->name, "b.B_9-");
	assert_string_equal(b->file, "/srv/b.yaml");
	assert_string_equal(b->file_shown, "/srv/b.yaml");
	assert_true(b->has_action && b->action == ACTION_ALLOW);
	assert_true(b->has_match && b->match == MATCH_EXACT);
	assert_true(b->has_answer && b->answer == ANSWER_NULL);
	assert_true(b->mandatory);
	assert_int_equal(b->mode, MODE_SHADOW);
	assert_int_equal(b->line, 24);
	const struct provenance *p = &b->provenance;
	assert_string_equal(p->authority, "The Authority");
	assert_string_equal(p->reason, "in words of two lines");
	assert_true(p->has_code && p->code == CODE_CENSORED);
	assert_string_equal(p->reference, "https://example.net/1");
	assert_int_equal(p->contact_count, 1);
	assert_string_equal(p->contact[0], "mailto:b@example.net");
	assert_string_equal(p->added, "2017-07-14");
	assert_int_equal(p->added_s, 1499990400);
	assert_string_equal(p->review, "2017-08-14T00:00:00Z");
	assert_int_equal(p->review_s, 1502668800);
	assert_int_equal(p->expires_s, 1531526400);
	assert_null(p->lifted);
}

static void test_query_log(void **state)
{
	(void)state;
	struct settings *s =
	    load_good(STR_LIT("state: st\n"
			      "log: {queries: {enabled: true, retention: 0s, max-size: 8MiB, blocked-only: true}}\n"
			      "dnstap: {file: taps/d, messages: [client-response], bytes: false}\n"),
		      "/srv/saring/saring.yaml");
	assert_true(s->query_log && s->query_log_blocked_only);
	assert_string_equal(s->query_log_file, "/srv/saring/st/queries.db");
	assert_int_equal(s->query_log_retention_s, 0);
	assert_int_equal(s->query_log_bytes, 8 << 20);
	assert_string_equal(s->dnstap_file, "/srv/saring/taps/d");
	assert_int_equal(s->dnstap_messages, 1u << DNSTAP_CLIENT_RESPONSE);
	assert_false(s->dnstap_bytes);
	settings_destroy(s);
	s = load_good(STR_LIT("log: {queries: {file: q.db}}\ndnstap: {socket: /run/d.sock}\n"), "/srv/saring/saring.yaml");
	assert_string_equal(s->query_log_file, "/srv/saring/q.db");
	assert_string_equal(s->dnstap_socket, "/run/d.sock");
	settings_destroy(s);
}

static void test_every_key(void **state)
{
	(void)state;
	struct settings *s = load_good(STR_LIT(whole), "/srv/saring/saring.yaml");
	char text[ADDR_TEXT_MAX];
	check_network(s);
	check_lists(s);
	assert_int_equal(s->cache_size, UINT64_C(1) << 30);
	assert_int_equal(s->min_ttl_s, 5);
	assert_int_equal(s->max_ttl_s, 7 * 86400);
	assert_int_equal(s->max_negative_ttl_s, 600);
	assert_int_equal(s->serve_stale_s, 0);
	assert_false(s->prefetch);
	assert_int_equal(s->block_answer, ANSWER_ADDRESS);
	assert_int_equal(s->address_count, 2);
	assert_string_equal(addr_host_to_text(&s->addresses[0], text), "192.0.2.80");
	assert_string_equal(addr_host_to_text(&s->addresses[1], text), "2001:db8::80");
	assert_int_equal(s->block_ttl_s, 0);
	assert_string_equal(s->organization, "Example ISP");
	assert_int_equal(s->contact_count, 2);
	assert_string_equal(s->contact[1], "tel:+1");
	assert_string_equal(s->language, "pt-BR");
	assert_string_equal(s->control_socket, "/srv/saring/run/c.sock");
	assert_string_equal(s->control_group, "adm");
	assert_string_equal(s->state, "/srv/saring/../state");
	assert_int_equal(s->log_level, LOG_LEVEL_DEBUG);
	settings_destroy(s);
}

static void test_every_word(void **state)
{
	(void)state;
	for (size_t i = 0; answer_settable_words[i] != NULL; i++) {
		char text[128];
		(void)snprintf(text, sizeof(text), "block: {answer: %s, addresses: [192.0.2.1]}\n", answer_settable_words[i]);
		struct settings *s = load_good(str_from(text), "/s.yaml");
		assert_int_equal(s->block_answer, i);
		settings_destroy(s);
	}
	for (size_t i = 0; mode_words[i] != NULL; i++) {
		char text[128];
		(void)snprintf(text, sizeof(text), "lists: [{name: a, file: b, mode: %s}]\n", mode_words[i]);
		struct settings *s = load_good(str_from(text), "/s.yaml");
		assert_int_equal(s->lists[0].mode, i);
		settings_destroy(s);
	}
}

static void test_bounds_are_inside(void **state)
{
	(void)state;
	struct settings *s = load_good(
	    STR_LIT("workers: 64\nupstream: {timeout: 1m}\ncache: {size: 0, max-ttl: 52w}\nblock: {ttl: 1h}\n"), "/s.yaml");
	assert_int_equal(s->workers, 64);
	assert_int_equal(s->timeout_ms, 60000);
	assert_int_equal(s->cache_size, 0);
	assert_int_equal(s->block_ttl_s, 3600);
	settings_destroy(s);
	s = load_good(STR_LIT("workers: 1\nupstream: {timeout: 100ms}\ncache: {size: 64KiB, min-ttl: 1h}\nclients: {allow: []}\n"),
		      "/s.yaml");
	assert_int_equal(s->workers, 1);
	assert_int_equal(s->timeout_ms, 100);
	assert_int_equal(s->cache_size, 65536);
	assert_int_equal(s->allow_count, 0);
	settings_destroy(s);
}

/* A file named by a relative path gives absolute paths all the same: the daemon may change its directory. */
static void test_relative_path_of_the_file(void **state)
{
	(void)state;
	char here[PATH_MAX], expected[PATH_MAX + 64];
	assert_non_null(getcwd(here, sizeof(here)));
	struct settings *s = load_good(STR_LIT("lists: [{name: a, file: l/a.yaml}]\n"), "conf/saring.yaml");
	(void)snprintf(expected, sizeof(expected), "%s/conf/l/a.yaml", here);
	assert_string_equal(s->lists[0].file, expected);
	assert_string_equal(s->path, "conf/saring.yaml");
	settings_destroy(s);
	s = load_good(STR_LIT("state: x\n"), "saring.yaml");
	(void)snprintf(expected, sizeof(expected), "%s/x", here);
	assert_string_equal(s->state, expected);
	settings_destroy(s);
}

static void test_file_that_is_not_there(void **state)
{
	(void)state;
	struct err_list errors = {0};
	assert_null(settings_load("/nonexistent/saring.yaml", &errors));
	assert_int_equal(errors.count, 1);
	char line[sizeof(struct err)];
	(void)err_format(&errors.items[0], line, sizeof(line));
	assert_non_null(strstr(line, "/nonexistent/saring.yaml"));
	assert_non_null(strstr(line, "No such file"));
	err_list_finish(&errors);
	settings_destroy(NULL);
}

/* "#key: value" and "#- item" become settings, "# prose" stays: as the head of the shipped file says, and the lint does. */
static void uncomment(struct str text, struct buf *out)
{
	for (struct str rest = text; rest.ptr != NULL;) {
		struct str line = str_cut(&rest, '\n');
		size_t blanks = 0;
		while (blanks < line.len && line.ptr[blanks] == ' ')
			blanks++;
		bool setting = blanks + 1 < line.len && line.ptr[blanks] == '#' && line.ptr[blanks + 1] != ' ';
		buf_add(out, line.ptr, blanks);
		buf_add(out, line.ptr + blanks + setting, line.len - blanks - setting);
		buf_add_c(out, "\n");
	}
}

static void test_shipped_file(void **state)
{
	(void)state;
	struct err_list errors = {0};
	struct buf text = {0}, whole_text = {0};
	struct err err;
	static const char path[] = SOURCE_ROOT "/config/saring.yaml";
	struct settings *s = settings_load(path, &errors);
	if (s == NULL)
		err_list_print(&errors, stderr);
	assert_non_null(s);
	assert_int_equal(s->listen_count, 1);
	assert_string_equal(s->listen[0].text, "dns://127.0.0.1:5300");
	assert_int_equal(s->list_count, 1);
	assert_string_equal(s->lists[0].name, "telegram-2017");
	assert_string_equal(s->lists[0].file, SOURCE_ROOT "/config/lists/telegram-2017.yaml");
	assert_string_equal(s->control_socket, SOURCE_ROOT "/config/../build/run/control.sock");
	assert_string_equal(s->state, SOURCE_ROOT "/config/../build/state");
	assert_null(s->user);
	settings_destroy(s);
	/* and every line of it is good when it is put in force */
	assert_true(file_read(path, SETTINGS_BYTES_MAX, &text, &err));
	uncomment(buf_str(&text), &whole_text);
	s = load_good(buf_str(&whole_text), path);
	assert_int_equal(s->listen_count, 3);
	assert_int_equal(s->route_count, 3); /* corp.example, lan, 168.192.in-addr.arpa */
	assert_int_equal(s->record_count, 2);
	assert_string_equal(s->user, "saring");
	assert_string_equal(s->lists[0].provenance.authority, "Example ISP");
	settings_destroy(s);
	buf_finish(&text);
	buf_finish(&whole_text);
	err_list_finish(&errors);
}

/* What follows from where a list is. */
static void test_url_lists(void **state)
{
	(void)state;
	struct err_list errors = {0};
	struct settings *s =
	    settings_parse(STR_LIT("lists:\n"
				   "- {name: ads, url: 'https://h/a.yaml', refresh: 2h, max-change: 200%, format: hosts, "
				   "may-allow: true}\n"
				   "- {name: b, url: 'http://h/b'}\n"
				   "- {name: c, file: c.yml}\n"
				   "- {name: d, file: d.txt}\n"
				   "- {name: e, file: e.yaml, format: rpz}\n"
				   "state: st\n"),
			   "/etc/s.yaml", &errors);
	assert_non_null(s);
	const struct settings_list *l = s->lists;
	assert_string_equal(l[0].url, "https://h/a.yaml");
	assert_string_equal(l[0].file, "/etc/st/fetched/ads");
	assert_string_equal(l[0].file_shown, l[0].url);
	assert_true(l[0].refresh_s == 7200 && l[0].max_change_percent == 200 && l[0].format == FORMAT_HOSTS && l[0].may_allow);
	assert_true(l[1].refresh_s == 86400 && l[1].max_change_percent == 50 && l[1].format == FORMAT_AUTO && !l[1].may_allow);
	assert_true(l[2].url == NULL && l[2].format == FORMAT_YAML);
	assert_string_equal(l[2].file, "/etc/c.yml");
	assert_true(l[3].format == FORMAT_AUTO && l[4].format == FORMAT_RPZ);
	settings_destroy(s);
	/* of a faulty file the lists are kept as what they are */
	s = settings_parse_faulty(
	    STR_LIT("lists: [{name: a, url: 'http://h/', format: adblock, may-allow: true}, {name: b, url: x}]\n"), "/etc/s.yaml",
	    &errors);
	assert_true(s->list_count == 1 && s->lists[0].format == FORMAT_ADBLOCK && s->lists[0].may_allow);
	assert_string_equal(s->lists[0].url, "http://h/");
	assert_string_equal(s->lists[0].file_shown, "http://h/");
	settings_destroy(s);
	err_list_finish(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_url_lists),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_query_log),
	    cmocka_unit_test(test_every_key),
	    cmocka_unit_test(test_every_word),
	    cmocka_unit_test(test_bounds_are_inside),
	    cmocka_unit_test(test_relative_path_of_the_file),
	    cmocka_unit_test(test_file_that_is_not_there),
	    cmocka_unit_test(test_shipped_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
