/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/locals.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "settings/load.h"
#include "settings/reverse.h"
#include "wire/rrtype.h"

static const char *const sources[] = {"saring.yaml", "hosts"};

static struct name name_of(const char *text)
{
	struct name name = {.len = 1};
	assert_true(name_from_text(str_from(text), &name, NULL));
	return name;
}

/* Of the records of a saring.yaml. */
static struct locals *build(const char *yaml, struct settings **ret)
{
	struct err_list errors = {0};
	*ret = settings_parse(str_from(yaml), "/s.yaml", &errors);
	if (*ret == NULL)
		fail_msg("%s", errors.items[0].text);
	return locals_build((*ret)->records, (*ret)->record_count, NULL, 0, sources, 2);
}

static enum locals_kind kind_of(const struct locals *l, const char *text, unsigned *ret_zone)
{
	struct locals_found found;
	struct name name = name_of(text);
	locals_find(l, &name, false, &found);
	assert_true(found.kind == LOCALS_NONE || locals_may_have(locals_sieve(l), &name));
	*ret_zone = found.zone_labels;
	return found.kind;
}

/* Of so many names each is found, short ones too; what is not there hardly ever gets through the sieve. */
static void sieve_of_many(void **state)
{
	enum { COUNT = 3000 };
	static struct locals_record records[COUNT];
	static struct name names[COUNT];
	unsigned passed = 0;
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), i % 3 == 0 ? "%zx" : i % 3 == 1 ? "h%zu.lan" : "www.host%zu.home.example", i);
		names[i] = name_of(text);
		records[i] = (struct locals_record){
		    .name = {(const char *)names[i].wire, names[i].len}, .type = RRTYPE_TXT, .rdata = STR_LIT("\1x")};
	}
	struct locals *l = locals_build(records, COUNT, NULL, 0, sources, 2);
	for (size_t i = 0; i < COUNT; i++) {
		struct locals_found found;
		locals_find(l, &names[i], false, &found);
		assert_int_equal(found.kind, LOCALS_HERE);
		assert_true(locals_may_have(locals_sieve(l), &names[i]));
	}
	for (size_t i = 0; i < COUNT; i++) {
		char text[64];
		struct locals_found found;
		(void)snprintf(text, sizeof(text), i % 2 == 0 ? "www.site%zu.example" : "www.host%zu.else.example", i);
		struct name other = name_of(text);
		passed += locals_may_have(locals_sieve(l), &other);
		locals_find(l, &other, false, &found);
		assert_int_equal(found.kind, LOCALS_NONE);
	}
	if (passed > COUNT / 10)
		fail_msg("%u of %d", passed, COUNT);
	locals_destroy(l);
	assert_null(locals_sieve(NULL));
}

static void names_and_wildcards(void **state)
{
	static const struct {
		const char *name;
		enum locals_kind kind;
		unsigned zone;
	} rows[] = {
	    {"host.lab.example", LOCALS_HERE, 2},    {"x.lab.example", LOCALS_HERE, 2},
	    {"a.b.lab.example", LOCALS_HERE, 2},     {"ent.lab.example", LOCALS_HERE, 2},
	    {"x.ent.lab.example", LOCALS_DENIED, 2}, {"x.host.lab.example", LOCALS_DENIED, 2},
	    {"lab.example", LOCALS_ABOVE, 2},	     {"example", LOCALS_ABOVE, 1},
	    {"other.example", LOCALS_NONE, 0},	     {"alone.example", LOCALS_HERE, 2},
	    {"x.alone.example", LOCALS_NONE, 0},
	};
	struct settings *s;
	struct locals *l =
	    build("records: [\"*.lab.example A 192.0.2.1\", host.lab.example A 192.0.2.2, deep.ent.lab.example A 192.0.2.3, "
		  "alone.example TXT x]\n",
		  &s);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned zone;
		if (kind_of(l, rows[i].name, &zone) != rows[i].kind)
			fail_msg("%s", rows[i].name);
		assert_true(rows[i].kind == LOCALS_NONE || zone == rows[i].zone);
	}
	locals_destroy(l);
	settings_destroy(s);
}

static void one_ttl_for_all_of_a_type(void **state)
{
	struct settings *s;
	struct locals *l = build("records: [a.example 60 A 192.0.2.1, a.example 5 A 192.0.2.2, a.example 90 TXT x]\n", &s);
	struct locals_found found;
	struct name name = name_of("a.example");
	(void)state;
	locals_find(l, &name, false, &found);
	assert_int_equal(found.count, 3);
	for (size_t i = 0; i < found.count; i++)
		assert_int_equal(found.rrs[i].ttl_s, found.rrs[i].type == RRTYPE_A ? 5 : 90);
	locals_destroy(l);
	settings_destroy(s);
}

/* Each record is where it was put, among many. */
static void many_are_found(void **state)
{
	enum { COUNT = 20000 };
	struct locals_record *records = calloc(COUNT, sizeof(*records));
	struct name *names = calloc(COUNT, sizeof(*names));
	struct locals_walk walk = {0};
	struct locals_found found;
	const struct locals_rr *rr;
	struct name owner;
	size_t walked = 0;
	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "h%u.z%u.example", i, i % 7);
		names[i] = name_of(text);
		records[i] = (struct locals_record){.name = {(const char *)names[i].wire, names[i].len},
						    .type = RRTYPE_TXT,
						    .ttl_s = 1,
						    .rdata = {(const char *)names[i].wire, names[i].len},
						    .line = i + 1};
	}
	struct locals *l = locals_build(records, COUNT, NULL, 0, sources, 1);
	for (uint32_t i = 0; i < COUNT; i++) {
		locals_find(l, &names[i], false, &found);
		assert_int_equal(found.count, 1);
		assert_int_equal(found.rrs[0].line, i + 1);
		assert_memory_equal(found.rrs[0].rdata, names[i].wire, names[i].len);
	}
	while (locals_next(l, &walk, &owner, &rr))
		walked++;
	assert_int_equal(walked, COUNT);
	locals_destroy(l);
	free(records);
	free(names);
}

static void nothing_is_nothing(void **state)
{
	struct locals_counts counts;
	(void)state;
	assert_null(locals_build(NULL, 0, NULL, 0, sources, 1));
	locals_counts(NULL, &counts);
	assert_int_equal(counts.names, 0);
	locals_destroy(NULL);
}

static void reverse_zones(void **state)
{
	static const struct {
		const char *prefix, *first, *last;
		size_t count;
	} rows[] = {
	    {"192.168.0.0/16", "168.192.in-addr.arpa", "168.192.in-addr.arpa", 1},
	    {"10.0.0.0/8", "10.in-addr.arpa", "10.in-addr.arpa", 1},
	    {"172.16.0.0/12", "16.172.in-addr.arpa", "31.172.in-addr.arpa", 16},
	    {"192.0.2.128/25", "128.2.0.192.in-addr.arpa", "255.2.0.192.in-addr.arpa", 128},
	    {"192.0.2.1", "1.2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa", 1},
	    {"0.0.0.0/0", "in-addr.arpa", "in-addr.arpa", 1},
	    {"128.0.0.0/1", "128.in-addr.arpa", "255.in-addr.arpa", 128},
	    {"2001:db8::/32", "8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa", 1},
	    {"fc00::/7", "c.f.ip6.arpa", "d.f.ip6.arpa", 2},
	    {"fe80::/10", "8.e.f.ip6.arpa", "b.e.f.ip6.arpa", 4},
	    {"::/0", "ip6.arpa", "ip6.arpa", 1},
	};
	struct name *zones = calloc(REVERSE_ZONES_MAX, sizeof(*zones));
	char text[NAME_TEXT_MAX];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix prefix;
		assert_true(prefix_from_text(str_from(rows[i].prefix), &prefix));
		assert_int_equal(reverse_of_prefix(&prefix, zones), rows[i].count);
		assert_string_equal(name_to_text(&zones[0], text), rows[i].first);
		assert_string_equal(name_to_text(&zones[rows[i].count - 1], text), rows[i].last);
	}
	free(zones);
}

static unsigned circles(const char *yaml, const char *const *names, const char *host)
{
	struct settings *s;
	struct err_list errors = {0};
	struct locals_record more = {.type = RRTYPE_A, .source = 1, .rdata = STR_LIT("\300\0\2\1")};
	struct locals_walk at = {0};
	struct name name, owner;
	const struct locals_rr *rr;
	unsigned count = 0;
	char text[NAME_TEXT_MAX];
	s = settings_parse(str_from(yaml), "/s.yaml", &errors);
	assert_non_null(s);
	name = host == NULL ? (struct name){.len = 0} : name_of(host);
	more.name = (struct str){(const char *)name.wire, name.len};
	struct locals *l = locals_build(s->records, s->record_count, &more, host != NULL, sources, 2);
	while (locals_circle(l, &at, &owner, &rr))
		assert_string_equal(name_to_text(&owner, text), names[count++]);
	locals_destroy(l);
	settings_destroy(s);
	return count;
}

static void circles_by_wildcards(void **state)
{
	static const char *const one[] = {"*.a.example", NULL}, *const two[] = {"*.a.example", "*.b.example", NULL};
	(void)state;
	assert_int_equal(circles("records: ['*.a.example CNAME x.a.example']", one, NULL), 1);
	assert_int_equal(circles("records: ['*.a.example CNAME x.b.example', '*.b.example CNAME y.z.a.example']", two, NULL), 2);
	/* another record, or a hosts file, has that name, or hides the wildcard from what is below */
	assert_int_equal(circles("records: ['*.a.example CNAME x.a.example', x.a.example A 192.0.2.1]", one, NULL), 0);
	assert_int_equal(circles("records: ['*.a.example CNAME y.x.a.example', x.a.example A 192.0.2.1]", one, NULL), 0);
	assert_int_equal(circles("records: ['*.a.example CNAME x.a.example']", one, "x.a.example"), 0);
	assert_int_equal(circles("records: ['*.a.example CNAME y.x.a.example']", one, "x.a.example"), 0);
	assert_int_equal(circles("records: ['*.a.example CNAME a.example']", one, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_and_wildcards),  cmocka_unit_test(one_ttl_for_all_of_a_type),
	    cmocka_unit_test(many_are_found),	    cmocka_unit_test(nothing_is_nothing),
	    cmocka_unit_test(reverse_zones),	    cmocka_unit_test(sieve_of_many),
	    cmocka_unit_test(circles_by_wildcards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
