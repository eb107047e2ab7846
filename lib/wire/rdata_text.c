/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/rdata_text.h"

#include <arpa/inet.h>

#include "wire/rdata_part.h"
#include "wire/rrtype.h"
#include "wire/svcb.h"
#include "wire/svcb_text.h"

#define TTL_MAX 0x7fffffffu /* RFC 2181 §8 */

struct str rdata_text_word(struct str *rest)
{
	size_t begin = 0, end;
	while (begin < rest->len && rdata_part_is_blank(rest->ptr[begin]))
		begin++;
	for (end = begin; end < rest->len && !rdata_part_is_blank(rest->ptr[end]); end++)
		;
	struct str word = {rest->ptr + begin, end - begin};
	*rest = (struct str){rest->ptr + end, rest->len - end};
	return word;
}

static uint64_t ttl_unit(char c)
{
	switch (c | 0x20) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 604800;
	default:
		return 0;
	}
}

bool rdata_text_ttl(struct str text, uint32_t *ret_s)
{
	uint64_t sum = 0, number = 0;
	bool has_digit = false;
	if (text.len == 0 || !rdata_part_is_digit(text.ptr[0]))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (rdata_part_is_digit(c)) {
			number = number * 10 + (uint64_t)(c - '0');
			has_digit = true;
		} else {
			uint64_t unit = ttl_unit(c);
			if (unit == 0 || !has_digit)
				return false;
			sum += number * unit;
			number = 0;
			has_digit = false;
		}
		if (number > TTL_MAX || sum > TTL_MAX)
			return false;
	}
	if (sum + number > TTL_MAX)
		return false;
	*ret_s = (uint32_t)(sum + number);
	return true;
}

static bool is_class(struct str word, bool *ret_other)
{
	if (str_eq_nocase(word, STR_LIT("IN"))) {
		*ret_other = false;
		return true;
	}
	*ret_other = true;
	return str_eq_nocase(word, STR_LIT("CH")) || str_eq_nocase(word, STR_LIT("HS")) || str_eq_nocase(word, STR_LIT("CS")) ||
	       str_eq_nocase(word, STR_LIT("NONE")) || str_eq_nocase(word, STR_LIT("ANY"));
}

bool rdata_text_head(struct str *rest, struct rdata_text_head *ret)
{
	bool has_class = false;
	*ret = (struct rdata_text_head){.type = 0};
	for (;;) {
		struct str word = rdata_text_word(rest);
		if (word.len == 0)
			return false;
		if (!ret->has_ttl && rdata_part_is_digit(word.ptr[0])) {
			if (!rdata_text_ttl(word, &ret->ttl_s))
				return false;
			ret->has_ttl = true;
		} else if (!has_class && is_class(word, &ret->other_class)) {
			has_class = true;
		} else {
			ret->other_class = ret->other_class && has_class;
			return rrtype_from_text(word, &ret->type) && ret->type != 0;
		}
	}
}

bool rdata_text_known(uint16_t type)
{
	switch (type) {
	case RRTYPE_A:
	case RRTYPE_AAAA:
	case RRTYPE_CNAME:
	case RRTYPE_PTR:
	case RRTYPE_TXT:
	case RRTYPE_MX:
	case RRTYPE_SRV:
	case RRTYPE_SVCB:
	case RRTYPE_HTTPS:
		return true;
	default:
		return false;
	}
}

/* ---- from text ---- */

/* Nothing but blanks may follow. */
static bool read_end(struct str rest, struct err *err)
{
	char shown[RDATA_PART_SHOWN_MAX];
	rest = str_trim(rest);
	return rest.len == 0 || err_set(err, ERR_INPUT, "'%s' is too much here", str_escape(rest, true, shown, sizeof(shown)));
}

static void put_strings(struct str octets, struct buf *ret)
{
	size_t at = 0;
	do {
		uint8_t len = (uint8_t)MIN(octets.len - at, (size_t)RDATA_PART_STRING_MAX);
		buf_add(ret, &len, 1);
		buf_add(ret, octets.ptr + at, len);
		at += len;
	} while (at < octets.len);
}

static bool read_txt(struct str text, struct buf *ret, struct err *err)
{
	struct buf one = {0};
	bool good = true;
	for (struct str rest = str_trim(text); good && rest.len > 0; rest = str_trim(rest)) {
		buf_reset(&one);
		good = rdata_part_read_string(&rest, &one, err);
		if (good)
			put_strings(buf_str(&one), ret);
	}
	buf_finish(&one);
	return good && (ret->len > 0 || err_set(err, ERR_INPUT, "a TXT record has a text; \"\" is an empty one"));
}

bool rdata_text_read_whole(struct str text, struct buf *ret, struct err *err)
{
	buf_reset(ret);
	if (text.len > RDATA_TEXT_LEN_MAX)
		return err_set(err, ERR_LIMIT, "a record's data has at most %d octets", RDATA_TEXT_LEN_MAX);
	put_strings(text, ret);
	return true;
}

static bool read_service(struct str text, struct buf *ret, struct err *err)
{
	struct str rest = text;
	if (!rdata_part_read_number(rdata_text_word(&rest), "priority", ret, err) ||
	    !rdata_part_read_name(rdata_text_word(&rest), ret, err) || !svcb_text_read(rest, ret, err))
		return false;
	return svcb_is_sound(rd_init(ret->ptr, ret->len)) ||
	       err_set(err, ERR_INPUT, "its parameters contradict each other (RFC 9460 §8)");
}

static bool read_srv(struct str text, struct buf *ret, struct err *err)
{
	struct str rest = text;
	return rdata_part_read_number(rdata_text_word(&rest), "priority", ret, err) &&
	       rdata_part_read_number(rdata_text_word(&rest), "weight", ret, err) &&
	       rdata_part_read_number(rdata_text_word(&rest), "port", ret, err) &&
	       rdata_part_read_name(rdata_text_word(&rest), ret, err) && read_end(rest, err);
}

static bool read_mx(struct str text, struct buf *ret, struct err *err)
{
	struct str rest = text;
	return rdata_part_read_number(rdata_text_word(&rest), "preference", ret, err) &&
	       rdata_part_read_name(rdata_text_word(&rest), ret, err) && read_end(rest, err);
}

bool rdata_text_read(uint16_t type, struct str text, struct buf *ret, struct err *err)
{
	buf_reset(ret);
	text = str_trim(text);
	if (text.len == 0)
		return err_set(err, ERR_INPUT, "the record's data is missing");
	if (text.len > RDATA_TEXT_LEN_MAX)
		return err_set(err, ERR_LIMIT, "a record's data has at most %d octets", RDATA_TEXT_LEN_MAX);
	switch (type) {
	case RRTYPE_A:
	case RRTYPE_AAAA:
		return rdata_part_read_address(type == RRTYPE_A ? AF_INET : AF_INET6, text, ret, err);
	case RRTYPE_CNAME:
	case RRTYPE_PTR:
		return rdata_part_read_name(text, ret, err);
	case RRTYPE_TXT:
		return read_txt(text, ret, err);
	case RRTYPE_MX:
		return read_mx(text, ret, err);
	case RRTYPE_SRV:
		return read_srv(text, ret, err);
	case RRTYPE_SVCB:
	case RRTYPE_HTTPS:
		return read_service(text, ret, err);
	default:
		return err_set(err, ERR_INPUT, "a record here is one of " RDATA_TEXT_TYPES);
	}
}

/* ---- back to text ---- */

static void write_service(struct rd *r, struct buf *ret)
{
	unsigned priority = rd_u16(r);
	buf_printf(ret, "%u ", priority);
	rdata_part_write_name(r, ret);
	svcb_text_write(r, priority == 0, ret);
}

static void write_txt(struct rd *r, struct buf *ret)
{
	for (const char *blank = ""; rd_ok(r) && rd_left(r) > 0; blank = " ") {
		uint8_t len = rd_u8(r);
		const uint8_t *octets = rd_bytes(r, len);
		buf_add_c(ret, blank);
		if (rd_ok(r))
			rdata_part_write_string(octets, len, ret);
	}
}

void rdata_text_write(uint16_t type, struct str rdata, struct buf *ret)
{
	struct rd r = rd_init(rdata.ptr, rdata.len);
	switch (type) {
	case RRTYPE_A:
	case RRTYPE_AAAA:
		rdata_part_write_address(&r, type == RRTYPE_A ? 4 : 16, ret);
		return;
	case RRTYPE_CNAME:
	case RRTYPE_PTR:
		rdata_part_write_name(&r, ret);
		return;
	case RRTYPE_TXT:
		write_txt(&r, ret);
		return;
	case RRTYPE_SRV:
		buf_printf(ret, "%u ", rd_u16(&r));
		buf_printf(ret, "%u ", rd_u16(&r));
		buf_printf(ret, "%u ", rd_u16(&r));
		rdata_part_write_name(&r, ret);
		return;
	case RRTYPE_MX:
		buf_printf(ret, "%u ", rd_u16(&r));
		rdata_part_write_name(&r, ret);
		return;
	case RRTYPE_SVCB:
	case RRTYPE_HTTPS:
		write_service(&r, ret);
		return;
	default:
		return;
	}
}
