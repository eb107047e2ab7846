/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_test.h"

#include <ldns/ldns.h>

#include "base/rand.h"

/* 12 octets stand for a header, since pointers never lead there. */
#define HEAD "000000000000000000000000"

static bool reads(const char *hex, size_t pos, struct name *ret, size_t *ret_pos)
{
	size_t len;
	uint8_t *bytes = unhex(hex, &len);
	struct rd r = rd_init(bytes, len);
	r.pos = pos;
	bool ok = name_read(&r, ret);
	assert_int_equal(ok, rd_ok(&r));
	if (ret_pos != NULL)
		*ret_pos = r.pos;
	free(bytes);
	return ok;
}

static void reading_plain_names(void **state)
{
	(void)state;
	struct name n;
	size_t pos;
	char text[NAME_TEXT_MAX];
	assert_true(reads("00", 0, &n, &pos));
	assert_int_equal(n.len, 1);
	assert_int_equal(n.labels, 0);
	assert_int_equal(pos, 1);
	assert_string_equal(name_to_text(&n, text), ".");
	assert_true(reads("0141 0262 63 00 ff", 0, &n, &pos));
	assert_int_equal(n.labels, 2);
	assert_int_equal(pos, 6);
	assert_string_equal(name_to_text(&n, text), "A.bc"); /* case kept */
}

static void reading_follows_pointers_back(void **state)
{
	(void)state;
	struct name n;
	size_t pos;
	char text[NAME_TEXT_MAX];
	assert_true(reads(HEAD "01610162 00"
			       "0163 c00c"
			       "0164 c011"
			       "ff",
			  17, &n, &pos));
	assert_string_equal(name_to_text(&n, text), "c.a.b");
	assert_int_equal(pos, 21);
	assert_true(reads(HEAD "01610162 00"
			       "0163 c00c"
			       "0164 c011"
			       "ff",
			  21, &n, &pos));
	assert_string_equal(name_to_text(&n, text), "d.c.a.b");
	assert_int_equal(n.labels, 4);
	assert_int_equal(pos, 25);
	assert_true(reads(HEAD "0161 00 c00c", 15, &n, &pos)); /* nothing but a pointer */
	assert_string_equal(name_to_text(&n, text), "a");
}

static void reading_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		size_t pos;
	} bad[] = {
	    {"", 0},
	    {"01", 0},	  /* a label without its octet */
	    {"0161", 0},  /* no root */
	    {"40 00", 0}, /* label types that are not in use */
	    {"80 00", 0},
	    {"ff", 0},
	    {HEAD "c0", 12},	  /* half a pointer */
	    {HEAD "c00c", 12},	  /* to itself */
	    {HEAD "c00e 00", 12}, /* forward */
	    {HEAD "c000", 12},	  /* into the header */
	    {HEAD "c00b", 12},
	    {HEAD "0161 c00c", 12}, /* to its own beginning */
	    {HEAD "0161 c00d", 12}, /* into its own label */
	    {HEAD "0100 c00d", 12}, /* and be there an octet that looks like the root */
	    {HEAD "c00e c00c", 14}, /* two that point at each other */
	    {HEAD "0161 c010 0162 c00c", 16},
	    {HEAD "00 ffff", 13}, /* past the end */
	};
	struct name n;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (reads(bad[i].hex, bad[i].pos, &n, NULL))
			fail_msg("row %zu was taken", i);
}

/* `count` labels of `each` octets, then one of `rest` octets unless 0, then the root. Returns the length. */
static size_t build_labels(uint8_t *p, size_t count, size_t each, size_t rest)
{
	size_t len = 0;
	for (size_t i = 0; i <= count; i++) {
		size_t size = i < count ? each : rest;
		if (size == 0)
			continue;
		p[len++] = (uint8_t)size;
		memset(p + len, 'x', size);
		len += size;
	}
	p[len++] = 0;
	return len;
}

static void length_limits(void **state)
{
	(void)state;
	static const struct {
		size_t count, each, rest, labels;
		bool good;
	} rows[] = {
	    {1, 63, 0, 1, true},     {1, 64, 0, 1, false},    {3, 63, 61, 4, true}, {3, 63, 62, 4, false}, {127, 1, 0, 127, true},
	    {128, 1, 0, 128, false}, {126, 1, 2, 127, false}, {63, 3, 1, 64, true}, {63, 3, 2, 64, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t bytes[300];
		size_t len = build_labels(bytes, rows[i].count, rows[i].each, rows[i].rest);
		uint8_t *exact = exact_copy(bytes, len);
		struct name n;
		struct rd r = rd_init(exact, len);
		assert_int_equal(name_read(&r, &n), rows[i].good);
		assert_int_equal(name_from_wire(exact, len, &n), rows[i].good);
		r = rd_init(exact, len);
		assert_int_equal(name_skip(&r), rows[i].good);
		if (rows[i].good) {
			assert_int_equal(n.len, len);
			assert_int_equal(n.labels, rows[i].labels);
		}
		free(exact);
	}
}

static void length_limits_hold_through_pointers(void **state)
{
	(void)state;
	/* 127 labels and the root at 12; one label more before a pointer to them makes 257 octets */
	uint8_t bytes[600] = {0};
	size_t end = 12 + build_labels(bytes + 12, 127, 1, 0);
	memcpy(bytes + end, "\x01y\xc0\x0c", 4);
	struct rd r = rd_init(bytes, end + 4);
	r.pos = end;
	struct name n;
	assert_false(name_read(&r, &n));
	/* to the second of them it just fits */
	bytes[end + 3] = 14;
	r = rd_init(bytes, end + 4);
	r.pos = end;
	assert_true(name_read(&r, &n));
	assert_int_equal(n.len, 255);
}

static void hops_are_limited(void **state)
{
	(void)state;
	uint8_t bytes[12 + 1 + 2 * (NAME_HOPS_MAX + 2)] = {0};
	size_t len = 13; /* the root stands at 12; each pointer leads to the one before */
	for (unsigned i = 0; i < NAME_HOPS_MAX + 1; i++, len += 2) {
		size_t target = i == 0 ? 12 : len - 2;
		bytes[len] = (uint8_t)(0xc0 | target >> 8);
		bytes[len + 1] = (uint8_t)target;
	}
	struct name n;
	struct rd r = rd_init(bytes, len);
	r.pos = 13 + 2 * (NAME_HOPS_MAX - 1);
	assert_true(name_read(&r, &n));
	r = rd_init(bytes, len);
	r.pos = 13 + 2 * NAME_HOPS_MAX;
	assert_false(name_read(&r, &n));
}

static void a_bomb_of_pointers_is_cheap(void **state)
{
	(void)state;
	/* 64 KiB of pointers, each to the one before it: every one of them is read */
	static uint8_t bytes[65535];
	size_t len = 13;
	for (; len + 2 <= 0x3fff; len += 2) {
		size_t target = len == 13 ? 12 : len - 2;
		bytes[len] = (uint8_t)(0xc0 | target >> 8);
		bytes[len + 1] = (uint8_t)target;
	}
	for (; len + 2 <= sizeof(bytes); len += 2)
		memcpy(bytes + len, "\xff\xfd", 2);
	unsigned good = 0, bad = 0;
	struct rd r = rd_init(bytes, len);
	for (r.pos = 13; r.pos + 2 <= len;) {
		struct rd one = r;
		struct name n;
		if (name_read(&one, &n))
			good++;
		else
			bad++;
		r.pos += 2;
	}
	assert_int_equal(good, NAME_HOPS_MAX);
	assert_true(bad > 30000);
}

static void skipping(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		size_t end; /* 0 = refused */
	} rows[] = {{"00", 1},	 {"0161 00", 3}, {"0161 c0ff", 4}, {"c000", 2}, {"c0", 0},
		    {"0161", 0}, {"05 61", 0},	 {"", 0},	   {"4000", 0}, {"8100", 0}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len;
		uint8_t *bytes = unhex(rows[i].hex, &len);
		struct rd r = rd_init(bytes, len);
		assert_int_equal(name_skip(&r), rows[i].end > 0);
		assert_int_equal(rd_ok(&r), rows[i].end > 0);
		if (rows[i].end > 0)
			assert_int_equal(r.pos, rows[i].end);
		free(bytes);
	}
}

static void from_wire_wants_one_whole_name(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "01", "0161", "0161 00 00", "00 00", "c000", "40", "0261 00", "0161 c000"};
	struct name n;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t len;
		uint8_t *bytes = unhex(bad[i], &len);
		assert_false(name_from_wire(bytes, len, &n));
		free(bytes);
	}
	assert_true(name_from_wire((const uint8_t *)"\3a.b\0", 5, &n));
	assert_int_equal(n.labels, 1);
}

static void folding_and_comparing(void **state)
{
	(void)state;
	struct name a, b;
	assert_true(name_from_wire((const uint8_t *)"\x05"
						    "AZ[@\xc4"
						    "\x3f"
						    "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\0",
				   71, &a));
	b = a;
	name_fold(&b);
	assert_memory_equal(b.wire,
			    "\x05"
			    "az[@\xc4"
			    "\x3f"
			    "bb",
			    9); /* length octets and all but A-Z stay */
	assert_false(name_eq(&a, &b));
	assert_true(name_eq_nocase(&a, &b));
	assert_true(name_eq(&b, &b));
	struct name upper, lower;
	assert_true(name_from_wire((const uint8_t *)"\2[k\0", 4, &upper));
	assert_true(name_from_wire((const uint8_t *)"\2{k\0", 4, &lower));
	assert_false(name_eq_nocase(&upper, &lower));
}

static void below_goes_by_labels(void **state)
{
	(void)state;
	struct name zone = name_of("example.com"), root = name_of(".");
	static const struct {
		const char *name;
		bool below;
	} rows[] = {{"example.com", true}, {"a.example.com", true},    {"a.b.c.example.com", true}, {"xexample.com", false},
		    {"com", false},	   {"example.com.org", false}, {"example\\.com", false},    {"a\\.example.com", false},
		    {".", false},	   {"example.net", false}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct name n = name_of(rows[i].name);
		assert_int_equal(name_is_below_or_eq(&n, &zone), rows[i].below);
		assert_true(name_is_below_or_eq(&n, &root));
	}
	/* the octets \7example\3com\0 at the end, but inside a label */
	struct name fake;
	assert_true(name_from_wire((const uint8_t *)"\x0e"
						    "x"
						    "\x07"
						    "example"
						    "\x03"
						    "com"
						    "x"
						    "\0",
				   16, &fake));
	assert_false(name_is_below_or_eq(&fake, &zone));
}

static void suffixes(void **state)
{
	(void)state;
	struct name n = name_of("a.bc.def"), s;
	uint8_t offsets[NAME_LABELS_MAX + 1];
	assert_int_equal(name_offsets(&n, offsets), 4);
	static const uint8_t want[] = {0, 2, 5, 9};
	assert_memory_equal(offsets, want, sizeof(want));
	char text[NAME_TEXT_MAX];
	static const char *const texts[] = {".", "def", "bc.def", "a.bc.def"};
	for (unsigned i = 0; i <= 3; i++) {
		assert_true(name_suffix(&n, i, &s));
		assert_string_equal(name_to_text(&s, text), texts[i]);
		assert_int_equal(s.labels, i);
	}
	assert_false(name_suffix(&n, 4, &s));
	assert_true(name_suffix(&n, 2, &n)); /* onto itself */
	assert_string_equal(name_to_text(&n, text), "bc.def");
	struct name root = name_of(".");
	assert_int_equal(name_offsets(&root, offsets), 1);
	assert_int_equal(offsets[0], 0);
}

/* ldns as the judge: whatever name we take from random bytes, ldns takes with the same octets. (It takes more: forward pointers,
 * pointers into the header.) */
static void reading_agrees_with_ldns(void **state)
{
	(void)state;
	rand_seed_for_test(11);
	unsigned taken = 0;
	for (int round = 0; round < 60000; round++) {
		uint8_t bytes[64];
		/* mostly small octets, some pointers: most of what is drawn is nearly a name */
		for (size_t i = 0; i < sizeof(bytes); i++) {
			uint32_t kind = rand_below(10);
			bytes[i] = kind < 6 ? (uint8_t)rand_below(5) : kind < 8 ? 0xc0 : (uint8_t)rand_u32();
		}
		struct rd r = rd_init(bytes, sizeof(bytes));
		r.pos = rand_below(sizeof(bytes));
		size_t pos = r.pos;
		struct name n;
		if (!name_read(&r, &n))
			continue;
		taken++;
		ldns_rdf *dname = NULL;
		assert_int_equal(ldns_wire2dname(&dname, bytes, sizeof(bytes), &pos), LDNS_STATUS_OK);
		assert_int_equal(pos, r.pos);
		assert_int_equal(ldns_rdf_size(dname), n.len);
		assert_memory_equal(ldns_rdf_data(dname), n.wire, n.len);
		assert_int_equal(ldns_dname_label_count(dname), n.labels);
		ldns_rdf_deep_free(dname);
	}
	assert_true(taken > 1000);
	rand_seed_for_test(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reading_plain_names),
	    cmocka_unit_test(reading_follows_pointers_back),
	    cmocka_unit_test(reading_refuses),
	    cmocka_unit_test(length_limits),
	    cmocka_unit_test(length_limits_hold_through_pointers),
	    cmocka_unit_test(hops_are_limited),
	    cmocka_unit_test(a_bomb_of_pointers_is_cheap),
	    cmocka_unit_test(skipping),
	    cmocka_unit_test(from_wire_wants_one_whole_name),
	    cmocka_unit_test(folding_and_comparing),
	    cmocka_unit_test(below_goes_by_labels),
	    cmocka_unit_test(suffixes),
	    cmocka_unit_test(reading_agrees_with_ldns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
