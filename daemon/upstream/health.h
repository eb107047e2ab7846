/* SPDX-License-Identifier: BSD-2-Clause
 *
 * health.h - the servers and how they do: latency, up or down, which to try first. Inside daemon/upstream only; pool.h has what
 * others may see of it.
 *
 * A server is shared by all workers and by the configurations that name it; its fields are relaxed atomics, and a lost update is a
 * measurement lost, no more. State is kept by edges: a server goes down after HEALTH_FAILURES asks in a row it did nothing for,
 * over at least HEALTH_GRACE_MS; while down it is asked for itself only by probes, one in each back-off interval (250 ms, 500 ms,
 * 1 s, 1.5 s, 1.5 s ...: a probe is one small datagram, and a server that is back should be in use within two seconds), and, when
 * nothing else is left, by a few asks as a last resort. One matched reply, whatever its rcode, brings it up. */
#ifndef SARING_UPSTREAM_HEALTH_H
#define SARING_UPSTREAM_HEALTH_H

#include "base/addr.h"
#include "base/base.h"
#include "observe/latency.h"
#include "settings/settings.h"
#include "upstream/pool.h"
#include "wire/name.h"

#define HEALTH_FAILURES 3
#define HEALTH_GRACE_MS 1000
#define HEALTH_BACKOFF_MIN_MS 250
#define HEALTH_BACKOFF_MAX_MS 1500
#define HEALTH_WAIT_MIN_MS 200	    /* for a first attempt's answer, at least */
#define HEALTH_WAIT_ALONE_MS 1000   /* the same where no other server is left to try */
#define HEALTH_WAIT_UNKNOWN_MS 376  /* nothing is known of the server yet */
#define HEALTH_USELESS_ALL 1024	    /* every reply was of no use */
#define HEALTH_EXPLORE_PERCENT 5    /* of asks try another than the fastest */
#define HEALTH_CASE_PROOFS 3	    /* that a server does not keep the letters' case ... */
#define HEALTH_CASE_OFF_MS 3600000  /* ... switch 0x20 off for it for that long */
#define HEALTH_COOKIE_OFF_MS 300000 /* for so long none is expected of a server that answered by TCP without one */
#define HEALTH_WAIT_MAX_MS 1500	    /* for a datagram's answer, before it is tried otherwise */

enum server_state { SERVER_UP, SERVER_DOWN, SERVER_PROBING };
enum server_failure { SERVER_TIMEOUT, SERVER_NETWORK };

struct server {
	/* fixed */
	struct addr addr;
	char text[80];
	uint16_t number; /* upstream_stats */
	bool has_zone;	 /* of a route; the same address may serve several routes, and do well for one only */
	struct name zone;
	/* shared */
	_Atomic unsigned refs;
	_Atomic int state;
	_Atomic uint32_t srtt_us;   /* smoothed; 0 = nothing measured */
	_Atomic uint32_t useless;   /* of its replies, smoothed; of HEALTH_USELESS_ALL */
	_Atomic uint32_t failures;  /* asks in a row without an answer */
	_Atomic int64_t failing_ms; /* since then */
	_Atomic int last_failure;   /* enum server_failure */
	_Atomic uint32_t backoff_ms;
	_Atomic int64_t probe_ms; /* not before */
	_Atomic uint32_t case_proofs;
	_Atomic int64_t no_case_until_ms;
	_Atomic bool cookies; /* it has sent one that was right */
	_Atomic int64_t no_cookies_until_ms;
	_Atomic uint64_t sent, failed;
	struct latency rtt; /* of datagrams that were answered */
};

struct server *server_ref(struct server *s);
void server_unref(struct server *s); /* frees with the last */

void server_sent(struct server *s);
/* A matched reply came. rtt_us 0: not measured. */
void server_answered(struct server *s, uint32_t rtt_us);
/* It came, but was of no use (SERVFAIL, malformed): alive, and counted as failed. */
void server_useless(struct server *s);
void server_useful(struct server *s);
/* One send came to nothing. first_of_ask: the first of this ask to this server; only those speak for its state. */
void server_failed(struct server *s, enum server_failure why, bool first_of_ask, int64_t since_ms, int64_t now_ms);
/* True to one caller in each interval while it is down: that one probes. */
bool server_probe_due(struct server *s, int64_t now_ms);
bool server_is_up(const struct server *s);
/* How long to wait for the answer to send number `sends` (from 1) before trying elsewhere. */
int64_t server_wait_ms(const struct server *s, unsigned sends);
bool server_keeps_case(const struct server *s, int64_t now_ms);
void server_case_proved(struct server *s, int64_t now_ms);
/* Must a datagram of it have a cookie to be believed (RFC 7873 §5.3)? */
bool server_expects_cookie(const struct server *s);
/* It sent one that was right. */
void server_cookie_seen(struct server *s, int64_t now_ms);
/* By TCP it answered without: it speaks cookies no longer, or not everywhere. */
void server_cookie_missing(struct server *s, int64_t now_ms);

struct route {
	bool is_default;
	struct name zone;	 /* folded */
	char *zone_text;	 /* owned; NULL for the default */
	struct server **servers; /* a reference each */
	size_t server_count;
	enum strategy strategy;
	uint32_t set;	  /* of a group of clients: its number; then is_default, and found by that alone. 0: found by name */
	char *group_text; /* owned; the first group that has it; NULL when set is 0 */
};

struct upstreams {
	enum strategy strategy; /* of the default ones and of zones' */
	int64_t timeout_ms;
	bool cookies;	      /* are sent */
	struct route *routes; /* the default first, then those of zones, then groups' sets */
	size_t zone_count;    /* the first so many are found by name */
	size_t route_count;
	uint32_t *group_sets; /* by group */
	size_t group_count;
	uint32_t last_set;	/* the highest number a set was given */
	uint64_t routes_number; /* upstreams_routes */
	uint16_t last_number;	/* the highest a server was given */
};

/* The route of the longest zone at or above name. A zone's DS lies with its parent, and is asked of the parent's servers. */
const struct route *upstreams_route(const struct upstreams *u, const struct name *name, uint16_t type);

/* The same for who has a set of servers of his own, which are asked where the default ones would be. */
const struct route *upstreams_route_for(const struct upstreams *u, const struct name *name, uint16_t type, uint32_t set);

/* The servers in the order an ask tries them: those up by the strategy, then the others. Returns how many are up. */
size_t route_order(const struct route *route, enum strategy strategy, uint8_t ret[SETTINGS_SERVERS_MAX]);

#endif
