/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/rdata_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "wire/rrtype.h"

static const struct {
	uint16_t type;
	const char *text;
} good[] = {
    {RRTYPE_A, "192.168.1.10"},
    {RRTYPE_A, "  192.168.1.10\t"},
    {RRTYPE_AAAA, "2001:db8::1"},
    {RRTYPE_AAAA, "::ffff:192.0.2.1"},
    {RRTYPE_CNAME, "host.example."},
    {RRTYPE_PTR, "a\\.b.example."},
    {RRTYPE_TXT, "\"v=spf1 -all\" \"second \\\" \\\\ \\255\" word"},
    {RRTYPE_TXT, "\"\""},
    {RRTYPE_MX, "10 mail.example."},
    {RRTYPE_MX, "0 ."},
    {RRTYPE_SRV, "0 5 5060 sip.example."},
    {RRTYPE_HTTPS, "0 other.example."},
    {RRTYPE_HTTPS, "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1"},
    {RRTYPE_SVCB, "1 svc.example. mandatory=alpn alpn=dot no-default-alpn"},
    {RRTYPE_SVCB, "16 foo.example.org. mandatory=alpn,ipv4hint alpn=h2,h3-19 ipv4hint=192.0.2.1"},
};

/* ldns reads the same text to the same octets. */
static void as_ldns_reads_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char line[512], type[RRTYPE_TEXT_MAX];
		struct buf ours = {0}, again = {0}, written = {0};
		struct err err = {0};
		ldns_rr *rr = NULL;
		(void)snprintf(line, sizeof(line), "x. 0 IN %s %s", rrtype_to_text(good[i].type, type), good[i].text);
		if (!rdata_text_read(good[i].type, str_from(good[i].text), &ours, &err))
			fail_msg("%s: %s", line, err.text);
		assert_int_equal(ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL), LDNS_STATUS_OK);
		ldns_buffer *wire = ldns_buffer_new(512);
		assert_int_equal(ldns_rr_rdata2buffer_wire(wire, rr), LDNS_STATUS_OK);
		assert_int_equal(ldns_buffer_position(wire), ours.len);
		assert_memory_equal(ldns_buffer_begin(wire), ours.ptr, ours.len);
		rdata_text_write(good[i].type, buf_str(&ours), &written);
		assert_true(rdata_text_read(good[i].type, buf_str(&written), &again, &err));
		assert_int_equal(again.len, ours.len);
		assert_memory_equal(again.ptr, ours.ptr, ours.len);
		ldns_buffer_free(wire);
		ldns_rr_free(rr);
		buf_finish(&ours);
		buf_finish(&again);
		buf_finish(&written);
	}
}

static void faults_are_told(void **state)
{
	static const struct {
		uint16_t type;
		const char *text, *told;
	} rows[] = {
	    {RRTYPE_A, "", "missing"},
	    {RRTYPE_A, "192.168.1.300", "not an IPv4 address"},
	    {RRTYPE_A, "2001:db8::1", "not an IPv4 address"},
	    {RRTYPE_AAAA, "192.0.2.1", "not an IPv6 address"},
	    {RRTYPE_CNAME, "a..b", "label"},
	    {RRTYPE_MX, "mail.example", "preference"},
	    {RRTYPE_MX, "65536 mail.example", "preference"},
	    {RRTYPE_MX, "10 mail.example x", "too much"},
	    {RRTYPE_SRV, "1 2 x a.example", "port"},
	    {RRTYPE_TXT, "\"open", "closing quote"},
	    {RRTYPE_TXT, "\"a\"b", "blank"},
	    {RRTYPE_TXT, "\\256", "backslash"},
	    {RRTYPE_TXT, "a\\", "backslash"},
	    {RRTYPE_HTTPS, "1 . alpn=h2 alpn=h3", "twice"},
	    {RRTYPE_HTTPS, "1 . colour=red", "not a parameter"},
	    {RRTYPE_HTTPS, "1 . port=65536", "value of 'port'"},
	    {RRTYPE_HTTPS, "1 . ipv4hint=::1", "value of 'ipv4hint'"},
	    {RRTYPE_HTTPS, "1 . mandatory=port", "contradict"},
	    {RRTYPE_HTTPS, "1 . no-default-alpn=x", "value of 'no-default-alpn'"},
	    {RRTYPE_HTTPS, "1 . ech=!", "value of 'ech'"},
	    {RRTYPE_HTTPS, "x . ", "priority"},
	    {RRTYPE_SOA, "a b 1 2 3 4 5", "one of"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf ret = {0};
		struct err err = {0};
		assert_false(rdata_text_read(rows[i].type, str_from(rows[i].text), &ret, &err));
		if (strstr(err.text, rows[i].told) == NULL)
			fail_msg("%s: %s", rows[i].text, err.text);
		buf_finish(&ret);
	}
}

static void long_texts_are_cut(void **state)
{
	char text[700];
	struct buf ret = {0};
	struct err err = {0};
	(void)state;
	memset(text, 'x', sizeof(text));
	assert_true(rdata_text_read_whole((struct str){text, sizeof(text)}, &ret, &err));
	assert_int_equal(ret.len, sizeof(text) + 3);
	assert_int_equal((uint8_t)ret.ptr[0], 255);
	assert_int_equal((uint8_t)ret.ptr[256], 255);
	assert_int_equal((uint8_t)ret.ptr[512], 190);
	buf_finish(&ret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_ldns_reads_them),
	    cmocka_unit_test(faults_are_told),
	    cmocka_unit_test(long_texts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
