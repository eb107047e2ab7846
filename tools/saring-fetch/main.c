/* SPDX-License-Identifier: BSD-2-Clause
 *
 * saring-fetch - fetches one list over HTTP or HTTPS and is gone. It reads one request on its standard input, writes what came to
 * its standard output (ctl/download.h), and opens no file but what the system's resolver and TLS want. saringd starts it, or
 * systemd does for a connection to its socket, as a user of its own: what a server could make it do ends with this process. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/err.h"
#include "ctl/download.h"
#include "saring-fetch/enclose.h"
#include "saring-fetch/transfer.h"
#include "version.h"

#define REQUEST_WAIT_MS 10000
#define CPU_LIMIT_S 600
#define MEMORY_LIMIT_BYTES ((uint64_t)2 * 1024 * 1024 * 1024)
#define FILES_LIMIT 64

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Up to the first LF. Whoever connects and says nothing does not keep a process. */
static bool read_line(struct buf *ret, struct err *err)
{
	int64_t deadline_ms = clock_mono_ms() + REQUEST_WAIT_MS;
	while (ret->len < DOWNLOAD_REQUEST_MAX) {
		int64_t left_ms = deadline_ms - clock_mono_ms();
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
		if (left_ms <= 0 || poll(&in, 1, (int)left_ms) == 0)
			return err_set(err, ERR_LIMIT, "no request came within %d s", REQUEST_WAIT_MS / 1000);
		char bytes[1024];
		ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return err_set_errno(err, ERR_IO, "reading the request");
		const char *end = memchr(bytes, '\n', (size_t)n);
		buf_add(ret, bytes, end ? (size_t)(end - bytes) : (size_t)n);
		if (end)
			return true;
		if (n == 0)
			return err_set(err, ERR_INPUT, "the request has no end");
	}
	return err_set(err, ERR_LIMIT, "the request has more than %u bytes", DOWNLOAD_REQUEST_MAX);
}

static bool put_end(const struct download_end *end)
{
	struct buf payload = {0};
	download_end_put(&payload, end);
	bool good = transfer_put(STDOUT_FILENO, DOWNLOAD_END, buf_str(&payload));
	buf_finish(&payload);
	return good;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)printf("saring-fetch %s\n", SARING_VERSION);
		return EXIT_DONE;
	}
	if (argc != 1) {
		(void)fputs("usage: saring-fetch <REQUEST >FRAMES\n"
			    "Started by saringd, or by systemd for a connection to fetch.socket.\n",
			    stderr);
		return EXIT_USAGE;
	}
	confine(&(struct confine){
	    .cpu_s = CPU_LIMIT_S, .memory_bytes = MEMORY_LIMIT_BYTES, .open_files = FILES_LIMIT, .no_files = true});
	enclose();
	struct buf line = {0};
	struct err err = {0};
	struct download_request request;
	struct download_end end = {0};
	bool heard = read_line(&line, &err) && download_request_parse(buf_str(&line), &request, &err);
	bool told = true;
	if (heard)
		told = transfer_run(&request, STDOUT_FILENO, &end);
	else
		(void)snprintf(end.error, sizeof(end.error), "%.*s", (int)sizeof(end.error) - 1, err.text);
	told = told && put_end(&end);
	buf_finish(&line);
	return told && !end.error[0] ? EXIT_DONE : EXIT_FAILED;
}
