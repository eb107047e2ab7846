/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/change.h"

#include "base/str.h"
#include "ctl/change.h"
#include "ctl/proto.h"
#include "saringctl/who.h"

#include <stdlib.h>
#include <string.h>

void change_init(struct change *ret, const struct context *ctx)
{
	const struct invocation *in = ctx->in;
	*ret = (struct change){
	    .reason = in->reason, .reference = in->reference, .detail = in->force ? "forced" : NULL, .asked_at_ns = ctx->begun_ns};
	(void)command_name(in->command, ret->verb, sizeof(ret->verb));
}

/* Cut between characters. What is no UTF-8 is escaped by ctl_text, which makes it longer: so the result is what is measured. */
static json_t *bounded(const char *text, size_t max)
{
	struct str s = str_from(text);
	json_t *value = text == NULL ? json_null() : ctl_text(s);
	while (json_string_length(value) > max) {
		size_t over = json_string_length(value) - max;
		s.len -= MIN(s.len, MAX(over / 4, (size_t)1));
		while (s.len > 0 && ((unsigned char)s.ptr[s.len] & 0xc0) == 0x80)
			s.len--;
		json_decref(value);
		value = ctl_text(s);
	}
	return value;
}

static json_t *names_json(const struct change *c, size_t count)
{
	json_t *names = json_array();
	for (size_t i = 0; i < count; i++)
		must(json_array_append_new(names, bounded(c->names[i], CTL_CHANGE_NAME_MAX)) == 0);
	return names;
}

static size_t json_size(const json_t *value)
{
	char *text = ctl_json(value, JSON_COMPACT);
	size_t len = strlen(text);
	free(text);
	return len;
}

json_t *change_put(const struct change *c, json_t *args)
{
	size_t count = MIN(c->name_count, (size_t)CTL_CHANGE_NAMES_MAX);
	json_t *change = json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:I}", "verb", bounded(c->verb, CTL_CHANGE_VERB_MAX), "list",
				   bounded(c->list, CTL_CHANGE_LIST_MAX), "name_count", (json_int_t)c->name_count, "reason",
				   bounded(c->reason, CTL_CHANGE_TEXT_MAX), "reference", bounded(c->reference, CTL_CHANGE_TEXT_MAX),
				   "detail", bounded(c->detail, CTL_CHANGE_TEXT_MAX), "asked_at_ns", (json_int_t)c->asked_at_ns);
	uid_t login_uid;
	must(change != NULL);
	if (who_session(&login_uid))
		must(json_object_set_new(change, "login_uid", json_integer((json_int_t)login_uid)) == 0);
	do {
		must(json_object_set_new(change, "names", names_json(c, count)) == 0);
		count /= 2;
	} while (json_array_size(json_object_get(change, "names")) > 0 && json_size(change) > CTL_CHANGE_BYTES_MAX);
	if (args == NULL)
		args = json_object();
	must(args != NULL && json_object_set_new(args, "change", change) == 0);
	return args;
}
