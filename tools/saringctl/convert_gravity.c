/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert_gravity.c - Pi-hole's gravity.db: its lists, its own names and expressions, and which group of clients gets which.
 *
 * The database is read only and never changed, not even by what it says of itself: no triggers, no views, no functions, no other
 * file. An authorizer lets six tables be read and nothing else be done; steps, rows and lengths are bounded.
 *
 * A client of Pi-hole can be in several groups, and has what any of them has; here it is in one. So each set of groups that some
 * client is in becomes one group, and names are put into one list for each set of groups that has them. */
#include "saringctl/convert.h"

#include <sqlite3.h>
#include <string.h>

#define ROWS_MAX 100000
#define LENGTH_MAX 65536       /* of a value */
#define STEPS_EACH 1000	       /* of SQLite's machine, between looks at */
#define STEPS_MAX 500000       /* so many looks */
#define GROUPS_MAX 64	       /* of Pi-hole, each a bit */
#define PAGE_SCHEMA_MAX 262144 /* of SQL text */

struct group {
	int64_t id;
	const char *name;
	bool enabled;
};

/* What can be in groups. */
enum kind { KIND_ADLIST, KIND_DOMAIN, KIND_CLIENT, KIND_COUNT };

struct gravity {
	struct convert *c;
	sqlite3 *db;
	struct group groups[GROUPS_MAX];
	size_t group_count;
	uint64_t looks;
	sqlite3_stmt *questions[KIND_COUNT];
	struct {
		json_t *name; /* of the list here */
		uint64_t groups;
	} * lists;
	size_t list_count, list_room;
	struct {
		int type;
		uint64_t groups;
		struct convert_file *file;
		const char *name;
	} own[2 * GROUPS_MAX];
	size_t own_count;
};

/* ---- a database that is not trusted ---- */

static int allow(void *arg, int what, const char *table, const char *column, const char *db, const char *trigger)
{
	static const char *const tables[] = {"adlist",		"domainlist",	       "group",		  "client",
					     "adlist_by_group", "domainlist_by_group", "client_by_group", "sqlite_master"};
	(void)arg;
	(void)column;
	(void)db;
	if (what == SQLITE_SELECT)
		return SQLITE_OK;
	if (what != SQLITE_READ || trigger != NULL)
		return SQLITE_DENY;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (strcmp(table, tables[i]) == 0)
			return SQLITE_OK;
	}
	return SQLITE_DENY;
}

static int look(void *arg)
{
	struct gravity *g = arg;
	return ++g->looks > STEPS_MAX;
}

static char *uri_of(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
	struct buf b = {0};
	buf_add_c(&b, "file:");
	for (; *path != '\0'; path++)
		buf_printf(&b, strchr(plain, *path) != NULL ? "%c" : "%%%02x", (unsigned char)*path);
	buf_add_c(&b, "?immutable=1");
	return b.ptr;
}

static bool open_db(struct gravity *g, const char *path)
{
	char *uri = uri_of(path);
	bool good =
	    sqlite3_open_v2(uri, &g->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
			    NULL) == SQLITE_OK;
	free(uri);
	if (good) {
		(void)sqlite3_db_config(g->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		(void)sqlite3_db_config(g->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		(void)sqlite3_db_config(g->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
		(void)sqlite3_db_config(g->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
		(void)sqlite3_db_config(g->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
		(void)sqlite3_limit(g->db, SQLITE_LIMIT_LENGTH, PAGE_SCHEMA_MAX);
		(void)sqlite3_limit(g->db, SQLITE_LIMIT_ATTACHED, 0);
		(void)sqlite3_limit(g->db, SQLITE_LIMIT_TRIGGER_DEPTH, 0);
		(void)sqlite3_limit(g->db, SQLITE_LIMIT_EXPR_DEPTH, 20);
		good = sqlite3_exec(g->db, "PRAGMA cell_size_check=1", NULL, NULL, NULL) == SQLITE_OK;
	}
	if (good) {
		sqlite3_progress_handler(g->db, STEPS_EACH, look, g);
		(void)sqlite3_set_authorizer(g->db, allow, NULL);
	}
	return good;
}

static const char *text_of(struct gravity *g, sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	int len = sqlite3_column_bytes(s, column);
	return text == NULL || len > LENGTH_MAX ? "" : arena_strndup(&g->c->arena, text, strlen(text));
}

typedef void row_reader(struct gravity *g, sqlite3_stmt *s);

/* Each row of a statement. false: there is no such table, or it is damaged; said. */
static bool each_row(struct gravity *g, const char *what, const char *sql, bool optional, row_reader *reader)
{
	sqlite3_stmt *s = NULL;
	size_t rows = 0;
	int rc = sqlite3_prepare_v2(g->db, sql, -1, &s, NULL);
	if (rc != SQLITE_OK && optional)
		return false;
	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(s)) == SQLITE_ROW && rows++ < ROWS_MAX)
			reader(g, s);
	if (rc != SQLITE_DONE)
		convert_lost(g->c, what, "could not be read whole: %s", rc == SQLITE_ROW ? "too many rows" : sqlite3_errmsg(g->db));
	(void)sqlite3_finalize(s);
	return rc == SQLITE_DONE;
}

/* ---- groups ---- */

static void read_group(struct gravity *g, sqlite3_stmt *s)
{
	if (g->group_count == GROUPS_MAX) {
		convert_left(g->c, 0, "group", "more than %d groups: '%s'", GROUPS_MAX, text_of(g, s, 2));
		return;
	}
	struct group *group = &g->groups[g->group_count++];
	*group =
	    (struct group){.id = sqlite3_column_int64(s, 0), .enabled = sqlite3_column_int(s, 1) != 0, .name = text_of(g, s, 2)};
	if (!group->enabled)
		convert_changed(g->c, 0, "group", "'%s' is switched off: its clients get nothing of it", group->name);
}

static uint64_t bit_of(const struct gravity *g, int64_t id)
{
	for (size_t i = 0; i < g->group_count; i++) {
		if (g->groups[i].id == id)
			return UINT64_C(1) << i;
	}
	return 0;
}

/* Whose is a thing of a kind? Asked by itself, since functions, and so group_concat, are not allowed. */
static uint64_t groups_of(struct gravity *g, enum kind kind, int64_t id)
{
	static const char *const questions[KIND_COUNT] = {
	    [KIND_ADLIST] = "SELECT group_id FROM adlist_by_group WHERE adlist_id = ?1",
	    [KIND_DOMAIN] = "SELECT group_id FROM domainlist_by_group WHERE domainlist_id = ?1",
	    [KIND_CLIENT] = "SELECT group_id FROM client_by_group WHERE client_id = ?1"};
	sqlite3_stmt **s = &g->questions[kind];
	uint64_t groups = 0;
	if (*s == NULL && sqlite3_prepare_v2(g->db, questions[kind], -1, s, NULL) != SQLITE_OK)
		return bit_of(g, 0);
	(void)sqlite3_bind_int64(*s, 1, id);
	while (sqlite3_step(*s) == SQLITE_ROW)
		groups |= bit_of(g, sqlite3_column_int64(*s, 0));
	(void)sqlite3_reset(*s);
	return groups;
}

static const char *names_of(struct gravity *g, uint64_t groups)
{
	const char *names = "";
	for (size_t i = 0; i < g->group_count; i++) {
		if ((groups >> i & 1) != 0)
			names = arena_printf(&g->c->arena, "%s%s%.40s", names, names[0] != '\0' ? "-" : "", g->groups[i].name);
	}
	return names;
}

/* ---- lists ---- */

static void know_list(struct gravity *g, json_t *list, uint64_t groups)
{
	if (g->list_count == g->list_room) {
		size_t room = g->list_room == 0 ? 64 : g->list_room * 2;
		void *grown = arena_alloc(&g->c->arena, room * sizeof(*g->lists));
		if (g->list_count > 0)
			memcpy(grown, g->lists, g->list_count * sizeof(*g->lists));
		g->lists = grown;
		g->list_room = room;
	}
	g->lists[g->list_count].name = json_object_get(list, "name");
	g->lists[g->list_count++].groups = groups;
}

/* A list is called by its host and the last part of its path. */
static const char *call(struct gravity *g, const char *url)
{
	const char *host = strstr(url, "://"), *last = strrchr(url, '/');
	host = host != NULL ? host + 3 : url;
	size_t len = strcspn(host, "/:");
	return arena_printf(&g->c->arena, "%.*s-%.24s", (int)(len > 28 ? 28 : len), host,
			    last != NULL && last > host ? last + 1 : "list");
}

static void read_adlist(struct gravity *g, sqlite3_stmt *s)
{
	struct convert *c = g->c;
	int64_t id = sqlite3_column_int64(s, 0);
	const char *url = text_of(g, s, 1), *comment = text_of(g, s, 3);
	bool allows = sqlite3_column_int(s, 4) == 1;
	const char *key = arena_printf(&c->arena, "adlist:%lld", (long long)id);
	if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || strchr(url, '@') != NULL) {
		convert_left(c, 0, key,
			     "'%.200s': only http:// and https:// without a user's name are fetched; copy it, and name it by file",
			     url);
		return;
	}
	uint64_t groups = groups_of(g, KIND_ADLIST, id);
	json_t *list = convert_list(c, call(g, url));
	if (comment[0] != '\0')
		json_object_set_new(list, "#", json_string(comment));
	json_object_set_new(list, "url", json_string(url));
	json_object_set_new(list, "refresh", json_string("1w"));
	if (allows)
		json_object_set_new(list, "action", json_string("allow"));
	if (sqlite3_column_int(s, 2) == 0 || groups == 0)
		json_object_set_new(list, "mode", json_string("off"));
	if (groups == 0)
		convert_changed(c, 0, key, "is in no group, and so acts for nobody: mode off");
	if (allows)
		convert_changed(c, 0, key, "a list that allows: here it outranks names of one's own that are denied, too");
	know_list(g, list, groups);
}

/* ---- names and expressions of one's own ---- */

static struct convert_file *own_of(struct gravity *g, int type, uint64_t groups)
{
	static const char *const words[] = {"allow", "deny", "allow-regex", "deny-regex"};
	for (size_t i = 0; i < g->own_count; i++) {
		if (g->own[i].type == type && g->own[i].groups == groups)
			return g->own[i].file;
	}
	if (g->own_count == ARRAY_LEN(g->own))
		return NULL;
	uint64_t all = g->group_count == GROUPS_MAX ? UINT64_MAX : (UINT64_C(1) << g->group_count) - 1;
	json_t *list;
	const char *wish = groups == all ? words[type] : arena_printf(&g->c->arena, "%s-%s", words[type], names_of(g, groups));
	const char *title = arena_printf(&g->c->arena, "names of Pi-hole's: %s", wish);
	struct convert_file *f = convert_own(g->c, wish, type == 0 || type == 2, title, &list);
	know_list(g, list, groups);
	g->own[g->own_count].type = type;
	g->own[g->own_count].groups = groups;
	g->own[g->own_count++].file = f;
	return f;
}

/* What only Pi-hole's expressions have: ";querytype=A" and the like behind them, "{~1}" for what nearly matches. */
static const char *dialect(const char *regex)
{
	if (strstr(regex, ";querytype=") != NULL || strstr(regex, ";invert") != NULL || strstr(regex, ";reply=") != NULL)
		return "options behind an expression (;querytype, ;invert, ;reply) are Pi-hole's alone";
	return strstr(regex, "{~") != NULL || strstr(regex, "{+") != NULL ? "approximate matching is Pi-hole's alone" : NULL;
}

static void read_domain(struct gravity *g, sqlite3_stmt *s)
{
	struct convert *c = g->c;
	int64_t id = sqlite3_column_int64(s, 0), type = sqlite3_column_int64(s, 1), added_s = sqlite3_column_int64(s, 5);
	const char *text = text_of(g, s, 2), *comment = text_of(g, s, 4),
		   *key = arena_printf(&c->arena, "domainlist:%lld", (long long)id);
	if (type < 0 || type > 3 || text[0] == '\0') {
		convert_left(c, 0, key, "not a name of a type that this tool knows");
		return;
	}
	if (sqlite3_column_int(s, 3) == 0) {
		convert_left(c, 0, key, "'%.200s': switched off", text);
		return;
	}
	uint64_t groups = groups_of(g, KIND_DOMAIN, id);
	struct convert_file *f = groups != 0 ? own_of(g, (int)type, groups) : NULL;
	const char *note = comment[0] != '\0' ? comment : NULL;
	if (f == NULL)
		convert_left(c, 0, key,
			     groups == 0 ? "'%.200s': in no group, and so for nobody" : "'%.200s': too many sets of groups", text);
	else if (type < 2)
		convert_own_name(c, f, str_from(text), "exact", note, added_s, 0, key);
	else if (dialect(text) != NULL)
		convert_left(c, 0, key, "/%.200s/: %s", text, dialect(text));
	else
		convert_own_regex(c, f, str_from(text), note, added_s, 0, key);
}

/* ---- clients ---- */

static json_t *lists_of(struct gravity *g, uint64_t groups)
{
	json_t *names = json_array();
	for (size_t i = 0; i < g->group_count; i++) {
		if (!g->groups[i].enabled)
			groups &= ~(UINT64_C(1) << i);
	}
	for (size_t i = 0; i < g->list_count; i++) {
		if ((g->lists[i].groups & groups) != 0)
			json_array_append(names, g->lists[i].name);
	}
	return names;
}

static void read_client(struct gravity *g, sqlite3_stmt *s)
{
	struct convert *c = g->c;
	struct prefix prefix;
	char address[ADDR_TEXT_MAX];
	size_t i;
	json_t *group;
	const char *text = text_of(g, s, 1), *comment = text_of(g, s, 2);
	const char *key = arena_printf(&c->arena, "client:%lld", (long long)sqlite3_column_int64(s, 0));
	uint64_t groups = groups_of(g, KIND_CLIENT, sqlite3_column_int64(s, 0));
	const char *names = names_of(g, groups);
	if (!convert_prefix(str_from(text), &prefix)) {
		convert_left(c, 0, key,
			     "'%.64s' (in %s): saring knows clients by address and network alone; give it a fixed address", text,
			     names[0] != '\0' ? names : "no group");
		return;
	}
	(void)comment; /* of people; not ours to show */
	if (groups == bit_of(g, 0)) {
		c->off++; /* as all others */
		return;
	}
	json_t *lists = lists_of(g, groups), *one = json_string(prefix_to_text(&prefix, address));
	json_array_foreach(json_object_get(c->settings, "groups"), i, group)
	{
		if (json_equal(json_object_get(group, "lists"), lists) != 0) {
			json_array_append_new(json_object_get(group, "clients"), one);
			json_decref(lists);
			return;
		}
	}
	group = convert_group(c, names[0] == '\0'						  ? "none"
				 : strcmp(names, "default") == 0 || strcmp(names, "Default") == 0 ? "group-default"
												  : names);
	json_object_set_new(group, "clients", json_pack("[o]", one));
	json_object_set_new(group, "lists", lists);
}

static void settle(struct gravity *g)
{
	bool same = json_object_get(g->c->settings, "groups") == NULL;
	uint64_t rest = bit_of(g, 0);
	for (size_t i = 0; i < g->list_count; i++)
		same = same && ((g->lists[i].groups & rest) != 0 || g->lists[i].groups == 0);
	if (!same)
		json_object_set_new(convert_group(g->c, "default"), "lists", lists_of(g, rest));
}

bool convert_gravity(struct convert *c, const char *path)
{
	struct gravity *g = arena_alloc(&c->arena, sizeof(*g));
	g->c = c;
	bool good = open_db(g, path);
	if (good) {
		if (!each_row(g, "group", "SELECT id, enabled, name FROM \"group\" ORDER BY id", true, read_group))
			g->groups[g->group_count++] = (struct group){.id = 0, .name = "Default", .enabled = true};
		good = each_row(g, "adlist", "SELECT id, address, enabled, comment, type FROM adlist ORDER BY id", true,
				read_adlist) ||
		       each_row(g, "adlist", "SELECT id, address, enabled, comment, 0 FROM adlist ORDER BY id", false, read_adlist);
	}
	if (good) {
		(void)each_row(g, "domainlist", "SELECT id, type, domain, enabled, comment, date_added FROM domainlist ORDER BY id",
			       false, read_domain);
		(void)each_row(g, "client", "SELECT id, ip, comment FROM client ORDER BY id", true, read_client);
		settle(g);
	} else
		err_list_add_at(&c->errors, path, 0, 0, "not a gravity.db that can be read: %s",
				g->db != NULL ? sqlite3_errmsg(g->db) : "no memory");
	for (size_t i = 0; i < KIND_COUNT; i++)
		(void)sqlite3_finalize(g->questions[i]);
	(void)sqlite3_close(g->db);
	return good;
}
