/* SPDX-License-Identifier: BSD-2-Clause */
#include "gen.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32u
#define ANSWER_MAX 1500u
#define IDS 65536u
#define WINDOW_MAX (IDS / 2)
#define CLIENTS_MAX 1024u
#define RECEIVE_BUFFER (4 * 1024 * 1024)
#define LOST_NS (500 * NS_PER_MS) /* closed loop: the answer is not awaited any longer */
#define LAST_NS (300 * NS_PER_MS) /* for answers after the last query */
#define EXPIRE_EVERY_NS (50 * NS_PER_MS)
#define POLL_MS 5
#define AT_END_NS NS_PER_MS /* answers so much after the end still count for the rate */

struct client {
	int fd;
	unsigned out;
};

/* A query under way; its ID is its index. */
struct slot {
	uint64_t due_ns, number;
	uint32_t query;
	uint16_t client;
	bool busy;
};

struct load {
	const struct gen_options *options;
	struct query *queries;
	size_t query_count, query_at;
	struct client *clients;
	struct pollfd *polls;
	struct slot slots[IDS];
	uint16_t next_id;
	unsigned out, turn; /* turn: of the open loop, the client that sends next */
	uint64_t number;    /* of the next fresh label */
	uint64_t end_ns, stopped_ns, expired_ns;
	bool stopping;
	struct stats stats;
	struct mmsghdr in[BATCH], outgoing[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	uint8_t in_bytes[BATCH][ANSWER_MAX];
};

static void forget(struct load *l, struct slot *slot)
{
	slot->busy = false;
	l->clients[slot->client].out--;
	l->out--;
}

/* A free slot for a query of the client; the open loop takes the oldest when none is free, which counts as lost. */
static uint16_t take_slot(struct load *l)
{
	while (l->options->rate <= 0 && l->slots[l->next_id].busy)
		l->next_id++;
	struct slot *slot = &l->slots[l->next_id];
	if (slot->busy) {
		l->stats.lost++;
		forget(l, slot);
	}
	return l->next_id++;
}

static bool may_send(const struct load *l, unsigned client, unsigned prepared, uint64_t now_ns, uint64_t *ret_due_ns)
{
	uint64_t sent = l->stats.sent + prepared;

	if (l->stopping || prepared == BATCH || (l->options->count > 0 && sent >= l->options->count))
		return false;
	if (l->options->rate <= 0) {
		*ret_due_ns = now_ns;
		return l->clients[client].out < l->options->window / l->options->clients;
	}
	*ret_due_ns = l->stats.begin_ns + (uint64_t)((double)sent * (double)NS_PER_S / l->options->rate);
	return *ret_due_ns <= now_ns;
}

static void send_prepared(struct load *l, int fd, unsigned count)
{
	unsigned done = 0, refused = 0;

	while (done < count && refused < count) {
		int n = sendmmsg(fd, l->outgoing + done, count - done, 0);
		if (n > 0)
			done += (unsigned)n;
		else if (errno == ECONNREFUSED)
			refused++; /* what is not sent counts as lost later */
		else
			sched_yield();
	}
	l->stats.sent += count;
}

/* Everything that the client may send now, a batch at most. */
static unsigned send_batch(struct load *l, unsigned client, uint64_t now_ns)
{
	unsigned n = 0;
	uint64_t due_ns;

	while (may_send(l, client, n, now_ns, &due_ns)) {
		uint16_t id = take_slot(l);
		struct query *q = &l->queries[l->query_at];
		q->bytes[0] = (uint8_t)(id >> 8);
		q->bytes[1] = (uint8_t)id;
		l->slots[id] =
		    (struct slot){.due_ns = due_ns, .query = (uint32_t)l->query_at, .client = (uint16_t)client, .busy = true};
		if (q->kind == KIND_UNIQUE) {
			l->slots[id].number = l->number;
			query_label(&q->bytes[QUERY_HEADER + 1], l->number++);
		}
		l->out_iov[n++] = (struct iovec){q->bytes, q->len};
		l->clients[client].out++;
		l->out++;
		/* a query is one buffer: the same one twice in a batch would go out with the last ID twice */
		if (++l->query_at == l->query_count) {
			l->query_at = 0;
			if (l->query_count < BATCH)
				break;
		}
	}
	if (n > 0) {
		if (l->out == n && l->stats.heard_ns < now_ns)
			l->stats.heard_ns = now_ns; /* nothing was awaited before */
		send_prepared(l, l->clients[client].fd, n);
	}
	return n;
}

static void take_answer(struct load *l, unsigned client, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
	struct slot *slot = &l->slots[len < QUERY_HEADER ? 0 : bytes[0] << 8 | bytes[1]];

	if (!slot->busy || slot->client != client || len < QUERY_HEADER) {
		l->stats.late++;
		return;
	}
	const struct query *q = &l->queries[slot->query];
	enum kind got = answer_kind(bytes, len);
	enum kind want = q->kind == KIND_UNIQUE ? KIND_FORWARDED : (enum kind)q->kind;
	if (got == KIND_ERROR)
		l->stats.errors++;
	else if (got != want || !answer_matches(q, slot->number, bytes, len))
		l->stats.wrong++;
	if (!l->stopping || now_ns < l->stopped_ns + AT_END_NS)
		l->stats.answered++;
	stats_latency(&l->stats, now_ns > slot->due_ns ? now_ns - slot->due_ns : 0);
	forget(l, slot);
}

/* A batch of answers of one client; how many there were. */
static unsigned receive_batch(struct load *l, unsigned client, bool waited)
{
	bool due = l->out > 0;
	int n = recvmmsg(l->clients[client].fd, l->in, BATCH, MSG_DONTWAIT, NULL);
	uint64_t now_ns = clock_ns();

	stats_look(&l->stats, now_ns, n > 0, due, waited);
	for (int i = 0; i < n; i++)
		take_answer(l, client, l->in_bytes[i], l->in[i].msg_len, now_ns);
	return n > 0 ? (unsigned)n : 0;
}

/* Nothing came: until an answer does, the next query is due, or POLL_MS are over. Returns whether it slept. */
static bool rest(struct load *l)
{
	uint64_t wait_ns = POLL_MS * NS_PER_MS, now_ns = clock_ns();

	if (l->options->busy) {
		sched_yield();
		return false;
	}
	if (l->options->rate > 0 && !l->stopping) {
		uint64_t due_ns = l->stats.begin_ns + (uint64_t)((double)l->stats.sent * (double)NS_PER_S / l->options->rate);
		wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
	}
	struct timespec wait = {.tv_sec = (time_t)(wait_ns / NS_PER_S), .tv_nsec = (long)(wait_ns % NS_PER_S)};
	(void)ppoll(l->polls, l->options->clients, &wait, NULL);
	return true;
}

/* Closed loop: what was not answered in time is lost, and its place in the window free again. */
static void expire(struct load *l, uint64_t now_ns)
{
	if (l->options->rate > 0 || now_ns - l->expired_ns < EXPIRE_EVERY_NS)
		return;
	l->expired_ns = now_ns;
	for (unsigned i = 0; i < IDS; i++) {
		if (l->slots[i].busy && now_ns > l->slots[i].due_ns + LOST_NS) {
			forget(l, &l->slots[i]);
			l->stats.lost++;
		}
	}
}

static void open_clients(struct load *l)
{
	unsigned count = l->options->clients;

	l->clients = calloc(count, sizeof(*l->clients));
	l->polls = calloc(count, sizeof(*l->polls));
	if (l->clients == NULL || l->polls == NULL)
		die("out of memory");
	for (unsigned i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = RECEIVE_BUFFER;
		if (fd < 0 || connect(fd, (const struct sockaddr *)&l->options->server, sizeof(l->options->server)) != 0)
			die("no socket");
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		l->clients[i].fd = fd;
		l->polls[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	for (unsigned i = 0; i < BATCH; i++) {
		l->in_iov[i] = (struct iovec){l->in_bytes[i], ANSWER_MAX};
		l->in[i].msg_hdr = (struct msghdr){.msg_iov = &l->in_iov[i], .msg_iovlen = 1};
		l->outgoing[i].msg_hdr = (struct msghdr){.msg_iov = &l->out_iov[i], .msg_iovlen = 1};
	}
}

/* Each client in turn sends what it may and takes what came. In the open loop a query goes out by one client alone. */
static void go_round(struct load *l)
{
	unsigned moved = 0;

	for (unsigned i = 0; i < l->options->clients; i++) {
		if (l->options->rate <= 0 || i == l->turn)
			moved += send_batch(l, i, clock_ns());
	}
	if (l->options->rate > 0)
		l->turn = (l->turn + 1) % l->options->clients;
	for (unsigned i = 0; i < l->options->clients; i++)
		moved += receive_batch(l, i, false);
	if (moved > 0 || !rest(l))
		return;
	/* it slept: what woke it is looked for at once, so that the silence before is told from absence */
	for (unsigned i = 0; i < l->options->clients; i++)
		(void)receive_batch(l, i, i == 0);
}

static bool is_over(struct load *l, uint64_t now_ns)
{
	if (!l->stopping && (now_ns >= l->end_ns || (l->options->count > 0 && l->stats.sent >= l->options->count))) {
		l->stopping = true;
		l->stopped_ns = now_ns;
	}
	return l->stopping && (l->out == 0 || now_ns > l->stopped_ns + LAST_NS);
}

void load_run(const struct gen_options *options, struct query *queries, size_t count)
{
	if (options->clients == 0 || options->clients > CLIENTS_MAX || options->window < options->clients ||
	    options->window > WINDOW_MAX)
		die("-c takes 1 to %u, -w from as many as there are clients to %u", CLIENTS_MAX, WINDOW_MAX);
	struct load *l = calloc(1, sizeof(*l));
	if (l == NULL)
		die("out of memory");
	l->options = options;
	l->queries = queries;
	l->query_count = count;
	l->number = clock_ns() * 0x9E3779B97F4A7C15ull; /* no run asks what another one asked */
	l->query_at = options->count > 0 ? 0 : (l->number >> 33) % count;
	open_clients(l);
	stats_begin(&l->stats, options->pid);
	l->end_ns = l->stats.begin_ns + (uint64_t)(options->seconds * (double)NS_PER_S);
	for (uint64_t now_ns = l->stats.begin_ns; !is_over(l, now_ns); now_ns = clock_ns()) {
		go_round(l);
		expire(l, now_ns);
		if (options->interval_s > 0 &&
		    (double)(now_ns - l->stats.interval_begin_ns) >= options->interval_s * (double)NS_PER_S)
			stats_interval(&l->stats, now_ns, stdout);
	}
	l->stats.lost += l->out;
	stats_print(&l->stats, l->stopped_ns, stdout);
	for (unsigned i = 0; i < options->clients; i++)
		close(l->clients[i].fd);
	free(l->clients);
	free(l->polls);
	free(l);
}
