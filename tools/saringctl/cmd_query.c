/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_query.c - what would be answered, and why: explain. */
#include "saringctl/context.h"

#include "base/buf.h"
#include "base/hex.h"
#include "base/str.h"
#include "ctl/proto.h"
#include "saringctl/dns_client.h"
#include "saringctl/explain_show.h"
#include "saringctl/offline.h"
#include "saringctl/progress.h"
#include "wire/name.h"
#include "wire/rrtype.h"

#include <ctype.h>
#include <string.h>

#define ASK_TIMEOUT_MS 5000 /* as long as a client waits before it asks again */

/* One question, to the daemon or without it. */
struct question {
	struct context *ctx;
	struct name name;
	uint16_t type;
	json_t *args; /* owned */
};

MUST_CHECK static bool call_offline(struct question *q, json_t **ret, enum exit_status *ret_status)
{
	struct context *ctx = q->ctx;
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	struct progress progress;
	progress_start(&progress, &ctx->out, "compiling the lists");
	bool ok = offline_call(ctx->config, "explain", q->args, ret, &errors, &err);
	progress_stop(&progress);
	if (!ok)
		*ret_status = output_fail(&ctx->out, &err, &errors);
	err_list_finish(&errors);
	return ok;
}

MUST_CHECK static bool call(struct question *q, json_t **ret, enum exit_status *ret_status)
{
	if (q->ctx->in->offline)
		return call_offline(q, ret, ret_status);
	return context_call(q->ctx, "explain", json_incref(q->args), NULL, ret, ret_status);
}

/* ---- asking for what is not known ---- */

/* Of the daemon's listeners the first that can be asked. False when there is none. */
static bool find_listener(struct question *q, struct addr *ret, json_t **ret_endpoint)
{
	json_t *status = NULL, *one;
	struct err_list errors = {0};
	struct err err = {.code = ERR_NONE};
	bool found = false;
	size_t i;
	if (context_ask(q->ctx, "status", NULL, NULL, &status, &errors, &err)) {
		json_array_foreach(json_object_get(status, "listen"), i, one)
		{
			const char *endpoint = json_string_value(one);
			if (found || endpoint == NULL || !dns_client_address(endpoint, ret))
				continue;
			found = true;
			*ret_endpoint = json_incref(one);
		}
	}
	json_decref(status);
	err_list_finish(&errors);
	return found;
}

static json_t *hex(const uint8_t *bytes, size_t len)
{
	struct buf text = {0};
	hex_add(&text, bytes, len);
	json_t *value = json_stringn(text.ptr, text.len);
	buf_finish(&text);
	return value;
}

/* The daemon's cache is to hold the answer: ask for it as a client does. What came of it: {"listener", "rcode", "answer", "error"}.
 * What was sent is told too, as some answers are not kept. */
static json_t *ask(struct question *q)
{
	struct addr where;
	struct dns_result result;
	struct progress progress;
	char rcode[DNS_RCODE_MAX];
	struct buf message = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	json_t *asked = json_object(), *endpoint = NULL;
	if (!find_listener(q, &where, &endpoint)) {
		field_put(asked, "listener", json_null());
		field_put(asked, "rcode", json_null());
		field_put(asked, "answer", json_null());
		field_put(asked, "error", json_string("it has no listener that can be asked"));
		return asked;
	}
	progress_start(&progress, &q->ctx->out, "asking");
	bool ok = dns_client_fetch(&where, &q->name, q->type, ASK_TIMEOUT_MS, &result, &message, &err);
	progress_stop(&progress);
	field_put(asked, "listener", endpoint);
	field_put(asked, "rcode", ok ? json_string(dns_client_rcode(result.rcode, rcode)) : json_null());
	if (ok)
		memset(message.ptr, 0, 2); /* the ID */
	field_put(asked, "answer", ok ? hex((const uint8_t *)message.ptr, message.len) : json_null());
	field_put(asked, "error", ok ? json_null() : ctl_text(str_from(err.text)));
	buf_finish(&message);
	return asked;
}

static bool is_unknown(const json_t *explained)
{
	return strcmp(field_text(explained, "outcome"), "forwarded") == 0;
}

/* False, and the status, when the daemon could not be asked again. */
MUST_CHECK static bool learn(struct question *q, json_t **explained, enum exit_status *ret_status)
{
	json_t *asked = NULL;
	if (is_unknown(*explained) && !q->ctx->in->offline && !q->ctx->in->no_ask) {
		asked = ask(q);
		json_decref(*explained);
		*explained = NULL;
		if (!call(q, explained, ret_status)) {
			json_decref(asked);
			return false;
		}
	}
	field_put(*explained, "asked", asked != NULL ? asked : json_null());
	return true;
}

/* ---- the verb ---- */

/* What stands beside the daemon's own words. */
static void complete(const struct question *q, json_t *explained)
{
	json_t *wire = json_object_get(explained, "wire");
	field_put(explained, "as_typed", ctl_text(str_from(q->ctx->in->operands[0])));
	field_put(explained, "offline", json_boolean(q->ctx->in->offline));
	if (json_is_object(wire)) {
		json_t *lines = explain_decode(field_text(wire, "answer"));
		field_put(wire, "decoded", lines != NULL ? lines : json_null());
	}
}

static bool question_init(struct question *q, struct context *ctx, struct err *err)
{
	const struct invocation *in = ctx->in;
	char text[NAME_TEXT_MAX], type[16];
	*q = (struct question){.ctx = ctx};
	if (!name_from_text(str_from(in->operands[0]), &q->name, err))
		return err_context(err, "'%s'", in->operands[0]);
	(void)snprintf(type, sizeof(type), "%s", in->type != NULL ? in->type : "A");
	for (char *p = type; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	must(rrtype_from_text(str_from(type), &q->type)); /* the command line was looked at */
	q->args = json_pack("{s:s, s:s}", "name", name_to_text(&q->name, text), "type", type);
	must(q->args != NULL);
	if (in->client[0] != '\0')
		field_put(q->args, "client", json_string(in->client));
	if (in->at[0] != '\0')
		field_put(q->args, "at", json_string(in->at));
	return true;
}

enum exit_status cmd_explain(struct context *ctx)
{
	struct question q;
	struct err err = {.code = ERR_NONE};
	json_t *explained = NULL;
	enum exit_status status = STATUS_DONE;

	if (!question_init(&q, ctx, &err))
		return output_fail(&ctx->out, &err, NULL);
	if (call(&q, &explained, &status) && learn(&q, &explained, &status)) {
		complete(&q, explained);
		if (ctx->out.json)
			output_json(explained);
		else
			explain_show(&ctx->out, explained, ctx->in->at[0] != '\0');
	}
	json_decref(explained);
	json_decref(q.args);
	return status;
}
