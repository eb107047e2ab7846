/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proto.h - the control protocol: frames of JSON over a Unix stream socket, one request and one reply a connection at a time.
 *
 *   frame    = length:u32 big-endian, then that many bytes of one JSON object (UTF-8)
 *   request  = {"version": 1, "verb": "explain", "args": {...}}
 *   reply    = {"ok": true, "result": ...}
 *            | {"ok": false, "error": {"code": "input", "text": "one sentence"}, "errors": [{"file","line","column","text"}, ...]}
 *
 * An error that has a place carries "file", "line" and "column" beside its text; errors past ERR_LIST_MAX are counted in
 * "swallowed". The daemon closes idle connections after CTL_IDLE_MS and refuses requests over CTL_REQUEST_MAX. Any thread; nothing
 * is kept. */
#ifndef SARING_CTL_PROTO_H
#define SARING_CTL_PROTO_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <jansson.h>

#define CTL_VERSION 1
#define CTL_REQUEST_MAX 65536u	/* 64 KiB */
#define CTL_REPLY_MAX 67108864u /* 64 MiB */
#define CTL_IDLE_MS 5000
#define CTL_REAL_DIGITS 12 /* of fractions, so that 41.533 is not said as 41.533000000000001 */
#define CTL_FRAME_HEAD 4

/* Any value as the text of JSON that is safe to print, too: characters that steer (str_is_hidden) are written \uXXXX. flags: of
 * json_dumps, for the layout. Owned by the caller. */
MUST_CHECK char *ctl_json(const json_t *value, size_t flags);
void ctl_frame_put(struct buf *out, json_t *message); /* appends length and text */
/* How long the frame whose head is at bytes is, head not counted. */
uint32_t ctl_frame_len(const uint8_t bytes[CTL_FRAME_HEAD]);
/* The text of a frame to a JSON object; NULL, and err, on anything else (duplicate keys and \u0000 are refused too). */
MUST_CHECK json_t *ctl_frame_parse(const void *bytes, size_t len, struct err *err);

/* Text from anywhere as a JSON string: what is not UTF-8, or holds a NUL, is escaped as str_escape does. s.ptr NULL gives null. */
MUST_CHECK json_t *ctl_text(struct str s);
/* A moment as RFC 3339 has it; null for none: 0 or less. */
MUST_CHECK json_t *ctl_time(int64_t time_s);

/* "input", "denied", ...: how a code is written in a reply. */
const char *ctl_code_word(enum err_code code);

MUST_CHECK json_t *ctl_request(const char *verb, json_t *args); /* args borrowed; may be NULL */
/* Take a request apart. Borrowed from message; ret_args is NULL when there are none. */
MUST_CHECK bool ctl_request_parse(json_t *message, const char **ret_verb, json_t **ret_args, struct err *err);

MUST_CHECK json_t *ctl_reply_ok(json_t *result);					/* takes result */
MUST_CHECK json_t *ctl_reply_err(const struct err *err, const struct err_list *errors); /* errors may be NULL */
/* Take a reply apart. ret_result is borrowed from message. False, err and (unless NULL) errors when it says that it could not be
 * done, or is no reply at all. */
MUST_CHECK bool ctl_reply_parse(json_t *message, json_t **ret_result, struct err_list *errors, struct err *err);

#endif
