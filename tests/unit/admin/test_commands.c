/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every verb against a real policy, cache and counters; the JSON is what users' scripts read. */
#include "admin/commands.h"

#include "base/clock.h"
#include "base/file.h"
#include "ctl/proto.h"
#include "settings/load.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_S 1500000000 /* 2017-07-14T02:40:00Z */

static const char config_text[] =
    "listen: [dns://127.0.0.1:0]\n"
    "clients: {allow: [127.0.0.0/8, 10.0.0.0/8]}\n"
    "upstream: {servers: [dns://192.0.2.1, dns://192.0.2.2], routes: [{zone: corp.example, servers: [dns://192.0.2.53]}]}\n"
    "cache: {size: 1MiB}\n"
    "block: {ttl: 10s}\n"
    "lists:\n"
    "  - {name: off, file: off.yaml, mode: off}\n"
    "  - {name: order, file: order.yaml, mandatory: true}\n"
    "  - {name: watched, file: watched.yaml, mode: shadow}\n"
    "  - {name: exceptions, file: exceptions.yaml}\n"
    "  - {name: ads, file: ads.yaml, answer: null}\n";

static const char order_text[] = "action: block\n"
				 "authority: Kementerian – \"Kominfo\"\n"
				 "code: censored\n"
				 "reference: https://example.org/order\n"
				 "contact: [mailto:a@example.org, mailto:b@example.org]\n"
				 "added: 2017-07-14\n"
				 "entries:\n"
				 "  - telegram.org\n"
				 "  - domain: web.telegram.org\n"
				 "    reason: web client\n"
				 "  - domain: lifted.example\n"
				 "    lifted: 2017-01-01\n";

struct fixture {
	struct world_dir dir;
	struct generations *generations;
	struct cache *cache;
	struct failures *failures;
	unsigned nudges;
	struct counters *counters[2];
	struct commands *commands;
	bool settled;
	/* the rebuild asked for */
	int rebuilds;
	enum rebuild_kind kind;
	rebuild_done *done;
	void *done_arg;
	/* the last reply */
	int replies;
	json_t *reply;
};

static void nudge(void *arg, unsigned worker)
{
	struct fixture *f = arg;
	(void)worker;
	f->nudges++;
}

static void settled(void *arg)
{
	(void)arg;
}

static void fake_rebuild(void *arg, enum rebuild_kind kind, rebuild_done *done, void *done_arg)
{
	struct fixture *f = arg;
	f->rebuilds++;
	f->kind = kind;
	f->done = done;
	f->done_arg = done_arg;
}

static double fake_seconds(void *arg)
{
	(void)arg;
	return 0.1234567;
}

static const char *fake_bulk(void *arg)
{
	(void)arg;
	return "kept";
}

static void publish(struct fixture *f, uint32_t generation)
{
	struct settings *s = world_settings(&f->dir);
	struct policy *p = world_policy(&f->dir, s, generation, NOW_S);
	struct upstreams *u = upstreams_create(s, s->servers, s->server_count, NULL);
	generation_publish(f->generations, p, s, u, NULL, NULL);
	assert_non_null(generation_adopt(f->generations, 0));
	assert_non_null(generation_adopt(f->generations, 1));
	generations_collect(f->generations);
}

static int setup(void **state)
{
	struct fixture *f = base_alloc(sizeof(*f));
	clock_set_for_test(5000000, NOW_S);
	world_dir_make(&f->dir);
	world_write(&f->dir, "saring.yaml", config_text);
	world_write(&f->dir, "order.yaml", order_text);
	world_write(&f->dir, "off.yaml", "action: block\nentries: [off.example]\n");
	world_write(&f->dir, "watched.yaml", "action: block\nentries: [watched.example]\n");
	world_write(&f->dir, "exceptions.yaml", "action: allow\nentries: [fine.ads.example, web.telegram.org]\n");
	world_write(&f->dir, "ads.yaml", "action: block\nentries: [ads.example]\n");
	f->generations = generations_create(2, nudge, settled, f);
	publish(f, 7);
	struct settings *s = world_settings(&f->dir);
	struct cache_config cache = {.size_bytes = s->cache_size, .max_ttl_s = 86400, .max_negative_ttl_s = 3600};
	f->cache = cache_create(&cache);
	f->failures = failures_create();
	settings_destroy(s);
	for (size_t i = 0; i < 2; i++) {
		must(posix_memalign((void **)&f->counters[i], 64, sizeof(struct counters)) == 0);
		memset(f->counters[i], 0, sizeof(struct counters));
	}
	static const char *const listen[] = {"dns://127.0.0.1:40053"};
	static const struct counters *blocks[2];
	blocks[0] = f->counters[0];
	blocks[1] = f->counters[1];
	struct commands_config config = {.generations = f->generations,
					 .cache = f->cache,
					 .failures = f->failures,
					 .counters = blocks,
					 .worker_count = 2,
					 .listen = listen,
					 .listen_count = 1,
					 .started_ms = 5000000 - 12345,
					 .rebuild = fake_rebuild,
					 .compile_seconds = fake_seconds,
					 .bulk = fake_bulk,
					 .rebuild_arg = f};
	f->commands = commands_create(&config);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	json_decref(f->reply);
	commands_destroy(f->commands);
	generations_destroy(f->generations);
	cache_destroy(f->cache);
	failures_destroy(f->failures);
	free(f->counters[0]);
	free(f->counters[1]);
	world_dir_remove(&f->dir);
	clock_set_for_test(-1, -1);
	free(f);
	return 0;
}

static void on_reply(void *arg, json_t *reply)
{
	struct fixture *f = arg;
	f->replies++;
	json_decref(f->reply);
	f->reply = reply;
}

/* args is JSON text, or NULL. */
static void ask(struct fixture *f, const char *verb, const char *args, enum command_right right)
{
	json_t *parsed = args ? json_loads(args, 0, NULL) : NULL;
	json_t *request = ctl_request(verb, parsed);
	f->replies = 0;
	commands_run(f->commands, request, &(struct command_peer){.right = right, .who = {.by = "control"}}, on_reply, f);
	json_decref(request);
	json_decref(parsed);
}

/* The result of a verb that must succeed; borrowed until the next. */
static json_t *result_of(struct fixture *f, const char *verb, const char *args, enum command_right right)
{
	struct err err = {0};
	json_t *result = NULL;
	ask(f, verb, args, right);
	assert_int_equal(f->replies, 1);
	if (!ctl_reply_parse(f->reply, &result, NULL, &err))
		fail_msg("%s: %s", verb, err.text);
	return result;
}

static void expect_error(struct fixture *f, const char *verb, const char *args, enum command_right right, enum err_code code)
{
	struct err err = {0};
	json_t *result = NULL;
	ask(f, verb, args, right);
	assert_int_equal(f->replies, 1);
	if (ctl_reply_parse(f->reply, &result, NULL, &err))
		fail_msg("%s %s was done", verb, args ? args : "");
	if (err.code != code)
		fail_msg("%s %s: %s (%s)", verb, args ? args : "", ctl_code_word(err.code), err.text);
}

/* Compare with JSON text, order of keys aside. */
static void expect_json(json_t *got, const char *text)
{
	json_error_t fault;
	json_t *want = json_loads(text, JSON_DECODE_ANY, &fault);
	if (!want)
		fail_msg("the test's own JSON: %s", fault.text);
	if (!json_equal(got, want)) {
		char *shown = json_dumps(got, JSON_INDENT(1) | JSON_ENCODE_ANY);
		print_error("got %s\n", shown);
		free(shown);
		fail_msg("wanted %s", text);
	}
	json_decref(want);
}

/* Does `got` hold all that `want` does? Arrays are equally long, and each item holds the other's. */
static bool holds(const json_t *got, const json_t *want)
{
	const char *key;
	json_t *value;
	if (json_is_array(want)) {
		bool ok = json_is_array(got) && json_array_size(got) == json_array_size(want);
		for (size_t i = 0; ok && i < json_array_size(want); i++)
			ok = holds(json_array_get(got, i), json_array_get(want, i));
		return ok;
	}
	if (!json_is_object(want))
		return json_equal(got, want);
	json_object_foreach((json_t *)(uintptr_t)want, key, value)
	{
		if (!json_object_get(got, key) || !holds(json_object_get(got, key), value))
			return false;
	}
	return true;
}

static void expect_holds(json_t *got, const char *text)
{
	json_error_t fault;
	json_t *want = json_loads(text, JSON_DECODE_ANY, &fault);
	if (!want)
		fail_msg("the test's own JSON: %s", fault.text);
	if (!holds(got, want)) {
		char *shown = json_dumps(got, JSON_INDENT(1) | JSON_ENCODE_ANY);
		print_error("got %s\n", shown);
		free(shown);
		fail_msg("wanted at least %s", text);
	}
	json_decref(want);
}

static void test_rights(void **state)
{
	struct fixture *f = *state;
	struct command_help help[64];
	size_t count = commands_help(help, ARRAY_LEN(help));
	assert_true(count >= 8 && count <= ARRAY_LEN(help));
	for (size_t i = 0; i < count; i++) {
		assert_true(help[i].right == RIGHT_READ || help[i].right == RIGHT_CHANGE);
		assert_true(strlen(help[i].help) > 10);
		expect_error(f, help[i].verb, NULL, RIGHT_NONE, ERR_DENIED);
		if (help[i].right == RIGHT_CHANGE)
			expect_error(f, help[i].verb, NULL, RIGHT_READ, ERR_DENIED);
	}
	assert_int_equal(f->rebuilds, 0);
	static const char *const changing[] = {"reload", "policy.rebuild", "cache.flush"};
	for (size_t i = 0; i < ARRAY_LEN(changing); i++)
		expect_error(f, changing[i], NULL, RIGHT_READ, ERR_DENIED);
}

static void test_bad_requests(void **state)
{
	struct fixture *f = *state;
	expect_error(f, "no.such.verb", NULL, RIGHT_CHANGE, ERR_USAGE);
	expect_error(f, "", NULL, RIGHT_CHANGE, ERR_USAGE);
	expect_error(f, "status", "{\"x\":1}", RIGHT_CHANGE, ERR_USAGE);
	expect_error(f, "reload", "{\"force\":true}", RIGHT_CHANGE, ERR_USAGE);
	expect_error(f, "cache.flush", "{\"name\":7}", RIGHT_CHANGE, ERR_USAGE);
	expect_error(f, "cache.flush", "{\"name\":\"a..b\"}", RIGHT_CHANGE, ERR_INPUT);
	expect_error(f, "cache.flush", "{\"match\":\"exact\"}", RIGHT_CHANGE, ERR_USAGE);
	expect_error(f, "cache.flush", "{\"name\":\"a.example\",\"match\":\"regex\"}", RIGHT_CHANGE, ERR_USAGE);
	expect_error(f, "explain", NULL, RIGHT_READ, ERR_USAGE);
	expect_error(f, "explain", "{\"name\":null}", RIGHT_READ, ERR_USAGE);
	expect_error(f, "explain", "{\"name\":[\"t.me\"]}", RIGHT_READ, ERR_USAGE);
	expect_error(f, "explain", "{\"name\":\"a..b\"}", RIGHT_READ, ERR_INPUT);
	expect_error(f, "explain", "{\"name\":\"\"}", RIGHT_READ, ERR_INPUT);
	expect_error(f, "explain", "{\"name\":\"a b\"}", RIGHT_READ, ERR_INPUT);
	expect_error(f, "explain", "{\"name\":\"t.me\",\"type\":\"NOPE\"}", RIGHT_READ, ERR_INPUT);
	expect_error(f, "explain", "{\"name\":\"t.me\",\"type\":\"TYPE65536\"}", RIGHT_READ, ERR_INPUT);
	expect_error(f, "explain", "{\"name\":\"t.me\",\"type\":1}", RIGHT_READ, ERR_USAGE);
	expect_error(f, "explain", "{\"name\":\"t.me\",\"client\":\"here\"}", RIGHT_READ, ERR_INPUT);
	expect_error(f, "explain", "{\"name\":\"t.me\",\"client\":\"10.0.0.0/8\"}", RIGHT_READ, ERR_INPUT);
	expect_error(f, "explain", "{\"name\":\"t.me\",\"client\":\"10.0.0.1:53\"}", RIGHT_READ, ERR_INPUT);
	expect_error(f, "explain", "{\"name\":\"t.me\",\"nam\":\"x\"}", RIGHT_READ, ERR_USAGE);
	json_t *request = json_pack("{s:i}", "version", 1);
	f->replies = 0;
	commands_run(f->commands, request, &(struct command_peer){.right = RIGHT_CHANGE, .who = {.by = "control"}}, on_reply, f);
	assert_int_equal(f->replies, 1);
	assert_true(json_is_false(json_object_get(f->reply, "ok")));
	json_decref(request);
}

/* What is said of a change is judged before anything is done; verbs that change nothing take none. */
static void test_changes_are_judged(void **state)
{
	struct fixture *f = *state;
	static const char *const verbs[] = {"reload", "policy.rebuild", "cache.flush", "list.fetch"};
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		expect_error(f, verbs[i], "{\"change\": 1}", RIGHT_CHANGE, ERR_USAGE);
		expect_error(f, verbs[i], "{\"change\": {\"verb\": \"x\", \"uid\": 0}}", RIGHT_CHANGE, ERR_USAGE);
	}
	assert_int_equal(f->rebuilds, 0);
	expect_error(f, "status", "{\"change\": {\"verb\": \"x\"}}", RIGHT_CHANGE, ERR_USAGE);
	(void)result_of(f, "cache.flush", "{\"change\": {\"verb\": \"cache flush\", \"reason\": \"r\"}}", RIGHT_CHANGE);
	(void)result_of(f, "cache.flush", "{\"change\": null}", RIGHT_CHANGE);
}

static void test_explain_blocked(void **state)
{
	struct fixture *f = *state;
	json_t *r = result_of(f, "explain", "{\"name\":\"WEB.Telegram.ORG.\"}", RIGHT_READ);
	expect_holds(
	    r,
	    "{\"name\": \"web.telegram.org\", \"type\": \"A\", \"client\": null, \"verdict\": \"blocked\","
	    " \"answer\": \"nxdomain\", \"ttl\": 10, \"answered_here\": null, \"route\": null,"
	    " \"rule\": {\"list\": \"order\", \"file\": \"order.yaml\", \"line\": 9, \"entry\": \"web.telegram.org\","
	    "  \"match\": \"subtree\", \"action\": \"block\", \"mandatory\": true, \"mode\": \"enforce\", \"code\": \"censored\","
	    "  \"authority\": \"Kementerian – \\\"Kominfo\\\"\", \"reason\": \"web client\","
	    "  \"reference\": \"https://example.org/order\","
	    "  \"contact\": [\"mailto:a@example.org\", \"mailto:b@example.org\"], \"added\": \"2017-07-14\","
	    "  \"review\": null, \"expires\": null, \"lifted\": null,"
	    "  \"sub_error\": null, \"organization\": null, \"language\": null, \"lifted_by\": null, \"lift_reason\": null,"
	    "  \"lift_reference\": null},"
	    " \"also\": ["
	    "  {\"list\": \"order\", \"file\": \"order.yaml\", \"line\": 8, \"entry\": \"telegram.org\", \"match\": \"subtree\","
	    "   \"action\": \"block\", \"mode\": \"enforce\", \"why_not\": \"less specific\"},"
	    "  {\"list\": \"exceptions\", \"file\": \"exceptions.yaml\", \"line\": 2, \"entry\": \"web.telegram.org\","
	    "   \"match\": \"subtree\", \"action\": \"allow\", \"mode\": \"enforce\", \"why_not\": \"a mandatory block outranks "
	    "it\"}]}");
}

static void test_explain_others(void **state)
{
	struct fixture *f = *state;
	json_t *r =
	    result_of(f, "explain", "{\"name\":\"x.fine.ads.example\",\"type\":\"aaaa\",\"client\":\"10.1.2.3\"}", RIGHT_READ);
	assert_string_equal(json_string_value(json_object_get(r, "verdict")), "allowed");
	assert_string_equal(json_string_value(json_object_get(r, "type")), "AAAA");
	assert_string_equal(json_string_value(json_object_get(r, "client")), "10.1.2.3");
	assert_true(json_is_true(json_object_get(r, "client_allowed")));
	assert_true(json_is_null(json_object_get(r, "answer")));
	assert_true(json_is_null(json_object_get(r, "ttl")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(r, "rule"), "action")), "allow");

	r = result_of(f, "explain", "{\"name\":\"ads.example\",\"type\":\"TYPE65\",\"client\":\"192.0.2.1\"}", RIGHT_READ);
	assert_string_equal(json_string_value(json_object_get(r, "answer")), "null"); /* the word, not null */
	assert_string_equal(json_string_value(json_object_get(r, "type")), "HTTPS");
	assert_true(json_is_false(json_object_get(r, "client_allowed")));

	expect_holds(result_of(f, "explain", "{\"name\":\"unlisted.example\",\"type\":null,\"client\":null}", RIGHT_READ),
		     "{\"name\": \"unlisted.example\", \"type\": \"A\", \"client\": null, \"verdict\": \"none\", \"answer\": null,"
		     " \"ttl\": null, \"by\": null, \"by_target\": null, \"answered_here\": null, \"route\": null, \"rule\": null, "
		     "\"also\": []}");
	expect_holds(result_of(f, "explain", "{\"name\":\"Foo.Localhost\",\"type\":\"AAAA\"}", RIGHT_READ),
		     "{\"name\": \"foo.localhost\", \"type\": \"AAAA\", \"client\": null, \"verdict\": \"none\", \"answer\": null,"
		     " \"ttl\": null, \"answered_here\": {\"zone\": \"localhost\", \"source\": \"RFC 6761\", \"answer\": \"data\","
		     " \"record\": \"AAAA ::1\", \"ttl\": 10800}, \"route\": null, \"rule\": null, \"also\": []}");

	/* What does not decide is shown all the same. */
	static const char *const losing[][2] = {{"watched.example", "shadow"}, {"lifted.example", "lifted"}};
	for (size_t i = 0; i < ARRAY_LEN(losing); i++) {
		char args[64];
		snprintf(args, sizeof(args), "{\"name\":\"%s\"}", losing[i][0]);
		r = result_of(f, "explain", args, RIGHT_READ);
		assert_string_equal(json_string_value(json_object_get(r, "verdict")), "none");
		json_t *also = json_object_get(r, "also");
		assert_int_equal(json_array_size(also), 1);
		assert_string_equal(json_string_value(json_object_get(json_array_get(also, 0), "why_not")), losing[i][1]);
	}
	/* A label with a dot in it is not two labels. */
	r = result_of(f, "explain", "{\"name\":\"ads\\\\.example\"}", RIGHT_READ);
	assert_string_equal(json_string_value(json_object_get(r, "verdict")), "none");
}

static void expect_explained(struct fixture *f, const char *args, const char *verdict, const char *answer, const char *why_not)
{
	json_t *r = result_of(f, "explain", args, RIGHT_READ);
	const char *got = json_string_value(json_object_get(r, "answer"));
	json_t *first = json_array_get(json_object_get(r, "also"), 0);
	if (strcmp(json_string_value(json_object_get(r, "verdict")), verdict) != 0 || (answer ? !got : got != NULL) ||
	    (answer && strcmp(got, answer) != 0)) {
		char *shown = json_dumps(r, JSON_INDENT(1));
		print_error("%s\n", shown);
		free(shown);
		fail_msg("%s: wanted %s, %s", args, verdict, answer ? answer : "no answer");
	}
	if (why_not)
		assert_string_equal(json_string_value(json_object_get(first, "why_not")), why_not);
	else
		assert_null(first);
}

/* Type and client matter, and answers of imported lists have words of their own. */
static void test_explain_imported(void **state)
{
	struct fixture *f = *state;
	world_write(&f->dir, "ab.txt",
		    "||typed.example^$dnstype=AAAA\n"
		    "||asked.example^$client=10.1.2.3\n"
		    "@@||fine.typed.example^\n");
	world_write(&f->dir, "zone.rpz",
		    "$TTL 60\n@ SOA localhost. root.localhost. 1 2 3 4 5\n@ NS localhost.\n"
		    "garden.example A 192.0.2.7\n"
		    "tcp.example CNAME rpz-tcp-only.\n"
		    "nodata.example CNAME *.\n");
	world_write(&f->dir, "saring.yaml",
		    "upstream: {servers: [dns://192.0.2.1]}\n"
		    "lists:\n"
		    "  - {name: ab, file: ab.txt, format: adblock, may-allow: true}\n"
		    "  - {name: zone, file: zone.rpz, format: rpz}\n"
		    "  - {name: order, file: order.yaml}\n");
	publish(f, 9);
	expect_explained(f, "{\"name\":\"typed.example\"}", "none", NULL, "not for this type");
	expect_explained(f, "{\"name\":\"typed.example\",\"type\":\"aaaa\"}", "blocked", "nodata", NULL); /* one below is allowed */
	expect_explained(f, "{\"name\":\"x.fine.typed.example\",\"type\":\"aaaa\"}", "allowed", NULL, "an allow outranks it");
	expect_explained(f, "{\"name\":\"asked.example\"}", "none", NULL, "not for this client");
	expect_explained(f, "{\"name\":\"asked.example\",\"client\":\"10.1.2.4\"}", "none", NULL, "not for this client");
	expect_explained(f, "{\"name\":\"asked.example\",\"client\":\"10.1.2.3\"}", "blocked", "nxdomain", NULL);
	expect_explained(f, "{\"name\":\"asked.example\",\"client\":\"::ffff:10.1.2.3\"}", "blocked", "nxdomain", NULL);
	expect_explained(f, "{\"name\":\"garden.example\"}", "blocked", "local", NULL);
	expect_explained(f, "{\"name\":\"tcp.example\"}", "blocked", "truncate", NULL);
	expect_explained(f, "{\"name\":\"nodata.example\"}", "blocked", "nodata", NULL);
	json_t *rule = json_object_get(result_of(f, "explain", "{\"name\":\"garden.example\"}", RIGHT_READ), "rule");
	expect_json(json_object_get(rule, "file"), "\"zone.rpz\"");
	expect_json(json_object_get(rule, "line"), "4");
	/* Two tiers, in the order of saring.yaml. */
	json_t *lists = result_of(f, "list", NULL, RIGHT_READ);
	static const char *const formats[] = {"adblock", "rpz", "yaml"};
	assert_int_equal(json_array_size(lists), 3);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(lists, i), "format")), formats[i]);
}

static void test_status(void **state)
{
	struct fixture *f = *state;
	counters_add(f->counters[0], COUNTER_TOTAL);
	counters_add(f->counters[1], COUNTER_TOTAL);
	counters_add(f->counters[0], COUNTER_BLOCKED);
	counters_add(f->counters[1], COUNTER_FAILED);
	counters_add(f->counters[1], COUNTER_CACHE_HITS);
	counters_add(f->counters[1], COUNTER_CACHE_MISSES);
	counters_add(f->counters[1], COUNTER_COALESCED);
	json_t *r = result_of(f, "status", NULL, RIGHT_READ);
	static const char *const keys[] = {"version", "pid",	 "uptime_seconds", "paused_until", "workers",
					   "listen",  "queries", "policy",	   "cache",	   "upstream"};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_non_null(json_object_get(r, keys[i]));
	assert_int_equal(json_integer_value(json_object_get(r, "pid")), getpid());
	expect_json(json_object_get(r, "uptime_seconds"), "12.345");
	assert_true(json_is_null(json_object_get(r, "paused_until")));
	expect_json(json_object_get(r, "workers"), "2");
	expect_json(json_object_get(r, "listen"), "[\"dns://127.0.0.1:40053\"]");
	expect_json(json_object_get(r, "queries"),
		    "{\"total\":2,\"blocked\":1,\"cached\":0,\"forwarded\":0,\"stale\":0,\"local\":0,"
		    "\"refused\":0,\"dropped\":0,\"failed\":1}");
	json_t *policy = json_object_get(r, "policy");
	assert_true(json_integer_value(json_object_get(policy, "bytes")) > 0);
	json_object_del(policy, "bytes");
	assert_int_equal(json_string_length(json_object_get(policy, "content")), 32); /* tests/unit/policy says what of */
	json_object_del(policy, "content");
	expect_json(
	    policy,
	    "{\"generation\":7,\"lists\":4,\"entries\":7,\"in_force\":5,"
	    "\"compiled_at\":\"2017-07-14T02:40:00Z\",\"compile_seconds\":0.123,\"bulk\":\"kept\",\"lifts\":1,\"lifted\":[]}");
	json_t *cache = json_object_get(r, "cache");
	expect_json(json_object_get(cache, "hits"), "1");
	expect_json(json_object_get(cache, "misses"), "1");
	expect_json(json_object_get(cache, "limit_bytes"), "1048576");
	assert_int_equal(json_object_size(cache), 6);
	assert_int_equal(json_array_size(json_object_get(r, "upstream")), 3);
	expect_json(json_object_get(json_object_get(r, "counters"), "coalesced"), "1");
	assert_null(json_object_get(json_object_get(r, "counters"), "total"));
	assert_int_equal(json_object_size(json_object_get(r, "counters")), COUNTER_COUNT - COUNTER_FAILED - 1);
	expect_json(json_object_get(r, "failures"), "{\"entries\":0,\"limit\":8192,\"noted\":0,\"hits\":0,\"evictions\":0}");
}

/* Counters are summed where they lie: nobody is asked to come and tell. */
static void test_looking_wakes_no_worker(void **state)
{
	struct fixture *f = *state;
	static const char *const verbs[] = {"status", "list", "cache", "upstream"};
	unsigned before = f->nudges;
	assert_true(before > 0); /* the publication of the world did */
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		(void)result_of(f, verbs[i], NULL, RIGHT_READ);
	assert_int_equal(f->nudges, before);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(atomic_load(&f->counters[i]->ticks), 0);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	int number = generation_list_number(f->generations, STR_LIT("order"));
	assert_true(number >= 0);
	f->counters[0]->list_blocked[number] = 3;
	f->counters[1]->list_blocked[number] = 4;
	json_t *r = result_of(f, "list", NULL, RIGHT_READ);
	expect_json(
	    r,
	    "[{\"name\":\"off\",\"action\":\"block\",\"mode\":\"off\",\"mandatory\":false,\"entries\":null,\"in_force\":0,"
	    "  \"source\":\"off.yaml\",\"format\":\"yaml\",\"changed_at\":null,\"blocked\":0,\"would_block\":0,\"lifted\":null},"
	    " {\"name\":\"order\",\"action\":\"block\",\"mode\":\"enforce\",\"mandatory\":true,\"entries\":3,\"in_force\":2,"
	    "  "
	    "\"source\":\"order.yaml\",\"format\":\"yaml\",\"changed_at\":\"2017-07-14T02:40:00Z\",\"blocked\":7,\"would_block\":0,"
	    "\"lifted\":{\"count\":0,\"names\":[]}}"
	    ","
	    " {\"name\":\"watched\",\"action\":\"block\",\"mode\":\"shadow\",\"mandatory\":false,\"entries\":1,\"in_force\":0,"
	    "  "
	    "\"source\":\"watched.yaml\",\"format\":\"yaml\",\"changed_at\":\"2017-07-14T02:40:00Z\",\"blocked\":0,\"would_block\":"
	    "0,\"lifted\":{\"count\":0,\"names\":[]}},"
	    " {\"name\":\"exceptions\",\"action\":\"allow\",\"mode\":\"enforce\",\"mandatory\":false,\"entries\":2,\"in_force\":2,"
	    "  "
	    "\"source\":\"exceptions.yaml\",\"format\":\"yaml\",\"changed_at\":\"2017-07-14T02:40:00Z\",\"blocked\":0,\"would_"
	    "block\":0,\"lifted\":{\"count\":0,\"names\":[]}},"
	    " {\"name\":\"ads\",\"action\":\"block\",\"mode\":\"enforce\",\"mandatory\":false,\"entries\":1,\"in_force\":1,"
	    "  "
	    "\"source\":\"ads.yaml\",\"format\":\"yaml\",\"changed_at\":\"2017-07-14T02:40:00Z\",\"blocked\":0,\"would_block\":0,"
	    "\"lifted\":{\"count\":0,\"names\":[]}}"
	    "]");
	/* Counts stay with a list's name when the lists change places. */
	world_write(&f->dir, "saring.yaml",
		    "upstream: {servers: [dns://192.0.2.1]}\n"
		    "lists:\n  - {name: ads, file: ads.yaml}\n  - {name: order, file: order.yaml}\n");
	publish(f, 8);
	r = result_of(f, "list", NULL, RIGHT_READ);
	assert_int_equal(json_array_size(r), 2);
	expect_json(json_object_get(json_array_get(r, 0), "blocked"), "0");
	expect_json(json_object_get(json_array_get(r, 1), "blocked"), "7");
}

static void test_upstream(void **state)
{
	struct fixture *f = *state;
	json_t *r = result_of(f, "upstream", NULL, RIGHT_READ);
	assert_int_equal(json_array_size(r), 3);
	int zones = 0;
	size_t i;
	json_t *one;
	json_array_foreach(r, i, one)
	{
		assert_non_null(strstr(json_string_value(json_object_get(one, "server")), "dns://192.0.2."));
		assert_non_null(json_string_value(json_object_get(one, "state")));
		assert_true(json_is_real(json_object_get(one, "rtt_ms")));
		expect_json(json_object_get(one, "sent"), "0");
		expect_json(json_object_get(one, "failed"), "0");
		json_t *zone = json_object_get(one, "zone");
		if (json_is_string(zone)) {
			assert_string_equal(json_string_value(zone), "corp.example");
			zones++;
		}
	}
	assert_int_equal(zones, 1);
}

static void put_in_cache(struct fixture *f, const char *text)
{
	struct name name;
	struct err err = {0};
	uint8_t body[16] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 1};
	assert_true(name_from_text(str_from(text), &name, &err));
	struct cache_key key = {.name = &name, .type = 1, .class = 1};
	static const uint16_t ttl_pos[] = {6};
	const struct response response = {
	    .ancount = 1, .ttl_count = 1, .ttl_s = 256, .body_len = sizeof(body), .ttl_pos = ttl_pos, .body = body};
	struct cache_reader *reader = cache_reader_create(f->cache);
	cache_hash(f->cache, &key);
	cache_put(reader, &key, clock_mono_ms(), &response);
	cache_reader_destroy(reader);
}

static void test_cache_and_flush(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"a.example", "b.a.example", "xa.example", "other.test"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put_in_cache(f, names[i]);
	expect_json(json_object_get(result_of(f, "cache", NULL, RIGHT_READ), "entries"), "4");
	expect_json(result_of(f, "cache.flush", "{\"name\":\"A.example.\"}", RIGHT_CHANGE), "{\"flushed\":2}");
	expect_json(json_object_get(result_of(f, "cache", NULL, RIGHT_READ), "entries"), "2");
	for (size_t i = 0; i < 2; i++)
		put_in_cache(f, names[i]);
	expect_json(result_of(f, "cache.flush", "{\"name\":\"a.example\",\"match\":\"exact\"}", RIGHT_CHANGE), "{\"flushed\":1}");
	expect_json(result_of(f, "cache.flush", "{\"name\":\"a.example\",\"match\":\"subtree\"}", RIGHT_CHANGE), "{\"flushed\":1}");
	expect_json(result_of(f, "cache.flush", NULL, RIGHT_CHANGE), "{\"flushed\":2}");
	put_in_cache(f, "a.example");
	expect_json(result_of(f, "cache.flush", "{\"name\":null}", RIGHT_CHANGE), "{\"flushed\":1}");
	expect_json(result_of(f, "cache.flush", NULL, RIGHT_CHANGE), "{\"flushed\":0}");
}

static void note_failure(struct fixture *f, const char *text)
{
	struct name name;
	struct err err = {0};
	assert_true(name_from_text(str_from(text), &name, &err));
	struct cache_key key = {.name = &name, .type = 1, .class = 1};
	failures_note(f->failures, &key, 22, false, clock_mono_ms());
}

static void test_flush_forgets_failures_too(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"a.example", "b.a.example", "xa.example"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		note_failure(f, names[i]);
	counters_add(f->counters[1], COUNTER_FAILURE_HITS);
	expect_json(json_object_get(result_of(f, "status", NULL, RIGHT_READ), "failures"),
		    "{\"entries\":3,\"limit\":8192,\"noted\":3,\"hits\":1,\"evictions\":0}");
	expect_json(result_of(f, "cache.flush", "{\"name\":\"A.example.\"}", RIGHT_CHANGE), "{\"flushed\":0}"); /* of the cache */
	struct failures_stats stats;
	failures_stats(f->failures, &stats);
	assert_int_equal(stats.entries, 1);
	expect_json(result_of(f, "cache.flush", NULL, RIGHT_CHANGE), "{\"flushed\":0}");
	failures_stats(f->failures, &stats);
	assert_int_equal(stats.entries, 0);
}

static void test_rebuild_replies_later(void **state)
{
	struct fixture *f = *state;
	ask(f, "policy.rebuild", NULL, RIGHT_CHANGE);
	assert_int_equal(f->replies, 0);
	assert_int_equal(f->rebuilds, 1);
	assert_int_equal(f->kind, REBUILD_LISTS);
	f->done(f->done_arg, &(struct rebuild_report){.ok = true,
						      .generation = 8,
						      .lists = 2,
						      .entries = 11,
						      .in_force = 10,
						      .compile_seconds = 0.5,
						      .bulk = "compiled"});
	assert_int_equal(f->replies, 1);
	expect_json(json_object_get(f->reply, "result"),
		    "{\"generation\":8,\"compile_seconds\":0.5,\"lists\":2,\"entries\":11,\"in_force\":10,\"bulk\":\"compiled\"}");

	ask(f, "reload", NULL, RIGHT_CHANGE);
	assert_int_equal(f->kind, REBUILD_ALL);
	f->done(f->done_arg,
		&(struct rebuild_report){.ok = true, .bulk = "none", .restart_needed = {"listen", "state"}, .restart_count = 2});
	expect_json(json_object_get(json_object_get(f->reply, "result"), "restart_needed"), "[\"listen\",\"state\"]");
}

static void test_rebuild_fails_whole(void **state)
{
	struct fixture *f = *state;
	struct err err = {0}, heard = {0};
	struct err_list errors = {0}, got = {0};
	json_t *result = NULL;
	(void)err_set(&err, ERR_INPUT, "there are 2 errors");
	err_list_add_at(&errors, "lists/a.yaml", 4, 5, "one");
	err_list_add_at(&errors, "lists/b.yaml", 6, 7, "two \xff");
	ask(f, "reload", NULL, RIGHT_CHANGE);
	f->done(f->done_arg, &(struct rebuild_report){.ok = false, .err = &err, .errors = &errors});
	assert_int_equal(f->replies, 1);
	assert_false(ctl_reply_parse(f->reply, &result, &got, &heard));
	assert_int_equal(heard.code, ERR_INPUT);
	assert_int_equal(got.count, 2);
	assert_string_equal(got.items[1].file, "lists/b.yaml");
	assert_int_equal(got.items[1].column, 7);
	assert_string_equal(got.items[1].text, "two \\255");
	err_list_finish(&errors);
	err_list_finish(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(test_rights),
	    T(test_bad_requests),
	    T(test_changes_are_judged),
	    T(test_explain_blocked),
	    T(test_explain_others),
	    T(test_explain_imported),
	    T(test_status),
	    T(test_looking_wakes_no_worker),
	    T(test_flush_forgets_failures_too),
	    T(test_list),
	    T(test_upstream),
	    T(test_cache_and_flush),
	    T(test_rebuild_replies_later),
	    T(test_rebuild_fails_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
