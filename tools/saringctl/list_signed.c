/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/list_signed.h"

#include "settings/signed.h"

#include <string.h>

void list_signed_note(const struct output *o, const json_t *lists)
{
	const json_t *list;
	size_t i;
	json_array_foreach(lists, i, list)
	{
		const json_t *one = json_object_get(list, "signed");
		const char *since = field_text(one, "refused_since");
		if (since[0] != '\0')
			output_note(o, "what there is of the list '%s' is refused since %s, and %s: %s", field_text(list, "name"),
				    since, field_text(one, "accepted_at")[0] != '\0' ? "it stays as it was" : "it is empty",
				    field_text(one, "refused"));
	}
}

void list_signed_show(const struct output *o, const json_t *lists)
{
	const json_t *list;
	size_t i;
	bool first = true;
	json_array_foreach(lists, i, list)
	{
		const json_t *one = json_object_get(list, "signed");
		const char *accepted = field_text(one, "accepted_at");
		if (!json_is_object(one))
			continue;
		if (first)
			putchar('\n');
		first = false;
		if (accepted[0] != '\0')
			output_print(o, stdout, PAINT_NONE, "%s is signed by the key %s: serial %lld, accepted %s",
				     field_text(list, "name"), field_text(one, "key_id"), (long long)field_int(one, "serial"),
				     accepted);
		else
			output_print(o, stdout, PAINT_NONE, "%s is to be signed by the key %s: nothing was accepted yet",
				     field_text(list, "name"), field_text(one, "key_id"));
		putchar('\n');
	}
	list_signed_note(o, lists);
}

bool list_signed_refuse(const struct settings_list *list, struct err *err)
{
	char id[MINISIGN_ID_TEXT_MAX];
	return err_set(
	    err, ERR_INPUT,
	    "list '%s' is signed by the key %s: an edit here would break its signature; it is changed where it is signed, or "
	    "an entry of another list is put against it",
	    list->name, minisign_id_text(list->key->id, id));
}

char *list_signed_text(const struct settings *settings, const struct settings_list *list, char *buf, size_t size)
{
	struct signed_record record;
	char id[MINISIGN_ID_TEXT_MAX];
	(void)signed_record_load(settings->state, list->name, &record);
	const struct signed_key *key = signed_record_key(&record, list->key_text);
	(void)minisign_id_text(list->key->id, id);
	if (key != NULL)
		(void)snprintf(buf, size, "key %s, serial %llu", id, (unsigned long long)key->serial);
	else
		(void)snprintf(buf, size, "key %s", id);
	return buf;
}
