/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pool_ask.h - one question on its way through the servers, and its attempts: what pool.c, pool_ask.c, choice.c, attempt.c,
 * reply.c, udp.c, port.c and stream.c share. Inside daemon/upstream only; the pool's worker thread.
 *
 *   pool_ask --> pool_ask_start --> udp_start, stream_start    one attempt at a time; earlier ones stay open and may still win
 *                      ^                     |
 *                      |                     v
 *                      +---- _on_due, _on_unsent, _on_reply, _on_failure --> pool_ask_finish --> the caller's callback
 *
 * What is started within one turn of the event loop is sent at its end, by pool_flush. The clock is read once for each event that
 * leads here (pool_clock), not for each question.
 *
 * After pool_ask_on_*() and pool_ask_finish() the attempt, the ask and even the pool may be gone: return at once, or look with a
 * struct pool_watch. */
#ifndef SARING_UPSTREAM_POOL_ASK_H
#define SARING_UPSTREAM_POOL_ASK_H

#include "base/base.h"
#include "cache/cache.h"
#include "upstream/cookies.h"
#include "upstream/health.h"
#include "upstream/lane.h"
#include "upstream/message.h"
#include "upstream/pool.h"
#include "upstream/port.h"
#include "upstream/wheel.h"

#include <event2/event_struct.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define ASK_SENDS_MAX 4		/* of one question, over all servers and transports: who makes us ask, cannot make us flood */
#define ASK_SENDS_PER_WAY_MAX 3 /* to one server over one transport (RFC 9520 §3.1) */
#define ASK_MISMATCHES_MAX 10	/* datagrams that did not match, then TCP (RFC 5452 §9.3) */
#define POOL_LAST_RESORT_MAX 32 /* asks under way in one worker to servers that are all down */
#define POOL_PROBES_MAX 64	/* probes under way in one worker */

enum transport { TRANSPORT_UDP, TRANSPORT_TCP };
#define TRANSPORT_COUNT 2

/* One send to one server. */
struct attempt {
	struct pool_ask *ask;
	struct server *server; /* the lane holds it */
	struct lane *lane;
	uint8_t server_index; /* in the ask's route */
	enum transport transport;
	bool edns;
	bool open;	 /* may still be answered; counted in its lane */
	bool errored;	 /* the network said no; a datagram may come all the same (ICMP can be forged) */
	bool timed_out;	 /* was given up waiting for; a late answer is taken all the same */
	bool case_seen;	 /* something came that matched but for the letters' case */
	bool doubt_seen; /* or but for its cookie, or it could not be read */
	bool cookie_sent;
	uint8_t cookie[COOKIE_CLIENT_LEN]; /* our part */
	uint8_t mismatches;
	uint16_t id;
	int64_t sent_ns;
	TAILQ_ENTRY(attempt) out; /* while open: its lane's, in the order they were sent */
	/* UDP */
	struct attempt_queue *waits_in; /* its lane's queue, or the pool's of those that could not go; NULL: in none */
	TAILQ_ENTRY(attempt) queue;
	enum attempt_start how; /* why it could not go */
	struct port *port;	/* NULL when it is out on none */
	uint8_t port_slot;
	/* TCP */
	struct stream *stream;	   /* NULL when it is out on none */
	LIST_ENTRY(attempt) by_id; /* the stream's, or while `lost` the list of those to be told */
	bool lost;
	bool held;			  /* on the stream's list of those for a later connection, by `queue` */
	struct message_question question; /* the last, as it is not cleared */
};

enum ask_timer {
	ASK_TIMER_NEXT,	    /* the current attempt has had its time, or a pause is over */
	ASK_TIMER_DEADLINE, /* the ask has had its time */
};

/* What is known of one server within one ask. */
struct ask_server {
	uint8_t sends;
	uint8_t sends_by[TRANSPORT_COUNT];
	bool given_up;	  /* its answer was of no use: it is not asked again */
	bool want_tcp;	  /* truncated, or somebody is guessing, or case is not kept, or a cookie is missing */
	bool lost;	  /* a connection ended under a question once */
	bool no_tcp;	  /* could not be reached by TCP */
	bool udp_refused; /* the network says that nobody is there: TCP may be (one word of ICMP is easily forged) */
	bool bad_cookie;  /* has said BADCOOKIE once */
	bool doubted;	  /* its datagram lacked a cookie: TCP is to say whether it speaks them still */
	bool failed;	  /* spoke for the server's state already */
	bool case_proof;  /* the UDP answer had other case: an answer by TCP with other case proves it */
};

struct pool_ask {
	struct pool *pool;
	LIST_ENTRY(pool_ask) link; /* of those under way, or of the free ones */
	const struct upstreams *u;
	const struct route *route;
	uint16_t type;
	bool dnssec_ok, checking_disabled, prefer_tcp;
	bool probe;	  /* asked for the server's sake; nobody waits */
	bool last_resort; /* all servers are down */
	bool starting;	  /* within pool_ask: no callback now */
	bool no_edns;	  /* a server disliked the OPT: without, from now on */
	pool_callback *done;
	void *arg;

	uint8_t order_count;
	int hint; /* server to be asked next in any case; -1: none */
	uint8_t sends_max;
	uint8_t attempt_count;
	struct attempt *current; /* the one the timer is about; NULL in a pause */

	struct wheel_timer timer;
	enum ask_timer timer_kind;
	int64_t deadline_ms;

	bool heard_network, heard_useless, starved;
	bool ended; /* within pool_ask: outcome is told at the end of this turn */
	TAILQ_ENTRY(pool_ask) ended_link;
	enum pool_outcome outcome;

	/* what follows is not cleared, but written as far as it is used: most of it never is */
	struct name name;
	uint8_t order[SETTINGS_SERVERS_MAX];
	struct ask_server servers[SETTINGS_SERVERS_MAX]; /* by index in the route */
	struct attempt *attempts[ASK_SENDS_MAX];	 /* owned, but for the first, which is `first` */
	struct attempt first;
};

LIST_HEAD(ask_list, pool_ask);
TAILQ_HEAD(ask_queue, pool_ask);
LIST_HEAD(stream_list, stream);

/* Set to true by pool_destroy when some function up the stack watches. */
struct pool_watch {
	bool gone;
	struct pool_watch *outer;
};

#define UDP_IN_MAX (MSG_UDP_EDNS_MAX + 1) /* one more than is taken, to see what is too long */

/* What one system call sends or receives. */
struct udp_io {
	struct mmsghdr out[PORT_QUERIES_MAX], in[PORT_QUERIES_MAX];
	struct iovec out_iov[PORT_QUERIES_MAX], in_iov[PORT_QUERIES_MAX];
	struct attempt *sent[PORT_QUERIES_MAX];
	uint8_t out_bytes[PORT_QUERIES_MAX][MESSAGE_QUERY_MAX];
	uint8_t in_bytes[PORT_QUERIES_MAX][UDP_IN_MAX];
};

struct pool {
	struct event_base *base;
	struct counters *counters;
	struct upstreams *u;
	int64_t now_ns;	    /* when the event that is being served was begun with */
	struct event flush; /* at the end of a turn */
	bool flush_due;
	struct ask_list asks, free_asks;
	struct ask_queue ended;
	size_t ask_count, last_resort_count, probe_count;
	bool probed_by_zone; /* the last probe was a question of our own */
	struct wheel wheel;
	struct lanes lanes;
	struct lane_queue dirty; /* lanes with a queue */
	struct attempt_queue unsent;
	struct ports ports;
	struct stream_list streams;
	struct pool_watch *watch;
	struct response answer; /* distilled; borrowed from room */
	struct response_room room;
	struct udp_io io;
	uint8_t room_body[MSG_LEN_MAX];
};

/* Look at the clock: to be done first by whatever the loop calls. */
void pool_clock(struct pool *pool);
static inline int64_t pool_now_ms(const struct pool *pool)
{
	return pool->now_ns / 1000000;
}
/* Have pool_flush called before the loop waits again. */
void pool_schedule_flush(struct pool *pool);

void pool_watch_begin(struct pool *pool, struct pool_watch *watch);
/* True when the pool is still there (and then the watch is taken off). */
bool pool_watch_end(struct pool *pool, struct pool_watch *watch);

void pool_ask_start(struct pool_ask *ask);
void pool_ask_free(struct pool_ask *ask); /* without a call */
/* The end: the ask goes, then its owner is told (at the end of the turn when it is starting still). */
void pool_ask_finish(struct pool_ask *ask, enum pool_outcome outcome);
/* What its transport has let go of may not be answered any more; attempt_close (attempt.h) makes it let go. */
static inline void attempt_closed(struct attempt *attempt)
{
	if (attempt->open) {
		attempt->lane->open--;
		TAILQ_REMOVE(&attempt->lane->out, attempt, out);
	}
	attempt->open = false;
}
/* A reply to attempt; match is not MESSAGE_MISMATCH. bytes may be changed. */
void pool_ask_on_reply(struct attempt *attempt, uint8_t *bytes, size_t len, enum message_match match);
enum attempt_failure {
	ATTEMPT_REFUSED, /* the network says no, or a connection could not be made */
	ATTEMPT_LOST,	 /* the connection ended under it */
	ATTEMPT_STALLED, /* the connection fell silent, and was closed */
	ATTEMPT_GUESSED, /* too many datagrams did not match */
	ATTEMPT_DOUBTED, /* its answer lacks the cookie that the server's have: a true one may still come */
};
void pool_ask_on_failure(struct attempt *attempt, enum attempt_failure why);
/* What was put off to the end of the turn could not be sent. */
void pool_ask_on_unsent(struct attempt *attempt, enum attempt_start how);

/* The attempt's query, under its ID. Returns its length. */
static inline size_t attempt_query(struct attempt *a, uint8_t ret[MESSAGE_QUERY_MAX])
{
	struct message_flags flags = {
	    .edns = a->edns, .dnssec_ok = a->ask->dnssec_ok, .checking_disabled = a->ask->checking_disabled};
	if (a->edns && a->ask->u->cookies) {
		cookies_put_on(a);
		flags.cookie = a->lane->cookies.option;
		flags.cookie_len = a->lane->cookies.len;
	}
	return message_query(a->id, &a->question, flags, ret);
}

/* Judge a matched reply (reply.c). */
enum reply_fate {
	REPLY_GOOD,
	REPLY_TRUNCATED,  /* ask again by TCP */
	REPLY_NO_EDNS,	  /* ask again without OPT */
	REPLY_BAD_COOKIE, /* ask again with the cookie that came */
	REPLY_GARBLED,	  /* no message: as if it had not come, since another may have sent it */
	REPLY_USELESS,	  /* ask another server */
};
enum reply_fate reply_judge(struct attempt *attempt, uint8_t *bytes, size_t len, enum message_match match);

/* udp.c: questions are collected, and go together at the end of the turn (port.h says how). */
void udp_init(struct udp_io *io);
void udp_start(struct attempt *attempt);
void udp_cancel(struct attempt *attempt);
/* Send what was collected. Returns false when the pool ended within a callback. */
bool udp_flush(struct pool *pool);
void udp_on_readable(evutil_socket_t fd, short what, void *port);

/* stream.c: one connection for each server, kept while it is used. It chooses the ID. */
enum attempt_start stream_start(struct attempt *attempt);
void stream_cancel(struct attempt *attempt);
/* Nothing came for attempt in its time: when nothing at all came since, the connection is taken for dead, all that is out on it is
 * told (attempt too), and the answer is true: its ask, and the pool, may be gone. */
MUST_CHECK bool stream_suspect(struct attempt *attempt);
bool stream_is_open(const struct pool *pool, const struct server *server);
void stream_destroy_all(struct pool *pool);

#endif
