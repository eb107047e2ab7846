/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/svcb_text.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/base64.h"
#include "wire/rdata_part.h"

#define SVC_PARAMS_MAX 32 /* of one record; seven are defined */
#define SVC_KEY_MAX 65534 /* 65535 is no key */

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
	if (one.len == 0 || one.len > RDATA_PART_STRING_MAX)
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
			good = rdata_part_read_address(key == SVC_IPV4HINT ? AF_INET : AF_INET6, item, ret, NULL);
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
	char shown[RDATA_PART_SHOWN_MAX];
	struct buf value = {0};
	size_t len = 0;
	while (len < rest->len && rest->ptr[len] != '=' && !rdata_part_is_blank(rest->ptr[len]))
		len++;
	struct str word = {rest->ptr, len};
	bool said = len < rest->len && rest->ptr[len] == '=';
	*rest = (struct str){rest->ptr + len + said, rest->len - len - said};
	bool generic;
	if (!svc_key_from(word, &param->key, &generic))
		return err_set(err, ERR_INPUT, "'%s' is not a parameter of SVCB and HTTPS records",
			       str_escape(word, true, shown, sizeof(shown)));
	bool good = !said || rdata_part_read_string(rest, &value, err);
	param->at = values->len;
	if (good && generic)
		buf_add_str(values, buf_str(&value));
	else if (good && !put_value(param->key, buf_str(&value), said, values))
		good = err_set(err, ERR_INPUT, "the value of '%s' is not one that it takes",
			       str_escape(word, true, shown, sizeof(shown)));
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

bool svcb_text_read(struct str text, struct buf *ret, struct err *err)
{
	struct svc_param params[SVC_PARAMS_MAX + 1];
	size_t count = 0;
	struct buf values = {0};
	bool good = true;
	for (struct str rest = str_trim(text); good && rest.len > 0; rest = str_trim(rest)) {
		struct svc_param param;
		good = read_param(&rest, &param, &values, err) && place_param(params, &count, &param, err);
	}
	for (size_t i = 0; good && i < count; i++) {
		buf_add_u16(ret, params[i].key);
		buf_add_u16(ret, (unsigned)params[i].len);
		buf_add(ret, values.ptr == NULL ? "" : values.ptr + params[i].at, params[i].len);
	}
	buf_finish(&values);
	return good;
}

/* ---- back to text ---- */

static void write_octets(unsigned key, struct rd value, struct buf *ret)
{
	size_t len = rd_left(&value);
	buf_printf(ret, " key%u=", key);
	rdata_part_write_string(rd_bytes(&value, len), len, ret);
}

static void write_hints(unsigned key, struct rd value, struct buf *ret)
{
	buf_printf(ret, " %s=", svc_keys[key]);
	for (const char *comma = ""; rd_left(&value) > 0 && rd_ok(&value); comma = ",") {
		buf_add_c(ret, comma);
		rdata_part_write_address(&value, key == SVC_IPV4HINT ? 4 : 16, ret);
	}
}

static void write_mandatory(struct rd value, struct buf *ret)
{
	buf_add_c(ret, " mandatory=");
	for (const char *comma = ""; rd_left(&value) > 0 && rd_ok(&value); comma = ",")
		buf_printf(ret, "%skey%u", comma, rd_u16(&value));
}

static void write_alpn(struct rd value, struct buf *ret)
{
	struct buf list = {0};
	for (const char *comma = ""; rd_left(&value) > 0 && rd_ok(&value); comma = ",") {
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
	rdata_part_write_string((const uint8_t *)list.ptr, list.len, ret);
	buf_finish(&list);
}

/* Lists as lists where that is what people read; else the octets, which every key takes. */
static void write_param(unsigned key, struct rd value, struct buf *ret)
{
	if ((key == SVC_IPV4HINT || key == SVC_IPV6HINT) && rd_left(&value) > 0)
		write_hints(key, value, ret);
	else if (key == SVC_PORT)
		buf_printf(ret, " port=%u", rd_u16(&value));
	else if (key == SVC_MANDATORY)
		write_mandatory(value, ret);
	else if (key == SVC_ALPN)
		write_alpn(value, ret);
	else if (key == SVC_NO_DEFAULT_ALPN || key == SVC_OHTTP)
		buf_printf(ret, " %s", svc_keys[key]);
	else
		write_octets(key, value, ret);
}

void svcb_text_write(struct rd *r, bool is_alias, struct buf *ret)
{
	while (rd_ok(r) && rd_left(r) > 0) {
		unsigned key = rd_u16(r);
		struct rd value = rd_sub(r, rd_u16(r));
		if (rd_ok(r) && is_alias)
			write_octets(key, value, ret);
		else if (rd_ok(r))
			write_param(key, value, ret);
	}
}
