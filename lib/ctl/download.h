/* SPDX-License-Identifier: BSD-2-Clause
 *
 * download.h - what saringd and saring-fetch say to each other, over a socket pair or the socket of saring-fetch@.service.
 *
 *   request  = one line of JSON, ended by LF: {"version": 1, "url": .., "etag": .., "last_modified": .., "max_bytes": .., ...}
 *   then, the other way, frames: kind:u8, length:u32 big-endian, payload
 *     'p'  {"bytes": 4096, "total": 100000 or null}       at most DOWNLOAD_PROGRESS_HZ a second
 *     'b'  bytes of the list, unpacked
 *     'e'  the end: {"status": 200, "etag": .., "last_modified": .., "bytes": ..}, {"status": 304}, or
 *          {"status": 500, "error": "the server answered 500"}; status 0 where no answer came. Nothing follows.
 *
 * A 'b' may come before an 'e' with an error: what came is then worth nothing. Each side takes what the other says for a stranger's
 * text. Pure; any thread. */
#ifndef SARING_CTL_DOWNLOAD_H
#define SARING_CTL_DOWNLOAD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define DOWNLOAD_VERSION 1
#define DOWNLOAD_REQUEST_MAX 8192u /* bytes of the line, LF included */
#define DOWNLOAD_HEAD 5
#define DOWNLOAD_BODY_MAX 65536u /* of one 'b' */
#define DOWNLOAD_NOTE_MAX 4096u	 /* of a 'p' or an 'e' */
#define DOWNLOAD_PROGRESS_HZ 5
#define DOWNLOAD_BYTES_MAX (UINT64_C(256) * 1024 * 1024) /* of a list, unpacked */

struct download_request {
	char url[2048];
	char etag[512], last_modified[64]; /* of the copy there is; "" for none */
	uint64_t max_bytes;
	uint32_t connect_s; /* for a connection to be made */
	uint32_t low_bytes; /* a second, for low_s seconds: slower is given up */
	uint32_t low_s;
	uint32_t total_s; /* for all of it */
	char user_agent[64];
};
/* All but the url and the validators. */
void download_request_init(struct download_request *request);
void download_request_put(struct buf *out, const struct download_request *request);
/* line: without its LF. Refuses what has control characters in it: it goes into the head of an HTTP request. */
MUST_CHECK bool download_request_parse(struct str line, struct download_request *ret, struct err *err);

enum download_kind { DOWNLOAD_PROGRESS = 'p', DOWNLOAD_BODY = 'b', DOWNLOAD_END = 'e' };
void download_head_put(uint8_t head[DOWNLOAD_HEAD], enum download_kind kind, uint32_t len);
/* False for a kind there is not, or more bytes than it may have. */
MUST_CHECK bool download_head_parse(const uint8_t head[DOWNLOAD_HEAD], enum download_kind *ret_kind, uint32_t *ret_len);

struct download_progress {
	uint64_t bytes, total; /* total 0: not known */
};
void download_progress_put(struct buf *out, const struct download_progress *progress); /* the payload */
MUST_CHECK bool download_progress_parse(struct str payload, struct download_progress *ret);

struct download_end {
	uint32_t status; /* of HTTP; 0: there was no answer */
	char etag[512], last_modified[64];
	uint64_t bytes;
	char error[512]; /* "" when it went well: status is then 200 or 304 */
};
void download_end_put(struct buf *out, const struct download_end *end);
MUST_CHECK bool download_end_parse(struct str payload, struct download_end *ret);

/* May it stand in a header: printable ASCII only. */
bool download_is_plain(struct str text);

#endif
