/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tcp_seats.h - how many TCP clients there may be, over all workers: a seat for each connection, so many in all, so many for each
 * host, and who leaves when a newcomer finds none free. Each worker has its own connections, but the bounds are the house's.
 *
 * A host is an IPv4 address, an IPv6 /56 (who has one address of it has them all), or one link-local address.
 *
 * Who leaves: of the host that has its share, or of all when the house is full, the connection that has been idle longest. When
 * none is idle but for such as have just come or just been answered, the one for which nothing has gone on longest: a message begun
 * and not ended, answers not taken, no question. So a newcomer who has said nothing yet does not go before those who stall with
 * half a message. A connection with questions under way never does, nor one that is just taking its answers.
 *
 * Another worker's connection is not ours to close: its socket is shut down, and its owner sees the end of it in its own loop.
 * Until then there is slack for so many; after that, only the asking worker's own leave.
 *
 * A mutex guards the table; it is held to enter and to leave, never for a question: stamps are relaxed atomics, and a little late.
 */
#ifndef SARING_LISTEN_TCP_SEATS_H
#define SARING_LISTEN_TCP_SEATS_H

#include "base/addr.h"
#include "base/base.h"

#include <stdatomic.h>

#define TCP_CONNECTIONS_MAX 4096	/* in all */
#define TCP_CONNECTIONS_ADDRESS_MAX 128 /* of them from one host; of fewer in all, a quarter */
#define TCP_FILES_SHARE 2		/* one file in so many may be a client's; the rest are for upstreams, lists, control */
#define TCP_FILES_OWN 32		/* beside the listening sockets, before the rest is shared out */
#define TCP_SEATS_SLACK 64		/* connections shut down whose owners have not noticed yet */
#define TCP_RECENT_MS 1000		/* who came, was answered or took bytes in that time is about to do something */

/* What a connection does. */
enum tcp_rank { TCP_RANK_IDLE, TCP_RANK_HALF, TCP_RANK_SENDING, TCP_RANK_BUSY };

struct tcp_seats;
/* most: in all; host_most: from one host, cut to a quarter of most (at least 1). */
MUST_CHECK struct tcp_seats *tcp_seats_create(unsigned workers, size_t most, size_t host_most);
void tcp_seats_destroy(struct tcp_seats *s); /* all have left */
/* How many connections there may be where the process may have so many files open, so many of them listening sockets. */
size_t tcp_seats_of_files(size_t files, size_t listeners);

#define TCP_SEAT_NONE UINT32_MAX

/* A seat for a new connection: its number, or TCP_SEAT_NONE when nobody can leave. `fd` stays the owner's and open until tcp_leave;
 * `owner` is told back as *ret_leaver when it is to be closed, now, by the calling worker: it has been chosen to leave. Else NULL.
 */
MUST_CHECK uint32_t tcp_enter(struct tcp_seats *s, unsigned worker, const struct addr *peer, int fd, void *owner, int64_t now_ms,
			      void **ret_leaver);
/* Before the connection's fd is closed: after that its number may be somebody else's. True when it had been chosen to leave. */
bool tcp_leave(struct tcp_seats *s, uint32_t seat);
/* File descriptors ran out: somebody leaves. True when somebody does; *ret_leaver as above. */
bool tcp_make_room(struct tcp_seats *s, unsigned worker, int64_t now_ms, void **ret_leaver);

/* More than three quarters are taken: who is idle may stay for a shorter time. */
bool tcp_seats_scarce(const struct tcp_seats *s);
size_t tcp_seats_taken(const struct tcp_seats *s);

/* The owner's worker: what the connection does, and since when. */
void tcp_stamp(struct tcp_seats *s, uint32_t seat, enum tcp_rank rank, int64_t since_ms);

#endif
