/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/rdata_part.h"

#include <arpa/inet.h>
#include <string.h>

#include "wire/name.h"

bool rdata_part_read_address(int family, struct str text, struct buf *ret, struct err *err)
{
	char copy[INET6_ADDRSTRLEN + 1], shown[RDATA_PART_SHOWN_MAX];
	uint8_t bytes[16];
	bool fits = text.len < sizeof(copy);
	if (fits) {
		memcpy(copy, text.ptr, text.len);
		copy[text.len] = '\0';
	}
	if (!fits || inet_pton(family, copy, bytes) != 1)
		return err_set(err, ERR_INPUT, "'%s' is not an %s address", str_escape(text, true, shown, sizeof(shown)),
			       family == AF_INET ? "IPv4" : "IPv6");
	buf_add(ret, bytes, family == AF_INET ? 4 : 16);
	return true;
}

bool rdata_part_read_name(struct str text, struct buf *ret, struct err *err)
{
	struct name name = {.len = 1};
	if (!str_eq_c(text, ".") && !name_from_text(text, &name, err))
		return false;
	buf_add(ret, name.wire, name.len);
	return true;
}

bool rdata_part_read_number(struct str word, const char *what, struct buf *ret, struct err *err)
{
	char shown[RDATA_PART_SHOWN_MAX];
	uint64_t number;
	if (!str_to_u64(word, &number) || number > UINT16_MAX)
		return err_set(err, ERR_INPUT, "'%s' is not a %s: a number from 0 to %u",
			       str_escape(word, true, shown, sizeof(shown)), what, UINT16_MAX);
	buf_add_u16(ret, (unsigned)number);
	return true;
}

/* One octet, which may be written \DDD or \X. False at a broken escape. */
static bool read_octet(const char *p, size_t len, size_t *ret_used, uint8_t *ret)
{
	*ret_used = 1;
	*ret = (uint8_t)p[0];
	if (p[0] != '\\')
		return true;
	if (len < 2)
		return false;
	if (!rdata_part_is_digit(p[1])) {
		*ret_used = 2;
		*ret = (uint8_t)p[1];
		return true;
	}
	if (len < 4 || !rdata_part_is_digit(p[2]) || !rdata_part_is_digit(p[3]))
		return false;
	int value = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
	*ret_used = 4;
	*ret = (uint8_t)value;
	return value <= UINT8_MAX;
}

bool rdata_part_read_string(struct str *rest, struct buf *ret, struct err *err)
{
	bool quoted = rest->len > 0 && rest->ptr[0] == '"';
	size_t at = quoted ? 1 : 0, used;
	uint8_t octet;
	while (at < rest->len && (quoted ? rest->ptr[at] != '"' : !rdata_part_is_blank(rest->ptr[at]))) {
		if (!read_octet(rest->ptr + at, rest->len - at, &used, &octet))
			return err_set(err, ERR_INPUT, "a backslash stands before three digits up to 255, or one other character");
		if (!quoted && octet == '"' && used == 1)
			return err_set(err, ERR_INPUT, "a quote stands within a word; before it goes a backslash");
		buf_add(ret, &octet, 1);
		at += used;
	}
	if (quoted && at == rest->len)
		return err_set(err, ERR_INPUT, "the closing quote is missing");
	at += quoted;
	if (at < rest->len && !rdata_part_is_blank(rest->ptr[at]))
		return err_set(err, ERR_INPUT, "a blank is missing behind the closing quote");
	*rest = (struct str){rest->ptr + at, rest->len - at};
	return true;
}

void rdata_part_write_name(struct rd *r, struct buf *ret)
{
	char text[NAME_TEXT_MAX];
	struct name name;
	if (name_read_plain(r, &name))
		buf_add_c(ret, name_to_text(&name, text));
}

void rdata_part_write_address(struct rd *r, size_t len, struct buf *ret)
{
	char text[INET6_ADDRSTRLEN];
	const uint8_t *bytes = rd_bytes(r, len);
	if (bytes != NULL && inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)) != NULL)
		buf_add_c(ret, text);
}

void rdata_part_write_string(const uint8_t *octets, size_t len, struct buf *ret)
{
	buf_add_c(ret, "\"");
	for (size_t i = 0; i < len; i++) {
		if (octets[i] == '"' || octets[i] == '\\')
			buf_printf(ret, "\\%c", octets[i]);
		else if (octets[i] < 0x20 || octets[i] >= 0x7f)
			buf_printf(ret, "\\%03u", octets[i]);
		else
			buf_add(ret, octets + i, 1);
	}
	buf_add_c(ret, "\"");
}
