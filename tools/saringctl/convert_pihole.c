/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_pihole.c - Pi-hole's files: which there are, and those of version 5 (setupVars.conf, pihole-FTL.conf, custom.list and
 * dnsmasq's file of CNAMEs). pihole.toml and gravity.db are the twins' matter. */
#include "saringctl/convert_pihole.h"

#include "base/file.h"

#include <string.h>
#include <sys/stat.h>

#define CNAME_FILE "05-pihole-custom-cname.conf"

/* ---- what both versions say ---- */

void pihole_hosts_line(struct convert *c, struct str text, uint32_t line, const char *key)
{
	struct str rest = str_trim(str_cut(&text, '#')), address = {NULL, 0};
	while (rest.ptr != NULL && rest.len > 0) {
		size_t len = 0;
		while (len < rest.len && rest.ptr[len] != ' ' && rest.ptr[len] != '\t')
			len++;
		struct str word = {rest.ptr, len};
		rest = str_trim((struct str){rest.ptr + len, rest.len - len});
		if (address.ptr == NULL)
			address = word;
		else
			convert_record(c, word, NULL, address, -1, line, key);
	}
}

void pihole_cname(struct convert *c, struct str text, uint32_t line, const char *key)
{
	struct str parts[16];
	size_t count = 0;
	uint64_t ttl = 0;
	while (text.ptr != NULL && count < ARRAY_LEN(parts))
		parts[count++] = str_trim(str_cut(&text, ','));
	bool has_ttl = count > 2 && str_to_u64(parts[count - 1], &ttl);
	size_t names = has_ttl ? count - 1 : count;
	if (names < 2) {
		convert_left(c, line, key, "a CNAME without its target");
		return;
	}
	for (size_t i = 0; i + 1 < names; i++)
		convert_record(c, parts[i], "CNAME", parts[names - 1], has_ttl ? (int64_t)ttl : -1, line, key);
}

void pihole_reverse(struct convert *c, struct str text, uint32_t line, const char *key)
{
	struct str on = str_trim(str_cut(&text, ',')), net = str_trim(str_cut(&text, ',')), server = str_trim(str_cut(&text, ',')),
		   domain = str_trim(str_cut(&text, ','));
	struct prefix prefix;
	char shown[ADDR_TEXT_MAX];
	if (!str_eq_c(on, "true")) {
		c->off++;
		return;
	}
	json_t *zones = json_array(), *servers = json_array();
	if (convert_prefix(net, &prefix))
		json_array_append_new(zones, json_string(prefix_to_text(&prefix, shown)));
	else
		convert_left(c, line, key, "not a network");
	if (domain.len > 0 && convert_is_name(domain))
		json_array_append_new(zones, json_stringn(domain.ptr, domain.len));
	convert_add_server(c, servers, server, line, key);
	convert_route(c, zones, servers);
}

void pihole_blocking(struct convert *c, struct str mode, uint32_t line, const char *key)
{
	if (str_eq_nocase(mode, STR_LIT("NX")) || str_eq_nocase(mode, STR_LIT("NXDOMAIN")))
		convert_put_text(c, "block.answer", "nxdomain");
	else if (str_eq_nocase(mode, STR_LIT("NODATA")))
		convert_put_text(c, "block.answer", "nodata");
	else {
		convert_put_text(c, "block.answer", "null");
		if (!str_eq_nocase(mode, STR_LIT("NULL")))
			convert_changed(c, line, key, "there is no page for blocked names; block.addresses can name another's");
	}
}

void pihole_privacy(struct convert *c, struct str level, uint32_t line, const char *key)
{
	if (str_eq_c(level, "0")) {
		c->off++;
		return;
	}
	convert_put_text(c, "log.privacy", "none");
	convert_changed(c, line, key,
			"'saringctl log' shows no queries at all, as their names were hidden; log.privacy has milder words");
}

void pihole_query_log(struct convert *c, bool on, uint32_t line, const char *key)
{
	if (!on) {
		c->off++;
		return;
	}
	convert_put(c, "log.queries.enabled", json_true());
	convert_changed(c, line, key,
			"queries are logged to an SQLite file in the state directory; what was logged so far stays behind");
}

/* ---- KEY=VALUE ---- */

static void put_listen(struct convert *c)
{
	convert_add(c, "listen", "dns://0.0.0.0:53");
	convert_add(c, "listen", "dns://[::]:53");
}

struct reverse {
	struct str on, net, server, domain;
};

static void take_variable(struct convert *c, struct str key, struct str value, uint32_t line, struct reverse *reverse)
{
	static const struct {
		const char *begins, *why;
	} left[] = {{"WEB", "there is no web interface; saringctl does it"},
		    {"TEMPERATURE", "there is no web interface; saringctl does it"},
		    {"INSTALL_WEB", "there is no web interface; saringctl does it"},
		    {"LIGHTTPD", "there is no web interface; saringctl does it"},
		    {"API_", "there is no web interface; saringctl does it"},
		    {"ADMIN_EMAIL", "there is no web interface; saringctl does it"},
		    {"DHCP_", "saring is no DHCP server"},
		    {"PIHOLE_DOMAIN", "saring is no DHCP server"},
		    {"PIHOLE_INTERFACE", "an interface is listened at by its addresses: listen"},
		    {"IPV4_ADDRESS", "addresses to listen at stand in listen"},
		    {"IPV6_ADDRESS", "addresses to listen at stand in listen"},
		    {"DNSSEC", "saring does not validate; let the server that it asks do so"},
		    {"CACHE_SIZE", "the cache is bounded in bytes: cache.size"},
		    {"PIHOLE_SKIP", "of Pi-hole's installer"},
		    {"GRAVITY", "of Pi-hole's program"},
		    {"DBFILE", "of Pi-hole's own statistics"},
		    {"LOCAL_IPV4", "pi.hole is not a name here"},
		    {"RATE_LIMIT", "see clients.rate"}};
	const char *name = arena_strndup(&c->arena, key.ptr, key.len);
	bool on = str_eq_nocase(value, STR_LIT("true")) || str_eq_c(value, "1");
	if (str_starts(key, "PIHOLE_DNS_")) {
		if (value.len > 0)
			convert_add_server(c, NULL, value, line, name);
	} else if (str_eq_c(key, "QUERY_LOGGING"))
		pihole_query_log(c, on, line, name);
	else if (str_eq_c(key, "BLOCKINGMODE"))
		pihole_blocking(c, value, line, name);
	else if (str_eq_c(key, "PRIVACYLEVEL"))
		pihole_privacy(c, value, line, name);
	else if (str_eq_c(key, "BLOCKING_ENABLED") && !on)
		convert_left(c, line, name, "blocking was switched off there; here it is on");
	else if (str_eq_c(key, "BLOCKING_ENABLED") || (str_eq_c(key, "DNS_BOGUS_PRIV") && on) ||
		 (str_eq_c(key, "DNS_FQDN_REQUIRED") && !on))
		c->off++;
	else if (str_eq_c(key, "DNS_BOGUS_PRIV"))
		convert_left(c, line, name, "private reverse names are answered here; names.forward makes exceptions");
	else if (str_eq_c(key, "DNS_FQDN_REQUIRED"))
		convert_put_text(c, "names.dotless", "nodata");
	else if (str_eq_c(key, "DNSMASQ_LISTENING"))
		convert_allow_private(c, line, name,
				      str_eq_c(value, "local") ? "clients of this machine's own networks could ask"
							       : "everybody who reached it could ask");
	else if (str_starts(key, "REV_SERVER") || str_starts(key, "CONDITIONAL_FORWARDING")) {
		struct str *to = str_eq_c(key, "REV_SERVER") || str_eq_c(key, "CONDITIONAL_FORWARDING") ? &reverse->on
				 : memmem(key.ptr, key.len, "CIDR", 4) != NULL || memmem(key.ptr, key.len, "REVERSE", 7) != NULL
				     ? &reverse->net
				 : memmem(key.ptr, key.len, "DOMAIN", 6) != NULL ? &reverse->domain
										 : &reverse->server;
		*to = value;
	} else {
		size_t i = 0;
		while (i < ARRAY_LEN(left) && !str_starts(key, left[i].begins))
			i++;
		if (value.len == 0 || str_eq_c(value, "false"))
			c->off++;
		else
			convert_left(c, line, name, "%s", i < ARRAY_LEN(left) ? left[i].why : "a key that this tool does not know");
	}
}

static void read_variables(struct convert *c, struct str text)
{
	struct reverse reverse = {.on = {NULL, 0}};
	for (uint32_t line = 1; text.ptr != NULL; line++) {
		struct str rest = str_trim(str_cut(&text, '\n'));
		if (rest.len == 0 || rest.ptr[0] == '#')
			continue;
		struct str key = str_trim(str_cut(&rest, '='));
		if (rest.ptr == NULL)
			convert_left(c, line, "", "not a line of KEY=VALUE");
		else {
			struct str value = str_trim(rest);
			if (value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
			    value.ptr[value.len - 1] == value.ptr[0])
				value = (struct str){value.ptr + 1, value.len - 2};
			take_variable(c, key, value, line, &reverse);
		}
	}
	if (str_eq_c(reverse.on, "true"))
		pihole_reverse(c,
			       str_from(arena_printf(&c->arena, "true,%.*s,%.*s,%.*s", (int)reverse.net.len, reverse.net.ptr,
						     (int)reverse.server.len, reverse.server.ptr, (int)reverse.domain.len,
						     reverse.domain.len > 0 ? reverse.domain.ptr : "")),
			       0, "REV_SERVER");
}

static void read_custom_list(struct convert *c, struct str text)
{
	for (uint32_t line = 1; text.ptr != NULL; line++)
		pihole_hosts_line(c, str_cut(&text, '\n'), line, "");
}

static void read_cnames(struct convert *c, struct str text)
{
	for (uint32_t line = 1; text.ptr != NULL; line++) {
		struct str one = str_trim(str_cut(&text, '\n'));
		if (str_starts(one, "cname="))
			pihole_cname(c, (struct str){one.ptr + 6, one.len - 6}, line, "cname");
		else if (one.len > 0 && one.ptr[0] != '#')
			convert_left(c, line, "", "a line of dnsmasq that is no cname=");
	}
}

/* ---- files ---- */

enum kind { KIND_TOML, KIND_VARIABLES, KIND_FTL, KIND_HOSTS, KIND_CNAMES, KIND_DATABASE };
static const struct {
	const char *name;
	enum kind kind;
	bool old; /* of version 5: not looked at beside pihole.toml, which has taken it over */
} files[] = {{"pihole.toml", KIND_TOML, false}, {"setupVars.conf", KIND_VARIABLES, true}, {"pihole-FTL.conf", KIND_FTL, true},
	     {"custom.list", KIND_HOSTS, true}, {CNAME_FILE, KIND_CNAMES, true},	  {"gravity.db", KIND_DATABASE, false}};
/* in a folder, in what a teleporter archive unpacks to, and beside /etc/pihole */
static const char *const places[] = {"", "etc/pihole/", "../dnsmasq.d/", "etc/dnsmasq.d/", "dnsmasq.d/"};

static bool read_file(struct convert *c, const char *path, enum kind kind)
{
	struct buf text = {0};
	struct err err = {.code = ERR_NONE};
	bool good = true;
	c->file = c->base = arena_strdup(&c->arena, path);
	if (kind == KIND_DATABASE)
		return convert_gravity(c, path);
	if (!file_read(path, CONVERT_BYTES_MAX, &text, &err)) {
		err_list_add(&c->errors, &err);
		return false;
	}
	char *copy = arena_strndup(&c->arena, text.ptr != NULL ? text.ptr : "", text.len); /* what is taken points into it */
	struct str all = {copy, text.len};
	buf_finish(&text);
	if (kind == KIND_TOML)
		good = pihole_toml(c, all, path);
	else if (kind == KIND_HOSTS)
		read_custom_list(c, all);
	else if (kind == KIND_CNAMES)
		read_cnames(c, all);
	else
		read_variables(c, all);
	return good;
}

static bool read_folder(struct convert *c, const char *folder)
{
	struct stat st;
	bool found = false, toml = false;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		for (size_t p = 0; p < ARRAY_LEN(places); p++) {
			const char *path = arena_printf(&c->arena, "%s/%s%s", folder, places[p], files[i].name);
			if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
				continue;
			if (files[i].old && toml) {
				c->file = path;
				convert_left(c, 0, "", "of version 5; pihole.toml stands for it");
			} else if (!read_file(c, path, files[i].kind))
				return false;
			toml = toml || files[i].kind == KIND_TOML;
			found = true;
			break;
		}
	}
	if (!found)
		err_list_add_at(&c->errors, folder, 0, 0,
				"no file of Pi-hole in it: neither pihole.toml nor setupVars.conf nor gravity.db");
	return found;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);
	return len >= n && strcmp(text + len - n, end) == 0;
}

bool convert_pihole(struct convert *c, const char *path)
{
	struct stat st;
	bool good = false;
	if (stat(path, &st) != 0) {
		struct err err = {.code = ERR_NONE};
		(void)err_set_errno(&err, ERR_IO, "%s", path);
		err_list_add(&c->errors, &err);
		return false;
	}
	if (S_ISDIR(st.st_mode))
		good = read_folder(c, path);
	else if (ends_with(path, ".zip") || ends_with(path, ".tar.gz"))
		err_list_add_at(&c->errors, path, 0, 0, "a teleporter archive: unpack it into a folder first, and name the folder");
	else {
		enum kind kind = ends_with(path, ".toml") ? KIND_TOML : ends_with(path, ".db") ? KIND_DATABASE : KIND_VARIABLES;
		if (ends_with(path, "custom.list"))
			kind = KIND_HOSTS;
		if (ends_with(path, CNAME_FILE))
			kind = KIND_CNAMES;
		good = read_file(c, path, kind);
	}
	if (good) {
		if (convert_get(c, "listen") == NULL)
			put_listen(c);
		if (convert_get(c, "block.answer") == NULL)
			convert_put_text(c, "block.answer", "null");
		convert_allow_private(c, 0, "", "clients of this machine's own networks could ask");
	}
	return good;
}
