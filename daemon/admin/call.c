/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/call.h"

#include "ctl/proto.h"
#include "wire/name.h"

#include <stdlib.h>

void call_fail(const struct call *call, const struct err *err, const struct err_list *errors)
{
	call->reply(call->arg, ctl_reply_err(err, errors));
}

void call_ok(const struct call *call, json_t *result)
{
	call->reply(call->arg, ctl_reply_ok(result));
}

struct audit_said call_said(const struct call *call)
{
	return (struct audit_said){.who = &call->who, .verb = call->verb, .change = call->change, .arrived_ns = call->arrived_ns};
}

struct call *call_keep(const struct call *call)
{
	struct call *copy = base_alloc(sizeof(*copy));
	*copy = *call;
	json_incref(copy->change);
	return copy;
}

void call_free(struct call *call)
{
	json_decref(call->change);
	free(call);
}

bool arg_text(json_t *args, const char *key, struct str *ret, struct err *err)
{
	json_t *value = json_object_get(args, key);
	*ret = (struct str){NULL, 0};
	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return err_set(err, ERR_USAGE, "the argument '%s' is not text", key);
	*ret = (struct str){json_string_value(value), json_string_length(value)};
	return true;
}

bool arg_number(json_t *args, const char *key, int64_t max, int64_t *ret, struct err *err)
{
	const json_t *value = json_object_get(args, key);
	*ret = 0;
	if (!value || json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > max)
		return err_set(err, ERR_USAGE, "the argument '%s' is a number from 0 to %lld", key, (long long)max);
	*ret = json_integer_value(value);
	return true;
}

bool arg_name(struct str text, struct name *ret, struct err *err)
{
	if (name_from_text(text, ret, err))
		return true;
	char safe[300];
	return err_context(err, "'%s' is not a domain name", str_escape(text, true, safe, sizeof(safe)));
}
