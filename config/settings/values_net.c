/* SPDX-License-Identifier: BSD-2-Clause
 *
 * values_net.c - the part of values.h that knows endpoints, prefixes, addresses, zones and names. */
#include "settings/values.h"

#include <stdlib.h>
#include <string.h>

#include "settings/reverse.h"
#include "settings/settings.h"

#define DNS_PORT 53
#define METRICS_PORT 9953

static bool too_many(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node)
{
	if (node->count > (size_t)row->max)
		return !values_fault(v, node, "'%s' has %zu values; at most %jd are taken", key, node->count, (intmax_t)row->max);
	if (node->count < (size_t)row->min)
		return !values_fault(v, node, "'%s' is empty; leave the key out for its default", key);
	return false;
}

/* The text after "dns://", or with no scheme at all. */
static bool endpoint_host(const struct values *v, const struct yaml_node *node, struct str *ret)
{
	char shown[VALUES_SHOWN_MAX];
	const char *mark = strstr(node->text.ptr, "://");
	*ret = node->text;
	if (mark == NULL)
		return true;
	struct str scheme = {node->text.ptr, (size_t)(mark - node->text.ptr)};
	*ret = (struct str){mark + 3, node->text.len - scheme.len - 3};
	if (str_eq_c(scheme, "dns"))
		return true;
	if (str_eq_c(scheme, "tls") || str_eq_c(scheme, "https"))
		return values_fault(v, node, "this version does not have %.*s:// endpoints yet; it has dns://HOST:PORT",
				    (int)scheme.len, scheme.ptr);
	return values_fault(v, node, "'%s' has an unknown scheme; an endpoint is dns://HOST:PORT", values_shown(node, shown));
}

/* HOST:PORT, with http:// before it or not. */
static bool parse_http(const struct values *v, const struct yaml_node *node, struct endpoint *ret)
{
	char shown[VALUES_SHOWN_MAX], text[ADDR_TEXT_MAX];
	struct str host = node->text;
	struct addr addr;
	if (str_starts(host, "http://"))
		host = (struct str){host.ptr + strlen("http://"), host.len - strlen("http://")};
	if (!addr_from_text(host, METRICS_PORT, &addr) || (host.ptr[0] != '[' && addr.sa.sa_family == AF_INET6))
		return values_fault(v, node, "'%s' is not HOST:PORT, where HOST is an IP address, such as 127.0.0.1:%d or [::1]:%d",
				    values_shown(node, shown), METRICS_PORT, METRICS_PORT);
	*ret = (struct endpoint){.scheme = ENDPOINT_HTTP, .addr = addr, .line = node->line, .column = node->column};
	ret->text = arena_printf(v->arena, "http://%s", addr_to_text(&addr, text));
	return true;
}

bool values_endpoint(const struct values *v, const struct yaml_node *node, struct endpoint *ret)
{
	char shown[VALUES_SHOWN_MAX], text[ADDR_TEXT_MAX];
	struct str host;
	struct addr addr;
	if (!endpoint_host(v, node, &host))
		return false;
	const char *colon = memchr(host.ptr, ':', host.len);
	if (colon != NULL && host.ptr[0] != '[' && memchr(colon + 1, ':', host.len - (size_t)(colon + 1 - host.ptr)) != NULL)
		return values_fault(v, node, "'%s': an IPv6 address stands in brackets here, as in dns://[2001:db8::1]:53",
				    values_shown(node, shown));
	if (!addr_from_text(host, DNS_PORT, &addr))
		return values_fault(v, node,
				    "'%s' is not an endpoint: dns://HOST:PORT, where HOST is an IP address and PORT at most 65535",
				    values_shown(node, shown));
	*ret = (struct endpoint){.scheme = ENDPOINT_DNS, .addr = addr, .line = node->line, .column = node->column};
	ret->text = arena_printf(v->arena, "dns://%s", addr_to_text(&addr, text));
	return true;
}

static bool parse_endpoint(const struct values *v, const struct schema_key *row, const struct yaml_node *node, struct endpoint *ret)
{
	char shown[VALUES_SHOWN_MAX];
	if (!values_endpoint(v, node, ret))
		return false;
	if (row->type == SCHEMA_SERVERS && addr_port(&ret->addr) == 0)
		return values_fault(v, node, "'%s': port 0 can't be asked", values_shown(node, shown));
	if (row->type == SCHEMA_SERVERS && addr_is_any(&ret->addr))
		return values_fault(v, node, "'%s': this address means every address of this machine and can't be asked",
				    values_shown(node, shown));
	return true;
}

static bool parse_prefix(const struct values *v, const struct yaml_node *node, struct prefix *ret)
{
	char shown[VALUES_SHOWN_MAX];
	if (prefix_from_text(node->text, ret))
		return true;
	return values_fault(v, node,
			    "'%s' is not an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32 (no bit set past its length)",
			    values_shown(node, shown));
}

static bool parse_address(const struct values *v, const struct yaml_node *node, struct addr *ret)
{
	char shown[VALUES_SHOWN_MAX];
	struct addr addr;
	bool good = addr_from_text(node->text, 0, &addr) && node->text.ptr[0] != '[';
	if (!good || (addr.sa.sa_family == AF_INET && strchr(node->text.ptr, ':') != NULL) || strchr(node->text.ptr, '%') != NULL)
		return values_fault(v, node, "'%s' is not an IPv4 or IPv6 address (without port)", values_shown(node, shown));
	*ret = addr;
	return true;
}

static bool parse_name(const struct values *v, const struct yaml_node *node, struct name *ret)
{
	struct err err = {0};
	struct name name = {0};
	if (!name_from_text(node->text, &name, &err))
		return values_fault(v, node, "%s", err.text);
	if (name.labels == 0)
		return values_fault(v, node, "the root is no name to be named here");
	*ret = name;
	return true;
}

static bool parse_item(const struct values *v, const struct schema_key *row, const struct yaml_node *item, void *ret)
{
	if (row->type == SCHEMA_PREFIXES)
		return parse_prefix(v, item, ret);
	if (row->type == SCHEMA_ADDRESSES)
		return parse_address(v, item, ret);
	if (row->type == SCHEMA_NAMES)
		return parse_name(v, item, ret);
	if (row->type == SCHEMA_HTTP)
		return parse_http(v, item, ret);
	return parse_endpoint(v, row, item, ret);
}

/* Every bad item is reported, not only the first. */
static bool bind_array(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		       void *object)
{
	const char *wanted = row->type == SCHEMA_PREFIXES    ? "a list of prefixes"
			     : row->type == SCHEMA_ADDRESSES ? "a list of addresses"
			     : row->type == SCHEMA_NAMES     ? "a list of names"
			     : row->type == SCHEMA_HTTP	     ? "HOST:PORT, or a list of such"
							     : "a list of endpoints";
	size_t size = row->type == SCHEMA_PREFIXES    ? sizeof(struct prefix)
		      : row->type == SCHEMA_ADDRESSES ? sizeof(struct addr)
		      : row->type == SCHEMA_NAMES     ? sizeof(struct name)
						      : sizeof(struct endpoint);
	/* One may stand for itself. */
	const bool single = row->type == SCHEMA_HTTP && node->kind == YAML_SCALAR && node->text.len > 0;
	if (!single && (!values_kind(v, key, node, YAML_SEQUENCE, wanted) || too_many(v, row, key, node)))
		return false;
	char *items = arena_alloc(v->arena, (node->count + 1) * size);
	size_t count = 0;
	bool good = true;
	for (const struct yaml_node *item = single ? node : node->first; item != NULL; item = single ? NULL : item->next)
		good &= values_scalar(v, key, item, "text in each item") && parse_item(v, row, item, items + size * count++);
	if (!good)
		return false;
	const void *pointer = items;
	values_store(object, row->at, &pointer, sizeof(pointer));
	values_store(object, row->at_more, &count, sizeof(count));
	return true;
}

/* A name, or the reverse zones of a prefix. Returns how many there are; 0: none, and the fault is told. */
static size_t parse_zones(const struct values *v, const struct yaml_node *node, struct name ret[REVERSE_ZONES_MAX])
{
	struct err err = {0};
	struct prefix prefix;
	if (!values_scalar(v, "zone", node, "a domain name or a prefix"))
		return 0;
	if (prefix_from_text(node->text, &prefix))
		return reverse_of_prefix(&prefix, ret);
	if (memchr(node->text.ptr, '/', node->text.len) != NULL) { /* a name may hold it; nobody's does but by mistake */
		(void)!parse_prefix(v, node, &prefix);
		return 0;
	}
	if (name_from_text(node->text, &ret[0], &err))
		return 1;
	(void)values_fault(v, node, "%s", err.text);
	return 0;
}

/* Added to those that are there: `zone` and `zones` are one field. */
static bool bind_route_zones(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
			     void *object)
{
	const struct settings_zone *old;
	size_t count;
	memcpy(&old, (const char *)object + row->at, sizeof(old));
	memcpy(&count, (const char *)object + row->at_more, sizeof(count));
	bool single = strcmp(key, "zones") != 0, good = true;
	if (!values_kind(v, key, node, single ? YAML_SCALAR : YAML_SEQUENCE,
			 single ? "a domain name or a prefix" : "a list of domain names and prefixes"))
		return false;
	struct settings_zone *zones = NULL;
	struct name *names = base_alloc(REVERSE_ZONES_MAX * sizeof(*names));
	for (const struct yaml_node *item = single ? node : node->first; item != NULL; item = single ? NULL : item->next) {
		size_t more = parse_zones(v, item, names);
		good &= more > 0;
		if (count + more > (size_t)row->max) {
			good = values_fault(v, item, "a route has at most %jd zones", (intmax_t)row->max);
			break;
		}
		zones = arena_alloc(v->arena, (count + more + 1) * sizeof(*zones)); /* few: no need to be clever */
		if (count > 0)
			memcpy(zones, old, count * sizeof(*zones));
		for (size_t i = 0; i < more; i++)
			zones[count++] = (struct settings_zone){.name = names[i], .line = item->line, .column = item->column};
		old = zones;
	}
	free(names);
	if (good && zones == NULL)
		return values_fault(v, node, "'%s' is empty", key);
	if (!good)
		return false;
	const void *pointer = zones;
	values_store(object, row->at, &pointer, sizeof(pointer));
	values_store(object, row->at_more, &count, sizeof(count));
	return true;
}

static bool bind_zone(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		      void *object)
{
	struct name name = {0};
	struct err err = {0};
	if (!values_scalar(v, key, node, "a domain name"))
		return false;
	if (!name_from_text(node->text, &name, &err))
		return values_fault(v, node, "%s", err.text);
	values_store(object, row->at, &name, sizeof(name));
	return true;
}

bool values_bind_net(const struct values *v, const struct schema_key *row, const char *key, const struct yaml_node *node,
		     void *object)
{
	if (row->type == SCHEMA_ROUTE_ZONES)
		return bind_route_zones(v, row, key, node, object);
	return row->type == SCHEMA_ZONE ? bind_zone(v, row, key, node, object) : bind_array(v, row, key, node, object);
}
