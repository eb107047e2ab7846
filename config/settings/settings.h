/* SPDX-License-Identifier: BSD-2-Clause
 *
 * settings.h - saring.yaml as plain data; saring.yaml(5) is its manual. Units are in the names.
 * A struct settings is built whole by settings_load and never changed after; any thread may read it. All pointers are into its
 * arena. Paths are absolute (relative ones were taken from the file that names them). */
#ifndef SARING_SETTINGS_SETTINGS_H
#define SARING_SETTINGS_SETTINGS_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/base.h"
#include "base/log.h"
#include "base/siphash.h"
#include "policy/list_mask.h"
#include "policy/terms.h"
#include "settings/clients.h"
#include "settings/locals.h"
#include "settings/safe_search.h"
#include "settings/special.h"
#include "wire/name.h"

#include <assert.h>

#define SETTINGS_LISTEN_MAX 64
#define SETTINGS_SERVERS_MAX 32
#define SETTINGS_ROUTES_MAX 64 /* as written */
#define SETTINGS_ZONES_MAX 512 /* of all of them */
#define SETTINGS_HOSTS_MAX 16
#define SETTINGS_LISTS_MAX 1024
#define SETTINGS_ALLOW_MAX 1024
#define SETTINGS_ADDRESSES_MAX 16
#define SETTINGS_WORKERS_MAX 64
#define SETTINGS_PROTECT_MAX 1024
#define SETTINGS_GROUPS_MAX 255		 /* without the default one */
#define SETTINGS_SCHEDULE_MAX 64	 /* rules of one group, and hours and dates of one rule */
#define SETTINGS_GROUP_CLIENTS_MAX 16384 /* of one group */
#define SETTINGS_COOKIE_SECRETS_MAX 8
#define SETTINGS_METRICS_MAX 8
#define SETTINGS_SIGNATURE_TAIL ".minisig" /* behind the name of a list: its signature */
#define SETTINGS_FETCHED "fetched"	   /* below state: the copies of lists with a url, each under its name */

enum endpoint_scheme { ENDPOINT_DNS, ENDPOINT_HTTP };
struct endpoint {
	enum endpoint_scheme scheme;
	struct addr addr;
	const char *text; /* canonical: "dns://127.0.0.1:53" */
	uint32_t line, column;
};

enum strategy { STRATEGY_FASTEST, STRATEGY_ORDERED, STRATEGY_SPREAD };
enum others { OTHERS_REFUSE, OTHERS_DROP };
/* Which clients that ask for structured errors get them: those that nobody can read along with, or forge for; or all. */
enum structured_errors { STRUCTURED_ERRORS_ENCRYPTED, STRUCTURED_ERRORS_ALWAYS, STRUCTURED_ERRORS_OFF };
/* What whoever may look into logs of queries is told: everything; clients by their /24 or /56 alone; no clients; nothing. */
/* The later, the less is told. */
enum privacy { PRIVACY_FULL, PRIVACY_ANONYMOUS, PRIVACY_NAMES, PRIVACY_NONE };
#define PRIVACY_IPV4_BITS 24
#define PRIVACY_IPV6_BITS 56
enum dnstap_message { DNSTAP_CLIENT_QUERY, DNSTAP_CLIENT_RESPONSE };
enum dotless { DOTLESS_FORWARD, DOTLESS_NODATA };

/* Who, why, until when: the same keys under a list in saring.yaml, at the top of a YAML list, and in an entry.
 * A NULL or has_* false means "not said here". Times are seconds since the epoch. */
struct provenance {
	const char *authority, *reason, *reference;
	const char *organization, *language; /* over those of block: */
	const char *const *contact;	     /* contact_count of them */
	size_t contact_count;
	bool has_code;
	enum code code;
	bool has_sub_error;
	enum sub_error sub_error;
	/* as written (for showing) and as time; text NULL when not said */
	const char *added, *review, *expires, *lifted;
	int64_t added_s, review_s, expires_s, lifted_s;
	const char *lifted_by, *lift_reason, *lift_reference; /* who lifted it, why, by what order; in lists only */
};

struct minisign_key; /* settings/minisign.h */

/* A route as it is written, with zones that may be prefixes' (settings/reverse.h); what whole.c makes routes of. */
struct settings_zone {
	struct name name; /* folded */
	uint32_t line, column;
};
struct settings_route_item {
	const struct settings_zone *zones;
	size_t zone_count;
	const struct endpoint *servers;
	size_t server_count;
};

struct settings_route {
	struct name zone; /* folded */
	const struct endpoint *servers;
	size_t server_count;
};

struct settings_hosts {
	const char *path;  /* absolute */
	const char *shown; /* as written */
};

struct settings_list {
	const char *name;
	const char *file;	     /* absolute; of a url list the fetched copy: <state>/fetched/<name> */
	const char *file_shown;	     /* as written in saring.yaml, or the url: what explain and messages show */
	const char *url;	     /* NULL: a list of a file */
	int64_t refresh_s;	     /* of a url list; 0 = only when asked for */
	unsigned max_change_percent; /* of a url list: a fetched copy that shrinks or grows by more is refused; 0 = any change is
					taken */
	/* Of a signed list; all NULL for others. */
	const struct minisign_key *key;
	const char *key_text;
	const char *signature; /* absolute: <file>.minisig; of a url list <state>/fetched/<name>@minisig, which no list is called */
	const char *signature_url;   /* of a url list */
	const char *signature_shown; /* what messages call it: as file_shown, .minisig behind; or the url */
	enum format format;	     /* FORMAT_AUTO: detected */
	bool may_allow;		     /* the list's own allow rules count although it blocks */
	bool has_action;	     /* said in saring.yaml: outranks the list's own `action:` */
	enum action action;
	bool has_match; /* for entries that don't say */
	enum match match;
	bool has_answer;
	enum answer answer;
	bool mandatory;
	enum mode mode;
	struct provenance provenance; /* defaults under the list's own */
	uint32_t line, column;	      /* of its entry in saring.yaml */
};

/* What a group's clients are: one prefix, or whoever asks at one endpoint of listen:. */
struct settings_client {
	const char *text;     /* canonical */
	bool is_listener;     /* then addr is as listen: has it, else prefix holds */
	struct prefix prefix; /* one of v4-mapped addresses is one of IPv4 */
	struct addr addr;
	uint32_t line, column;
};

struct time_zone; /* settings/zone.h */

/* By the clock on the wall. to_min is not from_min; where it is less, they end on the day after. */
struct settings_hours {
	uint16_t from_min, to_min; /* of the day: 0 to 1440 */
};
struct settings_dates {
	int32_t first_day, last_day; /* since 1970-01-01; both are in it */
};
/* When lists act for a group. Lists that several rules name act when any of them says so, those that none names always. */
struct settings_schedule {
	const char *const *list_names; /* as written; NULL: all of the group's */
	size_t list_name_count;
	struct list_mask lists; /* none that the group has not, and no mandatory ones */
	uint8_t days;		/* bit 0: Monday. Of those on which hours begin */
	const struct settings_hours *hours;
	size_t hours_count; /* 0: the whole day */
	const struct settings_dates *dates;
	size_t date_count;     /* 0: any */
	const char *zone_name; /* NULL: not said */
	const struct time_zone *zone;
};

struct settings_group {
	const char *name;
	const struct settings_client *clients; /* as written */
	size_t client_count;
	const char *const *list_names; /* as written; has_lists */
	size_t list_name_count;
	bool has_lists;		/* else it gets all */
	bool has_safe_search;	/* else it has what is said for all */
	uint32_t safe_search;	/* bits: enum safe_engine */
	struct list_mask lists; /* by their places in lists:, the mandatory ones among them */
	const struct settings_schedule *schedule;
	size_t schedule_count; /* 0: they always act */
	bool has_answer;
	enum answer answer;
	const struct addr *addresses;
	size_t address_count;
	struct own_answer own; /* the two together, as they are sent */
	const struct endpoint *servers;
	size_t server_count; /* 0: those of upstream: */
	bool has_strategy;   /* else upstream: has it */
	enum strategy strategy;
	uint32_t line, column; /* of its item; 0 for the default group when it is not said */
};

struct settings {
	struct arena arena;
	const char *path; /* of saring.yaml, as given */

	const struct endpoint *listen;
	size_t listen_count;
	unsigned workers; /* 0 = auto: one for each core */
	const char *user; /* NULL: not said; the default is "saring" where that user exists */

	const struct prefix *allow;
	size_t allow_count;
	enum others others;
	uint32_t rate; /* queries a second of one prefix; 0 = any */

	const struct endpoint *servers;
	size_t server_count; /* 0: take /etc/resolv.conf's */
	enum strategy strategy;
	bool rebind_protection, upstream_cookies, prefetch;
	int64_t timeout_ms;
	const struct settings_route_item *route_items; /* as written */
	size_t route_item_count;
	const struct settings_route *routes; /* one for each zone */
	size_t route_count;

	uint64_t cache_size; /* bytes; 0 = off */
	int64_t min_ttl_s, max_ttl_s, max_negative_ttl_s, serve_stale_s;

	enum answer block_answer;
	uint32_t block_ttl_s;
	const struct addr *addresses; /* for ANSWER_ADDRESS */
	size_t address_count;
	const char *popular, *popular_shown; /* names by how much they are used; NULL: not said */
	const char *organization, *language; /* NULL: not said */
	const char *const *contact;
	size_t contact_count;
	enum structured_errors structured_errors;
	uint32_t require;	    /* bits: enum require of provenance.h */
	const struct name *protect; /* folded */
	size_t protect_count;

	/* Of specials[]: what the file names, and what follows from it. */
	bool names_forward[SPECIAL_MAX], names_deny[SPECIAL_MAX];
	bool special_on[SPECIAL_MAX]; /* answered here */
	struct special_index special;
	enum dotless dotless;

	const struct locals_record *records; /* sound, as settings/locals.h wants them */
	size_t record_count;
	const struct settings_hosts *hosts;
	size_t host_count;
	uint32_t safe_search; /* bits: enum safe_engine; of clients without a group */
	bool any_safe_search; /* it is on for somebody */

	const struct settings_list *lists;
	size_t list_count;

	/* [0] is the default group, which is there whenever any is; the others are in the file's order. 0: there are no groups. */
	const struct settings_group *groups;
	size_t group_count;
	const char *time_zone;	       /* of schedules that name none; NULL: the system's */
	const struct time_zone *zone;  /* NULL: as above */
	const struct clients *clients; /* which group a client is of; NULL: there are no groups */

	const char *control_socket;
	const char *control_group; /* NULL: not said; the default is "saring" where that group exists */
	const char *state;
	enum log_level log_level;
	enum privacy log_privacy;
	uint64_t audit_size; /* bytes of one file of the audit log */
	unsigned audit_keep; /* full ones; 0 = all */
	unsigned log_recent; /* of the last queries so many are kept in memory; 0 = none */
	bool log_traffic;    /* what the last day looked like is counted */

	bool query_log, query_log_blocked_only;
	const char *query_log_file;    /* absolute; where nothing was said, below state */
	int64_t query_log_retention_s; /* 0: rows do not go for their age */
	uint64_t query_log_bytes;      /* 0: any */

	const char *dnstap_socket, *dnstap_file; /* both, one, or neither: off */
	uint32_t dnstap_messages;		 /* bits: enum dnstap_message */
	bool dnstap_bytes;			 /* the messages themselves, not only who and when */
	bool cookies, server_policy;

	const struct endpoint *metrics_listen; /* HTTP; port 0: the kernel chooses */
	size_t metrics_listen_count;	       /* 0: off */

	const char *server_version, *server_identity, *server_nsid; /* NULL: not said */
	const struct siphash_key *cookie_secrets;		    /* the first makes cookies, all are accepted */
	size_t cookie_secret_count;				    /* 0: of the process's own */
};

static_assert(SETTINGS_LISTS_MAX <= LIST_MASK_LISTS, "every list has a bit");

#endif
