/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stream.h - TCP to one server (RFC 7766): one connection for all that is asked of it, questions sent without waiting for answers,
 * answers taken in any order, told apart by ID and question. It is opened when needed and closed when idle. All reading and writing
 * is done from the loop: stream_start and stream_cancel never close a connection, so they may be called while an answer from it is
 * being looked at.
 *
 * A server that hangs up after some answers, with questions still out, is written no more than that many on a connection for a
 * while: what is over is held, and goes on the next one. Sent all at once, all but the first would be lost each time.
 *
 * stream.c has its life, and what is held; stream_io.c reads and writes. For those two only: pool_ask.h has what others call. */
#ifndef SARING_UPSTREAM_STREAM_H
#define SARING_UPSTREAM_STREAM_H

#include "upstream/pool_ask.h"

#define STREAM_FRAME_HEAD 2
#define STREAM_WAITING_MAX 1024 /* questions out on one connection */
#define STREAM_BUCKETS 64

LIST_HEAD(attempt_list, attempt);
enum stream_state { STREAM_CLOSED, STREAM_CONNECTING, STREAM_OPEN };

struct stream {
	struct pool *pool;
	struct server *server; /* a reference */
	LIST_ENTRY(stream) link;
	enum stream_state state;
	int fd;
	struct event readable, writable;
	struct wheel_timer timer;
	uint8_t *in; /* owned: the frame being received */
	size_t in_len, in_cap;
	uint8_t *out; /* owned: frames not yet written, from out_begin on */
	size_t out_begin, out_end, out_cap;
	struct attempt_list by_id[STREAM_BUCKETS];
	size_t waiting;
	size_t written, answered; /* on this connection */
	size_t limit;		  /* questions that a connection bears; 0: not known to have one */
	int64_t limit_until_ms;
	struct attempt_queue held; /* for a later connection */
	size_t held_count;
	unsigned strays;
	int64_t heard_ns; /* when a whole message last came: one that drips in octet by octet is silence */
};

/* stream.c */

/* Anew only when something was heard or the kind of wait changes: questions that keep coming must not hide a dead connection. */
void stream_arm(struct stream *s);
/* The connection is gone: every question out on it is told, and may be asked again on the next one. What is held goes there too,
 * as long as each connection answers something. The stream and the pool may be gone after. */
void stream_fail(struct stream *s, enum attempt_failure why);
/* All that was written is answered, and the connection bears no more: the next one. The stream may be gone after. */
void stream_renew(struct stream *s);

/* stream_io.c */
void stream_on_readable(evutil_socket_t fd, short what, void *stream);
void stream_on_writable(evutil_socket_t fd, short what, void *stream);
/* Put the question into the connection's buffer, under an ID no other question on it has. False when there is no room. */
MUST_CHECK bool stream_put(struct stream *s, struct attempt *a);
/* It is out on the connection no longer. */
void stream_unlink(struct stream *s, struct attempt *a);

#endif
