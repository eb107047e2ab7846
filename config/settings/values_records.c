/* SPDX-License-Identifier: BSD-2-Clause
 *
 * values_records.c - the part of values.h that knows `records`: each item a mapping, or a line as zone files have it. */
#include "settings/values.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/locals.h"
#include "settings/settings.h"
#include "wire/rdata_text.h"
#include "wire/rrtype.h"

#define PREFIX "records[]."

/* Records being read: grown here, kept in the arena in the end. */
struct reading {
	const struct values *v;
	struct locals_record *items;
	size_t count, cap, max;
	bool good, full;
	struct buf rdata;
};

static void fault(struct reading *r, const struct yaml_node *node, const char *text)
{
	r->good = values_fault(r->v, node, "%s", text);
}

static bool is_wild(const struct name *name)
{
	return name->wire[0] == 1 && name->wire[1] == '*';
}

static bool read_owner(struct reading *r, const struct yaml_node *node, struct str text, struct name *ret)
{
	struct err err = {0};
	if (!name_from_text(text, ret, &err)) {
		fault(r, node, err.text);
		return false;
	}
	if (ret->labels == 0 || (is_wild(ret) && ret->labels == 1)) {
		fault(r, node,
		      ret->labels == 0 ? "the root has no records here" : "a wildcard stands below a name, as in *.lab.example");
		return false;
	}
	return true;
}

static bool read_type(struct reading *r, const struct yaml_node *node, struct str text, uint16_t *ret)
{
	char shown[VALUES_SHOWN_MAX];
	if (rrtype_from_text(text, ret) && rdata_text_known(*ret))
		return true;
	r->good = values_fault(r->v, node, "'%s' is not a type that a record has here: " RDATA_TEXT_TYPES,
			       str_escape(text, true, shown, sizeof(shown)));
	return false;
}

static void keep(struct reading *r, const struct yaml_node *node, const struct name *owner, uint16_t type, uint32_t ttl_s)
{
	struct arena *arena = r->v->arena;
	if (r->count == r->max) {
		if (!r->full)
			r->good = values_fault(r->v, node, "'records' has more than %zu records", r->max);
		r->full = true;
		return;
	}
	if (r->count == r->cap) {
		r->cap = r->cap == 0 ? 64 : r->cap * 2;
		r->items = base_realloc(r->items, r->cap * sizeof(*r->items));
	}
	r->items[r->count++] =
	    (struct locals_record){.name = {arena_strndup(arena, (const char *)owner->wire, owner->len), owner->len},
				   .type = type,
				   .ttl_s = ttl_s,
				   .rdata = {arena_strndup(arena, r->rdata.ptr, r->rdata.len), r->rdata.len},
				   .line = node->line,
				   .column = node->column};
}

/* ---- an item that is a line: nas.home.example 300 IN A 192.168.1.10 ---- */

static void read_line(struct reading *r, const struct yaml_node *node)
{
	struct rdata_text_head head;
	struct str rest = str_trim(node->text);
	struct name owner;
	struct err err = {0};

	if (memchr(rest.ptr, '\n', rest.len) != NULL) {
		fault(r, node, "a record is one line: NAME [TTL] [IN] TYPE DATA");
		return;
	}
	if (!read_owner(r, node, rdata_text_word(&rest), &owner))
		return;
	if (!rdata_text_head(&rest, &head) || !rdata_text_known(head.type))
		fault(r, node, "a record is NAME [TTL] [IN] TYPE DATA, of the types " RDATA_TEXT_TYPES);
	else if (head.other_class)
		fault(r, node, "records here are of class IN");
	else if (!rdata_text_read(head.type, rest, &r->rdata, &err))
		fault(r, node, err.text);
	else
		keep(r, node, &owner, head.type, head.has_ttl ? head.ttl_s : LOCALS_TTL_S);
}

/* ---- an item that is a mapping ---- */

struct item {
	const struct yaml_node *name, *type, *data, *ttl;
};

static void take_member(struct reading *r, struct item *item, const struct yaml_node *member)
{
	const struct {
		const char *key;
		const struct yaml_node **to;
	} keys[] = {{"name", &item->name}, {"type", &item->type}, {"data", &item->data}, {"ttl", &item->ttl}};
	char shown[VALUES_SHOWN_MAX], suggestion[600] = "";

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!str_eq_c(member->key->text, keys[i].key))
			continue;
		if (!member->again)
			*keys[i].to = member;
		return;
	}
	if (!err_list_is_full(r->v->errors))
		schema_suggest(PREFIX, member->key->text, suggestion, sizeof(suggestion));
	r->good = values_fault(r->v, member->key, "unknown key '%s'%s", values_shown(member->key, shown), suggestion);
}

/* A TXT's text is written as it is; only who begins with a quote writes as zone files do. */
static bool read_data(struct reading *r, const struct yaml_node *node, uint16_t type, struct err *err)
{
	if (type == RRTYPE_TXT && node->text.len > 0 && node->text.ptr[0] != '"')
		return rdata_text_read_whole(node->text, &r->rdata, err);
	return rdata_text_read(type, node->text, &r->rdata, err);
}

/* An address says itself what it is. */
static uint16_t type_of_address(struct str text)
{
	uint8_t bytes[16];
	char copy[INET6_ADDRSTRLEN + 1];
	if (text.len >= sizeof(copy))
		return 0;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return inet_pton(AF_INET, copy, bytes) == 1 ? RRTYPE_A : inet_pton(AF_INET6, copy, bytes) == 1 ? RRTYPE_AAAA : 0;
}

static void read_datum(struct reading *r, const struct yaml_node *node, const struct name *owner, uint16_t type, uint32_t ttl_s)
{
	struct err err = {0};
	if (!values_scalar(r->v, "data", node, "text")) {
		r->good = false;
		return;
	}
	if (type == 0 && (type = type_of_address(node->text)) == 0)
		fault(r, node, "this is no address, so that 'type' must say what it is");
	else if (!read_data(r, node, type, &err))
		fault(r, node, err.text);
	else
		keep(r, node, owner, type, ttl_s);
}

static bool read_ttl(struct reading *r, const struct yaml_node *node, uint32_t *ret_s)
{
	char shown[VALUES_SHOWN_MAX];
	if (!values_scalar(r->v, "ttl", node, "a duration such as 5m, or seconds")) {
		r->good = false;
		return false;
	}
	if (rdata_text_ttl(node->text, ret_s))
		return true;
	r->good = values_fault(r->v, node, "'%s' is not a TTL: a duration such as 5m, or seconds", values_shown(node, shown));
	return false;
}

static void read_mapping(struct reading *r, const struct yaml_node *node)
{
	struct item item = {.name = NULL};
	struct name owner;
	uint16_t type = 0;
	uint32_t ttl_s = LOCALS_TTL_S;
	bool good = true;

	for (const struct yaml_node *member = node->first; member != NULL; member = member->next)
		take_member(r, &item, member);
	if (item.name == NULL)
		fault(r, node, "'name' is missing here");
	if (item.data == NULL)
		fault(r, node, "'data' is missing here");
	if (item.name != NULL)
		good = values_scalar(r->v, "name", item.name, "a domain name") ? read_owner(r, item.name, item.name->text, &owner)
									       : (r->good = false);
	if (item.type != NULL)
		good &= values_scalar(r->v, "type", item.type, "a type such as A") ? read_type(r, item.type, item.type->text, &type)
										   : (r->good = false);
	if (item.ttl != NULL)
		good &= read_ttl(r, item.ttl, &ttl_s);
	if (!good || item.name == NULL || item.data == NULL)
		return;
	if (item.data->kind != YAML_SEQUENCE) {
		read_datum(r, item.data, &owner, type, ttl_s);
		return;
	}
	if (item.data->count == 0)
		fault(r, item.data, "'data' is empty");
	for (const struct yaml_node *datum = item.data->first; datum != NULL; datum = datum->next)
		read_datum(r, datum, &owner, type, ttl_s);
}

/* ---- what is wrong with some of them together ---- */

static int compare_names(const struct locals_record *a, const struct locals_record *b)
{
	int order = memcmp(a->name.ptr, b->name.ptr, MIN(a->name.len, b->name.len));
	return order != 0 ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

/* By name, CNAMEs first, then by type and data; equals as they stand in the file, since the pointers are into one array. */
static int compare_records(const void *x, const void *y)
{
	const struct locals_record *a = *(const struct locals_record *const *)x, *b = *(const struct locals_record *const *)y;
	int order = compare_names(a, b);
	if (order != 0)
		return order;
	if (a->type != b->type) {
		if (a->type == RRTYPE_CNAME || b->type == RRTYPE_CNAME)
			return a->type == RRTYPE_CNAME ? -1 : 1;
		return a->type < b->type ? -1 : 1;
	}
	order = memcmp(a->rdata.ptr, b->rdata.ptr, MIN(a->rdata.len, b->rdata.len));
	if (order == 0)
		order = (a->rdata.len > b->rdata.len) - (a->rdata.len < b->rdata.len);
	return order != 0 ? order : (a > b) - (a < b);
}

static void fault_at(struct reading *r, const struct locals_record *record, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void fault_at(struct reading *r, const struct locals_record *record, const char *fmt, ...)
{
	char text[NAME_TEXT_MAX + 256];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_list_add_at(r->v->errors, r->v->shown, record->line, record->column, "%s", text);
	r->good = false;
}

static const char *name_shown(const struct locals_record *record, char buf[NAME_TEXT_MAX])
{
	struct name name;
	must(name_from_wire((const uint8_t *)record->name.ptr, record->name.len, &name));
	return name_to_text(&name, buf);
}

/* Of one name's records, sorted. */
static void check_name(struct reading *r, const struct locals_record *const *records, size_t count)
{
	char text[NAME_TEXT_MAX];
	for (size_t i = 1; i < count; i++) {
		const struct locals_record *here = records[i], *before = records[i - 1];
		if (here->type == before->type && here->rdata.len == before->rdata.len &&
		    memcmp(here->rdata.ptr, before->rdata.ptr, here->rdata.len) == 0)
			fault_at(r, here, "this record of '%s' stands in line %" PRIu32 " already", name_shown(here, text),
				 before->line);
	}
	if (records[0]->type != RRTYPE_CNAME || records[0]->type != records[count - 1]->type) {
		if (records[0]->type == RRTYPE_CNAME)
			fault_at(r, records[0], "a CNAME stands alone, and '%s' has another record in line %" PRIu32,
				 name_shown(records[0], text), records[count - 1]->line);
		return;
	}
	for (size_t i = 1; i < count; i++)
		if (records[i]->rdata.len != records[0]->rdata.len ||
		    memcmp(records[i]->rdata.ptr, records[0]->rdata.ptr, records[0]->rdata.len) != 0)
			fault_at(r, records[i], "a CNAME stands alone, and '%s' has another one in line %" PRIu32,
				 name_shown(records[i], text), records[0]->line);
}

static const struct locals_record *find_cname(const struct locals_record *const *records, size_t count, struct str name)
{
	const struct locals_record wanted = {.name = name};
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_names(records[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && records[low]->type == RRTYPE_CNAME && compare_names(records[low], &wanted) == 0 ? records[low] : NULL;
}

/* By exact names alone, which nothing else can change. Where a chain leads by wildcards, it is the whole table's (locals_circle).
 */
static void check_chain(struct reading *r, const struct locals_record *const *records, size_t count,
			const struct locals_record *cname)
{
	char text[NAME_TEXT_MAX];
	const struct locals_record *at = cname;
	for (unsigned i = 0; i < LOCALS_CHAIN_MAX; i++) {
		at = find_cname(records, count, at->rdata);
		if (at == NULL)
			return;
		if (at == cname) {
			fault_at(r, cname, "the CNAME of '%s' leads back to itself, by line %" PRIu32, name_shown(cname, text),
				 find_cname(records, count, cname->rdata)->line);
			return;
		}
	}
	fault_at(r, cname, "the CNAME of '%s' begins a chain of more than %d", name_shown(cname, text), LOCALS_CHAIN_MAX);
}

static void check_together(struct reading *r)
{
	const struct locals_record **sorted = base_alloc((r->count + 1) * sizeof(*sorted));
	for (size_t i = 0; i < r->count; i++)
		sorted[i] = &r->items[i];
	if (r->count > 1)
		qsort(sorted, r->count, sizeof(*sorted), compare_records);
	for (size_t from = 0, to; from < r->count; from = to) {
		for (to = from + 1; to < r->count && compare_names(sorted[from], sorted[to]) == 0;)
			to++;
		check_name(r, sorted + from, to - from);
	}
	for (size_t i = 0; i < r->count; i++)
		if (sorted[i]->type == RRTYPE_CNAME)
			check_chain(r, sorted, r->count, sorted[i]);
	free(sorted);
}

bool values_bind_records(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			 void *object)
{
	struct reading r = {.v = v, .max = (size_t)row->max, .good = true};
	if (yaml_is_null(node)) /* all of it is commented out */
		return true;
	if (!values_kind(v, key, node, YAML_SEQUENCE, "a list of records"))
		return false;
	for (const struct yaml_node *item = node->first; item != NULL && !r.full; item = item->next) {
		if (item->kind == YAML_MAPPING)
			read_mapping(&r, item);
		else if (values_scalar(v, key, item, "mappings or lines such as 'nas.home.example A 192.168.1.10'"))
			read_line(&r, item);
		else
			r.good = false;
	}
	check_together(&r);
	struct locals_record *kept = arena_alloc(v->arena, (r.count + 1) * sizeof(*kept));
	if (r.count > 0)
		memcpy(kept, r.items, r.count * sizeof(*kept));
	const void *pointer = kept;
	values_store(object, row->at, &pointer, sizeof(pointer));
	values_store(object, row->at_more, &r.count, sizeof(r.count));
	free(r.items);
	buf_finish(&r.rdata);
	return r.good;
}
