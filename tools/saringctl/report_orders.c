/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/report_orders.h"

#include "audit/line.h"
#include "base/buf.h"
#include "compile/compile.h"
#include "ctl/proto.h"
#include "list/lifts.h"
#include "list/list.h"

#include <stdlib.h>
#include <string.h>

/* One list being gone through. */
struct gathering {
	const struct settings_list *settings;
	const struct segment *segment;
	const json_t *hits; /* of this list, by "entry\nmatch"; NULL: not counted, or none */
	bool counted;	    /* hits are known */
	int64_t now_s;
	json_t *orders, *places; /* of all lists; the place in orders of each order's key */
	int64_t *left_out;
	size_t *order_of; /* owned: of each class; SIZE_MAX: left out */
	json_t *lifted;	  /* owned: names that are lifted beside the list (lifts.h), and stand in it */
};

static void add_count(json_t *object, const char *key, json_int_t more)
{
	field_put(object, key, json_integer(json_integer_value(json_object_get(object, key)) + more));
}

static const char *state_of(const struct gathering *g, const struct segment_class *class, const struct provenance *p)
{
	if (p->lifted != NULL && p->lifted_s <= g->now_s)
		return "lifted";
	if (p->expires != NULL && p->expires_s <= g->now_s)
		return "expired";
	if (g->settings->mode != MODE_ENFORCE)
		return mode_words[g->settings->mode];
	return class->shadow ? mode_words[MODE_SHADOW] : "in force";
}

static json_t *order_json(const struct gathering *g, const struct segment_class *class, const struct provenance *p)
{
	json_t *order = json_object(), *contact = json_array();
	const enum action action = class->has_action ? class->action : compile_list_action(g->segment, g->settings);
	must(order != NULL && contact != NULL);
	for (size_t i = 0; i < p->contact_count; i++)
		must(json_array_append_new(contact, ctl_text(str_from(p->contact[i]))) == 0);
	field_put_text(order, "list", g->settings->name);
	field_put_text(order, "title", segment_title(g->segment));
	field_put_text(order, "action", action_words[action]);
	field_put_text(order, "mode",
		       mode_words[class->shadow && g->settings->mode == MODE_ENFORCE ? MODE_SHADOW : g->settings->mode]);
	field_put_text(order, "state", state_of(g, class, p));
	field_put_text(order, "authority", p->authority);
	field_put_text(order, "reason", p->reason);
	field_put_text(order, "reference", p->reference);
	field_put(order, "contact", contact);
	field_put_text(order, "code", code_words[p->has_code ? p->code : CODE_BLOCKED]);
	field_put_text(order, "added", p->added);
	field_put_text(order, "review", p->review);
	field_put_text(order, "expires", p->expires);
	field_put_text(order, "lifted", p->lifted);
	field_put_text(order, "lifted_by", p->lifted_by);
	field_put_text(order, "lift_reason", p->lift_reason);
	field_put_text(order, "lift_reference", p->lift_reference);
	return order;
}

static void put_numbers(const struct gathering *g, json_t *order, const struct provenance *p)
{
	field_put(order, "added_s", p->added != NULL ? json_integer(p->added_s) : json_null());
	field_put(order, "review_s", p->review != NULL ? json_integer(p->review_s) : json_null());
	field_put(order, "expires_s", p->expires != NULL ? json_integer(p->expires_s) : json_null());
	field_put(order, "lifted_s", p->lifted != NULL ? json_integer(p->lifted_s) : json_null());
	field_put(order, "entries", json_integer(0));
	field_put(order, "names", json_array());
	field_put(order, "hits", g->counted ? json_integer(0) : json_null());
	field_put(order, "would_block", g->counted ? json_integer(0) : json_null());
}

/* All that is said alike is one order: its words are its key. */
static size_t place_of(struct gathering *g, json_t *order)
{
	struct audit_hash key;
	char *text = ctl_json(order, JSON_COMPACT);
	audit_hash_bytes(str_from(text), &key);
	free(text);
	const json_t *place = json_object_get(g->places, key.hex);
	if (place != NULL)
		return (size_t)json_integer_value(place);
	size_t count = json_array_size(g->orders);
	if (count == REPORT_ORDERS_MAX)
		return SIZE_MAX;
	field_put(g->places, key.hex, json_integer((json_int_t)count));
	must(json_array_append(g->orders, order) == 0);
	return count;
}

static void sort_classes(struct gathering *g)
{
	uint32_t count = (uint32_t)segment_class_count(g->segment);
	g->order_of = base_alloc(((size_t)count + 1) * sizeof(g->order_of[0]));
	for (uint32_t c = 0; c < count; c++) {
		struct segment_class class;
		struct provenance own = {.authority = NULL};
		segment_class(g->segment, c, &class);
		bool says = class.provenance != SEGMENT_NONE;
		if (says)
			segment_provenance(g->segment, class.provenance, &own);
		const struct provenance all =
		    list_provenance(says ? &own : NULL, segment_defaults(g->segment), &g->settings->provenance);
		json_t *order = order_json(g, &class, &all);
		size_t known = json_array_size(g->orders);
		g->order_of[c] = place_of(g, order);
		if (json_array_size(g->orders) > known)
			put_numbers(g, order, &all);
		json_decref(order);
	}
}

/* The entry as explain shows it. Owned by the caller. */
static char *entry_text(const struct segment_entry *e)
{
	char text[NAME_TEXT_MAX];
	struct name name;
	if (e->written.len > 0)
		return str_dup(e->written);
	if (e->text.len > 0)
		return str_dup(e->text);
	if (e->wire != NULL)
		return base_strdup(name_from_wire(e->wire, e->wire_len, &name) ? name_to_text(&name, text) : "?");
	return base_strdup(prefix_to_text(&e->prefix, text));
}

static const json_t *find_hit(const struct gathering *g, const char *text, const char *match)
{
	struct buf key = {0};
	buf_printf(&key, "%s\n%s", text, match);
	const json_t *hit = json_object_get(g->hits, key.ptr);
	buf_finish(&key);
	return hit;
}

/* The daemon names an entry as it was written where it knows that, and by its name. */
static void add_hits(const struct gathering *g, json_t *order, const struct segment_entry *e, const char *text)
{
	struct segment_class class;
	struct name name;
	char by_name[NAME_TEXT_MAX];
	segment_class(g->segment, e->class, &class);
	const char *match = match_words[compile_entry_match(g->segment, &class, g->settings)];
	const json_t *hit = find_hit(g, text, match);
	if (hit == NULL && e->wire != NULL && name_from_wire(e->wire, e->wire_len, &name))
		hit = find_hit(g, name_to_text(&name, by_name), match);
	if (hit == NULL)
		return;
	add_count(order, "hits", field_int(hit, "hits"));
	add_count(order, "would_block", field_int(hit, "would_block"));
}

/* What was lifted in a list that cannot be edited: under the list's own words, but for who lifted it and why. */
static void add_lift(struct gathering *g, const struct lift *lift)
{
	struct segment_class class = {.action = lift->action, .has_action = true};
	const struct provenance *how = &lift->provenance;
	struct provenance all = list_provenance(NULL, segment_defaults(g->segment), &g->settings->provenance);
	all.lifted = how->lifted;
	all.lifted_s = how->lifted_s;
	all.lifted_by = how->lifted_by;
	all.lift_reason = how->lift_reason;
	all.lift_reference = how->lift_reference;
	json_t *order = order_json(g, &class, &all);
	size_t known = json_array_size(g->orders), place = place_of(g, order);
	if (json_array_size(g->orders) > known)
		put_numbers(g, order, &all);
	json_decref(order);
	order = json_array_get(g->orders, place); /* NULL: left out */
	if (order == NULL)
		return;
	add_count(order, "entries", 1);
	json_t *names = json_object_get(order, "names");
	if (json_array_size(names) < REPORT_NAMES_MAX)
		must(json_array_append_new(names, ctl_text(str_from(lift->text))) == 0);
}

static void add_lifts(struct gathering *g, const struct lifts *lifts)
{
	g->lifted = json_object();
	must(g->lifted != NULL);
	for (size_t i = 0; lifts != NULL && i < lifts->count; i++) {
		const struct lift *lift = &lifts->items[i];
		if (strcmp(lift->list, g->settings->name) != 0 || lift->action != ACTION_BLOCK || lift->restored != NULL)
			continue;
		add_lift(g, lift);
		if (lift_holds(lift))
			field_put(g->lifted, lift->text, json_true());
	}
}

static bool is_lifted(const struct gathering *g, const struct segment_entry *e)
{
	char text[NAME_TEXT_MAX];
	struct name name;
	return json_object_size(g->lifted) > 0 && e->wire != NULL && name_from_wire(e->wire, e->wire_len, &name) &&
	       json_object_get(g->lifted, name_to_text(&name, text)) != NULL;
}

static void count_entries(struct gathering *g)
{
	struct segment_cursor cursor = {0};
	struct segment_entry e;
	size_t classes = segment_class_count(g->segment);
	json_int_t *counts = base_alloc((classes + 1) * sizeof(*counts));
	while (segment_next(g->segment, &cursor, &e)) {
		json_t *order = json_array_get(g->orders, g->order_of[e.class]); /* NULL: left out */
		json_t *names = json_object_get(order, "names");
		bool named = order != NULL && json_array_size(names) < REPORT_NAMES_MAX;
		if (is_lifted(g, &e)) /* counted as that */
			continue;
		counts[e.class]++;
		if (!named && (order == NULL || g->hits == NULL))
			continue;
		char *text = entry_text(&e);
		if (named)
			must(json_array_append_new(names, ctl_text(str_from(text))) == 0);
		if (g->hits != NULL)
			add_hits(g, order, &e, text);
		free(text);
	}
	for (size_t c = 0; c < classes; c++) {
		json_t *order = json_array_get(g->orders, g->order_of[c]);
		if (order != NULL)
			add_count(order, "entries", counts[c]);
		else if (counts[c] > 0)
			(*g->left_out)++;
	}
	free(counts);
}

/* Of two that are written alike the one hit more often comes first, and stays. */
static void put_hit(json_t *index, const char *called, json_t *hit)
{
	struct buf key = {0};
	buf_printf(&key, "%s\n%s", field_text(hit, called), field_text(hit, "match"));
	if (field_text(hit, called)[0] != '\0' && json_object_get(index, key.ptr) == NULL)
		must(json_object_set(index, key.ptr, hit) == 0);
	buf_finish(&key);
}

/* By list, then by entry. */
static json_t *index_hits(const json_t *hits)
{
	json_t *index = json_object();
	size_t i;
	json_t *one;
	must(index != NULL);
	json_array_foreach(json_object_get(hits, "entries"), i, one)
	{
		const char *list = field_text(one, "list");
		json_t *of_list = json_object_get(index, list);
		if (of_list == NULL) {
			of_list = json_object();
			field_put(index, list, of_list);
		}
		put_hit(of_list, "entry", one);
		put_hit(of_list, "name", one);
	}
	return index;
}

static json_t *list_json(const struct settings_list *l, const struct segment *segment, const struct err_list *errors)
{
	json_t *list = json_object();
	must(list != NULL);
	field_put_text(list, "list", l->name);
	field_put_text(list, "title", segment != NULL ? segment_title(segment) : NULL);
	field_put_text(list, "mode", mode_words[l->mode]);
	field_put_text(list, "action", segment != NULL ? action_words[compile_list_action(segment, l)] : NULL);
	field_put_text(list, "source", l->file_shown);
	field_put(list, "entries", json_integer(segment != NULL ? (json_int_t)segment_entry_count(segment) : 0));
	field_put_text(list, "error", segment == NULL && errors->count > 0 ? errors->items[0].text : NULL);
	return list;
}

/* NULL: there are none that can be read. */
json_t *report_orders(const struct settings *settings, const struct lifts *lifts, const json_t *hits, int64_t now_s)
{
	json_t *orders = json_array(), *places = json_object(), *lists = json_array(), *by_list = index_hits(hits);
	int64_t left_out = 0;
	json_int_t entries = 0;
	must(orders != NULL && places != NULL && lists != NULL);
	for (size_t i = 0; i < settings->list_count; i++) {
		struct err_list errors = {0};
		struct source source;
		source_check(settings, i, &source, &errors);
		must(json_array_append_new(lists, list_json(&settings->lists[i], source.segment, &errors)) == 0);
		if (source.segment != NULL) {
			struct gathering g = {.settings = &settings->lists[i],
					      .segment = source.segment,
					      .hits = json_object_get(by_list, settings->lists[i].name),
					      .counted = hits != NULL,
					      .now_s = now_s,
					      .orders = orders,
					      .places = places,
					      .left_out = &left_out};
			sort_classes(&g);
			add_lifts(&g, lifts);
			count_entries(&g);
			entries += (json_int_t)segment_entry_count(source.segment);
			free(g.order_of);
			json_decref(g.lifted);
		}
		source_close(&source);
		err_list_finish(&errors);
	}
	json_decref(places);
	json_decref(by_list);
	json_t *ret = json_pack("{s:o, s:I, s:I, s:o}", "orders", orders, "left_out", (json_int_t)left_out, "entries", entries,
				"lists", lists);
	must(ret != NULL);
	return ret;
}
