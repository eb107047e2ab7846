/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-fetch/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "saring-fetch/hops.h"

#define DISCARD_MAX 65536 /* of what comes with a redirect */

enum { HTTP_OK = 200, HTTP_NOT_MODIFIED = 304 };

struct transfer {
	const struct download_request *request;
	int fd;
	CURL *curl;
	struct curl_slist *headers;
	char url[sizeof(((struct download_request *)NULL)->url)]; /* of this hop */
	unsigned hop;
	int64_t deadline_ms, told_ms;
	bool near_asked; /* the first host is near: the operator's own will */
	bool near_refused, too_large, gone;
	uint64_t bytes, discarded;
	char etag[512], last_modified[64]; /* of this hop's answer */
	char fault[CURL_ERROR_SIZE];
};

bool transfer_put(int fd, enum download_kind kind, struct str payload)
{
	uint8_t head[DOWNLOAD_HEAD];
	download_head_put(head, kind, (uint32_t)payload.len);
	struct iovec parts[2] = {{head, sizeof(head)}, {(void *)(uintptr_t)payload.ptr, payload.len}};
	for (int i = 0; i < 2;) {
		ssize_t n = writev(fd, parts + i, 2 - i);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		size_t done = (size_t)n;
		for (; i < 2 && done >= parts[i].iov_len; i++)
			done -= parts[i].iov_len;
		if (i < 2) {
			parts[i].iov_base = (char *)parts[i].iov_base + done;
			parts[i].iov_len -= done;
		}
	}
	return true;
}

/* ---- what libcurl calls ---- */

static long status_of(const struct transfer *t)
{
	long status = 0;
	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static size_t transfer_on_body(char *bytes, size_t one, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = one * count;
	long status = status_of(t);
	if (status != HTTP_OK) {
		/* what an error page says is of no use; a redirect is to be read to its end */
		t->discarded += len;
		return is_redirect(status) && t->discarded <= DISCARD_MAX ? len : 0;
	}
	t->bytes += len;
	t->too_large = t->bytes > t->request->max_bytes;
	if (t->too_large)
		return 0;
	for (size_t done = 0; done < len && !t->gone;) {
		size_t part = MIN(len - done, (size_t)DOWNLOAD_BODY_MAX);
		t->gone = !transfer_put(t->fd, DOWNLOAD_BODY, (struct str){bytes + done, part});
		done += part;
	}
	return t->gone ? 0 : len;
}

static void keep_header(struct str line, const char *name, char *buf, size_t size)
{
	size_t len = strlen(name);
	if (line.len <= len || line.ptr[len] != ':' || !str_eq_nocase((struct str){line.ptr, len}, str_from(name)))
		return;
	struct str value = str_trim((struct str){line.ptr + len + 1, line.len - len - 1});
	if (value.len >= size || !download_is_plain(value))
		value.len = 0;
	memcpy(buf, value.ptr, value.len);
	buf[value.len] = '\0';
}

static size_t transfer_on_header(char *bytes, size_t one, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct str line = {bytes, one * count};
	if (str_starts(line, "HTTP/")) /* one more answer: what an interim one said does not count */
		t->etag[0] = t->last_modified[0] = '\0';
	keep_header(line, "etag", t->etag, sizeof(t->etag));
	keep_header(line, "last-modified", t->last_modified, sizeof(t->last_modified));
	return line.len;
}

/* Called several times a second, whatever is going on: the place to see that nobody wants the list any more. */
static int transfer_on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct transfer *t = arg;
	(void)up_total, (void)up_now;
	struct pollfd reader = {.fd = t->fd};
	if (poll(&reader, 1, 0) > 0 && (reader.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		t->gone = true;
	int64_t now_ms = clock_mono_ms();
	if (t->gone || now <= 0 || status_of(t) != HTTP_OK || now_ms - t->told_ms < 1000 / DOWNLOAD_PROGRESS_HZ)
		return t->gone;
	t->told_ms = now_ms;
	struct buf payload = {0};
	struct download_progress progress = {.bytes = (uint64_t)now, .total = total > 0 ? (uint64_t)total : 0};
	download_progress_put(&payload, &progress);
	t->gone = !transfer_put(t->fd, DOWNLOAD_PROGRESS, buf_str(&payload));
	buf_finish(&payload);
	return t->gone;
}

static curl_socket_t transfer_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;
	(void)purpose;
	if (!hops_may_connect(&address->addr, t->hop, &t->near_asked)) {
		t->near_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- one hop ---- */

#define SET(option, value) good = good && curl_easy_setopt(t->curl, option, value) == CURLE_OK

static bool set_up(struct transfer *t)
{
	const struct download_request *r = t->request;
	const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
	bool good = true;
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L); /* transfer_run does, hop by hop */
	SET(CURLOPT_PROXY, "");		 /* whatever the environment says: the address that is connected to is what is judged */
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_ACCEPT_ENCODING, (version->features & CURL_VERSION_BROTLI) != 0 ? "gzip, br" : "gzip");
	SET(CURLOPT_USERAGENT, r->user_agent);
	SET(CURLOPT_CONNECTTIMEOUT, (long)r->connect_s);
	SET(CURLOPT_LOW_SPEED_LIMIT, (long)r->low_bytes);
	SET(CURLOPT_LOW_SPEED_TIME, (long)r->low_s);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->max_bytes);
	SET(CURLOPT_WRITEFUNCTION, transfer_on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, transfer_on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_XFERINFOFUNCTION, transfer_on_progress);
	SET(CURLOPT_XFERINFODATA, t);
	SET(CURLOPT_OPENSOCKETFUNCTION, transfer_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_ERRORBUFFER, t->fault);
	SET(CURLOPT_HTTPHEADER, t->headers);
	return good;
}

static bool add_header(struct transfer *t, const char *name, const char *value)
{
	char line[sizeof(t->etag) + 32];
	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(t->headers, line);
	if (!longer)
		return false;
	t->headers = longer;
	return true;
}

static void say(struct download_end *end, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct download_end *end, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is above
	(void)vsnprintf(end->error, sizeof(end->error), fmt, args);
	va_end(args);
}

/* Why a hop did not come to its end. */
static void explain(const struct transfer *t, CURLcode code, struct download_end *end)
{
	if (t->too_large || code == CURLE_FILESIZE_EXCEEDED)
		say(end, "it has more than %" PRIu64 " bytes", t->request->max_bytes);
	else if (t->near_refused)
		say(end, "the server sends on to a private address, which its own is not");
	else if (code == CURLE_PARTIAL_FILE)
		say(end, "the connection ended in the middle of it");
	else if (t->discarded > DISCARD_MAX)
		say(end, "the server sends on, and does not end its answer");
	else
		say(end, "%s", t->fault[0] ? t->fault : curl_easy_strerror(code));
}

/* Where to go on; false when this was the end. */
static bool next_hop(struct transfer *t, struct download_end *end)
{
	char *to = NULL;
	struct err err = {0};
	(void)curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &to);
	if (!to || strlen(to) >= sizeof(t->url) || !download_is_plain(str_from(to))) {
		say(end, "the server answered %u, and not where to go on", end->status);
		return false;
	}
	if (!hops_may(t->url, to, t->hop, &err)) {
		say(end, "%s", err.text);
		return false;
	}
	memcpy(t->url, to, strlen(to) + 1);
	t->hop++;
	return true;
}

/* True: there is one more hop. */
static bool run_hop(struct transfer *t, struct download_end *end)
{
	int64_t left_ms = t->deadline_ms - clock_mono_ms();
	bool good = left_ms > 0;
	t->discarded = 0;
	t->fault[0] = '\0';
	*end = (struct download_end){0};
	SET(CURLOPT_URL, t->url);
	SET(CURLOPT_TIMEOUT_MS, (long)left_ms);
	if (!good) {
		say(end, "it took more than %u s", t->request->total_s);
		return false;
	}
	CURLcode code = curl_easy_perform(t->curl);
	long status = status_of(t);
	end->status = (uint32_t)status;
	bool asked = t->headers != NULL;
	if (status != 0 && status != HTTP_OK && !is_redirect(status) && !(status == HTTP_NOT_MODIFIED && asked))
		say(end, "the server answered %ld", status);
	else if (code != CURLE_OK)
		explain(t, code, end);
	else if (is_redirect(status))
		return next_hop(t, end);
	else if (status == 0)
		say(end, "there was no answer");
	return false;
}

bool transfer_run(const struct download_request *request, int fd, struct download_end *ret_end)
{
	struct transfer *t = base_alloc(sizeof(*t));
	*t = (struct transfer){.request = request, .fd = fd, .deadline_ms = clock_mono_ms() + (int64_t)request->total_s * 1000};
	memcpy(t->url, request->url, sizeof(t->url));
	*ret_end = (struct download_end){0};
	bool good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && (t->curl = curl_easy_init()) != NULL;
	if (good && request->etag[0])
		good = add_header(t, "If-None-Match", request->etag);
	if (good && request->last_modified[0])
		good = add_header(t, "If-Modified-Since", request->last_modified);
	if (good && set_up(t)) {
		while (run_hop(t, ret_end))
			;
		if (!ret_end->error[0]) {
			memcpy(ret_end->etag, t->etag, sizeof(t->etag));
			memcpy(ret_end->last_modified, t->last_modified, sizeof(t->last_modified));
			ret_end->bytes = t->bytes;
		}
	} else {
		say(ret_end, "libcurl cannot be set up");
	}
	bool gone = t->gone;
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	curl_global_cleanup();
	free(t);
	return !gone;
}
