/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/cond.h"
#include "wire/rrtype.h"

static struct name name_of(const char *text)
{
	struct name name;
	struct err err;
	if (!name_from_text(str_from(text), &name, &err))
		fail_msg("%s: %s", text, err.text);
	return name;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	if (!prefix_from_text(str_from(text), &prefix))
		fail_msg("%s", text);
	return prefix;
}

static struct addr addr_of(const char *text)
{
	struct addr addr;
	if (!addr_from_text(str_from(text), 0, &addr))
		fail_msg("%s", text);
	return addr;
}

static struct buf composed(const struct cond *cond)
{
	struct buf bytes = {0};
	assert_true(cond_compose(cond, &bytes));
	assert_true(cond_verify(buf_str(&bytes)));
	return bytes;
}

static enum cond_failure test_of(const struct buf *bytes, const char *name, uint16_t type, const char *client)
{
	struct name n = name_of(name);
	struct addr a;
	if (client == NULL)
		return cond_test(buf_str(bytes), &n, type, NULL);
	a = addr_of(client);
	return cond_test(buf_str(bytes), &n, type, &a);
}

static void nothing_said_always_holds(void **state)
{
	(void)state;
	struct cond cond = {0};
	struct buf bytes = composed(&cond);
	assert_int_equal(bytes.len, 0);
	assert_int_equal(test_of(&bytes, "a.example", RRTYPE_A, NULL), COND_HOLDS);
	assert_int_equal(test_of(&bytes, ".", RRTYPE_ANY, "::1"), COND_HOLDS);
	buf_finish(&bytes);
}

static void types_are_wanted_or_not(void **state)
{
	(void)state;
	const uint16_t types[] = {RRTYPE_AAAA, RRTYPE_A, RRTYPE_A, RRTYPE_HTTPS}, not_types[] = {RRTYPE_HTTPS};
	struct cond cond = {.types = types, .type_count = 4};
	struct buf bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, NULL), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_HTTPS, NULL), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_TXT, NULL), COND_TYPE);
	assert_int_equal(test_of(&bytes, "x", 0, NULL), COND_TYPE);
	assert_int_equal(test_of(&bytes, "x", 0x100, NULL), COND_TYPE); /* not A with its octets turned round */
	buf_finish(&bytes);

	cond = (struct cond){.not_types = not_types, .not_type_count = 1};
	bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, NULL), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_HTTPS, NULL), COND_TYPE);
	buf_finish(&bytes);

	/* what is excluded is so though it is wanted as well */
	cond = (struct cond){.types = types, .type_count = 4, .not_types = not_types, .not_type_count = 1};
	bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, NULL), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_HTTPS, NULL), COND_TYPE);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_TXT, NULL), COND_TYPE);
	buf_finish(&bytes);
}

static void clients_are_wanted_or_not(void **state)
{
	(void)state;
	struct prefix clients[] = {prefix_of("192.0.2.0/25"), prefix_of("2001:db8::/47"), prefix_of("192.0.2.200")};
	struct prefix not_clients[] = {prefix_of("192.0.2.7"), prefix_of("2001:db8:1::/64")};
	struct cond cond = {.clients = clients, .client_count = 3};
	struct buf bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.1"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.127"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "::ffff:192.0.2.127"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.128"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.200"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.201"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "2001:db8:1::9"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "2001:db8:2::9"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, NULL), COND_CLIENT);
	buf_finish(&bytes);

	cond = (struct cond){.not_clients = not_clients, .not_client_count = 2};
	bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.7"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.8"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "2001:db8:1::1"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "2001:db8:1:1::1"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, NULL), COND_CLIENT);
	buf_finish(&bytes);

	cond = (struct cond){.clients = clients, .client_count = 3, .not_clients = not_clients, .not_client_count = 2};
	bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.7"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.8"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.3.8"), COND_CLIENT);
	buf_finish(&bytes);
}

static void all_of_one_family_is_not_the_other(void **state)
{
	(void)state;
	struct prefix v6 = prefix_of("::/0"), v4 = prefix_of("0.0.0.0/0");
	struct cond cond = {.clients = &v6, .client_count = 1};
	struct buf bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "2001:db8::1"), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.1"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "::ffff:192.0.2.1"), COND_CLIENT);
	buf_finish(&bytes);
	cond.clients = &v4;
	bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "2001:db8::1"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x", RRTYPE_A, "192.0.2.1"), COND_HOLDS);
	buf_finish(&bytes);
}

static void denied_names_end_at_labels(void **state)
{
	(void)state;
	struct name names[] = {name_of("good.example"), name_of("a.b.test"), name_of("zip")};
	struct cond cond = {.deny_allow = names, .deny_allow_count = 3};
	struct buf bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "good.example", RRTYPE_A, NULL), COND_NAME);
	assert_int_equal(test_of(&bytes, "www.good.example", RRTYPE_A, NULL), COND_NAME);
	assert_int_equal(test_of(&bytes, "nogood.example", RRTYPE_A, NULL), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "example", RRTYPE_A, NULL), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "b.test", RRTYPE_A, NULL), COND_HOLDS);
	assert_int_equal(test_of(&bytes, "x.y.a.b.test", RRTYPE_A, NULL), COND_NAME);
	assert_int_equal(test_of(&bytes, "a.zip", RRTYPE_A, NULL), COND_NAME);
	assert_int_equal(test_of(&bytes, ".", RRTYPE_A, NULL), COND_HOLDS);
	buf_finish(&bytes);

	/* one label that has a length octet for its letter: \x04test is no label "test" here */
	struct name name = name_of("a\\004test");
	struct name zone = name_of("test");
	cond = (struct cond){.deny_allow = &zone, .deny_allow_count = 1};
	bytes = composed(&cond);
	assert_int_equal(cond_test(buf_str(&bytes), &name, RRTYPE_A, NULL), COND_HOLDS);
	buf_finish(&bytes);
}

static void the_first_failure_is_told(void **state)
{
	(void)state;
	const uint16_t type = RRTYPE_A;
	struct prefix client = prefix_of("192.0.2.1");
	struct name denied = name_of("x.example");
	struct cond cond = {
	    .types = &type, .type_count = 1, .clients = &client, .client_count = 1, .deny_allow = &denied, .deny_allow_count = 1};
	struct buf bytes = composed(&cond);
	assert_int_equal(test_of(&bytes, "x.example", RRTYPE_TXT, "192.0.2.2"), COND_TYPE);
	assert_int_equal(test_of(&bytes, "x.example", RRTYPE_A, "192.0.2.2"), COND_CLIENT);
	assert_int_equal(test_of(&bytes, "x.example", RRTYPE_A, "192.0.2.1"), COND_NAME);
	assert_int_equal(test_of(&bytes, "y.example", RRTYPE_A, "192.0.2.1"), COND_HOLDS);
	buf_finish(&bytes);
}

static void equal_conditions_are_equal_bytes(void **state)
{
	(void)state;
	const uint16_t one[] = {28, 1, 65, 1}, two[] = {65, 65, 28, 1};
	struct prefix ones[] = {prefix_of("192.0.2.1"), prefix_of("10.0.0.0/8"), prefix_of("::1")};
	struct prefix twos[] = {prefix_of("::1"), prefix_of("::ffff:192.0.2.1"), prefix_of("10.0.0.0/8"), prefix_of("::1")};
	struct name first[] = {name_of("b.example"), name_of("a.example"), name_of("longer.example")};
	struct name second[] = {name_of("longer.example"), name_of("a.example"), name_of("a.example"), name_of("b.example")};
	struct cond a = {
	    .types = one, .type_count = 4, .clients = ones, .client_count = 3, .deny_allow = first, .deny_allow_count = 3};
	struct cond b = {
	    .types = two, .type_count = 4, .clients = twos, .client_count = 4, .deny_allow = second, .deny_allow_count = 4};
	struct buf as = composed(&a), bs = composed(&b);
	assert_true(str_eq(buf_str(&as), buf_str(&bs)));
	buf_finish(&as);
	buf_finish(&bs);
}

static void limits_are_kept(void **state)
{
	(void)state;
	uint16_t types[COND_TYPES_MAX + 1];
	struct prefix clients[COND_CLIENTS_MAX + 1];
	struct name *names = base_alloc((COND_NAMES_MAX + 1) * sizeof(*names));
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		types[i] = (uint16_t)i;
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		clients[i] = prefix_of("192.0.0.0");
		clients[i].bytes[2] = (uint8_t)(i >> 8);
		clients[i].bytes[3] = (uint8_t)i;
	}
	for (size_t i = 0; i <= COND_NAMES_MAX; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "n%zu.example", i);
		names[i] = name_of(text);
	}
	struct cond cond = {.types = types,
			    .type_count = COND_TYPES_MAX,
			    .not_types = types,
			    .not_type_count = COND_TYPES_MAX,
			    .clients = clients,
			    .client_count = COND_CLIENTS_MAX,
			    .not_clients = clients,
			    .not_client_count = COND_CLIENTS_MAX,
			    .deny_allow = names,
			    .deny_allow_count = COND_NAMES_MAX};
	struct buf bytes = composed(&cond), none = {0};
	buf_finish(&bytes);
	size_t *const counts[] = {&cond.type_count, &cond.not_type_count, &cond.client_count, &cond.not_client_count,
				  &cond.deny_allow_count};
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		(*counts[i])++;
		assert_false(cond_compose(&cond, &none));
		assert_int_equal(none.len, 0);
		(*counts[i])--;
	}
	free(names);
}

/* A condition with something in each group; every truncation, an octet too many, and every single changed octet. */
static void other_bytes_are_refused(void **state)
{
	(void)state;
	const uint16_t types[] = {1, 28}, not_types[] = {65};
	struct prefix clients[] = {prefix_of("10.0.0.0/8"), prefix_of("2001:db8::/32")}, not_clients[] = {prefix_of("10.1.0.0/16")};
	struct name names[] = {name_of("a.example"), name_of("b.example")};
	struct cond cond = {.types = types,
			    .type_count = 2,
			    .not_types = not_types,
			    .not_type_count = 1,
			    .clients = clients,
			    .client_count = 2,
			    .not_clients = not_clients,
			    .not_client_count = 1,
			    .deny_allow = names,
			    .deny_allow_count = 2};
	struct buf bytes = composed(&cond);
	struct name name = name_of("www.a.example");
	struct addr client = addr_of("10.2.3.4");
	for (size_t len = 1; len < bytes.len; len++)
		assert_false(cond_verify((struct str){bytes.ptr, len}));
	buf_add(&bytes, "", 1);
	assert_false(cond_verify(buf_str(&bytes)));
	bytes.len--;
	size_t sound = 0;
	for (size_t i = 0; i < bytes.len; i++) {
		for (unsigned change = 1; change < 256; change++) {
			bytes.ptr[i] = (char)((unsigned char)bytes.ptr[i] ^ change);
			if (cond_verify(buf_str(&bytes))) { /* another condition: the sanitizers look on */
				sound++;
				(void)cond_test(buf_str(&bytes), &name, 1, &client);
			}
			bytes.ptr[i] = (char)((unsigned char)bytes.ptr[i] ^ change);
		}
	}
	assert_true(sound > 0);
	buf_finish(&bytes);

	static const char nothing[8] = {0}, upper[] = "\0\0\0\0\0\0\0\1\3\1A\0", pair[] = "\2\0\1\0\1\0\0\0\0\0\0\0",
			  turned[] = "\2\0\2\0\1\0\0\0\0\0\0\0", lower[] = "\0\0\0\0\0\0\0\1\3\1a\0";
	assert_false(cond_verify((struct str){nothing, 8})); /* nothing said has no bytes */
	assert_false(cond_verify((struct str){upper, 12}));
	assert_true(cond_verify((struct str){lower, 12}));
	assert_false(cond_verify((struct str){pair, 12}));
	assert_false(cond_verify((struct str){turned, 12}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_said_always_holds),	cmocka_unit_test(types_are_wanted_or_not),
	    cmocka_unit_test(clients_are_wanted_or_not),	cmocka_unit_test(all_of_one_family_is_not_the_other),
	    cmocka_unit_test(denied_names_end_at_labels),	cmocka_unit_test(the_first_failure_is_told),
	    cmocka_unit_test(equal_conditions_are_equal_bytes), cmocka_unit_test(limits_are_kept),
	    cmocka_unit_test(other_bytes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
