/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen/tcp_seats.h"

#include "base/rand.h"
#include "base/siphash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HOST_LEN 20 /* the wide form, and the scope of a link-local address */
#define HOST_V6_BITS 56
#define HOST_SHARE 4 /* of all seats, one host has at most one part in so many */
#define MOST_MIN 8   /* connections, however few files there are */
#define SCARCE_NUM 3 /* of SCARCE_DEN taken */
#define SCARCE_DEN 4
#define RANK_SHIFT 56 /* a stamp: the rank, then the time */
#define SINCE_MASK ((1ull << RANK_SHIFT) - 1)
#define SECOND_TURN (1ull << 63)

struct seat {
	uint8_t host[HOST_LEN];
	uint32_t bucket;
	uint32_t prev, next; /* in the bucket, or next among the free */
	unsigned worker;
	int fd;
	void *owner;	  /* NULL: free */
	uint64_t entered; /* among equals who came first leaves first: a burst comes within one tick of the clock */
	bool leaving;
};

struct tcp_seats {
	pthread_mutex_t lock;
	size_t most, host_most, count; /* count: seats there are, those of the slack too */
	size_t leaving;
	uint64_t entered; /* so many so far */
	_Atomic size_t taken;
	struct seat *seats;
	_Atomic uint64_t *stamps; /* beside the seats: all are looked through when the house is full */
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint32_t first_free;
	struct siphash_key key; /* hosts are what strangers choose */
};

static void host_of(const struct addr *peer, uint8_t ret[HOST_LEN])
{
	struct addr plain = *peer;

	addr_unmap(&plain);
	memset(ret, 0, HOST_LEN);
	addr_to_wide(&plain, ret);
	if (plain.sa.sa_family != AF_INET6)
		return;
	if (IN6_IS_ADDR_LINKLOCAL(&plain.in6.sin6_addr))
		memcpy(ret + ADDR_WIDE_LEN, &plain.in6.sin6_scope_id, sizeof(plain.in6.sin6_scope_id));
	else
		addr_bits_clear(ret, HOST_V6_BITS, ADDR_WIDE_LEN * 8);
}

size_t tcp_seats_of_files(size_t files, size_t listeners)
{
	size_t own = MIN(files, TCP_FILES_OWN + listeners);

	return MIN(MAX((files - own) / TCP_FILES_SHARE, (size_t)MOST_MIN), (size_t)TCP_CONNECTIONS_MAX);
}

struct tcp_seats *tcp_seats_create(unsigned workers, size_t most, size_t host_most)
{
	struct tcp_seats *s = base_alloc(sizeof(*s));

	must(most > 0 && most <= TCP_CONNECTIONS_MAX);
	must(pthread_mutex_init(&s->lock, NULL) == 0);
	s->most = most;
	s->host_most = MAX(MIN(host_most, most / HOST_SHARE), (size_t)1);
	s->count = most + TCP_SEATS_SLACK + workers; /* each worker may be closing one of its own */
	s->seats = base_alloc(s->count * sizeof(*s->seats));
	s->stamps = base_alloc(s->count * sizeof(*s->stamps));
	uint32_t buckets = 16;
	while (buckets < s->count)
		buckets *= 2;
	s->buckets = base_alloc(buckets * sizeof(*s->buckets));
	s->bucket_mask = buckets - 1;
	for (uint32_t i = 0; i < buckets; i++)
		s->buckets[i] = TCP_SEAT_NONE;
	for (uint32_t i = 0; i < s->count; i++)
		s->seats[i].next = i + 1 < s->count ? i + 1 : TCP_SEAT_NONE;
	rand_bytes(&s->key, sizeof(s->key));
	return s;
}

void tcp_seats_destroy(struct tcp_seats *s)
{
	if (s == NULL)
		return;
	must(tcp_seats_taken(s) == 0);
	pthread_mutex_destroy(&s->lock);
	free(s->seats);
	free(s->stamps);
	free(s->buckets);
	free(s);
}

size_t tcp_seats_taken(const struct tcp_seats *s)
{
	return atomic_load_explicit(&s->taken, memory_order_relaxed);
}

bool tcp_seats_scarce(const struct tcp_seats *s)
{
	return tcp_seats_taken(s) * SCARCE_DEN > s->most * SCARCE_NUM;
}

void tcp_stamp(struct tcp_seats *s, uint32_t seat, enum tcp_rank rank, int64_t since_ms)
{
	atomic_store_explicit(&s->stamps[seat], (uint64_t)rank << RANK_SHIFT | (uint64_t)since_ms, memory_order_relaxed);
}

/* ---- who leaves; under the lock ---- */

/* Is it the turn of seat i before that of `chosen`, whose turn is chosen_turn? */
static bool is_before(const struct tcp_seats *s, uint32_t i, uint64_t turn, uint32_t chosen, uint64_t chosen_turn)
{
	return chosen == TCP_SEAT_NONE || turn < chosen_turn ||
	       (turn == chosen_turn && s->seats[i].entered < s->seats[chosen].entered);
}

struct choice {
	uint32_t any, own;	     /* seats, or TCP_SEAT_NONE */
	uint64_t any_turn, own_turn; /* the smallest leaves first */
};

static void weigh(const struct tcp_seats *s, uint32_t i, unsigned worker, int64_t now_ms, struct choice *c)
{
	const struct seat *seat = &s->seats[i];
	uint64_t stamp = atomic_load_explicit(&s->stamps[i], memory_order_relaxed);
	uint64_t since_ms = stamp & SINCE_MASK, turn = since_ms;
	bool recent = now_ms - (int64_t)since_ms < TCP_RECENT_MS;

	if (seat->owner == NULL || seat->leaving)
		return;
	switch ((enum tcp_rank)(stamp >> RANK_SHIFT)) {
	case TCP_RANK_IDLE:
		if (recent)
			turn |= SECOND_TURN;
		break;
	case TCP_RANK_HALF:
		turn |= SECOND_TURN;
		break;
	case TCP_RANK_SENDING:
		if (recent)
			return;
		turn |= SECOND_TURN;
		break;
	case TCP_RANK_BUSY:
		return;
	}
	if (is_before(s, i, turn, c->any, c->any_turn)) {
		c->any = i;
		c->any_turn = turn;
	}
	if (seat->worker == worker && is_before(s, i, turn, c->own, c->own_turn)) {
		c->own = i;
		c->own_turn = turn;
	}
}

/* False when nobody can. */
static bool let_leave(struct tcp_seats *s, const struct choice *c, unsigned worker, void **ret_leaver)
{
	uint32_t i = c->any;

	if (i != TCP_SEAT_NONE && s->seats[i].worker != worker && s->leaving >= TCP_SEATS_SLACK)
		i = c->own;
	if (i == TCP_SEAT_NONE)
		return false;
	struct seat *seat = &s->seats[i];
	seat->leaving = true;
	s->leaving++;
	if (seat->worker == worker)
		*ret_leaver = seat->owner;
	else
		(void)shutdown(seat->fd, SHUT_RDWR); /* it is open: its owner leaves its seat before closing it */
	return true;
}

static const struct choice nobody = {.any = TCP_SEAT_NONE, .own = TCP_SEAT_NONE};

/* Room in the host's share and in the house, if need be by somebody's leaving. */
static bool room_for(struct tcp_seats *s, const uint8_t host[HOST_LEN], uint32_t bucket, unsigned worker, int64_t now_ms,
		     void **ret_leaver)
{
	struct choice of_host = nobody, of_all = nobody;
	size_t same = 0;

	for (uint32_t i = s->buckets[bucket]; i != TCP_SEAT_NONE; i = s->seats[i].next) {
		if (s->seats[i].leaving || memcmp(s->seats[i].host, host, HOST_LEN) != 0)
			continue;
		same++;
		weigh(s, i, worker, now_ms, &of_host);
	}
	if (same >= s->host_most)
		return let_leave(s, &of_host, worker, ret_leaver);
	if (tcp_seats_taken(s) - s->leaving < s->most)
		return true;
	for (uint32_t i = 0; i < s->count; i++)
		weigh(s, i, worker, now_ms, &of_all);
	return let_leave(s, &of_all, worker, ret_leaver);
}

uint32_t tcp_enter(struct tcp_seats *s, unsigned worker, const struct addr *peer, int fd, void *owner, int64_t now_ms,
		   void **ret_leaver)
{
	uint8_t host[HOST_LEN];

	*ret_leaver = NULL;
	host_of(peer, host);
	uint32_t bucket = (uint32_t)siphash13(&s->key, host, HOST_LEN) & s->bucket_mask;
	pthread_mutex_lock(&s->lock);
	uint32_t i = TCP_SEAT_NONE;
	if (s->first_free != TCP_SEAT_NONE && room_for(s, host, bucket, worker, now_ms, ret_leaver)) {
		i = s->first_free;
		struct seat *seat = &s->seats[i];
		s->first_free = seat->next;
		*seat = (struct seat){.bucket = bucket,
				      .prev = TCP_SEAT_NONE,
				      .next = s->buckets[bucket],
				      .worker = worker,
				      .fd = fd,
				      .owner = owner,
				      .entered = s->entered++};
		memcpy(seat->host, host, HOST_LEN);
		if (seat->next != TCP_SEAT_NONE)
			s->seats[seat->next].prev = i;
		s->buckets[bucket] = i;
		tcp_stamp(s, i, TCP_RANK_IDLE, now_ms);
		atomic_fetch_add_explicit(&s->taken, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&s->lock);
	return i;
}

bool tcp_leave(struct tcp_seats *s, uint32_t i)
{
	struct seat *seat = &s->seats[i];

	pthread_mutex_lock(&s->lock);
	must(seat->owner != NULL);
	if (seat->prev != TCP_SEAT_NONE)
		s->seats[seat->prev].next = seat->next;
	else
		s->buckets[seat->bucket] = seat->next;
	if (seat->next != TCP_SEAT_NONE)
		s->seats[seat->next].prev = seat->prev;
	bool was_leaving = seat->leaving;
	if (was_leaving)
		s->leaving--;
	*seat = (struct seat){.next = s->first_free, .fd = -1};
	s->first_free = i;
	atomic_fetch_sub_explicit(&s->taken, 1, memory_order_relaxed);
	pthread_mutex_unlock(&s->lock);
	return was_leaving;
}

bool tcp_make_room(struct tcp_seats *s, unsigned worker, int64_t now_ms, void **ret_leaver)
{
	struct choice of_all = nobody;

	*ret_leaver = NULL;
	pthread_mutex_lock(&s->lock);
	for (uint32_t i = 0; i < s->count; i++)
		weigh(s, i, worker, now_ms, &of_all);
	bool ok = let_leave(s, &of_all, worker, ret_leaver);
	pthread_mutex_unlock(&s->lock);
	return ok;
}
