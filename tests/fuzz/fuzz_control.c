/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What anybody who may open the control socket says there, to the real socket and the real verbs with a real world behind them.
 * Each line of the input is put into a frame; a line that begins with '!' goes as it is, without one. Every reply is a whole frame
 * of JSON that the tool's own reader takes, in UTF-8 and without control characters; there is one for each frame, until one breaks
 * the form: that is told, and ends it. */
#include "admin/world.h"

#include "admin/control.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/proto.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAID_MAX 16384
#define TURNS_MAX 10000
#define NOW_S 1500000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_base *base;
static struct control_socket sock = {.fd = -1};
static struct control *control;
static struct world_dir dir;

static void no_nudge(void *arg, unsigned worker)
{
	(void)arg, (void)worker;
}

static void no_settle(void *arg)
{
	(void)arg;
}

static void no_rebuild(void *arg, enum rebuild_kind kind, rebuild_done *done, void *done_arg)
{
	struct err err = {0};
	struct err_list errors = {0};
	(void)arg;
	(void)err_set_at(&err, ERR_INPUT, "/etc/saring.yaml", 3, (uint32_t)kind, "not today");
	done(done_arg, &(struct rebuild_report){.ok = false, .err = &err, .errors = &errors});
}

static double no_seconds(void *arg)
{
	(void)arg;
	return 0.125;
}

static const char *no_bulk(void *arg)
{
	(void)arg;
	return "none";
}

static struct generations *make_world(void)
{
	world_dir_make(&dir);
	world_write(&dir, "saring.yaml",
		    "listen: [dns://127.0.0.1:0]\nupstream: {servers: [dns://192.0.2.1]}\ncache: {size: 1MiB}\n"
		    "lists: [{name: ads, file: ads.yaml}, {name: order, file: order.yaml, mandatory: true}]\n");
	world_write(&dir, "ads.yaml", "action: block\nentries: [ads.example, {regex: '^t[0-9]+$'}]\n");
	world_write(&dir, "order.yaml",
		    "action: block\nauthority: \"Kementerian – \\\"K\\\"\"\ncode: censored\nentries: [telegram.org]\n");
	struct generations *generations = generations_create(1, no_nudge, no_settle, NULL);
	struct settings *s = world_settings(&dir);
	struct policy *p = world_policy(&dir, s, 7, NOW_S);
	generation_publish(generations, p, s, upstreams_create(s, s->servers, s->server_count, NULL), NULL, NULL);
	must(generation_adopt(generations, 0) != NULL);
	return generations;
}

static void tear_down(void)
{
	control_socket_close(&sock);
	world_dir_remove(&dir);
}

static void set_up(void)
{
	static const char *const listen[] = {"dns://127.0.0.1:40053"};
	static struct counters *counters;
	static const struct counters *blocks[1];
	struct err err = {0};
	char path[96];
	clock_set_for_test(5000000, NOW_S);
	log_open("saringd", LOG_LEVEL_ERROR);
	must(posix_memalign((void **)&counters, 64, sizeof(*counters)) == 0);
	memset(counters, 0, sizeof(*counters));
	blocks[0] = counters;
	struct commands_config config = {
	    .generations = make_world(),
	    .cache = cache_create(&(struct cache_config){.size_bytes = 1 << 20, .max_ttl_s = 86400, .max_negative_ttl_s = 3600}),
	    .failures = failures_create(),
	    .counters = blocks,
	    .worker_count = 1,
	    .listen = listen,
	    .listen_count = 1,
	    .rebuild = no_rebuild,
	    .compile_seconds = no_seconds,
	    .bulk = no_bulk,
	};
	base = event_base_new();
	(void)snprintf(path, sizeof(path), "%s/sock", dir.path);
	must(base != NULL && control_socket_open(path, geteuid(), getegid(), &sock, &err));
	control = control_create(base, &sock, getegid(), commands_create(&config));
	(void)atexit(tear_down);
}

/* ---- one conversation ---- */

struct talk {
	int fd;
	struct buf heard;
	bool over;
};

static void turn(struct talk *t)
{
	char bytes[4096];
	must(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
	for (;;) {
		ssize_t n = recv(t->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0)
			buf_add(&t->heard, bytes, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			return;
		else
			break;
	}
	t->over = true;
}

static void say(struct talk *t, const void *bytes, size_t len)
{
	for (size_t at = 0; at < len && !t->over;) {
		ssize_t n = send(t->fd, (const char *)bytes + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return; /* it has hung up */
		at += n > 0 ? (size_t)n : 0;
		turn(t);
	}
}

static void say_line(struct talk *t, struct str line)
{
	uint8_t head[CTL_FRAME_HEAD];
	if (line.len > 0 && line.ptr[0] == '!') {
		say(t, line.ptr + 1, line.len - 1);
		return;
	}
	be_put_u32(head, (uint32_t)line.len);
	say(t, head, sizeof(head));
	say(t, line.ptr, line.len);
}

/* Returns how many replies there are. */
static size_t check_replies(struct str heard)
{
	size_t count = 0;
	for (; heard.len > 0; count++) {
		struct err err = {0};
		struct err_list errors = {0};
		json_t *result = NULL;
		must(heard.len >= CTL_FRAME_HEAD);
		size_t len = ctl_frame_len((const uint8_t *)heard.ptr);
		must(len <= heard.len - CTL_FRAME_HEAD);
		struct str text = {heard.ptr + CTL_FRAME_HEAD, len};
		must(str_is_utf8(text));
		for (size_t i = 0; i < len; i++)
			must((unsigned char)text.ptr[i] >= 0x20);
		json_t *reply = ctl_frame_parse(text.ptr, len, &err);
		must(reply != NULL);
		if (!ctl_reply_parse(reply, &result, &errors, &err))
			must(err.text[0] != '\0' && json_is_false(json_object_get(reply, "ok")));
		err_list_finish(&errors);
		json_decref(reply);
		heard = (struct str){text.ptr + len, heard.len - CTL_FRAME_HEAD - len};
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk t = {.fd = -1};
	size_t lines = 0, raw = 0;
	if (size > SAID_MAX)
		return 0;
	if (control == NULL)
		set_up();
	t.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(t.fd >= 0 && connect(t.fd, (const struct sockaddr *)&sock.address, sizeof(sock.address)) == 0);
	for (struct str rest = {(const char *)data, size}; rest.ptr != NULL && !t.over; lines++) {
		struct str line = str_cut(&rest, '\n');
		raw += line.len > 0 && line.ptr[0] == '!';
		say_line(&t, line);
	}
	(void)shutdown(t.fd, SHUT_WR);
	for (unsigned turns = 0; !t.over; turns++) {
		must(turns < TURNS_MAX);
		turn(&t);
	}
	size_t replies = check_replies(buf_str(&t.heard));
	must(raw > 0 || (replies > 0 && replies <= lines));
	close(t.fd);
	buf_finish(&t.heard);
	must(control_connections(control) == 0);
	return 0;
}
