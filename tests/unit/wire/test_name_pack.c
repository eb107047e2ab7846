/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_test.h"

#include <ldns/ldns.h>

#include "base/rand.h"

#define HEAD 12

static struct wr start(uint8_t *bytes, size_t cap, struct name_packer *p)
{
	memset(bytes, 0, cap);
	struct wr w = wr_init(bytes, cap);
	w.pos = HEAD;
	name_packer_init(p);
	return w;
}

static void equal_suffixes_are_pointed_to(void **state)
{
	(void)state;
	uint8_t bytes[200];
	struct name_packer p;
	struct wr w = start(bytes, sizeof(bytes), &p);
	struct name a = name_of("ads.example.com"), b = name_of("www.example.com"), c = name_of("com"), d = name_of("org"),
		    root = name_of(".");
	name_write_packed(&w, &p, &a);
	assert_int_equal(w.pos, HEAD + 17);
	name_write_packed(&w, &p, &a);
	assert_memory_equal(bytes + HEAD + 17, "\xc0\x0c", 2);
	name_write_packed(&w, &p, &b);
	assert_memory_equal(bytes + HEAD + 19, "\3www\xc0\x10", 6);
	name_write_packed(&w, &p, &b);
	assert_memory_equal(bytes + HEAD + 25, "\xc0\x1f", 2);
	name_write_packed(&w, &p, &c);
	assert_memory_equal(bytes + HEAD + 27, "\xc0\x18", 2);
	name_write_packed(&w, &p, &d);
	assert_memory_equal(bytes + HEAD + 29, "\3org", 5);
	name_write_packed(&w, &p, &root);
	assert_int_equal(w.pos, HEAD + 35);
	assert_int_equal(bytes[HEAD + 34], 0);
	assert_false(w.full);
}

static void case_does_not_matter_but_the_first_stays(void **state)
{
	(void)state;
	uint8_t bytes[100];
	struct name_packer p;
	struct wr w = start(bytes, sizeof(bytes), &p);
	struct name mixed;
	assert_true(name_from_wire((const uint8_t *)"\3AdS\7eXample\3cOm\0", 17, &mixed));
	name_write(&w, &mixed);
	name_packer_note(&p, &w, HEAD);
	struct name plain = name_of("ads.example.com");
	name_write_packed(&w, &p, &plain);
	assert_int_equal(w.pos, HEAD + 19);
	assert_memory_equal(bytes + HEAD + 17, "\xc0\x0c", 2);
}

static void labels_with_dots_inside_are_other_names(void **state)
{
	(void)state;
	uint8_t bytes[100];
	struct name_packer p;
	struct wr w = start(bytes, sizeof(bytes), &p);
	struct name a = name_of("a.b.c"), b = name_of("a\\.b.c");
	name_write_packed(&w, &p, &a);
	size_t mark = w.pos;
	name_write_packed(&w, &p, &b);
	assert_memory_equal(bytes + mark, "\3a.b\xc0\x10", 6);
}

static void a_name_is_whole_or_absent(void **state)
{
	(void)state;
	struct name a = name_of("ads.example.com"), b = name_of("www.example.com");
	for (size_t cap = HEAD; cap < HEAD + 23; cap++) {
		uint8_t *bytes = calloc(1, cap);
		assert_non_null(bytes);
		struct name_packer p;
		struct wr w = start(bytes, cap, &p);
		name_write_packed(&w, &p, &a);
		assert_int_equal(w.full, cap < HEAD + 17);
		if (w.full)
			assert_int_equal(w.pos, HEAD);
		name_write_packed(&w, &p, &b);
		assert_true(w.full);
		assert_int_equal(w.pos, cap < HEAD + 17 ? HEAD : HEAD + 17);
		free(bytes);
	}
}

static void what_was_cut_is_not_pointed_to(void **state)
{
	(void)state;
	uint8_t bytes[200];
	struct name_packer p;
	struct wr w = start(bytes, sizeof(bytes), &p);
	struct name a = name_of("first.example"), b = name_of("second.test"), c = name_of("third.test");
	name_write_packed(&w, &p, &a);
	size_t mark = wr_mark(&w);
	name_write_packed(&w, &p, &b);
	wr_cut(&w, mark);
	name_write_packed(&w, &p, &b); /* spelled out again, at the same place */
	assert_int_equal(w.pos, mark + b.len);
	wr_cut(&w, mark);
	/* other bytes now stand where second.test stood, and reach past it */
	for (int i = 0; i < 20; i++)
		wr_u8(&w, 0x07);
	size_t at = w.pos;
	name_write_packed(&w, &p, &c);
	assert_int_equal(w.pos - at, c.len);
	struct rd r = rd_init(bytes, w.pos);
	r.pos = at;
	struct name back;
	assert_true(name_read(&r, &back));
	assert_true(name_eq(&back, &c));
}

static void a_note_of_nonsense_is_ignored(void **state)
{
	(void)state;
	uint8_t bytes[100];
	struct name_packer p;
	struct wr w = start(bytes, sizeof(bytes), &p);
	name_packer_note(&p, &w, HEAD); /* nothing there yet */
	name_packer_note(&p, &w, 5000); /* past the end */
	name_packer_note(&p, &w, SIZE_MAX);
	assert_int_equal(p.count, 0);
	wr_bytes(&w, "\3abc\xc0\x0c", 6); /* not spelled out */
	name_packer_note(&p, &w, HEAD);
	assert_int_equal(p.count, 0);
}

static void offsets_past_the_reach_of_a_pointer_are_not_used(void **state)
{
	(void)state;
	static uint8_t bytes[40000];
	struct name_packer p;
	struct wr w = start(bytes, sizeof(bytes), &p);
	struct name a = name_of("late.example");
	w.pos = 0x3fff - 4; /* its first label lies in reach, "example" does not */
	name_write_packed(&w, &p, &a);
	size_t mark = w.pos;
	struct name b = name_of("x.example");
	name_write_packed(&w, &p, &b);
	assert_int_equal(w.pos - mark, b.len);
	mark = w.pos;
	name_write_packed(&w, &p, &a);
	assert_int_equal(w.pos - mark, 2);
}

/* Random names with few different labels, so that suffixes recur: what was written reads back, by us and by ldns. */
static void random_names_read_back(void **state)
{
	(void)state;
	static uint8_t bytes[0x3fff + 3000];
	rand_seed_for_test(17);
	for (int round = 0; round < 300; round++) {
		struct name names[200];
		size_t offsets[200], count = 1 + rand_below(200), plain = 0;
		struct name_packer p;
		struct wr w = start(bytes, sizeof(bytes), &p);
		for (size_t i = 0; i < count; i++) {
			struct name n = {.len = 0};
			size_t len = 0;
			for (uint32_t left = rand_below(7); left > 0; left--) {
				n.wire[len++] = 2;
				n.wire[len++] = (uint8_t)((rand_below(2) ? 'a' : 'A') + (int)rand_below(3));
				n.wire[len++] = (uint8_t)rand_below(2);
				n.labels++;
			}
			n.wire[len++] = 0;
			n.len = (uint8_t)len;
			names[i] = n;
			offsets[i] = w.pos;
			plain += len;
			name_write_packed(&w, &p, &n);
			wr_u16(&w, 0); /* something between */
		}
		assert_false(w.full);
		assert_true(p.count <= NAME_PACKER_MAX);
		assert_true(w.pos <= HEAD + plain + 2 * count);
		for (size_t i = 0; i < count; i++) {
			struct rd r = rd_init(bytes, w.pos);
			r.pos = offsets[i];
			struct name back;
			assert_true(name_read(&r, &back));
			assert_true(name_eq_nocase(&back, &names[i]));
			size_t pos = offsets[i];
			ldns_rdf *dname = NULL;
			assert_int_equal(ldns_wire2dname(&dname, bytes, w.pos, &pos), LDNS_STATUS_OK);
			assert_int_equal(ldns_rdf_size(dname), back.len);
			assert_memory_equal(ldns_rdf_data(dname), back.wire, back.len);
			ldns_rdf_deep_free(dname);
		}
	}
	rand_seed_for_test(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_suffixes_are_pointed_to),
	    cmocka_unit_test(case_does_not_matter_but_the_first_stays),
	    cmocka_unit_test(labels_with_dots_inside_are_other_names),
	    cmocka_unit_test(a_name_is_whole_or_absent),
	    cmocka_unit_test(what_was_cut_is_not_pointed_to),
	    cmocka_unit_test(a_note_of_nonsense_is_ignored),
	    cmocka_unit_test(offsets_past_the_reach_of_a_pointer_are_not_used),
	    cmocka_unit_test(random_names_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
