/* SPDX-License-Identifier: BSD-2-Clause
 *
 * port.h - the UDP sockets of a pool: each on a port drawn at random, connected to one server, used for a few questions, no more
 * than PORT_QUERIES_MAX, then closed. Inside daemon/upstream only; the pool's worker thread.
 *
 * A lone question has a port of its own, and so has each of a client that asks one after the other. Those of one turn of the event
 * loop share one; under load, when PORT_SHARE_FROM questions and more are out to the server, those of the turns within
 * PORT_SHARE_MS do, as long as some of the port's are still waited for. A socket's six system calls cost more than all else there
 * is to do for a question. Why that gives nothing away (RFC 5452 §4, §9.2):
 *  - A forger who does not see the traffic must hit, in one datagram, the port (one of 64512, drawn from the whole range), the ID
 *    (one of 65536, drawn for each question) and the name in the letters' case it was sent with. Of the questions on a port each
 *    has a name of its own, as equal ones are asked once (query/inflight): a datagram carries one name and one ID, and so can hit
 *    one of them only. The chance of each datagram is what it is with a port for each question; there is no birthday to win by.
 *  - What a port gave away, were it found out by a side channel, ends with it: it is closed when its questions are answered or
 *    given up, it takes no questions after PORT_SHARE_MS (but past the bounds below), and the next port is drawn anew.
 *  - The kernel passes on what comes from the server's address and port only (connect), and reports its ICMP errors.
 *  - Datagrams with an ID that was never used on a port are counted against it: at ASK_MISMATCHES_MAX somebody is guessing, and
 *    all its open questions go on over TCP (§9.3). A right ID with a wrong question counts against the one question. */
#ifndef SARING_UPSTREAM_PORT_H
#define SARING_UPSTREAM_PORT_H

#include "base/base.h"

#include <event2/event_struct.h>
#include <sys/queue.h>

#define PORT_QUERIES_MAX 32 /* that share a port */
#define PORT_SHARE_MS 10    /* the age up to which a port takes questions of a later turn ... */
#define PORT_SHARE_FROM 4   /* ... when so many are out to the server already */
#define PORTS_MAX 2048	    /* open in one worker */
#define PORTS_LANE_MAX 768  /* open to one server: one that is silent must leave some to the others */
#define PORT_JOIN_LOOK 64   /* past these, questions join the youngest port with room, looked for among so many */

/* What became of a try to send. */
enum attempt_start {
	ATTEMPT_STARTED,
	ATTEMPT_NETWORK,      /* the kernel refused: unreachable, refused */
	ATTEMPT_NO_RESOURCES, /* no descriptor, no memory, or a limit of ours */
};

struct attempt;
struct lane;
struct pool;

struct port {
	struct pool *pool;
	struct lane *lane;
	TAILQ_ENTRY(port) link; /* of those open, or of the free ones */
	TAILQ_ENTRY(port) of_lane;
	int fd;
	int64_t opened_ns;
	unsigned used, open; /* questions it has carried; those that may still be answered */
	unsigned mismatches;
	bool busy; /* being read from: it is closed later */
	uint16_t ids[PORT_QUERIES_MAX];
	struct attempt *attempts[PORT_QUERIES_MAX]; /* NULL: no longer waited for */
	struct event readable;
};
TAILQ_HEAD(port_list, port);

struct ports {
	struct port_list open, free;
	size_t open_count;
};

void ports_init(struct ports *ports);
void ports_finish(struct ports *ports); /* whatever is open */

enum port_find {
	PORT_FOUND,
	PORT_LATE,     /* was answered or given up already */
	PORT_STRANGER, /* never sent from here */
};
/* A port to the lane's server with room for one question at least: a young one under load, else a fresh one, or one that is shared
 * past the bounds or for want of descriptors. ret is set when it is ATTEMPT_STARTED. */
MUST_CHECK enum attempt_start port_open(struct pool *pool, struct lane *lane, struct port **ret);
void port_close(struct port *port);
/* Give attempt a place on the port and an ID no other question of the port has or had. */
void port_put(struct port *port, struct attempt *attempt);
void port_drop(struct attempt *attempt); /* it is waited for no longer; the port stays */
enum port_find port_find(const struct port *port, uint16_t id, struct attempt **ret);

#endif
