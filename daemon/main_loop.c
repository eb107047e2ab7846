/* SPDX-License-Identifier: BSD-2-Clause */
#include "main_loop.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct main_loop {
	struct main_loop_config config;
	struct event_base *base;
	struct event *on_term, *on_int, *on_hup, *on_tick, *on_wake, *on_drain;
	int wake_fd; /* -1: none */
};

static void main_loop_on_stop(evutil_socket_t number, short what, void *arg)
{
	const struct main_loop *l = arg;
	(void)what;
	l->config.on_stop(l->config.arg, (int)number);
}

static void main_loop_on_hup(evutil_socket_t number, short what, void *arg)
{
	const struct main_loop *l = arg;
	(void)number, (void)what;
	l->config.on_reload(l->config.arg);
}

static void main_loop_on_wake(evutil_socket_t fd, short what, void *arg)
{
	const struct main_loop *l = arg;
	uint64_t count;
	(void)what;
	(void)!read(fd, &count, sizeof(count));
	l->config.on_wake(l->config.arg);
}

static void main_loop_on_tick(evutil_socket_t fd, short what, void *arg)
{
	const struct main_loop *l = arg;
	(void)fd, (void)what;
	l->config.on_tick(l->config.arg);
}

static void main_loop_on_drain(evutil_socket_t fd, short what, void *arg)
{
	const struct main_loop *l = arg;
	(void)fd, (void)what;
	l->config.on_drain(l->config.arg);
}

static bool open_base(struct main_loop *l, struct err *err)
{
	struct event_config *config = event_config_new();
	must(config);
	/* One thread alone touches this base; others wake it through wake_fd. */
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	l->base = event_base_new_with_config(config);
	event_config_free(config);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return l->base && l->wake_fd >= 0 ? true : err_set_errno(err, ERR_IO, "setting up the event loop");
}

static void add_events(struct main_loop *l)
{
	const struct timeval tick = {.tv_sec = l->config.tick_s}, drain = {.tv_usec = l->config.drain_ms * 1000L};
	l->on_term = evsignal_new(l->base, SIGTERM, main_loop_on_stop, l);
	l->on_int = evsignal_new(l->base, SIGINT, main_loop_on_stop, l);
	l->on_hup = evsignal_new(l->base, SIGHUP, main_loop_on_hup, l);
	l->on_tick = event_new(l->base, -1, EV_PERSIST, main_loop_on_tick, l);
	l->on_wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, main_loop_on_wake, l);
	l->on_drain = event_new(l->base, -1, EV_PERSIST, main_loop_on_drain, l);
	must(l->on_term && l->on_int && l->on_hup && l->on_tick && l->on_wake && l->on_drain);
	must(event_add(l->on_term, NULL) == 0 && event_add(l->on_int, NULL) == 0 && event_add(l->on_hup, NULL) == 0 &&
	     event_add(l->on_tick, &tick) == 0 && event_add(l->on_wake, NULL) == 0 && event_add(l->on_drain, &drain) == 0);
}

struct main_loop *main_loop_create(const struct main_loop_config *config, struct err *err)
{
	struct main_loop *l = base_alloc(sizeof(*l));
	must(config->drain_ms < 1000);
	*l = (struct main_loop){.config = *config, .wake_fd = -1};
	if (!open_base(l, err)) {
		main_loop_destroy(l);
		return NULL;
	}
	add_events(l);
	return l;
}

void main_loop_destroy(struct main_loop *l)
{
	if (!l)
		return;
	struct event *events[] = {l->on_term, l->on_int, l->on_hup, l->on_tick, l->on_wake, l->on_drain};
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (events[i])
			event_free(events[i]);
	if (l->base)
		event_base_free(l->base);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l);
}

struct event_base *main_loop_base(struct main_loop *l)
{
	return l->base;
}

void main_loop_run(struct main_loop *l)
{
	(void)event_base_dispatch(l->base);
}

void main_loop_end(struct main_loop *l)
{
	(void)event_base_loopbreak(l->base);
}

void main_loop_wake(const struct main_loop *l)
{
	uint64_t one = 1;
	(void)!write(l->wake_fd, &one, sizeof(one)); /* a full counter is readable already */
}
