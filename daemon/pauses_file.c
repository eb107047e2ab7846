/* SPDX-License-Identifier: BSD-2-Clause */
#include "pauses.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FILE_VERSION 1

static json_t *text_json(const char *text)
{
	return text == NULL ? json_null() : json_string(text);
}

static json_t *pause_json(const struct pause *pause)
{
	char client[ADDR_TEXT_MAX];
	json_t *object = json_pack(
	    "{s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "scope", pause_scope_words[pause->scope], "target",
	    text_json(pause->target), "client",
	    pause->scope == PAUSE_NAME && pause->has_client ? json_string(prefix_to_text(&pause->client, client)) : json_null(),
	    "since", (json_int_t)pause->since_s, "until",
	    pause->until_s == PAUSES_FOREVER ? json_null() : json_integer((json_int_t)pause->until_s), "by", text_json(pause->by),
	    "reason", text_json(pause->reason), "reference", text_json(pause->reference));
	must(object != NULL);
	return object;
}

void pauses_write(const struct pauses *p, struct buf *ret)
{
	json_t *array = json_array();
	for (size_t i = 0; i < p->count; i++)
		must(json_array_append_new(array, pause_json(&p->all[i])) == 0);
	json_t *root = json_pack("{s:i, s:o}", "version", FILE_VERSION, "pauses", array);
	char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(1));
	must(text != NULL);
	buf_add_c(ret, text);
	buf_add_c(ret, "\n");
	free(text);
	json_decref(root);
}

/* ---- read ---- */

static bool fill_client(struct pause *pause, struct str text, struct err *err)
{
	char safe[128];
	pause->has_client = prefix_from_text(text, &pause->client);
	return pause->has_client ||
	       err_set(err, ERR_INPUT, "'%s' is neither an address nor a prefix", str_escape(text, true, safe, sizeof(safe)));
}

static bool fill_name(struct pause *pause, struct str target, struct err *err)
{
	char safe[300], text[NAME_TEXT_MAX];
	if (!name_from_text(target, &pause->name, err))
		return err_context(err, "'%s' is not a domain name", str_escape(target, true, safe, sizeof(safe)));
	name_fold(&pause->name);
	pause->target = base_strdup(name_to_text(&pause->name, text));
	return true;
}

bool pause_fill(struct pause *pause, struct str target, struct str client, struct err *err)
{
	char text[ADDR_TEXT_MAX];
	if ((pause->scope != PAUSE_ALL) != (target.ptr != NULL))
		return err_set(err, ERR_USAGE, "a pause of scope '%s' %s", pause_scope_words[pause->scope],
			       target.ptr != NULL ? "has no target" : "needs a target");
	if (client.ptr != NULL && pause->scope != PAUSE_NAME)
		return err_set(err, ERR_USAGE, "a pause of scope '%s' is not for one client", pause_scope_words[pause->scope]);
	if (client.ptr != NULL && !fill_client(pause, client, err))
		return false;
	switch (pause->scope) {
	case PAUSE_ALL:
		return true;
	case PAUSE_GROUP:
	case PAUSE_LIST:
		if (target.len == 0 || target.len > PAUSES_TEXT_BYTES_MAX)
			return err_set(err, ERR_INPUT, "that is no name of a %s", pause_scope_words[pause->scope]);
		pause->target = str_dup(target);
		return true;
	case PAUSE_CLIENT:
		if (!fill_client(pause, target, err))
			return false;
		pause->target = base_strdup(prefix_to_text(&pause->client, text));
		return true;
	case PAUSE_NAME:
		return fill_name(pause, target, err);
	}
	return false;
}

static struct str member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)} : (struct str){NULL, 0};
}

static char *text_of(const json_t *object, const char *key)
{
	const struct str text = member(object, key);
	return text.ptr == NULL ? NULL : str_dup(text);
}

static bool read_scope(const json_t *object, enum pause_scope *ret)
{
	const struct str word = member(object, "scope");
	for (int i = 0; i < PAUSE_SCOPE_COUNT; i++) {
		*ret = (enum pause_scope)i;
		if (str_eq_c(word, pause_scope_words[i]))
			return true;
	}
	return false;
}

static bool is_time(int64_t s)
{
	return s >= 0 && s <= STR_TIME_MAX_S;
}

static bool read_pause(const json_t *object, struct pause *ret, struct err *err)
{
	const json_t *until = json_object_get(object, "until");
	*ret = (struct pause){.scope = PAUSE_ALL};
	if (!read_scope(object, &ret->scope) || !json_is_integer(json_object_get(object, "since")) ||
	    (!json_is_integer(until) && !json_is_null(until)))
		return err_set(err, ERR_INPUT, "one of its pauses is none");
	ret->since_s = json_integer_value(json_object_get(object, "since"));
	ret->until_s = json_is_null(until) ? PAUSES_FOREVER : json_integer_value(until);
	if (!is_time(ret->since_s) || (!json_is_null(until) && !is_time(ret->until_s)))
		return err_set(err, ERR_INPUT, "a time of one of its pauses is none");
	if (!pause_fill(ret, member(object, "target"), member(object, "client"), err)) {
		pause_finish(ret);
		return false;
	}
	ret->by = text_of(object, "by");
	ret->reason = text_of(object, "reason");
	ret->reference = text_of(object, "reference");
	return true;
}

static struct pauses *read_all(const json_t *root, struct err *err)
{
	const json_t *array = json_object_get(root, "pauses"), *object;
	size_t i;
	if (json_integer_value(json_object_get(root, "version")) != FILE_VERSION || !json_is_array(array)) {
		(void)err_set(err, ERR_INPUT, "it is no file of pauses of this version");
		return NULL;
	}
	struct pauses *p = pauses_create();
	bool good = true;
	json_array_foreach(array, i, object)
	{
		struct pause pause;
		good = good && read_pause(object, &pause, err);
		if (good && !pauses_put(p, &pause)) {
			good = err_set(err, ERR_INPUT, "it has more than %d pauses", PAUSES_MAX);
			pause_finish(&pause);
		}
	}
	if (!good) {
		pauses_destroy(p);
		p = NULL;
	}
	return p;
}

struct pauses *pauses_read(struct str text, struct err *err)
{
	json_error_t fault;
	json_t *root = text.ptr == NULL ? NULL : json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &fault);
	struct pauses *p = NULL;
	if (root == NULL)
		(void)err_set(err, ERR_INPUT, "it is no JSON");
	else
		p = read_all(root, err);
	json_decref(root);
	return p;
}
