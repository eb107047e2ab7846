/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/groups.h"

#include "settings/zone.h"

#include <stdlib.h>
#include <string.h>

/* --- what clients: takes --- */

static bool parse_client(const struct values *v, const struct yaml_node *node, struct settings_client *ret)
{
	char shown[VALUES_SHOWN_MAX], text[ADDR_TEXT_MAX];
	struct endpoint endpoint;
	ret->line = node->line;
	ret->column = node->column;
	if (prefix_from_text(node->text, &ret->prefix)) {
		ret->text = arena_strdup(v->arena, prefix_to_text(&ret->prefix, text));
		return true;
	}
	if (strstr(node->text.ptr, "://") == NULL)
		return values_fault(
		    v, node,
		    "'%s' is no client: an address, a prefix such as 192.0.2.0/24 or 2001:db8::/32 (no bit set past "
		    "its length), or an endpoint of 'listen' as dns://HOST:PORT",
		    values_shown(node, shown));
	if (!values_endpoint(v, node, &endpoint))
		return false;
	ret->is_listener = true;
	ret->addr = endpoint.addr;
	ret->text = endpoint.text;
	return true;
}

bool groups_bind_clients(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			 void *object)
{
	if (!values_kind(v, key, node, YAML_SEQUENCE, "a list of addresses, prefixes and endpoints"))
		return false;
	if (node->count > (size_t)row->max)
		return values_fault(v, node, "'%s' has %zu values; at most %jd are taken", key, node->count, (intmax_t)row->max);
	if (node->count == 0)
		return values_fault(v, node, "'%s' is empty: nobody would be in this group", key);
	struct settings_client *clients = arena_alloc(v->arena, node->count * sizeof(*clients));
	size_t count = 0;
	bool good = true;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
		good &= values_scalar(v, key, item, "text in each item") && parse_client(v, item, &clients[count++]);
	if (!good)
		return false;
	const void *pointer = clients;
	values_store(object, row->at, &pointer, sizeof(pointer));
	values_store(object, row->at_more, &count, sizeof(count));
	return true;
}

/* --- the whole --- */

/* While groups are made. */
struct making {
	const struct values *v;
	struct settings *s;
	struct settings_group *items;
	size_t count;
};

static void check_names(const struct making *m, const struct yaml_node *node)
{
	size_t i = 0;
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next, i++) {
		for (size_t j = 0; j < i && m->items[i].name != NULL; j++) {
			if (m->items[j].name == NULL || strcmp(m->items[i].name, m->items[j].name) != 0)
				continue;
			(void)values_fault(m->v, yaml_get(item, "name"), "the group in line %u is called '%s' too",
					   m->items[j].line, m->items[j].name);
			break;
		}
	}
}

static bool is_default(const struct settings_group *g)
{
	return g->name != NULL && strcmp(g->name, SETTINGS_GROUP_DEFAULT) == 0;
}

/* The default group takes who is left, and others must say whom they take. */
static void check_clients(const struct making *m, const struct yaml_node *item, const struct settings_group *g)
{
	const struct yaml_node *said = yaml_get(item, "clients");
	if (is_default(g) && said != NULL)
		(void)values_fault(m->v, said->key,
				   "the group 'default' is of all clients that no other group has: it takes no "
				   "'clients'");
	if (!is_default(g) && g->name != NULL && said == NULL)
		(void)values_fault(m->v, item, "'clients' is missing here; without it, nobody would be in this group");
}

static int find_list(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->list_count; i++)
		if (s->lists[i].name != NULL && strcmp(s->lists[i].name, name) == 0)
			return (int)i;
	return -1;
}

static void fault_list(const struct making *m, const struct yaml_node *node, const char *name)
{
	const char *names[SETTINGS_LISTS_MAX];
	char shown[VALUES_SHOWN_MAX];
	size_t count = 0;
	for (size_t i = 0; i < m->s->list_count; i++)
		if (m->s->lists[i].name != NULL)
			names[count++] = m->s->lists[i].name;
	const char *nearest = str_nearest(str_from(name), names, count);
	if (nearest != NULL)
		(void)values_fault(m->v, node, "there is no list '%s'; did you mean '%s'?", values_shown(node, shown), nearest);
	else
		(void)values_fault(m->v, node, "there is no list '%s'", values_shown(node, shown));
}

/* names: as bound from `node`, a list of them or one. */
static void add_lists(const struct making *m, const struct yaml_node *node, const char *const *names, size_t count,
		      struct list_mask *ret)
{
	const struct yaml_node *item = node->kind == YAML_SEQUENCE ? node->first : node;
	for (size_t i = 0; i < count && item != NULL; i++, item = item->next) {
		const int list = find_list(m->s, names[i]);
		if (list < 0)
			fault_list(m, item, names[i]);
		else
			list_mask_add(ret, (size_t)list);
	}
}

static struct list_mask mandatory_lists(const struct settings *s)
{
	struct list_mask mask = {{0}};
	for (size_t i = 0; i < s->list_count; i++)
		if (s->lists[i].mandatory)
			list_mask_add(&mask, i);
	return mask;
}

static void take_lists(const struct making *m, const struct yaml_node *item, struct settings_group *g)
{
	const struct yaml_node *node = yaml_get(item, "lists");
	g->has_lists = node != NULL;
	g->lists = list_mask_all(m->s->list_count);
	if (node == NULL)
		return;
	g->lists = mandatory_lists(m->s);
	add_lists(m, node, g->list_names, g->list_name_count, &g->lists);
}

/* A list that a rule names must be one that the group has. */
static void check_rule_lists(const struct making *m, const struct yaml_node *node, const struct settings_group *g,
			     const struct settings_schedule *rule)
{
	const struct yaml_node *item = node->kind == YAML_SEQUENCE ? node->first : node;
	char shown[VALUES_SHOWN_MAX];
	for (size_t i = 0; i < rule->list_name_count && item != NULL; i++, item = item->next) {
		const int list = find_list(m->s, rule->list_names[i]);
		if (list >= 0 && !list_mask_has(&g->lists, (size_t)list))
			(void)values_fault(m->v, item, "the list '%s' is none of this group's", values_shown(item, shown));
	}
}

static void finish_rule(const struct making *m, const struct yaml_node *item, const struct settings_group *g,
			struct settings_schedule *rule)
{
	const struct yaml_node *node = yaml_get(item, "lists");
	const struct list_mask mandatory = mandatory_lists(m->s);
	rule->lists = g->lists;
	if (node != NULL) {
		rule->lists = (struct list_mask){{0}};
		add_lists(m, node, rule->list_names, rule->list_name_count, &rule->lists);
		check_rule_lists(m, node, g, rule);
	}
	for (size_t w = 0; w < ARRAY_LEN(rule->lists.words); w++)
		rule->lists.words[w] &= ~mandatory.words[w];
	if (rule->zone == NULL) {
		if (m->s->zone == NULL)
			m->s->zone = zone_system(m->v->arena);
		rule->zone = m->s->zone;
	}
}

static void finish_schedule(const struct making *m, const struct yaml_node *item, struct settings_group *g)
{
	const struct yaml_node *node = g->schedule_count > 0 ? yaml_get(item, "schedule") : NULL;
	/* made in this arena, a moment ago, and nobody else has them yet */
	struct settings_schedule *rule = (struct settings_schedule *)(uintptr_t)g->schedule;
	for (const struct yaml_node *one = node != NULL ? node->first : NULL; one != NULL; one = one->next, rule++)
		if (one->kind == YAML_MAPPING)
			finish_rule(m, one, g, rule);
}

static void finish_answer(const struct making *m, const struct yaml_node *item, struct settings_group *g)
{
	const struct yaml_node *said = yaml_get(item, "addresses");
	uint8_t *ipv4 = arena_alloc(m->v->arena, g->address_count * 4 + 1),
		*ipv6 = arena_alloc(m->v->arena, g->address_count * 16 + 1);
	g->own = (struct own_answer){
	    .has_answer = g->has_answer, .answer = g->answer, .has_addresses = g->address_count > 0, .ipv4 = ipv4, .ipv6 = ipv6};
	for (size_t i = 0; i < g->address_count; i++) {
		const struct addr *a = &g->addresses[i];
		if (a->sa.sa_family == AF_INET)
			memcpy(ipv4 + 4 * g->own.ipv4_count++, &a->in.sin_addr, 4);
		else
			memcpy(ipv6 + 16 * g->own.ipv6_count++, &a->in6.sin6_addr, 16);
	}
	if (g->has_answer && g->answer == ANSWER_ADDRESS && g->address_count == 0 && m->s->address_count == 0 &&
	    (said == NULL || (said->kind == YAML_SEQUENCE && said->count == 0)))
		(void)values_fault(m->v, yaml_get(item, "answer"), "answer: address needs 'addresses' here or under 'block'");
}

static bool is_listened_at(const struct making *m, const struct settings_client *c)
{
	size_t found = 0;
	for (size_t i = 0; i < m->s->listen_count; i++)
		found += addr_eq(&m->s->listen[i].addr, &c->addr);
	if (found == 0)
		err_list_add_at(m->v->errors, m->v->shown, c->line, c->column, "'%s' is not in 'listen': nobody can ask there",
				c->text);
	else if (found > 1) /* with port 0 it can */
		err_list_add_at(m->v->errors, m->v->shown, c->line, c->column, "'%s' stands in 'listen' more than once", c->text);
	return found == 1;
}

/* No two groups may name the same endpoint, nor one group twice. */
static void check_listener(const struct making *m, size_t group, size_t at)
{
	const struct settings_client *c = &m->items[group].clients[at];
	if (!is_listened_at(m, c))
		return;
	for (size_t g = 0; g <= group; g++) {
		for (size_t i = 0; i < (g == group ? at : m->items[g].client_count); i++) {
			const struct settings_client *other = &m->items[g].clients[i];
			if (!other->is_listener || !addr_eq(&other->addr, &c->addr))
				continue;
			err_list_add_at(m->v->errors, m->v->shown, c->line, c->column, "'%s' is the group's in line %u already",
					c->text, other->line);
			return;
		}
	}
}

/* Sorted by place, so that the later one of two is at fault. */
static void fault_same(const struct making *m, const struct clients_prefix *prefixes, const struct settings_client *const *clients,
		       size_t i)
{
	const struct settings_client *a = clients[prefixes[i - 1].mark], *b = clients[prefixes[i].mark];
	const struct settings_client *first = a->line < b->line || (a->line == b->line && a->column < b->column) ? a : b,
				     *second = first == a ? b : a;
	const uint16_t group = prefixes[first == a ? i - 1 : i].group;
	err_list_add_at(m->v->errors, m->v->shown, second->line, second->column, "'%s' is in the group '%s' already, in line %u",
			second->text, m->items[group].name == NULL ? "" : m->items[group].name, first->line);
}

/* Groups are in their final order. */
static void make_clients(const struct making *m)
{
	size_t total = 0, count = 0, kept = 0;
	for (size_t g = 0; g < m->count; g++)
		total += m->items[g].client_count;
	struct clients_prefix *prefixes = base_alloc((total + 1) * sizeof(*prefixes));
	const struct settings_client **clients = base_alloc((total + 1) * sizeof(*clients));
	for (size_t g = 0; g < m->count; g++) {
		for (size_t i = 0; i < m->items[g].client_count; i++) {
			const struct settings_client *c = &m->items[g].clients[i];
			if (c->is_listener) {
				check_listener(m, g, i);
				continue;
			}
			clients[count] = c;
			prefixes[count] = (struct clients_prefix){c->prefix, (uint16_t)g, (uint32_t)count};
			count++;
		}
	}
	clients_sort(prefixes, count);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && clients_same_prefix(&prefixes[i - 1], &prefixes[i]))
			fault_same(m, prefixes, clients, i);
		else
			prefixes[kept++] = prefixes[i];
	}
	m->s->clients = clients_make(prefixes, kept, m->v->arena);
	free(clients);
	free(prefixes);
}

/* The default group comes first; when nobody says what it gets, it gets all. */
static void put_default_first(struct making *m)
{
	struct settings_group first = {.name = SETTINGS_GROUP_DEFAULT, .lists = list_mask_all(m->s->list_count)};
	size_t at = m->count;
	for (size_t i = 0; i < m->count && at == m->count; i++)
		if (is_default(&m->items[i]))
			at = i;
	if (at < m->count)
		first = m->items[at];
	else
		m->count++;
	memmove(m->items + 1, m->items, at * sizeof(m->items[0]));
	m->items[0] = first;
}

void groups_finish(const struct values *v, const struct yaml_node *node, struct settings *s, struct settings_group *items)
{
	struct making m = {.v = v, .s = s, .items = items, .count = s->group_count};
	size_t i = 0;
	check_names(&m, node);
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next, i++) {
		if (item->kind != YAML_MAPPING)
			continue;
		check_clients(&m, item, &items[i]);
		take_lists(&m, item, &items[i]);
		finish_schedule(&m, item, &items[i]);
		finish_answer(&m, item, &items[i]);
	}
	put_default_first(&m);
	make_clients(&m);
	s->group_count = m.count;
}
