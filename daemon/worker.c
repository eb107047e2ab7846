/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker.h"

#include "base/log.h"
#include "listen/tcp.h"
#include "listen/udp.h"
#include "query/ask.h"
#include "query/deliver.h"
#include "query/query.h"
#include "thread.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORKER_STOP_MS 1000 /* for answers under way when asked to stop */
#define WORKER_LAST_MS 100  /* after that, for those who were told that there is none */
#define WORKER_STOP_POLL_MS 20

/* Upstreams that asks under way may still use. */
struct retired {
	struct upstreams *upstreams;
	struct retired *next;
};

struct worker {
	struct worker_config config;
	struct counters *counters;
	struct service *service;
	struct event_base *base;
	struct event *wake, *stale, *stop_poll;
	int wake_fd;
	pthread_t thread;
	bool started;
	_Atomic bool stopping;
	bool stop_seen, stop_told;
	int64_t stop_left_ms;
	/* made with the first world */
	struct pool *pool;
	struct tcp *tcp;
	struct udp **udp; /* one for each UDP listener */
	size_t udp_count;
	struct upstreams *upstreams; /* what the pool asks by */
	struct retired *retired;
	bool unswept; /* the pool may hold what only the retired ones had */
};

static void wake_up(void *arg)
{
	struct worker *w = arg;
	uint64_t one = 1;

	/* A full counter is readable already. */
	(void)!write(w->wake_fd, &one, sizeof(one));
}

void worker_nudge(struct worker *w)
{
	wake_up(w);
}

static struct service *peer(void *arg, unsigned worker)
{
	const struct worker *w = arg;

	return w->config.workers[worker]->service;
}

static void arm_stale(void *arg, int64_t in_ms)
{
	struct worker *w = arg;
	struct timeval tv = {.tv_sec = in_ms / 1000, .tv_usec = in_ms % 1000 * 1000};

	(void)event_add(w->stale, &tv);
}

static void on_stale(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	service_stale_due(w->service);
}

/* The first world has come: there is something to serve by. */
static void open_house(struct worker *w, struct upstreams *upstreams)
{
	w->upstreams = upstreams;
	w->pool = pool_create(w->base, w->counters, upstreams);
	w->service->pool = w->pool;
	w->tcp = tcp_create(w->base, w->service, w->config.tcp_seats);
	w->udp = base_alloc((w->config.listener_count + 1) * sizeof(struct udp *));
	for (size_t i = 0; i < w->config.listener_count; i++) {
		const struct listener *l = &w->config.listeners[i];
		if (l->stream)
			tcp_listen(w->tcp, l);
		else
			w->udp[w->udp_count++] = udp_create(w->base, w->service, l);
	}
}

/* Within a batch: asks that are begun in it go by its world. */
static void follow_upstreams(void *arg, struct upstreams *upstreams)
{
	struct worker *w = arg;

	if (upstreams == w->upstreams)
		return;
	struct retired *r = base_alloc(sizeof(*r));
	*r = (struct retired){.upstreams = w->upstreams, .next = w->retired};
	w->retired = r;
	w->upstreams = upstreams;
	w->unswept = true;
	pool_follow(w->pool, upstreams);
}

static void take_upstreams(struct worker *w, struct upstreams *upstreams)
{
	follow_upstreams(w, upstreams);
	if (w->unswept)
		pool_set_upstreams(w->pool, upstreams);
	w->unswept = false;
}

/* Let go of upstreams that no ask under way uses any more. */
static void release(struct worker *w, uint64_t serial)
{
	struct retired **at = &w->retired;

	while (*at != NULL) {
		struct retired *r = *at;
		if (pool_busy_with(w->pool, r->upstreams)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		free(r);
	}
	if (w->retired == NULL)
		generation_release(w->config.generations, w->config.index, serial);
}

/* Nobody waits for an answer: not ours, nor another worker's clients for what we ask. */
static bool is_quiet(const struct worker *w)
{
	return w->tcp == NULL || (w->service->slots_used == 0 && w->service->asks == NULL && tcp_is_quiet(w->tcp));
}

/* They have waited long enough: while they do, all others wait for our successor. */
static void tell_those_left(struct worker *w)
{
	if (w->stop_told)
		return;
	w->stop_told = true;
	if (service_begin_batch(w->service)) {
		asks_give_up(w->service);
		service_end_batch(w->service);
	}
}

static void on_stop_poll(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	static const struct timeval again = {0, WORKER_STOP_POLL_MS * 1000};

	(void)fd;
	(void)what;
	w->stop_left_ms -= WORKER_STOP_POLL_MS;
	if (w->stop_left_ms <= 0)
		tell_those_left(w);
	if (w->stop_left_ms <= -WORKER_LAST_MS || is_quiet(w))
		(void)event_base_loopbreak(w->base);
	else
		(void)event_add(w->stop_poll, &again);
}

static void begin_stop(struct worker *w)
{
	if (w->stop_seen)
		return;
	w->stop_seen = true;
	w->stop_left_ms = WORKER_STOP_MS;
	for (size_t i = 0; i < w->udp_count; i++)
		udp_stop(w->udp[i], w->config.has_successor);
	if (w->tcp != NULL)
		tcp_stop(w->tcp);
	on_stop_poll(-1, 0, w);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	counters_bump(&w->counters->ticks);
	if (service_begin_batch(w->service)) {
		uint64_t serial = w->service->world->serial;
		struct upstreams *upstreams = w->service->world->upstreams;
		if (w->pool == NULL)
			open_house(w, upstreams);
		take_upstreams(w, upstreams);
		release(w, serial);
		service_drain(w->service);
		service_end_batch(w->service);
	}
	if (atomic_load_explicit(&w->stopping, memory_order_acquire))
		begin_stop(w);
}

struct worker *worker_create(const struct worker_config *config, struct err *err)
{
	struct worker *w = base_alloc(sizeof(*w));
	struct event_config *ec = event_config_new();

	w->config = *config;
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->wake_fd < 0 || ec == NULL) {
		err_set_errno(err, ERR_IO, "cannot make a worker");
		if (ec != NULL)
			event_config_free(ec);
		worker_destroy(w);
		return NULL;
	}
	(void)event_config_set_flag(ec, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	w->base = event_base_new_with_config(ec);
	event_config_free(ec);
	must(w->base != NULL);
	must(posix_memalign((void **)&w->counters, 64, sizeof(*w->counters)) == 0);
	memset(w->counters, 0, sizeof(*w->counters));
	w->service = service_create(config->index, config->generations, config->cache, config->inflight, w->counters);
	w->service->failures = config->failures;
	w->service->cookie_seed = config->cookie_seed;
	w->service->limit = config->limit;
	w->service->loop = config->loop;
	w->service->tap = config->tap;
	w->service->frames_seat = config->frames;
	for (size_t i = 0; i < config->listener_count; i++) {
		const struct listener *l = &config->listeners[i];
		if (l->number >= ARRAY_LEN(w->service->listen))
			continue;
		w->service->listen[l->number] = l->asked;
		w->service->listen_count = MAX(w->service->listen_count, (size_t)l->number + 1);
	}
	w->service->away = config->away;
	w->service->wake = wake_up;
	w->service->wake_arg = w;
	w->service->peer = peer;
	w->service->peer_arg = w;
	w->service->stale_timer = arm_stale;
	w->service->stale_timer_arg = w;
	w->service->take_upstreams = follow_upstreams;
	w->service->take_upstreams_arg = w;
	w->wake = event_new(w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
	w->stale = event_new(w->base, -1, 0, on_stale, w);
	w->stop_poll = event_new(w->base, -1, 0, on_stop_poll, w);
	must(w->wake != NULL && w->stale != NULL && w->stop_poll != NULL && event_add(w->wake, NULL) == 0);
	return w;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	wake_up(w); /* a world may have been published before this loop ran */
	(void)event_base_dispatch(w->base);
	return NULL;
}

bool worker_start(struct worker *w, struct err *err)
{
	char name[16];
	snprintf(name, sizeof(name), "worker-%u", w->config.index);
	int rc = thread_start(&w->thread, name, worker_main, w);
	if (rc != 0) {
		errno = rc;
		return err_set_errno(err, ERR_IO, "cannot start worker %u", w->config.index);
	}
	w->started = true;
	return true;
}

void worker_stop(struct worker *w)
{
	atomic_store_explicit(&w->stopping, true, memory_order_release);
	wake_up(w);
}

void worker_join(struct worker *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
}

void worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	must(!w->started);
	pool_destroy(w->pool);
	if (w->service != NULL) {
		asks_forget(w->service);
		slots_drop_all(w->service);
	}
	tcp_destroy(w->tcp);
	for (size_t i = 0; i < w->udp_count; i++)
		udp_destroy(w->udp[i]);
	free(w->udp);
	while (w->retired != NULL) {
		struct retired *r = w->retired;
		w->retired = r->next;
		free(r);
	}
	service_destroy(w->service);
	if (w->wake != NULL)
		event_free(w->wake);
	if (w->stale != NULL)
		event_free(w->stale);
	if (w->stop_poll != NULL)
		event_free(w->stop_poll);
	if (w->base != NULL)
		event_base_free(w->base);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	free(w->counters);
	free(w);
}

const struct counters *worker_counters(const struct worker *w)
{
	return w->counters;
}
