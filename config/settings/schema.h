/* SPDX-License-Identifier: BSD-2-Clause
 *
 * schema.h - the one table of saring.yaml: each key with its type, range, default, help, and when a changed value takes effect.
 * bind.c binds files by it; saring.yaml(5) and the commented saring.yaml are checked against it (tests/lint/settings.py).
 * A new setting is one row here, one field in settings.h, one paragraph in the manual. Const data; any thread. */
#ifndef SARING_SETTINGS_SCHEMA_H
#define SARING_SETTINGS_SCHEMA_H

#include "base/base.h"
#include "base/str.h"

enum schema_type {
	SCHEMA_SECTION,	    /* a mapping of other rows, in the same struct */
	SCHEMA_LISTS,	    /* a list of mappings -> array of struct settings_list */
	SCHEMA_ROUTES,	    /* a list of mappings -> array of struct settings_route */
	SCHEMA_GROUPS,	    /* a list of mappings -> array of struct settings_group */
	SCHEMA_SCHEDULE,    /* a list of mappings -> array of struct settings_schedule */
	SCHEMA_DAYS,	    /* a list of days of the week and rows of them, or one -> uint8_t, a bit for each */
	SCHEMA_HOURS,	    /* a list of 07:00-12:00, or one -> array of struct settings_hours */
	SCHEMA_DATES,	    /* a list of dates and first..last, or one -> array of struct settings_dates */
	SCHEMA_TIME_ZONE,   /* a name of tzdata -> const char *; at_more: const struct time_zone * */
	SCHEMA_WORD,	    /* one of words -> its index, as an enum or a bool */
	SCHEMA_BOOL,	    /* true or false -> bool */
	SCHEMA_SECONDS,	    /* a duration of whole seconds -> integer of 4 or 8 bytes; or_zero: 0 is taken whatever min says */
	SCHEMA_PERCENT,	    /* "50%" -> unsigned; 0 is taken whatever min says */
	SCHEMA_MS,	    /* a duration -> int64_t */
	SCHEMA_RATE,	    /* "1000/s" or off -> uint32_t a second; off is 0 */
	SCHEMA_SPECIALS,    /* a list of names out of special.h -> bool[SPECIAL_MAX]; words: which those are, for messages */
	SCHEMA_SECRETS,	    /* a list of 32 hexadecimal digits each -> array of struct siphash_key */
	SCHEMA_SIZE,	    /* a size -> uint64_t; 0 is taken whatever min says */
	SCHEMA_WORKERS,	    /* "auto" or a number -> unsigned; auto is 0 */
	SCHEMA_COUNT,	    /* a number -> unsigned */
	SCHEMA_TEXT,	    /* -> const char *; max is in bytes */
	SCHEMA_TEXTS,	    /* a list of texts, or one text -> array of const char * */
	SCHEMA_LANGUAGE,    /* a language tag -> const char * */
	SCHEMA_LIST_NAME,   /* -> const char * */
	SCHEMA_URL,	    /* of http or https -> const char *; max is in bytes */
	SCHEMA_PATH,	    /* -> const char *, made absolute; max is in bytes. at_more: const char *, as written */
	SCHEMA_LISTEN,	    /* a list of endpoints, port 0 allowed -> array of struct endpoint */
	SCHEMA_HTTP,	    /* one HOST:PORT or a list of them, port 0 allowed -> array of struct endpoint */
	SCHEMA_SERVERS,	    /* a list of endpoints -> array of struct endpoint */
	SCHEMA_PREFIXES,    /* -> array of struct prefix */
	SCHEMA_CLIENTS,	    /* a list of addresses, prefixes and endpoints -> array of struct settings_client */
	SCHEMA_ADDRESSES,   /* -> array of struct addr */
	SCHEMA_ZONE,	    /* a domain name -> struct name, folded */
	SCHEMA_NAMES,	    /* a list of domain names -> array of struct name, folded */
	SCHEMA_WORDS,	    /* a list of words -> uint32_t, a bit for each */
	SCHEMA_KEY,	    /* minisign's public key -> const struct minisign_key *; at_more: const char *, as written */
	SCHEMA_ROUTE_ZONES, /* a domain name or prefix, or a list of them: added to an array of struct settings_zone */
	SCHEMA_RECORDS,	    /* a list of records, as mappings or lines -> array of struct locals_record */
	SCHEMA_RECORD_PART, /* a key of such a mapping: bound with it */
	SCHEMA_HOSTS,	    /* off, a path or a list of them -> array of struct settings_hosts */
	SCHEMA_SAFE_SEARCH, /* true, false or a list of engines -> uint32_t, a bit for each */
	SCHEMA_PROVENANCE,  /* bound by provenance.h */
};

/* When a value changed in the file takes effect. */
enum schema_reload { RELOAD_AT_ONCE, RELOAD_AT_RESTART };

struct schema_key {
	const char *path; /* "cache.size"; "lists[].name" is a key of each item of `lists` */
	enum schema_type type;
	enum schema_reload reload;
	bool required;	  /* an item without it is an error */
	bool or_zero;	  /* see SCHEMA_SECONDS */
	size_t at, size;  /* the field in struct settings, or in the struct of the item */
	size_t at_more;	  /* a second field: an array's count, a value's has_ flag, a path as written; 0 = none */
	int64_t min, max; /* of the value in its unit; for arrays, how many */
	const char *const *words;
	const char *fallback; /* the default, as YAML text; NULL: not said */
	const char *help;     /* one line */
};

extern const struct schema_key schema_keys[];
extern const size_t schema_key_count;

/* The row of `key` under `prefix` ("", "cache.", "lists[]."), or NULL. */
const struct schema_key *schema_find(const char *prefix, struct str key);
/* The part of the row's path after prefix when it is a direct child of it, else NULL. */
const char *schema_child(const struct schema_key *row, const char *prefix);
/* What to say after "unknown key 'x'": the nearest key at this place, else where that key belongs, else what may stand here. */
void schema_suggest(const char *prefix, struct str key, char *buf, size_t size);
/* Words with ", " between them. */
void schema_join(const char *const *words, char *buf, size_t size);

#endif
