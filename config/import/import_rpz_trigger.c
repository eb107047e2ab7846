/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/import_rpz_trigger.h"

#include <string.h>

#define WORDS_MAX 9 /* of an address: the prefix length and eight groups */

/* A number without leading zeros. */
static bool read_number(struct str text, unsigned base, unsigned most, unsigned *ret)
{
	unsigned value = 0;
	if (text.len == 0 || text.len > 4 || (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned c = (unsigned char)text.ptr[i], lower = c | 0x20, digit = base;
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (lower >= 'a' && lower <= 'f')
			digit = lower - 'a' + 10;
		if (digit >= base)
			return false;
		value = value * base + digit;
	}
	*ret = value;
	return value <= most;
}

/* words[1..]: octets or groups, the last one first. */
static bool read_v4(const struct str *words, struct prefix *p)
{
	for (size_t i = 0; i < 4; i++) {
		unsigned octet;
		if (!read_number(words[4 - i], 10, 255, &octet))
			return false;
		p->bytes[i] = (uint8_t)octet;
	}
	return addr_bits_are_zero(p->bytes, p->bits, 32);
}

static bool read_v6(const struct str *words, size_t count, struct prefix *p)
{
	size_t group = 8;
	bool had_zz = false;
	for (size_t i = 1; i < count; i++) {
		unsigned value;
		if (str_eq_nocase(words[i], STR_LIT("zz"))) {
			size_t others = count - 2;
			if (had_zz || others >= 8)
				return false;
			had_zz = true;
			group -= 8 - others; /* zeroes they are */
			continue;
		}
		if (group == 0 || !read_number(words[i], 16, 0xffff, &value))
			return false;
		group--;
		p->bytes[2 * group] = (uint8_t)(value >> 8);
		p->bytes[2 * group + 1] = (uint8_t)value;
	}
	return group == 0 && addr_bits_are_zero(p->bytes, p->bits, 128);
}

bool rpz_trigger_prefix(struct str text, struct prefix *ret)
{
	struct str words[WORDS_MAX + 1];
	struct prefix p = {0};
	size_t count = 0;
	unsigned bits;
	while (text.ptr != NULL && count < ARRAY_LEN(words))
		words[count++] = str_cut(&text, '.');
	if (count < 2 || count > WORDS_MAX || !read_number(words[0], 10, 128, &bits) || bits == 0)
		return false;
	p.bits = (uint8_t)bits;
	bool has_zz = false;
	for (size_t i = 1; i < count; i++)
		has_zz = has_zz || str_eq_nocase(words[i], STR_LIT("zz"));
	p.family = count == 5 && !has_zz ? AF_INET : AF_INET6;
	if (p.family == AF_INET ? bits > 32 || !read_v4(words, &p) : !read_v6(words, count, &p))
		return false;
	*ret = p;
	return true;
}

/* Names with escapes are no list's own, but an export's, or hand-made. */
static bool read_escaped(struct import *im, struct str owner, uint32_t line, struct owner *ret)
{
	bool below = owner.len > 2 && str_starts(owner, "*.");
	struct str name = below ? (struct str){owner.ptr + 2, owner.len - 2} : owner;
	if (!name_from_text(name, &ret->name, NULL)) {
		import_left(im, LEFT_BAD_NAME, line, owner);
		return false;
	}
	ret->rule = (struct import_rule){.has_match = true, .action = import_action(im), .line = line, .name = &ret->name};
	ret->rule.match = below ? MATCH_SUBDOMAINS : MATCH_EXACT;
	return true;
}

static bool read_special(struct import *im, struct str owner, struct str trigger, uint32_t line, struct owner *ret)
{
	bool is_client = str_eq_nocase(trigger, STR_LIT("rpz-client-ip"));
	struct str before = {owner.ptr, owner.len - trigger.len};
	if (!is_client && !str_eq_nocase(trigger, STR_LIT("rpz-ip"))) {
		import_left_word(im, LEFT_NOT_APPLICABLE, trigger, line, owner);
		return false;
	}
	ret->rule = (struct import_rule){.has_match = true, .action = import_action(im), .line = line};
	ret->rule.match = is_client ? MATCH_CLIENT : MATCH_ADDRESS;
	if (before.len > 0)
		before.len--;
	if (before.len > 0 && rpz_trigger_prefix(before, &ret->rule.prefix))
		return true;
	import_left(im, LEFT_BAD_NAME, line, owner);
	return false;
}

bool rpz_trigger_read(struct import *im, struct str owner, uint32_t line, struct owner *ret)
{
	const char *dot = owner.len == 0 ? NULL : memrchr(owner.ptr, '.', owner.len);
	struct str last = owner;
	if (dot != NULL)
		last = (struct str){dot + 1, (size_t)(owner.ptr + owner.len - dot - 1)};
	if (UNLIKELY(last.len > 4 && (last.ptr[0] | 0x20) == 'r' && str_eq_nocase((struct str){last.ptr, 4}, STR_LIT("rpz-"))))
		return read_special(im, owner, last, line, ret);
	if (UNLIKELY(owner.len > 0 && memchr(owner.ptr, '\\', owner.len) != NULL))
		return read_escaped(im, owner, line, ret);
	if (UNLIKELY(str_eq_c(owner, "*"))) {
		/* the zone's own wildcard: every name there is */
		must(name_from_text(STR_LIT("."), &ret->name, NULL));
		ret->rule = (struct import_rule){
		    .match = MATCH_SUBDOMAINS, .has_match = true, .action = import_action(im), .line = line, .name = &ret->name};
		return true;
	}
	return owner_read(im, owner, false, line, ret);
}
