/* SPDX-License-Identifier: BSD-2-Clause
 *
 * query.h - one client's question on its way through the house, and the worker's means to answer it. The glossary of this folder.
 *
 *   query     a question being judged. There is one for the packet in hand; only a question that must wait is parked in a slot.
 *   service   what a worker has for judging: the world of this batch, cache, pool, counters, slots. One for each worker.
 *   via       how a query came and its answer goes: a transport's two functions.
 *   stage     one row of the pipeline's table: a function from query to fate.
 *   fate      NEXT, ANSWER, WAIT or DROP; each query has exactly one end, in finish.c.
 *
 * Everything here is the owning worker's thread only. Nothing on the blocked and cached paths allocates. */
#ifndef SARING_QUERY_QUERY_H
#define SARING_QUERY_QUERY_H

#include "base/addr.h"
#include "base/base.h"
#include "cache/cache.h"
#include "cache/failures.h"
#include "generation.h"
#include "observe/counters.h"
#include "observe/frames.h"
#include "observe/tap.h"
#include "policy/match.h"
#include "settings/schedule.h"
#include "query/inflight.h"
#include "query/limit.h"
#include "query/loop.h"
#include "query/share.h"
#include "query/names.h"
#include "upstream/pool.h"
#include "wire/cookie.h"
#include "wire/msg.h"

#include <netinet/in.h>

#define QUERY_SLOTS_MAX 16384	  /* questions that wait, in one worker */
#define QUERY_CLIENT_MAX 1024	  /* of them one client's (limit.h says what a client is) */
#define QUERY_ZONE_ASKS_MAX 1024  /* questions under way to the upstreams for names below one zone, in one worker */
#define QUERY_STALE_AFTER_MS 1800 /* RFC 8767 §5: the client response timer */
#define QUERY_STALE_TTL_S 30	  /* RFC 8767 §4 */
#define QUERY_ANY_TTL_S 3600	  /* of the HINFO of RFC 8482 */
#define QUERY_LISTENER_NONE 255	  /* nobody knows where it was asked */

struct query;
struct trail; /* query/trail.h */

struct via {
	const char *name; /* "udp", "tcp" */
	enum tap_via told_as;
	bool stream;	/* answers up to 64 KiB, never truncated */
	bool encrypted; /* nobody reads along: answers are padded for clients that pad */
	/* Where the next answer may be built, so that it need not be copied; at least q->limit bytes. NULL: anywhere. */
	uint8_t *(*room)(const struct query *q, size_t *ret_cap);
	/* Send an answer, which may lie in room. bytes is borrowed until the call returns. The query is the caller's. */
	void (*send)(struct query *q, const uint8_t *bytes, size_t len);
	/* The query ended without an answer. May be NULL. */
	void (*dropped)(struct query *q);
};

/* How the answer is dressed besides the records. */
struct query_extra {
	bool has_ede;
	uint16_t ede;
	struct str text;			    /* borrowed until the answer is built */
	uint16_t also_ede;			    /* a second one, without text; 0: none */
	const struct policy_structured *structured; /* in place of text, the first form that fits; NULL: the client wants none */
};

/* Somebody's CNAME stands for the name asked: the question goes on under its target's name, which policy does not judge again. */
enum rewrite_kind {
	REWRITE_ENTRY,	/* a list's entry has it among its own records */
	REWRITE_RECORD, /* the operator's own records (local.h) */
	REWRITE_SAFE,	/* safe search */
};
struct rewrite {
	bool on;
	enum rewrite_kind kind;
	bool by_answer;		 /* what the answer held brought it (a CNAME's target, an address), not the name asked */
	enum safe_engine engine; /* of SAFE */
	struct verdict verdict;	 /* of ENTRY: whose CNAME; of the policy of that world */
	uint64_t world;
	struct name to; /* folded */
};

struct query {
	/* who and how */
	const struct via *via;
	void *via_data;	   /* the transport's: a UDP socket, a TCP connection */
	struct addr peer;  /* v4-mapped addresses are unmapped */
	struct addr local; /* the address asked, for wildcard sockets; len 0: not needed */
	unsigned ifindex;  /* of a link-local local */
	uint8_t listener;  /* of service->listen: where it was asked; the transport's. QUERY_LISTENER_NONE: not known */
	uint16_t group;	   /* of judged_world's settings: whose lists act; 0: the default one, or there are none */
	bool relieved;	   /* only mandatory lists act: for the client, or for the name */
	int64_t until_s;   /* so long, by pauses of the client and of names */
	int64_t came_us;   /* monotonic: the batch it came in */

	/* what */
	enum msg_verdict parsed;
	uint16_t id, flags; /* as the client sent them */
	bool has_question;
	bool has_edns, dnssec_ok, has_tsig;
	bool wants_nsid;
	bool wants_structured; /* the client takes structured errors; whether it gets them, query_structured says */
	bool pads;	       /* over an encrypted transport, and the client pads (RFC 7830) */
	bool has_cookie;       /* the client's part is in cookie */
	bool cookie_good;      /* and came with a server cookie of ours (RFC 7873 §5.2.4): the address is not forged */
	uint8_t cookie[COOKIE_CLIENT_LEN];
	uint16_t type, class;
	bool has_keepalive; /* over a stream: the client asks how long it may stay (RFC 7828) */
	uint8_t raw_cookie_len;
	uint16_t keepalive_100ms; /* what it is told; 0: nothing. The transport's, between query_begin and query_run */
	uint16_t limit;		  /* bytes the answer may have */
	uint16_t packet_len;
	const uint8_t *packet;	   /* as it came, borrowed as query_begin has it; of no meaning in a slot */
	uint16_t question_len;	   /* octets; 0 without one */
	const uint8_t *raw_cookie; /* as it came, borrowed from the packet: for cookie_stage; NULL: none */
	const uint8_t *question;   /* as it came, case kept: it goes back so. Borrowed from the packet, or in a slot its own */
	struct name name;	   /* folded */

	/* what was found */
	struct verdict verdict;
	bool shadow_by_answer; /* what the verdict says of a shadow list is of what the answer held */
	uint16_t upstream;     /* the number of the server whose answer it gets (upstream_stats); 0: of none */
	uint64_t judged_world; /* the verdict's: in that world, at that second, it stands */
	int64_t judged_s;
	struct policy_prepared *prepared; /* for `name` and the world of this batch; NULL: not. The batch's */
	struct cache_key key;		  /* of query_sought; set by key_stage */
	struct trail *trail;		  /* owned: the links of a chain that goes on with other servers; NULL: none */

	/* as a slot */
	uint32_t slot;
	bool moves;	/* it had a slot a moment ago, and is to have one again */
	bool has_stale; /* the cache holds an expired answer to fall back on */
	bool stale_queued;
	uint64_t serial;	  /* 0: free */
	struct share_place share; /* its client's, of service->clients */
	struct query *next_free;
	struct query *stale_prev, *stale_next; /* the queue of the client response timer */
	int64_t stale_at_ms;

	/* Large and seldom used: these are copied into a slot only as far as they are. */
	struct rewrite rewrite;
	uint8_t question_room[NAME_LEN_MAX + 4];
};

enum fate {
	FATE_NEXT,   /* no opinion: the next stage */
	FATE_ANSWER, /* the answer stands in service->out */
	FATE_WAIT,   /* parked; resumed by an upstream's answer */
	FATE_DROP,   /* no answer */
};

/* What of an answer was judged, where the name asked was not (inspect.c). */
struct judged {
	struct name name;    /* a CNAME's target; folded */
	struct addr address; /* len 0: it was the name */
};

/* What a query that ends as blocked is blocked by, for whoever is told of it. */
struct blocker {
	const struct verdict *verdict;	    /* borrowed until the query's end; NULL: by no entry */
	const struct policy_answer *answer; /* what it gets, borrowed as long; NULL: ttl_s says it */
	uint32_t ttl_s;			    /* so long may the client keep what it gets */
	bool owns;			    /* the verdict is of the name asked; else what it is of was told of already */
};

struct ask;	/* query/ask.c */
struct mailbox; /* answers from other workers' asks; query/mailbox.c */

struct service {
	unsigned worker;
	struct generations *generations;
	const struct generation *world; /* of this batch; NULL between batches */
	struct policy_scratch *scratch;
	struct cache *cache;
	struct cache_reader *reader;
	struct failures *failures;	/* shared by all workers; may be NULL */
	struct siphash_key cookie_seed; /* the same in all workers */
	struct limit *limit;		/* shared by all workers; may be NULL */
	struct loop *loop;		/* the same */
	struct inflight *inflight;
	struct pool *pool;
	struct counters *counters;
	struct tap *tap, *away;				     /* may both be NULL: nobody wants to know */
	struct service *(*peer)(void *arg, unsigned worker); /* that worker's; all live as long as any thread runs */
	void *peer_arg;
	struct mailbox *mailbox;
	struct frames_seat *frames_seat; /* may be NULL */
	struct frames *frames;		 /* of this batch; NULL: dnstap is off */
	void (*wake)(void *arg);	 /* any thread: make this worker's loop call service_drain */
	void *wake_arg;
	void (*stale_timer)(void *arg, int64_t in_ms); /* arm the client response timer */
	void *stale_timer_arg;
	/* Before anybody is asked: new asks go by this batch's world (pool_follow). May be NULL */
	void (*take_upstreams)(void *arg, struct upstreams *upstreams);
	void *take_upstreams_arg;
	bool rehearses;			    /* nobody waits for what it answers, and nobody is to be asked (rehearse.h) */
	uint64_t ends_before[COUNTER_ENDS]; /* when service_is_timed: how many had ended in each way before this batch, and those of
					       this batch that are timed for themselves */

	int64_t now_ms;		 /* monotonic, of this batch */
	int64_t now_s;		 /* wall clock, of this batch */
	int64_t now_us, wall_us; /* the same */

	bool grouped; /* the world is masked: not all lists act for everybody */
	/* groups of clients, and pauses (group.c): what acts for each at this batch's second; without groups, for everybody, in the
	 * first. Of groups_world, and only when that is masked */
	struct group_now *groups; /* owned */
	size_t group_room;
	struct list_mask mandatory;		     /* what acts in spite of every pause */
	uint64_t groups_world;			     /* 0: none yet */
	struct addr listen[SETTINGS_LISTEN_MAX];     /* where the process listens, as listen: had it at the start */
	uint16_t listen_groups[SETTINGS_LISTEN_MAX]; /* and whose clients ask there */
	size_t listen_count;

	/* slots */
	struct query **slot_chunks; /* QUERY_SLOTS_MAX / chunk of them, made when needed */
	struct query *free_slots;
	uint32_t slots_made, slots_used;
	uint64_t next_serial;
	struct query *stale_first, *stale_last;
	struct share clients; /* who holds the slots */
	struct ask *asks;     /* under way to the upstreams; ask.c */
	size_t ask_count;
	struct share zones; /* below which they are */
	struct trail *spare_trails;
	unsigned spare_trail_count, trail_count; /* free ones, and those that queries have */

	/* what was judged when inspect_response last found an entry that blocks, or would */
	struct judged blocked_by, shadowed_by;
	struct blocker blocker; /* of the query that is about to end as blocked */

	/* what policy.saring. says of the entries in force, as of that world and second: a walk over all lifts is not for every
	 * query */
	uint64_t in_force_world;
	int64_t in_force_s;
	char in_force[IDENTITY_TEXT_MAX];

	/* the answer being built */
	uint8_t *out; /* the transport's room, or big */
	size_t out_len;
	uint8_t out_rcode_high; /* what of its rcode is not in the header (RFC 6891 §6.1.3) */
	uint8_t big[MSG_LEN_MAX + 1];
	uint8_t laid_out[MSG_LEN_MAX + 1]; /* a response as a message, to be read from */
	uint8_t joined[MSG_LEN_MAX + 1];   /* an answer put together from several (trail.c) */
	struct response_room joined_room;
};

/* ---- life (slots.c) ---- */
MUST_CHECK struct service *service_create(unsigned worker, struct generations *generations, struct cache *cache,
					  struct inflight *inflight, struct counters *counters);
void service_destroy(struct service *s);
/* A copy of q in a slot that waits; NULL, counted, when all are taken, or so many by its client that others come first. */
MUST_CHECK struct query *slot_park(struct service *s, const struct query *q);
struct query *slot_at(struct service *s, uint32_t slot); /* slot < slots_made; serial 0: it is free */
/* The slot's query if it still waits under that serial, else NULL. */
struct query *slot_find(struct service *s, uint32_t slot, uint64_t serial);
void slot_free(struct service *s, struct query *q);
/* The client response timer's queue: all wait equally long, so that the first in is the first due. */
void stale_push(struct service *s, struct query *q);
void stale_remove(struct service *s, struct query *q); /* nothing when it is not queued */
/* The worker ends: whatever still waits goes without an answer. */
void slots_drop_all(struct service *s);

/* ---- the walk (pipeline.c) ---- */
/* Adopt the newest world and read the clocks. False before the first world. */
MUST_CHECK bool service_begin_batch(struct service *s);
void service_end_batch(struct service *s); /* what was borrowed from policy and cache is so no longer */
/* Is it counted how long queries take? Within a batch. */
static inline bool service_is_timed(const struct service *s)
{
	return s->world->settings->metrics_listen_count > 0;
}
/* Parse a packet into q; via, via_data, peer and local are set by the transport before. bytes are borrowed until query_run or
 * query_run_batch returns. */
void query_begin(struct query *q, const uint8_t *bytes, size_t len);
/* Judge it to its end or to its wait; answers go out by q->via. */
void query_run(struct service *s, struct query *q);
/* The same for many: each stage goes over all of them before the next begins, so that the memory one look-up needs is fetched while
 * others are judged. prepared is room for as many. Answers go out in no certain order. */
#define QUERY_BATCH_MAX 64
void query_run_batch(struct service *s, struct query *queries, struct policy_prepared *prepared, unsigned count);
/* The same stages for a rehearsal. client_known: q->peer is set, and is asked whether it may ask. */
void query_rehearse(struct service *s, struct query *q, bool client_known);
/* The name whose answer the client gets: its own, or where an entry sends the question. */
static inline const struct name *query_base(const struct query *q)
{
	return q->rewrite.on ? &q->rewrite.to : &q->name;
}
const struct name *trail_at(const struct trail *t); /* where its chain of CNAMEs goes on (trail.h) */
/* The name that is looked up and asked for: one or the other. */
static inline const struct name *query_sought(const struct query *q)
{
	return UNLIKELY(q->trail != NULL) ? trail_at(q->trail) : query_base(q);
}

/* ---- groups of clients, and pauses (group.c) ---- */
/* s->world is masked: bring s->groups to this batch's world and second. */
void groups_refresh(struct service *s);
/* The same: set q->group, and what is paused for q alone. */
void query_find_group(const struct service *s, struct query *q);
/* The lists that act for who asks; NULL: all. */
static inline const struct list_mask *query_lists(const struct service *s, const struct query *q)
{
	if (LIKELY(!s->grouped))
		return NULL;
	if (q->relieved)
		return &s->mandatory;
	return s->groups[q->group].all ? NULL : &s->groups[q->group].lists;
}
/* Those that act for them on a name that the answer leads to (folded): it may be let through for itself. Then what is told of q may
 * be kept no longer than that lasts. */
const struct list_mask *query_lists_of_target(const struct service *s, struct query *q, const struct name *target);
/* Until when they do. */
static inline int64_t query_until_s(const struct service *s, const struct query *q)
{
	return LIKELY(!s->grouped) ? SCHEDULE_NEVER : MIN(s->groups[q->group].until_s, q->until_s);
}

/* The set of servers that is asked for who asks (upstreams_of_group). */
static inline uint32_t query_servers(const struct service *s, const struct query *q)
{
	return LIKELY(!s->grouped) ? 0 : upstreams_of_group(s->world->upstreams, q->group);
}
/* So long may anything be kept that is told now: until other lists act for who asks, rounded as the end of an entry is. */
static inline uint32_t query_left_s(const struct service *s, const struct query *q)
{
	return LIKELY(!s->grouped) ? UINT32_MAX : policy_left(query_until_s(s, q), s->now_s);
}
/* The same of what is not a list's doing, but rewritten: a name of safe search may be blocked then, one of the operator's own
 * records never is. */
static inline uint32_t query_led_left_s(const struct service *s, const struct query *q)
{
	return q->rewrite.kind == REWRITE_RECORD ? UINT32_MAX : query_left_s(s, q);
}

/* ---- the stages, in order ---- */
enum fate client_stage(struct service *s, struct query *q);
enum fate cookie_stage(struct service *s, struct query *q);
enum fate limit_stage(struct service *s, struct query *q);
enum fate screen_stage(struct service *s, struct query *q);
enum fate names_stage(struct service *s, struct query *q);
enum fate local_stage(struct service *s, struct query *q);
enum fate decide_stage(struct service *s, struct query *q);
enum fate safe_stage(struct service *s, struct query *q);
enum fate any_stage(struct service *s, struct query *q);
enum fate key_stage(struct service *s, struct query *q);
enum fate entry_stage(struct service *s, struct query *q);
enum fate cached_stage(struct service *s, struct query *q);
enum fate ask_stage(struct service *s, struct query *q);

/* The engines whose search is safe for clients of that group: bits of enum safe_engine (safe.c). */
uint32_t safe_mask(const struct settings *settings, uint16_t group);

/* The secrets of this batch (cookie.c). */
struct cookie_secrets query_cookie_secrets(const struct service *s);
/* Class CHAOS: who are you (chaos.c)? */
enum fate query_chaos(struct service *s, struct query *q);

/* ---- a rehearsal (rehearse.c) ---- */
/* It ends here: somebody would be asked for query_sought. */
void rehearse_asks(struct query *q);

/* ---- the only doors out (finish.c) ---- */
/* Send s->out, counted under `as`. For COUNTER_BLOCKED, here and below, s->blocker is set. */
void query_finish(struct service *s, struct query *q, enum counter as);
/* Send nothing, counted under `as`. */
void query_drop(struct service *s, struct query *q, enum counter as);
/* What dnstap is told, while s->frames is there (frame.c): before the query is judged, and before s->out is sent. */
void query_frame_question(struct service *s, const struct query *q);
void query_frame_answer(struct service *s, const struct query *q, enum counter as);
/* Count a block against its list. */
void query_count_list(struct service *s, const struct verdict *v);
/* Tell by the tap, if it is to be told, that an entry blocks by what an answer held (s->blocked_by): the query's own end does not
 * know of what any more. ttl_s: so long the client may keep what it gets. */
void query_tell_block(struct service *s, const struct query *q, const struct verdict *v, uint32_t ttl_s);
/* Count what an entry in mode shadow would have blocked; v->shadowed. by: NULL for the name asked. */
void query_count_shadow(struct service *s, const struct query *q, const struct verdict *v, const struct judged *by);

#endif
