/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/convert.h"

#include "base/addr.h"
#include "wire/name.h"

#include <string.h>

#define LIST_NAME_MAX 64
#define DNS_PORT 53

static const char *const private_networks[] = {"127.0.0.0/8",	 "::1/128",	   "10.0.0.0/8", "172.16.0.0/12",
					       "192.168.0.0/16", "169.254.0.0/16", "fc00::/7",	 "fe80::/10"};

void convert_init(struct convert *c)
{
	*c = (struct convert){.settings = json_object(), .changed = json_array(), .left = json_array(), .by_name = json_object()};
	c->last_file = &c->files;
}

void convert_finish(struct convert *c)
{
	for (struct convert_file *f = c->files; f != NULL; f = f->next)
		buf_finish(&f->text);
	json_decref(c->settings);
	json_decref(c->changed);
	json_decref(c->left);
	json_decref(c->by_name);
	err_list_finish(&c->errors);
	arena_finish(&c->arena);
}

/* ---- notes ---- */

static json_t *text_json(const char *text)
{
	json_t *made = json_string(text);
	if (made != NULL)
		return made;
	char safe[1024]; /* not UTF-8 */
	return json_string(str_escape(str_from(text), true, safe, sizeof(safe)));
}

static void note(struct convert *c, json_t *notes, size_t max, size_t *more, uint32_t line, const char *key, const char *fmt,
		 va_list args) PRINTF_LIKE(7, 0);
static void note(struct convert *c, json_t *notes, size_t max, size_t *more, uint32_t line, const char *key, const char *fmt,
		 va_list args)
{
	char why[512];
	if (json_array_size(notes) >= max) {
		++*more;
		return;
	}
	(void)vsnprintf(why, sizeof(why), fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): the callers have begun it
	json_t *n = json_object();
	json_object_set_new(n, "file", text_json(c->file != NULL ? c->file : ""));
	json_object_set_new(n, "line", line > 0 ? json_integer(line) : json_null());
	json_object_set_new(n, "key", text_json(key));
	json_object_set_new(n, "why", text_json(why));
	json_array_append_new(notes, n);
}

void convert_left(struct convert *c, uint32_t line, const char *key, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	note(c, c->left, CONVERT_NOTES_MAX, &c->left_more, line, key, fmt, args);
	va_end(args);
}

void convert_lost(struct convert *c, const char *key, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	note(c, c->left, SIZE_MAX, &c->left_more, 0, key, fmt, args);
	va_end(args);
}

void convert_changed(struct convert *c, uint32_t line, const char *key, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	note(c, c->changed, CONVERT_NOTES_MAX, &c->changed_more, line, key, fmt, args);
	va_end(args);
}

/* ---- settings ---- */

static json_t *section(struct convert *c, const char *path, const char **ret_key)
{
	const char *dot = strchr(path, '.');
	json_t *at = c->settings;
	for (; dot != NULL; path = dot + 1, dot = strchr(path, '.')) {
		const char *key = arena_strndup(&c->arena, path, (size_t)(dot - path));
		json_t *below = json_object_get(at, key);
		if (below == NULL) {
			below = json_object();
			json_object_set_new(at, key, below);
		}
		at = below;
	}
	*ret_key = path;
	return at;
}

void convert_put(struct convert *c, const char *path, json_t *value)
{
	const char *key;
	json_t *at = section(c, path, &key);
	json_object_set_new(at, key, value);
	c->put++;
}

void convert_put_text(struct convert *c, const char *path, const char *text)
{
	convert_put(c, path, text_json(text));
}

void convert_put_seconds(struct convert *c, const char *path, int64_t s)
{
	char text[32];
	str_from_duration_ms(s * 1000, text, sizeof(text));
	convert_put_text(c, path, s == 0 ? "0s" : text);
}

json_t *convert_get(const struct convert *c, const char *path)
{
	json_t *at = c->settings;
	struct str rest = str_from(path);
	while (rest.ptr != NULL && at != NULL) {
		struct str key = str_cut(&rest, '.');
		char buf[64];
		(void)snprintf(buf, sizeof(buf), "%.*s", (int)key.len, key.ptr);
		at = json_object_get(at, buf);
	}
	return at;
}

static bool add_text(json_t *array, const char *text)
{
	size_t i;
	const json_t *one;
	json_array_foreach(array, i, one)
	{
		if (strcmp(json_string_value(one), text) == 0)
			return false;
	}
	json_array_append_new(array, text_json(text));
	return true;
}

void convert_add(struct convert *c, const char *path, const char *text)
{
	const char *key;
	json_t *at = section(c, path, &key);
	json_t *array = json_object_get(at, key);
	if (array == NULL) {
		array = json_array();
		json_object_set_new(at, key, array);
	}
	if (add_text(array, text))
		c->put++;
}

void convert_allow_private(struct convert *c, uint32_t line, const char *key, const char *was)
{
	if (convert_get(c, "clients.allow") != NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(private_networks); i++)
		convert_add(c, "clients.allow", private_networks[i]);
	convert_changed(c, line, key, "%s: here only private networks may ask; add your own public ones to clients.allow", was);
}

/* ---- servers ---- */

/* "tls", "https", ...: what saring does not speak to servers; NULL when it is plain DNS, whose address *text is then. */
static const char *other_protocol(struct str *text, bool *ret_tcp)
{
	static const struct {
		const char *begins, *name;
	} rows[] = {{"dns://", NULL},
		    {"udp://", NULL},
		    {"tcp://", "tcp"},
		    {"tcp+udp:", NULL},
		    {"udp:", NULL},
		    {"tcp-tls:", "DNS over TLS"},
		    {"tcp:", "tcp"},
		    {"tls://", "DNS over TLS"},
		    {"https://", "DNS over HTTPS"},
		    {"h3://", "DNS over HTTPS"},
		    {"quic://", "DNS over QUIC"},
		    {"sdns://", "a DNS stamp"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!str_starts(*text, rows[i].begins))
			continue;
		size_t cut = strlen(rows[i].begins);
		*text = (struct str){text->ptr + cut, text->len - cut};
		*ret_tcp = rows[i].name != NULL && strcmp(rows[i].name, "tcp") == 0;
		return *ret_tcp ? NULL : rows[i].name;
	}
	return NULL;
}

const char *convert_server(struct convert *c, struct str text, uint32_t line, const char *key)
{
	struct addr a;
	char shown[128], host[ADDR_TEXT_MAX];
	uint64_t port = DNS_PORT;
	bool tcp = false;
	text = str_trim(text);
	str_escape(text, true, shown, sizeof(shown));
	const char *other = other_protocol(&text, &tcp);
	if (other != NULL) {
		convert_left(c, line, key,
			     "server %s: %s, and saring asks servers by plain DNS; let a forwarder on this machine encrypt", shown,
			     other);
		return NULL;
	}
	while (text.len > 0 && text.ptr[text.len - 1] == '/')
		text.len--;
	struct str rest = text, address = str_cut(&rest, '#'); /* dnsmasq's port */
	if (rest.ptr != NULL && (!str_to_u64(rest, &port) || port == 0 || port > UINT16_MAX))
		address.len = 0;
	if (!addr_from_text(address, (uint16_t)port, &a)) {
		convert_left(c, line, key, "server %s: not an address; saring takes servers by address alone", shown);
		return NULL;
	}
	if (tcp)
		convert_changed(c, line, key, "server %s: asked by UDP first, then by TCP", shown);
	return arena_printf(&c->arena,
			    addr_port(&a) == DNS_PORT ? (a.sa.sa_family == AF_INET6 ? "dns://[%s]" : "dns://%s") : "dns://%s",
			    addr_port(&a) == DNS_PORT ? addr_host_to_text(&a, host) : addr_to_text(&a, host));
}

void convert_add_server(struct convert *c, json_t *servers, struct str text, uint32_t line, const char *key)
{
	const char *endpoint = convert_server(c, text, line, key);
	if (endpoint == NULL)
		return;
	if (servers == NULL)
		convert_add(c, "upstream.servers", endpoint);
	else
		(void)add_text(servers, endpoint);
}

static bool has_text(const json_t *array, const char *text)
{
	size_t i;
	const json_t *one;
	json_array_foreach(array, i, one)
	{
		if (strcasecmp(json_string_value(one), text) == 0)
			return true;
	}
	return false;
}

/* A zone has one route. What has one already is taken out of zones, and the route gets the servers, where it is for that zone
 * alone. */
static void join_routes(struct convert *c, json_t *zones, const json_t *servers)
{
	size_t i, n;
	json_t *route, *server;
	for (size_t z = json_array_size(zones); z-- > 0;) {
		const char *zone = json_string_value(json_array_get(zones, z));
		bool found = false;
		json_array_foreach(convert_get(c, "upstream.routes"), i, route)
		{
			json_t *its_zones = json_object_get(route, "zones");
			if (found || !has_text(its_zones, zone))
				continue;
			found = true;
			if (json_array_size(its_zones) == 1)
				json_array_foreach(servers, n, server)(void)
				    add_text(json_object_get(route, "servers"), json_string_value(server));
			else
				convert_left(c, 0, "", "zone %s has a route already; the first counts", zone);
		}
		if (found)
			json_array_remove(zones, z);
	}
}

void convert_route(struct convert *c, json_t *zones, json_t *servers)
{
	join_routes(c, zones, servers);
	if (json_array_size(zones) == 0 || json_array_size(servers) == 0) {
		json_decref(zones);
		json_decref(servers);
		return;
	}
	json_t *routes = convert_get(c, "upstream.routes");
	if (routes == NULL) {
		routes = json_array();
		convert_put(c, "upstream.routes", routes);
		c->put--;
	}
	json_t *route = json_object();
	json_object_set_new(route, "zones", zones);
	json_object_set_new(route, "servers", servers);
	json_array_append_new(routes, route);
}

/* ---- records ---- */

bool convert_is_name(struct str text)
{
	struct name name;
	return text.len > 0 && name_from_text(text, &name, NULL);
}

/* May it stand beside what the name has? Twice the same may not, nor anything beside a CNAME. */
static bool fits(struct convert *c, json_t *its_records, const char *name, const char *type, const char *data, uint32_t line,
		 const char *key)
{
	size_t i;
	const json_t *one;
	json_array_foreach(its_records, i, one)
	{
		const char *its = json_string_value(json_object_get(one, "type"));
		if (strcmp(its, type) == 0 && strcasecmp(json_string_value(json_object_get(one, "data")), data) == 0)
			return false;
		if (strcmp(its, "CNAME") == 0 || strcmp(type, "CNAME") == 0) {
			convert_left(c, line, key, "%s %s: a CNAME stands alone, and the name has a record already", name, type);
			return false;
		}
	}
	return true;
}

/* The records of a name, in whatever case it is written. */
static json_t *records_of(struct convert *c, const char *name)
{
	char *folded = arena_strdup(&c->arena, name);
	for (char *at = folded; *at != '\0'; at++)
		*at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
	json_t *found = json_object_get(c->by_name, folded);
	if (found == NULL) {
		found = json_array();
		json_object_set_new(c->by_name, folded, found);
		found = json_object_get(c->by_name, folded); /* NULL: not UTF-8 */
	}
	return found;
}

void convert_record(struct convert *c, struct str name, const char *type, struct str data, int64_t ttl_s, uint32_t line,
		    const char *key)
{
	struct addr a;
	struct str plain = str_starts(name, "*.") ? (struct str){name.ptr + 2, name.len - 2} : name;
	if (type == NULL && addr_from_text(data, 0, &a) && addr_port(&a) == 0)
		type = a.sa.sa_family == AF_INET ? "A" : "AAAA";
	if (type == NULL || !convert_is_name(plain) || (strcmp(type, "CNAME") == 0 && !convert_is_name(data))) {
		char shown[160];
		convert_left(c, line, key, "record of %s: not a name and its address or target",
			     str_escape(name, true, shown, sizeof(shown)));
		return;
	}
	json_t *records = convert_get(c, "records");
	if (records == NULL) {
		records = json_array();
		json_object_set_new(c->settings, "records", records);
	}
	const char *owner = arena_strndup(&c->arena, name.ptr, name.len), *what = arena_strndup(&c->arena, data.ptr, data.len);
	json_t *its_records = records_of(c, owner);
	if (its_records == NULL || !fits(c, its_records, owner, type, what, line, key))
		return;
	json_t *r = json_object();
	json_object_set_new(r, "name", text_json(owner));
	json_object_set_new(r, "type", text_json(type));
	json_object_set_new(r, "data", text_json(what));
	if (ttl_s >= 0)
		json_object_set_new(r, "ttl", json_integer(ttl_s > 604800 ? 604800 : ttl_s));
	json_array_append(its_records, r);
	json_array_append_new(records, r);
}

/* ---- lists and groups ---- */

bool convert_prefix(struct str text, struct prefix *ret)
{
	struct addr a;
	uint64_t bits;
	struct str rest = str_trim(text), host = str_cut(&rest, '/');
	if (!addr_from_text(host, 0, &a) || addr_port(&a) != 0)
		return false;
	addr_unmap(&a);
	struct prefix p = {.family = a.sa.sa_family};
	unsigned all = p.family == AF_INET ? 32 : 128;
	memcpy(p.bytes, p.family == AF_INET ? (const void *)&a.in.sin_addr : (const void *)&a.in6.sin6_addr, all / 8);
	bits = all;
	if (rest.ptr != NULL && (!str_to_u64(rest, &bits) || bits > all))
		return false;
	p.bits = (uint8_t)bits;
	addr_bits_clear(p.bytes, p.bits, all);
	*ret = p;
	return true;
}

static json_t *named(struct convert *c, const char *array, const char *wish)
{
	char name[LIST_NAME_MAX + 1];
	size_t len = 0, i;
	const json_t *one;
	json_t *all = json_object_get(c->settings, array);
	if (all == NULL) {
		all = json_array();
		json_object_set_new(c->settings, array, all);
	}
	for (; *wish != '\0' && len < LIST_NAME_MAX - 6; wish++) {
		bool plain = (*wish >= 'a' && *wish <= 'z') || (*wish >= 'A' && *wish <= 'Z') || (*wish >= '0' && *wish <= '9') ||
			     *wish == '_' || (*wish == '.' && len > 0);
		if (plain || (len > 0 && name[len - 1] != '-'))
			name[len++] = plain ? *wish : '-';
	}
	while (len > 0 && (name[len - 1] == '-' || name[len - 1] == '.'))
		len--;
	if (len == 0)
		len = (size_t)snprintf(name, sizeof(name), "list");
	if (len > 5 && memcmp(name + len - 5, ".json", 5) == 0)
		name[len - 5] = '-';
	name[len] = '\0';
	for (unsigned n = 2, again = 1; again != 0; n++) {
		again = 0;
		json_array_foreach(all, i, one) again |= strcmp(json_string_value(json_object_get(one, "name")), name) == 0;
		if (again != 0)
			(void)snprintf(name + len, sizeof(name) - len, "-%u", n);
	}
	json_t *made = json_object();
	json_object_set_new(made, "name", json_string(name));
	json_array_append_new(all, made);
	return made;
}

json_t *convert_list(struct convert *c, const char *wish)
{
	return named(c, "lists", wish);
}

json_t *convert_group(struct convert *c, const char *wish)
{
	return named(c, "groups", wish);
}

const char *convert_list_name(const json_t *list)
{
	return json_string_value(json_object_get(list, "name"));
}

json_t *convert_group_of(struct convert *c, const char *name)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(c->settings, "groups"), i, one)
	{
		if (strcmp(convert_list_name(one), name) == 0)
			return one;
	}
	return NULL;
}
