/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_test.h"

#include <ldns/ldns.h>

#include "base/rand.h"

static void taken(void **state)
{
	(void)state;
	static const struct {
		const char *text, *back;
	} rows[] = {
	    {".", "."},
	    {"t.me", "t.me"},
	    {"T.Me.", "t.me"},
	    {"com", "com"},
	    {"_dmarc.example.com", "_dmarc.example.com"},
	    {"*.example.com", "*.example.com"}, /* an ordinary label */
	    {"-x-.example", "-x-.example"},
	    {"r4---sn-abc.googlevideo.com", "r4---sn-abc.googlevideo.com"}, /* hyphens at 3 and 4 never meet IDNA */
	    {"xn--not-checked--.com", "xn--not-checked--.com"},
	    {"XN--STRAE-OQA.de", "xn--strae-oqa.de"},
	    {"a\\.b.c", "a\\.b.c"},
	    {"a\\046b.c", "a\\.b.c"},
	    {"\\097.com", "a.com"},
	    {"\\065.com", "a.com"}, /* folded too */
	    {"a\\ b", "a\\032b"},
	    {"a\\000b", "a\\000b"},
	    {"\\255", "\\255"},
	    {"a\\\\b", "a\\\\b"},
	    {"\\@\\$\\(\\)\\;\\\"", "\\@\\$\\(\\)\\;\\\""},
	    {"@$();\"", "\\@\\$\\(\\)\\;\\\""},
	    {"a!#%&'*+,-/:<=>?[]^_`{|}~", "a!#%&'*+,-/:<=>?[]^_`{|}~"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[NAME_TEXT_MAX];
		struct name n = name_of(rows[i].text);
		assert_string_equal(name_to_text(&n, text), rows[i].back);
		struct name again = name_of(text);
		assert_true(name_eq(&n, &again));
	}
}

static void taken_above_ascii(void **state)
{
	(void)state;
	static const struct {
		const char *text, *back;
	} rows[] = {
	    {"shopgcaothụ.vn", "xn--shopgcaoth-043e.vn"},
	    {"straße.de", "xn--strae-oqa.de"}, /* not strasse.de: non-transitional */
	    {"STRASSE.de", "strasse.de"},
	    {"MÜNCHEN.de", "xn--mnchen-3ya.de"},
	    {"bücher.example.", "xn--bcher-kva.example"},
	    {"www.日本語。jp", "www.xn--wgv71a119e.jp"}, /* the ideographic full stop is a dot */
	    {"例え．テスト", "xn--r8jz45g.xn--zckzah"},
	    {"ｅｘａｍｐｌｅ.com", "example.com"},
	    {"пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"},
	    {"_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"},
	    {"*.bücher.example", "*.xn--bcher-kva.example"},
	    {"a\\.b.bücher.example", "a\\.b.xn--bcher-kva.example"}, /* escapes in another label */
	    {"r4---sn.bücher", "r4---sn.xn--bcher-kva"},
	    {"u\xcc\x88"
	     "ber.de",
	     "xn--ber-goa.de"}, /* u and a combining diaeresis: NFC first */
	    /* IDNA refuses these; they are registered all the same */
	    {"🎰.ws", "xn--hl8h.ws"},
	    {"❤.ws", "xn--qei.ws"},
	    {"❤️.ws", "xn--qei.ws"}, /* the selector of looks is dropped */
	    {"i❤tacos.ws", "xn--itacos-i50d.ws"},
	    {"I❤TACOS.ws", "xn--itacos-i50d.ws"},
	    {"Ä🎰.ws", "xn--4ca8946w.ws"},
	    {"ä🎰.ws", "xn--4ca8946w.ws"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[NAME_TEXT_MAX];
		struct name n = name_of(rows[i].text);
		assert_string_equal(name_to_text(&n, text), rows[i].back);
	}
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} rows[] = {
	    {"", "empty"},
	    {"..", "empty label"},
	    {".com", "empty label"},
	    {"a..b", "empty label"},
	    {"a.b..", "empty label"},
	    {"exa mple.com", "blank"},
	    {" example.com", "blank"},
	    {"example.com ", "blank"},
	    {"example.com\t", "blank"},
	    {"example.com\r", "blank"},
	    {"a\nb", "blank"},
	    {"a\x01"
	     "b",
	     "control"},
	    {"a\x7f", "control"},
	    {"\\", "lone backslash"},
	    {"a.\\", "lone backslash"},
	    {"\\1", "three"},
	    {"\\12", "three"},
	    {"\\12a", "three"},
	    {"\\256", "above 255"},
	    {"\\\x01", "backslash"},
	    {"a\\ü", "mixes"},
	    {"ü\\097", "mixes"},
	    {"ü\\。x", "mixes"},
	    {"ü x", "blank"},
	    {"ü\x01", "control"},
	    {"\xff.com", "UTF-8"},
	    {"a.\xc3", "UTF-8"},
	    {"\xed\xa0\x80.com", "UTF-8"},
	    {"ü..com", "empty label"},
	    {"。com", "empty label"},
	    {"a。。b", "empty label"},
	    {"a\xc2\xa0"
	     "b",
	     ""}, /* a no-break space: the mapping makes a blank of it */
	    {"a\xe3\x80\x80"
	     "b",
	     ""}, /* the ideographic one */
	    {"a\xe2\x80\xae"
	     "b.com",
	     ""}, /* turns the direction of text */
	    {"a\xe2\x84\x80"
	     "b.com",
	     ""}, /* U+2100, "a/c" */
	    {"a\xe2\x80\xa4"
	     "b.com",
	     ""}, /* U+2024, a dot in disguise */
	    {"\xef\xbb\xbf"
	     "",
	     ""},		  /* a BOM alone */
	    {"\xc2\xad.com", ""}, /* a soft hyphen alone: nothing is left of it */
	    {"xn--ü.com", "A-label"},
	    {"a!🎰.ws", "mixes"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct name n = {.len = 77};
		struct err err = {0};
		if (name_from_text(str_from(rows[i].text), &n, &err))
			fail_msg("row %zu was taken", i);
		assert_int_equal(err.code, ERR_INPUT);
		if (strstr(err.text, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		assert_string_equal(err.file, "");
		assert_int_equal(n.len, 77); /* untouched */
		assert_false(name_from_text(str_from(rows[i].text), &n, NULL));
	}
	struct name n;
	assert_false(name_from_text((struct str){"a\0b", 3}, &n, NULL));
	assert_false(name_from_text(str_from(NULL), &n, NULL));
}

/* `count` labels of `each` x, dots between. */
static char *labels(size_t count, size_t each, const char *tail)
{
	char *text = malloc(count * (each + 1) + strlen(tail) + 1), *p = text;
	assert_non_null(text);
	for (size_t i = 0; i < count; i++) {
		memset(p, 'x', each);
		p += each;
		*p++ = '.';
	}
	memcpy(p, tail, strlen(tail) + 1);
	return text;
}

static void length_limits(void **state)
{
	(void)state;
	static const struct {
		size_t count, each;
		const char *tail;
		size_t len; /* 0 = refused */
	} rows[] = {
	    {1, 63, "", 65},
	    {1, 64, "", 0},
	    {3, 63, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", 255}, /* 61 */
	    {3, 63, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy.", 255},
	    {3, 63, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", 0}, /* 62 */
	    {3, 63, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy.", 0},
	    {127, 1, "", 255},
	    {126, 1, "z", 255},
	    {127, 1, "z", 0},
	    {100000, 1, "", 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = labels(rows[i].count, rows[i].each, rows[i].tail);
		struct name n;
		assert_int_equal(name_from_text(str_from(text), &n, NULL), rows[i].len > 0);
		if (rows[i].len > 0)
			assert_int_equal(n.len, rows[i].len);
		free(text);
	}
	/* U-labels whose A-label just fits, and one that does not: 56 plain letters, the sign and "xn--...-" make 63 or so */
	char big[5000];
	size_t longest = 0;
	for (size_t count = 1; count < 100; count++) {
		memset(big, 'a', count);
		memcpy(big + count, "ü", 3);
		struct name n;
		if (!name_from_text(str_from(big), &n, NULL))
			break;
		longest = n.len;
	}
	assert_in_range(longest, 63, 65);
	for (size_t i = 0; i + 2 < sizeof(big); i += 2)
		memcpy(big + i, "ü", 3);
	struct name n;
	assert_false(name_from_text((struct str){big, sizeof(big) - 2}, &n, NULL));
}

static void text_of_any_octets_and_back(void **state)
{
	(void)state;
	rand_seed_for_test(21);
	for (int round = 0; round < 20000; round++) {
		struct name n = {.len = 0};
		size_t len = 0, most = 1 + rand_below(254);
		while (len + 3 <= most) {
			size_t octets = 1 + rand_below((uint32_t)MIN(most - len - 2, 63u));
			n.wire[len++] = (uint8_t)octets;
			rand_bytes(n.wire + len, octets);
			len += octets;
			n.labels++;
		}
		n.wire[len++] = 0;
		n.len = (uint8_t)len;
		name_fold(&n);
		char text[NAME_TEXT_MAX + 1];
		text[NAME_TEXT_MAX] = 'Q';
		name_to_text(&n, text);
		assert_int_equal(text[NAME_TEXT_MAX], 'Q');
		struct name back = name_of(text);
		assert_true(name_eq(&n, &back));
		/* ldns reads the same octets from it */
		ldns_rdf *dname = ldns_dname_new_frm_str(text);
		assert_non_null(dname);
		assert_int_equal(ldns_rdf_size(dname), n.len);
		assert_memory_equal(ldns_rdf_data(dname), n.wire, n.len);
		ldns_rdf_deep_free(dname);
	}
	rand_seed_for_test(0);
}

static void the_longest_text_fits(void **state)
{
	(void)state;
	struct name n = {.len = 255, .labels = 4};
	memset(n.wire, 0xff, sizeof(n.wire));
	n.wire[0] = n.wire[64] = n.wire[128] = 63;
	n.wire[192] = 61;
	n.wire[254] = 0;
	char text[NAME_TEXT_MAX];
	assert_int_equal(strlen(name_to_text(&n, text)), 250 * 4 + 3);
	struct name back = name_of(text);
	assert_true(name_eq(&n, &back));
}

/* Anything at all: no crash, and what is taken survives a round trip. */
static void random_text(void **state)
{
	(void)state;
	static const char *const pieces[] = {".",    "\\", "\\1",	   "\\097", "a",	"Z", "ü",
					     "ß",    "🎰",  "。",	   "\xff",  "\xe2\x80", " ", "-",
					     "xn--", "\0", "\xe2\x80\x8d", "ａ",    "Σ",	"ς"};
	rand_seed_for_test(31);
	unsigned good = 0;
	for (int round = 0; round < 20000; round++) {
		char text[128];
		size_t len = 0;
		for (uint32_t i = rand_below(12); i > 0; i--) {
			const char *piece = pieces[rand_below(ARRAY_LEN(pieces))];
			size_t size = piece[0] == '\0' ? 1 : strlen(piece);
			memcpy(text + len, piece, size);
			len += size;
		}
		struct name n;
		struct err err = {0};
		if (!name_from_text((struct str){text, len}, &n, &err)) {
			assert_int_equal(err.code, ERR_INPUT);
			continue;
		}
		good++;
		struct name again;
		assert_true(name_from_wire(n.wire, n.len, &again));
		assert_int_equal(again.labels, n.labels);
		char back[NAME_TEXT_MAX];
		again = name_of(name_to_text(&n, back));
		assert_true(name_eq(&n, &again));
	}
	assert_true(good > 500);
	rand_seed_for_test(0);
}

static void shown_in_letters(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shown;
	} rows[] = {
	    {"example.com", "example.com"},
	    {".", "."},
	    {"xn--bcher-kva.example", "bücher.example"},
	    {"XN--BCHER-KVA.example", "bücher.example"},
	    {"www.xn--wgv71a119e.jp", "www.日本語.jp"},
	    {"xn--hl8h.ws", "🎰.ws"}, /* which IDNA refuses */
	    {"xn--strae-oqa.de", "straße.de"},
	    {"a\\.b.xn--bcher-kva", "a\\.b.bücher"},
	    {"a\\000b.xn--zckzah", "a\\000b.テスト"},
	    /* what no name is written as is left as it is */
	    {"xn--zzzzzzzz.example", "xn--zzzzzzzz.example"},
	    {"xn--abc-.example", "xn--abc-.example"},
	    {"xn--.example", "xn--.example"},
	    {"xn--a.example", "xn--a.example"},
	    {"xn--a_b-cua.example", "a_įb.example"},
	    {"xn---ab.example", "xn---ab.example"},
	    {"xn--a-qin.example", "xn--a-qin.example"},	  /* U+202E, which turns the direction of text */
	    {"xn--ab-g1t.example", "xn--ab-g1t.example"}, /* U+200B, which can't be seen */
	    {"xn--a-ba.example", "xn--a-ba.example"},	  /* U+0080 */
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[NAME_TEXT_MAX];
		struct name n = name_of(rows[i].text);
		assert_string_equal(name_to_unicode(&n, text), rows[i].shown);
		struct name again = name_of(text);
		assert_true(name_eq(&n, &again));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(taken),
	    cmocka_unit_test(taken_above_ascii),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(length_limits),
	    cmocka_unit_test(text_of_any_octets_and_back),
	    cmocka_unit_test(the_longest_text_fits),
	    cmocka_unit_test(random_text),
	    cmocka_unit_test(shown_in_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
