/* SPDX-License-Identifier: BSD-2-Clause
 * Bad files: every fault, its exact place, and the sentence. */
#include "settings/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static char *report(struct str text)
{
	struct err_list errors = {0};
	char *lines = NULL;
	size_t len = 0;
	struct settings *s = settings_parse(text, "/s.yaml", &errors);
	FILE *out = open_memstream(&lines, &len);
	assert_non_null(out);
	if (s != NULL)
		fprintf(out, "good\n");
	err_list_print(&errors, out);
	assert_int_equal(fclose(out), 0);
	settings_destroy(s);
	err_list_finish(&errors);
	return lines;
}

static void check(const char *text, const char *expected)
{
	char *got = report(str_from(text));
	if (strcmp(got, expected) != 0)
		print_error("file:\n%s\n", text);
	assert_string_equal(got, expected);
	free(got);
}

static void test_unknown_keys(void **state)
{
	(void)state;
	check("listn: [x]\n", "/s.yaml:1:1: unknown key 'listn'; did you mean 'listen'?\n");
	check("cache:\n  sise: 1MiB\n", "/s.yaml:2:3: unknown key 'sise'; did you mean 'size'?\n");
	check("ttl: 1s\n", "/s.yaml:1:1: unknown key 'ttl'; did you mean 'block.ttl'?\n");
	check("upstream: {routes: [{zon: a, servers: [192.0.2.1], zone: b}]}\n",
	      "/s.yaml:1:22: unknown key 'zon'; did you mean 'zone'?\n");
	check(
	    "lists:\n- name: a\n  file: b\n  reson: c\n  lifted: 2017-01-01\n",
	    "/s.yaml:4:3: unknown key 'reson'; did you mean 'reason'?\n"
	    "/s.yaml:5:3: unknown key 'lifted'; what may stand here: name, file, url, refresh, max-change, key, signature, format, "
	    "may-allow, action, match, answer, mandatory, mode, authority, reason, code, sub-error, reference, contact, "
	    "organization, language, added, review, "
	    "expires\n");
	check("log: {xyzzy: 1}\n",
	      "/s.yaml:1:7: unknown key 'xyzzy'; what may stand here: level, traffic, recent, privacy, queries\n");
	check("'a\\\"\\e': 1\n",
	      "/s.yaml:1:1: unknown key 'a\\\\\\\"\\\\e'; what may stand here: listen, workers, user, clients, upstream, "
	      "rebind-protection, cache, names, records, hosts, safe-search, block, lists, groups, time-zone, control, state, log, "
	      "dnstap, metrics, audit, "
	      "server\n");
	check("\"\\e[31m\": 1\n",
	      "/s.yaml:1:1: unknown key '\\027[31m'; what may stand here: listen, workers, user, clients, upstream, "
	      "rebind-protection, cache, names, records, hosts, safe-search, block, lists, groups, time-zone, control, state, log, "
	      "dnstap, metrics, audit, "
	      "server\n");
}

static void test_wrong_types(void **state)
{
	(void)state;
	check("[a]\n", "/s.yaml:1:1: this file takes a mapping ('key: value'), not a list\n");
	check("listen\n", "/s.yaml:1:1: this file takes a mapping ('key: value'), not text\n");
	check("cache: 64MiB\n", "/s.yaml:1:8: 'cache' takes a mapping, not text\n");
	check("cache: [a]\n", "/s.yaml:1:8: 'cache' takes a mapping, not a list\n");
	check("listen: dns://127.0.0.1\n", "/s.yaml:1:9: 'listen' takes a list of endpoints, not text\n");
	check("listen:\nstate:\n", "/s.yaml:1:8: 'listen' has no value; it takes a list of endpoints\n"
				   "/s.yaml:2:7: 'state' has no value; it takes a path\n");
	check("listen: []\n", "/s.yaml:1:9: 'listen' is empty; leave the key out for its default\n");
	check("listen: [[a]]\n", "/s.yaml:1:10: 'listen' takes text in each item, not a list\n");
	check("workers: {a: b}\n", "/s.yaml:1:10: 'workers' takes auto or a number, not a mapping\n");
	check("lists: {name: a}\n", "/s.yaml:1:8: 'lists' takes a list of mappings, not a mapping\n");
	check("lists: [a, {name: b, file: c}]\n", "/s.yaml:1:9: 'lists' takes a mapping in each item, not text\n");
	check("block: {answer: , contact: {a: b}, ttl: [1s]}\n",
	      "/s.yaml:1:16: 'answer' has no value; it takes one of nxdomain, nodata, null, refused, drop, address\n"
	      "/s.yaml:1:28: 'contact' takes a list of texts, not a mapping\n"
	      "/s.yaml:1:41: 'ttl' takes a duration, not a list\n");
	check("upstream: {routes: [{zone: [a], servers: a}]}\n",
	      "/s.yaml:1:28: 'zone' takes a domain name or a prefix, not a list\n"
	      "/s.yaml:1:42: 'servers' takes a list of endpoints, not text\n");
}

static void test_words(void **state)
{
	(void)state;
	check("block: {answer: nxdomian}\n",
	      "/s.yaml:1:17: 'nxdomian' is not one of nxdomain, nodata, null, refused, drop, address; did you mean 'nxdomain'?\n");
	check("block: {answer: ~}\n", "/s.yaml:1:17: '~' is not one of nxdomain, nodata, null, refused, drop, address\n");
	check("clients: {others: Refuse}\n", "/s.yaml:1:19: 'Refuse' is not one of refuse, drop; did you mean 'refuse'?\n");
	check("upstream: {strategy: random}\n", "/s.yaml:1:22: 'random' is not one of fastest, ordered, spread\n");
	check("log: {level: warn}\n", "/s.yaml:1:14: 'warn' is not one of error, warning, info, debug\n");
	check("lists: [{name: a, file: b, match: regex}]\n", "/s.yaml:1:35: 'regex' is not one of exact, subtree, subdomains\n");
	check(
	    "lists: [{name: a, file: b, format: ymal}]\n",
	    "/s.yaml:1:36: 'ymal' is not one of auto, yaml, hosts, domains, wildcard, adblock, dnsmasq, unbound, rpz; did you mean "
	    "'yaml'?\n");
	check("lists: [{name: a, file: b, mode: 'on'}]\n", "/s.yaml:1:34: 'on' is not one of enforce, shadow, off\n");
}

static void test_bools(void **state)
{
	(void)state;
	check("cache: {prefetch: yes}\n", "/s.yaml:1:19: 'yes' is not true or false; did you mean 'true'?\n");
	check("cache: {prefetch: off}\n", "/s.yaml:1:19: 'off' is not true or false; did you mean 'false'?\n");
	check("cache: {prefetch: True}\n", "/s.yaml:1:19: 'True' is not true or false; did you mean 'true'?\n");
	check("cache: {prefetch: 'true'}\n", "/s.yaml:1:19: 'prefetch' takes true or false without quotes\n");
	check("cache: {prefetch: maybe}\n", "/s.yaml:1:19: 'maybe' is not true or false\n");
	check("lists: [{name: a, file: b, mandatory: 1}]\n", "/s.yaml:1:39: '1' is not true or false; did you mean 'true'?\n");
}

static void test_numbers(void **state)
{
	(void)state;
	check("workers: 0\n", "/s.yaml:1:10: '0' is not auto or a number from 1 to 64\n");
	check("workers: 65\n", "/s.yaml:1:10: '65' is not auto or a number from 1 to 64\n");
	check("workers: -1\n", "/s.yaml:1:10: '-1' is not auto or a number from 1 to 64\n");
	check("block: {ttl: 10}\n",
	      "/s.yaml:1:14: '10' is not a duration: a number with its unit, as in 500ms, 10s, 5m, 2h, 1d or 2w\n");
	check("block: {ttl: 1500ms}\n", "/s.yaml:1:14: '1500ms' has parts of a second; 'ttl' takes whole seconds\n");
	check("block: {ttl: 2h}\n", "/s.yaml:1:14: '2h' is out of range: 'ttl' takes 0s to 1h\n");
	check("upstream: {timeout: 50ms}\n", "/s.yaml:1:21: '50ms' is out of range: 'timeout' takes 100ms to 1m\n");
	check("cache: {size: 64MB}\n",
	      "/s.yaml:1:15: '64MB' is not a size: a number with its unit, as in 64KiB, 64MiB or 1GiB; 0 = off\n");
	check("cache: {size: 1KiB}\n", "/s.yaml:1:15: '1KiB' is out of range: 'size' takes 0, or 64KiB to 1024GiB\n");
	check("cache: {size: 99999999GiB}\n", "/s.yaml:1:15: '99999999GiB' is out of range: 'size' takes 0, or 64KiB to 1024GiB\n");
	check("cache: {max-ttl: 99999w}\n", "/s.yaml:1:18: '99999w' is out of range: 'max-ttl' takes 0s to 52w\n");
}

static void test_endpoints(void **state)
{
	(void)state;
	check("listen: [tls://127.0.0.1:853, https://example.net/dns-query, udp://127.0.0.1]\n",
	      "/s.yaml:1:10: this version does not have tls:// endpoints yet; it has dns://HOST:PORT\n"
	      "/s.yaml:1:31: this version does not have https:// endpoints yet; it has dns://HOST:PORT\n"
	      "/s.yaml:1:62: 'udp://127.0.0.1' has an unknown scheme; an endpoint is dns://HOST:PORT\n");
	check("listen:\n  - \"::1\"\n  - dns://::1:53\n",
	      "/s.yaml:2:5: '::1': an IPv6 address stands in brackets here, as in dns://[2001:db8::1]:53\n"
	      "/s.yaml:3:5: 'dns://::1:53': an IPv6 address stands in brackets here, as in dns://[2001:db8::1]:53\n");
	static const char *const bad[] = {"dns://localhost", "dns://127.0.0.1:65536", "dns://127.0.0.1:",  "dns://",
					  "127.0.0.1/8",     "dns://127.0.0.1:53/",   "dns://127.0.0.1#a", "dns://127.1",
					  "dns://[::1",	     "dns://[127.0.0.1]"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[128], expected[256];
		(void)snprintf(text, sizeof(text), "listen: ['%s']\n", bad[i]);
		(void)snprintf(
		    expected, sizeof(expected),
		    "/s.yaml:1:10: '%s' is not an endpoint: dns://HOST:PORT, where HOST is an IP address and PORT at most 65535\n",
		    bad[i]);
		check(text, expected);
	}
	check("listen: [127.0.0.1, 127.0.0.2, dns://127.0.0.1:53]\n", "/s.yaml:1:32: 'dns://127.0.0.1:53' stands here twice\n");
	check("upstream: {servers: [192.0.2.1:0, \"[::]\"]}\n",
	      "/s.yaml:1:22: '192.0.2.1:0': port 0 can't be asked\n"
	      "/s.yaml:1:35: '[::]': this address means every address of this machine and can't be asked\n");
	check("upstream:\n  servers: [127.0.0.1]\n  routes: [{zone: a, servers: [192.0.2.1, \"[::1]\"]}]\n",
	      "/s.yaml:2:13: 'dns://127.0.0.1:53' is where saringd itself listens: it would ask itself\n"
	      "/s.yaml:3:43: 'dns://[::1]:53' is where saringd itself listens: it would ask itself\n");
}

static void test_addresses(void **state)
{
	(void)state;
	check("clients: {allow: [10.0.0.1/8, a, 10.0.0.0/33]}\n",
	      "/s.yaml:1:19: '10.0.0.1/8' is not an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32 (no bit set past its "
	      "length)\n"
	      "/s.yaml:1:31: 'a' is not an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32 (no bit set past its length)\n"
	      "/s.yaml:1:34: '10.0.0.0/33' is not an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32 (no bit set past "
	      "its length)\n");
	check("block: {addresses: [192.0.2.1:80, \"[::1]\", \"fe80::1%lo\", x, 192.0.2.1:0]}\n",
	      "/s.yaml:1:21: '192.0.2.1:80' is not an IPv4 or IPv6 address (without port)\n"
	      "/s.yaml:1:35: '[::1]' is not an IPv4 or IPv6 address (without port)\n"
	      "/s.yaml:1:44: 'fe80::1%lo' is not an IPv4 or IPv6 address (without port)\n"
	      "/s.yaml:1:58: 'x' is not an IPv4 or IPv6 address (without port)\n"
	      "/s.yaml:1:61: '192.0.2.1:0' is not an IPv4 or IPv6 address (without port)\n");
	check("block: {answer: address}\n", "/s.yaml:1:17: answer: address needs 'addresses' under 'block'\n");
	check("block: {addresses: []}\nlists: [{name: a, file: b}, {name: c, file: d, answer: address}]\n",
	      "/s.yaml:2:56: answer: address needs 'addresses' under 'block'\n");
	check("block: {answer: address, addresses: 192.0.2.1}\n",
	      "/s.yaml:1:37: 'addresses' takes a list of addresses, not text\n");
	check("upstream: {routes: [{zone: a..b, servers: [192.0.2.1]}]}\n",
	      "/s.yaml:1:28: \"a..b\" is not a domain name: it has an empty label\n");
}

static void test_texts(void **state)
{
	(void)state;
	check("user: ' '\n", "/s.yaml:1:7: 'user' has nothing but blanks in it\n");
	check("user: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "/s.yaml:1:7: 'user' has 33 bytes; at most 32 are taken\n");
	check("block: {organization: \"a\\eb\"}\n", "/s.yaml:1:23: 'organization' has a control character (0x1b) in it\n");
	check("block:\n  organization: |\n    a\n    b\n", "/s.yaml:2:17: 'organization' takes a single line\n");
	check("block: {contact: [a, ''], language: e}\n", "/s.yaml:1:22: 'contact' has no value; it takes text\n"
							  "/s.yaml:1:37: 'e' is not a language tag such as en, id or pt-BR\n");
	check("block: {contact: [a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a], language: en_US}\n",
	      "/s.yaml:1:18: 'contact' has 17 values; at most 16 are taken\n"
	      "/s.yaml:1:65: 'en_US' is not a language tag such as en, id or pt-BR\n");
	check("lists:\n- {name: a b, file: c}\n- {name: '', file: c}\n- {name: a/b, file: ''}\n",
	      "/s.yaml:2:10: 'a b' can't name a list: 1 to 64 of the characters A-Z a-z 0-9 . _ -\n"
	      "/s.yaml:3:10: 'name' has no value; it takes a name\n"
	      "/s.yaml:4:10: 'a/b' can't name a list: 1 to 64 of the characters A-Z a-z 0-9 . _ -\n"
	      "/s.yaml:4:21: 'file' has no value; it takes a path\n");
	check("lists:\n- file: c\n  added: 2017-02-29\n  review: tomorrow\n  expires: 2017-01-01 10:00\n  code: censord\n  "
	      "contact: []\n",
	      "/s.yaml:2:3: 'name' is missing here\n"
	      "/s.yaml:3:10: '2017-02-29' is not a date such as 2017-07-14 or a time such as 2017-07-14T12:00:00Z\n"
	      "/s.yaml:4:11: 'tomorrow' is not a date such as 2017-07-14 or a time such as 2017-07-14T12:00:00Z\n"
	      "/s.yaml:5:12: '2017-01-01 10:00' is not a date such as 2017-07-14 or a time such as 2017-07-14T12:00:00Z\n"
	      "/s.yaml:6:9: 'censord' is not one of blocked, censored, filtered; did you mean 'censored'?\n");
}

static void test_values_that_clash(void **state)
{
	(void)state;
	check("cache: {min-ttl: 1h, max-ttl: 10m, max-negative-ttl: 1m}\n",
	      "/s.yaml:1:31: 'max-ttl' (10m) is less than 'min-ttl' (1h)\n"
	      "/s.yaml:1:54: 'max-negative-ttl' (1m) is less than 'min-ttl' (1h)\n");
	check("cache: {min-ttl: 2h}\n", "/s.yaml:1:18: 'max-negative-ttl' (1h) is less than 'min-ttl' (2h)\n");
	check("lists:\n- {name: a, file: b}\n- {name: A, file: b}\n- name: a\n  file: c\n",
	      "/s.yaml:4:9: the list in line 2 is called 'a' too\n");
	check("upstream:\n  routes:\n  - {zone: a.b, servers: [192.0.2.1]}\n  - {zone: A.b., servers: [192.0.2.2]}\n",
	      "/s.yaml:4:12: the zone 'a.b' has a route already\n");
	check("upstream: {routes: [{}]}\n", "/s.yaml:1:21: 'zone' is missing here\n/s.yaml:1:21: 'servers' is missing here\n");
}

/* A list is of a file or of a url. */
static void test_sources(void **state)
{
	(void)state;
#define LIST(rest) "lists:\n- {name: a, " rest "}\n"
	check("lists: [{name: a}]\n", "/s.yaml:1:9: 'file' or 'url' is missing here\n");
	check(LIST("file: b, url: 'http://h/'"), "/s.yaml:2:22: a list has a 'file' or a 'url', not both\n");
	check(LIST("url: 'http://h/', file: b"), "/s.yaml:2:31: a list has a 'file' or a 'url', not both\n");
	check(LIST("file: b, refresh: 1d, max-change: 0"),
	      "/s.yaml:2:22: 'refresh' is for a list with a 'url'; this one has a 'file'\n"
	      "/s.yaml:2:35: 'max-change' is for a list with a 'url'; this one has a 'file'\n");
	check(LIST("url: 'ftp://h/'"), "/s.yaml:2:18: 'ftp://h/' is not a url of http:// or https://\n");
	check(LIST("url: h/list.txt"), "/s.yaml:2:18: 'h/list.txt' is not a url of http:// or https://\n");
	check(LIST("url: 'HTTP://h/'"), "/s.yaml:2:18: 'HTTP://h/' is not a url of http:// or https://\n");
	check(LIST("url: 'file:///etc/passwd'"), "/s.yaml:2:18: 'file:///etc/passwd' is not a url of http:// or https://\n");
	check(LIST("url: 'http://'"), "/s.yaml:2:18: 'http://' names no host\n");
	check(LIST("url: 'https:///x'"), "/s.yaml:2:18: 'https:///x' names no host\n");
	check(LIST("url: 'http://:80/'"), "/s.yaml:2:18: 'http://:80/' names no host\n");
	check(LIST("url: 'http://h/a b'"),
	      "/s.yaml:2:18: 'http://h/a b' has something in it that must be written as %XX or, in a host, as xn--\n");
	check(LIST("url: 'http://u:p@h/'"),
	      "/s.yaml:2:18: 'url' takes no user and password: everybody who may look at the lists would see them\n");
	check(LIST("url: 'http://h/@x?a@b'"), "good\n");
	check(LIST("url: [a]"), "/s.yaml:2:18: 'url' takes a url, not a list\n");
	check(LIST("url: 'http://h/', refresh: 59s"), "/s.yaml:2:40: '59s' is out of range: 'refresh' takes 0s, or 1m to 52w\n");
	check(LIST("url: 'http://h/', refresh: 53w"), "/s.yaml:2:40: '53w' is out of range: 'refresh' takes 0s, or 1m to 52w\n");
	check(LIST("url: 'http://h/', refresh: daily"),
	      "/s.yaml:2:40: 'daily' is not a duration: a number with its unit, as in 500ms, 10s, 5m, 2h, 1d or 2w\n");
	check(LIST("url: 'http://h/', refresh: 0s"), "good\n");
	check(LIST("url: 'http://h/', max-change: 50"),
	      "/s.yaml:2:43: '50' is not a percentage: a number with its sign, as in 50%; 0 = any\n");
	check(LIST("url: 'http://h/', max-change: '%'"),
	      "/s.yaml:2:43: '%' is not a percentage: a number with its sign, as in 50%; 0 = any\n");
	check(LIST("url: 'http://h/', max-change: -5%"),
	      "/s.yaml:2:43: '-5%' is not a percentage: a number with its sign, as in 50%; 0 = any\n");
	check(LIST("url: 'http://h/', max-change: 1001%"),
	      "/s.yaml:2:43: '1001%' is out of range: 'max-change' takes 0, or 1% to 1000%\n");
	check(LIST("url: 'http://h/', max-change: 0%"), "good\n");
	check(LIST("url: 'http://h/', may-allow: yes"), "/s.yaml:2:42: 'yes' is not true or false; did you mean 'true'?\n");
#undef LIST
	check(
	    "lists: [{name: .., url: 'http://h/'}]\n",
	    "/s.yaml:1:16: '..' can't name a list with a 'url', whose copy is kept under its name: no '.' in front and no '.json' "
	    "behind\n");
	check("lists: [{name: a.json, url: 'http://h/'}]\n",
	      "/s.yaml:1:16: 'a.json' can't name a list with a 'url', whose copy is kept under its name: no '.' in front and no "
	      "'.json' behind\n");
	check("lists: [{name: .json, file: b}, {name: json, url: 'http://h/'}]\n", "good\n");
	check("lists: [{url: 'http://h/'}]\n", "/s.yaml:1:9: 'name' is missing here\n");
}

static void test_all_faults_in_order(void **state)
{
	(void)state;
	check("log: {level: loud}\nlists:\n  - {name: a, file: b, code: x}\n  - {nam: c}\nlisten: [x]\ncache: {min-ttl: 2d}\nstat: "
	      "y\n",
	      "/s.yaml:1:14: 'loud' is not one of error, warning, info, debug\n"
	      "/s.yaml:3:30: 'x' is not one of blocked, censored, filtered\n"
	      "/s.yaml:4:5: 'name' is missing here\n"
	      "/s.yaml:4:5: 'file' or 'url' is missing here\n"
	      "/s.yaml:4:6: unknown key 'nam'; did you mean 'name'?\n"
	      "/s.yaml:5:10: 'x' is not an endpoint: dns://HOST:PORT, where HOST is an IP address and PORT at most 65535\n"
	      "/s.yaml:6:18: 'max-ttl' (1d) is less than 'min-ttl' (2d)\n"
	      "/s.yaml:6:18: 'max-negative-ttl' (1h) is less than 'min-ttl' (2d)\n"
	      "/s.yaml:7:1: unknown key 'stat'; did you mean 'state'?\n");
	check("listen: [x]\n  bad\n",
	      "/s.yaml:2:3: did not find expected key, while parsing a block mapping that begins in line 1\n");
	check("state: a\nstate: b\n", "/s.yaml:2:1: the key 'state' stands here again; first in line 1\n");
}

static void test_too_many(void **state)
{
	(void)state;
	struct buf text = {0};
	buf_add_c(&text, "listen: [");
	for (unsigned i = 0; i <= SETTINGS_LISTEN_MAX; i++)
		buf_printf(&text, "127.0.0.1:%u,", i + 1);
	buf_add_c(&text, "]\nupstream: {routes: [");
	for (unsigned i = 0; i <= SETTINGS_ROUTES_MAX; i++)
		buf_printf(&text, "{zone: z%u, servers: [192.0.2.1]},", i);
	buf_add_c(&text, "]}\nlists:\n");
	for (unsigned i = 0; i <= SETTINGS_LISTS_MAX; i++)
		buf_printf(&text, "- {name: l%u, file: f}\n", i);
	check(text.ptr, "/s.yaml:1:9: 'listen' has 65 values; at most 64 are taken\n"
			"/s.yaml:2:20: 'routes' has 65 items; at most 64 are taken\n"
			"/s.yaml:4:1: 'lists' has 1025 items; at most 1024 are taken\n");
	buf_reset(&text);
	buf_add_c(&text, "control: {socket: ");
	for (unsigned i = 0; i < 110; i++)
		buf_add_c(&text, "a");
	buf_add_c(&text, "}\n");
	check(text.ptr, "/s.yaml:1:19: 'socket' has 111 bytes as an absolute path; at most 107 are taken\n");
	buf_finish(&text);
}

/* A key that stands again hides nothing: not what is wrong elsewhere, nor in its own value. */
static void test_duplicates(void **state)
{
	(void)state;
	check("workers: none\n"
	      "cache: {sise: 1}\n"
	      "cache: {size: lots}\n"
	      "lists:\n- {name: a, file: f, name: 'b b', mode: on}\n"
	      "lists:\n- {name: a}\n"
	      "log: {level: loud}\n",
	      "/s.yaml:1:10: 'none' is not auto or a number from 1 to 64\n"
	      "/s.yaml:2:9: unknown key 'sise'; did you mean 'size'?\n"
	      "/s.yaml:3:1: the key 'cache' stands here again; first in line 2\n"
	      "/s.yaml:3:15: 'lots' is not a size: a number with its unit, as in 64KiB, 64MiB or 1GiB; 0 = off\n"
	      "/s.yaml:5:22: the key 'name' stands here again; first in line 5\n"
	      "/s.yaml:5:28: 'b b' can't name a list: 1 to 64 of the characters A-Z a-z 0-9 . _ -\n"
	      "/s.yaml:5:41: 'on' is not one of enforce, shadow, off\n"
	      "/s.yaml:6:1: the key 'lists' stands here again; first in line 4\n"
	      "/s.yaml:7:3: 'file' or 'url' is missing here\n"
	      "/s.yaml:8:14: 'loud' is not one of error, warning, info, debug\n");
}

static struct settings *parse_faulty(const char *text, const char *path, size_t expected)
{
	struct err_list errors = {0};
	struct settings *s = settings_parse_faulty(str_from(text), path, &errors);
	assert_non_null(s);
	assert_int_equal(errors.count, expected);
	err_list_finish(&errors);
	return s;
}

static void test_what_could_be_read(void **state)
{
	(void)state;
	struct settings *s = parse_faulty("workers: 3\nlists: [{name: a, file: f, answer: refused}]\n", "/d/s.yaml", 0);
	assert_int_equal(s->workers, 3);
	assert_true(s->lists[0].has_answer);
	settings_destroy(s);
	s = parse_faulty("workers: 3\n"
			 "block: {answer: addres}\n"
			 "lists:\n"
			 "- {name: a, file: sub/f, mode: off, answer: address}\n"
			 "- {name: b b, file: g}\n"
			 "- {name: c}\n"
			 "- {name: d, file: /h, mode: on}\n"
			 "lists: [{name: e, file: i}]\n",
			 "/d/s.yaml", 6);
	assert_string_equal(s->path, "/d/s.yaml");
	assert_int_equal(s->workers, 0); /* nothing but the lists is taken over */
	assert_int_equal(s->list_count, 2);
	assert_string_equal(s->lists[0].name, "a");
	assert_string_equal(s->lists[0].file, "/d/sub/f");
	assert_string_equal(s->lists[0].file_shown, "sub/f");
	assert_int_equal(s->lists[0].mode, MODE_OFF);
	assert_false(s->lists[0].has_answer);
	assert_int_equal(s->lists[0].line, 4);
	assert_string_equal(s->lists[1].name, "d");
	assert_string_equal(s->lists[1].file, "/h");
	assert_int_equal(s->lists[1].mode, MODE_ENFORCE);
	settings_destroy(s);
	s = parse_faulty("lists: [{name: a, file: f}\n", "/s.yaml", 1); /* no YAML: nothing could be read */
	assert_int_equal(s->list_count, 0);
	settings_destroy(s);
}

/* By wildcards they may, as a hosts file can end that: test_locals.c. */
static void test_cnames_that_lead_in_circles(void **state)
{
	char text[4096] = "records:\n";
	(void)state;
	check("records:\n- a.example CNAME b.example\n- b.example CNAME A.example\n",
	      "/s.yaml:2:3: the CNAME of 'a.example' leads back to itself, by line 3\n"
	      "/s.yaml:3:3: the CNAME of 'b.example' leads back to itself, by line 2\n");
	check("records:\n- '*.a.example CNAME x.a.example'\n", "good\n");
	for (int i = 0; i < 16; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "- n%d.example CNAME n%d.example\n", i, i + 1);
	check(text, "good\n");
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "- n16.example CNAME n17.example\n");
	check(text, "/s.yaml:2:3: the CNAME of 'n0.example' begins a chain of more than 16\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unknown_keys),
	    cmocka_unit_test(test_wrong_types),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_bools),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_endpoints),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_values_that_clash),
	    cmocka_unit_test(test_sources),
	    cmocka_unit_test(test_all_faults_in_order),
	    cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_duplicates),
	    cmocka_unit_test(test_cnames_that_lead_in_circles),
	    cmocka_unit_test(test_what_could_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
