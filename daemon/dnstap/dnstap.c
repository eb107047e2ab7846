/* SPDX-License-Identifier: BSD-2-Clause */
#include "dnstap/dnstap.h"

#include "base/clock.h"
#include "base/log.h"
#include "dnstap/encode.h"
#include "dnstap/output.h"
#include "thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OUTPUTS 2
#define TICK_MS 500
#define NAME_MAX_BYTES 256 /* of identity and version, with the NUL */

/* What the thread is to do. */
struct orders {
	bool stop;
	char identity[NAME_MAX_BYTES], version[NAME_MAX_BYTES];
	char paths[OUTPUTS][PATH_MAX]; /* by enum output_kind; "": not wanted */
};

struct dnstap { // NOLINT(clang-analyzer-optin.performance.Padding): what one thread has stands together
	/* the main thread's */
	unsigned workers;
	gid_t group;
	struct orders given;
	pthread_t thread;
	bool started;
	struct frames_seat *seats; /* owned, one for each worker */
	/* the lock's; rings: made and freed by the main thread, emptied by the other */
	pthread_mutex_t lock;
	pthread_cond_t news, rests;
	struct frames **rings; /* one for each worker, or NULL */
	struct orders orders;
	uint64_t turn, seen; /* of the orders: the last given, and the last acted by */
	bool ended;
	struct dnstap_info info;
	uint64_t lost_before; /* in rings that are gone */
	/* the thread's */
	struct output *outputs[OUTPUTS];
	struct orders mine;
	struct buf bytes;
	int64_t ticked_ms;
	char said[OUTPUTS][DNSTAP_ERROR_MAX]; /* what is wrong, as the log was told */
};

static bool wants(const struct orders *o)
{
	return o->paths[OUTPUT_SOCKET][0] != '\0' || o->paths[OUTPUT_FILE][0] != '\0';
}

/* ---- the thread ---- */

static void follow_orders(struct dnstap *d, const struct orders *orders)
{
	for (size_t i = 0; i < OUTPUTS; i++) {
		if (strcmp(orders->paths[i], d->mine.paths[i]) == 0)
			continue;
		output_destroy(d->outputs[i]);
		d->outputs[i] = NULL;
		d->said[i][0] = '\0';
		if (orders->paths[i][0] != '\0')
			d->outputs[i] = output_create((enum output_kind)i, orders->paths[i], d->group);
	}
	d->mine = *orders;
	d->ticked_ms = 0;
}

/* Once when it begins, and once when it is over. */
static void say(struct dnstap *d, size_t i)
{
	const char *error = d->outputs[i] == NULL ? "" : output_error(d->outputs[i]);

	if (strncmp(error, d->said[i], sizeof(d->said[i]) - 1) == 0)
		return;
	if (error[0] != '\0')
		log_warning("dnstap.failed error=\"%s\"", error);
	else
		log_info("dnstap.resumed path=\"%s\"", output_path(d->outputs[i]));
	(void)snprintf(d->said[i], sizeof(d->said[i]), "%.*s", (int)sizeof(d->said[i]) - 1, error);
}

static void tick(struct dnstap *d)
{
	const int64_t now_ms = clock_mono_ms();

	if (d->ticked_ms != 0 && now_ms - d->ticked_ms < TICK_MS)
		return;
	d->ticked_ms = now_ms;
	for (size_t i = 0; i < OUTPUTS; i++) {
		if (d->outputs[i] != NULL)
			output_tick(d->outputs[i]);
	}
}

static void tell(struct dnstap *d, uint64_t sent, uint64_t dropped)
{
	for (size_t i = 0; i < OUTPUTS; i++)
		say(d, i);
	pthread_mutex_lock(&d->lock);
	d->info.sent += sent;
	d->info.dropped += dropped;
	(void)snprintf(d->info.error, sizeof(d->info.error), "%s",
		       d->said[d->said[OUTPUT_SOCKET][0] != '\0' ? OUTPUT_SOCKET : OUTPUT_FILE]);
	pthread_mutex_unlock(&d->lock);
}

/* Up to OUTPUT_BATCH frames of one ring. Returns how many there were. */
static unsigned send_some(struct dnstap *d, struct frames *ring)
{
	const struct encode_as as = {.identity = d->mine.identity, .version = d->mine.version};
	struct iovec iov[OUTPUT_BATCH];
	const struct frame *frame;
	unsigned count = 0;
	size_t at = 0;
	uint64_t sent = 0, dropped = 0;

	buf_reset(&d->bytes);
	while (count < OUTPUT_BATCH && (frame = frames_first(ring)) != NULL) {
		iov[count++].iov_len = encode_frame(frame, &as, &d->bytes);
		frames_next(ring, frame);
	}
	for (unsigned i = 0; i < count; i++) { /* it does not move any more */
		iov[i].iov_base = d->bytes.ptr + at;
		at += iov[i].iov_len;
	}
	for (size_t i = 0; count > 0 && i < OUTPUTS; i++) {
		if (d->outputs[i] == NULL)
			continue;
		if (output_send(d->outputs[i], iov, count))
			sent += count;
		else
			dropped += count;
	}
	if (count > 0)
		tell(d, sent, dropped);
	return count;
}

/* One round over all workers. True when there was something. */
static bool drain(struct dnstap *d, struct frames *const *rings)
{
	bool any = false;

	for (unsigned i = 0; i < d->workers; i++) {
		if (rings[i] != NULL)
			any |= send_some(d, rings[i]) > 0;
	}
	return any;
}

static void until(int64_t in_ms, struct timespec *ret)
{
	const int64_t ns = clock_mono_ns() + in_ms * 1000000;

	*ret = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* Locked on entry and return. While nothing is wanted it waits for news alone. */
static void wait_for_news(struct dnstap *d, bool busy)
{
	struct timespec end;

	until(DNSTAP_POLL_MS, &end);
	while (d->turn == d->seen && !wants(&d->mine))
		(void)pthread_cond_wait(&d->news, &d->lock);
	if (d->turn == d->seen && !busy)
		(void)pthread_cond_timedwait(&d->news, &d->lock, &end);
}

/* What came by the orders that were goes by them. */
static void *thread_main(void *arg)
{
	struct dnstap *d = arg;
	struct frames **rings = base_alloc(d->workers * sizeof(struct frames *));
	bool busy = false;

	for (bool stop = false; !stop;) {
		pthread_mutex_lock(&d->lock);
		wait_for_news(d, busy);
		const bool another = d->turn != d->seen;
		const struct orders orders = d->orders;
		const uint64_t turn = d->turn;
		memcpy(rings, d->rings, d->workers * sizeof(struct frames *));
		pthread_mutex_unlock(&d->lock);
		busy = drain(d, rings);
		if (another) {
			for (int rounds = 0; busy && rounds < 1000; rounds++)
				busy = drain(d, rings);
			follow_orders(d, &orders);
			stop = orders.stop;
		}
		tick(d);
		tell(d, 0, 0);
		pthread_mutex_lock(&d->lock);
		d->seen = turn;
		pthread_mutex_unlock(&d->lock);
	}
	pthread_mutex_lock(&d->lock);
	d->ended = true;
	pthread_cond_signal(&d->rests);
	pthread_mutex_unlock(&d->lock);
	free(rings);
	return NULL;
}

/* ---- the main thread ---- */

struct dnstap *dnstap_create(unsigned workers, gid_t group)
{
	struct dnstap *d = base_alloc(sizeof(*d));
	pthread_condattr_t attr;

	d->workers = workers;
	d->group = group;
	d->seats = base_alloc(workers * sizeof(d->seats[0]));
	d->rings = base_alloc(workers * sizeof(struct frames *));
	must(pthread_mutex_init(&d->lock, NULL) == 0 && pthread_condattr_init(&attr) == 0);
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	must(pthread_cond_init(&d->news, &attr) == 0 && pthread_cond_init(&d->rests, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
	return d;
}

struct frames_seat *dnstap_seat(struct dnstap *d, unsigned worker)
{
	must(worker < d->workers);
	return &d->seats[worker];
}

static void start(struct dnstap *d)
{
	int rc = thread_start(&d->thread, "dnstap", thread_main, d);

	d->started = rc == 0;
	if (!d->started)
		log_error("dnstap.failed error=\"its thread cannot be started: %s\"", strerror(rc));
}

static void give_orders(struct dnstap *d)
{
	pthread_mutex_lock(&d->lock);
	d->orders = d->given;
	d->turn++;
	d->info.on = wants(&d->given);
	pthread_cond_signal(&d->news);
	pthread_mutex_unlock(&d->lock);
}

/* A worker that has not let go of its ring yet is offered the same again. */
static void offer_rings(struct dnstap *d, const struct settings *s)
{
	for (unsigned i = 0; i < d->workers; i++) {
		pthread_mutex_lock(&d->lock);
		if (d->rings[i] == NULL)
			d->rings[i] = frames_create();
		pthread_mutex_unlock(&d->lock);
		atomic_store_explicit(&d->rings[i]->messages, s->dnstap_messages, memory_order_relaxed);
		atomic_store_explicit(&d->rings[i]->whole, s->dnstap_bytes, memory_order_relaxed);
		frames_offer(&d->seats[i], d->rings[i]);
	}
}

static void withdraw_rings(struct dnstap *d)
{
	for (unsigned i = 0; i < d->workers; i++)
		frames_offer(&d->seats[i], NULL);
}

static void put_text(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

static bool is_same(const struct orders *a, const struct orders *b)
{
	return strcmp(a->identity, b->identity) == 0 && strcmp(a->version, b->version) == 0 &&
	       strcmp(a->paths[0], b->paths[0]) == 0 && strcmp(a->paths[1], b->paths[1]) == 0;
}

void dnstap_follow(struct dnstap *d, const struct settings *s)
{
	struct orders wanted = {.stop = false};
	const bool tells = s->log_privacy != PRIVACY_NONE;

	put_text(wanted.identity, sizeof(wanted.identity), s->server_identity != NULL ? s->server_identity : s->server_nsid);
	put_text(wanted.version, sizeof(wanted.version), s->server_version);
	put_text(wanted.paths[OUTPUT_SOCKET], PATH_MAX, tells ? s->dnstap_socket : NULL);
	put_text(wanted.paths[OUTPUT_FILE], PATH_MAX, tells ? s->dnstap_file : NULL);
	if (wants(&wanted) && !d->started)
		start(d);
	if (!d->started)
		return;
	const bool same = is_same(&wanted, &d->given);
	d->given = wanted;
	if (wants(&wanted))
		offer_rings(d, s);
	else
		withdraw_rings(d);
	if (!same || wants(&wanted)) /* at a reload a file that was moved away is looked for at once */
		give_orders(d);
}

/* A ring is free when its worker has let go of it, and the thread has heard that nothing is wanted. */
void dnstap_tick(struct dnstap *d)
{
	if (!d->started || wants(&d->given))
		return;
	pthread_mutex_lock(&d->lock);
	for (unsigned i = 0; d->turn == d->seen && i < d->workers; i++) {
		if (d->rings[i] == NULL || !frames_are_left(&d->seats[i]))
			continue;
		d->lost_before += atomic_load_explicit(&d->rings[i]->lost, memory_order_relaxed);
		frames_destroy(d->rings[i]);
		d->rings[i] = NULL;
	}
	pthread_mutex_unlock(&d->lock);
}

void dnstap_info(struct dnstap *d, struct dnstap_info *ret)
{
	pthread_mutex_lock(&d->lock);
	*ret = d->info;
	ret->dropped += d->lost_before;
	for (unsigned i = 0; i < d->workers; i++) {
		if (d->rings[i] != NULL)
			ret->dropped += atomic_load_explicit(&d->rings[i]->lost, memory_order_relaxed);
	}
	pthread_mutex_unlock(&d->lock);
}

/* False: it hangs. */
static bool stop(struct dnstap *d)
{
	struct timespec end;

	d->given = (struct orders){.stop = true};
	give_orders(d);
	until(DNSTAP_STOP_MS, &end);
	pthread_mutex_lock(&d->lock);
	while (!d->ended && pthread_cond_timedwait(&d->rests, &d->lock, &end) != ETIMEDOUT)
		;
	const bool ended = d->ended;
	pthread_mutex_unlock(&d->lock);
	if (ended)
		(void)pthread_join(d->thread, NULL);
	return ended;
}

void dnstap_destroy(struct dnstap *d)
{
	if (d == NULL)
		return;
	if (d->started && !stop(d)) {
		log_warning("dnstap.abandoned error=\"what waits cannot be sent\"");
		(void)pthread_detach(d->thread);
		return;
	}
	for (unsigned i = 0; i < d->workers; i++)
		frames_destroy(d->rings[i]);
	for (size_t i = 0; i < OUTPUTS; i++)
		output_destroy(d->outputs[i]);
	(void)pthread_mutex_destroy(&d->lock);
	(void)pthread_cond_destroy(&d->news);
	(void)pthread_cond_destroy(&d->rests);
	buf_finish(&d->bytes);
	free(d->rings);
	free(d->seats);
	free(d);
}
