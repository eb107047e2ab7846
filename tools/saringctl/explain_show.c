/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/explain_show.h"

#include "saringctl/pause_show.h"

#include "base/buf.h"
#include "base/str.h"
#include "ctl/proto.h"

#include <stdlib.h>
#include <string.h>

/* ---- the verdict ---- */

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
		const char *file = field_text(here, "file");
		if (file[0] != '\0')
			output_print(o, stdout, PAINT_NONE, "; it is a local record (%s:%lld): ", file,
				     (long long)field_int(here, "line"));
		else
			output_print(o, stdout, PAINT_NONE, "; it is answered here (%s, %s): ", field_text(here, "zone"),
				     field_text(here, "source"));
		output_print(o, stdout, PAINT_NONE, "%s", strcmp(answer, "data") == 0 ? field_text(here, "record") : answer);
		output_print(o, stdout, PAINT_NONE, " (TTL %lld s)", (long long)field_int(here, "ttl"));
	} else if (field_text(explained, "safe_search")[0] != '\0') {
		output_print(o, stdout, PAINT_NONE, "; safe search (%s) leads it to the engine's filtered host",
			     field_text(explained, "safe_search"));
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

static bool is_steps_known(const json_t *explained)
{
	return json_is_array(json_object_get(explained, "cname"));
}

/* An entry for what the answer leads to blocks the name, which none of its own does. */
static void show_by(const struct output *o, const json_t *explained)
{
	const char *by = field_text(explained, "by"), *target = field_text(explained, "by_target");
	if (target[0] == '\0')
		return;
	if (strcmp(by, "address") == 0)
		output_print(o, stdout, PAINT_BAD, "Its answer is what blocks it: that holds the address %s.", target);
	else
		output_print(o, stdout, PAINT_BAD, "Its answer is what blocks it: %s leads to %s.",
			     strcmp(by, "cname") == 0 ? "a CNAME" : "a record", target);
	putchar('\n');
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
	show_by(o, explained);
	if (!is_answered_here(explained) && !is_steps_known(explained) && may_fall_to_cname(explained, verdict))
		fputs("A CNAME in its answer that leads to a blocked name would still block it.\n", stdout);
	if (strcmp(verdict, "blocked") != 0 && strcmp(field_text(explained, "outcome"), "blocked") == 0) {
		output_print(o, stdout, PAINT_BAD, "But its answer is blocked");
		fputs(": of what it holds, see below.\n", stdout);
	}
	if (json_is_false(json_object_get(explained, "client_allowed"))) {
		output_print(o, stdout, PAINT_WARN,
			     "But that client may not ask (clients: in saring.yaml), and is answered nothing of this.");
		putchar('\n');
	}
}

/* ---- what was asked ---- */

static const char *text_of(const json_t *value)
{
	return json_is_string(value) ? json_string_value(value) : "";
}

static void show_names(const struct output *o, const json_t *list, const char *label)
{
	const json_t *one;
	size_t i;
	json_array_foreach(list, i, one)
	{
		output_line(o, i == 0 ? label : "", text_of(one));
	}
}

/* Whose lists act, and which of them now. */
static void show_group(const struct output *o, const json_t *explained)
{
	const char *group = field_text(explained, "group"), *by = field_text(explained, "group_by");
	const char *next = field_text(explained, "group_next_change");
	const json_t *has = json_object_get(explained, "group_lists"), *acts = json_object_get(explained, "group_active");
	if (group[0] == '\0')
		return;
	output_linef(o, "group", "%s%s%s%s", group, by[0] != '\0' ? ", by " : "", by,
		     json_equal(has, acts) ? "" : "; not all of its lists are in force now");
	if (json_array_size(acts) == 0)
		output_line(o, "in force", "no list");
	else
		show_names(o, acts, "in force");
	if (next[0] != '\0')
		output_linef(o, "until", "%s, when other lists come into force", next);
}

static void show_paused(const struct output *o, const json_t *pause)
{
	struct buf text = {0};
	if (!json_is_object(pause))
		return;
	pause_show_add(&text, pause);
	output_linef(o, "paused", "%.*s", (int)text.len, text.ptr);
	buf_finish(&text);
}

static void show_question(const struct output *o, const json_t *explained, bool at_given)
{
	const char *name = field_text(explained, "name"), *typed = field_text(explained, "as_typed");
	const char *unicode = field_text(explained, "unicode"), *client = field_text(explained, "client");
	const char *by = field_text(explained, "client_allowed_by");
	const json_t *off = json_object_get(explained, "lists_off"), *unfetched = json_object_get(explained, "lists_not_fetched");
	putchar('\n');
	if (strcmp(typed, name) != 0)
		output_line(o, "as typed", typed);
	output_line(o, "name", name);
	if (strcmp(unicode, name) != 0)
		output_line(o, "in letters", unicode);
	if (client[0] != '\0')
		output_linef(o, "client", "%s, a %s address, %s%s", client, field_text(explained, "client_is"),
			     by[0] != '\0' ? "may ask by clients.allow " : "may not ask", by);
	show_group(o, explained);
	show_paused(o, json_object_get(explained, "paused"));
	if (at_given)
		output_line(o, "at", field_text(explained, "at"));
	output_line(o, "shadow", field_text(explained, "would_block"));
	show_names(o, off, "lists off");
	show_names(o, unfetched, "not fetched");
}

/* ---- entries ---- */

static void show_rule(const struct output *o, const json_t *rule, const char *at)
{
	const char *added = field_text(rule, "added");
	int64_t added_s, at_s;
	json_t *contact;
	size_t i;
	putchar('\n');
	output_linef(o, "list", "%s (%s%s, %s)", field_text(rule, "list"), field_bool(rule, "mandatory") ? "mandatory " : "",
		     field_text(rule, "action"), field_text(rule, "mode"));
	output_linef(o, "entry", "%s (%s)", field_text(rule, "entry"), field_text(rule, "match"));
	const json_t *key = json_object_get(rule, "signed");
	if (json_is_object(key))
		output_linef(o, "signed by", "key %s, serial %lld", field_text(key, "key_id"), (long long)field_int(key, "serial"));
	if (json_is_integer(json_object_get(rule, "hits"))) {
		const char *last = field_text(rule, "last_hit");
		output_linef(o, "hits", "%lld%s%s", (long long)field_int(rule, "hits"), last[0] != '\0' ? ", last " : "", last);
	}
	output_linef(o, "where", "%s:%lld", field_text(rule, "file"), (long long)field_int(rule, "line"));
	output_line(o, "authority", field_text(rule, "authority"));
	output_line(o, "reason", field_text(rule, "reason"));
	output_line(o, "code", field_text(rule, "code"));
	output_line(o, "sub-error", field_text(rule, "sub_error"));
	output_line(o, "reference", field_text(rule, "reference"));
	json_array_foreach(json_object_get(rule, "contact"), i, contact)
	    output_line(o, i == 0 ? "contact" : "", json_string_value(contact));
	bool later = str_to_time(str_from(added), &added_s, NULL) && str_to_time(str_from(at), &at_s, NULL) && added_s > at_s;
	output_linef(o, "added", "%s%s", added, later ? " (after the moment asked about)" : "");
	output_line(o, "review", field_text(rule, "review"));
	output_line(o, "expires", field_text(rule, "expires"));
	output_line(o, "lifted", field_text(rule, "lifted"));
	output_line(o, "lifted by", field_text(rule, "lifted_by"));
	output_line(o, "lift reason", field_text(rule, "lift_reason"));
	output_line(o, "lift reference", field_text(rule, "lift_reference"));
}

/* "lifted 2017-08-10 by the Ministry: order revoked (https://...)": owned by the caller. */
static char *why_not_text(const json_t *entry)
{
	const char *why = field_text(entry, "why_not"), *by = field_text(entry, "lifted_by"),
		   *reason = field_text(entry, "lift_reason");
	const char *reference = field_text(entry, "lift_reference");
	struct buf text = {0};
	buf_add_str(&text, str_from(why));
	if (strcmp(why, "expired") == 0)
		buf_printf(&text, " %s", field_text(entry, "expires"));
	if (strcmp(why, "lifted") == 0) {
		buf_printf(&text, " %s%s%s", field_text(entry, "lifted"), by[0] != '\0' ? " by " : "", by);
		buf_printf(&text, "%s%s", reason[0] != '\0' ? ": " : "", reason);
		buf_printf(&text, "%s%s%s", reference[0] != '\0' ? " (" : "", reference, reference[0] != '\0' ? ")" : "");
	}
	return text.ptr;
}

/* The entries that match too, and why each does not decide. */
static void show_also(const struct output *o, const json_t *also, int64_t omitted)
{
	static const struct column columns[] = {{"LIST", false, false},	  {"ENTRY", false, true},  {"MATCH", false, false},
						{"ACTION", false, false}, {"WHERE", false, false}, {"WHY NOT", false, true}};
	static const char *const keys[] = {"list", "entry", "match", "action"};
	const json_t *one;
	size_t i;
	if (json_array_size(also) == 0)
		return;
	fputs("\nAlso matching, but not deciding:\n", stdout);
	struct table *t = table_create(o, columns, ARRAY_LEN(columns));
	json_array_foreach(also, i, one)
	{
		char *where = NULL, *why = why_not_text(one);
		table_row(t);
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			table_cell(t, k, PAINT_NONE, field_text(one, keys[k]));
		must(asprintf(&where, "%s:%lld", field_text(one, "file"), (long long)field_int(one, "line")) >= 0);
		table_cell(t, 4, PAINT_NONE, where);
		table_cell(t, 5, PAINT_NONE, why);
		free(where);
		free(why);
	}
	table_finish(t);
	if (omitted > 0)
		printf("... and %lld more\n", (long long)omitted);
}

/* ---- how the answer comes about ---- */

static const char *step_verdict(const json_t *step)
{
	const char *verdict = field_text(step, "verdict");
	if (!field_bool(step, "judged"))
		return "not judged";
	return strcmp(verdict, "none") == 0 ? "no entry" : verdict;
}

/* "order.yaml:3 t.me", or the note. Owned by the caller. */
static char *step_entry(const json_t *step)
{
	const json_t *rule = json_object_get(step, "rule");
	const char *note = field_text(step, "note");
	struct buf text = {0};
	buf_add_str(&text, STR_LIT(""));
	if (json_is_object(rule))
		buf_printf(&text, "%s:%lld %s", field_text(rule, "file"), (long long)field_int(rule, "line"),
			   field_text(rule, "entry"));
	if (note[0] != '\0')
		buf_printf(&text, "%s%s", text.len > 0 ? "; " : "", note);
	return text.ptr;
}

static void show_steps(const struct output *o, const json_t *explained)
{
	static const struct column columns[] = {{"NAME", false, true}, {"TYPE", false, false},	  {"LEADS TO", false, true},
						{"TTL", true, false},  {"VERDICT", false, false}, {"ENTRY", false, true}};
	const json_t *steps = json_object_get(explained, "cname"), *step;
	size_t i;
	if (json_array_size(steps) == 0)
		return;
	printf("\nHow the answer comes about%s:\n",
	       strcmp(field_text(explained, "cache"), "stale") == 0 ? " (it has expired)" : "");
	struct table *t = table_create(o, columns, ARRAY_LEN(columns));
	json_array_foreach(steps, i, step)
	{
		bool decides = field_bool(step, "decides"), blocked = strcmp(field_text(step, "verdict"), "blocked") == 0;
		char *entry = step_entry(step);
		table_row(t);
		table_cell(t, 0, PAINT_NONE, field_text(step, "owner"));
		table_cell(t, 1, PAINT_NONE, field_text(step, "type"));
		table_cell(t, 2, PAINT_NONE, field_text(step, "target"));
		if (json_is_integer(json_object_get(step, "ttl")))
			table_number(t, 3, field_int(step, "ttl"));
		table_cell(t, 4, decides || blocked ? PAINT_BAD : PAINT_NONE, decides ? "blocked: decides" : step_verdict(step));
		table_cell(t, 5, PAINT_NONE, entry);
		free(entry);
	}
	table_finish(t);
	int64_t omitted = field_int(explained, "cname_omitted");
	if (omitted > 0)
		printf("... and %lld more\n", (long long)omitted);
}

static void show_asked(const struct output *o, const json_t *asked)
{
	if (!json_is_object(asked))
		return;
	const char *error = field_text(asked, "error");
	putchar('\n');
	output_print(o, stdout, PAINT_NONE, "The daemon was asked for it just now, at %s", field_text(asked, "listener"));
	if (error[0] != '\0')
		output_print(o, stdout, PAINT_WARN, ", in vain: %s", error);
	else
		output_print(o, stdout, PAINT_NONE, "; it answered %s", field_text(asked, "rcode"));
	fputs(".\n", stdout);
}

static void show_upstream(const struct output *o, const json_t *explained)
{
	const json_t *upstream = json_object_get(explained, "upstream"), *servers = json_object_get(upstream, "servers"), *one;
	const char *route = field_text(upstream, "route"), *missing = field_text(explained, "missing");
	size_t i;
	if (!json_is_object(upstream))
		return;
	putchar('\n');
	if (strcmp(field_text(explained, "outcome"), "forwarded") == 0)
		output_print(o, stdout, PAINT_NONE, "Not known yet: %s would be asked of",
			     missing[0] != '\0' ? missing : field_text(upstream, "name"));
	else
		output_print(o, stdout, PAINT_NONE, "It is asked of");
	json_array_foreach(servers, i, one) output_print(o, stdout, PAINT_NONE, "%s %s", i > 0 ? "," : "", text_of(one));
	if (json_array_size(servers) == 0)
		fputs(" nobody: there are no servers", stdout);
	if (route[0] != '\0')
		output_print(o, stdout, PAINT_NONE, " (the route %s)", route);
	fputs(".\n", stdout);
}

/* ---- the bytes ---- */

#define HEX_LINE 32 /* digits: 16 octets */

static void show_message(const struct output *o, const char *hex, const json_t *decoded)
{
	const json_t *line;
	size_t i, len = strlen(hex);
	for (size_t at = 0; at < len; at += HEX_LINE) {
		output_print(o, stdout, PAINT_NONE, "  %04zx  %.*s", at / 2, HEX_LINE, hex + at);
		putchar('\n');
	}
	json_array_foreach(decoded, i, line)
	{
		output_print(o, stdout, PAINT_NONE, "  %s", text_of(line));
		putchar('\n');
	}
}

static void show_bytes(const struct output *o, const json_t *explained)
{
	const json_t *wire = json_object_get(explained, "wire");
	const char *answer = field_text(wire, "answer"), *sent = field_text(json_object_get(explained, "asked"), "answer");
	bool unknown = strcmp(field_text(explained, "outcome"), "forwarded") == 0;
	if (!json_is_object(wire))
		return;
	if (answer[0] != '\0') {
		printf("\nWhat would be sent (UDP with EDNS, %zu octets, ID and spelling as the client's):\n", strlen(answer) / 2);
		show_message(o, answer, json_object_get(wire, "decoded"));
	} else if (unknown && sent[0] != '\0') {
		json_t *decoded = explain_decode(sent);
		printf("\nWhat would be sent depends on those servers. Just now it was, but for the ID (%zu octets):\n",
		       strlen(sent) / 2);
		show_message(o, sent, decoded);
		json_decref(decoded);
	} else {
		printf("\n%s\n", unknown ? "What would be sent depends on those servers." : "Nothing would be sent.");
	}
}

/* The error as a client is told that takes it structured. */
static void show_structured(const struct output *o, const json_t *explained)
{
	static const char head[] = ";; EDNS: extended error ";
	const char *hex = field_text(json_object_get(explained, "wire"), "structured");
	json_t *decoded = hex[0] != '\0' ? explain_decode(hex) : NULL;
	const json_t *line;
	size_t i;
	json_array_foreach(decoded, i, line)
	{
		if (!str_starts(str_from(text_of(line)), head))
			continue;
		fputs("\nA client that takes structured errors is told, where it may have them:\n", stdout);
		output_print(o, stdout, PAINT_NONE, "  %s", text_of(line) + strlen(head));
		putchar('\n');
	}
	json_decref(decoded);
}

void explain_show(const struct output *o, const json_t *explained, bool at_given)
{
	const json_t *rule = json_object_get(explained, "rule");
	show_verdict(o, explained);
	show_question(o, explained, at_given);
	if (json_is_object(rule))
		show_rule(o, rule, field_text(explained, "at"));
	show_also(o, json_object_get(explained, "also"), field_int(explained, "also_omitted"));
	show_steps(o, explained);
	show_asked(o, json_object_get(explained, "asked"));
	show_upstream(o, explained);
	show_bytes(o, explained);
	show_structured(o, explained);
}
