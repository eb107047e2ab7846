/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/proto.h"

#include <stdlib.h>
#include <string.h>

#include "base/be.h"

static const char *const code_words_by_value[] = {
    [ERR_NONE] = "none",	 [ERR_USAGE] = "usage",
    [ERR_INPUT] = "input",	 [ERR_IO] = "io",
    [ERR_MEMORY] = "memory",	 [ERR_LIMIT] = "limit",
    [ERR_EXISTS] = "exists",	 [ERR_NOT_FOUND] = "not-found",
    [ERR_DENIED] = "denied",	 [ERR_UNREACHABLE] = "unreachable",
    [ERR_INTERNAL] = "internal",
};
_Static_assert(ARRAY_LEN(code_words_by_value) == ERR_INTERNAL + 1, "a word for every code");

const char *ctl_code_word(enum err_code code)
{
	return (size_t)code < ARRAY_LEN(code_words_by_value) ? code_words_by_value[code] : "internal";
}

static enum err_code code_from_word(const char *word)
{
	for (size_t i = 1; word && i < ARRAY_LEN(code_words_by_value); i++)
		if (strcmp(word, code_words_by_value[i]) == 0)
			return (enum err_code)i;
	return ERR_INTERNAL;
}

/* Hidden characters stand in strings only: jansson itself puts none but newlines between them. */
static bool is_to_escape(uint32_t c)
{
	return c != '\n' && str_is_hidden(c);
}

static void put_escaped(struct buf *out, uint32_t c)
{
	if (c < 0x10000)
		buf_printf(out, "\\u%04x", (unsigned)c);
	else
		buf_printf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)), (unsigned)(0xdc00 + (c & 0x3ff)));
}

char *ctl_json(const json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(CTL_REAL_DIGITS));
	must(text);
	const struct str all = str_from(text);
	struct buf safe = {0};
	size_t done = 0;
	for (size_t i = 0, n; i < all.len; i += n) {
		uint32_t c = 0;
		n = str_utf8_first((struct str){all.ptr + i, all.len - i}, &c);
		must(n > 0); /* jansson keeps nothing else */
		if (!is_to_escape(c))
			continue;
		buf_add(&safe, all.ptr + done, i - done);
		put_escaped(&safe, c);
		done = i + n;
	}
	if (done == 0) /* nearly always */
		return text;
	buf_add(&safe, all.ptr + done, all.len - done);
	free(text);
	return safe.ptr;
}

void ctl_frame_put(struct buf *out, json_t *message)
{
	char *text = ctl_json(message, JSON_COMPACT);
	size_t len = strlen(text);
	must(len <= UINT32_MAX);
	uint8_t head[CTL_FRAME_HEAD];
	be_put_u32(head, (uint32_t)len);
	buf_add(out, head, sizeof(head));
	buf_add(out, text, len);
	free(text);
}

uint32_t ctl_frame_len(const uint8_t bytes[CTL_FRAME_HEAD])
{
	return be_get_u32(bytes);
}

json_t *ctl_frame_parse(const void *bytes, size_t len, struct err *err)
{
	json_error_t fault;
	json_t *message = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &fault);
	if (!message) {
		(void)err_set(err, ERR_INPUT, "a control message is not JSON: %s", fault.text);
		return NULL;
	}
	if (!json_is_object(message)) {
		json_decref(message);
		(void)err_set(err, ERR_INPUT, "a control message is not a JSON object");
		return NULL;
	}
	return message;
}

json_t *ctl_text(struct str s)
{
	if (!s.ptr)
		return json_null();
	json_t *text = memchr(s.ptr, '\0', s.len) ? NULL : json_stringn(s.ptr, s.len);
	if (!text) {
		size_t size = s.len * 4 + 1; /* every byte as \DDD, and the NUL */
		char *escaped = base_alloc(size);
		text = json_string(str_escape(s, true, escaped, size));
		free(escaped);
	}
	must(text);
	return text;
}

json_t *ctl_time(int64_t time_s)
{
	char text[32];
	if (time_s <= 0)
		return json_null();
	str_from_time(time_s, text, sizeof(text));
	json_t *time = json_string(text);
	must(time);
	return time;
}

json_t *ctl_request(const char *verb, json_t *args)
{
	json_t *message = json_pack("{s:i, s:o}", "version", CTL_VERSION, "verb", ctl_text(str_from(verb)));
	must(message);
	if (args)
		must(json_object_set(message, "args", args) == 0);
	return message;
}

bool ctl_request_parse(json_t *message, const char **ret_verb, json_t **ret_args, struct err *err)
{
	json_t *version = json_object_get(message, "version");
	if (!json_is_integer(version))
		return err_set(err, ERR_INPUT, "the request says no version");
	if (json_integer_value(version) != CTL_VERSION)
		return err_set(err, ERR_INPUT, "the request is of version %lld of the control protocol; this saringd speaks %d",
			       (long long)json_integer_value(version), CTL_VERSION);
	const char *verb = json_string_value(json_object_get(message, "verb"));
	if (!verb)
		return err_set(err, ERR_INPUT, "the request has no verb");
	json_t *args = json_object_get(message, "args");
	if (json_is_null(args))
		args = NULL;
	if (args && !json_is_object(args))
		return err_set(err, ERR_INPUT, "the request's args are not an object");
	*ret_verb = verb;
	*ret_args = args;
	return true;
}

json_t *ctl_reply_ok(json_t *result)
{
	json_t *message = json_pack("{s:b, s:o}", "ok", 1, "result", result);
	must(message);
	return message;
}

static json_t *err_to_json(const struct err *err, bool with_code)
{
	json_t *object = json_object();
	must(object);
	if (with_code)
		must(json_object_set_new(object, "code", json_string(ctl_code_word(err->code))) == 0);
	if (err->file[0] || !with_code) {
		must(json_object_set_new(object, "file", err->file[0] ? ctl_text(str_from(err->file)) : json_null()) == 0);
		must(json_object_set_new(object, "line", json_integer(err->line)) == 0);
		must(json_object_set_new(object, "column", json_integer(err->column)) == 0);
	}
	must(json_object_set_new(object, "text", ctl_text(str_from(err->text))) == 0);
	return object;
}

json_t *ctl_reply_err(const struct err *err, const struct err_list *errors)
{
	json_t *message = json_pack("{s:b, s:o}", "ok", 0, "error", err_to_json(err, true));
	must(message);
	if (!errors || errors->count == 0)
		return message;
	json_t *array = json_array();
	must(array);
	for (size_t i = 0; i < errors->count; i++)
		must(json_array_append_new(array, err_to_json(&errors->items[i], false)) == 0);
	must(json_object_set_new(message, "errors", array) == 0);
	if (errors->swallowed)
		must(json_object_set_new(message, "swallowed", json_integer((json_int_t)errors->swallowed)) == 0);
	return message;
}

static uint32_t json_to_u32(const json_t *value)
{
	json_int_t number = json_integer_value(value);
	return number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static void err_from_json(const json_t *object, enum err_code code, struct err *ret)
{
	const char *text = json_string_value(json_object_get(object, "text"));
	const char *file = json_string_value(json_object_get(object, "file"));
	(void)err_set_at(ret, code, file ? file : "", json_to_u32(json_object_get(object, "line")),
			 json_to_u32(json_object_get(object, "column")), "%s", text ? text : "the daemon gave no reason");
}

bool ctl_reply_parse(json_t *message, json_t **ret_result, struct err_list *errors, struct err *err)
{
	json_t *ok = json_object_get(message, "ok");
	if (!json_is_boolean(ok))
		return err_set(err, ERR_INTERNAL, "the daemon's reply does not say whether it was done");
	if (json_is_true(ok)) {
		json_t *result = json_object_get(message, "result");
		if (!result)
			return err_set(err, ERR_INTERNAL, "the daemon's reply has no result");
		*ret_result = result;
		return true;
	}
	json_t *error = json_object_get(message, "error");
	struct err fault = {0};
	err_from_json(error, code_from_word(json_string_value(json_object_get(error, "code"))), &fault);
	if (err)
		*err = fault;
	if (!errors)
		return false;
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(message, "errors"), i, item)
	{
		struct err one = {0};
		err_from_json(item, ERR_INPUT, &one);
		err_list_add(errors, &one);
	}
	json_int_t swallowed = json_integer_value(json_object_get(message, "swallowed"));
	if (swallowed > 0)
		errors->swallowed += (size_t)swallowed;
	return false;
}
