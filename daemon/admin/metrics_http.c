/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/metrics_http.h"

#include "admin/metrics_listen.h"
#include "base/clock.h"
#include "base/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METRICS_PATH "/metrics"
#define METRICS_BODY_MAX 1024
#define METRICS_METHODS                                                                                                 \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | \
	 EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)
#define METRICS_REST_S 1 /* when accepting fails: descriptors ran out */

/* A connection of evhttp's. evhttp tells nobody when it lets go of one; but then it takes its callbacks off the bufferevent, of
 * which this holds a reference. */
struct visit {
	struct bufferevent *bev;
	int64_t deadline_ms;
	bool refused; /* one too many: to be closed as soon as evhttp has it whole */
	struct visit *next;
};

/* Where is listened. */
struct served {
	struct metrics_endpoint endpoint;
	struct evhttp_bound_socket *bound; /* owns the descriptor; NULL before metrics_http_serve */
	bool wanted;			   /* by the settings staged last */
};

struct metrics_http {
	struct served served[2 * SETTINGS_METRICS_MAX]; /* those that go and those that come */
	size_t served_count;
	bool staged;
	struct event_base *base; /* NULL before metrics_http_serve */
	struct evhttp *http;
	struct event *on_look, *on_rested;
	struct visit *visits; /* the newest first */
	struct metrics_http_stats stats;
	void (*write)(void *arg, struct openmetrics *om);
	void *arg;
};

/* ---- connections ---- */

static bool is_over(const struct visit *v)
{
	bufferevent_event_cb on_event = NULL;

	bufferevent_getcb(v->bev, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

static void visit_free(struct visit *v)
{
	bufferevent_decref(v->bev);
	free(v);
}

/* Let go of those that evhttp let go of. Returns how many of the others are served. */
static size_t sweep(struct metrics_http *m)
{
	struct visit **at = &m->visits;
	size_t open = 0;

	while (*at != NULL) {
		struct visit *v = *at;
		if (is_over(v)) {
			*at = v->next;
			visit_free(v);
			continue;
		}
		open += v->refused ? 0 : 1;
		at = &v->next;
	}
	return open;
}

/* Look again when the next one is due. */
static void look_later(struct metrics_http *m, int64_t now_ms)
{
	int64_t in_ms = -1;

	for (const struct visit *v = m->visits; v != NULL; v = v->next)
		in_ms = in_ms < 0 ? MAX(v->deadline_ms - now_ms, 1) : MIN(in_ms, MAX(v->deadline_ms - now_ms, 1));
	if (in_ms < 0) {
		(void)event_del(m->on_look);
		return;
	}
	struct timeval tv = {.tv_sec = in_ms / 1000, .tv_usec = in_ms % 1000 * 1000};
	(void)event_add(m->on_look, &tv);
}

/* evhttp takes it for a client that was waited for in vain, and lets go of it. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct metrics_http *m = arg;
	int64_t now_ms = clock_mono_ms();

	(void)fd, (void)what;
	(void)sweep(m);
	for (struct visit *v = m->visits; v != NULL; v = v->next) {
		if (!v->refused && v->deadline_ms > now_ms)
			continue;
		m->stats.overdue += v->refused ? 0 : 1;
		bufferevent_trigger_event(v->bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
	}
	(void)sweep(m);
	look_later(m, now_ms);
}

/* evhttp accepted a connection and wants something to read it by. */
static struct bufferevent *on_accepted(struct event_base *base, void *arg)
{
	struct metrics_http *m = arg;
	struct visit *v = base_alloc(sizeof(*v));
	int64_t now_ms = clock_mono_ms();

	v->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	must(v->bev != NULL);
	bufferevent_incref(v->bev);
	bufferevent_setwatermark(v->bev, EV_READ, 0, METRICS_READ_MAX);
	v->refused = sweep(m) >= METRICS_CONNECTIONS_MAX;
	v->deadline_ms = now_ms + METRICS_DEADLINE_MS;
	v->next = m->visits;
	m->visits = v;
	if (v->refused) {
		m->stats.refused++;
		event_active(m->on_look, EV_TIMEOUT, 0);
	} else {
		look_later(m, now_ms);
	}
	return v->bev;
}

static void on_complete(struct evhttp_request *request, void *arg)
{
	const struct metrics_http *m = arg;

	(void)request;
	event_active(m->on_look, EV_TIMEOUT, 0); /* evhttp lets go of the connection after this */
}

/* ---- requests ---- */

static void put_header(struct evhttp_request *request, const char *name, const char *value)
{
	must(evhttp_add_header(evhttp_request_get_output_headers(request), name, value) == 0);
}

/* text is taken. */
static void reply(struct metrics_http *m, struct evhttp_request *request, int code, const char *reason, const char *type,
		  struct buf *text)
{
	struct evbuffer *body = evbuffer_new();
	char length[32];

	must(body != NULL && (text->len == 0 || evbuffer_add(body, text->ptr, text->len) == 0));
	(void)snprintf(length, sizeof(length), "%zu", text->len);
	buf_finish(text);
	put_header(request, "Content-Type", type);
	put_header(request, "Content-Length", length);
	put_header(request, "Connection", "close");
	put_header(request, "Cache-Control", "no-store");
	put_header(request, "X-Content-Type-Options", "nosniff");
	evhttp_request_set_on_complete_cb(request, on_complete, m);
	m->stats.requests++;
	evhttp_send_reply(request, code, reason, evhttp_request_get_command(request) == EVHTTP_REQ_HEAD ? NULL : body);
	evbuffer_free(body);
}

static void reply_figures(struct metrics_http *m, struct evhttp_request *request)
{
	const char *accept = evhttp_find_header(evhttp_request_get_input_headers(request), "Accept");
	struct openmetrics om = {.format = openmetrics_choose(accept == NULL ? (struct str){NULL, 0} : str_from(accept))};
	struct buf text = {0};
	int64_t begun_ns = clock_mono_ns();

	om.out = &text;
	m->write(m->arg, &om);
	m->stats.build_us = (uint64_t)(clock_mono_ns() - begun_ns) / 1000;
	reply(m, request, HTTP_OK, "OK", openmetrics_content_types[om.format], &text);
}

static void reply_plainly(struct metrics_http *m, struct evhttp_request *request, int code, const char *reason)
{
	struct buf text = {0};

	buf_printf(&text, "%d %s\n", code, reason);
	reply(m, request, code, reason, "text/plain; charset=utf-8", &text);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	static const char front[] = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>saringd</title></head>"
				    "<body><h1>saringd</h1><p><a href=\"" METRICS_PATH "\">Metrics</a></p></body></html>\n";
	struct metrics_http *m = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
	enum evhttp_cmd_type method = evhttp_request_get_command(request);

	if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		put_header(request, "Allow", "GET, HEAD");
		reply_plainly(m, request, HTTP_BADMETHOD, "Method Not Allowed");
	} else if (path != NULL && strcmp(path, METRICS_PATH) == 0) {
		reply_figures(m, request);
	} else if (path != NULL && (strcmp(path, "/") == 0 || path[0] == '\0')) {
		struct buf text = {0};
		buf_add_c(&text, front);
		reply(m, request, HTTP_OK, "OK", "text/html; charset=utf-8", &text);
	} else {
		reply_plainly(m, request, HTTP_NOTFOUND, "Not Found");
	}
}

/* ---- listening ---- */

/* No descriptor is left, which another attempt at once would not change. */
static void on_accept_failed(struct evconnlistener *listener, void *arg)
{
	static const struct timeval rest = {.tv_sec = METRICS_REST_S};
	const struct metrics_http *m = arg;

	(void)evconnlistener_disable(listener);
	(void)event_add(m->on_rested, &rest);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	const struct metrics_http *m = arg;

	(void)fd, (void)what;
	for (size_t i = 0; i < m->served_count; i++)
		if (m->served[i].bound != NULL)
			(void)evconnlistener_enable(evhttp_bound_socket_get_listener(m->served[i].bound));
}

static void served_listen(struct metrics_http *m, struct served *s)
{
	struct evconnlistener *listener =
	    evconnlistener_new(m->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, s->endpoint.fd);
	must(listener != NULL);
	evconnlistener_set_error_cb(listener, on_accept_failed);
	s->bound = evhttp_bind_listener(m->http, listener);
	must(s->bound != NULL);
	log_info("metrics.listen endpoint=\"%s\"", s->endpoint.text);
	if (!addr_is_loopback(&s->endpoint.bound))
		log_warning(
		    "metrics.open endpoint=\"%s\" text=\"not an address of this machine alone: whoever reaches it reads the "
		    "figures\"",
		    s->endpoint.text);
}

static void served_end(const struct metrics_http *m, struct served *s)
{
	if (s->bound != NULL) {
		log_info("metrics.end endpoint=\"%s\"", s->endpoint.text);
		evhttp_del_accept_socket(m->http, s->bound); /* closes it */
		s->endpoint.fd = -1;
	}
	metrics_endpoint_close(&s->endpoint);
}

static void remove_at(struct metrics_http *m, size_t i)
{
	served_end(m, &m->served[i]);
	m->served_count--;
	memmove(&m->served[i], &m->served[i + 1], (m->served_count - i) * sizeof(m->served[0]));
}

/* ---- what settings want ---- */

static bool is_staged(const struct served *s)
{
	return s->bound == NULL;
}

static struct served *find(struct metrics_http *m, const struct addr *said)
{
	for (size_t i = 0; i < m->served_count; i++)
		if (!m->served[i].wanted && addr_eq(&m->served[i].endpoint.said, said))
			return &m->served[i];
	return NULL;
}

static struct served *open_one(struct metrics_http *m, const struct endpoint *said, const char *path, struct err *err)
{
	must(m->served_count < ARRAY_LEN(m->served));
	struct served *s = &m->served[m->served_count];
	*s = (struct served){.bound = NULL};
	if (!metrics_endpoint_open(said, path, &s->endpoint, err))
		return NULL;
	m->served_count++;
	return s;
}

bool metrics_http_stage(struct metrics_http *m, const struct settings *settings, struct err *err)
{
	metrics_http_unstage(m);
	for (size_t i = 0; i < m->served_count; i++)
		m->served[i].wanted = false;
	m->staged = true;
	for (size_t i = 0; i < settings->metrics_listen_count; i++) {
		const struct endpoint *said = &settings->metrics_listen[i];
		struct served *s = find(m, &said->addr);
		if (s == NULL)
			s = open_one(m, said, settings->path, err);
		if (s == NULL) {
			metrics_http_unstage(m);
			return false;
		}
		s->wanted = true;
	}
	return true;
}

void metrics_http_unstage(struct metrics_http *m)
{
	if (!m->staged)
		return;
	m->staged = false;
	for (size_t i = m->served_count; i-- > 0;)
		if (is_staged(&m->served[i]))
			remove_at(m, i);
}

void metrics_http_adopt(struct metrics_http *m)
{
	if (!m->staged || m->base == NULL)
		return;
	m->staged = false;
	for (size_t i = m->served_count; i-- > 0;) {
		if (!m->served[i].wanted)
			remove_at(m, i);
		else if (is_staged(&m->served[i]))
			served_listen(m, &m->served[i]);
	}
}

/* ---- life ---- */

struct metrics_http *metrics_http_create(void)
{
	return base_alloc(sizeof(struct metrics_http));
}

void metrics_http_serve(struct metrics_http *m, struct event_base *base, void (*write)(void *arg, struct openmetrics *om),
			void *arg)
{
	must(m->base == NULL);
	m->base = base;
	m->write = write;
	m->arg = arg;
	m->http = evhttp_new(base);
	m->on_look = event_new(base, -1, 0, on_look, m);
	m->on_rested = event_new(base, -1, 0, on_rested, m);
	must(m->http != NULL && m->on_look != NULL && m->on_rested != NULL);
	evhttp_set_max_headers_size(m->http, METRICS_HEAD_MAX);
	evhttp_set_max_body_size(m->http, METRICS_BODY_MAX);
	evhttp_set_allowed_methods(m->http, METRICS_METHODS); /* those it does not know yet are told so */
	evhttp_set_timeout(m->http,
			   2 * METRICS_DEADLINE_MS / 1000); /* for inactivity alone, so that the deadline is always first */
	evhttp_set_bevcb(m->http, on_accepted, m);
	evhttp_set_gencb(m->http, on_request, m);
	metrics_http_adopt(m);
}

void metrics_http_destroy(struct metrics_http *m)
{
	if (m == NULL)
		return;
	if (m->http != NULL) {
		while (m->served_count > 0)
			remove_at(m, m->served_count - 1);
		evhttp_free(m->http);
	}
	while (m->served_count > 0)
		remove_at(m, m->served_count - 1);
	for (struct visit *v = m->visits, *next; v != NULL; v = next) {
		next = v->next;
		visit_free(v);
	}
	if (m->on_look != NULL)
		event_free(m->on_look);
	if (m->on_rested != NULL)
		event_free(m->on_rested);
	free(m);
}

size_t metrics_http_endpoints(const struct metrics_http *m)
{
	size_t count = 0;

	for (size_t i = 0; i < m->served_count; i++)
		count += is_staged(&m->served[i]) ? 0 : 1;
	return count;
}

const char *metrics_http_endpoint(const struct metrics_http *m, size_t i)
{
	for (size_t at = 0; at < m->served_count; at++)
		if (!is_staged(&m->served[at]) && i-- == 0)
			return m->served[at].endpoint.text;
	return "";
}

void metrics_http_stats(struct metrics_http *m, struct metrics_http_stats *ret)
{
	m->stats.connections = sweep(m);
	*ret = m->stats;
}
