/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tcp_conn.h - one TCP client, between tcp.c (who may come and how long they stay), tcp_conn.c (its life) and tcp_frames.c (what it
 * says and is told). Nothing else includes this but tests. The worker's thread.
 *
 * A turn: what came is read by one recv into the worker's buffer, the questions in it are judged, and their answers go by one send.
 * Only what is left over is kept by the connection: the beginning of a message, or whole ones for which it was not the time yet
 * (too many under way, or other connections' turn). Answers that come later are collected until the loop has served whatever else
 * was ready with them, and then go by one send too. */
#ifndef SARING_LISTEN_TCP_CONN_H
#define SARING_LISTEN_TCP_CONN_H

#include "listen/tcp.h"

#include <event2/event_struct.h>
#include <sys/queue.h>

#define TCP_READ_MAX 16384u	 /* bytes of one recv */
#define TCP_COLLECT_MAX 65536u	 /* answers of one turn that need no memory of their own */
#define TCP_TURN_QUESTIONS 32u	 /* of one connection, before others have their turn */
#define TCP_AGAIN_QUESTIONS 256u /* of connections that hold more, before all else has its turn */
#define TCP_BYTES_MIN 4096u	 /* of memory of a connection's own; pieces of this size are used again and again */
#define TCP_SPARES_MAX 128u	 /* so many of them are kept */
#define TCP_ACCEPT_BUDGET 64u	 /* connections before others have their turn */
#define TCP_ACCEPT_PAUSE_MS 200	 /* when file descriptors ran out */
#define TCP_FRAME_HEAD 2u

/* Bytes first in, first out: bytes[at] to bytes[len]. */
struct tcp_bytes {
	uint8_t *bytes;
	size_t at, len, cap;
	bool borrowed; /* the worker's, for this turn */
};

struct conn {
	struct tcp *tcp;
	TAILQ_ENTRY(conn) link, dirty_link, again_link;
	struct event readable, writable;
	struct tcp_bytes in, out;
	int fd;
	uint32_t seat;
	struct addr peer;
	uint8_t listener; /* struct query's */
	unsigned pending; /* questions under way: each holds the connection */
	unsigned budget;  /* questions it may still ask in this turn */
	int64_t born_ms, active_ms, half_ms, out_ms, took_ms;
	bool corked; /* in its turn: answers are collected, nothing is freed */
	bool reading, writing;
	bool asked; /* anything, ever */
	bool dirty; /* in tcp->dirty: to be flushed before the loop goes on */
	bool again; /* in tcp->again: it holds whole messages */
	bool eof;   /* the client will send no more, or is not listened to any more */
	bool aged;  /* ends when next nothing is under way */
	bool dead;  /* closed; freed with the last pending question */
};

TAILQ_HEAD(conn_list, conn);

struct acceptor {
	struct acceptor *next;
	struct tcp *tcp;
	uint8_t listener; /* struct query's */
	struct event *readable, *resume;
	int fd;
};

struct tcp {
	struct event_base *base;
	struct service *service;
	struct tcp_seats *seats;
	struct acceptor *acceptors;
	struct event *sweep, *flush, *serve_again;
	struct conn_list conns, dirty, again;
	void *spares; /* pieces of TCP_BYTES_MIN; each begins with the address of the next */
	unsigned spare_count;
	int64_t now_ms;
	size_t held; /* bytes of memory the connections have for what they send and are sent */
	bool stopping;
	uint8_t read[TCP_READ_MAX];
	uint8_t collect[TCP_COLLECT_MAX];
};

static inline size_t tcp_bytes_count(const struct tcp_bytes *b)
{
	return b->len - b->at;
}

/* How long a client may be idle, as things are. */
static inline int64_t tcp_idle_ms(const struct tcp *t)
{
	return tcp_seats_scarce(t->seats) ? TCP_IDLE_SCARCE_MS : TCP_IDLE_MS;
}

/* ---- tcp_conn.c ---- */
/* A client that has no seat yet; fd stays the caller's until conn_start. NULL: no memory. */
struct conn *conn_create(struct tcp *t, int fd, const struct addr *peer);
/* It has got one: from now on it is listened to, and is conn_close's to end. */
void conn_start(struct conn *c, uint32_t seat);
/* May free c, as all the following may. Those that return at once after are right. */
void conn_close(struct conn *c);
/* At the end: a question may still come of it that must not be lost, since no other process has the connection. */
bool conn_is_awaited(const struct conn *c, int64_t now_ms);
/* After anything that changes what the connection waits for. */
void conn_settle(struct conn *c);
/* The times: whoever has had his is closed. */
void conn_judge(struct conn *c, int64_t now_ms);

/* ---- tcp_frames.c ---- */
/* Append. False when there is no memory for it, within the worker's bound too. */
MUST_CHECK bool tcp_bytes_add(struct tcp *t, struct tcp_bytes *b, const void *bytes, size_t len);
void tcp_bytes_finish(struct tcp *t, struct tcp_bytes *b);
void tcp_spares_finish(struct tcp *t);
/* A whole message lies in c->in: its turn has not come yet. */
bool conn_holds_message(const struct conn *c);
/* What else is asked of the connection's sockets. */
void conn_on_readable(evutil_socket_t fd, short what, void *arg);
void conn_on_writable(evutil_socket_t fd, short what, void *arg);
void tcp_on_flush(evutil_socket_t fd, short what, void *arg);	    /* tcp->dirty */
void tcp_on_serve_again(evutil_socket_t fd, short what, void *arg); /* tcp->again */

/* ---- tcp.c ---- */
void tcp_sweep(struct tcp *t, int64_t now_ms);

#endif
