/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/rdata_text.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/base64.h"
#include "wire/name.h"
#include "wire/rrtype.h"
#include "wire/svcb.h"

#define TTL_MAX 0x7fffffffu /* RFC 2181 §8 */
#define STRING_MAX 255u	    /* octets of a character-string (RFC 1035 §3.3) */
#define SVC_PARAMS_MAX 32   /* of one record; seven are defined */
#define SVC_KEY_MAX 65534   /* 65535 is no key */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct str rdata_text_word(struct str *rest)
{
	size_t begin = 0, end;
	while (begin < rest->len && is_blank(rest->ptr[begin]))
		begin++;
	for (end = begin; end < rest->len && !is_blank(rest->ptr[end]); end++)
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
	if (text.len == 0 || !is_digit(text.ptr[0]))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (is_digit(c)) {
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
		if (!ret->has_ttl && word.ptr[0] >= '0' && word.ptr[0] <= '9') {
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

/* ---- parts ---- */

#define SHOWN_MAX 96
static const char *shown(struct str text, char buf[SHOWN_MAX])
{
	return str_escape(text, true, buf, SHOWN_MAX);
}

static bool read_address(int family, struct str text, struct buf *ret, struct err *err)
{
	char copy[INET6_ADDRSTRLEN + 1], text_shown[SHOWN_MAX];
	uint8_t bytes[16];
	bool fits = text.len < sizeof(copy);
	if (fits) {
		memcpy(copy, text.ptr, text.len);
		copy[text.len] = '\0';
	}
	if (!fits || inet_pton(family, copy, bytes) != 1)
		return err_set(err, ERR_INPUT, "'%s' is not an %s address", shown(text, text_shown),
			       family == AF_INET ? "IPv4" : "IPv6");
	buf_add(ret, bytes, family == AF_INET ? 4 : 16);
	return true;
}

static bool read_name(struct str text, struct buf *ret, struct err *err)
{
	struct name name = {.len = 1};
	if (!str_eq_c(text, ".") && !name_from_text(text, &name, err))
		return false;
	buf_add(ret, name.wire, name.len);
	return true;
}

static bool read_number(struct str word, const char *what, unsigned max, struct buf *ret, struct err *err)
{
	char text_shown[SHOWN_MAX];
	uint64_t number;
	if (!str_to_u64(word, &number) || number > max)
		return err_set(err, ERR_INPUT, "'%s' is not a %s: a number from 0 to %u", shown(word, text_shown), what, max);
	buf_add_u16(ret, (unsigned)number);
	return true;
}

/* Nothing but blanks may follow. */
static bool read_end(struct str rest, struct err *err)
{
	char text_shown[SHOWN_MAX];
	rest = str_trim(rest);
	return rest.len == 0 || err_set(err, ERR_INPUT, "'%s' is too much here", shown(rest, text_shown));
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
	if (!is_digit(p[1])) {
		*ret_used = 2;
		*ret = (uint8_t)p[1];
		return true;
	}
	if (len < 4 || !is_digit(p[2]) || !is_digit(p[3]))
		return false;
	int value = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
	*ret_used = 4;
	*ret = (uint8_t)value;
	return value <= UINT8_MAX;
}

/* A character-string: between quotes, or up to a blank. Its octets are added to ret; *rest is moved behind it. */
static bool read_string(struct str *rest, struct buf *ret, struct err *err)
{
	bool quoted = rest->len > 0 && rest->ptr[0] == '"';
	size_t at = quoted ? 1 : 0, used;
	uint8_t octet;
	while (at < rest->len && (quoted ? rest->ptr[at] != '"' : !is_blank(rest->ptr[at]))) {
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
	if (at < rest->len && !is_blank(rest->ptr[at]))
		return err_set(err, ERR_INPUT, "a blank is missing behind the closing quote");
	*rest = (struct str){rest->ptr + at, rest->len - at};
	return true;
}

/* ---- TXT ---- */

static void put_strings(struct str octets, struct buf *ret)
{
	size_t at = 0;
	do {
		uint8_t len = (uint8_t)MIN(octets.len - at, (size_t)STRING_MAX);
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
		good = read_string(&rest, &one, err);
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

/* ---- SVCB and HTTPS ---- */

static const char *const svc_keys[] = {"mandatory", "alpn",	"no-default-alpn", "port", "ipv4hint",
				       "ech",	    "ipv6hint", "dohpath",	   "ohttp"};
enum svc_key {
	SVC_MANDATORY,
	SVC_ALPN,
	SVC_NO_DEFAULT_ALPN,
	SVC_PORT,
	SVC_IPV4HINT,
	SVC_ECH,
	SVC_IPV6HINT,
	SVC_DOHPATH,
	SVC_OHTTP
};

struct svc_param {
	unsigned key;
	size_t at, len; /* in the buffer of values */
};

/* A key by its word, or as keyNNN, whose value is octets whatever the key is. */
static bool svc_key_from(struct str word, unsigned *ret, bool *ret_generic)
{
	uint64_t number;
	*ret_generic = false;
	for (unsigned i = 0; i < ARRAY_LEN(svc_keys); i++) {
		if (!str_eq_c(word, svc_keys[i]))
			continue;
		*ret = i;
		return true;
	}
	if (!str_starts(word, "key") || !str_to_u64((struct str){word.ptr + 3, word.len - 3}, &number) || number > SVC_KEY_MAX)
		return false;
	*ret = (unsigned)number;
	*ret_generic = true;
	return true;
}

/* The next of a list parted by commas, of octets already read once; "\," is a comma in it (RFC 9460 appendix A.1). */
static bool next_value(struct str *rest, struct buf *ret)
{
	size_t at = 0;
	if (rest->ptr == NULL)
		return false;
	buf_reset(ret);
	for (; at < rest->len && rest->ptr[at] != ','; at++) {
		if (rest->ptr[at] == '\\' && at + 1 < rest->len)
			at++;
		buf_add(ret, rest->ptr + at, 1);
	}
	*rest = at < rest->len ? (struct str){rest->ptr + at + 1, rest->len - at - 1} : (struct str){NULL, 0};
	return true;
}

/* Keys of `mandatory` ascend (RFC 9460 §8). A handful, sorted as they come. */
static bool put_mandatory(struct str one, size_t from, struct buf *ret)
{
	unsigned key;
	bool generic;
	if (!svc_key_from(one, &key, &generic))
		return false;
	buf_add_u16(ret, key);
	for (size_t at = ret->len - 2; at > from; at -= 2) {
		uint8_t *here = (uint8_t *)ret->ptr + at, *before = here - 2, swap[2];
		if (memcmp(before, here, 2) <= 0)
			break;
		memcpy(swap, here, 2);
		memcpy(here, before, 2);
		memcpy(before, swap, 2);
	}
	return true;
}

static bool put_alpn(struct str one, struct buf *ret)
{
	uint8_t len = (uint8_t)one.len;
	if (one.len == 0 || one.len > STRING_MAX)
		return false;
	buf_add(ret, &len, 1);
	buf_add_str(ret, one);
	return true;
}

static bool put_list(unsigned key, struct str value, struct buf *ret)
{
	struct buf one = {0};
	struct str rest = value;
	size_t from = ret->len;
	bool good = value.len > 0;
	while (good && next_value(&rest, &one)) {
		struct str item = buf_str(&one);
		if (key == SVC_MANDATORY)
			good = put_mandatory(item, from, ret);
		else if (key == SVC_ALPN)
			good = put_alpn(item, ret);
		else
			good = read_address(key == SVC_IPV4HINT ? AF_INET : AF_INET6, item, ret, NULL);
	}
	buf_finish(&one);
	return good;
}

static bool put_port(struct str value, struct buf *ret)
{
	uint64_t number;
	if (!str_to_u64(value, &number) || number > UINT16_MAX)
		return false;
	buf_add_u16(ret, (unsigned)number);
	return true;
}

static bool put_base64(struct str value, struct buf *ret)
{
	size_t padding = 0, at = ret->len;
	while (padding < 2 && padding < value.len && value.ptr[value.len - 1 - padding] == '=')
		padding++;
	size_t size = value.len / 4 * 3 - MIN(padding, value.len / 4 * 3);
	return size > 0 && base64_decode(value, memset(buf_grow(ret, size), 0, size), size) && ret->len == at + size;
}

static bool put_value(unsigned key, struct str value, bool said, struct buf *ret)
{
	switch (key) {
	case SVC_MANDATORY:
	case SVC_ALPN:
	case SVC_IPV4HINT:
	case SVC_IPV6HINT:
		return put_list(key, value, ret);
	case SVC_PORT:
		return put_port(value, ret);
	case SVC_NO_DEFAULT_ALPN:
	case SVC_OHTTP:
		return !said;
	case SVC_ECH:
		return put_base64(value, ret);
	default:
		buf_add_str(ret, value);
		return true;
	}
}

/* "alpn=h2,h3" */
static bool read_param(struct str *rest, struct svc_param *param, struct buf *values, struct err *err)
{
	char text_shown[SHOWN_MAX];
	struct buf value = {0};
	size_t len = 0;
	while (len < rest->len && rest->ptr[len] != '=' && !is_blank(rest->ptr[len]))
		len++;
	struct str word = {rest->ptr, len};
	bool said = len < rest->len && rest->ptr[len] == '=';
	*rest = (struct str){rest->ptr + len + said, rest->len - len - said};
	bool generic;
	if (!svc_key_from(word, &param->key, &generic))
		return err_set(err, ERR_INPUT, "'%s' is not a parameter of SVCB and HTTPS records", shown(word, text_shown));
	bool good = !said || read_string(rest, &value, err);
	param->at = values->len;
	if (good && generic)
		buf_add_str(values, buf_str(&value));
	else if (good && !put_value(param->key, buf_str(&value), said, values))
		good = err_set(err, ERR_INPUT, "the value of '%s' is not one that it takes", shown(word, text_shown));
	param->len = values->len - param->at;
	buf_finish(&value);
	return good;
}

/* Keys ascend, each once. */
static bool place_param(struct svc_param *params, size_t *count, const struct svc_param *param, struct err *err)
{
	size_t at = *count;
	if (at == SVC_PARAMS_MAX)
		return err_set(err, ERR_LIMIT, "a record has at most %d parameters", SVC_PARAMS_MAX);
	for (; at > 0 && params[at - 1].key >= param->key; at--) {
		if (params[at - 1].key == param->key)
			return err_set(err, ERR_INPUT, "a parameter stands there twice");
		params[at] = params[at - 1];
	}
	params[at] = *param;
	++*count;
	return true;
}

static bool read_service(struct str text, struct buf *ret, struct err *err)
{
	struct svc_param params[SVC_PARAMS_MAX + 1];
	size_t count = 0;
	struct buf values = {0};
	struct str rest = text;
	bool good =
	    read_number(rdata_text_word(&rest), "priority", UINT16_MAX, ret, err) && read_name(rdata_text_word(&rest), ret, err);
	for (rest = str_trim(rest); good && rest.len > 0; rest = str_trim(rest)) {
		struct svc_param param;
		good = read_param(&rest, &param, &values, err) && place_param(params, &count, &param, err);
	}
	for (size_t i = 0; good && i < count; i++) {
		buf_add_u16(ret, params[i].key);
		buf_add_u16(ret, (unsigned)params[i].len);
		buf_add(ret, values.ptr == NULL ? "" : values.ptr + params[i].at, params[i].len);
	}
	buf_finish(&values);
	if (good && !svcb_is_sound(rd_init(ret->ptr, ret->len)))
		good = err_set(err, ERR_INPUT, "its parameters contradict each other (RFC 9460 §8)");
	return good;
}

/* ---- the types ---- */

static bool read_srv(struct str text, struct buf *ret, struct err *err)
{
	struct str rest = text;
	return read_number(rdata_text_word(&rest), "priority", UINT16_MAX, ret, err) &&
	       read_number(rdata_text_word(&rest), "weight", UINT16_MAX, ret, err) &&
	       read_number(rdata_text_word(&rest), "port", UINT16_MAX, ret, err) && read_name(rdata_text_word(&rest), ret, err) &&
	       read_end(rest, err);
}

static bool read_mx(struct str text, struct buf *ret, struct err *err)
{
	struct str rest = text;
	return read_number(rdata_text_word(&rest), "preference", UINT16_MAX, ret, err) &&
	       read_name(rdata_text_word(&rest), ret, err) && read_end(rest, err);
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
		return read_address(type == RRTYPE_A ? AF_INET : AF_INET6, text, ret, err);
	case RRTYPE_CNAME:
	case RRTYPE_PTR:
		return read_name(text, ret, err);
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

static void write_name(struct rd *r, struct buf *ret)
{
	char text[NAME_TEXT_MAX];
	struct name name;
	if (name_read_plain(r, &name))
		buf_add_c(ret, name_to_text(&name, text));
}

static void write_string(const uint8_t *octets, size_t len, struct buf *ret)
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

static void write_address(struct rd *r, size_t len, struct buf *ret)
{
	char text[INET6_ADDRSTRLEN];
	const uint8_t *bytes = rd_bytes(r, len);
	if (bytes != NULL && inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)) != NULL)
		buf_add_c(ret, text);
}

static void write_octets(unsigned key, struct rd value, struct buf *ret)
{
	size_t len = rd_left(&value);
	buf_printf(ret, " key%u=", key);
	write_string(rd_bytes(&value, len), len, ret);
}

/* Lists as lists where that is what people read; else the octets, which every key takes. */
static void write_param(unsigned key, struct rd value, struct buf *ret)
{
	const char *comma = "";
	size_t len = rd_left(&value);
	if ((key == SVC_IPV4HINT || key == SVC_IPV6HINT) && len > 0) {
		buf_printf(ret, " %s=", svc_keys[key]);
		for (; rd_left(&value) > 0 && rd_ok(&value); comma = ",") {
			buf_add_c(ret, comma);
			write_address(&value, key == SVC_IPV4HINT ? 4 : 16, ret);
		}
	} else if (key == SVC_PORT) {
		buf_printf(ret, " port=%u", rd_u16(&value));
	} else if (key == SVC_MANDATORY) {
		buf_add_c(ret, " mandatory=");
		for (; rd_left(&value) > 0 && rd_ok(&value); comma = ",")
			buf_printf(ret, "%skey%u", comma, rd_u16(&value));
	} else if (key == SVC_ALPN) {
		struct buf list = {0};
		for (; rd_left(&value) > 0 && rd_ok(&value); comma = ",") {
			uint8_t count = rd_u8(&value);
			const uint8_t *octets = rd_bytes(&value, count);
			buf_add_c(&list, comma);
			for (size_t i = 0; octets != NULL && i < count; i++) {
				if (octets[i] == ',' || octets[i] == '\\')
					buf_add_c(&list, "\\");
				buf_add(&list, octets + i, 1);
			}
		}
		buf_add_c(ret, " alpn=");
		write_string((const uint8_t *)list.ptr, list.len, ret);
		buf_finish(&list);
	} else if (key == SVC_NO_DEFAULT_ALPN || key == SVC_OHTTP) {
		buf_printf(ret, " %s", svc_keys[key]);
	} else {
		write_octets(key, value, ret);
	}
}

static void write_service(struct rd *r, struct buf *ret)
{
	unsigned priority = rd_u16(r);
	buf_printf(ret, "%u ", priority);
	write_name(r, ret);
	while (rd_ok(r) && rd_left(r) > 0) {
		unsigned key = rd_u16(r);
		struct rd value = rd_sub(r, rd_u16(r));
		if (rd_ok(r) && priority == 0) /* nobody has looked into what AliasMode carries */
			write_octets(key, value, ret);
		else if (rd_ok(r))
			write_param(key, value, ret);
	}
}

static void write_txt(struct rd *r, struct buf *ret)
{
	for (const char *blank = ""; rd_ok(r) && rd_left(r) > 0; blank = " ") {
		uint8_t len = rd_u8(r);
		const uint8_t *octets = rd_bytes(r, len);
		buf_add_c(ret, blank);
		if (rd_ok(r))
			write_string(octets, len, ret);
	}
}

void rdata_text_write(uint16_t type, struct str rdata, struct buf *ret)
{
	struct rd r = rd_init(rdata.ptr, rdata.len);
	switch (type) {
	case RRTYPE_A:
	case RRTYPE_AAAA:
		write_address(&r, type == RRTYPE_A ? 4 : 16, ret);
		return;
	case RRTYPE_CNAME:
	case RRTYPE_PTR:
		write_name(&r, ret);
		return;
	case RRTYPE_TXT:
		write_txt(&r, ret);
		return;
	case RRTYPE_SRV:
		buf_printf(ret, "%u ", rd_u16(&r));
		buf_printf(ret, "%u ", rd_u16(&r));
		buf_printf(ret, "%u ", rd_u16(&r));
		write_name(&r, ret);
		return;
	case RRTYPE_MX:
		buf_printf(ret, "%u ", rd_u16(&r));
		write_name(&r, ret);
		return;
	case RRTYPE_SVCB:
	case RRTYPE_HTTPS:
		write_service(&r, ret);
		return;
	default:
		return;
	}
}
