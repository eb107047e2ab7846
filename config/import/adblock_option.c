/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/adblock_option.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "import/import_rdata.h"
#include "policy/cond.h"
#include "wire/name.h"
#include "wire/rrtype.h"

#define MAPPED_BITS 96 /* of a v4 address written as a v6 one */
#define STRING_MAX 255 /* a character-string of TXT */

/* --- conditions --- */

struct parts {
	size_t type_count[2], client_count[2], name_count; /* [1]: with `~` */
	struct name *names;				   /* owned */
	uint16_t types[2][COND_TYPES_MAX];
	struct prefix clients[2][COND_CLIENTS_MAX];
};

static bool is_negated(struct str *part)
{
	if (part->len == 0 || part->ptr[0] != '~')
		return false;
	*part = (struct str){part->ptr + 1, part->len - 1};
	return true;
}

static bool read_types(struct str value, struct parts *ret)
{
	struct str part;
	while (adblock_part(&value, '|', &part)) {
		bool negated = is_negated(&part);
		size_t *count = &ret->type_count[negated];
		if (*count == COND_TYPES_MAX || !rrtype_from_text(part, &ret->types[negated][*count]))
			return false;
		(*count)++;
	}
	return true;
}

static struct str unquote(struct str text)
{
	bool quoted = text.len >= 2 && (text.ptr[0] == '\'' || text.ptr[0] == '"') && text.ptr[0] == text.ptr[text.len - 1];
	return quoted ? (struct str){text.ptr + 1, text.len - 2} : text;
}

/* An address, or a network; what it has beyond its prefix is of no matter here, other than where prefixes are settings. */
static bool read_client(struct str text, struct prefix *ret)
{
	struct str length = text, host = str_cut(&length, '/');
	uint64_t bits = 0;
	if (!prefix_from_text(host, ret))
		return false;
	if (length.ptr == NULL)
		return true;
	bool mapped = ret->family == AF_INET && memchr(host.ptr, ':', host.len) != NULL;
	if (length.len > 3 || !str_to_u64(length, &bits) || (mapped && bits < MAPPED_BITS))
		return false;
	if (mapped)
		bits -= MAPPED_BITS;
	if (bits > ret->bits)
		return false;
	addr_bits_clear(ret->bytes, (unsigned)bits, ret->bits);
	ret->bits = (uint8_t)bits;
	return true;
}

static bool read_clients(struct str value, struct parts *ret)
{
	struct str part;
	while (adblock_part(&value, '|', &part)) {
		bool negated = is_negated(&part);
		size_t *count = &ret->client_count[negated];
		if (*count == COND_CLIENTS_MAX || !read_client(unquote(part), &ret->clients[negated][*count]))
			return false;
		(*count)++;
	}
	return true;
}

static bool read_names(struct str value, struct parts *ret)
{
	struct str part;
	size_t most = 1;
	for (size_t i = 0; i < value.len; i++)
		most += value.ptr[i] == '|';
	if (most > COND_NAMES_MAX)
		return false;
	ret->names = base_alloc(most * sizeof(ret->names[0]));
	while (adblock_part(&value, '|', &part)) {
		bool plain = part.len > 0 && part.ptr[0] != '~' && memchr(part.ptr, '*', part.len) == NULL;
		if (!plain || !name_from_text(part, &ret->names[ret->name_count], NULL))
			return false;
		ret->name_count++;
	}
	return true;
}

static bool compose(const struct parts *parts, struct buf *ret)
{
	const struct cond cond = {
	    .types = parts->types[0],
	    .not_types = parts->types[1],
	    .type_count = parts->type_count[0],
	    .not_type_count = parts->type_count[1],
	    .clients = parts->clients[0],
	    .not_clients = parts->clients[1],
	    .client_count = parts->client_count[0],
	    .not_client_count = parts->client_count[1],
	    .deny_allow = parts->names,
	    .deny_allow_count = parts->name_count,
	};
	return cond_compose(&cond, ret);
}

bool adblock_cond(const struct adblock_rule *rule, struct buf *ret, enum left_reason *ret_why, const char **ret_word)
{
	buf_reset(ret);
	if (rule->dnstype.ptr == NULL && rule->client.ptr == NULL && rule->denyallow.ptr == NULL)
		return true;
	struct parts parts; /* big: only what is counted is ever read */
	memset(&parts, 0, offsetof(struct parts, types));
	*ret_why = LEFT_MODIFIER;
	*ret_word = NULL;
	if (rule->dnstype.ptr != NULL && !read_types(rule->dnstype, &parts)) {
		*ret_word = "dnstype";
	} else if (rule->denyallow.ptr != NULL && !read_names(rule->denyallow, &parts)) {
		*ret_word = "denyallow";
	} else if (rule->client.ptr != NULL && !read_clients(rule->client, &parts)) {
		*ret_word = "client";
		*ret_why = LEFT_CLIENT;
	}
	if (*ret_word == NULL)
		must(compose(&parts, ret)); /* the limits are those of the arrays */
	free(parts.names);
	return *ret_word == NULL;
}

/* --- $dnsrewrite --- */

/* Codes that have a word, by number. */
static const char *const rcode_words[] = {
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
};

static bool read_rcode(struct str word, uint16_t *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(rcode_words); i++) {
		if (str_eq_nocase(word, str_from(rcode_words[i]))) {
			*ret = (uint16_t)i;
			return true;
		}
	}
	return false;
}

static void set_rcode(uint16_t rcode, struct adblock_rewrite *ret)
{
	ret->answer = ANSWER_LOCAL;
	if (rcode == RCODE_NOERROR)
		ret->answer = ANSWER_NODATA;
	else if (rcode == RCODE_NXDOMAIN)
		ret->answer = ANSWER_NXDOMAIN;
	else if (rcode == RCODE_REFUSED)
		ret->answer = ANSWER_REFUSED;
	else
		ret->rcode = rcode;
}

static bool is_upper(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < 'A' || text.ptr[i] > 'Z')
			return false;
	}
	return text.len > 0;
}

/* One text, whatever is in it, in as many character-strings as it takes. */
static void set_text(struct str text, struct adblock_rewrite *ret)
{
	do {
		uint8_t len = (uint8_t)MIN(text.len, (size_t)STRING_MAX);
		buf_add(&ret->rdata, &len, 1);
		buf_add(&ret->rdata, text.ptr, len);
		text = (struct str){text.ptr + len, text.len - len};
	} while (text.len > 0);
}

static bool is_host(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (uint8_t)c >= 0x80;
		if (!letter && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static bool set_record(uint16_t type, struct str text, struct adblock_rewrite *ret)
{
	ret->answer = ANSWER_LOCAL;
	ret->type = type;
	switch (type) {
	case RRTYPE_TXT:
		set_text(text, ret);
		return true;
	case RRTYPE_CNAME:
		return is_host(text) && rdata_read(type, text, NULL, &ret->rdata);
	case RRTYPE_A:
	case RRTYPE_AAAA:
	case RRTYPE_MX:
	case RRTYPE_PTR:
	case RRTYPE_SRV:
	case RRTYPE_HTTPS:
	case RRTYPE_SVCB:
		return rdata_read(type, text, NULL, &ret->rdata);
	}
	return false;
}

static bool read_short(struct str text, struct adblock_rewrite *ret)
{
	uint16_t rcode = RCODE_NOERROR;
	if (text.len == 0) {
		set_rcode(RCODE_NOERROR, ret);
		return true;
	}
	if (is_upper(text)) {
		bool known = read_rcode(text, &rcode) && (rcode == RCODE_NOERROR || rcode == RCODE_SERVFAIL ||
							  rcode == RCODE_NXDOMAIN || rcode == RCODE_REFUSED);
		set_rcode(rcode, ret);
		return known;
	}
	return set_record(RRTYPE_A, text, ret) || set_record(RRTYPE_AAAA, text, ret) || set_record(RRTYPE_CNAME, text, ret);
}

static bool read_whole(struct str text, struct adblock_rewrite *ret)
{
	uint16_t rcode = RCODE_NOERROR, type = 0;
	if (text.len == 0 || memchr(text.ptr, ';', text.len) == NULL)
		return read_short(text, ret);
	struct str rest = text, code = str_cut(&rest, ';'), word = str_cut(&rest, ';');
	if (rest.ptr == NULL || !read_rcode(code, &rcode))
		return false;
	if (rcode != RCODE_NOERROR || (word.len == 0 && rest.len == 0)) {
		set_rcode(rcode, ret);
		return true;
	}
	return rrtype_from_text(word, &type) && set_record(type, rest, ret);
}

bool adblock_rewrite(struct str value, struct adblock_rewrite *ret)
{
	struct buf text = {0};
	buf_reset(&ret->rdata);
	ret->rcode = ret->type = 0;
	adblock_unescape(value, &text);
	bool good = read_whole(buf_str(&text), ret);
	buf_finish(&text);
	return good;
}

void adblock_rewrite_finish(struct adblock_rewrite *rewrite)
{
	buf_finish(&rewrite->rdata);
}

bool adblock_rewrite_alone(const struct adblock_rewrite *rewrite)
{
	return rewrite->answer == ANSWER_LOCAL ? rewrite->rcode != RCODE_NOERROR || rewrite->type == RRTYPE_CNAME
					       : rewrite->answer != ANSWER_NODATA;
}

bool adblock_rewrite_eq(const struct adblock_rewrite *a, const struct adblock_rewrite *b)
{
	return a->answer == b->answer && a->rcode == b->rcode && a->type == b->type &&
	       str_eq(buf_str(&a->rdata), buf_str(&b->rdata));
}
