/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The control socket, with a commands_run of this file's own behind it: what reaches it, as whom, and what strangers' bytes do. */
#include "admin/control.h"

#include "base/buf.h"
#include "base/clock.h"
#include "ctl/proto.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct event_base *base;
	char dir[64], path[96];
	struct control_socket socket;
	struct control *control;
	/* of the last request */
	int runs;
	enum command_right right;
	char verb[32];
	/* kept back by the verb "later" */
	command_reply *reply;
	void *reply_arg;
};

static struct fixture *fixture;

void commands_run(struct commands *c, json_t *request, const struct command_peer *peer, command_reply *reply, void *arg)
{
	struct fixture *f = fixture;
	(void)c;
	f->runs++;
	f->right = peer->right;
	snprintf(f->verb, sizeof(f->verb), "%s", json_string_value(json_object_get(request, "verb")));
	if (strcmp(f->verb, "later") == 0) {
		f->reply = reply;
		f->reply_arg = arg;
		return;
	}
	if (strcmp(f->verb, "large") == 0) {
		size_t len = 4194304;
		char *text = base_alloc(len + 1);
		memset(text, 'x', len);
		json_t *result = json_string(text);
		free(text);
		reply(arg, ctl_reply_ok(result));
		return;
	}
	reply(arg, ctl_reply_ok(json_string(f->verb)));
}

static int setup(void **state)
{
	struct fixture *f = fixture = base_alloc(sizeof(*f));
	struct err err = {0};
	f->base = event_base_new();
	strcpy(f->dir, "/tmp/saring-control-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	if (!control_socket_open(f->path, geteuid(), getegid(), &f->socket, &err))
		fail_msg("%s", err.text);
	f->control = control_create(f->base, &f->socket, getegid(), NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	control_destroy(f->control);
	control_socket_close(&f->socket);
	event_base_free(f->base);
	assert_int_equal(access(f->path, F_OK), -1); /* removed by its maker */
	rmdir(f->dir);
	free(f);
	clock_set_for_test(-1, -1);
	return 0;
}

/* Let the daemon's side do what it can now. */
static void turn(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static int dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_return_code(connect(fd, (struct sockaddr *)&a, sizeof(a)), errno);
	assert_return_code(fcntl(fd, F_SETFL, O_NONBLOCK), errno);
	return fd;
}

static void say(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

static void ask(int fd, const char *verb)
{
	struct buf b = {0};
	json_t *m = ctl_request(verb, NULL);
	ctl_frame_put(&b, m);
	say(fd, b.ptr, b.len);
	buf_finish(&b);
	json_decref(m);
}

/* What has come so far: a whole reply, or NULL. ret_closed: the daemon hung up. */
static json_t *hear(struct fixture *f, int fd, bool *ret_closed)
{
	struct buf b = {0};
	json_t *m = NULL;
	*ret_closed = false;
	for (int idle = 0; idle < 3;) {
		char bytes[65536];
		turn(f);
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			*ret_closed = true;
			break;
		}
		if (n < 0) {
			idle++;
			continue;
		}
		buf_add(&b, bytes, (size_t)n);
	}
	struct err err = {0};
	if (b.len > CTL_FRAME_HEAD) {
		assert_int_equal(ctl_frame_len((uint8_t *)b.ptr), b.len - CTL_FRAME_HEAD);
		m = ctl_frame_parse(b.ptr + CTL_FRAME_HEAD, b.len - CTL_FRAME_HEAD, &err);
		assert_non_null(m);
	}
	buf_finish(&b);
	return m;
}

static void expect_ok(struct fixture *f, int fd, const char *text)
{
	bool closed;
	json_t *m = hear(f, fd, &closed);
	assert_non_null(m);
	assert_false(closed);
	assert_string_equal(json_string_value(json_object_get(m, "result")), text);
	json_decref(m);
}

static void expect_refusal(struct fixture *f, int fd, const char *code)
{
	bool closed;
	json_t *m = hear(f, fd, &closed);
	assert_non_null(m);
	assert_true(closed);
	assert_true(json_is_false(json_object_get(m, "ok")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(m, "error"), "code")), code);
	json_decref(m);
	assert_int_equal(f->runs, 0);
	assert_int_equal(control_connections(f->control), 0);
}

static void test_request_and_again(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f->path);
	ask(fd, "status");
	expect_ok(f, fd, "status");
	ask(fd, "list");
	expect_ok(f, fd, "list");
	assert_int_equal(f->runs, 2);
	assert_int_equal(f->right, RIGHT_CHANGE); /* the daemon's own user */
	close(fd);
	turn(f);
	assert_int_equal(control_connections(f->control), 0);
}

static void test_byte_by_byte(void **state)
{
	struct fixture *f = *state;
	struct buf b = {0};
	json_t *m = ctl_request("status", NULL);
	ctl_frame_put(&b, m);
	int fd = dial(f->path);
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(f->runs, 0);
		say(fd, b.ptr + i, 1);
		turn(f);
	}
	assert_int_equal(f->runs, 1);
	expect_ok(f, fd, "status");
	buf_finish(&b);
	json_decref(m);
	close(fd);
}

/* A second request sent before the first reply waits its turn. */
static void test_pipelined(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f->path);
	ask(fd, "later");
	ask(fd, "status");
	turn(f);
	assert_int_equal(f->runs, 1);
	f->reply(f->reply_arg, ctl_reply_ok(json_string("done")));
	turn(f);
	assert_int_equal(f->runs, 2);
	char bytes[256];
	assert_true(recv(fd, bytes, sizeof(bytes), 0) > 40); /* both replies */
	close(fd);
}

static void test_bad_frames(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *bytes;
		size_t len;
		const char *code;
	} bad[] = {
	    {"\0\0\0\0", 4, "limit"},	      {"\0\1\0\1", 4, "limit"}, /* 64 KiB and one */
	    {"\xff\xff\xff\xff", 4, "limit"}, {"GET / HTTP/1.0\r\n\r\n", 18, "limit"},
	    {"\0\0\0\4nope", 8, "input"},     {"\0\0\0\2[]", 6, "input"},
	    {"\0\0\0\3{}}", 7, "input"},      {"\0\0\0\x0d{\"a\":1,\"a\":2}", 17, "input"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int fd = dial(f->path);
		say(fd, bad[i].bytes, bad[i].len);
		expect_refusal(f, fd, bad[i].code);
		close(fd);
	}
}

static void test_largest_request(void **state)
{
	struct fixture *f = *state;
	char *text = base_alloc(CTL_REQUEST_MAX);
	int n = snprintf(text, CTL_REQUEST_MAX, "{\"verb\":\"status\"");
	memset(text + n, ' ', CTL_REQUEST_MAX - (size_t)n);
	text[CTL_REQUEST_MAX - 1] = '}';
	int fd = dial(f->path);
	say(fd, "\0\1\0\0", 4);
	for (size_t at = 0; at < CTL_REQUEST_MAX; at += 4096) {
		say(fd, text + at, 4096);
		turn(f);
	}
	assert_int_equal(f->runs, 1);
	expect_ok(f, fd, "status");
	free(text);
	close(fd);
}

static void test_half_and_gone(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f->path);
	say(fd, "\0\0\0\x20{\"ver", 9);
	turn(f);
	assert_int_equal(control_connections(f->control), 1);
	close(fd);
	turn(f);
	assert_int_equal(control_connections(f->control), 0);
	assert_int_equal(f->runs, 0);
}

/* Who asked may be gone when the work is done. */
static void test_gone_before_reply(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f->path);
	ask(fd, "later");
	turn(f);
	assert_int_equal(f->runs, 1);
	close(fd);
	turn(f);
	f->reply(f->reply_arg, ctl_reply_ok(json_string("done")));
	turn(f);
	assert_int_equal(control_connections(f->control), 0);
}

static void test_large_reply_slow_reader(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f->path);
	ask(fd, "large");
	turn(f);
	assert_int_equal(control_connections(f->control), 1); /* most of it still waits */
	/* Others are served meanwhile. */
	int other = dial(f->path);
	ask(other, "status");
	expect_ok(f, other, "status");
	bool closed;
	json_t *m = hear(f, fd, &closed);
	assert_non_null(m);
	assert_int_equal(json_string_length(json_object_get(m, "result")), 4 * 1024 * 1024);
	json_decref(m);
	/* and the connection is good for another request */
	ask(fd, "status");
	expect_ok(f, fd, "status");
	close(fd);
	close(other);
}

/* A thousand that say nothing don't keep the one out that does; those that work are never put out. */
static void test_many_idle(void **state)
{
	struct fixture *f = *state;
	int idle[1000];
	int worker = dial(f->path);
	ask(worker, "later");
	turn(f);
	for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
		clock_set_for_test(1000000 + (int64_t)i, 1500000000);
		idle[i] = dial(f->path);
		turn(f);
		assert_true(control_connections(f->control) <= CONTROL_CONNECTIONS_MAX);
	}
	assert_int_equal(control_connections(f->control), CONTROL_CONNECTIONS_MAX);
	int fd = dial(f->path);
	ask(fd, "status");
	expect_ok(f, fd, "status");
	/* The longest idle went, the latest stayed. */
	char byte;
	assert_int_equal(recv(idle[0], &byte, 1, 0), 0);
	assert_int_equal(recv(idle[ARRAY_LEN(idle) - 1], &byte, 1, 0), -1);
	f->reply(f->reply_arg, ctl_reply_ok(json_string("done")));
	expect_ok(f, worker, "done");
	for (size_t i = 0; i < ARRAY_LEN(idle); i++)
		close(idle[i]);
	close(fd);
	close(worker);
}

/* Bytes now and then don't extend the time a request may take; the timer runs on real time, so it is only seen to be set. */
static void test_idle_deadline(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f->path);
	turn(f);
	int before = event_base_get_num_events(f->base, EVENT_BASE_COUNT_ADDED);
	say(fd, "\0", 1);
	turn(f);
	assert_int_equal(event_base_get_num_events(f->base, EVENT_BASE_COUNT_ADDED), before);
	char byte;
	while (recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN)
		event_base_loop(f->base, EVLOOP_ONCE); /* returns when the deadline has fired */
	assert_int_equal(control_connections(f->control), 0);
	close(fd);
}

static void test_rights(void **state)
{
	(void)state;
	const gid_t none[] = {5, 6}, member[] = {5, 50};
	assert_int_equal(control_right(100, 50, 0, 0, NULL, 0), RIGHT_CHANGE);
	assert_int_equal(control_right(100, 50, 100, 1, NULL, 0), RIGHT_CHANGE);
	assert_int_equal(control_right(100, 50, 101, 50, NULL, 0), RIGHT_READ);
	assert_int_equal(control_right(100, 50, 101, 1, member, 2), RIGHT_READ);
	assert_int_equal(control_right(100, 50, 101, 1, none, 2), RIGHT_NONE);
	assert_int_equal(control_right(100, 50, 101, 0, none, 2), RIGHT_NONE); /* root's group is not root */
	assert_int_equal(control_right(0, 0, 65534, 65534, none, 2), RIGHT_NONE);
}

/* What the kernel says of a peer of another user is what is gone by. */
static void test_other_user(void **state)
{
	struct fixture *f = *state;
	if (geteuid() != 0)
		skip();
	assert_return_code(chmod(f->dir, 0755), errno);
	assert_return_code(chmod(f->path, 0666), errno); /* the mode alone would keep it out */
	for (int member = 0; member < 2; member++) {
		int sync[2];
		assert_return_code(pipe(sync), errno);
		pid_t pid = fork();
		if (pid == 0) {
			gid_t group = getegid();
			if (setgroups(member ? 1 : 0, &group) < 0 || setresgid(65534, 65534, 65534) < 0 ||
			    setresuid(65534, 65534, 65534) < 0)
				_exit(1);
			struct sockaddr_un a = {.sun_family = AF_UNIX};
			snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->path);
			int fd = socket(AF_UNIX, SOCK_STREAM, 0);
			static const char frame[] = "\0\0\0\x11{\"verb\":\"status\"}";
			bool ok = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
				  send(fd, frame, sizeof(frame) - 1, 0) == sizeof(frame) - 1;
			char byte;
			ok = ok && write(sync[1], "x", 1) == 1 && recv(fd, &byte, 1, 0) == 1;
			_exit(ok ? 0 : 1);
		}
		char byte;
		assert_int_equal(read(sync[0], &byte, 1), 1);
		turn(f);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		assert_int_equal(f->right, member ? RIGHT_READ : RIGHT_NONE);
		close(sync[0]);
		close(sync[1]);
	}
	assert_int_equal(f->runs, 2);
}

static void test_socket_file(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	struct control_socket second = {.fd = -1};
	struct err err = {0};
	assert_return_code(lstat(f->path, &st), errno);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	/* One that is answered on is not taken away. */
	assert_false(control_socket_open(f->path, geteuid(), getegid(), &second, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(second.fd, -1);
	assert_return_code(access(f->path, F_OK), errno);
}

static void test_socket_stale(void **state)
{
	struct fixture *f = *state;
	struct err err = {0};
	char path[100], longer[200];
	struct control_socket s = {.fd = -1};
	snprintf(path, sizeof(path), "%s/old", f->dir);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
	close(fd); /* as after a crash */
	if (!control_socket_open(path, geteuid(), getegid(), &s, &err))
		fail_msg("%s", err.text);
	close(dial(path));
	/* Somebody else's socket at the same place is not removed with ours. */
	assert_return_code(unlink(path), errno);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
	control_socket_close(&s);
	assert_return_code(access(path, F_OK), errno);
	close(fd);
	unlink(path);
	/* A file is no socket. */
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	close(fd);
	assert_false(control_socket_open(path, geteuid(), getegid(), &s, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_return_code(access(path, F_OK), errno);
	unlink(path);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_false(control_socket_open(longer, geteuid(), getegid(), &s, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_false(control_socket_open("/nonexistent/sock", geteuid(), getegid(), &s, &err));
	control_socket_close(&s); /* none: does nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(test_request_and_again), T(test_byte_by_byte),	      T(test_pipelined),	 T(test_bad_frames),
	    T(test_largest_request),   T(test_half_and_gone),	      T(test_gone_before_reply), T(test_large_reply_slow_reader),
	    T(test_many_idle),	       T(test_idle_deadline),	      T(test_other_user),	 T(test_socket_file),
	    T(test_socket_stale),      cmocka_unit_test(test_rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
