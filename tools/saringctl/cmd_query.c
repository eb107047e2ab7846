/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_query.c - what would be answered, and why: explain. */
#include "saringctl/context.h"

#include "base/str.h"
#include "wire/name.h"

#include <ctype.h>
#include <string.h>

/* The name itself was judged. Its answer is inspected when it comes, but behind a mandatory allow entry. */
static bool may_fall_to_cname(const json_t *explained, const char *verdict)
{
	if (strcmp(verdict, "allowed") == 0)
		return !field_bool(json_object_get(explained, "rule"), "mandatory");
	return strcmp(verdict, "none") == 0;
}

/* "; it is answered here (10.in-addr.arpa, RFC 6303): NXDOMAIN", or where it is asked. */
static void show_way(const struct output *o, const json_t *explained)
{
	const json_t *here = json_object_get(explained, "answered_here");
	const char *answer = field_text(here, "answer"), *route = field_text(explained, "route");

	if (json_is_object(here)) {
		output_print(o, stdout, PAINT_NONE, "; it is answered here (%s, %s): ", field_text(here, "zone"),
			     field_text(here, "source"));
		output_print(o, stdout, PAINT_NONE, "%s", strcmp(answer, "data") == 0 ? field_text(here, "record") : answer);
		output_print(o, stdout, PAINT_NONE, " (TTL %lld s)", (long long)field_int(here, "ttl"));
	} else {
		output_print(o, stdout, PAINT_NONE, "; it is resolved");
		if (route[0] != '\0')
			output_print(o, stdout, PAINT_NONE, " by the servers of the route %s", route);
	}
}

static bool is_answered_here(const json_t *explained)
{
	return json_is_object(json_object_get(explained, "answered_here"));
}

static void show_verdict(const struct output *o, const json_t *explained)
{
	const char *name = field_text(explained, "name"), *type = field_text(explained, "type");
	const char *verdict = field_text(explained, "verdict"), *answer = field_text(explained, "answer");
	const char *client = field_text(explained, "client");
	output_print(o, stdout, PAINT_HEAD, "%s %s", name, type);
	if (strcmp(verdict, "blocked") == 0) {
		output_print(o, stdout, PAINT_BAD, " is blocked");
		output_print(o, stdout, PAINT_NONE, ": the answer is %s", answer);
		if (field_int(explained, "ttl") > 0)
			output_print(o, stdout, PAINT_NONE, " (TTL %lld s)", (long long)field_int(explained, "ttl"));
	} else if (strcmp(verdict, "allowed") == 0) {
		output_print(o, stdout, PAINT_GOOD, " is allowed");
		output_print(o, stdout, PAINT_NONE, ": an allow entry decides");
		show_way(o, explained);
	} else if (strcmp(verdict, "none") == 0) {
		output_print(o, stdout, PAINT_NONE, " is not blocked: no entry decides");
		show_way(o, explained);
	} else {
		output_print(o, stdout, PAINT_NONE, ": %s", verdict);
	}
	if (client[0] != '\0')
		output_print(o, stdout, PAINT_NONE, ", for the client %s", client);
	fputs(".\n", stdout);
	if (!is_answered_here(explained) && may_fall_to_cname(explained, verdict))
		fputs("A CNAME in its answer that leads to a blocked name would still block it.\n", stdout);
	if (json_is_false(json_object_get(explained, "client_allowed"))) {
		output_print(o, stdout, PAINT_WARN,
			     "But that client may not ask (clients: in saring.yaml), and is answered nothing of this.");
		putchar('\n');
	}
}

static void show_rule(const struct output *o, const json_t *rule)
{
	const char *lifted = field_text(rule, "lifted");
	json_t *contact;
	size_t i;
	output_linef(o, "list", "%s (%s%s, %s)", field_text(rule, "list"), field_bool(rule, "mandatory") ? "mandatory " : "",
		     field_text(rule, "action"), field_text(rule, "mode"));
	const json_t *key = json_object_get(rule, "signed");
	if (json_is_object(key))
		output_linef(o, "signed by", "key %s, serial %lld", field_text(key, "key_id"), (long long)field_int(key, "serial"));
	output_linef(o, "entry", "%s (%s)", field_text(rule, "entry"), field_text(rule, "match"));
	output_linef(o, "where", "%s:%lld", field_text(rule, "file"), (long long)field_int(rule, "line"));
	output_line(o, "authority", field_text(rule, "authority"));
	output_line(o, "reason", field_text(rule, "reason"));
	output_line(o, "code", field_text(rule, "code"));
	output_line(o, "sub-error", field_text(rule, "sub_error"));
	output_line(o, "reference", field_text(rule, "reference"));
	json_array_foreach(json_object_get(rule, "contact"), i, contact)
	    output_line(o, i == 0 ? "contact" : "", json_string_value(contact));
	output_line(o, "added", field_text(rule, "added"));
	output_line(o, "review", field_text(rule, "review"));
	output_line(o, "expires", field_text(rule, "expires"));
	output_line(o, "lifted", lifted);
	output_line(o, "lifted by", field_text(rule, "lifted_by"));
	output_line(o, "lift reason", field_text(rule, "lift_reason"));
	output_line(o, "lift reference", field_text(rule, "lift_reference"));
}

/* The entries that match too, and why each does not decide. */
static void show_also(const struct output *o, const json_t *also, int64_t omitted)
{
	static const struct column columns[] = {{"LIST", false, false},
						{"ENTRY", false, true},
						{"MATCH", false, false},
						{"ACTION", false, false},
						{"WHY NOT", false, true}};
	static const char *const keys[] = {"list", "entry", "match", "action", "why_not"};
	const json_t *one;
	size_t i;
	if (json_array_size(also) == 0)
		return;
	fputs("\nAlso matching, but not deciding:\n", stdout);
	struct table *t = table_create(o, columns, ARRAY_LEN(columns));
	json_array_foreach(also, i, one)
	{
		table_row(t);
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			table_cell(t, k, PAINT_NONE, field_text(one, keys[k]));
	}
	table_finish(t);
	if (omitted > 0)
		printf("... and %lld more\n", (long long)omitted);
}

enum exit_status cmd_explain(struct context *ctx)
{
	const struct invocation *in = ctx->in;
	struct name name;
	struct err err = {.code = ERR_NONE};
	char text[NAME_TEXT_MAX], type[16];
	json_t *explained = NULL;
	enum exit_status exit_status;

	if (!name_from_text(str_from(in->operands[0]), &name, &err)) {
		err_context(&err, "'%s'", in->operands[0]);
		return output_fail(&ctx->out, &err, NULL);
	}
	(void)snprintf(type, sizeof(type), "%s", in->type != NULL ? in->type : "A");
	for (char *p = type; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	json_t *args = json_pack("{s:s, s:s}", "name", name_to_text(&name, text), "type", type);
	must(args != NULL);
	if (in->client[0] != '\0')
		must(json_object_set_new(args, "client", json_string(in->client)) == 0);
	if (!context_call(ctx, "explain", args, NULL, &explained, &exit_status))
		return exit_status;
	if (ctx->out.json) {
		output_json(explained);
	} else {
		const json_t *rule = json_object_get(explained, "rule");
		show_verdict(&ctx->out, explained);
		if (json_is_object(rule)) {
			putchar('\n');
			show_rule(&ctx->out, rule);
		}
		show_also(&ctx->out, json_object_get(explained, "also"), field_int(explained, "also_omitted"));
	}
	json_decref(explained);
	return STATUS_DONE;
}
