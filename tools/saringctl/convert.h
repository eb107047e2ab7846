/* SPDX-License-Identifier: BSD-2-Clause
 *
 * convert.h - the configuration of another filtering resolver as one of saring: what every reader of such a configuration adds to
 * (settings, lists, groups, records, routes, and notes of what could not be taken as it was), and what is made of it
 * (convert_text.c).
 *
 * The readers (convert_pihole.c, convert_gravity.c, convert_adguard.c, convert_blocky.c) never fail on content: what maps is put
 * here, and everything else is noted with its place and why; nothing is dropped in silence. What was switched off there and is
 * absent here is only counted. Notes show no values of keys they do not know, since those may be secrets. One thread. */
#ifndef SARING_SARINGCTL_CONVERT_H
#define SARING_SARINGCTL_CONVERT_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "settings/yaml.h"

#include <jansson.h>

#define CONVERT_BYTES_MAX (16 * 1024 * 1024) /* of a file of text */
#define CONVERT_NODES_MAX 1000000	     /* values in it */
#define CONVERT_NOTES_MAX 10000		     /* kept of each kind; more are counted */
#define CONVERT_KEY_MAX 256		     /* bytes of a key path in a note */

/* A list of our own that is written beside saring.yaml. */
struct convert_file {
	const char *path; /* relative to saring.yaml: "lists/deny.yaml" */
	struct buf text;
	size_t entries, regexes;
	struct convert_file *next;
};

struct convert {
	struct arena arena;
	json_t *settings; /* owned; as saring.yaml will have them, in the order put. Keys "#" hold comments */
	json_t *changed, *left;
	json_t *by_name;		/* owned: the records of each name */
	size_t changed_more, left_more; /* past CONVERT_NOTES_MAX */
	size_t put, off;		/* settings taken; settings that were off and so are absent */
	size_t entries;			/* of our own lists */
	struct convert_file *files, **last_file;
	const char *file;	/* being read, as notes show it */
	const char *base;	/* its path, for files that it names */
	void *reader;		/* the reader's own, while it reads */
	struct err_list errors; /* what kept it from being read at all */
};
void convert_init(struct convert *c);
void convert_finish(struct convert *c);

/* The readers. path: a file, for Pi-hole also a folder. False when it is none of that kind: c->errors says why. */
MUST_CHECK bool convert_pihole(struct convert *c, const char *path);
MUST_CHECK bool convert_adguard(struct convert *c, const char *path);
MUST_CHECK bool convert_blocky(struct convert *c, const char *path);
MUST_CHECK bool convert_gravity(struct convert *c, const char *path); /* Pi-hole's database alone */

/* ---- notes: line 0 where there are none, key "" likewise ---- */
void convert_left(struct convert *c, uint32_t line, const char *key, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* A whole part that could not be read: told however many notes there are. */
void convert_lost(struct convert *c, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void convert_changed(struct convert *c, uint32_t line, const char *key, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* ---- settings ---- */
/* "cache.size"; takes the reference. What stood there is replaced. */
void convert_put(struct convert *c, const char *path, json_t *value);
void convert_put_text(struct convert *c, const char *path, const char *text);
void convert_put_seconds(struct convert *c, const char *path, int64_t s);
json_t *convert_get(const struct convert *c, const char *path);		 /* borrowed, NULL: not put */
void convert_add(struct convert *c, const char *path, const char *text); /* one more of a list of texts; once only */
/* Who may ask: the networks that the Internet does not reach. The default of all three products is wider, which is noted. */
void convert_allow_private(struct convert *c, uint32_t line, const char *key, const char *was);
/* The endpoint that a server's text stands for, in the spelling of any of the three; NULL when there is none: noted. */
const char *convert_server(struct convert *c, struct str text, uint32_t line, const char *key);
/* Servers to upstream.servers; a route's or a group's to an array. */
void convert_add_server(struct convert *c, json_t *servers, struct str text, uint32_t line, const char *key);
void convert_route(struct convert *c, json_t *zones, json_t *servers); /* takes both; without servers nothing */
/* type NULL: an address, by its family. Twice the same is once; beside a CNAME nothing stands: noted. ttl_s < 0: not said. */
void convert_record(struct convert *c, struct str name, const char *type, struct str data, int64_t ttl_s, uint32_t line,
		    const char *key);
bool convert_is_name(struct str text); /* one that saring takes, of two labels or one */

/* ---- lists and groups: the objects are the settings' own, borrowed ---- */
json_t *convert_list(struct convert *c, const char *wish); /* its name is made of wish, and unique; no file yet */
const char *convert_list_name(const json_t *list);
json_t *convert_group(struct convert *c, const char *wish);
json_t *convert_group_of(struct convert *c, const char *name); /* with that very name, or NULL */
/* A YAML list of our own, with its row under lists. */
struct convert_file *convert_own(struct convert *c, const char *wish, bool allow, const char *title, json_t **ret_list);
/* match: "exact", "subtree", "subdomains". note: a comment behind it, or NULL. added_s: 0 = not said. A name that is none is noted.
 */
void convert_own_name(struct convert *c, struct convert_file *f, struct str name, const char *match, const char *note,
		      int64_t added_s, uint32_t line, const char *key);
/* What PCRE2 refuses, what saring has no room for, and what only another dialect knows is noted. */
void convert_own_regex(struct convert *c, struct convert_file *f, struct str regex, const char *note, int64_t added_s,
		       uint32_t line, const char *key);
/* A line of a hosts file, of names, of *.names or of /expressions/, as Blocky's and Pi-hole's own lists have them. */
void convert_own_line(struct convert *c, struct convert_file *f, struct str text, uint32_t line, const char *key);
/* Any other text as a file of a list. */
struct convert_file *convert_own_text(struct convert *c, const char *path);

/* ---- clients ---- */
/* An address or a prefix as saring takes it, bits behind its length cleared; false when it is none. */
MUST_CHECK bool convert_prefix(struct str text, struct prefix *ret);

/* ---- walking a tree of YAML or TOML by a table ---- */
struct convert_row {
	const char *key;								 /* "*": any other */
	void (*take)(struct convert *c, const struct yaml_node *node, const char *path); /* or */
	const struct convert_row *rows; /* those of a mapping, ended by an empty row; or */
	const char *left;		/* why it is left out; */
	const char *off;		/* unless it says this; false, 0, "" and empty ones mean off, too */
};
/* path: of the mapping, "" for the top. Keys without a row are noted as unknown, and mappings where none should be. */
void convert_walk(struct convert *c, const struct yaml_node *mapping, const char *path, const struct convert_row *rows);
const char *convert_path(struct convert *c, const char *path, const char *key); /* "a.b"; lives as long as c */
bool convert_node_off(const struct yaml_node *node);				/* null, false, 0, "", [], {} */
bool convert_node_true(const struct yaml_node *node);
/* A number in a scalar; false and a note when it is none. */
MUST_CHECK bool convert_number(struct convert *c, const struct yaml_node *node, const char *path, int64_t *ret);
/* "1h30m", "90s", "500ms", "-1", and a bare number of that many seconds each. */
MUST_CHECK bool convert_duration(struct convert *c, const struct yaml_node *node, const char *path, int64_t unit_s, int64_t *ret_s);
/* Each scalar of a sequence, or of one scalar cut at commas. False: no more. */
struct convert_each {
	const struct yaml_node *next;
	struct str rest;
	uint32_t line;
};
void convert_each_of(struct convert_each *each, const struct yaml_node *node);
bool convert_next(struct convert_each *each, struct str *ret);

/* ---- what comes of it ---- */
/* saring.yaml's text. */
void convert_write(const struct convert *c, const char *from, struct buf *ret);
/* Texts as YAML, a comment made of anything. */
void convert_put_comment(struct buf *b, const char *indent, const char *text);

#endif
