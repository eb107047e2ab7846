/* SPDX-License-Identifier: BSD-2-Clause */
#include "import/import_rpz_zone.h"

#include <string.h>

#include "import/import_rdata.h"
#include "policy/records.h"
#include "wire/rdata_text.h"
#include "wire/rrtype.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void rpz_zone_init(struct rpz_zone *z, struct import *im, struct str text)
{
	*z = (struct rpz_zone){.im = im, .lines = {.rest = text}, .is_plain = true, .owner_is_lost = true};
}

void rpz_zone_finish(struct rpz_zone *z)
{
	buf_finish(&z->flat);
	buf_finish(&z->apex);
	buf_finish(&z->origin);
	buf_finish(&z->owner);
}

/* --- one record, which may be several lines --- */

struct scan {
	unsigned depth; /* of parentheses */
	bool is_bad;	/* a quote without its other, a parenthesis that closes nothing */
};

/* A line's characters to flat (NULL: nowhere), its comment and parentheses as one blank. */
static void scan_line(struct scan *s, struct str line, struct buf *flat)
{
	bool in_quotes = false;
	size_t done = 0, i;
	for (i = 0; i < line.len; i++) {
		char c = line.ptr[i];
		if (c == '\\' && i + 1 < line.len) {
			i++;
		} else if (c == '"') {
			in_quotes = !in_quotes;
		} else if (!in_quotes && c == ';') {
			break;
		} else if (!in_quotes && (c == '(' || c == ')')) {
			s->is_bad = s->is_bad || (c == ')' && s->depth == 0);
			if (c == '(')
				s->depth++;
			else if (s->depth > 0)
				s->depth--;
			if (flat != NULL) {
				buf_add(flat, line.ptr + done, i - done);
				buf_add_c(flat, " ");
			}
			done = i + 1;
		}
	}
	s->is_bad = s->is_bad || in_quotes;
	if (flat != NULL) {
		buf_add(flat, line.ptr + done, i - done);
		buf_add_c(flat, " ");
	}
}

/* How many more lines the record has, to the one that closes its parentheses; false when there is none near. */
static bool group_lines(const struct rpz_zone *z, struct scan s, size_t *ret)
{
	struct str rest = z->lines.rest;
	size_t bytes = 0;
	for (*ret = 0; s.depth > 0 && !s.is_bad; ++*ret) {
		if (rest.ptr == NULL || rest.len == 0 || *ret == RPZ_GROUP_LINES)
			return false;
		struct str line = str_cut(&rest, '\n');
		bytes += line.len;
		if (bytes > RPZ_GROUP_BYTES || memchr(line.ptr, '\0', line.len) != NULL)
			return false;
		scan_line(&s, line, NULL);
	}
	return !s.is_bad;
}

/* The record that begins with this line -> z->flat. */
static bool flatten(struct rpz_zone *z, struct str line)
{
	struct scan s = {0};
	size_t more;
	buf_reset(&z->flat);
	scan_line(&s, line, &z->flat);
	if (s.is_bad)
		return false;
	if (s.depth == 0)
		return true;
	if (!group_lines(z, s, &more))
		return false;
	uint32_t last = z->lines.line + (uint32_t)more;
	while (z->lines.line < last && import_line(z->im, &z->lines, &line))
		scan_line(&s, line, &z->flat);
	return true;
}

/* --- the zone's name --- */

/* a is b, or ends with .b; ASCII letters in any case. *ret_rest: what is before that. */
static bool is_below_or_eq(struct str a, struct str b, struct str *ret_rest)
{
	if (b.len == 0) {
		*ret_rest = a;
		return true;
	}
	if (a.len < b.len || !str_eq_nocase((struct str){a.ptr + a.len - b.len, b.len}, b))
		return false;
	*ret_rest = (struct str){a.ptr, a.len - b.len};
	if (ret_rest->len == 0)
		return true;
	if (a.ptr[ret_rest->len - 1] != '.')
		return false;
	ret_rest->len--;
	return true;
}

static bool has_final_dot(struct str text)
{
	return text.len > 0 && text.ptr[text.len - 1] == '.' && (text.len < 2 || text.ptr[text.len - 2] != '\\');
}

/* A name and the origin -> z->owner. */
static struct str put_together(struct rpz_zone *z, struct str text)
{
	bool is_at = str_eq_c(text, "@");
	buf_reset(&z->owner);
	buf_add_str(&z->owner, is_at ? (struct str){NULL, 0} : text);
	if (!is_at && z->origin.len > 0)
		buf_add_c(&z->owner, ".");
	buf_add_str(&z->owner, buf_str(&z->origin));
	return buf_str(&z->owner);
}

enum rpz_place rpz_zone_place(struct rpz_zone *z, struct str owner, struct str *ret)
{
	struct str full = owner;
	if (has_final_dot(owner)) {
		full.len--;
		if (!z->apex_known) {
			*ret = full;
			return z->has_soa ? RPZ_OUTSIDE : full.len == 0 ? RPZ_APEX : RPZ_INSIDE;
		}
	} else if (str_eq_c(owner, "@") || !z->is_plain) {
		full = put_together(z, owner);
		if (!z->origin_is_absolute) {
			*ret = full;
			return full.len == 0 ? RPZ_APEX : RPZ_INSIDE;
		}
	} else {
		*ret = owner;
		return RPZ_INSIDE;
	}
	if (!is_below_or_eq(full, buf_str(&z->apex), ret))
		return RPZ_OUTSIDE;
	return ret->len == 0 ? RPZ_APEX : RPZ_INSIDE;
}

static void update_plain(struct rpz_zone *z)
{
	if (z->origin_is_absolute)
		z->is_plain = z->apex_known && str_eq_nocase(buf_str(&z->origin), buf_str(&z->apex));
	else
		z->is_plain = z->origin.len == 0;
}

static void set(struct buf *b, struct str text)
{
	buf_reset(b);
	buf_add_str(b, text);
}

void rpz_zone_soa(struct rpz_zone *z, struct str owner)
{
	bool is_first = !z->has_soa, is_absolute = has_final_dot(owner);
	z->has_soa = true;
	if (!is_first || (!is_absolute && !z->origin_is_absolute))
		return;
	if (is_absolute)
		owner.len--;
	set(&z->apex, is_absolute ? owner : put_together(z, owner));
	z->apex_known = true;
	if (!z->origin_is_absolute && z->origin.len == 0) {
		set(&z->origin, buf_str(&z->apex));
		z->origin_is_absolute = true;
	}
	update_plain(z);
}

/* The first one names the zone, until a SOA says better. */
static bool set_origin(struct rpz_zone *z, struct str text)
{
	struct name name;
	if (!rdata_name(text, NULL, &name) && !str_eq_c(text, "@"))
		return false;
	if (has_final_dot(text)) {
		text.len--;
		set(&z->origin, text);
		z->origin_is_absolute = true;
	} else {
		struct str full = put_together(z, text);
		if (full.len > NAME_TEXT_MAX)
			return false;
		set(&z->origin, full);
	}
	if (z->origin_is_absolute && !z->apex_known) {
		set(&z->apex, buf_str(&z->origin));
		z->apex_known = true;
	}
	update_plain(z);
	return true;
}

bool rpz_zone_origin(const struct rpz_zone *z, struct name *ret)
{
	struct str text = buf_str(&z->origin);
	if (!z->origin_is_absolute)
		return false;
	return rdata_name(text.len == 0 ? STR_LIT(".") : text, NULL, ret);
}

/* --- lines to records --- */

static bool read_directive(struct rpz_zone *z, struct str line)
{
	struct str rest = line, word, value;
	if (!flatten(z, line))
		return false;
	rest = buf_str(&z->flat);
	word = rdata_text_word(&rest);
	value = rdata_text_word(&rest);
	if (str_eq_nocase(word, STR_LIT("$ORIGIN")))
		return value.len > 0 && set_origin(z, value);
	if (str_eq_nocase(word, STR_LIT("$TTL"))) {
		if (!rdata_text_ttl(value, &z->ttl_s))
			return false;
		z->has_ttl = true;
		return true;
	}
	import_left_word(z->im, LEFT_OPTION, word, z->lines.line, line); /* $INCLUDE, $GENERATE */
	return true;
}

static void skip_blanks(const char **at, const char *end)
{
	while (*at < end && is_blank(**at))
		++*at;
}

/* What no plain owner has: it ends there, or the line is read slowly. */
static const bool stops[256] = {[' '] = true, ['\t'] = true, [';'] = true, ['"'] = true, ['('] = true, [')'] = true};

/* `name CNAME .` and `name IN CNAME .`: nearly all of what lists have, told without cutting it to pieces. */
static bool read_quick(struct str line, struct rpz_record *ret)
{
	const char *at = line.ptr, *end = line.ptr + line.len;
	while (at < end && !stops[(uint8_t)*at])
		at++;
	ret->owner = (struct str){line.ptr, (size_t)(at - line.ptr)};
	if (at == end || !is_blank(*at))
		return false;
	skip_blanks(&at, end);
	if (end - at > 3 && memcmp(at, "IN", 2) == 0 && is_blank(at[2])) {
		at += 3;
		skip_blanks(&at, end);
	}
	if (end - at < 7 || memcmp(at, "CNAME", 5) != 0 || !is_blank(at[5]))
		return false;
	at += 6;
	skip_blanks(&at, end);
	if (at == end || *at++ != '.')
		return false;
	skip_blanks(&at, end);
	if (at != end)
		return false;
	ret->is_block = true;
	ret->type = RRTYPE_CNAME;
	return true;
}

static bool read_slowly(struct rpz_zone *z, struct str line, struct rpz_record *ret)
{
	struct rdata_text_head head;
	if (!flatten(z, line))
		return false;
	struct str rest = buf_str(&z->flat);
	ret->same_owner = is_blank(rest.ptr[0]);
	if (!ret->same_owner)
		ret->owner = rdata_text_word(&rest);
	if (!rdata_text_head(&rest, &head))
		return false;
	ret->type = head.type;
	ret->other_class = head.other_class;
	ret->ttl_s = head.has_ttl ? head.ttl_s : ret->ttl_s;
	ret->rdata = str_trim(rest);
	ret->is_block = head.type == RRTYPE_CNAME && str_eq_c(ret->rdata, ".");
	return true;
}

bool rpz_zone_next(struct rpz_zone *z, struct rpz_record *ret)
{
	struct str line;
	while (import_line(z->im, &z->lines, &line)) {
		size_t blanks = 0;
		while (blanks < line.len && is_blank(line.ptr[blanks]))
			blanks++;
		if (blanks == line.len || line.ptr[blanks] == ';' || line.ptr[blanks] == '#' || line.ptr[blanks] == '!') {
			import_comment(z->im);
			continue;
		}
		*ret =
		    (struct rpz_record){.line = z->lines.line, .whole = line, .ttl_s = z->has_ttl ? z->ttl_s : RECORDS_TTL_UNSAID};
		if (line.ptr[0] == '$') {
			if (!read_directive(z, line))
				import_left(z->im, LEFT_SYNTAX, ret->line, line);
			continue;
		}
		if ((blanks == 0 && read_quick(line, ret)) || read_slowly(z, line, ret)) {
			if (!ret->same_owner)
				z->owner_is_lost = false;
			ret->is_orphan = z->owner_is_lost;
			return true;
		}
		import_left(z->im, LEFT_SYNTAX, ret->line, line);
		if (blanks == 0)
			z->owner_is_lost = true;
	}
	return false;
}
