/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/download.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"

#define CONNECT_S 10
#define LOW_BYTES 1000
#define LOW_S 30
#define TOTAL_S 1800 /* what a list of the largest size takes at some 150 kB a second */

void download_request_init(struct download_request *r)
{
	*r = (struct download_request){.max_bytes = DOWNLOAD_BYTES_MAX,
				       .connect_s = CONNECT_S,
				       .low_bytes = LOW_BYTES,
				       .low_s = LOW_S,
				       .total_s = TOTAL_S,
				       .user_agent = "saring"};
}

bool download_is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	return true;
}

/* Takes message. */
static void put_json(struct buf *out, json_t *message)
{
	must(message);
	char *text = json_dumps(message, JSON_COMPACT);
	must(text);
	buf_add_c(out, text);
	free(text);
	json_decref(message);
}

static json_t *text_or_null(const char *text)
{
	json_t *value = text[0] ? json_string(text) : NULL;
	return value ? value : json_null();
}

static json_t *object_from(struct str text)
{
	json_error_t fault;
	json_t *root = text.ptr ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &fault) : NULL;
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

/* Absent and null are "". False when it is no text, too long, or not to be put in a header. */
static bool get_plain(const json_t *root, const char *key, char *buf, size_t size)
{
	const json_t *value = json_object_get(root, key);
	buf[0] = '\0';
	if (!value || json_is_null(value))
		return true;
	struct str text = {json_string_value(value), json_string_length(value)};
	if (!text.ptr || text.len >= size || !download_is_plain(text))
		return false;
	memcpy(buf, text.ptr, text.len);
	buf[text.len] = '\0';
	return true;
}

/* Absent and null leave *ret as it is. */
static bool get_number(const json_t *root, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(root, key);
	if (!value || json_is_null(value))
		return true;
	json_int_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < 0 || (uint64_t)number > max)
		return false;
	*ret = (uint64_t)number;
	return true;
}

static bool get_seconds(const json_t *root, const char *key, uint32_t *ret)
{
	uint64_t number = *ret;
	bool good = get_number(root, key, UINT32_MAX / 2, &number);
	*ret = (uint32_t)number;
	return good && number > 0;
}

void download_request_put(struct buf *out, const struct download_request *r)
{
	put_json(out,
		 json_pack("{s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:s}", "version", DOWNLOAD_VERSION, "url", r->url, "etag",
			   text_or_null(r->etag), "last_modified", text_or_null(r->last_modified), "max_bytes",
			   (json_int_t)r->max_bytes, "connect_s", (json_int_t)r->connect_s, "low_bytes", (json_int_t)r->low_bytes,
			   "low_s", (json_int_t)r->low_s, "total_s", (json_int_t)r->total_s, "user_agent", r->user_agent));
	buf_add_c(out, "\n");
}

bool download_request_parse(struct str line, struct download_request *ret, struct err *err)
{
	struct download_request r;
	download_request_init(&r);
	json_t *root = object_from(line);
	if (!root)
		return err_set(err, ERR_INPUT, "the request is no JSON object");
	uint64_t version = 0;
	bool good = get_number(root, "version", UINT32_MAX, &version);
	if (good && version != DOWNLOAD_VERSION) {
		json_decref(root);
		return err_set(err, ERR_INPUT, "the request is of version %u; this is version %u", (unsigned)version,
			       DOWNLOAD_VERSION);
	}
	good = good && get_plain(root, "url", r.url, sizeof(r.url)) && get_plain(root, "etag", r.etag, sizeof(r.etag)) &&
	       get_plain(root, "last_modified", r.last_modified, sizeof(r.last_modified)) &&
	       get_plain(root, "user_agent", r.user_agent, sizeof(r.user_agent)) &&
	       get_number(root, "max_bytes", DOWNLOAD_BYTES_MAX, &r.max_bytes) && get_seconds(root, "connect_s", &r.connect_s) &&
	       get_seconds(root, "low_bytes", &r.low_bytes) && get_seconds(root, "low_s", &r.low_s) &&
	       get_seconds(root, "total_s", &r.total_s) && r.url[0];
	json_decref(root);
	if (!good)
		return err_set(err, ERR_INPUT, "the request has something in it that it can't have");
	*ret = r;
	return true;
}

/* ---- frames ---- */

void download_head_put(uint8_t head[DOWNLOAD_HEAD], enum download_kind kind, uint32_t len)
{
	head[0] = (uint8_t)kind;
	be_put_u32(head + 1, len);
}

bool download_head_parse(const uint8_t head[DOWNLOAD_HEAD], enum download_kind *ret_kind, uint32_t *ret_len)
{
	uint32_t len = be_get_u32(head + 1);
	bool note = head[0] == DOWNLOAD_PROGRESS || head[0] == DOWNLOAD_END;
	if (!(note && len <= DOWNLOAD_NOTE_MAX) && !(head[0] == DOWNLOAD_BODY && len <= DOWNLOAD_BODY_MAX))
		return false;
	*ret_kind = (enum download_kind)head[0];
	*ret_len = len;
	return true;
}

void download_progress_put(struct buf *out, const struct download_progress *p)
{
	put_json(out, json_pack("{s:I, s:o}", "bytes", (json_int_t)p->bytes, "total",
				p->total ? json_integer((json_int_t)p->total) : json_null()));
}

bool download_progress_parse(struct str payload, struct download_progress *ret)
{
	struct download_progress p = {0, 0};
	json_t *root = object_from(payload);
	bool good = root && get_number(root, "bytes", INT64_MAX, &p.bytes) && get_number(root, "total", INT64_MAX, &p.total);
	json_decref(root);
	if (good)
		*ret = p;
	return good;
}

void download_end_put(struct buf *out, const struct download_end *e)
{
	if (e->error[0]) {
		json_t *error = json_string(e->error); /* NULL for what is no UTF-8 */
		put_json(out, json_pack("{s:I, s:o}", "status", (json_int_t)e->status, "error",
					error ? error : json_string("it failed, and the reason is not UTF-8")));
		return;
	}
	put_json(out, json_pack("{s:I, s:o, s:o, s:I}", "status", (json_int_t)e->status, "etag", text_or_null(e->etag),
				"last_modified", text_or_null(e->last_modified), "bytes", (json_int_t)e->bytes));
}

bool download_end_parse(struct str payload, struct download_end *ret)
{
	struct download_end e = {0};
	json_t *root = object_from(payload);
	uint64_t status = 0;
	const json_t *error = json_object_get(root, "error");
	bool good = root && get_number(root, "status", 999, &status) && get_plain(root, "etag", e.etag, sizeof(e.etag)) &&
		    get_plain(root, "last_modified", e.last_modified, sizeof(e.last_modified)) &&
		    get_number(root, "bytes", INT64_MAX, &e.bytes);
	e.status = (uint32_t)status;
	if (good && error) {
		good = json_is_string(error) && json_string_length(error) > 0;
		if (good)
			(void)snprintf(e.error, sizeof(e.error), "%s", json_string_value(error));
	} else {
		good = good && (status == 200 || status == 304);
	}
	json_decref(root);
	if (good)
		*ret = e;
	return good;
}
