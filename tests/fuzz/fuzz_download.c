/* SPDX-License-Identifier: BSD-2-Clause
 * Any bytes as what saringd and saring-fetch say to each other: what is taken can go into a header, fits, and is said the same way
 * again. */
#include "ctl/download.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(const char *text, size_t size)
{
	must(memchr(text, '\0', size) != NULL && download_is_plain(str_from(text)));
}

static void check_request(struct str text)
{
	struct download_request r, again;
	struct err err = {0};
	struct buf line = {0};
	if (!download_request_parse(text, &r, &err)) {
		must(err.text[0] != '\0');
		return;
	}
	check_plain(r.url, sizeof(r.url));
	check_plain(r.etag, sizeof(r.etag));
	check_plain(r.last_modified, sizeof(r.last_modified));
	check_plain(r.user_agent, sizeof(r.user_agent));
	must(r.url[0] && r.max_bytes <= DOWNLOAD_BYTES_MAX && r.total_s > 0 && r.low_s > 0);
	download_request_put(&line, &r);
	must(download_request_parse(str_trim(buf_str(&line)), &again, &err));
	must(strcmp(r.url, again.url) == 0 && strcmp(r.etag, again.etag) == 0 && r.max_bytes == again.max_bytes);
	buf_finish(&line);
}

static void check_end(struct str text)
{
	struct download_end e, again;
	struct buf payload = {0};
	if (!download_end_parse(text, &e))
		return;
	check_plain(e.etag, sizeof(e.etag));
	check_plain(e.last_modified, sizeof(e.last_modified));
	must(e.error[0] || e.status == 200 || e.status == 304);
	download_end_put(&payload, &e);
	must(download_end_parse(buf_str(&payload), &again) && e.status == again.status);
	must(e.error[0] ? again.error[0] : strcmp(e.etag, again.etag) == 0 && e.bytes == again.bytes);
	buf_finish(&payload);
}

static void check_frames(const uint8_t *data, size_t size)
{
	enum download_kind kind;
	uint32_t len;
	struct download_progress p;
	while (size >= DOWNLOAD_HEAD && download_head_parse(data, &kind, &len) && len <= size - DOWNLOAD_HEAD) {
		struct str payload = {(const char *)data + DOWNLOAD_HEAD, len};
		if (kind == DOWNLOAD_END)
			check_end(payload);
		else if (kind == DOWNLOAD_PROGRESS)
			(void)!download_progress_parse(payload, &p);
		else
			must(len <= DOWNLOAD_BODY_MAX);
		data += DOWNLOAD_HEAD + len;
		size -= DOWNLOAD_HEAD + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	check_request(text);
	check_end(text);
	check_frames(data, size);
	return 0;
}
