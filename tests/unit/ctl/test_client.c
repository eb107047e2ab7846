/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The blocking caller against a thread that plays the daemon, well and badly. */
#include "ctl/client.h"

#include "base/buf.h"
#include "ctl/proto.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_MS 60000 /* a call that should not time out */

struct server {
	char dir[64], path[96];
	int fd;
	pthread_t thread;
	const char *reply; /* bytes sent after the request was read, or before when early */
	size_t reply_len;
	size_t step; /* bytes sent at a time; 0 = all */
	bool early;  /* answers and closes without having read anything */
	bool silent; /* keeps the connection open, says nothing, until the client goes */
	char *request;
	size_t request_len;
};

static bool read_whole(int fd, void *to, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = read(fd, (char *)to + done, len - done);
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	uint8_t head[CTL_FRAME_HEAD];
	if (fd < 0)
		return NULL;
	if (!s->early && read_whole(fd, head, sizeof(head))) {
		s->request_len = ctl_frame_len(head);
		s->request = malloc(s->request_len + 1);
		if (s->request && !read_whole(fd, s->request, s->request_len))
			s->request_len = 0;
	}
	char byte;
	while (s->silent && read(fd, &byte, 1) > 0)
		;
	size_t step = s->step ? s->step : s->reply_len;
	for (size_t at = 0; at < s->reply_len; at += step)
		(void)!send(fd, s->reply + at, MIN(step, s->reply_len - at), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void server_open(struct server *s)
{
	*s = (struct server){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	strcpy(s->dir, "/tmp/saring-client-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/sock", s->dir);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	assert_return_code(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), errno);
	assert_return_code(listen(s->fd, 4), errno);
}

static void server_start(struct server *s, const char *reply, size_t len)
{
	s->reply = reply;
	s->reply_len = len;
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_close(struct server *s, bool started)
{
	if (started)
		pthread_join(s->thread, NULL);
	close(s->fd);
	unlink(s->path);
	rmdir(s->dir);
	free(s->request);
}

static void frame(struct buf *b, const char *json)
{
	size_t len = strlen(json);
	const uint8_t head[] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
	buf_add(b, head, sizeof(head));
	buf_add(b, json, len);
}

static void test_call(void **state)
{
	(void)state;
	/* whole, and byte by byte */
	for (size_t step = 0; step < 2; step++) {
		struct server s;
		struct buf b = {0};
		struct err err = {0};
		json_t *result = NULL, *args = json_pack("{s:s}", "name", "t.me");
		server_open(&s);
		s.step = step;
		frame(&b, "{\"ok\":true,\"result\":{\"flushed\":3}}");
		server_start(&s, b.ptr, b.len);
		assert_true(ctl_call(s.path, "cache.flush", args, LONG_MS, &result, NULL, &err));
		assert_int_equal(json_integer_value(json_object_get(result, "flushed")), 3);
		assert_int_equal(result->refcount, 1); /* ours alone */
		json_decref(result);
		json_decref(args);
		pthread_join(s.thread, NULL);
		json_t *request = ctl_frame_parse(s.request, s.request_len, &err);
		const char *verb = NULL;
		assert_non_null(request);
		assert_true(ctl_request_parse(request, &verb, &args, &err));
		assert_string_equal(verb, "cache.flush");
		assert_string_equal(json_string_value(json_object_get(args, "name")), "t.me");
		json_decref(request);
		server_close(&s, false);
		buf_finish(&b);
	}
}

static void test_call_fails(void **state)
{
	(void)state;
	struct server s;
	struct buf b = {0};
	struct err err = {0};
	struct err_list errors = {0};
	json_t *result = NULL;
	server_open(&s);
	frame(&b, "{\"ok\":false,\"error\":{\"code\":\"denied\",\"text\":\"no\"},"
		  "\"errors\":[{\"file\":\"a\",\"line\":1,\"column\":2,\"text\":\"x\"}]}");
	server_start(&s, b.ptr, b.len);
	assert_false(ctl_call(s.path, "reload", NULL, LONG_MS, &result, &errors, &err));
	assert_null(result);
	assert_int_equal(err.code, ERR_DENIED);
	assert_string_equal(err.text, "no");
	assert_int_equal(errors.count, 1);
	assert_int_equal(errors.items[0].column, 2);
	err_list_finish(&errors);
	server_close(&s, true);
	buf_finish(&b);
}

/* A daemon that refuses a request while it is still being sent is heard all the same. */
static void test_early_refusal(void **state)
{
	(void)state;
	struct server s;
	struct buf b = {0};
	struct err err = {0};
	json_t *result = NULL;
	char *big = base_alloc(60000);
	memset(big, 'x', 59999);
	json_t *args = json_pack("{s:s}", "name", big);
	server_open(&s);
	s.early = true;
	frame(&b, "{\"ok\":false,\"error\":{\"code\":\"limit\",\"text\":\"too much\"}}");
	server_start(&s, b.ptr, b.len);
	assert_false(ctl_call(s.path, "explain", args, LONG_MS, &result, NULL, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(err.text, "too much");
	json_decref(args);
	free(big);
	server_close(&s, true);
	buf_finish(&b);
}

static void test_bad_replies(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		enum err_code code;
	} bad[] = {
	    {"", 0, ERR_UNREACHABLE},		       /* closes at once */
	    {"\0\0", 2, ERR_UNREACHABLE},	       /* half a head */
	    {"\0\0\0\5{\"a", 7, ERR_UNREACHABLE},      /* half a frame */
	    {"\0\0\0\0", 4, ERR_INPUT},		       /* an empty frame */
	    {"\0\0\0\4nope", 8, ERR_INPUT},	       /* no JSON */
	    {"\0\0\0\2{}", 6, ERR_INTERNAL},	       /* no reply */
	    {"\xff\xff\xff\xff", 4, ERR_LIMIT},	       /* 4 GiB promised */
	    {"\x03\xff\xff\xff{", 5, ERR_UNREACHABLE}, /* 64 MiB promised, one byte sent */
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct server s;
		struct err err = {0};
		json_t *result = NULL;
		server_open(&s);
		server_start(&s, bad[i].bytes, bad[i].len);
		assert_false(ctl_call(s.path, "status", NULL, LONG_MS, &result, NULL, &err));
		assert_null(result);
		if (err.code != bad[i].code)
			fail_msg("case %zu: code %d, not %d (%s)", i, (int)err.code, (int)bad[i].code, err.text);
		server_close(&s, true);
	}
}

static void test_timeout(void **state)
{
	(void)state;
	struct server s;
	struct err err = {0};
	json_t *result = NULL;
	server_open(&s);
	s.silent = true;
	server_start(&s, "", 0);
	assert_false(ctl_call(s.path, "status", NULL, 50, &result, NULL, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	server_close(&s, true);
}

static void test_unreachable(void **state)
{
	(void)state;
	struct server s;
	struct err err = {0};
	json_t *result = NULL;
	server_open(&s);
	close(s.fd); /* a socket that nobody listens on any more */
	s.fd = -1;
	assert_false(ctl_call(s.path, "status", NULL, LONG_MS, &result, NULL, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	unlink(s.path);
	err = (struct err){0};
	assert_false(ctl_call(s.path, "status", NULL, LONG_MS, &result, NULL, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	char longer[300];
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	err = (struct err){0};
	assert_false(ctl_call(longer, "status", NULL, LONG_MS, &result, NULL, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	err = (struct err){0};
	assert_false(ctl_call("", "status", NULL, LONG_MS, &result, NULL, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	server_close(&s, false);
}

static void test_request_too_large(void **state)
{
	(void)state;
	struct err err = {0};
	json_t *result = NULL;
	char *big = base_alloc(CTL_REQUEST_MAX + 1);
	memset(big, 'x', CTL_REQUEST_MAX);
	json_t *args = json_pack("{s:s}", "name", big);
	assert_false(ctl_call("/nonexistent", "explain", args, LONG_MS, &result, NULL, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	json_decref(args);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_call),
	    cmocka_unit_test(test_call_fails),
	    cmocka_unit_test(test_early_refusal),
	    cmocka_unit_test(test_bad_replies),
	    cmocka_unit_test(test_timeout),
	    cmocka_unit_test(test_unreachable),
	    cmocka_unit_test(test_request_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
