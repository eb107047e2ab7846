/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dnsmasq.conf (dnsmasq(8)):
 *
 *      address=/a.example/b.example/#      also with nothing, 0.0.0.0, ::, 127.0.0.1, ::1: a block of the name and all below it,
 * with the list's answer address=/a.example/192.0.2.1        local data for the same server=/a.example/, local=/a.example/    a
 * block server=/a.example/192.0.2.1, .../#  a forward: never a block bogus-nxdomain=192.0.2.0/24         NXDOMAIN in place of
 * answers with such an address
 *
 * Among the names `.a.example` is `a.example`; `*.a.example` is what is below it, `*a.example` any name that ends so (since 2.86).
 *
 * Addresses of one name may stand in several lines, and `address=/x/192.0.2.1` with `address=/x/::` is a common pair ("this, and no
 * IPv6"): so the names that have local data are looked for first. */
#include "import/import_owner.h"
#include "import/import_rdata.h"
#include "import/segment_build.h"

#include <string.h>

#include "policy/records.h"
#include "wire/rrtype.h"

struct dnsmasq {
	struct import *im;
	struct local_table local;
	struct owner owner;
	struct buf rdata;
	bool is_search; /* the first of two passes: only local data's names are noted, and nothing else is done */
};

/* What an address= has behind the last slash. */
enum target { TARGET_NOWHERE, TARGET_ADDRESS, TARGET_BAD };

static enum target target_of(struct str text, struct buf *rdata, uint16_t *ret_type)
{
	if (text.len == 0 || str_eq_c(text, "#") || str_eq_c(text, "0.0.0.0"))
		return TARGET_NOWHERE;
	*ret_type = memchr(text.ptr, ':', text.len) != NULL ? RRTYPE_AAAA : RRTYPE_A;
	if (!rdata_read(*ret_type, text, NULL, rdata))
		return TARGET_BAD;
	return rdata_is_nowhere(*ret_type, buf_str(rdata)) ? TARGET_NOWHERE : TARGET_ADDRESS;
}

/* One name between slashes. dnsmasq takes `.x` for `x`; `#` is every name and nothing at all every one without a dot. */
static bool read_owner(struct dnsmasq *d, struct str name, uint32_t line)
{
	if (name.len == 0 || str_eq_c(name, "#")) {
		import_left(d->im, LEFT_PATTERN, line, name);
		return false;
	}
	if (name.len > 1 && name.ptr[0] == '.' && name.ptr[1] != '.') {
		struct str rest = {name.ptr + 1, name.len - 1};
		if (!owner_read(d->im, rest, true, line, &d->owner))
			return false;
		import_changed(d->im, CHANGE_LEADING_DOT, line, name);
		return true;
	}
	return owner_read(d->im, name, true, line, &d->owner);
}

static void take_block(struct dnsmasq *d)
{
	/* a name that has addresses has none of the other family: that is what its local data says already */
	struct local_owner *local = local_find(&d->local, &d->owner.rule);
	if (local == NULL)
		import_take(d->im, &d->owner.rule);
}

static void take_address(struct dnsmasq *d, uint16_t type, uint32_t line, struct str what)
{
	struct local_owner *local = local_add(&d->local, &d->owner.rule);
	const struct record record = {.type = type, .ttl_s = RECORDS_TTL_UNSAID, .rdata = buf_str(&d->rdata)};
	if (!d->is_search && !records_add(&local->records, &record))
		import_left(d->im, LEFT_RECORD, line, what);
}

/* value: "/name/name/target" */
static void read_domains(struct dnsmasq *d, bool is_address, struct str value, uint32_t line, struct str whole)
{
	const char *last = memrchr(value.ptr, '/', value.len);
	if (last == value.ptr) {
		import_left(d->im, LEFT_SYNTAX, line, whole);
		return;
	}
	struct str target = {last + 1, (size_t)(value.ptr + value.len - last - 1)};
	struct str names = {value.ptr + 1, (size_t)(last - value.ptr - 1)};
	uint16_t type = 0;
	enum target meant = is_address ? target_of(target, &d->rdata, &type) : TARGET_NOWHERE;
	if (!is_address && target.len > 0) {
		import_left(d->im, LEFT_FORWARD, line, whole);
		return;
	}
	if (meant == TARGET_BAD) {
		import_left(d->im, LEFT_SYNTAX, line, whole);
		return;
	}
	if (d->is_search && meant != TARGET_ADDRESS)
		return;
	while (names.ptr != NULL) {
		struct str name = str_cut(&names, '/');
		if (!read_owner(d, name, line))
			continue;
		if (meant == TARGET_NOWHERE || d->owner.rule.action == ACTION_ALLOW)
			take_block(d);
		else
			take_address(d, type, line, whole);
	}
}

/* "192.0.2.1", "192.0.2.0/24", "2001:db8::/32"; bits behind the length are cut, as dnsmasq does. */
static bool read_prefix(struct str text, struct buf *scratch, struct prefix *ret)
{
	struct str bits = text, address = str_cut(&bits, '/');
	uint16_t type = memchr(text.ptr, ':', text.len) != NULL ? RRTYPE_AAAA : RRTYPE_A;
	uint64_t count = type == RRTYPE_A ? 32 : 128, most = count;
	if (!rdata_read(type, address, NULL, scratch) || (bits.ptr != NULL && !str_to_u64(bits, &count)) || count > most)
		return false;
	*ret = (struct prefix){.family = type == RRTYPE_A ? AF_INET : AF_INET6, .bits = (uint8_t)count};
	memcpy(ret->bytes, scratch->ptr, scratch->len);
	addr_bits_clear(ret->bytes, (unsigned)count, (unsigned)most);
	return true;
}

static void read_bogus(struct dnsmasq *d, struct str value, uint32_t line, struct str whole)
{
	struct import_rule rule = {
	    .match = MATCH_ADDRESS, .has_match = true, .action = import_action(d->im), .line = line, .answer = ANSWER_NXDOMAIN};
	rule.has_answer = rule.action == ACTION_BLOCK;
	if (value.len == 0 || !read_prefix(value, &d->rdata, &rule.prefix))
		import_left(d->im, LEFT_SYNTAX, line, whole);
	else
		import_take(d->im, &rule);
}

static bool is_option(struct str word)
{
	if (word.len == 0 || word.ptr[0] < 'a' || word.ptr[0] > 'z')
		return false;
	for (size_t i = 0; i < word.len; i++) {
		char c = word.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

/* A `#` after a blank begins a comment; the `#` of address=/x/# does not. */
static struct str cut_comment(struct import *im, struct str line, uint32_t number)
{
	for (size_t i = 1; i < line.len; i++) {
		const char *hash = memchr(line.ptr + i, '#', line.len - i);
		if (hash == NULL)
			break;
		i = (size_t)(hash - line.ptr);
		if (hash[-1] == ' ' || hash[-1] == '\t') {
			import_changed(im, CHANGE_INLINE_COMMENT, number, line);
			return str_trim((struct str){line.ptr, i});
		}
	}
	return line;
}

static void read_line(struct dnsmasq *d, struct str line, uint32_t number)
{
	line = str_trim(line);
	if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == '!' || line.ptr[0] == ';') {
		import_comment(d->im);
		return;
	}
	line = cut_comment(d->im, line, number);
	struct str value = line, key = str_trim(str_cut(&value, '='));
	bool is_address = str_eq_c(key, "address");
	value = value.ptr == NULL ? STR_LIT("") : str_trim(value);
	if (is_address || str_eq_c(key, "server") || str_eq_c(key, "local")) {
		if (value.len > 0 && value.ptr[0] == '/')
			read_domains(d, is_address, value, number, line);
		else
			import_left(d->im, is_address || value.len == 0 ? LEFT_SYNTAX : LEFT_FORWARD, number, line);
	} else if (d->is_search) {
		return;
	} else if (str_eq_c(key, "bogus-nxdomain")) {
		read_bogus(d, value, number, line);
	} else if (str_eq_c(key, "rev-server")) {
		import_left(d->im, LEFT_FORWARD, number, line);
	} else if (is_option(key)) {
		import_left_word(d->im, LEFT_OPTION, key, number, line);
	} else {
		import_left(d->im, LEFT_SYNTAX, number, line);
	}
}

static void read_all(struct dnsmasq *d, struct str text)
{
	struct import_lines lines = {.rest = text};
	struct str line;
	while (import_line(d->im, &lines, &line))
		read_line(d, line, lines.line);
}

/* The first pass, into a segment nobody sees. Most lists need none of it: it is cheap to see that there is no `address=` with an
 * address. */
static void search(struct dnsmasq *d, struct str text)
{
	struct import *im = d->im, scratch;
	import_begin(&scratch, &im->settings, FORMAT_DNSMASQ);
	scratch.has_nul = im->has_nul;
	d->im = &scratch;
	d->is_search = true;
	read_all(d, text);
	d->is_search = false;
	d->im = im;
	segment_destroy(import_end(&scratch));
}

void import_dnsmasq(struct import *im, struct str text)
{
	struct dnsmasq d = {.im = im};
	local_init(&d.local);
	search(&d, text);
	read_all(&d, text);
	for (size_t i = 0; i < local_count(&d.local); i++) {
		local_rule(&d.local, i, &d.owner);
		d.owner.rule.has_answer = true;
		d.owner.rule.answer = ANSWER_LOCAL;
		d.owner.rule.records = buf_str(&d.local.owners[i].records);
		if (d.owner.rule.records.len > 0)
			import_take(im, &d.owner.rule);
	}
	buf_finish(&d.rdata);
	local_finish(&d.local);
}
